import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import files
import pytest
import state

EMPTY = {"agents": {}, "counts": {}}
HOOKS = os.path.dirname(state.__file__)
COUNT = """
import sys
sys.path.insert(0, sys.argv[1])
import state
state._LOCK_WAIT_S = 120  # so many at once on a busy machine: here nobody may give up waiting
def one(own, whole):
    own["denied"] = own.get("denied", 0) + 1
    whole["counts"]["routed"] = whole["counts"].get("routed", 0) + 1
sys.stdin.read(1)  # all start together
for _ in range(int(sys.argv[4])):
    state.update(sys.argv[2], "s", sys.argv[3], one)
"""


def _add(own, whole):
    own["denied"] = own.get("denied", 0) + 1
    whole["counts"]["routed"] = whole["counts"].get("routed", 0) + 1
    return own["denied"]


def test_what_is_changed_is_there_for_the_next_one(home):
    assert state.update(str(home), "s", "", _add) == 1
    assert state.update(str(home), "s", "", _add) == 2
    assert state.update(str(home), "s", "agent-1", _add) == 1
    assert state.read(str(home), "s") == {
        "agents": {"": {"denied": 2}, "agent-1": {"denied": 1}},
        "counts": {"routed": 3},
    }
    assert state.read(str(home), "another") == EMPTY


def test_an_agent_that_is_emptied_is_gone(home):
    state.update(str(home), "s", "a", _add)
    state.update(str(home), "s", "a", lambda own, _: own.clear())
    assert state.read(str(home), "s")["agents"] == {}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe\x00",
        b'{"agents":[],"counts":"x"}',
        b'{"agents":{"":[]},"counts":{"routed":"3","used":true,"x":1.5}}',
        b'{"agents":{"":{"denied":0}},"cou',
        b"[" * 100_000,
        b'{"x":"' + b"a" * (2 << 20) + b'"}',
    ],
)
def test_a_broken_file_counts_as_empty_and_the_next_run_heals_it(home, broken):
    path = state.path(str(home), "s")
    os.makedirs(os.path.dirname(path))
    Path(path).write_bytes(broken)
    assert state.update(str(home), "s", "", _add) == 1
    assert json.loads(Path(path).read_bytes()) == {"agents": {"": {"denied": 1}}, "counts": {"routed": 1}}


@pytest.mark.parametrize(
    "session",
    [
        "../../../etc/passwd",
        "..",
        ".",
        "",
        "a\0b",
        "a/b",
        "a\\b",
        "C:x",
        "ä ö",
        "x" * 5000,
        "\ud800",
        "a\nb",
        "$(rm -rf ~)",
        "con.",
    ],
)
def test_no_session_id_leads_out_of_the_folder(home, session):
    state.update(str(home), session, "", _add)
    assert state.read(str(home), session)["counts"] == {"routed": 1}
    kept = [name for name in os.listdir(home / "sessions") if name.endswith(".json")]
    assert len(kept) == 1
    assert len(kept[0]) <= 130
    assert kept[0].isascii()
    assert os.listdir(home.parent) == [*{"user", home.name}] or set(os.listdir(home.parent)) == {
        "user",
        home.name,
    }


def test_different_sessions_never_share_a_file():
    ids = ["", ".", "..", "a/b", "a_b", "a%2f.b", "a\0b", "a b", "x" * 200, "x" * 201, "é", "e"]
    assert len({state.safe(each) for each in ids}) == len(ids)


def test_only_the_owner_can_read_it(home):
    state.update(str(home), "s", "", _add)
    assert os.stat(state.path(str(home), "s")).st_mode & 0o077 == 0
    assert os.stat(home / "sessions").st_mode & 0o077 == 0


def test_a_huge_state_is_cut_to_its_newest_part(home):
    def fill(own, whole):
        own["answers"] = [{"hash": f"{n}", "text": "x" * 500} for n in range(1000)]
        for n in range(500):
            whole["agents"][f"agent {n}"] = {"recent": ["Bash"] * 100}
        whole["counts"]["routed"] = 7

    state.update(str(home), "s", "", fill)
    assert os.path.getsize(state.path(str(home), "s")) <= 64 << 10
    found = state.read(str(home), "s")
    assert found["counts"] == {"routed": 7}
    assert "agent 499" in found["agents"]

    def beyond(own, whole):
        own["text"] = "x" * (1 << 20)
        whole["counts"]["routed"] = 8

    state.update(str(home), "s", "z", beyond)
    assert state.read(str(home), "s") == {"agents": {}, "counts": {"routed": 8}}


