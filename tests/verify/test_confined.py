"""What a model wrote is run where it can reach nothing: it hangs, crashes, forks, calls out and looks around in vain."""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from llm_router.checks import Verify
from llm_router.nouns import Answer, Text, Usage
from llm_router.verify import Workshop
from llm_router.verify.confined import Confinement, Limits, copied
from tests.waiting import LIMIT_S

PYTHON = "python3"


def isolation_is_permitted(tmp_path_factory):
    done = asyncio.run(Confinement().run(["true"], tmp_path_factory.mktemp("probe"), timeout_s=LIMIT_S))
    return not done.error


@pytest.fixture(scope="module", autouse=True)
def _isolated(tmp_path_factory):
    if sys.platform != "linux" or not isolation_is_permitted(tmp_path_factory):
        pytest.skip("this system permits no namespaces: tests of models' code are not run here")


async def run(folder, *argv, timeout_s=LIMIT_S, **fields):
    return await Confinement(**fields).run(argv, folder, timeout_s=timeout_s)


async def test_a_command_works_on_a_copy_and_the_folder_stays_as_it_was(tmp_path):
    (tmp_path / "data.txt").write_text("before")
    done = await run(tmp_path, "sh", "-c", "cat data.txt; echo after > data.txt; touch new")
    assert (done.code, done.output) == (0, "before")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.txt"]
    assert (tmp_path / "data.txt").read_text() == "before"


async def test_one_that_hangs_ends_with_its_time_and_takes_its_children_along(tmp_path):
    mark = f"310.{os.getpid()}"
    script = f"(setsid sleep {mark} &) ; sleep {mark}"
    done = await run(tmp_path, "sh", "-c", script, timeout_s=1.0)
    assert done.timed_out
    assert await gone(mark)


@pytest.mark.parametrize("isolate", [True, False], ids=["isolated", "limits alone"])
async def test_what_else_the_user_runs_is_not_counted(tmp_path, isolate):
    sleepers = [await asyncio.create_subprocess_exec("sleep", "600") for _ in range(20)]
    try:
        script = "(true); (true); echo ok"
        done = await run(tmp_path, "sh", "-c", script, isolate=isolate, limits=Limits(processes=8))
    finally:
        for each in sleepers:
            each.kill()
            await each.wait()
    assert (done.code, done.output.strip()) == (0, "ok")


async def test_a_strict_umask_does_not_stand_in_the_way(tmp_path):
    before = os.umask(0o077)
    try:
        work = tmp_path / "deep" / "work"
        work.mkdir(parents=True)
        (work / "data.txt").write_text("read")
        done = await run(work, "sh", "-c", "cat data.txt && echo new > new.txt && cat new.txt")
    finally:
        os.umask(before)
    assert (done.code, done.output.split()) == (0, ["readnew"])


async def test_what_it_leaves_behind_dies_with_it(tmp_path):
    mark = f"320.{os.getpid()}"
    done = await run(tmp_path, "sh", "-c", f"(setsid sleep {mark} >/dev/null 2>&1 &) ; exit 3")
    assert done.code == 3
    assert await gone(mark)


async def gone(mark):
    def living():
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if words[:2] == [b"sleep", mark.encode()]:
                    return True
        return False

    give_up = time.monotonic() + LIMIT_S
    while living() and time.monotonic() < give_up:  # noqa: ASYNC110 - nothing tells of the death of another's child
        await asyncio.sleep(0.02)
    return not living()


async def test_a_crash_is_told_as_its_signal(tmp_path):
    done = await run(tmp_path, "sh", "-c", "kill -SEGV $$")
    assert (done.code, done.signal) == (None, 11)


async def test_a_program_that_is_not_there_is_told(tmp_path):
    done = await run(tmp_path, "no-such-program")
    assert done.code == 127
    assert "no-such-program" in done.output


async def test_forking_without_end_stops_at_the_limit(tmp_path):
    script = "import os, sys\ntry:\n    while True:\n        os.fork() or os.pause()\nexcept (BlockingIOError, AttributeError) as e:\n    print('refused', flush=True)"
    script = script.replace("os.pause()", "__import__('signal').pause()")
    done = await run(tmp_path, PYTHON, "-c", script, limits=Limits(processes=40))
    assert "refused" in done.output


