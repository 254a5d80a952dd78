"""`config` and `budget` on the command line."""

import json

import jsonschema


def test_check_reports_every_problem_and_exits_2(cli):
    cli.configure("router:\n  profil: budget\nbudget:\n  daily: lots\n")
    result = cli("config", "check")
    assert (result.code, result.out) == (2, "")
    assert "config.yaml:2:3: router.profil: unknown key\nfix: did you mean `profile`?" in result.err
    assert "config.yaml:4:10: budget.daily: must be a number" in result.err


def test_check_as_json_gives_the_places(cli):
    cli.configure("router:\n  profil: budget\n")
    result = cli("config", "check", "--json")
    (problem,) = result.json["problems"]
    assert (result.code, result.err, result.json["ok"]) == (2, "", False)
    assert (problem["line"], problem["column"], problem["key"]) == (2, 3, "router.profil")


def test_check_is_content_with_no_file_and_warns_where_it_should(cli):
    assert cli("config", "check").out == "ok: no file, the defaults hold\n"
    cli.configure("caching: {enabled: true}\n")
    result = cli("config", "check")
    assert result.code == 0
    assert "warning: " in result.err
    assert "caching has no effect" in result.err


def test_show_names_the_source_of_each_setting_and_masks_keys(cli, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-key")
    monkeypatch.setenv("LLM_ROUTER_PROFILE", "premium")
    text = "providers:\n  openai: {api_key: '${OPENAI_API_KEY}'}\n  x: {base_url: 'http://me:canary-word@localhost/v1?key=canary-too'}\n"
    cli.configure(text)
    result = cli("config", "show")
    lines = {line.split()[0]: line.split()[1:] for line in result.out.splitlines()}
    assert lines["router.profile"] == ["premium", "LLM_ROUTER_PROFILE"]
    assert lines["routing.deadline_seconds"][1] == "default"
    assert lines["providers.openai.api_key"][1].endswith("config.yaml:2:21")
    as_json = cli("config", "show", "--json")
    assert as_json.json["sources"]["router.profile"] == "LLM_ROUTER_PROFILE"
    assert "canary" not in result.out + as_json.out


def test_schema_is_a_json_schema(cli):
    schema = json.loads(cli("config", "schema").out)
    assert json.loads(cli("config", "schema", "--json").out) == schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "llm-router"


def test_path_tells_both_files(cli):
    (cli.project / ".llm-router.yaml").write_text("router: {}\n")
    found = cli("config", "path", "--json").json
    assert found["user"] == str(cli.root / "config.yaml")
    assert found["project"] == str(cli.project / ".llm-router.yaml")


def test_a_broken_configuration_stops_a_command_with_exit_2(cli):
    cli.configure("router: [\n")
    result = cli("ask", "hello", "--json")
    assert result.code == 2
    assert (result.json["code"], result.json["line"]) == ("config", 2)


def test_budget_set_writes_and_show_tells(cli):
    cli.configure("# mine\nbudget:\n  daily: 1  # a day\n")
    result = cli("budget", "set", "--daily", "$5", "--monthly", "50.00", "--provider", "openai")
    assert result.code == 0
    assert result.err.startswith("written to ")
    shown = cli("budget", "show", "--json").json
    caps = {(cap["window"], cap["provider"]): cap["cap_usd"] for cap in shown["caps"]}
    assert caps == {("daily", None): 1, ("daily", "openai"): 5, ("monthly", "openai"): 50}
    assert "daily: 1  # a day" in (cli.root / "config.yaml").read_text()
    assert "daily budget" in cli("budget").out


def test_budget_set_none_takes_a_cap_away(cli):
    cli("budget", "set", "--daily", "5")
    cli("budget", "set", "--daily", "none")
    assert cli("budget", "show", "--json").json["caps"] == []
    assert cli("budget").out.startswith("no caps; set one: llm-router budget set")


def test_budget_set_refuses_what_is_no_amount_and_a_provider_nobody_has(cli):
    assert cli("budget", "set", "--daily", "much").code == 2
    assert cli("budget", "set", "--daily", "-5").code == 2
    assert cli("budget", "set", "--daily", "1e400").code == 2
    result = cli("budget", "set", "--daily", "5", "--provider", "opnai")
    assert result.code == 4
    assert "`openai`" in result.err
    assert not (cli.root / "config.yaml").exists()


def test_budget_set_says_when_a_higher_layer_wins(cli, monkeypatch):
    monkeypatch.setenv("LLM_ROUTER_BUDGET__DAILY", "9")
    assert (
        "warning: LLM_ROUTER_BUDGET__DAILY sets budget.daily too" in cli("budget", "set", "--daily", "5").err
    )