def test_nothing_is_written_when_nothing_changed(home, monkeypatch):
    state.update(str(home), "s", "", _add)
    monkeypatch.setattr(files, "replace", lambda *_: pytest.fail("written"))
    state.update(str(home), "s", "", lambda own, whole: None)


@pytest.mark.parametrize("call", ["open", "write", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_is_full_or_read_only_costs_the_memory_and_nothing_else(home, monkeypatch, call, number):
    state.update(str(home), "s", "", _add)
    before = state.read(str(home), "s")
    real_open = os.open

    def fail(*arguments, **_):
        if call == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
            return real_open(*arguments)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        assert state.update(str(home), "s", "", _add) in (1, 2)
    assert state.read(str(home), "s") == before
    assert not [name for name in os.listdir(home / "sessions") if name.endswith(".tmp")]
    assert state.update(str(home), "s", "", _add) == 2


def test_half_a_write_never_becomes_the_state(home, monkeypatch):
    state.update(str(home), "s", "", _add)
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
        state.update(str(home), "s", "", _add)
    assert state.read(str(home), "s")["counts"] == {"routed": 1}


def test_a_home_that_cannot_be_one_is_lived_with(tmp_path):
    (tmp_path / "file").write_text("")
    for home in (str(tmp_path / "file"), os.devnull, "/proc/none"):
        assert state.update(home, "s", "", _add) == 1
        assert state.read(home, "s") == EMPTY
        assert state.sweep(home) == 0


def test_a_folder_in_the_place_of_the_file_is_lived_with(home):
    os.makedirs(state.path(str(home), "s"))
    assert state.update(str(home), "s", "", _add) == 1
    assert state.read(str(home), "s") == EMPTY


def test_a_change_that_fails_keeps_nothing_and_frees_the_lock(home):
    state.update(str(home), "s", "", _add)

    def broken(own, _whole):
        own["denied"] = 99
        raise KeyError("x")

    with pytest.raises(KeyError):
        state.update(str(home), "s", "", broken)
    assert state.update(str(home), "s", "", _add) == 2


def test_a_lock_somebody_keeps_is_not_waited_for_without_end(home, monkeypatch):
    state.update(str(home), "s", "", _add)
    monkeypatch.setattr(state, "_LOCK_WAIT_S", 0.05)
    held = state._lock(str(home), "s")
    assert held is not None
    assert state.update(str(home), "s", "", _add) == 1
    files.unlock(held)
    assert state.update(str(home), "s", "", _add) == 2


def test_a_killed_hook_leaves_no_lock(home):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import state\n"
        "def stay(own, whole):\n own['denied'] = 50\n print('in', flush=True)\n sys.stdin.read()\n"
        "state.update(sys.argv[2], 's', '', stay)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, HOOKS, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout.readline() == b"in\n"
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    assert state.update(str(home), "s", "", _add) == 1
    assert state.read(str(home), "s")["counts"] == {"routed": 1}


def test_fifty_processes_at_once_lose_no_change(home):
    children = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", COUNT, HOOKS, str(home), f"a{n % 2}", "4"], stdin=subprocess.PIPE
        )
        for n in range(50)
    ]
    for child in children:
        child.stdin.close()
    assert [child.wait(120) for child in children] == [0] * 50
    found = state.read(str(home), "s")
    assert found == {"agents": {"a0": {"denied": 100}, "a1": {"denied": 100}}, "counts": {"routed": 200}}


def test_old_sessions_go_and_a_clock_that_jumps_takes_no_young_one(home):
    for name in ("old", "young", "future"):
        state.update(str(home), name, "", _add)
    for name, age in (("old", 8 * 86400), ("future", -400 * 86400)):
        path = state.path(str(home), name)
        at = os.stat(path).st_mtime - age
        os.utime(path, (at, at))
    assert state.sweep(str(home)) == 1
    assert state.read(str(home), "old") == EMPTY
    assert state.read(str(home), "young") != EMPTY
    assert state.read(str(home), "future") != EMPTY


def test_no_more_than_a_few_hundred_sessions_are_kept(home, monkeypatch):
    monkeypatch.setattr(state, "_KEEP_FILES", 5)
    for number in range(9):
        state.update(str(home), f"s{number}", "", _add)
        os.utime(state.path(str(home), f"s{number}"), (number + 2e9, number + 2e9))
    assert state.sweep(str(home)) == 4
    assert sorted(n for n in os.listdir(home / "sessions") if n.endswith(".json")) == [
        f"s{n}.json" for n in range(4, 9)
    ]
