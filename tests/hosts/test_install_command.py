"""The commands: what they choose, what they print, and that asking for help does nothing."""

import json
from pathlib import Path

import pytest
from settings_files import PLAIN_MCP, PROJECT, USER, ZED
from trees import tree, write

from llm_router.hosts.host import Machine
from llm_router.hosts.known import HOSTS

CURSOR = ".cursor/mcp.json"


@pytest.mark.parametrize(
    "arguments",
    [
        ("install", "--help"),
        ("install", "--host", "cursor", "--help"),
        ("uninstall", "--help"),
        ("status", "--help"),
        ("status",),
        ("install", "--dry-run"),
        ("uninstall", "--dry-run"),
    ],
)
def test_asking_changes_nothing(here, arguments):
    write(here.home, {name: text for each in USER.values() for name, text in each.items()})
    before = tree(here.home)
    code, out = here.run(*arguments)
    assert code == 0
    assert out or here.err
    assert tree(here.home) == before
    assert not here.router.exists()


def test_a_dry_run_shows_the_difference_and_hides_secrets(here):
    write(here.home, {CURSOR: PLAIN_MCP.replace('"abc"', '"sk-abcdefghijklmnop"')})
    code, out = here.run("install", "--dry-run", "--host", "cursor")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"--- {here.home / CURSOR}"
    assert lines[1] == f"+++ {here.home / CURSOR}"
    assert any(line.startswith("+") and '"llm-router": {' in line for line in lines)
    assert "sk-abcdefghijklmnop" not in out
    assert '"API_KEY": ***' in out
    code, said = here.json("install", "--dry-run", "--host", "cursor")
    assert said["dry_run"] is True
    assert "@@" in said["hosts"][0]["files"][0]["diff"]


def test_a_dry_run_is_what_then_happens(here):
    write(here.home, USER["zed"])
    _, said = here.json("install", "--dry-run", "--host", "zed")
    before = ZED.splitlines()
    here.run("install", "--host", "zed")
    after = (here.home / ".config/zed/settings.json").read_text().splitlines()
    added = [
        line[1:] for line in said["hosts"][0]["files"][0]["diff"].splitlines()[2:] if line.startswith("+")
    ]
    assert added
    assert [line for line in after if line not in before] == [line for line in added if line not in before]


def test_without_a_name_the_hosts_on_this_machine_are_taken(here, tmp_path):
    (here.home / ".config/zed").mkdir(parents=True)
    program = tmp_path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    _, said = here.json("install")
    assert [each["host"] for each in said["hosts"]] == ["codex", "zed"]


def test_with_no_host_on_the_machine_nothing_is_made_up(here):
    code, said = here.json("install")
    assert (code, said["code"]) == (4, "not_found")
    assert "--host" in said["fix"]
    assert tree(here.home) == {}


def test_an_unknown_host_is_said_with_those_there_are(here):
    code, said = here.json("install", "--host", "emacs")
    assert code == 4
    assert all(name in said["fix"] for name in HOSTS)


@pytest.mark.parametrize(
    ("alias", "name"), [("claude-code", "claude"), ("gemini", "gemini-cli"), ("Cursor", "cursor")]
)
def test_hosts_have_the_names_people_use(here, alias, name):
    _, said = here.json("install", "--dry-run", "--host", alias, "--host", name)
    assert [each["host"] for each in said["hosts"]] == [name]


def test_both_parts_left_out_is_a_mistake(here):
    assert here.run("install", "--no-mcp", "--no-hooks", "--host", "zed")[0] == 2


def test_a_host_without_project_settings_says_so(here):
    code, said = here.json("install", "--scope", "project", "--host", "windsurf", "--host", "zed")
    assert code == 0
    assert "project" in said["hosts"][0]["skipped"]
    assert (here.project / ".zed/settings.json").is_file()


def test_home_is_no_project(here, monkeypatch):
    monkeypatch.chdir(here.home)
    assert here.run("install", "--scope", "project", "--host", "zed")[0] == 2
    assert tree(here.home) == {}


def test_a_projects_shared_files_hold_no_hooks_of_this_machine(here):
    here.run("install", "--scope", "project", "--host", "claude")
    assert set(json.loads((here.project / ".mcp.json").read_text())) == {"mcpServers"}
    assert not (here.project / ".claude/settings.json").exists()
    assert "llm_router_hook" in (here.project / ".claude/settings.local.json").read_text()


