"""Our hooks inside Claude Code: where the hint sits, modes, parallel calls, loops; headless and in a terminal."""

import json

import pytest
from gateways import serving
from hooked import HINT, QUESTION, Claude, call
from terminal import Terminal

from llm_router.sandbox import digest

CODE = "Write a Python function that reverses a string."
TOUCH = call("Bash", command="touch ran", description="x")


@pytest.fixture
def claude(box, home, run, server, executable):
    claude = Claude(box, home, run, server, executable)
    claude.set_up()
    return claude


def hinted(claude, request):
    return [(place, role, text) for place, (role, text) in enumerate(claude.told(request)) if HINT in text]


def test_the_hint_sits_in_a_system_message_of_the_conversation_after_the_prompt(claude):
    claude.ask(QUESTION)
    (request,) = claude.requests
    ((place, role, _),) = hinted(claude, request)
    assert role == "system"
    assert any(role == "user" and QUESTION in text for role, text in claude.told(request)[:place])
    assert "cache_control" in claude.system(request)
    assert HINT not in claude.system(request)


def test_behind_the_gateway_nothing_is_routed_twice(claude, box):
    with serving(box, claude.state, "openai_chat") as gateway:
        output = claude.ask(QUESTION, ANTHROPIC_BASE_URL=gateway.url)
        (asked,) = box.answers(gateway.vendor)
    told = json.dumps(asked.body)
    assert QUESTION in told, output
    assert "ROUTE" not in told
    assert claude.violations() == []


def test_a_follow_up_gets_no_hint_and_carries_the_first_one_word_for_word(claude):
    claude.ask(QUESTION)
    claude.ask("thanks", "--continue")
    first, second = (hinted(claude, request) for request in claude.requests)
    assert len(first) == len(second) == 1
    assert second[0][2].count(HINT) == 1
    block = first[0][2][first[0][2].index("┌") :].split("\n\n")[0]
    assert block in second[0][2]


@pytest.mark.parametrize(("mode", "runs"), [("smart", True), ("hard", False)])
def test_a_code_task_may_investigate_unless_the_mode_is_hard(claude, mode, runs):
    claude.script(TOUCH)
    output = claude.ask(CODE, LLM_ROUTER_ENFORCE=mode)
    assert hinted(claude, claude.requests[0]), output
    assert claude.ran is runs, output


@pytest.mark.parametrize(
    "tool",
    [
        call("Read", file_path="/etc/hostname"),
        call("Write", file_path="ran", content="x"),
        call("WebSearch", query="mutex"),
        call(
            "Agent", description="x", prompt="look", subagent_type="general-purpose", run_in_background=False
        ),
    ],
)
def test_smart_blocks_the_tools_that_would_do_a_question_s_work(claude, tool):
    claude.script(tool)
    output = claude.ask(QUESTION, ENABLE_TOOL_SEARCH="false")
    assert len(claude.violations()) == 1, output
    assert "route this request first" in output


def test_smart_leaves_other_tools_alone(claude):
    claude.script(call("TodoWrite", todos=[]), call("Skill", skill="none"))
    claude.ask(QUESTION)
    assert claude.violations() == []


def test_parallel_calls_are_all_denied_and_each_has_its_line(claude):
    many = 5
    claude.script("".join(call("Bash", command=f"touch ran # {n}", description="x") for n in range(many)))
    output = claude.ask(QUESTION, LLM_ROUTER_ENFORCE="hard")
    assert not claude.ran, output
    assert output.count("route this request first") == many
    assert len(claude.violations()) == many
    assert all(line.endswith("expected=llm_query got=Bash") for line in claude.violations())


def test_a_model_that_insists_is_let_through_and_the_loop_is_on_record(claude):
    claude.script(TOUCH, TOUCH, TOUCH)
    output = claude.ask(QUESTION, LLM_ROUTER_ENFORCE="hard")
    assert claude.ran, output
    assert len(claude.requests) == 4
    assert [e["kind"] for e in claude.events_seen()].count("loop") == 1


