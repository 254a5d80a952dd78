"""Codex as a provider, against the sandbox's stand-in and small scripts of our own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from cli_support import answered, exists, gone

from llm_router.dialects import get
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict, Model, Request, ask
from llm_router.ports import Call
from llm_router.providers.codex_cli import CodexCli
from llm_router.sandbox import Sandbox
from tests.waiting import LIMIT_S

MODEL = Model("codex", "gpt-test")
DIALECT = get("codex_cli")
SCHEMA: JsonDict = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "a höme with späces"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CODEX_HOME": str(home / ".codex"),
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_API_KEY": "not-a-key",
        "OPENAI_API_KEY": "not-a-key",
        "GEMINI_API_KEY": "not-a-key",
        "AWS_SECRET_ACCESS_KEY": "not-a-key",
        "GITHUB_TOKEN": "not-a-key",
        "CLAUDECODE": "1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }


def stand_in(tmp_path: Path, environ: dict[str, str], fault: str | None = None, **more: Any) -> CodexCli:
    return CodexCli(str(Sandbox.codex(tmp_path / "bin", fault=fault, **more)), environ=environ)


def script(tmp_path: Path, environ: dict[str, str], code: str) -> CodexCli:
    path = tmp_path / "codex"
    path.write_text(f"#!{sys.executable} -SE\n{code}", encoding="utf-8")
    path.chmod(0o755)
    return CodexCli(str(path), environ=environ)


def call(request: Request, *, timeout_s: float = LIMIT_S, model: str = MODEL.id) -> Call:
    return Call(model, DIALECT.encode(request, MODEL, stream=True), timeout_s)


def log(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "bin" / "codex.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


async def fails(provider: CodexCli, *, timeout_s: float = LIMIT_S) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await answered(provider, call(ask("hi"), timeout_s=timeout_s))
    return caught.value


async def test_an_answer_comes_back_with_its_usage(tmp_path: Path, environ: dict[str, str]) -> None:
    answer = await answered(stand_in(tmp_path, environ), call(ask("What is 2 + 2?")))
    assert answer.text
    assert answer.usage.input_tokens > 0
    assert not answer.usage.estimated


async def test_the_prompt_goes_through_stdin_and_the_client_runs_lean_and_caged(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    prompt = "--help\n$(touch /tmp/no) 'quoted' " + "ä" * 1_000_000
    await answered(stand_in(tmp_path, environ), call(ask(prompt)))
    seen = log(tmp_path)[-1]
    assert seen["prompt"] == prompt
    assert "--help" not in seen["argv"]
    assert seen["argv"][0] == "exec"
    assert seen["argv"][-1] == "-"
    for flag in ("--json", "--skip-git-repo-check", "--ephemeral", "--ignore-user-config", "--ignore-rules"):
        assert flag in seen["argv"]
    assert seen["argv"][seen["argv"].index("-s") + 1] == "read-only"
    assert seen["argv"][seen["argv"].index("-m") + 1] == "gpt-test"
    assert "features.shell_tool=false" in seen["argv"]
    assert 'web_search="disabled"' in seen["argv"]


async def test_other_vendors_keys_and_the_hosts_settings_stay_behind(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    await answered(stand_in(tmp_path, environ), call(ask("hi")))
    seen = set(log(tmp_path)[-1]["env"])
    assert {"HOME", "PATH", "CODEX_HOME", "HTTPS_PROXY"} <= seen
    secret = {n for n in environ if n.startswith(("ANTHROPIC", "CLAUDE")) or n.endswith(("_KEY", "_TOKEN"))}
    assert secret
    assert not secret & seen


async def test_each_call_works_in_an_empty_folder_that_is_gone_afterwards(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    code = (
        "import json, os, sys\n"
        "say = {'cwd': os.getcwd(), 'files': os.listdir(), 'argv': sys.argv, 'tmp': os.environ['TMPDIR']}\n"
        "instructions = [a for a in sys.argv if a.startswith('model_instructions_file=')][0].split('=', 1)[1]\n"
        "say['system'] = open(json.loads(instructions)).read()\n"
        "print(json.dumps({'type': 'item.completed', 'item': {'type': 'agent_message', 'text': json.dumps(say)}}))\n"
        "print(json.dumps({'type': 'turn.completed'}))\n"
    )
    provider = script(tmp_path, environ, code)
    seen = json.loads((await answered(provider, call(ask("hi", system="Be terse.")))).text)
    assert seen["files"] == []
    assert seen["system"] == "Be terse."
    assert not exists(seen["cwd"])
    assert not exists(seen["tmp"])


async def test_the_default_model_is_the_clients_own(tmp_path: Path, environ: dict[str, str]) -> None:
    await answered(stand_in(tmp_path, environ), call(ask("hi"), model="default"))
    assert "-m" not in log(tmp_path)[-1]["argv"]


async def test_a_schema_is_handed_over_as_a_file(tmp_path: Path, environ: dict[str, str]) -> None:
    answer = await answered(stand_in(tmp_path, environ), call(ask("Where?", schema=SCHEMA)))
    assert set(json.loads(answer.text)) == {"city"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("fail", FailureKind.SERVER_ERROR),
        ("rate_limit", FailureKind.RATE_LIMITED),
        ("unauthorized", FailureKind.AUTH),
        ("garbage", FailureKind.MALFORMED),
        ("truncated", FailureKind.TRUNCATED),
    ],
)
async def test_each_way_to_fail_has_its_kind(
    tmp_path: Path, environ: dict[str, str], fault: str, kind: FailureKind
) -> None:
    assert (await fails(stand_in(tmp_path, environ, fault))).kind is kind


async def test_a_used_up_subscription_says_when_it_is_back(tmp_path: Path, environ: dict[str, str]) -> None:
    error = await fails(stand_in(tmp_path, environ, "rate_limit"))
    assert error.retry_after_s == 3 * 3600 + 12 * 60


async def test_an_empty_message_is_an_empty_answer(tmp_path: Path, environ: dict[str, str]) -> None:
    assert (await answered(stand_in(tmp_path, environ, "empty"), call(ask("hi")))).empty


async def test_noise_between_the_events_is_passed_over(tmp_path: Path, environ: dict[str, str]) -> None:
    code = (
        "print('WARNING: proceeding'); print('{broken'); print('[1, 2]'); print('{\"type\": 3}'); print('\\x00\\x1b[31m')\n"
        'print(\'{"type": "item.completed", "item": {"type": "agent_message", "text": "Four."}}\')\n'
        "print('null'); print('{\"type\": \"turn.completed\"}')\n"
    )
    assert (await answered(script(tmp_path, environ, code), call(ask("hi")))).text == "Four."


async def test_a_retry_that_cannot_help_is_not_waited_for(tmp_path: Path, environ: dict[str, str]) -> None:
    code = (
        "import json, time\n"
        "why = 'Reconnecting... 1/5 (unexpected status 401 Unauthorized: no)'\n"
        "print(json.dumps({'type': 'error', 'message': why}), flush=True)\n"
        "time.sleep(600)\n"
    )
    error = await fails(script(tmp_path, environ, code))
    assert (error.kind, error.status) == (FailureKind.AUTH, 401)


async def test_the_words_of_a_crash_are_kept_without_its_secrets(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    code = "import sys; sys.stderr.write('\\x1b[31mpanicked with sk-abcdefghijklmnop'); sys.exit(101)"
    error = await fails(script(tmp_path, environ, code))
    assert "panicked" in error.message
    assert "abcdefgh" not in error.message
    silent = await fails(script(tmp_path, environ, "import sys; sys.exit(7)"))
    assert "exit code 7" in silent.message


async def test_a_client_too_old_for_its_flags_says_so(tmp_path: Path, environ: dict[str, str]) -> None:
    code = "import sys; sys.stderr.write(\"error: unexpected argument '--ephemeral' found\"); sys.exit(2)"
    error = await fails(script(tmp_path, environ, code))
    assert error.kind is FailureKind.UNSUPPORTED
    assert "npm i -g @openai/codex" in error.fix


@pytest.mark.parametrize("fault", ["hang", "hang_tree"])
async def test_a_client_that_hangs_runs_out_of_time_and_is_gone(
    tmp_path: Path, environ: dict[str, str], fault: str
) -> None:
    for seconds in (3, 15, LIMIT_S):  # on a busy machine it has not even begun after three
        error = await fails(stand_in(tmp_path, environ, fault), timeout_s=seconds)
        assert error.kind is FailureKind.TIMEOUT
        if log(tmp_path):
            break
    await all_gone(log(tmp_path)[-1])


async def test_cancelling_a_call_ends_the_client_and_its_children(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    task = asyncio.create_task(answered(stand_in(tmp_path, environ, "hang_tree"), call(ask("hi"))))
    async with asyncio.timeout(LIMIT_S):
        while not log(tmp_path):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, LIMIT_S)
    await all_gone(log(tmp_path)[-1])


async def test_leaving_a_stream_early_ends_the_client(tmp_path: Path, environ: dict[str, str]) -> None:
    code = 'import time; print(\'{"type": "turn.started"}\', flush=True); time.sleep(600)'
    async with aclosing(script(tmp_path, environ, code).stream(call(ask("hi")))) as events:
        assert (await anext(events))["type"] == "turn.started"


async def test_an_orphan_of_the_client_delays_nobody(tmp_path: Path, environ: dict[str, str]) -> None:
    answer = await answered(stand_in(tmp_path, environ, "orphan"), call(ask("hi")))
    assert answer.text
    await all_gone(log(tmp_path)[-1])


async def all_gone(seen: dict[str, Any]) -> None:
    for pid in (seen["pid"], seen["child"]):
        assert pid is None or await gone(pid)


async def test_a_program_that_is_not_there_is_a_failed_connection(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    provider = CodexCli(str(tmp_path / "none"), environ=environ)
    error = await fails(provider)
    assert error.kind is FailureKind.CONNECTION
    assert not (await provider.readiness()).ready


async def test_readiness_tells_who_is_logged_in(tmp_path: Path, environ: dict[str, str]) -> None:
    ready = await stand_in(tmp_path, environ).readiness()
    assert ready.ready
    assert "ChatGPT" in ready.detail
    absent = await stand_in(tmp_path, environ, logged_out=True).readiness()
    assert not absent.ready
    assert absent.fix == "codex login"