def test_status_tells_every_host_its_files_and_backups(here):
    write(here.home, {**USER["cursor"], **USER["zed"]})
    here.run("install", "--host", "cursor")
    code, said = here.json("status")
    assert code == 0
    by_name = {each["host"]: each for each in said["hosts"]}
    assert set(by_name) == set(HOSTS)
    cursor = by_name["cursor"]
    assert (cursor["mcp"], cursor["hooks"], cursor["scope"]) == ("installed", None, "user")
    assert [Path(each).read_text() for each in cursor["backups"]] == [PLAIN_MCP]
    assert by_name["zed"]["mcp"] == "missing"
    assert by_name["zed"]["found"]
    assert (by_name["claude"]["mcp"], by_name["claude"]["hooks"]) == ("missing", "missing")
    code, out = here.run("status")
    assert "cursor" in out
    assert cursor["backups"][0] in out


def test_status_shows_a_project_only_if_we_are_in_it(here):
    write(here.project, PROJECT["cursor"])
    assert {each["scope"] for each in here.json("status")[1]["hosts"]} == {"user"}
    here.run("install", "--scope", "project", "--host", "cursor")
    shown = [each for each in here.json("status")[1]["hosts"] if each["scope"] == "project"]
    assert [(each["host"], each["mcp"]) for each in shown] == [("cursor", "installed")]


def test_status_names_a_file_that_cannot_be_read(here):
    write(here.home, {CURSOR: "{"})
    code, said = here.json("status", "--host", "cursor")
    assert code == 2
    assert said["hosts"][0]["mcp"] == "unreadable"
    assert said["hosts"][0]["problems"][0]["line"] == 1


def test_backups_are_kept_one_for_each_change(here):
    write(here.home, USER["cursor"])
    for _ in range(2):
        here.run("install", "--host", "cursor")
        here.run("install", "--host", "cursor")
        here.run("uninstall", "--host", "cursor")
    _, said = here.json("status", "--host", "cursor")
    assert len(set(said["hosts"][0]["backups"])) == 4


def test_the_words_of_a_person_are_short(here):
    write(here.home, USER["cursor"])
    _, out = here.run("install", "--host", "cursor")
    assert out.startswith(f"cursor: changed {here.home / CURSOR} (backup: ")
    assert "Cursor" in here.err  # what is left to do
    here.run("install", "--host", "cursor")
    assert "nothing to change" in here.err


# ── where settings are, by system ────────────────────────────────────────────

PLACES = [
    ("darwin", {}, "vscode", "Library/Application Support/Code/User"),
    ("linux", {}, "vscode", ".config/Code/User"),
    ("darwin", {}, "claude-desktop", "Library/Application Support/Claude"),
    ("darwin", {}, "zed", ".config/zed"),
]


@pytest.mark.parametrize(("platform", "environ", "host", "folder"), PLACES)
def test_settings_are_where_the_system_has_them(platform, environ, host, folder):
    machine = Machine(Path("/home/me"), Path("/p"), environ, platform)
    assert Path("/home/me") / folder in HOSTS[host].folders(machine)


@pytest.mark.parametrize(
    ("variable", "host", "below"),
    [
        ("CLAUDE_CONFIG_DIR", "claude", ""),
        ("CODEX_HOME", "codex", ""),
        ("GEMINI_CLI_HOME", "gemini-cli", ".gemini"),
        ("XDG_CONFIG_HOME", "opencode", "opencode"),
    ],
)
def test_variables_move_them(variable, host, below):
    machine = Machine(Path("/home/me"), Path("/p"), {variable: "/else where"}, "linux")
    assert HOSTS[host].folders(machine)[0] == Path("/else where") / below


def test_on_windows_they_are_in_appdata():
    machine = Machine(Path("/Users/me"), Path("/p"), {"APPDATA": "/Users/me/AppData/Roaming"}, "win32")
    assert HOSTS["zed"].folders(machine) == (Path("/Users/me/AppData/Roaming/Zed"),)
    assert Path("/Users/me/AppData/Roaming/Code/User") in HOSTS["vscode"].folders(machine)


def test_claude_state_is_in_its_own_folder_where_that_was_moved(here, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(here.home / "claude dir"))
    _, said = here.json("install", "--host", "claude")
    names = [str(Path(each["path"]).relative_to(here.home)) for each in said["hosts"][0]["files"]]
    assert names == ["claude dir/.claude.json", "claude dir/settings.json"]


def test_every_edition_of_vs_code_that_is_there_is_served(here):
    for edition in ("Code - Insiders", "VSCodium"):
        (here.home / ".config" / edition / "User").mkdir(parents=True)
    _, said = here.json("install", "--host", "vscode")
    assert len(said["hosts"][0]["files"]) == 2


def test_opencode_is_edited_where_we_are_in_already(here):
    write(here.home, {".config/opencode/opencode.json": "{}"})
    here.run("install", "--host", "opencode")
    write(here.home, {".config/opencode/opencode.jsonc": "{}"})
    assert here.json("install", "--host", "opencode")[1]["hosts"][0]["files"][0]["change"] == "unchanged"
    here.run("uninstall", "--host", "opencode")
    assert (here.home / ".config/opencode/opencode.json").read_text() == "{}"
