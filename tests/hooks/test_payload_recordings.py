"""The recorded payloads hold what a host sends and nothing of the machine they were recorded on."""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "payloads"
FILES = sorted(FOLDER.glob("*/*.json"))
_PATH = re.compile(r'(?<![\w:./$-])/(?:home|root|tmp|work|usr|opt|var|Users)/[^\s"\\]*')
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_every_host_with_hooks_was_recorded():
    assert {file.parent.name for file in FILES} == {"claude", "codex", "gemini"}
    assert len(FILES) > 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_recording_is_whole_and_names_nobody(file):
    text = file.read_text(encoding="utf-8")
    payload = json.loads(text)
    assert payload["session_id"]
    assert payload["cwd"] == "/home/user/project"
    assert payload.get("hook_event_name", "StatusLine") == file.stem.partition("-")[0]
    allowed = ("/home/user", "/usr/bin/python3")
    assert [path for path in _PATH.findall(text) if not path.startswith(allowed)] == []
    assert all(found.startswith("00000000-0000-4000-8000-") for found in _UUID.findall(text))
    assert not re.search(r"(?:toolu|call)_(?!0)[0-9a-f]{20}", text)
    assert "npm" not in text
