"""`doctor`: what is wrong, and what to do about each thing."""

import os

import pytest


@pytest.fixture
def lonely(cli, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    return cli


def test_with_nothing_set_up_it_exits_3_and_every_provider_has_a_fix(lonely):
    result = lonely("doctor", "--json")
    assert (result.code, result.json["ok"]) == (3, False)
    rows = {row["provider"]: row for row in result.json["providers"]}
    assert len(rows) > 25
    assert all(row["fix"] for row in rows.values())
    assert "OPENAI_API_KEY" in rows["openai"]["fix"]
    assert "codex" in rows["codex"]["fix"]
    assert result.json["environment"] == ["LLM_ROUTER_HOME", "OLLAMA_HOST"]


def test_with_one_provider_it_exits_0(cli, box):
    result = cli("doctor")
    assert result.code == 0
    assert "✓ openai: ready" in result.out
    assert "✓ ledger: " in result.out
    assert "OPENAI_API_KEY" in result.out
    assert "sk-" not in result.out


def test_a_broken_configuration_is_told_with_its_place_and_exits_2(lonely):
    lonely.configure("router: {profil: x}\n")
    result = lonely("doctor")
    assert result.code == 2
    assert "config.yaml:1:10: router.profil: unknown key" in result.out
    assert "fix: did you mean `profile`?" in result.out


def test_names_that_mean_nothing_are_warned_about(lonely):
    lonely.configure(
        "router: {baseline: opsu}\nrouting: {pin: {code: gtp}}\nbudget: {providers: {opnai: {daily: 1}}}\n"
    )
    checks = lonely("doctor", "--json").json["checks"]
    warnings = " ".join(check["detail"] for check in checks if check["status"] == "warning")
    assert all(key in warnings for key in ("router.baseline", "routing.pin.code", "budget.providers.opnai"))


@pytest.mark.skipif("os.name != 'posix'")
def test_a_home_that_others_can_read_is_told_and_repaired(lonely):
    lonely.configure("router: {}\n")
    lonely.root.chmod(0o755)
    assert "can be read by others" in lonely("doctor").out
    result = lonely("doctor", "--repair")
    assert "repaired: " in result.out
    assert lonely.root.stat().st_mode & 0o777 == 0o700
    assert "can be read by others" not in lonely("doctor").out


def test_a_damaged_ledger_is_told_and_repaired_and_kept(lonely):
    lonely.root.mkdir(mode=0o700)
    (lonely.root / "router.db").write_bytes(b"this is no database" * 500)
    broken = lonely("doctor")
    assert "✗ ledger: " in broken.out
    assert "doctor --repair" in broken.out
    assert lonely("costs").code == 1
    repaired = lonely("doctor", "--repair")
    assert "damaged ledger moved to " in repaired.out
    assert "✓ ledger: " in repaired.out
    assert any("corrupt" in name for name in os.listdir(lonely.root))  # noqa: PTH208
    assert lonely("costs").code == 0


def test_a_home_that_cannot_be_made_is_a_problem_with_a_fix(lonely):
    lonely.root.write_text("a file is in the way")
    result = lonely("doctor")
    assert result.code == 3
    assert "✗ home: " in result.out
    assert "LLM_ROUTER_HOME" in result.out
