"""`violations`, `hooks health|cleanup`, `doctor --hooks`, and the savings a person reads."""

import json
import time

import pytest

from llm_router import __version__
from llm_router.cli.main import run

CLAUDE = {"enabledPlugins": {"llm-router@llm-router": True}}


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A HOME and a folder to work in; nothing of this machine's is on the path."""
    home, project = tmp_path / "a höme", tmp_path / "project"
    (home / ".llm-router" / "hooks").mkdir(parents=True)
    project.mkdir()
    for name in (
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "GEMINI_CLI_HOME",
        "XDG_CONFIG_HOME",
        "LLM_ROUTER_CONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LLM_ROUTER_HOME", str(home / ".llm-router"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(project)
    return home


@pytest.fixture
def cli(user, capsys):
    def call(*arguments):
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def put(user, name, *lines):
    path = user / ".llm-router" / name
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))


def ran(hook, **more):
    return {"at": time.time(), "hook": hook, "ms": 9.0} | more


def checks(cli):
    code, out, _ = cli("doctor", "--hooks", "--json")
    return code, json.loads(out)["checks"]


def about(found, name):
    return [check for check in found if check["name"] == name]


def test_violations_are_told_with_a_report(cli, user):
    put(
        user,
        "enforcement.log",
        "[2026-03-17 09:00:00] VIOLATION session=s expected=llm_query got=Bash\n",
        "x\n",
    )
    code, out, _ = cli("violations")
    assert code == 0
    assert "1 violations in 1 sessions" in out
    assert "1 lines could not be read" in out
    assert "shell first" in out
    assert len(list((user / ".llm-router" / "retrospectives").iterdir())) == 1
    code, out, _ = cli("violations", "--json", "--since", "2026-03-18")
    assert (code, json.loads(out)["violations"]) == (0, 0)


def test_a_wrong_span_and_a_missing_log_are_errors_with_a_fix(cli):
    code, out, _ = cli("violations", "--since", "soon", "--json")
    assert (code, json.loads(out)["code"]) == (2, "usage")
    code, out, _ = cli("violations", "--log", "none.log", "--json")
    assert code == 1
    assert "none.log" in json.loads(out)["error"]


def test_health_of_hooks_as_table_and_json(cli, user):
    assert "no hook has run yet" in cli("hooks")[1]
    put(user, "hooks/health.jsonl", ran("claude Stop"), ran("claude Stop", ms=11, error="OSError at x.py:1"))
    code, out, _ = cli("hooks", "health", "--json")
    assert code == 0
    (found,) = json.loads(out)["hooks"]
    assert (found["runs"], found["errors"], found["last_error"]) == (2, 1, "OSError at x.py:1")
    assert "claude Stop" in cli("hooks", "health")[1]


def test_cleanup_by_name_and_dry(cli, user):
    put(user, "hooks/health.jsonl", ran("claude Stop"), ran("codex Stop"))
    assert (
        "would remove 1 records of codex Stop" in cli("hooks", "cleanup", "--dry-run", "--remove", "codex")[1]
    )
    code, out, _ = cli("hooks", "cleanup", "--remove", "codex", "--json")
    assert (code, json.loads(out)["removed"]) == (0, {"codex Stop": 1})
    assert cli("hooks", "cleanup", "codex")[0] == 2


def test_doctor_on_a_machine_without_hosts(cli):
    code, found = checks(cli)
    assert code == 0
    (probe,) = about(found, "hooks")
    assert probe["status"] == "ok"  # a hook was started here and now, and took some milliseconds
    assert [check["detail"] for check in about(found, "claude")] == ["not on this machine"]


def test_doctor_names_what_is_missing_and_what_was_never_fired(cli, user):
    (user / ".claude").mkdir()
    _, found = checks(cli)
    (missing,) = about(found, "claude")
    assert (missing["status"], missing["fix"]) == ("warning", "llm-router install --host claude")
    assert cli("install", "--host", "claude")[0] == 0
    _, found = checks(cli)
    installed, silent = about(found, "claude")
    assert installed["status"] == "ok"
    assert "no hook has fired yet" in silent["detail"]
    put(user, "hooks/health.jsonl", ran("claude UserPromptSubmit"))
    _, found = checks(cli)
    assert [check["status"] for check in about(found, "claude")] == ["ok", "ok"]


def test_doctor_sees_drift_slowness_and_errors(cli, user):
    (user / ".claude").mkdir()
    cli("install", "--host", "claude")
    settings = user / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace('"timeout": 5', '"timeout": 4'))
    put(user, "hooks/health.jsonl", ran("claude Stop", ms=900))
    _, found = checks(cli)
    drift, slow = about(found, "claude")
    assert "outdated" in drift["detail"]
    assert drift["fix"] == "llm-router install --host claude"
    assert (slow["status"], "900.0 ms" in slow["detail"]) == ("warning", True)
    put(user, "hooks/health.jsonl", ran("claude Stop", error="KeyError at turns.py:1"))
    _, found = checks(cli)
    assert "KeyError at turns.py:1" in about(found, "claude")[1]["detail"]


def _claude_plugin(user, version):
    settings = user / ".claude" / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | CLAUDE))
    record = user / ".claude" / "plugins" / "installed_plugins.json"
    _write(record, {"plugins": {"llm-router@llm-router": [{"version": version}]}})


def _codex_plugin(user, version):
    config = user / ".codex" / "config.toml"
    if "[plugins" not in config.read_text():
        config.write_text(config.read_text() + '\n[plugins."llm-router@here"]\nenabled = true\n')
    cached = user / ".codex" / "plugins" / "cache" / "here" / "llm-router" / "1"
    _write(cached / ".codex-plugin" / "plugin.json", {"version": version})


def _gemini_extension(user, version):
    extension = user / ".gemini" / "extensions" / "llm-router"
    _write(extension / "gemini-extension.json", {"version": version})


def _write(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body))


@pytest.mark.parametrize(
    ("host", "bring"),
    [("claude", _claude_plugin), ("codex", _codex_plugin), ("gemini-cli", _gemini_extension)],
)
def test_doctor_reads_the_plugin_and_hooks_that_are_there_twice(cli, user, host, bring):
    cli("install", "--host", host)
    for version, words in ((__version__, "has its "), ("0.0.1", " is 0.0.1, this is ")):
        bring(user, version)
        _, found = checks(cli)
        plugin, twice, *_ = about(found, host)
        assert words in plugin["detail"]
        assert ("llm-router" in plugin["fix"]) is (version != __version__)
        assert twice["fix"] == f"llm-router uninstall --host {host}"


def test_a_settings_file_that_does_not_parse_is_a_problem(cli, user):
    (user / ".claude").mkdir()
    (user / ".claude" / "settings.json").write_text('{"hooks": ')
    code, found = checks(cli)
    assert code == 2
    assert [check["status"] for check in about(found, "claude")] == ["problem"]


def test_savings_name_what_hosts_ignored(cli, user):
    code, out, _ = cli("savings", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["unused"], told["unused_cost_usd"], told["unwatched"]) == (0, 0.0, 0)
