"""Was the answer used? Held to pairs written by hand (used_pairs.py), which are not a sample of anyone's real work.

On the 47 pairs the thresholds were chosen with, and on the 21 written afterwards: verdict "used" precision 1.0, recall
1.0; all three verdicts right in 68 of 68. Real precision is lower where it cannot be known better: a host that works
out a short answer itself ("Canberra") and one that repeats it look the same. Summaries in the host's own words and
translations are no use: the host wrote them, so nothing is saved.
"""

import json

import pytest
import used
import used_pairs

ALL = [*used_pairs.PAIRS, *used_pairs.HELD_OUT]


def judged(prompt, answer, calls, message, **structured):
    answers = [used.fingerprint({"answer": answer, **structured}, {"prompt": prompt})]
    for tool, tool_input in calls:
        answers = json.loads(json.dumps(used.worked(answers, tool, tool_input)))
    (verdict,) = used.judge(answers, message)
    return verdict


@pytest.mark.parametrize(
    ("truth", "pair"), [(p[0], p[2:]) for p in ALL], ids=[f"{n}-{p[0]}-{p[1]}" for n, p in enumerate(ALL)]
)
def test_the_verdict_on_a_pair_is_its_truth(truth, pair):
    verdict = judged(*pair)
    assert verdict["verdict"] == truth, verdict


@pytest.mark.parametrize(
    ("message", "calls", "verdict"),
    [
        ("Done.", [], "used"),
        ("", [], "used"),
        (used_pairs.BACKUP, [], "used"),
        ("It is shown above.", [("Read", {"file_path": "/a"})], "reworked"),
        (used_pairs.TCP, [], "ignored"),
    ],
)
def test_an_answer_the_user_was_shown_is_used_unless_the_host_does_the_work_itself(message, calls, verdict):
    answers = [{**used.fingerprint({"answer": used_pairs.BACKUP}, {"prompt": "q"}), "shown": True}]
    for tool, tool_input in calls:
        answers = used.worked(answers, tool, tool_input)
    (found,) = used.judge(answers, message)
    assert found["verdict"] == verdict, found
    assert len(used_pairs.TCP) > 600


def test_nothing_of_the_answer_can_be_read_from_its_fingerprint():
    mark = used.fingerprint({"answer": used_pairs.BACKUP}, {"prompt": used_pairs.BACKUP_Q})
    short = used.fingerprint({"answer": "hunter2"}, {"prompt": "what is the password?"})
    stored = json.dumps([mark, short]).lower()
    assert not any(word in stored for word in ("maintenance", "database", "hunter2", "password"))


def test_a_fingerprint_is_small_however_long_the_answer():
    text = " ".join(f"word{number} and more{number * 7}" for number in range(50_000))
    assert len(json.dumps(used.fingerprint({"answer": text}, {"prompt": "q"}))) < 4_000


def test_repeating_the_text_that_was_to_be_corrected_is_no_use_of_the_correction():
    draft = "The quick brown fox jumps over the lazy dog while seven wizards watch from the old stone bridge at noon."
    answer = draft.replace("quick brown", "swift russet").replace("old stone bridge", "ruined aqueduct")
    call = f"Improve the words of this: {draft}"
    assert judged(call, answer, [], draft)["verdict"] != "used"
    assert judged(call, answer, [], answer)["verdict"] == "used"


@pytest.mark.parametrize(
    "quoted", ["The header is 8 bytes instead of at least 20.", used_pairs.TCP.partition("\n\n")[0]]
)
def test_a_few_quoted_sentences_of_a_long_answer_are_not_its_use(quoted):
    parts = (used_pairs.INDEX, used_pairs.TCP, used_pairs.MUTEX, used_pairs.CACHE, used_pairs.BACKUP)
    long = "\n\n".join((*parts, used_pairs.COMMIT, used_pairs.FR))
    verdict = judged("Tell me everything", long, [], quoted)
    assert verdict["verdict"] != "used"
    assert verdict["kept"] < used.PARTLY


