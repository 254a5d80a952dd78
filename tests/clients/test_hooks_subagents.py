"""Routes of subagents in the real Claude Code and Codex."""

import pytest
from hooked import HINT, Claude, Codex, call


@pytest.fixture
def claude(box, home, run, server, executable):
    claude = Claude(box, home, run, server, executable)
    claude.set_up()
    return claude


def spawn(prompt):
    return call(
        "Agent", description="x", prompt=prompt, subagent_type="general-purpose", run_in_background=False
    )


def of_subagents(claude):
    return [
        each
        for each in claude.requests
        if "x-claude-code-agent-id" in {name.lower() for name in each.headers}
    ]


TOUCH = call("Bash", command="touch ran")
QUESTION = "What is the capital of Australia?"
PROJECT = "Fix the failing test in app.py"


def test_a_subagent_is_hinted_once_and_held_to_its_route_while_the_main_thread_is_not(claude):
    then = call("Bash", command="touch main", description="x")
    output = claude.ask(
        f"{PROJECT} {spawn(f'{QUESTION} {TOUCH}')} [[then]] {then}", LLM_ROUTER_ENFORCE="hard"
    )
    hints = [
        [text.count(HINT) for _, text in claude.told(request) if HINT in text]
        for request in of_subagents(claude)
    ]
    assert hints[0] == [1], output
    assert hints[1:] == [[1]] * (len(hints) - 1)
    assert not claude.ran, output
    (line,) = claude.violations()
    assert line.endswith("expected=llm_query got=Bash")
    assert (claude.project / "main").exists(), output
    (event,) = (event for event in claude.events_seen() if event["kind"] == "hinted")
    assert event["tool"] == "llm_query"
    assert "Error" not in claude.health()


def test_a_subagent_s_answer_opens_its_tools_and_is_judged_at_its_own_end(claude):
    steps = f"{call('query', prompt='mutex')} [[then]] {TOUCH}"
    output = claude.ask(
        f"{PROJECT} {spawn(f'{QUESTION} {steps}')}", LLM_ROUTER_ENFORCE="hard", ENABLE_TOOL_SEARCH="false"
    )
    assert claude.ran, output
    assert claude.violations() == []
    assert len(claude.verdicts()) == 1


@pytest.mark.parametrize("mode", ["smart", "hard"])
def test_a_subagent_that_works_on_the_project_uses_every_tool(claude, mode):
    output = claude.ask(f"{PROJECT} {spawn(f'{PROJECT} {TOUCH}')}", LLM_ROUTER_ENFORCE=mode)
    assert claude.ran, output
    assert claude.violations() == []


def test_the_route_of_the_main_thread_does_not_hold_its_subagents(claude):
    output = claude.ask(f"{QUESTION} {spawn(f'please {TOUCH}')}", LLM_ROUTER_ENFORCE="soft")
    assert claude.ran, output
    assert [line.rpartition("got=")[2] for line in claude.violations()] == ["Agent"]


def test_codex_too_hints_its_subagents_once_and_holds_them_to_it(box, home, run, server, executable):
    codex = Codex(box, home, run, server, executable)
    codex.set_up()
    inner = call("exec_command", cmd="touch ran")
    log = codex.state / "enforcement.log"
    # the main thread must outlive its subagent, whose id no script can know
    held = f"timeout 30 sh -c 'until [ -s \"{log}\" ]; do sleep .05; done'"
    # in the prompt, for a subagent reads the project's instructions too and would follow the same script
    start = call("spawn_agent", message=f"{QUESTION} {inner}", agent_type="default")
    wait = call("exec_command", cmd=held, yield_time_ms=30_000)
    output = codex.ask(f"{PROJECT} {start} [[then]] {wait}", LLM_ROUTER_ENFORCE="hard")
    assert not codex.ran, output
    (line,) = codex.violations()  # the one command of its script; the main thread's own runs
    session = output.partition("session id: ")[2].split()[
        0
    ]  # a subagent's calls are of the session that started it
    assert line.endswith(f"session={session} expected=llm_query got=Bash"), output
    hints = [
        [text.count(HINT) for _, text in codex.told(request) if HINT in text] for request in codex.requests
    ]
    assert {*map(tuple, hints)} == {(), (1,)}, output  # the main thread's requests, and the subagent's
