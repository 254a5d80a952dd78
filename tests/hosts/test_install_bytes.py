"""Install and uninstall, for every host: what belongs to others stays byte for byte."""

import json
import tomllib

import pytest
from settings_files import PROJECT, STYLES, USER
from trees import read_json, tree, write

from llm_router.hosts.known import HOSTS

ENTRY = {
    "claude": (".claude.json", "mcpServers"),
    "codex": (".codex/config.toml", "mcp_servers"),
    "gemini-cli": (".gemini/settings.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
    "opencode": (".config/opencode/opencode.jsonc", "mcp"),
    "zed": (".config/zed/settings.json", "context_servers"),
    "claude-desktop": (".config/Claude/claude_desktop_config.json", "mcpServers"),
}


def data(path):
    if path.suffix == ".toml":
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    return read_json(path)


def without_ours(value):
    """The data with everything of ours taken out, and what is empty."""
    if isinstance(value, dict):
        kept = {k: without_ours(v) for k, v in value.items() if k != "llm-router" and not _ours(v)}
        return {k: v for k, v in kept.items() if v not in ({}, [])}
    if isinstance(value, list):
        return [without_ours(v) for v in value if not _ours(v)]
    return value


def _ours(value):
    if value == "mcp__llm-router":
        return True
    hooks = value.get("hooks") if isinstance(value, dict) else None
    hooks = (
        hooks
        if isinstance(hooks, list)
        else [value]
        if isinstance(value, dict) and "command" in value
        else []
    )
    return bool(hooks) and all("llm_router_hook" in json.dumps(hook) for hook in hooks)


def test_every_host_has_settings_files_to_try():
    assert set(USER) == set(HOSTS) == set(ENTRY)
    assert set(PROJECT) == {name for name, host in HOSTS.items() if "project" in host.scopes}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("host", USER)
def test_uninstall_gives_the_bytes_back(here, host, style):
    write(here.home, USER[host], STYLES[style])
    before = tree(here.home)
    content = {name: data(here.home / name) for name in USER[host]}
    code, said = here.json("install", "--host", host)
    assert (code, said["ok"]) == (0, True)
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"changed"}
    for name in USER[host]:
        assert without_ours(data(here.home / name)) == without_ours(content[name])
        raw = (here.home / name).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf") == (style == "byte order mark")
        assert (b"\r\n" in raw and raw.count(b"\n") == raw.count(b"\r\n")) == (
            style == "CRLF" and b"\n" in STYLES[style](USER[host][name])
        )
    code, said = here.json("uninstall", "--host", host)
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"restored"}
    assert tree(here.home) == before


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("host", USER)
def test_install_only_adds(here, host, style):
    write(here.home, USER[host], STYLES[style])
    here.run("install", "--host", host)
    for name, text in USER[host].items():
        left = iter((here.home / name).read_bytes())
        assert all(byte in left for byte in STYLES[style](text))


@pytest.mark.parametrize("host", USER)
def test_installing_twice_changes_nothing(here, host):
    write(here.home, USER[host])
    here.run("install", "--host", host)
    before = tree(here.home), tree(here.router)
    code, said = here.json("install", "--host", host)
    assert code == 0
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"unchanged"}
    assert (tree(here.home), tree(here.router)) == before


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("host", USER)
def test_what_others_change_in_between_stays(here, host, style):
    write(here.home, USER[host], STYLES[style])
    here.run("install", "--host", host)
    for name in USER[host]:  # a comment at the end is a change that every format allows
        path = here.home / name
        mark = b"\n# later\n" if name.endswith(".toml") else b"\n// later\n"
        path.write_bytes(path.read_bytes() + mark)
    here.run("uninstall", "--host", host)
    for name, text in USER[host].items():
        mark = b"\n# later\n" if name.endswith(".toml") else b"\n// later\n"
        assert (here.home / name).read_bytes() == STYLES[style](text) + mark


@pytest.mark.parametrize("host", USER)
def test_uninstall_works_without_its_receipts(here, host):
    write(here.home, USER[host])
    before = tree(here.home)
    here.run("install", "--host", host)
    for damage in (None, b"{", b'{"files": {"x": 3}, "folders": 7}'):
        receipts = here.router / "hosts.json"
        receipts.unlink(missing_ok=True)
        if damage:
            receipts.write_bytes(damage)
        here.run("uninstall", "--host", host)
        if host == "claude-desktop":  # nobody knows any more that the empty section was there before
            assert read_json(here.home / ENTRY[host][0]) == {"globalShortcut": ""}
            write(here.home, USER[host])
        assert tree(here.home) == before
        here.run("install", "--host", host)


@pytest.mark.parametrize("host", USER)
def test_what_was_made_is_removed_again(here, host):
    before = tree(here.home)
    code, said = here.json("install", "--host", host)
    assert code == 0
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"created"}
    assert all((here.home / each["path"]).is_file() for each in said["hosts"][0]["files"])
    code, said = here.json("uninstall", "--host", host)
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"removed"}
    assert tree(here.home) == before


def test_folders_that_hosts_share_go_with_the_last(here):
    here.run("install", "--host", "zed", "--host", "opencode")
    here.run("uninstall", "--host", "zed")
    assert sorted(path.name for path in (here.home / ".config").iterdir()) == ["opencode"]
    here.run("uninstall", "--host", "opencode")
    assert tree(here.home) == {}