def test_handing_the_answer_to_a_subagent_or_a_search_is_not_its_use():
    for tool in ("Agent", "WebSearch"):
        verdict = judged(
            used_pairs.BACKUP_Q, used_pairs.BACKUP, [(tool, {"prompt": used_pairs.BACKUP})], "Rejected."
        )
        assert verdict["verdict"] == "reworked"


def test_taking_text_away_is_not_writing_it():
    calls = [("Edit", {"file_path": "a.md", "old_string": used_pairs.BACKUP, "new_string": "gone"})]
    assert judged(used_pairs.BACKUP_Q, used_pairs.BACKUP, calls, "Removed.")["verdict"] != "used"


def test_a_tool_that_does_no_work_is_not_doing_it_again():
    calls = [("TodoWrite", {"todos": [{"content": "answer"}]}), ("ToolSearch", {"query": "select:x"})]
    verdict = judged(used_pairs.TCP_Q, used_pairs.TCP, calls, "All good.")
    assert verdict["verdict"] == "ignored"
    assert verdict["after"] == 0


def test_the_verdict_says_why_and_how_much():
    verdict = judged(
        used_pairs.TCP_Q, used_pairs.TCP, [], used_pairs.TCP, decision="d_1", model="ollama/qwen3"
    )
    assert verdict["decision"] == "d_1"
    assert verdict["how"] == "100% of it came back"
    assert verdict["kept"] == 1.0
    assert verdict["reply_chars"] == verdict["chars"] == len(used_pairs.TCP)


@pytest.mark.parametrize("answer", [{}, {"answer": ""}, {"answer": " \n- "}, {"answer": 7}, {"answer": None}])
def test_no_text_leaves_no_fingerprint(answer):
    assert used.fingerprint(answer, {"prompt": "q"}) is None


@pytest.mark.parametrize(
    "broken", [None, 7, "x", {}, [None, 7, {}], [{"marks": []}], [{"marks": ["a"], "hits": [], "words": []}]]
)
def test_answers_of_wrong_types_are_nobody(broken):
    assert used.worked(broken, "Write", {"content": "x"}) == []
    assert used.judge(broken, "x") == []


@pytest.mark.parametrize(
    "tool_input", [{}, {"prompt": 7}, {"edits": [{"new_string": ["x", 7, {"a": None}]}]}]
)
def test_strange_tool_inputs_do_no_harm(tool_input):
    answers = [used.fingerprint({"answer": used_pairs.TCP}, tool_input)]
    assert used.worked(answers, "Edit", tool_input)[0]["hits"] == []


@pytest.mark.parametrize(
    ("answer", "tokens", "cost"),
    [
        ({"tokens": 29, "cost_usd": 0.000013, "footer": "m · 7 tokens · $9 · 1 ms"}, 29, 13),
        ({"tokens": 29, "cost_usd": None, "footer": "m · 29 tokens · unpriced · 1 ms"}, 29, None),
        ({"footer": "openai/gpt-6-luna · 1,229 tokens · $0.000013 · 12 ms"}, 1229, 13),
        ({"footer": "ollama/qwen3 · ~29 tokens · $0 (local) · 12 ms"}, 29, 0),
        ({"footer": "openai/new · 29 tokens · unpriced · 12 ms · cut at the output limit"}, 29, None),
        ({"footer": "no figures"}, None, None),
        ({"tokens": "many", "cost_usd": True}, None, None),
        ({"tokens": float("inf"), "cost_usd": float("nan")}, None, None),
    ],
)
def test_the_figures_of_an_answer_come_from_its_facts_or_its_last_line(answer, tokens, cost):
    mark = used.fingerprint({"answer": "Canberra", **answer}, {})
    assert (mark["tokens"], mark["cost"]) == (tokens, cost)
