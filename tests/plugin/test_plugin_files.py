"""The manifests that hosts and registries read: what they name exists, agrees, and can hurt nobody."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router import __version__
from llm_router.mcp_server.tools import TOOLS

ROOT = Path(__file__).resolve().parents[2]
HOOKS = {
    "hooks/hooks.json": ("claude", "CLAUDE_PLUGIN_ROOT"),
    "extensions/codex/hooks.json": ("codex", "PLUGIN_ROOT"),
    "extensions/gemini/hooks/hooks.json": ("gemini-cli", "extensionPath"),
}
PAYLOAD = b"""{"prompt": "it's \\"quoted\\" $HOME `id`"}"""
REPORT = """
import os, sys
def main(host, event):
    os.write(1, (host + " " + event + " " + str(len(sys.stdin.buffer.read()))).encode())
"""
needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="plugins start through a POSIX shell")


def load(name):
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def commands(name):
    for event, groups in load(name)["hooks"].items():
        for group in groups:
            for hook in group["hooks"]:
                yield event, hook["command"]


def shell(command, *, path="/usr/bin:/bin", **environ):
    """As a host runs it: with the payload on standard input."""
    return subprocess.run(
        [shutil.which("sh"), "-c", command],
        input=PAYLOAD,
        env={"PATH": path, "HOME": "/nonexistent", **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    """A plugin's place, with what breaks unquoted paths in its name."""
    made = tmp_path / "a höme; $(touch oops) 'x'"
    (made / "hooks").mkdir(parents=True)
    return made


@pytest.fixture
def pythons(tmp_path):
    """A folder for PATH in which `python3` is this interpreter."""
    made = tmp_path / "bin"
    made.mkdir()
    (made / "python3").symlink_to(sys.executable)
    return made


def test_what_is_generated_is_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_plugin.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/generate_plugin.py\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "name",
    [
        ".claude-plugin/plugin.json",
        ".codex-plugin/plugin.json",
        "extensions/gemini/gemini-extension.json",
        "server.json",
    ],
)
def test_every_manifest_has_the_version_of_the_package(name):
    assert load(name)["version"] == __version__


def test_the_marketplace_offers_this_folder_under_the_plugins_own_name():
    (offer,) = load(".claude-plugin/marketplace.json")["plugins"]
    assert (
        offer["name"]
        == load(".claude-plugin/plugin.json")["name"]
        == load(".codex-plugin/plugin.json")["name"]
    )
    assert (ROOT / offer["source"]).resolve() == ROOT


def test_what_the_codex_manifest_names_exists():
    manifest = load(".codex-plugin/plugin.json")
    for key in ("skills", "mcpServers", "hooks"):
        assert manifest[key].startswith("./")
        assert (ROOT / manifest[key]).exists()


def test_no_server_entry_holds_a_value_of_a_secret():
    gemini = load("extensions/gemini/gemini-extension.json")["mcpServers"]["llm-router"]["env"]
    assert gemini
    assert {value == f"${{{name}:-}}" for name, value in gemini.items()} == {True}
    codex = load("extensions/codex/mcp.json")["mcpServers"]["llm-router"]
    assert "env" not in codex
    assert "OPENAI_API_KEY" in codex["env_vars"]


# ── hooks ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", HOOKS)
def test_every_event_is_one_that_the_hooks_serve(name):
    sys.path.insert(0, str(ROOT / "hooks"))
    try:
        import hosts
        import llm_router_hook
    finally:
        sys.path.remove(str(ROOT / "hooks"))
    host, _ = HOOKS[name]
    for event, command in commands(name):
        assert f" {host} {event} " in command
        assert hosts.read(host, event, b"{}")["event"] in llm_router_hook._HANDLERS


@pytest.mark.parametrize("name", HOOKS)
def test_gemini_counts_in_milliseconds_and_the_others_in_seconds(name):
    limits = {
        hook["timeout"] for groups in load(name)["hooks"].values() for g in groups for hook in g["hooks"]
    }
    least, most = (1000, 10_000) if "gemini" in name else (1, 10)
    assert least <= min(limits)
    assert max(limits) <= most


def test_nobody_waits_for_the_end_of_a_session():
    (group,) = load("hooks/hooks.json")["hooks"]["SessionEnd"]
    assert group["hooks"][0]["async"] is True


@needs_sh
@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_runs_wherever_the_plugin_is(name, folder, pythons):
    (folder / "hooks" / "llm_router_hook.py").write_text(REPORT)
    host, variable = HOOKS[name]
    for event, command in commands(name):
        done = shell(command, path=f"{pythons}:/usr/bin:/bin", **{variable: str(folder)})
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == f"{host} {event} {len(PAYLOAD)}".encode()
    assert not (folder.parent / "oops").exists()