def test_the_summary_at_the_end_is_a_message_to_the_user(claude):
    claude.script(call("llm_query", prompt="mutex"))
    output = claude.ask(QUESTION, "--output-format", "stream-json", "--verbose")
    assert len(claude.requests) == 2
    assert not any("routed this turn" in json.dumps(request.body) for request in claude.requests)
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    told = [line["content"] for line in lines if line.get("subtype") == "informational"]
    assert [text for text in told if text.startswith("Stop says: llm-router: 1 routed this turn (1 used)")], (
        output
    )


@pytest.fixture
def terminal(claude, tmp_path, executable):
    """Claude Code as a person uses it, past its first-start questions."""
    command, arguments, environ = claude.server
    server = {"type": "stdio", "command": command, "args": arguments, "env": environ}
    claude.write(
        ".claude.json",
        {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": ["sk-ant-fake"], "rejected": []},
            "projects": {str(claude.project): {"hasTrustDialogAccepted": True}},
            "mcpServers": {"llm-router": server},
        },
    )

    def open_terminal(**more):
        path = f"{executable('claude').rpartition('/')[0]}:/usr/bin:/bin"
        environ = {"HOME": str(claude.home), "PATH": path, "LANG": "C.UTF-8", **claude.environ(**more)}
        command = (executable("claude"), "--permission-mode", "default")
        return Terminal(command, environ, claude.project, tmp_path / "tmux")

    return open_terminal


def ready(claude, screen):
    """It can be typed into, and has our server's tools: once those are listed, the server tells the hooks what it knows."""
    screen.wait(lambda text: "❯" in text, "the prompt")
    screen.wait(lambda _: (claude.state / "snapshot.json").exists(), "our server")


def test_in_a_terminal_the_hint_is_sent_once_and_the_denial_is_shown(claude, terminal):
    claude.script(TOUCH)
    with terminal(LLM_ROUTER_ENFORCE="hard") as screen:
        ready(claude, screen)
        screen.type(QUESTION)
        screen.wait(lambda text: "The tool answered" in text, "the answer")
        shown = screen.screen()
    assert not claude.ran
    assert "route this request first" in shown
    assert len(claude.requests) == 2
    assert [len(hinted(claude, request)) for request in claude.requests] == [1, 1]
    assert len(claude.violations()) == 1


def test_in_a_terminal_the_answer_is_shown_once_and_the_model_need_not_write_it_again(claude, terminal):
    claude.script(call("llm_query", prompt="mutex"), "[[say Done.]]")
    with terminal() as screen:
        ready(claude, screen)
        screen.type(QUESTION)
        shown = screen.wait(
            lambda text: "Stop says: llm-router: 1 routed this turn (1 used)" in text, "the summary"
        )
    assert f"answering prompt {digest('mutex')}" in shown.partition("Done.")[0]
    assert len(claude.requests) == 2
    (verdict,) = (e for e in claude.events_seen() if e["kind"] == "used")
    assert (verdict["kept"], verdict["shown"], verdict["how"]) == (0.0, True, "it was shown to the user")
    assert sum("Do not write it again" in text for _, text in claude.told(claude.requests[-1])) == 1


def test_in_a_terminal_the_user_sees_the_summary_and_the_status_line(claude, terminal):
    claude.script(call("llm_query", prompt="mutex"), TOUCH)
    with terminal(LLM_ROUTER_ENFORCE="hard") as screen:
        screen.wait(lambda text: "llm-router balanced" in text, "the status line")
        ready(claude, screen)
        screen.type(QUESTION)
        screen.wait(lambda text: "Stop says: llm-router: 1 routed" in text, "the summary")
        asked = len(claude.requests)
        screen.type("/exit")
        screen.wait(lambda _: screen.ended(), "the end")
        # nobody waits for the hook at the end: it may outlive the session
        screen.wait(
            lambda _: "session" in [e["kind"] for e in claude.events_seen()],
            "the end of the session to be told",
        )
    assert claude.ran
    assert asked == len(claude.requests) == 3
    assert [e["kind"] for e in claude.events_seen()].count("session") == 1
