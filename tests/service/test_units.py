"""Units for the service at login."""

from pathlib import Path

from llm_router.service.units import unit


def test_a_percent_sign_in_a_path_is_no_specifier_of_systemd(tmp_path):
    made = unit(Path("/srv/100%h"), tmp_path, platform="linux")
    assert "Environment=LLM_ROUTER_HOME=/srv/100%%h\n" in made.text.replace("'", "")