@needs_sh
@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize(
    "code", [None, "raise SystemExit(2)", "def main(*_): raise SystemExit(2)", "1/0", "syntax error"]
)
def test_a_missing_or_broken_script_is_silence_and_exit_code_0(name, code, folder, pythons):
    if code is not None:
        (folder / "hooks" / "llm_router_hook.py").write_text(code)
    _, variable = HOOKS[name]
    for _, command in commands(name):
        done = shell(command, path=f"{pythons}:/usr/bin:/bin", **{variable: str(folder)})
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@needs_sh
def test_without_an_interpreter_or_with_an_old_or_broken_one_hooks_are_silent(folder, tmp_path):
    (folder / "hooks" / "llm_router_hook.py").write_text(REPORT)
    command = dict(commands("hooks/hooks.json"))["UserPromptSubmit"]
    empty = tmp_path / "empty"
    empty.mkdir()
    for said in (None, "exit 1", "echo noise >&2; exit 2", "exit 127"):
        if said is not None:
            (empty / "python3").write_text(f"#!{shutil.which('sh')}\n{said}\n")
            (empty / "python3").chmod(0o755)
        done = shell(command, path=str(empty), CLAUDE_PLUGIN_ROOT=str(folder))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@needs_sh
def test_an_old_interpreter_gives_way_to_a_newer_one(folder, tmp_path):
    (folder / "hooks" / "llm_router_hook.py").write_text(REPORT)
    both = tmp_path / "both"
    both.mkdir()
    (both / "python3").write_text(f"#!{shutil.which('sh')}\nexit 1\n")
    (both / "python3").chmod(0o755)
    (both / "python3.12").symlink_to(sys.executable)
    command = dict(commands("hooks/hooks.json"))["Stop"]
    assert (
        shell(command, path=str(both), CLAUDE_PLUGIN_ROOT=str(folder)).stdout
        == f"claude Stop {len(PAYLOAD)}".encode()
    )


@needs_sh
@pytest.mark.parametrize("name", HOOKS)
def test_the_interpreter_the_last_session_noted_is_asked_first_and_one_that_is_gone_gives_way(
    name, folder, pythons, tmp_path
):
    (folder / "hooks" / "llm_router_hook.py").write_text(REPORT)
    noted = tmp_path / "my python"
    noted.write_text(f"#!{shutil.which('sh')}\ntouch '{tmp_path}/asked'\nexec '{sys.executable}' \"$@\"\n")
    noted.chmod(0o755)
    home = tmp_path / "a höme"
    for environ, place in (
        ({"HOME": str(home)}, home / ".llm-router"),
        ({"LLM_ROUTER_HOME": str(home)}, home),
    ):
        (place / "hooks").mkdir(parents=True)
        for python, asked in ((noted, True), (tmp_path / "gone", False), ("", False)):
            (place / "hooks" / "python").write_text(f"{python}\n")
            (tmp_path / "asked").unlink(missing_ok=True)
            _, variable = HOOKS[name]
            for _, command in commands(name):
                done = shell(
                    command, path=f"{pythons}:/usr/bin:/bin", **{variable: str(folder), "p": "x"}, **environ
                )
                assert (done.returncode, done.stderr) == (0, b"")
                assert done.stdout
            assert (tmp_path / "asked").exists() is asked


@needs_sh
def test_a_module_of_the_project_does_not_become_part_of_a_hook(folder, pythons, tmp_path, monkeypatch):
    (folder / "hooks" / "llm_router_hook.py").write_text("import files\ndef main(*_): print(files.WHO)")
    (folder / "hooks" / "files.py").write_text("WHO = 'ours'")
    project = tmp_path / "project"
    project.mkdir()
    for name in ("files.py", "llm_router_hook.py", "os.py"):
        (project / name).write_text("WHO = 'theirs'\ndef main(*_): print(WHO)")
    monkeypatch.chdir(project)
    command = dict(commands("hooks/hooks.json"))["Stop"]
    environ = {"CLAUDE_PLUGIN_ROOT": str(folder), "PYTHONPATH": str(project)}
    assert shell(command, path=f"{pythons}:/usr/bin:/bin", **environ).stdout == b"ours\n"


# ── the server ───────────────────────────────────────────────────────────────