async def test_the_network_is_not_there_and_its_own_loopback_is(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        script = (
            "import socket\n"
            "own = socket.create_server(('127.0.0.1', 0)); socket.create_connection(own.getsockname()); print('own ok')\n"
            f"for place in (('127.0.0.1', {port}), ('1.1.1.1', 80)):\n"
            "    try:\n        socket.create_connection(place, 3); print('REACHED', place)\n"
            "    except OSError as e:\n        print('no', e)\n"
        )
        done = await run(tmp_path, PYTHON, "-c", script)
    assert "own ok" in done.output
    assert "REACHED" not in done.output


async def test_the_users_files_environment_and_processes_are_not_there(tmp_path, monkeypatch):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    work = tmp_path / "work"
    work.mkdir()
    script = f"cat {secret}; ls -A ~ {Path.home()} | head; env; cat /proc/{os.getpid()}/environ; cat /etc/shadow; echo ~"
    done = await run(work, "sh", "-c", script)
    assert "hidden" not in done.output
    assert done.output.rstrip().endswith("/tmp/home")
    told = await run(
        work,
        PYTHON,
        "-c",
        f"import os; print(os.path.exists({str(Path.home() / '.ssh')!r}), [n for n in os.walk('/home') if n[2]])",
    )
    assert told.output.strip() == "False []"  # of a folder in there nothing but the way to the copy


async def test_it_has_no_rights_and_the_system_is_read_only(tmp_path):
    done = await run(
        tmp_path,
        "sh",
        "-c",
        "grep CapEff /proc/self/status; touch /usr/bin/x /etc/x 2>&1; mount -t tmpfs x /mnt 2>&1",
    )
    assert "0000000000000000" in done.output
    assert done.code


async def test_memory_files_and_disk_have_limits(tmp_path):
    done = await run(tmp_path, PYTHON, "-c", "bytearray(1 << 30)", limits=Limits(memory=512 << 20))
    assert "MemoryError" in done.output
    done = await run(
        tmp_path, PYTHON, "-c", "open('x', 'wb').write(b'x' * (2 << 20))", limits=Limits(file=1 << 20)
    )
    assert done.code or done.signal
    many = "for n in range(40): open(f'f{n}', 'wb').write(b'x' * (1 << 20))"
    done = await run(tmp_path, PYTHON, "-c", many, limits=Limits(disk=16 << 20))
    assert "No space left" in done.output


async def test_processor_time_has_a_limit(tmp_path):
    done = await run(tmp_path, PYTHON, "-c", "while True: pass", limits=Limits(cpu=1))
    assert done.signal is not None
    assert not done.timed_out


async def test_output_without_end_costs_no_memory(tmp_path):
    done = await run(tmp_path, "sh", "-c", "yes | head -c 30000000; echo end")
    assert done.output.endswith("end\n")
    assert len(done.output) < 10_000


async def test_a_cancelled_run_leaves_nothing(tmp_path):
    mark = f"330.{os.getpid()}"
    task = asyncio.create_task(run(tmp_path, "sleep", mark))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(mark)


async def test_no_descriptor_is_left_open(tmp_path):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    await asyncio.gather(*(run(tmp_path, "true") for _ in range(3)))
    assert descriptors() <= before


async def test_without_isolation_the_limits_hold_and_home_is_another(tmp_path):
    done = await run(tmp_path, "sh", "-c", "echo $HOME $https_proxy; exit 4", isolate=False)
    assert done.code == 4
    assert str(Path.home()) not in done.output.split()
    assert "127.0.0.1:9" in done.output
    mark = f"340.{os.getpid()}"
    done = await run(
        tmp_path, "sh", "-c", f"(setsid sleep {mark} &) ; sleep {mark}", isolate=False, timeout_s=1.0
    )
    assert done.timed_out
    assert await gone(mark)


def test_a_copy_leaves_out_what_is_made_or_secret_and_refuses_what_is_too_large(tmp_path):
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    (tree / "node_modules" / "x").mkdir(parents=True)
    (tree / "a.py").write_text("1")
    (tree / ".env").write_text("KEY=1")
    os.mkfifo(tree / "pipe")
    assert copied(tree, tmp_path / "copy", most_bytes=10, most_files=10) == ""
    assert [p.name for p in (tmp_path / "copy").iterdir()] == ["a.py"]
    (tree / "b.py").write_text("x" * 100)
    assert "too large" in copied(tree, tmp_path / "copy2", most_bytes=50, most_files=10)


# ── answers tried out ────────────────────────────────────────────────────────


def answer(text):
    return Answer((Text(text),), "end", Usage())


GOOD, WRONG = (f"```python\ndef add(a, b):\n    return a {sign} b\n```" for sign in "+-")
TESTS = "python3 test_add.py"


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "project"
    tree.mkdir()
    (tree / "test_add.py").write_text("from add import add\nassert add(2, 2) == 4 and add(1, 2) == 3\n")
    return tree


async def outcome_of(tree, text, *, tests=TESTS, file="add.py", seconds=LIMIT_S):
    return await Workshop().tests(
        Verify(tests=tests, tree=str(tree), file=file), answer(text), seconds=seconds
    )


async def test_the_callers_tests_tell_a_right_answer_from_a_wrong_one(tree):
    assert (await outcome_of(tree, GOOD)).finding == "pass"
    wrong = await outcome_of(tree, WRONG)
    assert wrong.finding == "fail"
    assert "AssertionError" in wrong.detail


async def test_a_patch_is_applied_before_the_tests_run(tree):
    (tree / "add.py").write_text("def add(a, b):\n    return a - b\n")
    diff = "```diff\n--- a/add.py\n+++ b/add.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n```"
    assert (await outcome_of(tree, diff)).finding == "pass"
    assert (await Workshop().patch(Verify(tree=str(tree)), answer(diff))).finding == "pass"
    stale = diff.replace("a - b", "a * b")
    assert (await Workshop().patch(Verify(tree=str(tree)), answer(stale))).finding == "fail"
    assert (await outcome_of(tree, stale)).verifier == "patch"
    assert (tree / "add.py").read_text() == "def add(a, b):\n    return a - b\n"


async def test_an_answer_cannot_change_what_it_is_tested_by(tree):
    cheat = f"{WRONG}\n```python test_add.py\nprint('fine')\n```"
    assert (await outcome_of(tree, cheat)).finding == "fail"


@pytest.mark.parametrize("name", ["../outside.py", "/tmp/llm-router-outside.py", "link/outside.py"])
async def test_an_answer_cannot_write_outside_the_copy(tree, tmp_path, name):
    (tree / "link").symlink_to(tmp_path)
    await outcome_of(tree, f"```python {name}\nx = 1\n```", tests="true")
    assert not (tmp_path / "outside.py").exists()
    assert not os.access("/tmp/llm-router-outside.py", os.F_OK)


async def test_installed_packages_are_there_and_cannot_be_changed(tree):
    package = tree / "web" / "node_modules" / "left" / "index.txt"
    package.parent.mkdir(parents=True)
    package.write_text("installed")
    (tree / "web" / "app.txt").write_text("x")
    script = "grep -q installed web/node_modules/left/index.txt && ! (echo bad > web/node_modules/left/index.txt) 2>/dev/null"
    assert (await outcome_of(tree, GOOD, tests=script)).finding == "pass"
    assert package.read_text() == "installed"


async def test_all_packages_of_a_large_workspace_are_there(tree):
    """More of them than one argument of a program has room for."""
    names = [f"packages/{number:03}-{'x' * 160}" for number in range(500)]
    for name in names:
        package = tree / name / "node_modules" / "left"
        package.mkdir(parents=True)
        (package / "index.txt").write_text("installed")
    script = "test $(cat packages/*/node_modules/left/index.txt | grep -o installed | wc -l) = 500"
    assert (await outcome_of(tree, GOOD, tests=script)).finding == "pass"


def replaced(name, by, mode, line):
    """A patch that puts something else in place of a file of one line."""
    return (
        f"```diff\ndiff --git a/{name} b/{name}\ndeleted file mode 100644\n--- a/{name}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        f"diff --git a/{by} b/{by}\nnew file mode {mode}\n--- /dev/null\n+++ b/{by}\n@@ -0,0 +1 @@\n+{line}\n"
        "\\ No newline at end of file\n```"
    )


async def test_a_link_in_place_of_the_tests_leads_nowhere(tree, tmp_path):
    mine = tmp_path / "mine.sh"
    mine.write_text("exit 0\n")
    (tree / "test_it.sh").write_text("x\n")
    found = await outcome_of(tree, replaced("test_it.sh", "test_it.sh", 120000, mine), tests="sh test_it.sh")
    assert mine.read_text() == "exit 0\n"
    assert "x: not found" in found.detail  # the test that was there is the one that ran
    (tree / "folder").mkdir()
    (tree / "folder" / "test_it.sh").write_text("x\n")
    diff = replaced("folder/test_it.sh", "folder", 120000, tmp_path)
    found = await outcome_of(tree, diff, tests="sh folder/test_it.sh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.sh", "project"]
    assert "x: not found" in found.detail


async def test_a_folder_in_place_of_the_tests_fails(tree):
    (tree / "test_it.sh").write_text("x\n")
    found = await outcome_of(tree, replaced("test_it.sh", "test_it.sh/y", 100644, "z"), tests="sh test_it.sh")
    assert (found.verifier, found.finding) == ("tests", "fail")


async def test_a_link_in_place_of_a_folder_with_packages_leads_nowhere(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "web" / "node_modules" / "left").mkdir(parents=True)
    (tree / "web" / "app.txt").write_text("x\n")
    await outcome_of(tree, replaced("web/app.txt", "web", 120000, outside), tests="true")
    assert not list(outside.iterdir())


async def test_tests_that_hang_fail_and_tests_that_cannot_be_run_say_nothing(tree):
    endless = "```python\ndef add(a, b):\n    while True: pass\n```"
    assert (await outcome_of(tree, endless, seconds=1.0)).detail == "not done after 1 s"
    assert (await outcome_of(tree, GOOD, tests="no-such-runner")).finding == "unknown"
    assert (await outcome_of(tree, "I would add them.")).finding == "fail"
    assert (await outcome_of(tree / "missing", GOOD)).finding == "unknown"


async def test_javascript_is_parsed_by_node_where_it_is_installed(tmp_path):
    broken = await Workshop().javascript(answer("```js\nlet x = ;\n```"))
    assert broken.finding in {"fail", "unknown"}
    assert (await Workshop().javascript(answer("```js\nlet x = 1;\n```"))).finding in {"pass", "unknown"}
    assert (await Workshop().javascript(answer("no code"))).finding == "unknown"
