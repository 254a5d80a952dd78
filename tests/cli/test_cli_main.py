"""The command line itself: help, errors, exit codes, streams."""

import click
import pytest

from llm_router import __version__
from llm_router.cli import main, output
from llm_router.cli.main import ALIASES, COMMANDS
from llm_router.errors import ConfigError, CredentialsError
from llm_router.nouns import Billing


def test_the_help_names_every_command_and_the_exit_codes(cli):
    result = cli("--help")
    assert result.code == 0
    assert all(f"\n  {name} " in result.out for name in COMMANDS)
    assert "130 interrupted" in " ".join(result.out.split())


def test_without_a_command_the_help_is_shown(cli):
    assert cli().out == cli("--help").out


@pytest.mark.parametrize("name", sorted({*COMMANDS, *ALIASES} - {"mcp"}))
def test_every_command_of_the_table_has_help(cli, name):
    result = cli(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: llm-router {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(cli, name):
    command = main.cli.get_command(click.Context(main.cli), name)
    assert command
    assert " ".join((command.help or "").split("\n\n")[0].split()) == COMMANDS[name][1]


def test_the_version_is_told(cli):
    assert cli("--version").out == f"llm-router {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "fix"),
    [
        (["clasify", "x"], "no such command: clasify", "did you mean `classify`?"),
        (["costs", "--bye"], "--bye", "see: llm-router costs --help"),
        (["costs", "--by", "moon"], "moon", "see: llm-router costs --help"),
        (["ask", "x", "--max-cost", "cheap"], "cheap is not an amount", "llm-router ask --help"),
        (["ask", "x", "--max-cost", "-1"], "not an amount", "llm-router ask --help"),
        (["ask", "x", "--max-cost", "nan"], "not an amount", "llm-router ask --help"),
        (["ask", "x", "--deadline", "nan"], "not a number of seconds", "llm-router ask --help"),
        (["ask", "x", "--complexity", "hard"], "hard", "llm-router ask --help"),
        (["completion", "tcsh"], "tcsh", "llm-router completion --help"),
        (["budget", "set"], "no cap was given", "--daily 5"),
        (["costs", "--since", "yesterdayish"], "neither a date nor a span", "7d"),
    ],
)
def test_a_wrong_call_is_exit_2_with_a_fix_on_stderr_only(cli, arguments, message, fix):
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err
    assert fix in result.err.split("fix: ")[1]


def test_with_json_an_error_is_one_object_on_stdout_and_stderr_is_empty(cli):
    result = cli("costs", "--since", "never", "--json")
    assert (result.code, result.err) == (2, "")
    assert result.json["code"] == "usage"
    assert set(result.json) == {"schema_version", "error", "code", "fix"}


def test_json_behind_two_dashes_is_part_of_the_prompt():
    assert output.wants_json(["ask", "--json", "x"])
    assert not output.wants_json(["ask", "--", "--json"])


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (CredentialsError("no key", fix="export KEY=..."), 3),
        (ConfigError("bad", file="f", line=3), 2),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (ValueError("a bug"), 1),
    ],
)
def test_every_error_has_its_exit_code(cli, monkeypatch, raised, code):
    def fail(_arguments):
        raise raised

    monkeypatch.setattr(main, "_invoke", fail)
    monkeypatch.setattr(output, "abandon_stdout", lambda: None)
    result = cli("costs")
    assert result.code == code
    assert "Traceback" not in result.err


def test_an_unknown_task_is_not_found(cli):
    result = cli("ask", "x", "--task", "cod")
    assert result.code == 4
    assert "no such task: cod" in result.err
    assert "`code`" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(cli, shell):
    result = cli("completion", shell)
    assert result.code == 0
    assert f"_LLM_ROUTER_COMPLETE={shell}_complete" in result.out


def test_completion_offers_the_commands(cli, monkeypatch, capsys):
    monkeypatch.setenv("_LLM_ROUTER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "llm-router c")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        cli()
    offered = capsys.readouterr().out.split()
    assert offered == ["plain,code", "plain,classify", "plain,costs", "plain,config", "plain,completion"]


@pytest.mark.parametrize(
    ("micros", "billing", "shown"),
    [
        (None, Billing.METERED, "unpriced"),
        (None, None, "unpriced"),
        (0, Billing.LOCAL, "free"),
        (0, Billing.SUBSCRIPTION, "subscription"),
        (None, Billing.SUBSCRIPTION, "subscription"),
        (0, Billing.METERED, "$0"),
        (12, Billing.METERED, "$0.000012"),
        (1200, Billing.METERED, "$0.0012"),
        (123_400, Billing.METERED, "$0.1234"),
        (1_234_567_890, Billing.METERED, "$1,234.57"),
        (-1200, None, "-$0.0012"),
    ],
)
def test_money_is_shown_as_it_is_known(micros, billing, shown):
    assert output.money(micros, billing) == shown


def test_what_an_upstream_says_cannot_steer_the_terminal():
    assert output.visible("a\x1b[2Jb\x07\r\n\tc", terminal=True) == "a[2Jb\n\tc"
    assert output.visible("a\x1b[2J", terminal=False) == "a\x1b[2J"


def test_color_is_forced_and_refused_by_the_usual_variables(cli, monkeypatch):
    assert "\x1b[" not in cli("config", "show").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in cli("config", "show").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in cli("config", "show").out


def test_nothing_is_written_outside_the_home(cli, tmp_path):
    cli("config", "show")
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
