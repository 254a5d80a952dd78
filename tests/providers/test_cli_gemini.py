"""Gemini CLI as a provider, against the sandbox's stand-in and small scripts of our own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import answered, exists, gone

from llm_router.dialects import get
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, Model, Request, ask
from llm_router.ports import Call
from llm_router.providers.gemini_cli import GeminiCli
from llm_router.sandbox import Sandbox
from tests.waiting import LIMIT_S

MODEL = Model("gemini-cli", "gemini-test")
DIALECT = get("gemini_cli")

# Tells what it was given, as its answer.
MIRROR = """
import json, os, sys
home = os.path.join(os.environ["GEMINI_CLI_HOME"], ".gemini")
told = {
    "argv": sys.argv[1:], "prompt": sys.stdin.read(), "cwd": os.listdir(), "env": sorted(os.environ),
    "system": open(os.environ["GEMINI_SYSTEM_MD"]).read(), "home": home, "files": sorted(os.listdir(home)),
    "settings": json.load(open(os.path.join(home, "settings.json"))),
}
creds = os.path.join(home, "oauth_creds.json")
if os.path.exists(creds):
    told["creds"] = open(creds).read()
    open(creds, "w").write("renewed")
print(json.dumps({"response": json.dumps(told)}))
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home" / ".gemini").mkdir(parents=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "GEMINI_API_KEY": "not-a-key",
        "ANTHROPIC_API_KEY": "not-a-key",
        "OPENAI_API_KEY": "not-a-key",
        "CLAUDE_CODE_SESSION_ID": "s",
    }


def stand_in(tmp_path: Path, environ: dict[str, str], fault: str | None = None, **more: Any) -> GeminiCli:
    return GeminiCli(str(Sandbox.gemini_cli(tmp_path / "bin", fault=fault, **more)), environ=environ)


def script(tmp_path: Path, environ: dict[str, str], code: str) -> GeminiCli:
    path = tmp_path / "gemini"
    path.write_text(f"#!{sys.executable} -SE\n{code}", encoding="utf-8")
    path.chmod(0o755)
    return GeminiCli(str(path), environ=environ)


def call(request: Request, *, timeout_s: float = LIMIT_S, model: str = MODEL.id) -> Call:
    return Call(model, DIALECT.encode(request, MODEL, stream=True), timeout_s)


async def mirrored(tmp_path: Path, environ: dict[str, str], request: Request, **more: Any) -> dict[str, Any]:
    provider = script(tmp_path, environ, MIRROR)
    return json.loads((await answered(provider, call(request, **more))).text)


async def fails(provider: GeminiCli, *, timeout_s: float = LIMIT_S) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await answered(provider, call(ask("hi"), timeout_s=timeout_s))
    return caught.value


async def test_an_answer_comes_back_with_its_usage(tmp_path: Path, environ: dict[str, str]) -> None:
    provider = stand_in(tmp_path, environ)
    answer = await answered(provider, call(ask("What is 2 + 2?")))
    assert answer.text
    assert answer.usage.input_tokens > 0
    assert answer.model == "gemini-test"


