"""The bench works: every row is measured and judged as it says. No figure is asserted, since a test machine is never quiet."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router.sandbox import Sandbox

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"
VENDORS = ("openai", "anthropic", "gemini", "ollama")
QUICK = "classify,version,start,query,tools-list,size"  # the others rest, or load the machine
_MESSAGES = [{"role": "user", "content": "what is a semaphore?"}]
BODIES = {
    "openai": {
        "model": "m",
        "messages": _MESSAGES,
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "anthropic": {"model": "m", "max_tokens": 999, "messages": _MESSAGES, "stream": True},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "what is a semaphore?"}]}]},
    "ollama": {"model": "llama3.2:3b", "messages": _MESSAGES, "stream": True},
}


def run(*options):
    command = [sys.executable, str(BENCH / "run.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def bench(monkeypatch):
    """`bench("figures")` is that module of the bench."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


@pytest.fixture(scope="module")
def report():
    done = run("--json", "--rounds", "1", "--only", QUICK)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def rows(report):
    return {row["name"]: row for row in report["rows"]}


def test_each_row_is_measured_against_its_floor(report, rows):
    assert report["not_measured"] == {}
    against_a_floor = {"classify-2kb", "classify-1mb", "version", "start", "start-discover", "start-python"}
    against_a_floor |= {f"query-{vendor}{how}" for vendor in VENDORS for how in ("", "-streamed")}
    against_a_floor |= {"call", "size"}
    assert {name for name, row in rows.items() if row["floor"]} == against_a_floor
    for row in rows.values():
        assert row["samples"] == 1
        assert row["median"] > 0
        if row["floor"]:
            assert row["floor"]["median"] > 0
            assert row["difference"] == pytest.approx(row["median"] - row["floor"]["median"])


def test_rows_with_a_target_say_whether_it_is_reached(rows):
    for row in rows.values():
        assert (row["reached"] is None) == (row["target"] == "")


def test_what_is_installed_beyond_the_sdks_is_named(rows, bench):
    assert rows["size"]["reached"] is True
    assert "genai-prices" in rows["size"]["note"]
    assert "openai" not in rows["size"]["note"]
    closure = bench("rows_size").closure(["mcp"])
    assert {"mcp", "starlette", "pydantic-core"} <= closure.keys()  # its own, and those of others below it
    assert "pytest" not in closure


def test_the_table_goes_to_stdout_and_progress_to_stderr():
    done = run("--only", "tools-list")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("| row")
    assert lines[2].startswith("| tools-list-handshake ")
    assert "one of each protocol era" in done.stderr
    assert "one of each protocol era" not in done.stdout


@pytest.mark.parametrize("options", [("--only", "nonsense"), ("--rounds", "0")])
def test_wrong_options_are_refused_with_the_right_ones(options):
    done = run(*options)
    assert done.returncode == 2
    assert options[1] in done.stderr


def test_a_missed_target_is_reported(bench):
    figures = bench("figures")
    target = figures.Target(5, "difference")
    missed = figures.Row("slow", "a slow thing", "ms", [30.0, 31.0, 32.0], "nothing", [1.0], target)
    reached = figures.Row("quick", "a quick thing", "ms", [4.0, 5.0, 99.0], "nothing", [1.0], target)
    assert (missed.reached, reached.reached) == (False, True)
    slow, quick = figures.table([missed, reached]).splitlines()[2:4]
    assert "| NO " in slow
    assert "+30.0 ms" in slow
    assert "| yes " in quick


def test_a_p95_target_looks_at_the_slow_calls(bench):
    figures = bench("figures")
    samples = [1.0] * 90 + [9.0] * 10
    assert figures.Row("x", "x", "ms", samples, target=figures.Target(2, "median")).reached is True
    assert figures.Row("x", "x", "ms", samples, target=figures.Target(2, "p95")).reached is False
    assert figures.percentile(range(1, 101), 0.95) == 95
    assert figures.percentile([7.0], 0.95) == 7.0


def test_ours_and_the_floor_are_measured_in_turns_and_warm_up_is_not_kept(bench):
    calls = []

    def measure(name):
        calls.append(name)
        return float(len(calls))

    both = {"a": lambda: measure("a"), "b": lambda: measure("b")}
    samples = bench("figures").in_turns(2, both, warm_up=1)
    assert calls == ["a", "b"] * 3
    assert samples == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_a_call_that_fails_gives_no_figure(bench, monkeypatch, tmp_path):
    processes = bench("processes")
    for name in list(os.environ):  # a key of whoever runs the tests must not answer
        monkeypatch.delenv(name)
    for name, value in processes.clean_environ(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    with processes.Child(processes.product("mcp")) as server:
        server.open(processes.opening_by_handshake())
        with pytest.raises(ChildProcessError, match="llm_query failed"):
            server.call("llm_query", {"prompt": "nobody is there to answer"})


@pytest.mark.parametrize("floor", ["", "half of", "another answer"])
def test_a_floor_that_does_less_than_we_do_is_refused(bench, floor):
    same = bench("rows_query")._same
    same("half of it is done", "half of it is done")
    with pytest.raises(ChildProcessError, match="the SDK alone answered"):
        same("half of it is done", floor)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_sdk_alone_reads_its_answer_to_the_end_whole_and_streamed(bench, vendor):
    """The product streams: to repeat its request and not read the stream would cost next to nothing."""
    upstreams = bench("upstreams")
    with Sandbox() as box:
        last = {"model": "m", "path": "/v1/chat/completions", "body": BODIES[vendor]}
        with upstreams.alone(vendor, box.environ([vendor]), last) as alone:
            assert alone.plain() == alone.streamed() != ""
        assert box.wait(lambda records: len(records) == 2 and all(record.done for record in records))
        assert [(record.stream, record.closed_early) for record in box.answers(vendor)] == [
            (False, False),
            (True, False),
        ]


def test_a_child_that_dies_is_quoted(bench):
    processes = bench("processes")
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with processes.Child(command) as child, pytest.raises(ChildProcessError, match="no such luck"):
        child.line()


def test_busy_loops_end_with_the_measurement(bench, monkeypatch):
    processes, started = bench("processes"), []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(processes.subprocess, "Popen", Popen)
    with pytest.raises(RuntimeError), processes.busy_cores():
        assert [each.poll() for each in started] == [None] * (os.cpu_count() or 1)
        raise RuntimeError("the measurement broke")
    assert all(each.returncode is not None for each in started)


def test_memory_is_read_where_the_system_tells_it(bench, monkeypatch):
    processes = bench("processes")
    monkeypatch.setattr(processes, "REST_S", 0.1)
    if not Path("/proc/self/smaps_rollup").exists():
        with pytest.raises(NotImplementedError):
            processes.at_rest_mb(os.getpid())
        return
    resident, proportional = processes.at_rest_mb(os.getpid())
    assert resident >= proportional > 1


def test_memory_is_read_when_it_grows_no_more(bench, monkeypatch):
    processes = bench("processes")
    monkeypatch.setattr(processes, "REST_S", 0.5)
    readings = iter([(1.0, 1.0), (5.0, 4.0)])
    monkeypatch.setattr(processes, "_memory_mb", lambda _pid: next(readings, (9.0, 8.0)))
    assert processes.at_rest_mb(1) == (9.0, 8.0)
