"""The artefact's file: what is wrong with it is said, and the rules serve on."""

import struct
import sys
from pathlib import Path
from zlib import crc32

import pytest

from llm_router.classify import artefact, judge, rules
from llm_router.classify.artefact import BODY, HEADER, Artefact, ArtefactError

WHOLE = Path(judge.PATH).read_bytes()
PROMPT = "add a flag to the importer and test it"


def written(tmp_path, data: bytes) -> str:
    path = tmp_path / "brain.bin"
    path.write_bytes(data)
    return str(path)


def with_header(**changes) -> bytes:
    names = ("magic", "order", "version", "length", "checksum", "sections")
    fields = dict(zip(names, struct.unpack_from(HEADER, WHOLE), strict=True)) | changes
    return struct.pack(HEADER, *fields.values()) + WHOLE[BODY:]


BROKEN = {
    "it is truncated": WHOLE[: BODY - 1],
    "it is truncated: ": WHOLE[:-1],
    "it is not an artefact": with_header(magic=b"GGUF\0\0\0\0"),
    "another byte order": with_header(order=0x0201),
    "version 999": with_header(version=999),
    "its checksum is wrong": WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]),
    "cannot be read": b"",
}


def test_the_shipped_artefact_is_sound_and_small():
    assert judge.SHIPPED.heads() is not None, judge.SHIPPED.problem
    assert len(WHOLE) <= 500_000


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_artefact_says_what_is_wrong_and_the_rules_decide(why, tmp_path):
    path = written(tmp_path, BROKEN[why])
    with pytest.raises(ArtefactError, match=why):
        Artefact(path)
    brain = judge.Brain(path)
    found = judge.classify(PROMPT, brain=brain)
    assert why in brain.problem
    assert found.source == "rules"
    assert (
        found.task,
        found.complexity,
        found.confidence,
        found.difficulty,
        found.reasons,
    ) == rules.classify(PROMPT)
    assert 0 <= found.p_small <= found.p_mid <= found.p_frontier <= 1


def test_a_missing_artefact_is_no_error(tmp_path):
    brain = judge.Brain(str(tmp_path / "nothing"))
    assert judge.classify(PROMPT, brain=brain).source == "rules"
    assert brain.problem == "there is none"


def test_an_artefact_that_lacks_a_table_is_not_used(tmp_path):
    body = WHOLE[BODY:].replace(b"gain.grams", b"gain.grammar")[: len(WHOLE) - BODY]
    data = with_header(checksum=crc32(body))[:BODY] + body
    brain = judge.Brain(written(tmp_path, data))
    assert judge.classify(PROMPT, brain=brain).source == "rules"
    assert brain.problem


def test_on_a_machine_of_the_other_byte_order_it_is_not_used(monkeypatch):
    class Foreign:
        @staticmethod
        def cast(_code):
            return [0x0201]

    original = memoryview
    monkeypatch.setattr(
        artefact,
        "memoryview",
        lambda data: Foreign() if bytes(data) == b"\x02\x01" else original(data),
        raising=False,
    )
    with pytest.raises(ArtefactError, match="another byte order"):
        Artefact(judge.PATH)


def test_reading_it_again_gives_the_same(tmp_path):
    one, other = judge.Brain(judge.PATH), judge.Brain(written(tmp_path, WHOLE))
    first, second = (judge.classify(PROMPT, brain=brain) for brain in (one, other))
    told = [name for name in (*first.__slots__, "reasons") if name[0] != "_"]
    assert [getattr(first, name) for name in told] == [getattr(second, name) for name in told]


def test_this_machine_reads_it_in_place():
    assert sys.byteorder == "little"
    assert isinstance(Artefact(judge.PATH).table("gain.grams"), memoryview)
