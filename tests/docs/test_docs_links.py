"""Whatever a page names exists: pages, headings, files, settings, variables, versions."""

import os
import re

import pytest
from docs_tools import PAGES, ROOT, inline_code, name_of, prose

from llm_router import __version__, config
from llm_router.config.problems import type_at
from llm_router.mcp_server.static import HANDSHAKE, MODERN, load_manifest
from llm_router.nouns import Profile
from llm_router.providers import vendors
from llm_router.settings import Settings

PACKAGE = ROOT / "llm_router"
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FILE = re.compile(r"^(?:llm_router|scripts|tests|docs|hooks|\.ci)/[\w./-]+$")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
SECTIONS = "|".join(Settings.model_fields)
SETTING = re.compile(rf"^(?:{SECTIONS})(?:\.[\w<>-]+)+$")


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in LINK.findall(prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_of_the_repository_that_are_named_exist(page):
    named = [code for code in inline_code(page) if FILE.match(code)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(prose(page)) if "://" not in target)
        found = [(page.parent / target).resolve() for target in targets if target]
        waiting += [path for path in found if path.suffix == ".md" and path.exists()]
        waiting += [path / "README.md" for path in found if path.is_dir() and (path / "README.md").exists()]
    assert set(PAGES) <= reached


def test_the_layout_names_every_part_of_the_package():
    text = (ROOT / "docs" / "architecture.md").read_text()
    parts = {f"{path.name}/" if path.is_dir() else path.name for path in PACKAGE.iterdir()}
    parts -= {"__pycache__/", "__init__.py", "py.typed"}
    assert [part for part in sorted(parts) if f"`{part}`" not in text] == []


# ── settings and variables ───────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_that_are_named_exist(page):
    named = [code.partition(":")[0] for code in inline_code(page)]
    settings = [name for name in named if SETTING.match(name) and not name.startswith("router.db")]
    assert [name for name in settings if type_at(tuple(name.split("."))) is None] == []


def _source():
    return "\n".join(
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml"}
    )


def _is_read(name, source, known):
    if re.search(rf"\b{name}\b", source):
        return True
    vendor = name.removeprefix("LLM_ROUTER_").removesuffix("_BASE_URL")
    if name.endswith("_BASE_URL") and vendor.lower().replace("_", "-") in known:
        return True
    return name.startswith("LLM_ROUTER_") and "__" in name and type_at(_keys(name)) is not None


def _keys(name):
    return tuple(name.removeprefix("LLM_ROUTER_").lower().split("__"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_variables_that_are_named_are_read(page):
    """In prose and examples alike; those an example makes up for itself are given with `${...}` in its file."""
    source, known = _source(), vendors.load()
    text = page.read_text()
    made_up = set(re.findall(r"\$\{(\w+)", text)) | {"OFFICE_API_KEY"}
    names = {name for name in VARIABLE.findall(text) if not name.endswith("_")} - made_up
    others = {"COMMANDS", "CLAUDE_CODE_AUTO_MODE_SERVER"}  # a constant, and what Claude Code itself reads
    assert [name for name in sorted(names - others) if not _is_read(name, source, known)] == []


def test_every_variable_of_ours_that_is_read_is_named_in_the_configuration_page():
    text = (ROOT / "docs" / "configuration.md").read_text()
    ours = {
        name for name in re.findall(r"LLM_ROUTER_[A-Z_]*[A-Z]", _source()) if not name.endswith("_BASE_URL")
    }
    ours -= {"LLM_ROUTER_COMPLETE"}  # click's own, for completion scripts
    assert "LLM_ROUTER_HOME" in ours
    assert [name for name in sorted(ours) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("LLM_ROUTER_PROFILE", "budget", "router.profile"),
        ("LLM_ROUTER_BASELINE", "sonnet", "router.baseline"),
        ("LLM_ROUTER_ENFORCE", "off", "router.enforce"),
        ("LLM_ROUTER_STORE_PROMPTS", "true", "router.store_prompts"),
        ("LLM_ROUTER_ACCESS_KEY", "a-long-random-text", "gateway.access_key"),
    ],
)
def test_the_short_variables_set_what_the_page_says(variable, value, setting, tmp_path):
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert f"| `{variable}` | `{setting}` |" in text
    loaded = config.load(root=tmp_path, cwd=tmp_path, environ={variable: value})
    assert loaded.sources == {setting: variable}


def test_the_long_variables_of_the_page_set_what_they_say(tmp_path):
    text = (ROOT / "docs" / "configuration.md").read_text()
    shown = dict(re.findall(r"`(LLM_ROUTER_\w+__\w+)='?([^`']+)'?`", text))
    assert len(shown) > 1
    loaded = config.load(root=tmp_path, cwd=tmp_path, environ=shown)
    assert set(loaded.sources) == {".".join(_keys(name)) for name in shown}


def test_the_layers_override_each_other_in_the_order_the_page_gives(tmp_path):
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (home / "config.yaml").write_text("router: {profile: premium, baseline: opus}\n")
    where = {"root": home, "cwd": project}
    assert config.load(**where, environ={}).settings.router.profile is Profile.PREMIUM
    (project / ".llm-router.yaml").write_text("router: {profile: budget}\n")
    assert config.load(**where, environ={}).settings.router.profile is Profile.BUDGET
    environ = {"LLM_ROUTER_PROFILE": "balanced"}
    assert config.load(**where, environ=environ).settings.router.profile is Profile.BALANCED
    flags = {"router.profile": "premium"}
    assert config.load(**where, environ=environ, flags=flags).settings.router.profile is Profile.PREMIUM


# ── versions ─────────────────────────────────────────────────────────────────


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_the_protocol_versions_are_those_of_the_server():
    text = (ROOT / "docs" / "mcp.md").read_text()
    served = {version for era in (HANDSHAKE, MODERN) for version in load_manifest()[era]["versions"]}
    assert set(re.findall(r"\b20\d\d-\d\d-\d\d\b", text)) == served


def test_no_path_of_a_machine_is_in_a_page():
    home = os.path.expanduser("~")  # noqa: PTH111
    for page in PAGES:
        text = page.read_text()
        assert not re.search(r"(?<![\w.])/(?:home|Users|root)/", text), page
        assert home == "/" or f"{home}/" not in text
