"""Our hooks inside the real hosts: the same promises for each that has hooks.

A question is asked, the host's model (the sandbox) does as the project's instruction file says.
"""

import re
import shutil

import pytest
from hooked import HINT, HOSTS, QUESTION, call, copied_hooks

from llm_router.sandbox import Fault

TOUCH = "touch ran"


@pytest.fixture(params=HOSTS)
def kind(request):
    return HOSTS[request.param]


@pytest.fixture
def host(kind, box, home, run, server, executable):
    host = kind(box, home, run, server, executable)
    host.set_up()
    return host


def touch(host):
    return call(host.shell, **{host.shell_argument: TOUCH})


def hints(host, request):
    return [(role, text) for role, text in host.told(request) if HINT in text]


def test_the_hint_reaches_the_model_once_and_not_the_cached_system_prompt(host):
    host.script(call("llm_query", prompt="mutex"))
    output = host.ask(QUESTION)
    assert len(host.requests) == 2, output
    first, second = (hints(host, request) for request in host.requests)
    assert len(first) == 1, output
    assert first[0][1].count(HINT) == 1
    assert first[0][0] in ("system", "developer", "user")
    assert all(HINT not in host.system(request) for request in host.requests)
    assert second == first, "sent again word for word, or the host's prompt cache is lost"


def test_a_prompt_that_needs_the_project_gets_no_hint_and_may_use_every_tool(host):
    host.script(touch(host))
    output = host.ask("Fix the failing test in app.py", LLM_ROUTER_ENFORCE="hard")
    assert host.ran, output
    assert not any(hints(host, request) for request in host.requests)
    assert host.violations() == []


@pytest.mark.parametrize("mode", ["smart", "hard"])
def test_a_shell_command_in_place_of_the_route_is_denied_and_logged(host, mode):
    host.script(touch(host))
    output = host.ask(QUESTION, LLM_ROUTER_ENFORCE=mode)
    assert not host.ran, output
    told = " ".join(text for _, text in host.told(host.requests[-1])) + str(host.requests[-1].body)
    assert "route this request first" in told
    assert "llm_query" in told
    (line,) = host.violations()
    assert re.fullmatch(
        r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] VIOLATION session=[\w-]+ expected=llm_query got=Bash", line
    )


@pytest.mark.parametrize(("mode", "logged"), [("soft", 1), ("shadow", 0), ("off", 0)])
def test_a_mode_that_blocks_nothing_lets_the_command_run(host, mode, logged):
    host.script(touch(host))
    output = host.ask(QUESTION, LLM_ROUTER_ENFORCE=mode)
    assert host.ran, output
    assert len(host.violations()) == logged
    assert bool(hints(host, host.requests[0])) == (mode == "soft")


def test_after_the_route_was_called_the_other_tools_open(host):
    host.script(call("llm_query", prompt="mutex"), touch(host))
    output = host.ask(QUESTION, LLM_ROUTER_ENFORCE="hard")
    assert host.ran, output
    assert host.violations() == []
    assert [e for e in host.events_seen() if e["kind"] == "routed"], host.events_seen()


def test_a_route_that_failed_opens_the_other_tools_too(host):
    host.box.fault("openai", Fault("status", status=401))
    host.script(call("llm_query", prompt="mutex"), touch(host))
    output = host.ask(QUESTION, LLM_ROUTER_ENFORCE="hard")
    assert host.ran, output


def test_the_hooks_cause_no_request_to_the_model(host):
    host.script(touch(host))
    host.ask(QUESTION, LLM_ROUTER_ENFORCE="soft")
    hooked = len(host.requests)
    host.box.forget()
    host.set_up(hooked=False)
    host.ask(QUESTION)
    assert hooked == len(host.requests) == 2


def test_an_answer_that_is_passed_on_counts_as_used_and_causes_no_request(host):
    host.script(call("llm_query", prompt="mutex"))
    output = host.ask(QUESTION)
    # the call and the words after it: the summary is for the user alone
    assert len(host.requests) == 2, output
    events = host.events_seen()
    assert [e["verdict"] for e in events if e["kind"] == "used"] == ["used"], events
    assert host.verdicts() == ["used"]


def test_what_the_call_cost_the_host_is_known_from_its_transcript_and_deducted(host):
    host.script(call("llm_query", prompt="mutex"))
    output = host.ask(QUESTION)
    (event,) = (e for e in host.events_seen() if e["kind"] == "used")
    assert event["context"] > 4000, output  # its own system prompt and tools
    assert event["overhead"] > 4000 * 0.1 * 5
    saved = host.savings()
    assert (saved.measured, saved.unmeasured, saved.overhead) == (1, 0, event["overhead"])
    assert saved.saved == saved.baseline_cost - saved.cost - saved.overhead


def test_no_hook_reports_an_error(host):
    host.script(call("llm_query", prompt="mutex"), touch(host))
    host.ask(QUESTION)
    assert host.health()
    assert "Error" not in host.health()


def _no_interpreter(host):
    host.interpreter = str(host.home / "gone" / "python")


def _deleted(host):
    shutil.rmtree(host.hooks)


def _syntax_error(host):
    (host.hooks / "llm_router_hook.py").write_text("def main(:\n")


def _half_written(host):
    for file in host.hooks.glob("*.py"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _failing_part(host):
    (host.hooks / "state.py").write_text("raise SystemExit(2)\n")


def _no_home(host):
    host.state.write_text("a file where the folder should be")


def _wrong_state(host):
    host.write(".llm-router/snapshot.json", '[{"enforce": 7}]')
    host.write(".llm-router/sessions", "not a folder")
    host.write(".llm-router/enforcement.log/in the way", "")
    host.write(".llm-router/hooks/events.jsonl/in the way", "")


@pytest.mark.parametrize(
    "broken", [_no_interpreter, _deleted, _syntax_error, _half_written, _failing_part, _no_home, _wrong_state]
)
def test_broken_hooks_never_stand_in_the_way(kind, box, home, run, server, executable, broken):
    command, arguments, _ = server
    host = kind(box, home, run, (command, arguments, {}), executable, copied_hooks(home))
    if broken in (_no_interpreter, _no_home, _wrong_state):
        broken(host)
        host.set_up()
    else:
        host.set_up()
        broken(host)
    host.script(touch(host))
    output = host.ask("Fix the failing test in app.py", LLM_ROUTER_ENFORCE="hard")
    assert len(host.requests) == 2, output
    assert host.ran, output
