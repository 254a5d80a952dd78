"""What can be in the way of an installation, and what it does then."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from settings_files import CLAUDE_SETTINGS, CODEX_CONFIG, PLAIN_MCP, USER, ZED
from trees import read_json, tree, write

from llm_router.errors import ConfigError
from llm_router.hosts import files
from llm_router.hosts.known import HOSTS

CURSOR = ".cursor/mcp.json"
BROKEN = '{\n  "mcpServers": {\n    "a": {}\n    "b": {}\n  }\n}\n'


def problems(said):
    return [file for host in said["hosts"] for file in host["files"] if file["change"] == "failed"]


# ── files that cannot be read or written ─────────────────────────────────────


def test_a_file_that_does_not_parse_is_refused_with_its_place_and_the_others_are_done(here):
    write(here.home, {CURSOR: BROKEN, ".config/zed/settings.json": ZED})
    before = tree(here.home / ".cursor")
    code, said = here.json("install", "--host", "cursor", "--host", "zed")
    assert code == 2
    ((problem,),) = [problems(said)]
    assert (problem["line"], problem["column"]) == (4, 5)
    assert problem["file"] == str(here.home / CURSOR)
    assert problem["fix"]
    assert tree(here.home / ".cursor") == before
    assert "llm-router" in read_json(here.home / ".config/zed/settings.json")["context_servers"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b'{"a": "\xff"}', (1, 8)), (b"\xff\xfe{\x00}\x00", (1, 1)), (b'{"a": 1}\n{"mcpServers": {}}', (2, 1))],
)
def test_what_is_not_a_json_text_is_refused(here, raw, place):
    (here.home / ".cursor").mkdir()
    (here.home / CURSOR).write_bytes(raw)
    code, said = here.json("install", "--host", "cursor")
    assert code == 2
    assert [(each["line"], each["column"]) for each in problems(said)] == [place]
    assert (here.home / CURSOR).read_bytes() == raw


def test_a_toml_file_that_does_not_parse_is_refused_with_its_place(here):
    write(here.home, {".codex/config.toml": 'model = "x"\nmodel = = 3\n'})
    code, said = here.json("install", "--host", "codex", "--no-hooks")
    assert code == 2
    assert [(each["line"], each["column"]) for each in problems(said)] == [(2, 9)]


def test_uninstall_refuses_a_broken_file_only_if_we_may_be_in_it(here):
    write(here.home, {CURSOR: BROKEN})
    assert here.run("uninstall")[0] == 0
    write(here.home, {CURSOR: BROKEN.replace('"b"', '"llm-router"')})
    assert here.run("uninstall")[0] == 2


def test_a_read_only_file_is_named_with_a_fix_and_the_others_are_done(here):
    write(here.home, {CURSOR: PLAIN_MCP, ".config/zed/settings.json": ZED})
    (here.home / CURSOR).chmod(0o444)
    code, said = here.json("install", "--host", "cursor", "--host", "zed")
    assert code == 2
    ((problem,),) = [problems(said)]
    assert str(here.home / CURSOR) in problem["error"]
    assert "chmod" in problem["fix"]
    assert (here.home / CURSOR).read_text() == PLAIN_MCP
    assert "llm-router" in (here.home / ".config/zed/settings.json").read_text()


@pytest.mark.parametrize("broken", [True, False])
def test_a_host_of_two_files_of_which_one_is_refused_gets_neither(here, broken):
    write(here.home, {".codex/config.toml": "model = = 3\n" if broken else "model = 'x'\n"})
    (here.home / ".codex/config.toml").chmod(0o644 if broken else 0o444)
    before = tree(here.home / ".codex")
    for more in (["--dry-run"], []):
        code, said = here.json("install", "--host", "codex", *more)
        assert code == 2
        (problem,) = problems(said)
        assert "config.toml" in problem["path"]
        assert tree(here.home / ".codex") == before


def test_a_folder_where_the_file_should_be_is_an_error_and_not_a_crash(here):
    (here.home / CURSOR).mkdir(parents=True)
    code, said = here.json("install", "--host", "cursor")
    assert code == 2
    assert str(here.home / CURSOR) in problems(said)[0]["error"]


def test_without_room_for_a_backup_nothing_is_written(here, monkeypatch):
    write(here.home, {CURSOR: PLAIN_MCP})
    here.router.mkdir()
    (here.router / "backups").write_text("in the way")
    code, said = here.json("install", "--host", "cursor")
    assert code == 2
    assert "backups" in problems(said)[0]["error"]
    assert (here.home / CURSOR).read_text() == PLAIN_MCP


def test_a_full_disk_leaves_the_file_as_it_was(here, monkeypatch):
    write(here.home, {CURSOR: PLAIN_MCP})
    before = tree(here.home / ".cursor")
    here.run("install", "--host", "zed")
    real = os.fsync

    def full(handle):
        if "mcp.json" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    code, said = here.json("install", "--host", "cursor")
    assert code == 2
    assert "No space left" in problems(said)[0]["error"]
    assert "room" in problems(said)[0]["fix"]
    assert tree(here.home / ".cursor") == before


def test_a_file_that_is_mounted_and_cannot_be_replaced_is_written_in_place(here, monkeypatch):
    write(here.home, {CURSOR: PLAIN_MCP})
    before, inode, real = tree(here.home / ".cursor"), (here.home / CURSOR).stat().st_ino, Path.replace

    def busy(self, target):
        if Path(target).name == "mcp.json":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    assert here.run("install", "--host", "cursor")[0] == 0
    assert (here.home / CURSOR).stat().st_ino == inode
    here.run("uninstall", "--host", "cursor")
    assert tree(here.home / ".cursor") == before


# ── links, modes, other writers ──────────────────────────────────────────────


def test_a_link_into_a_dotfiles_folder_is_written_through(here):
    write(here.home, {"dotfiles/zed.json": ZED})
    (here.home / ".config/zed").mkdir(parents=True)
    link = here.home / ".config/zed/settings.json"
    link.symlink_to("../../dotfiles/zed.json")
    before = tree(here.home)
    here.run("install", "--host", "zed")
    assert link.is_symlink()
    assert "llm-router" in (here.home / "dotfiles/zed.json").read_text()
    here.run("uninstall", "--host", "zed")
    assert tree(here.home) == before


def test_a_link_to_nothing_is_written_through_too(here):
    (here.home / ".cursor").mkdir()
    (here.home / CURSOR).symlink_to(here.home / "dotfiles/cursor.json")
    before = tree(here.home)
    assert here.run("install", "--host", "cursor")[0] == 0
    assert "llm-router" in read_json(here.home / "dotfiles/cursor.json")["mcpServers"]
    here.run("uninstall", "--host", "cursor")
    assert tree(here.home) == before


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_mode_is_kept(here, mode):
    write(here.home, {CURSOR: PLAIN_MCP})
    (here.home / CURSOR).chmod(mode)
    here.run("install", "--host", "cursor")
    assert (here.home / CURSOR).stat().st_mode & 0o777 == mode


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file away")
def test_owner_is_kept(here):
    write(here.home, {CURSOR: PLAIN_MCP})
    os.chown(here.home / CURSOR, 1234, 4321)
    here.run("install", "--host", "cursor")
    facts = (here.home / CURSOR).stat()
    assert (facts.st_uid, facts.st_gid) == (1234, 4321)


def test_hard_links_stay_linked(here):
    write(here.home, {CURSOR: PLAIN_MCP})
    os.link(here.home / CURSOR, here.home / "other")
    here.run("install", "--host", "cursor")
    assert (here.home / "other").read_text() == (here.home / CURSOR).read_text() != PLAIN_MCP


def test_backups_can_be_read_by_the_owner_only(here):
    write(here.home, {CURSOR: PLAIN_MCP})
    here.run("install", "--host", "cursor")
    (backup,) = (here.router / "backups").iterdir()
    assert backup.read_text() == PLAIN_MCP
    assert backup.stat().st_mode & 0o077 == 0


def test_what_a_host_writes_at_the_same_moment_is_not_lost(here, monkeypatch):
    write(here.home, {CURSOR: PLAIN_MCP})
    real, late = (
        files._look_like,
        ['{"mcpServers": {"late": {"command": "x"}}}', '{"mcpServers": {"later": {}}}'],
    )

    def someone_writes(temporary, path):
        if path.name == "mcp.json" and late:
            path.write_text(late.pop(0))
        real(temporary, path)

    monkeypatch.setattr(files, "_look_like", someone_writes)
    assert here.run("install", "--host", "cursor")[0] == 0
    assert list(read_json(here.home / CURSOR)["mcpServers"]) == ["later", "llm-router"]
    monkeypatch.undo()


def test_a_file_that_never_rests_is_given_up_with_a_reason(here, monkeypatch):
    write(here.home, {CURSOR: PLAIN_MCP})
    real, count = files._look_like, iter(range(100))

    def someone_writes(temporary, path):
        if path.name == "mcp.json":
            path.write_text(f'{{"n": {next(count)}}}')
        real(temporary, path)

    monkeypatch.setattr(files, "_look_like", someone_writes)
    code, said = here.json("install", "--host", "cursor")
    assert code == 2
    assert "another program" in problems(said)[0]["error"]
    assert list(read_json(here.home / CURSOR)) == ["n"]


def test_the_lock_of_claude_code_is_taken_and_given_back(here, monkeypatch):
    write(here.home, {".claude.json": '{"a": 1}'})
    seen, real = [], files._look_like
    monkeypatch.setattr(
        files,
        "_look_like",
        lambda temporary, path: (seen.append(Path(f"{path}.lock").is_dir()), real(temporary, path)),
    )
    here.run("install", "--host", "claude")
    assert seen == [True, False]  # .claude.json, settings.json
    assert not (here.home / ".claude.json.lock").exists()


def test_a_lock_that_claude_code_left_behind_does_not_stop_us(here):
    write(here.home, {".claude.json": "{}"})
    lock = here.home / ".claude.json.lock"
    lock.mkdir()
    os.utime(lock, (0, 0))
    assert here.run("install", "--host", "claude")[0] == 0
    assert not lock.exists()


def test_many_installs_at_once_leave_one_entry_each(here, tmp_path):
    write(here.home, {name: text for each in USER.values() for name, text in each.items()})
    environ = {"HOME": str(here.home), "PATH": "/usr/bin:/bin"}
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "llm_router", "install", "--json"],
            env={
                **environ,
                "LLM_ROUTER_HOME": str(tmp_path / f"home {n % 2}"),
            },  # two that know nothing of each other
            cwd=here.project,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(6)
    ]
    outs = [each.communicate(timeout=120)[0] for each in commands]
    assert [each.returncode for each in commands] == [0] * 6, outs
    settings = read_json(here.home / ".claude/settings.json")
    assert settings["permissions"]["allow"].count("mcp__llm-router") == 1
    assert {event: len(groups) for event, groups in settings["hooks"].items() if len(groups) > 1} == {
        "PreToolUse": 2
    }
    assert (here.home / ".codex/config.toml").read_text().count("[mcp_servers.llm-router]") == 1
    _, said = here.json("status")
    found = {each["host"]: each["mcp"] for each in said["hosts"] if each["scope"] == "user"}
    assert set(found) == set(HOSTS)


# ── what is already there ────────────────────────────────────────────────────


def test_a_server_of_the_users_own_with_our_name_stays(here):
    own = '{"mcpServers": {"llm-router": {"url": "http://10.0.0.1/mcp"}}}'
    write(here.home, {CURSOR: own})
    code, said = here.json("install", "--host", "cursor")
    assert code == 0
    assert "of your own" in said["hosts"][0]["notes"][0]
    here.run("uninstall")
    assert (here.home / CURSOR).read_text() == own


def test_a_wrapper_of_the_users_stays(here):
    own = '{"mcpServers": {"llm-router": {"command": "mise", "args": ["x", "--", "llm-router", "mcp"]}}}'
    write(here.home, {CURSOR: own})
    here.run("install", "--host", "cursor")
    assert (here.home / CURSOR).read_text() == own


def test_an_entry_made_by_hand_is_brought_up_to_date_and_keeps_what_the_user_added(here):
    own = (
        '{\n  "mcpServers": {\n    "llm-router": {\n      "command": "llm-router", // mine\n'
        '      "args": ["mcp"],\n      "env": {"OPENAI_API_KEY": "sk-mine"}, "disabled": true\n    }\n  }\n}\n'
    )
    write(here.home, {CURSOR: own})
    assert here.json("status", "--host", "cursor")[1]["hosts"][0]["mcp"] == "outdated"
    here.run("install", "--host", "cursor")
    text = (here.home / CURSOR).read_text()
    command = read_json(here.home / CURSOR)["mcpServers"]["llm-router"]["command"]
    assert text == own.replace('"command": "llm-router"', f'"command": {json.dumps(command)}')
    assert here.json("status", "--host", "cursor")[1]["hosts"][0]["mcp"] == "installed"
    here.run("uninstall")
    assert read_json(here.home / CURSOR) == {}


def test_the_users_environment_wins_over_ours(here):
    write(
        here.home,
        {
            ".gemini/settings.json": '{"mcpServers": {"llm-router": {"command": "llm-router", "args": ["mcp"], '
            '"env": {"GEMINI_API_KEY": "AIza-mine", "MINE": "1"}}}}'
        },
    )
    here.run("install", "--host", "gemini-cli")
    env = read_json(here.home / ".gemini/settings.json")["mcpServers"]["llm-router"]["env"]
    assert (env["GEMINI_API_KEY"], env["MINE"]) == ("AIza-mine", "1")
    assert "OPENAI_API_KEY" in env
    assert here.json("status", "--host", "gemini-cli")[1]["hosts"][0]["mcp"] == "installed"


def test_a_status_line_of_the_users_stays(here):
    own = '{"statusLine": {"type": "command", "command": "my-line"}}'
    write(here.home, {".claude/settings.json": own})
    _, said = here.json("install", "--host", "claude")
    assert "your own status line stays" in said["hosts"][0]["notes"]
    assert read_json(here.home / ".claude/settings.json")["statusLine"]["command"] == "my-line"
    assert here.json("status", "--host", "claude")[1]["hosts"][0]["hooks"] == "installed"
    here.run("uninstall")
    assert (here.home / ".claude/settings.json").read_text() == own


def test_hooks_of_an_older_version_are_renewed_once(here):
    old = {"type": "command", "command": "/old/python -c 'import llm_router_hook'"}
    other = {"type": "command", "command": "mine"}
    write(
        here.home,
        {
            ".claude/settings.json": json.dumps(
                {
                    "hooks": {
                        "Stop": [{"hooks": [old]}, {"hooks": [other]}, {"hooks": [old]}],
                        "PreToolUse": [{"matcher": "Bash", "hooks": [other, old]}],
                        "PreCompact": [{"hooks": [old]}],
                    }
                },
                indent=2,
            )
        },
    )
    assert here.json("status", "--host", "claude")[1]["hosts"][0]["hooks"] == "outdated"
    here.run("install", "--host", "claude")
    text = (here.home / ".claude/settings.json").read_text()
    hooks = read_json(here.home / ".claude/settings.json")["hooks"]
    assert "/old/python" not in text
    assert hooks["Stop"][0] == {"hooks": [other]}
    assert len(hooks["Stop"]) == 2
    assert hooks["PreToolUse"][0] == {"matcher": "Bash", "hooks": [other]}
    assert len(hooks["PreToolUse"]) == 2
    assert here.json("status", "--host", "claude")[1]["hosts"][0]["hooks"] == "installed"
    here.run("uninstall")
    left = read_json(here.home / ".claude/settings.json")["hooks"]
    assert {k: v for k, v in left.items() if v} == {
        "Stop": [{"hooks": [other]}],
        "PreToolUse": [{"matcher": "Bash", "hooks": [other]}],
    }


def test_an_upgrade_does_not_lose_the_original(here, monkeypatch):
    write(here.home, USER["claude"])
    before = tree(here.home)
    here.run("install", "--host", "claude")
    monkeypatch.setattr("llm_router.hosts.launcher.FLAGS", ("-S", "-E"))
    assert here.json("status", "--host", "claude")[1]["hosts"][0]["hooks"] == "outdated"
    here.run("install", "--host", "claude")
    _, said = here.json("uninstall")
    assert "restored" in {each["change"] for each in said["hosts"][0]["files"]}
    assert tree(here.home) == before


def test_comments_that_claude_code_cannot_read_stay_and_are_mentioned(here):
    own = CLAUDE_SETTINGS.replace('  "model"', '  // mine\n  "model"')
    write(here.home, {".claude/settings.json": own})
    _, said = here.json("install", "--host", "claude")
    assert any("comments" in note for note in said["hosts"][0]["notes"])
    assert "// mine" in (here.home / ".claude/settings.json").read_text()
    here.run("uninstall")
    assert (here.home / ".claude/settings.json").read_text() == own


GEMINI_EXTENSION = {".gemini/extensions/llm-router/gemini-extension.json": '{"version": "0.0.1"}'}
GEMINI_SWITCH = ".gemini/extensions/extension-enablement.json"
PLUGINS = {
    "claude": {".claude/settings.json": '{"enabledPlugins": {"llm-router@llm-router": true}}'},
    "codex": {".codex/config.toml": '[plugins."llm-router@here"]\nenabled = true\n'},
    "gemini-cli": GEMINI_EXTENSION,
}


@pytest.mark.parametrize("host", PLUGINS)
def test_where_our_plugin_is_on_nothing_is_doubled(here, host):
    write(here.home, PLUGINS[host])
    before = tree(here.home)
    code, said = here.json("install", "--host", host)
    assert code == 0
    assert "brings the server and the hooks itself" in said["hosts"][0]["skipped"]
    assert tree(here.home) == before


@pytest.mark.parametrize(
    ("host", "files"),
    [
        ("claude", {".claude/settings.json": '{"enabledPlugins": {"llm-router@llm-router": false}}'}),
        ("codex", {".codex/config.toml": '[plugins."llm-router@here"]\nenabled = false\n'}),
        ("codex", {".codex/config.toml": '[plugins."another@here"]\nenabled = true\n'}),
    ],
)
def test_a_plugin_that_is_off_or_not_ours_brings_nothing(here, host, files):
    write(here.home, files)
    _, said = here.json("install", "--host", host)
    assert not said["hosts"][0]["skipped"]


@pytest.mark.parametrize(
    ("rules", "on"),
    [
        (["{home}/*"], True),
        (["!{home}/*"], False),
        (["{home}/*", "!{home}/code/*"], True),
        (["!/*", "{home}/*"], True),
        (["!/*"], False),
    ],
)
def test_the_last_rule_that_covers_the_home_switches_the_extension(here, rules, on):
    overrides = [rule.format(home=here.home) for rule in rules]
    switch = json.dumps({"llm-router": {"overrides": overrides}})
    write(here.home, GEMINI_EXTENSION | {GEMINI_SWITCH: switch})
    _, said = here.json("install", "--host", "gemini-cli")
    assert bool(said["hosts"][0]["skipped"]) is on


@pytest.mark.parametrize("text", ["", "\n", "{}", "{}\n", "{ }"])
def test_a_file_with_nothing_in_it_is_installed_into_and_given_back(here, text):
    write(here.home, {CURSOR: text})
    assert here.run("install", "--host", "cursor")[0] == 0
    assert list(read_json(here.home / CURSOR)["mcpServers"]) == ["llm-router"]
    here.run("uninstall")
    assert (here.home / CURSOR).read_text() == text


def test_a_table_of_servers_that_cannot_be_added_to_is_refused_with_a_way_out(here):
    text = 'mcp_servers = { a = { command = "x" } }\n'
    write(here.home, {".codex/config.toml": text})
    code, said = here.json("install", "--host", "codex")
    assert code == 2
    assert "[mcp_servers.llm-router]" in problems(said)[0]["fix"]
    assert (here.home / ".codex/config.toml").read_text() == text
    assert not (here.home / ".codex/hooks.json").exists()


def test_a_part_can_be_left_out_or_taken_back(here):
    write(here.home, {**USER["claude"], ".codex/config.toml": CODEX_CONFIG})
    before = tree(here.home)
    here.run("install", "--no-hooks", "--host", "claude", "--host", "codex")
    text = (here.home / ".claude/settings.json").read_text()
    assert "llm_router_hook" not in text
    assert "mcp__llm-router" in text
    assert not (here.home / ".codex/hooks.json").exists()
    here.run("install", "--no-mcp", "--host", "claude")
    here.run("uninstall", "--no-hooks", "--host", "claude")
    text = (here.home / ".claude/settings.json").read_text()
    assert "llm_router_hook" in text
    assert "mcp__llm-router" not in text
    here.run("uninstall")
    assert tree(here.home) == before


def test_taking_back_the_only_part_there_is_gives_the_bytes_back(here):
    write(here.home, {".claude/settings.json": '{"permissions": {}, "hooks": { }}'})
    before = tree(here.home)
    here.run("install", "--host", "claude", "--no-hooks")
    here.run("uninstall", "--host", "claude", "--no-hooks")
    assert tree(here.home) == before


def test_refusals_are_of_one_kind(here):
    with pytest.raises(ConfigError):
        files.text_of(b"\xff", Path("x"))
