"""Every example does what it looks like: configurations load, command lines parse, faults are taken."""

import json
import re
import shlex
import tomllib
import urllib.request
from itertools import pairwise

import click
import pytest
from docs_tools import PAGES, ROOT, blocks, inline_code, name_of

from llm_router import config
from llm_router.cli.main import COMMANDS, cli
from llm_router.errors import ConfigError, RouterError
from llm_router.mcp_server import options
from llm_router.sandbox import Fault, Sandbox, directives

README = ROOT / "README.md"
USER, PROJECT = "# ~/.llm-router/config.yaml", "# .llm-router.yaml"


# ── configurations ───────────────────────────────────────────────────────────


def _variables(text):
    """A value for each variable that an example reads and gives no default for."""
    return dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "a-value")


def _load(text, folder):
    """Load an example as the file that its first line says it is."""
    first = text.partition("\n")[0]
    assert first in (USER, PROJECT), f"an example of YAML begins with {USER!r} or {PROJECT!r}"
    home, project = folder / "home", folder / "project"
    home.mkdir()
    project.mkdir()
    file = home / "config.yaml" if first == USER else project / ".llm-router.yaml"
    file.write_text(text)
    return config.load(root=home, cwd=project, environ=_variables(text))


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_configuration_loads(block, tmp_path):
    loaded = _load(block.text, tmp_path)
    assert loaded.sources
    assert loaded.warnings == ()


def test_a_configuration_with_a_mistake_would_not_load(tmp_path):
    with pytest.raises(ConfigError, match="routr"):
        _load(f"{USER}\nroutr: {{}}\n", tmp_path)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_the_models_and_providers_of_a_configuration_are_known(block, tmp_path):
    from llm_router.plan import Catalogue
    from llm_router.providers.registry import Registry

    settings = _load(block.text, tmp_path).settings
    catalogue = Catalogue.load(settings)
    named = [settings.router.baseline, *settings.routing.pin.values(), *settings.routing.aliases.values()]
    for name in named:
        assert "/" in name or catalogue.resolve(name)
        assert catalogue.resolve(name).provider in catalogue.billing
    names = Registry(settings, {}).names()
    assert set(settings.budget.providers) <= {*names, *settings.providers}


# ── command lines ────────────────────────────────────────────────────────────


def _commands(text):
    """The arguments of every `llm-router` in a shell text."""
    for line in text.replace("\\\n", " ").splitlines():
        words = list(shlex.shlex(line, posix=True, punctuation_chars="|&;<>"))
        words = shlex.split(line, comments=True) if not _has_operator(words) else _split(line)
        yield from _calls(words)


def _has_operator(words):
    return any(set(word) <= set("|&;<>") for word in words)


def _split(line):
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    return list(lexer)