async def test_the_prompt_goes_through_stdin_and_nothing_of_the_users_comes_along(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    own = tmp_path / "home" / ".gemini"
    (own / "GEMINI.md").write_text("remember the pangolin")
    (own / "settings.json").write_text(
        '{ // mine\n "hooks": {}, "security": {"auth": {"selectedType": "oauth-personal"}}}'
    )
    seen = await mirrored(tmp_path, environ, ask("--help\n" + "ä" * 100_000, system="Be terse."))
    assert seen["prompt"] == "--help\n" + "ä" * 100_000
    assert seen["argv"] == ["-m", "gemini-test", "-o", "json", "-e", "none"]
    assert seen["system"] == "Be terse."
    assert seen["cwd"] == []
    assert seen["files"] == ["settings.json"]
    assert seen["settings"]["security"]["auth"]["selectedType"] == "oauth-personal"
    assert seen["settings"]["tools"]["core"] == ["none_such"]
    assert "hooks" not in seen["settings"]
    assert {"HOME", "PATH", "GEMINI_API_KEY"} <= set(seen["env"])
    assert not {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLAUDE_CODE_SESSION_ID"} & set(seen["env"])
    assert not exists(seen["home"])


async def test_the_login_comes_along_and_a_renewed_token_goes_home(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    creds = tmp_path / "home" / ".gemini" / "oauth_creds.json"
    creds.write_text("old")
    del environ["GEMINI_API_KEY"]
    seen = await mirrored(tmp_path, environ, ask("hi"))
    assert seen["creds"] == "old"
    assert seen["settings"]["security"]["auth"]["selectedType"] == "oauth-personal"
    assert creds.read_text() == "renewed"


async def test_the_default_model_is_the_clients_own_name_for_its_best(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert (await mirrored(tmp_path, environ, ask("hi"), model="default"))["argv"][:2] == ["-m", "pro"]


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("fail", FailureKind.SERVER_ERROR, 500),
        ("rate_limit", FailureKind.RATE_LIMITED, 429),
        ("unauthorized", FailureKind.AUTH, 401),
        ("garbage", FailureKind.MALFORMED, None),
    ],
)
async def test_each_way_to_fail_has_its_kind(
    tmp_path: Path, environ: dict[str, str], fault: str, kind: FailureKind, status: int | None
) -> None:
    error = await fails(stand_in(tmp_path, environ, fault))
    assert (error.kind, error.status) == (kind, status)


async def test_a_missing_login_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    assert (await fails(stand_in(tmp_path, environ, logged_out=True))).kind is FailureKind.AUTH
    plain = "import sys; sys.stderr.write('\\x1b[31mManual authorization is required\\x1b[0m'); sys.exit(41)"
    assert (await fails(script(tmp_path, environ, plain))).kind is FailureKind.AUTH


async def test_an_error_with_the_vendors_json_in_it_is_read_to_its_end(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    inner = json.dumps(
        {"error": {"message": "Quota exceeded. Please retry in 12.5s.", "status": "RESOURCE_EXHAUSTED"}}
    )
    body = json.dumps(
        {"session_id": "s", "error": {"type": "Error", "message": inner, "code": 429}}, indent=2
    )
    code = (
        f"import sys; sys.stderr.write('Warning: colours\\n  status: 429\\n}}\\n' + {body!r}); sys.exit(173)"
    )
    error = await fails(script(tmp_path, environ, code))
    assert (error.kind, error.retry_after_s) == (FailureKind.RATE_LIMITED, 12.5)
    assert error.message == "Quota exceeded. Please retry in 12.5s."


async def test_a_stack_trace_is_not_shown_to_the_user(tmp_path: Path, environ: dict[str, str]) -> None:
    code = "import sys; sys.stderr.write('Error: cannot find module\\n    at load (file:///x/y.js:1:2)\\n'); sys.exit(1)"
    error = await fails(script(tmp_path, environ, code))
    assert error.message == "Error: cannot find module"


@pytest.mark.parametrize("fault", ["hang", "hang_tree"])
async def test_a_client_that_hangs_runs_out_of_time(
    tmp_path: Path, environ: dict[str, str], fault: str
) -> None:
    log = tmp_path / "bin" / "gemini.jsonl"
    for seconds in (3, 15, LIMIT_S):  # on a busy machine it has not even begun after three
        error = await fails(stand_in(tmp_path, environ, fault), timeout_s=seconds)
        assert error.kind is FailureKind.TIMEOUT
        if log.exists():
            break
    seen = json.loads(log.read_text("utf-8").splitlines()[-1])
    for pid in filter(None, (seen["pid"], seen["child"])):
        assert await gone(pid)


async def test_an_orphan_of_the_client_delays_nobody(tmp_path: Path, environ: dict[str, str]) -> None:
    assert (await answered(stand_in(tmp_path, environ, "orphan"), call(ask("hi")))).text


async def test_an_empty_answer_is_an_empty_answer(tmp_path: Path, environ: dict[str, str]) -> None:
    assert (await answered(stand_in(tmp_path, environ, "empty"), call(ask("hi")))).empty


@pytest.mark.parametrize(
    ("files", "variables", "method"),
    [
        ({}, {}, None),
        ({}, {"GEMINI_API_KEY": "x"}, "gemini-api-key"),
        ({".env": "GEMINI_API_KEY=x\n"}, {}, "gemini-api-key"),
        ({"oauth_creds.json": "{}"}, {}, "oauth-personal"),
        ({}, {"GOOGLE_GENAI_USE_VERTEXAI": "true"}, "vertex-ai"),
        (
            {"settings.json": '{"security":{"auth":{"selectedType":"vertex-ai"}}}'},
            {"GEMINI_API_KEY": "x"},
            "vertex-ai",
        ),
        ({"settings.json": "{broken"}, {}, None),
    ],
)
async def test_readiness_finds_the_login(
    tmp_path: Path, files: dict[str, str], variables: dict[str, str], method: str | None
) -> None:
    home = tmp_path / ".gemini"
    home.mkdir()
    for name, text in files.items():
        (home / name).write_text(text)
    ready = await GeminiCli("gemini", environ={"HOME": str(tmp_path), **variables}).readiness()
    assert ready.ready == (method is not None)
    assert method is None or method in ready.detail
    assert method is not None or ready.fix


async def test_without_any_home_nobody_is_signed_in() -> None:
    assert not (await GeminiCli("gemini", environ={}).readiness()).ready