def test_a_folder_that_others_use_meanwhile_stays(here):
    here.run("install", "--host", "cursor")
    (here.home / ".cursor" / "extensions").mkdir()
    here.run("uninstall")
    assert tree(here.home) == {".cursor": "folder", ".cursor/extensions": "folder"}


def test_a_file_that_we_made_and_others_use_meanwhile_stays(here):
    here.run("install", "--host", "cursor")
    path = here.home / ".cursor" / "mcp.json"
    path.write_text(
        path.read_text().replace('"mcpServers": {', '"mcpServers": {\n    "other": {"command": "x"},')
    )
    here.run("uninstall")
    assert read_json(path) == {"mcpServers": {"other": {"command": "x"}}}


@pytest.mark.parametrize("host", PROJECT)
def test_a_project_is_installed_and_left_as_it_was(here, host):
    write(here.project, PROJECT[host])
    before = tree(here.project)
    code, said = here.json("install", "--host", host, "--scope", "project")
    assert (code, said["scope"]) == (0, "project")
    assert {each["change"] for each in said["hosts"][0]["files"]} == {"changed"}
    assert tree(here.home) == {}
    here.run("uninstall", "--host", host, "--scope", "project")
    assert tree(here.project) == before


@pytest.mark.parametrize(("host", "place"), ENTRY.items())
def test_the_entry_is_where_and_as_the_host_reads_it(here, host, place):
    file, section = place
    write(here.home, USER[host])
    here.run("install", "--host", host)
    entry = data(here.home / file)[section]["llm-router"]
    if host == "opencode":
        assert entry["type"] == "local"
        command, *rest = entry["command"]
    else:
        command, rest = entry["command"], entry["args"]
        assert "url" not in entry
        assert "serverUrl" not in entry
    assert command.startswith("/")
    assert rest[-1] == "mcp"
    expected = {"claude": ("type", "stdio"), "vscode": ("type", "stdio"), "gemini-cli": ("trust", True)}
    if host in expected:
        key, value = expected[host]
        assert entry[key] is value or entry[key] == value


def test_codex_is_told_which_variables_to_pass_and_never_to_insist(here):
    here.run("install", "--host", "codex")
    entry = data(here.home / ".codex/config.toml")["mcp_servers"]["llm-router"]
    named = {"OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_BASE_URL", "OLLAMA_HOST"}
    assert named | {"LLM_ROUTER_HOME", "LLM_ROUTER_PROFILE", "HTTPS_PROXY", "AWS_REGION"} <= set(
        entry["env_vars"]
    )
    assert len(set(entry["env_vars"])) == len(entry["env_vars"])
    assert entry["startup_timeout_sec"] >= 10
    assert "required" not in entry


def test_gemini_passes_keys_by_name_and_no_value_is_written(here, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-a-secret")
    here.run("install", "--host", "gemini-cli")
    env = data(here.home / ".gemini/settings.json")["mcpServers"]["llm-router"]["env"]
    assert env["GEMINI_API_KEY"] == "${GEMINI_API_KEY:-}"
    assert "OPENAI_API_KEY" in env
    assert "AIza-a-secret" not in (here.home / ".gemini/settings.json").read_text()


def test_a_home_of_the_router_that_was_moved_is_told_to_the_server(here, monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_ROUTER_HOME", str(tmp_path / "moved"))
    here.run("install", "--host", "claude-desktop", "--host", "opencode", "--host", "codex")
    moved = {"LLM_ROUTER_HOME": str(tmp_path / "moved")}
    assert data(here.home / ENTRY["claude-desktop"][0])["mcpServers"]["llm-router"]["env"] == moved
    assert data(here.home / ".config/opencode/opencode.json")["mcp"]["llm-router"]["environment"] == moved
    assert data(here.home / ENTRY["codex"][0])["mcp_servers"]["llm-router"]["env"] == moved


def test_the_hooks_of_each_host(here):
    here.run("install", "--host", "claude", "--host", "codex", "--host", "gemini-cli")
    claude = data(here.home / ".claude/settings.json")
    turn = {"SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionEnd"}
    turn |= {"SubagentStart", "SubagentStop"}
    assert set(claude["hooks"]) == turn | {"PostToolUseFailure"}
    ((prompt,),) = [[group["hooks"][0] for group in claude["hooks"]["UserPromptSubmit"]]]
    assert prompt["command"].startswith("/")
    assert prompt["args"][-2:] == ["claude", "UserPromptSubmit"]
    assert claude["hooks"]["SessionEnd"][0]["hooks"][0]["async"] is True
    assert claude["permissions"] == {"allow": ["mcp__llm-router"]}
    assert "llm_router_hook" in claude["statusLine"]["command"]
    assert set(data(here.home / ".codex/hooks.json")["hooks"]) == turn
    gemini = data(here.home / ".gemini/settings.json")["hooks"]
    assert {"BeforeAgent", "BeforeTool", "AfterTool", "AfterAgent", "SessionStart", "SessionEnd"} == set(
        gemini
    )
    assert gemini["BeforeTool"][0]["hooks"][0]["timeout"] >= 1000  # milliseconds there
