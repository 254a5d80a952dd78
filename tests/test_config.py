"""What a configuration means, and what every mistake in one says."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from llm_router import config
from llm_router.errors import ConfigError
from llm_router.nouns import Complexity, Profile

GUIDE = """\
router:
  profile: balanced
providers:
  ollama:
    base_url: http://localhost:11434
  openai:
    api_key: ${OPENAI_API_KEY}
routing:
  chains:
    simple: [ollama, groq/llama-small]
budget:
  daily: 5.00
  monthly: 50
caching:
  enabled: true
  ttl: 3600
fallback:
  enabled: true
"""


@pytest.fixture
def folders(tmp_path):
    root, project = tmp_path / "home", tmp_path / "project"
    root.mkdir()
    (project / "deep").mkdir(parents=True)
    return root, project


def read(folders, user="", project="", environ=None, flags=None):
    root, folder = folders
    if user:
        (root / "config.yaml").write_text(user, encoding="utf-8")
    if project:
        (folder / ".llm-router.yaml").write_text(project, encoding="utf-8")
    return config.check(root=root, cwd=folder / "deep", environ=environ or {}, flags=flags or {})


def good(folders, **layers):
    loaded, problems = read(folders, **layers)
    assert not problems, problems
    assert loaded
    return loaded


def bad(folders, **layers):
    loaded, problems = read(folders, **layers)
    assert loaded is None
    return problems


def test_without_any_file_the_defaults_hold(folders):
    loaded = good(folders)
    assert loaded.settings.router.profile is Profile.BALANCED
    assert (dict(loaded.sources), loaded.warnings, loaded.files) == ({}, (), ())


def test_each_layer_wins_over_the_one_below(folders):
    user = "router: {profile: budget, baseline: sonnet, enforce: hard}\nrouting: {deadline_seconds: 10}\n"
    project = "router: {baseline: haiku, enforce: soft}\nrouting: {deadline_seconds: 20}\n"
    environ = {"LLM_ROUTER_ENFORCE": "off", "LLM_ROUTER_ROUTING__DEADLINE_SECONDS": "30"}
    loaded = good(
        folders, user=user, project=project, environ=environ, flags={"routing.deadline_seconds": 40}
    )
    settings, root, folder = loaded.settings, *folders
    assert (settings.router.profile, settings.router.baseline) == ("budget", "haiku")
    assert (settings.router.enforce, settings.routing.deadline_seconds) == ("off", 40)
    assert loaded.sources == {
        "router.profile": f"{root / 'config.yaml'}:1:19",
        "router.baseline": f"{folder / '.llm-router.yaml'}:1:20",
        "router.enforce": "LLM_ROUTER_ENFORCE",
        "routing.deadline_seconds": "--deadline_seconds",
    }


def test_mappings_merge_and_lists_are_replaced(folders):
    user = "routing:\n  pin: {code: a/x}\n  chains: {simple: [a, b]}\n"
    loaded = good(folders, user=user, project="routing:\n  pin: {query: b/y}\n  chains: {simple: [c]}\n")
    assert loaded.settings.routing.pin == {"code": "a/x", "query": "b/y"}
    assert loaded.settings.routing.chains == {Complexity.SIMPLE: ("c",)}


def test_the_example_of_the_guides_loads_and_says_what_has_no_effect(folders):
    loaded = good(folders, user=GUIDE, environ={"OPENAI_API_KEY": "sk-test"})
    key = loaded.settings.providers["openai"].api_key
    assert key
    assert key.get_secret_value() == "sk-test"
    assert loaded.settings.budget.daily == Decimal(5)
    assert [w.split(": ")[1] for w in loaded.warnings] == [
        "caching has no effect in this version",
        "fallback has no effect in this version",
    ]


def test_a_variable_is_filled_in_with_its_default_or_left_alone_when_escaped(folders):
    user = (
        "routing:\n  aliases: {a: 'x${A}z', b: '${B:-fallback}', c: '${EMPTY:-full}', d: '$${A}', e: '$A'}\n"
    )
    loaded = good(folders, user=user, environ={"A": "${B}", "EMPTY": ""})
    assert loaded.settings.routing.aliases == {
        "a": "x${B}z",
        "b": "fallback",
        "c": "full",
        "d": "${A}",
        "e": "$A",
    }


def test_a_number_may_come_from_a_variable(folders):
    assert good(
        folders, user="budget: {daily: '${CAP}'}", environ={"CAP": "2.5"}
    ).settings.budget.daily == Decimal("2.5")


def test_a_missing_variable_is_named_with_its_place(folders):
    (problem,) = bad(folders, user="providers:\n  openai:\n    api_key: ${NOPE}\n")
    assert (problem.line, problem.column, problem.key) == (3, 14, "providers.openai.api_key")
    assert "NOPE is not set" in problem.message
    assert "export NOPE=" in problem.fix


def test_the_word_off_is_a_word(folders):
    assert good(folders, user="router:\n  enforce: off\n").settings.router.enforce == "off"


def test_a_section_whose_lines_are_all_comments_counts_as_absent(folders):
    assert good(folders, user="budget:\n  # daily: 5\nrouting:\n  pin:\n").settings.budget.daily is None


def test_null_takes_a_cap_back(folders):
    environ = {"LLM_ROUTER_BUDGET__WEEKLY": "7"}
    loaded = good(folders, user="budget: {daily: null, weekly: null}", environ=environ)
    assert (loaded.settings.budget.daily, loaded.settings.budget.weekly) == (None, 7)


def test_a_list_comes_from_the_environment_in_brackets(folders):
    loaded = good(folders, environ={"LLM_ROUTER_ROUTING__BLOCK": "[openai, '*/gpt-*']"})
    assert loaded.settings.routing.block == ("openai", "*/gpt-*")


@pytest.mark.parametrize(
    ("text", "line", "column", "key", "what", "fix"),
    [
        ("router:\n  profil: budget\n", 2, 3, "router.profil", "unknown key", "did you mean `profile`?"),
        ("budgets: {}\n", 1, 1, "budgets", "unknown key", "did you mean `budget`?"),
        ("budgte:\n", 1, 1, "budgte", "unknown key", "did you mean `budget`?"),
        ("budget:\n  daily_limit: 5\n", 2, 3, "budget.daily_limit", "unknown key", "did you mean `daily`?"),
        ("routing:\n  pin: {cod: a/b}\n", 2, 9, "routing.pin.cod", "unknown key", "did you mean `code`?"),
        (
            "routing:\n  chains: {easy: [a]}\n",
            2,
            12,
            "routing.chains.easy",
            "unknown key",
            "known here: simple",
        ),
        (
            "router:\n  profile: cheap\n",
            2,
            12,
            "router.profile",
            "'cheap' is not one of budget, bal",
            "known here",
        ),
        (
            "router:\n  enforce: sof\n",
            2,
            12,
            "router.enforce",
            "'sof' is not one of smart",
            "did you mean `soft`?",
        ),
        ("budget:\n  daily: five\n", 2, 10, "budget.daily", "must be a number", "such as 5"),
        (
            "budget:\n  daily: -1\n",
            2,
            10,
            "budget.daily",
            "must be greater than or equal to 0",
            "write a value",
        ),
        ("budget: 5\n", 1, 9, "budget", "must be a section", "indented"),
        (
            "gateway:\n  port: 70000\n",
            2,
            9,
            "gateway.port",
            "must be less than or equal to 65535",
            "write a value",
        ),
        ("routing:\n  block: openai\n", 2, 10, "routing.block", "must be a list", "[a, b]"),
        ("routing:\n  block: [a, 3]\n", 2, 14, "routing.block.1", "must be text", "quotes"),
        ("providers:\n  x: {base_url: 'localhost:1'}\n", 2, 17, "providers.x.base_url", "http", "scheme"),
        ("prices:\n  m: {input_per_million: 1}\n", 2, 3, "prices.m.output_per_million", "is missing", "add"),
        ("router: {profile: budget, profile: premium}\n", 1, 27, "router.profile", "written twice", "line 1"),
        ("router: &a {profile: budget}\nrouting: *a\n", 2, 10, "", "aliases", ""),
        ("router: !!python/object:os.system {}\nx: !!binary aGk=\n", 2, 4, "x", "tags such as", "remove"),
        ("router:\n\tprofile: budget\n", 2, 1, "", "not valid YAML", "spaces, not tabs"),
        ("router: {profile: budget\n", 2, 1, "", "not valid YAML", "brackets"),
        ("a: b\n---\nc: d\n", 2, 1, "", "not valid YAML", ""),
        ("- router\n", 1, 1, "", "must hold sections", "schema"),
        ("just words\n", 1, 1, "", "must hold sections", "schema"),
        ("router:\n  baseline: a\x07b\n", 2, 14, "", "control character", "remove"),
        ("[" * 5000, 1, 1, "", "not valid YAML", ""),
        ("budget:\n  daily: " + "9" * 5000, 2, 10, "budget.daily", "must be", ""),
    ],
)
def test_a_mistake_is_reported_with_file_line_column_key_and_fix(folders, text, line, column, key, what, fix):
    problem = bad(folders, user=text)[0]
    file = str(folders[0] / "config.yaml")
    assert (problem.file, problem.line, problem.column, problem.key) == (file, line, column, key)
    assert problem.message.startswith(f"{file}:{line}:{column}: ")
    assert what in problem.message
    assert fix in problem.fix


def test_check_finds_every_problem_and_load_raises_the_first(folders):
    text = "router: {profil: x, profile: y}\nbudget: {daily: z, providers: {openai: {dayly: 1}}}\n"
    problems = bad(
        folders, user=text, project="routing: {blok: [a]}\n", environ={"LLM_ROUTER_ENFORCE": "never"}
    )
    keys = [
        "budget.daily",
        "budget.providers.openai.dayly",
        "router.enforce",
        "router.profil",
        "router.profile",
        "routing.blok",
    ]
    assert sorted(p.key for p in problems) == keys
    with pytest.raises(ConfigError) as raised:
        config.load(root=folders[0], cwd=folders[1], environ={})
    assert raised.value.message == problems[0].message


def test_a_mistake_hidden_by_a_higher_layer_is_still_found(folders):
    (problem,) = bad(folders, user="router: {profile: cheep}", environ={"LLM_ROUTER_PROFILE": "budget"})
    assert problem.key == "router.profile"


def test_two_layers_may_complete_one_price(folders):
    environ = {"LLM_ROUTER_PRICES__M__OUTPUT_PER_MILLION": "2"}
    assert good(folders, user="prices: {m: {input_per_million: 1}}", environ=environ).settings.prices["m"]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("LLM_ROUTER_PROFILE", "cheap", "LLM_ROUTER_PROFILE: router.profile: 'cheap' is not one of"),
        ("LLM_ROUTER_BUDGTE__DAILY", "5", "LLM_ROUTER_BUDGTE__DAILY: budgte: unknown key"),
        ("LLM_ROUTER_ROUTING__BLOCK", "[a", "LLM_ROUTER_ROUTING__BLOCK: routing.block: is not a list"),
    ],
)
def test_a_mistake_in_a_variable_names_the_variable(folders, name, value, what):
    (problem,) = bad(folders, environ={name: value})
    assert problem.message.startswith(what)
    assert (problem.file, problem.line) == ("", 0)


def test_an_empty_variable_is_as_good_as_none(folders):
    assert good(folders, environ={"LLM_ROUTER_PROFILE": ""}).settings.router.profile == "balanced"


def test_bytes_that_are_not_utf8_are_reported_with_their_place(folders):
    (folders[0] / "config.yaml").write_bytes(b"router:\n  baseline: \xff\xfe\n")
    (problem,) = bad(folders)
    assert (problem.line, problem.column) == (2, 13)
    assert "not UTF-8" in problem.message


def test_a_byte_order_mark_and_windows_lines_are_fine(folders):
    (folders[0] / "config.yaml").write_bytes("﻿router:\r\n  profile: budget\r\n".encode())
    assert good(folders).settings.router.profile == "budget"


def test_a_folder_in_place_of_the_file_is_refused(folders):
    (folders[0] / "config.yaml").mkdir()
    (problem,) = bad(folders)
    assert "is a folder" in problem.message


def test_an_unreadable_file_is_reported(folders, monkeypatch):
    (folders[0] / "config.yaml").write_text("router: {}")

    def refuse(_path, _mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    (problem,) = bad(folders)
    assert "cannot be read: Permission denied" in problem.message
    assert "readable by you" in problem.fix


def test_a_huge_file_is_not_read_as_a_configuration(folders):
    (problem,) = bad(folders, user="#" * 1_000_001)
    assert "larger than 1 MB" in problem.message


def test_a_named_configuration_must_exist(folders):
    (problem,) = bad(folders, environ={"LLM_ROUTER_CONFIG": str(folders[0] / "other.yaml")})
    assert "does not exist" in problem.message
    assert "LLM_ROUTER_CONFIG" in problem.fix


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_an_endless_file_is_not_read_to_its_end(folders):
    (problem,) = bad(folders, environ={"LLM_ROUTER_CONFIG": "/dev/zero"})
    assert "larger than 1 MB" in problem.message


def test_problems_come_in_the_order_of_the_file(folders):
    problems = bad(
        folders, user="budget:\n  daily: lots\nrouter:\n  profil: x\nproviders:\n  groq:\n    enabled: 7\n"
    )
    assert [problem.line for problem in problems] == [2, 4, 7]


def test_a_project_file_named_by_the_user_is_the_users_word(folders):
    text = "gateway: {port: 9000}"
    environ = {"LLM_ROUTER_CONFIG": str(folders[1] / ".llm-router.yaml")}
    assert good(folders, project=text, environ=environ).settings.gateway.port == 9000


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {base_url: 'https://thief.example'}}",
        "providers: {openai: {api_key: x}}",
        "providers: {openai: {billing: local}}",
        "providers: {openai: {dialect: ollama}}",
        "providers: {openai: {enabled: true}}",
        "gateway: {host: 0.0.0.0}",
        "prices: {m: {input_per_million: 0, output_per_million: 0}}",
        "router: {store_prompts: true}",
        "budget: {unpriced: allow}",
        "routing: {unisolated_tests: true}",
        "routing: {hedge_seconds: 1}",
    ],
)
def test_a_project_file_must_not_redirect_loosen_or_store(folders, text):
    problems = bad(folders, project=text)
    assert all("a project file must not set this" in p.message for p in problems)
    assert all("your own config.yaml" in p.fix for p in problems)


def test_a_project_file_reads_no_environment_variable(folders):
    (problem,) = bad(folders, project="router: {baseline: '${SECRET:-x}'}", environ={"SECRET": "s3cret"})
    assert "must not read environment variables" in problem.message
    assert "s3cret" not in str(problem.as_dict())


def test_a_project_file_may_choose_and_tighten(folders):
    project = (
        "router: {profile: premium, store_prompts: false}\nproviders: {groq: {enabled: false}}\n"
        "routing: {pin: {code: a/b}, block: [x]}\nbudget: {unpriced: refuse, daily: 1}\n"
    )
    settings = good(folders, user="budget: {daily: 5}\nrouting: {block: [y]}", project=project).settings
    assert settings.routing.block == ("y", "x")
    assert settings.budget.daily == 1
    assert not settings.providers["groq"].enabled


def test_a_project_file_cannot_raise_a_cap(folders):
    user = "budget: {daily: 5, monthly: 10, providers: {openai: {weekly: 2}}}"
    project = "budget: {daily: 50, monthly: null, weekly: 9, providers: {openai: {weekly: 3}}}"
    loaded = good(folders, user=user, project=project)
    budget = loaded.settings.budget
    assert (budget.daily, budget.monthly, budget.weekly, budget.providers["openai"].weekly) == (5, 10, 9, 2)
    assert [w for w in loaded.warnings if "yours holds" in w] == list(loaded.warnings)
    assert len(loaded.warnings) == 3


def test_an_error_never_repeats_what_a_variable_held(folders):
    problems = bad(
        folders, user="router: {profile: '${KEY}'}\nbudget: {daily: '${KEY}'}", environ={"KEY": "sk-canary"}
    )
    assert len(problems) == 2
    assert "sk-canary" not in "".join(json.dumps(p.as_dict()) + str(p) for p in problems)


@pytest.mark.skipif("os.name != 'posix'")
def test_a_key_in_a_file_that_others_can_read_is_warned_about(folders):
    path = folders[0] / "config.yaml"
    path.write_text("providers: {openai: {api_key: sk-canary}}")
    path.chmod(0o644)
    (warning,) = good(folders).warnings
    assert "chmod 600" in warning
    assert "sk-canary" not in warning
    path.chmod(0o600)
    assert good(folders).warnings == ()


def test_the_schema_accepts_the_guides_example_and_refuses_a_typo():
    schema = config.schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate({"router": {"profile": "budget"}, "caching": {"ttl": 1}, "budget": {"daily": 5}})
    assert not validator.is_valid({"router": {"profil": "budget"}})


def test_a_variable_in_a_flow_mapping_is_told_to_be_quoted(folders):
    (problem,) = bad(folders, user="providers: {openai: {api_key: ${KEY}}}\n")
    assert "needs quotes" in problem.fix
