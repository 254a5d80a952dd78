"""The child-process runner: input, output, limits, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from cli_support import gone

from llm_router.providers import process
from llm_router.providers.process import Child, OutputTooLargeError, child, run
from tests.waiting import LIMIT_S

ENVIRON = {"PATH": os.environ.get("PATH", "")}


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", code]


async def test_input_of_a_megabyte_goes_in_and_comes_out(tmp_path: Path) -> None:
    text = ("ünïcödé " * 130_000).encode()
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    finished = await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S, stdin=text)
    assert (finished.code, finished.stdout.encode()) == (0, text)


async def test_a_process_that_never_reads_its_input_does_no_harm(tmp_path: Path) -> None:
    finished = await run(
        python("pass"), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S, stdin=b"x" * 5_000_000
    )
    assert finished.code == 0


async def test_lines_come_one_by_one_wherever_the_writes_were_cut(tmp_path: Path) -> None:
    code = "import os\nfor piece in (b'on', b'e\\ntwo\\n\\xe2', b'\\x82\\xac\\nlast'): os.write(1, piece)"
    async with child(python(code), environ=ENVIRON, cwd=tmp_path) as started:
        assert [line async for line in started.lines()] == ["one", "two", "€", "last"]


async def test_only_the_end_of_the_error_output_is_kept(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('a' * 300_000 + 'the end'); sys.exit(3)"
    finished = await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S)
    assert finished.code == 3
    assert len(finished.stderr) == process.KEPT_STDERR
    assert finished.stderr.endswith("the end")


async def test_output_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_OUTPUT", 100_000)
    code = "import os\nwhile True: os.write(1, b'x' * 10_000)"
    with pytest.raises(OutputTooLargeError):
        await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S)


async def test_a_missing_program_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await run([str(tmp_path / "none")], environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S)


async def test_the_child_sees_only_the_environment_it_was_given(tmp_path: Path) -> None:
    code = "import os; print(sorted(n for n in os.environ if not n.startswith('LC_')))"
    finished = await run(python(code), environ={"ONLY": "1"}, cwd=tmp_path, timeout_s=LIMIT_S)
    assert finished.stdout.strip() == "['ONLY']"


TREE = """
import os, signal, subprocess, sys, time
{ignore}
grandchild = subprocess.Popen([sys.executable, "-S", "-E", "-c", {inner!r}])
print(os.getpid(), grandchild.pid, flush=True)
{then}
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
ASLEEP = "import time; print('up', flush=True); time.sleep(600)"


async def started_tree(code: str, tmp_path: Path) -> tuple[asyncio.Task[None], Child, list[int]]:
    """A running tree, its root and its two pids, once both processes are up."""
    up: asyncio.Future[tuple[Child, list[int]]] = asyncio.get_running_loop().create_future()

    async def live() -> None:
        async with child(python(code), environ=ENVIRON, cwd=tmp_path) as started:
            seen: list[str] = []
            async for line in started.lines():
                seen.append(line)
                if len(seen) == 2:
                    numbers = next(s for s in seen if s[0].isdigit())
                    up.set_result((started, [int(number) for number in numbers.split()]))

    task = asyncio.create_task(live())
    return task, *await asyncio.wait_for(up, LIMIT_S)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_cancelling_ends_the_whole_tree_even_a_deaf_one(tmp_path: Path, *, stubborn: bool) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if stubborn else ""
    code = TREE.format(ignore=ignore, inner=DEAF if stubborn else ASLEEP, then="time.sleep(600)")
    task, _, pids = await started_tree(code, tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, LIMIT_S)
    assert [await gone(pid) for pid in pids] == [True, True]


async def test_cancelling_twice_still_kills(tmp_path: Path) -> None:
    code = TREE.format(
        ignore="signal.signal(signal.SIGTERM, signal.SIG_IGN)", inner=DEAF, then="time.sleep(600)"
    )
    task, root, pids = await started_tree(code, tmp_path)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, LIMIT_S)
    await asyncio.wait_for(root.exited.wait(), LIMIT_S)  # nobody waited for it: the loop hears of it later
    assert [await gone(pid) for pid in pids] == [True, True]


async def test_running_out_of_time_ends_the_tree(tmp_path: Path) -> None:
    out = tmp_path / "pid"
    out.touch()
    code = f"import os, time; open({str(out)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    for seconds in (1.0, 10.0, LIMIT_S):  # on a busy machine it has not even begun after one
        with pytest.raises(TimeoutError):
            await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=seconds)
        if out.read_text():
            break
    assert await gone(int(out.read_text()))


async def test_an_orphan_that_holds_the_output_open_delays_nobody_and_dies(tmp_path: Path) -> None:
    code = TREE.format(ignore="", inner=DEAF, then="")
    finished = await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S)
    assert finished.code == 0
    assert await gone(
        int(next(line for line in finished.stdout.splitlines() if line[0].isdigit()).split()[1])
    )


async def test_an_orphan_in_a_session_of_its_own_delays_nobody_for_long(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"print(subprocess.Popen([sys.executable, '-c', {ASLEEP!r}], start_new_session=True).pid, flush=True)"
    )
    finished = await run(python(code), environ=ENVIRON, cwd=tmp_path, timeout_s=LIMIT_S)
    escaped = int(next(line for line in finished.stdout.splitlines() if line[0].isdigit()))
    os.kill(escaped, 9)  # ours, and nobody else's to end
    assert finished.code == 0