def _calls(words):
    call = None
    for word in [*words, ";"]:
        if word and set(word) <= set("|&;<>"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "llm-router":
            call = []


def _started_by_clients(call):
    """`claude mcp add llm-router -- llm-router mcp`: the name of the server, then the command."""
    for marker in ("--", "llm-router"):
        if marker in call:
            rest = call[call.index(marker) + 1 :]
            return rest[1:] if marker == "--" and rest[:1] == ["llm-router"] else rest
    return call


def _parse(call, *, in_prose=False):
    """Raises ClickException, RouterError or SystemExit for what would not be accepted."""
    name, *rest = call
    if name == "mcp":
        return options.parse(rest)
    if name in ("-V", "--version", "-h", "--help"):
        return None
    with click.Context(cli, info_name="llm-router") as top:
        _, command, rest = cli.resolve_command(top, [name, *rest])
        if in_prose and not rest:  # the name of a command, such as `llm-router config`
            return command
        while isinstance(command, click.Group) and rest:
            _, command, rest = command.resolve_command(top, rest)
        return command.make_context(name, list(rest), parent=top)


def _shown():
    for block in blocks("sh", "console", "bash", "shell"):
        for line in block.text.splitlines():
            if re.match(r"(?:claude|codex|gemini|opencode) mcp add\b", line):
                calls = [_started_by_clients(call) for call in _commands(line)]
                yield from (
                    (block.page, call, False)
                    for call in calls
                    if call and not call[0].startswith(("-", "http"))
                )
            else:
                yield from ((block.page, call, False) for call in _commands(line))
    for page in PAGES:
        for code in inline_code(page):
            if re.match(r"llm-router(?: |$)", code) and code != "llm-router":
                yield from ((page, call, True) for call in _commands(code))


SHOWN = [
    pytest.param(call, prose, id=f"{name_of(page)}: {' '.join(call)[:60]}") for page, call, prose in _shown()
]


def test_command_lines_are_found():
    assert len(SHOWN) > 40
    calls = [param.values[0] for param in SHOWN]
    assert ["mcp"] in calls
    assert ["ask", "what does errno 11 mean?"] in calls
    assert ["review this diff", "-"] in [call[3:] for call in calls]


@pytest.mark.parametrize(("call", "in_prose"), SHOWN)
def test_a_command_line_is_accepted(call, in_prose):
    _parse(call, in_prose=in_prose)


@pytest.mark.parametrize(
    "line",
    [
        "llm-router aks hello",
        "llm-router ask --modle x hi",
        "llm-router budget raise",
        "llm-router mcp --htpp",
    ],
)
def test_a_command_line_with_a_mistake_would_not_be_accepted(line, capsys):
    ((call),) = _commands(line)
    with pytest.raises((click.ClickException, RouterError, SystemExit)):
        _parse(call)


@pytest.mark.parametrize(("call", "in_prose"), SHOWN)
def test_a_model_that_is_named_is_in_the_catalogue(call, in_prose):
    from llm_router.plan import Catalogue, strategy_of

    catalogue = Catalogue.load()
    for option, name in pairwise(call):
        if option in ("-m", "--model"):
            assert strategy_of(name) or catalogue.resolve(name) in catalogue.models


def test_the_set_up_script_knows_the_commands_of_the_readme():
    import dev

    named = re.findall(r"^python3 scripts/dev\.py (\w+)$", README.read_text(), re.MULTILINE)
    assert set(named) >= {"demo", "test"}
    assert set(named) <= {*dev.DEV_COMMANDS, *COMMANDS}


# ── JSON, TOML, Python ───────────────────────────────────────────────────────


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block):
    assert json.loads(block.text)


def _servers(data):
    """What clients would start: every object with a command."""
    if not isinstance(data, dict):
        return []
    here = [[data["command"], *data.get("args", [])]] if isinstance(data.get("command"), str) else []
    return here + [server for value in data.values() for server in _servers(value)]


@pytest.mark.parametrize("block", blocks("json", "toml"), ids=str)
def test_the_servers_that_clients_are_told_to_start_are_started_so(block):
    data = tomllib.loads(block.text) if block.language == "toml" else json.loads(block.text)
    for command, *arguments in _servers(data):
        assert command == "llm-router"
        assert _parse(arguments) == options.parse([])


def test_some_clients_are_told_to_start_the_server():
    assert sum(len(_servers(json.loads(block.text))) for block in blocks("json")) >= 3


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs(block):
    exec(compile(block.text, str(block), "exec"), {})


# ── the sandbox ──────────────────────────────────────────────────────────────

BODIES = [
    body
    for block in blocks("sh")
    for line in block.text.splitlines()
    if "/_sandbox/faults" in line
    for body in re.findall(r"-d '([^']+)'", line)
]


def test_faults_over_http_are_shown():
    assert len(BODIES) > 2


@pytest.mark.parametrize("body", BODIES)
def test_a_fault_that_is_shown_is_taken(body):
    with Sandbox() as box:
        request = urllib.request.Request(f"{box.url}/_sandbox/faults", body.encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 201
            placed = json.loads(answer.read())
        assert placed["vendor"] == json.loads(body)["vendor"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_directives_that_are_shown_mean_something(page):
    for directive in re.findall(r"\[\[(?:say|fault|call) [^\n]*?\]\]", page.read_text()):
        if "KIND" in directive:
            continue
        fault = directives.fault(directive)
        assert fault or directives.say(directive) or directives.calls(directive) or "TOOL" in directive
        if fault:
            Fault.read(*fault)
