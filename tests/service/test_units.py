"""Units for the service at login."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm_router.errors import RouterError
from llm_router.service.units import unit, write


def test_a_percent_sign_in_a_path_is_no_specifier_of_systemd(tmp_path):
    made = unit(Path("/srv/100%h"), tmp_path, platform="linux")
    assert "Environment=LLM_ROUTER_HOME=/srv/100%%h\n" in made.text.replace("'", "")


def test_systemd_waits_longer_than_answers_may_take_to_finish(tmp_path):
    made = unit(tmp_path, tmp_path, platform="linux", stop_seconds=300.0)
    assert "TimeoutStopSec=330\n" in made.text


def test_where_the_system_refuses_all_that_is_left_to_do_is_told(tmp_path):
    refused, left = ["sh", "-c", "echo no bus >&2; exit 1"], ["systemctl", "enable", "it"]
    each = replace(unit(tmp_path, tmp_path, platform="linux"), enable=[["true"], refused, left])
    with pytest.raises(RouterError, match="no bus") as raised:
        write(each)
    assert raised.value.fix.endswith("&& systemctl enable it")
    assert "true" not in raised.value.fix
    with pytest.raises(RouterError, match="no-such-program"):
        write(replace(each, enable=[["no-such-program"]]))