def served(script, tmp_path, *, found=()):
    """What mcp.sh would start: stand-ins that tell their name."""
    home, path = tmp_path / "home", tmp_path / "path"
    path.mkdir(parents=True, exist_ok=True)
    for tool in ("sh", "dirname"):
        if not (path / tool).exists():
            (path / tool).symlink_to(shutil.which(tool))
    for place in found:
        program = (
            Path(place) if Path(place).is_absolute() else (home if place.startswith(".") else path) / place
        )
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!{shutil.which("sh")}\necho "{place} $*"\n')
        program.chmod(0o755)
    done = subprocess.run(
        [shutil.which("sh"), script],
        env={"PATH": str(path), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.fixture
def checkout(folder):
    for name in ("pyproject.toml", "llm_router/__main__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    (folder / "extensions").mkdir()
    return shutil.copy(ROOT / "extensions" / "mcp.sh", folder / "extensions")


@needs_sh
@pytest.mark.skipif(
    any(Path(p, "llm-router").exists() for p in ("/opt/homebrew/bin", "/usr/local/bin")),
    reason="installed for all here",
)
def test_the_server_is_the_installed_program_before_the_checkouts_before_a_fresh_one(checkout, tmp_path):
    root = Path(checkout).parents[1]
    code, out, err = served(checkout, tmp_path)
    assert (code, out) == (1, "")
    assert f"pipx install '{root}'" in err
    assert served(checkout, tmp_path, found=["pipx"])[1] == f"pipx run --quiet --spec {root} llm-router mcp"
    assert served(checkout, tmp_path, found=["uvx"])[1] == f"uvx --quiet --from {root} llm-router mcp"
    assert served(checkout, tmp_path, found=[".local/bin/llm-router"])[1] == ".local/bin/llm-router mcp"
    own = f"{root}/.venv/bin/llm-router"
    assert served(checkout, tmp_path, found=[own])[1].endswith(".venv/bin/llm-router mcp")
    assert served(checkout, tmp_path, found=["llm-router"])[1] == "llm-router mcp"


@needs_sh
def test_outside_a_checkout_nothing_strange_is_installed(folder, tmp_path):
    script = shutil.copy(ROOT / "extensions" / "mcp.sh", folder)
    code, _, err = served(script, tmp_path, found=["uvx", "pipx"])
    assert code == 1
    assert "pipx install 'llm-router'" in err


def test_the_entry_of_the_folder_opened_as_a_project_finds_the_script_too():
    entry = load(".mcp.json")["mcpServers"]["llm-router"]
    assert entry["command"] == "sh"
    assert "${" not in entry["args"][1]  # Claude Code would expand it before there is a plugin
    assert '"$CLAUDE_PLUGIN_ROOT/extensions/mcp.sh"' in entry["args"][1]


# ── commands, skill, registry ────────────────────────────────────────────────


@pytest.mark.parametrize("page", sorted((ROOT / "commands").glob("*.md")), ids=lambda page: page.stem)
def test_a_command_says_what_it_does_and_may_use_only_tools_that_exist(page):
    tools = {tool.name for tool in TOOLS}
    head = page.read_text().split("---")[1]
    assert "description:" in head
    named = set(re.findall(r"mcp__plugin_llm-router_llm-router__(\w+)", head))
    assert named <= tools
    assert named or "llm-router violations" in head


def test_the_skill_names_every_answering_tool_and_none_that_is_not_there():
    text = (ROOT / "skills" / "llm-routing" / "SKILL.md").read_text()
    tools = {tool.name for tool in TOOLS}
    assert set(re.findall(r"`(llm_\w+)`", text)) <= tools
    assert {"llm_query", "llm_research", "llm_generate", "llm_analyze", "llm_code", "llm_route"} <= set(
        re.findall(r"llm_\w+", text)
    )


def test_the_registry_entry_keeps_the_schemas_rules_and_is_claimed_by_the_readme():
    server = load("server.json")
    assert re.fullmatch(
        r"https://static\.modelcontextprotocol\.io/schemas/[\d-]+/server\.schema\.json", server["$schema"]
    )
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server["name"])
    assert f"<!-- mcp-name: {server['name']} -->" in (ROOT / "README.md").read_text()
    assert 1 <= len(server["description"]) <= 100
    (package,) = server["packages"]
    assert (package["registryType"], package["identifier"]) == ("pypi", "llm-router")
    assert package["version"] == __version__
    assert package["transport"] == {"type": "stdio"}
    assert [each["value"] for each in package["packageArguments"]] == ["mcp"]
    assert all(each["isSecret"] for each in package["environmentVariables"])


def test_the_gemini_extension_is_packed_whole_and_never_over_something(tmp_path):
    def pack():
        command = [sys.executable, "-S", ROOT / "scripts" / "pack_extension.py", tmp_path / "out"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert pack().returncode == 0
    out = tmp_path / "out"
    assert load(out / "hooks" / "hooks.json") == load("extensions/gemini/hooks/hooks.json")
    for name in (
        "gemini-extension.json",
        "GEMINI.md",
        "mcp.sh",
        "hooks/llm_router_hook.py",
        "skills/llm-routing/SKILL.md",
    ):
        assert (out / name).is_file()
    assert (out / "llm_router" / "classify" / "rules.py").read_bytes() == (
        ROOT / "llm_router" / "classify" / "rules.py"
    ).read_bytes()
    again = pack()
    assert again.returncode == 1
    assert "exists" in again.stderr
