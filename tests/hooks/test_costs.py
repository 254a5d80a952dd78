"""What a routed call costs the host's own model, and how large its conversation is."""

import json

import costs
import pytest

PRICES = {"model": "m", "input_per_million": 5.0, "output_per_million": 25.0}
VERDICT = {
    "verdict": "used", "kept": 1.0, "tokens": 5000, "cost": 200, "context": 10_000, "asked": 400, "chars": 3200,
}  # fmt: skip
CALL = 60 + 400 / 4
ROUTING = CALL * 25 + (CALL + 800 + 1000) * 5


def usage(**numbers):
    return json.dumps({"message": {"role": "assistant", "usage": numbers}}, separators=(",", ":")) + "\n"


def test_a_used_answer_saves_its_tokens_less_its_cost_the_call_and_what_is_repeated():
    worth = 4200 * 5 + 800 * 25
    for kept in (1.0, 0.5, 0.0):
        overhead = ROUTING + kept * 800 * 25
        told = costs.judged({**VERDICT, "kept": kept}, PRICES)
        assert told == {"saved": worth - 200 - overhead, "overhead": overhead}


def test_an_answer_that_was_shown_costs_what_tells_the_host_so():
    told = costs.judged({**VERDICT, "kept": 0.0, "shown": True}, PRICES)
    assert told["overhead"] == ROUTING + 60 * 5


def test_an_answer_that_takes_no_longer_than_the_host_s_own_words_is_a_loss_when_repeated():
    told = costs.judged({**VERDICT, "tokens": 800}, PRICES)
    assert told["saved"] == -200 - ROUTING


@pytest.mark.parametrize("verdict", ["reworked", "ignored"])
def test_an_answer_that_was_not_used_is_a_loss_of_its_cost_and_the_call(verdict):
    assert costs.judged({**VERDICT, "verdict": verdict}, PRICES) == {
        "saved": -200 - ROUTING,
        "overhead": ROUTING,
    }


@pytest.mark.parametrize(
    ("change", "prices", "overhead"),
    [
        ({}, None, False),
        ({"context": None}, PRICES, False),
        ({"tokens": None}, PRICES, True),
        ({"cost": None}, PRICES, True),
    ],
)
def test_nothing_is_said_that_is_not_known(change, prices, overhead):
    told = costs.judged({**VERDICT, **change}, prices)
    assert told["saved"] is None
    assert (told["overhead"] is not None) is overhead


@pytest.mark.parametrize(
    ("lines", "tokens"),
    [
        (
            usage(
                input_tokens=2,
                cache_creation_input_tokens=11_552,
                cache_read_input_tokens=100,
                output_tokens=9,
            ),
            11_654,
        ),
        (usage(input_tokens=9158, cached_input_tokens=4000, output_tokens=19, total_tokens=9177), 9158),
        ('{"type":"gemini","tokens":{"input":12521,"output":11,"cached":0,"total":12544}}\n', 12_521),
        (usage(input_tokens=1) + usage(input_tokens=7) + '{"type":"user","text":"\\"usage\\":{ 5"}\n', 7),
        ('{"type":"user"}\n', None),
        (usage(input_tokens="many"), None),
        ("", None),
    ],
)
def test_each_host_s_transcript_tells_what_the_last_request_was_sent(tmp_path, lines, tokens):
    transcript = tmp_path / "t.jsonl"
    transcript.write_text(lines)
    assert costs.context(str(transcript)) == tokens


def test_of_a_huge_transcript_only_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "_TAIL", 1000)
    transcript = tmp_path / "t.jsonl"
    transcript.write_text(usage(input_tokens=1) + "x" * 2000 + "\n" + usage(input_tokens=7))
    assert costs.context(str(transcript)) == 7
    transcript.write_text(usage(input_tokens=1) + "x" * 2000 + "\n")
    assert costs.context(str(transcript)) is None


@pytest.mark.parametrize("path", ["", "/nonexistent/t.jsonl", "/", "/a\0b"])
def test_a_transcript_that_cannot_be_read_tells_nothing(path):
    assert costs.context(path) is None
