"""Changing one setting in a user's file."""

import os

import pytest

from llm_router.config.edit import edit, set_values
from llm_router.errors import ConfigError

DAILY = ("budget", "daily")


def set_value(path, keys, value):
    set_values(path, {keys: value})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "budget:\n  daily: 5\n"),
        ("# mine\n", "# mine\nbudget:\n  daily: 5\n"),
        ("router:\n  profile: budget", "router:\n  profile: budget\nbudget:\n  daily: 5\n"),
        ("budget:\n  daily: 1  # a day\n  weekly: 2\n", "budget:\n  daily: 5  # a day\n  weekly: 2\n"),
        ("budget:\n    weekly: 2 # w\n\n# end\n", "budget:\n    weekly: 2 # w\n    daily: 5\n\n# end\n"),
        (
            "budget:\n  weekly: 2\nrouter:\n  profile: budget\n",
            "budget:\n  weekly: 2\n  daily: 5\nrouter:\n  profile: budget\n",
        ),
        ("budget:\n  weekly: 2", "budget:\n  weekly: 2\n  daily: 5\n"),
        ("budget: {weekly: 2, daily: 1}\n", "budget: {weekly: 2, daily: 5}\n"),
        ("budget: {weekly: 2}\n", "budget: {daily: 5, weekly: 2}\n"),
        ("budget: {}\n", "budget: {daily: 5}\n"),
        ("{}\n", "{budget: {daily: 5}}\n"),
        (
            "budget:  # caps\n  # none yet\nrouter: {}\n",
            "budget:  # caps\n  daily: 5\n  # none yet\nrouter: {}\n",
        ),
        ("budget: ~\n", "budget:\n  daily: 5\n"),
        ("budget:", "budget:\n  daily: 5\n"),
        ("router: {}\n...\n", "router: {}\nbudget:\n  daily: 5\n...\n"),
        ("budget:\n  daily:\n  weekly: 1\n", "budget:\n  daily: 5\n  weekly: 1\n"),
        (
            "budget:\n  providers:\n    a:\n      daily: 1\n",
            "budget:\n  providers:\n    a:\n      daily: 1\n  daily: 5\n",
        ),
        ("budget:\r\n  weekly: 2\r\n", "budget:\r\n  weekly: 2\r\n  daily: 5\r\n"),
        ('"budget":\n  "daily": "1"\n', '"budget":\n  "daily": 5\n'),
    ],
)
def test_one_setting_changes_and_every_other_character_stays(tmp_path, before, after):
    path = tmp_path / "config.yaml"
    path.write_bytes(before.encode())
    set_value(path, DAILY, "5")
    assert path.read_bytes().decode() == after
    assert (tmp_path / "config.yaml.bak").read_bytes().decode() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "config.yaml.bak"]


def test_a_deeper_setting_brings_its_sections():
    text = edit("budget:\n  daily: 1\n", ("budget", "providers", "z.ai", "weekly"), "2")
    assert text == "budget:\n  daily: 1\n  providers:\n    z.ai:\n      weekly: 2\n"


@pytest.mark.parametrize("before", ["budget: [1]\n", "budget: 5\n", "a: b\n---\nc: d\n", "- a\n", "a: [\n"])
def test_a_file_that_cannot_be_edited_safely_is_left_alone(tmp_path, before):
    path = tmp_path / "config.yaml"
    path.write_text(before)
    with pytest.raises(ConfigError):
        set_value(path, DAILY, "5")
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_a_value_that_would_not_be_valid_is_not_written(tmp_path):
    path = tmp_path / "config.yaml"
    with pytest.raises(ConfigError) as raised:
        set_value(path, DAILY, "-5")
    assert raised.value.key == "budget.daily"
    assert not path.exists()


@pytest.mark.skipif("os.name != 'posix'")
def test_a_new_file_is_private_an_old_one_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    new = tmp_path / "home" / "config.yaml"
    set_value(new, DAILY, "5")
    assert (new.stat().st_mode & 0o777, new.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    new.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(new)
    set_value(link, DAILY, "6")
    assert link.is_symlink()
    assert (new.read_text(), new.stat().st_mode & 0o777) == ("budget:\n  daily: 6\n", 0o640)


def test_a_write_that_fails_leaves_the_old_file_and_no_debris(tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text("budget: {daily: 1}\n")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        set_value(path, DAILY, "5")
    assert path.read_text() == "budget: {daily: 1}\n"
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_several_settings_are_written_together_or_not_at_all(tmp_path):
    path = tmp_path / "config.yaml"
    set_values(path, {DAILY: "5", ("budget", "providers", "openai", "weekly"): "2"})
    assert path.read_text() == "budget:\n  daily: 5\n  providers:\n    openai:\n      weekly: 2\n"
    with pytest.raises(ConfigError):
        set_values(path, {DAILY: "6", ("budget", "weekly"): "-1"})
    assert "daily: 5" in path.read_text()
