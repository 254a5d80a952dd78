"""The files for containers and workflows: read as far as that goes without the programs that run them."""

import re
import shlex

import yaml
from docs_tools import ROOT

from llm_router.cli.main import COMMANDS

DEPLOY = ROOT / "docs" / "deploy"
INSTRUCTIONS = {
    "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "CMD",
}  # fmt: skip


def _instructions():
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [line.split(None, 1) for line in lines]


def test_the_dockerfile_copies_what_is_there_and_runs_a_command_of_ours_as_nobody_special():
    found = _instructions()
    assert {name for name, _ in found} <= INSTRUCTIONS
    copied = [shlex.split(rest)[:-1] for name, rest in found if name == "COPY" and "--from" not in rest]
    assert all((ROOT / path).exists() for paths in copied for path in paths)
    command = yaml.safe_load(next(rest for name, rest in found if name == "CMD"))
    assert command[0] == "llm-router"
    assert command[1] in COMMANDS
    assert [rest for name, rest in found if name == "USER"] == ["router"]


def test_the_compose_file_needs_a_key_and_opens_to_this_machine_only():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    router = services["llm-router"]
    assert ":?" in router["environment"]["LLM_ROUTER_ACCESS_KEY"]
    assert all(port.startswith("127.0.0.1:") for port in router["ports"])
    assert (DEPLOY / router["build"]["context"] / router["build"]["dockerfile"]).exists()
    assert set(router["depends_on"]) <= set(services)


def test_the_workflow_calls_commands_of_ours():
    workflow = yaml.safe_load((DEPLOY / "github-actions.yaml").read_text())
    runs = [step["run"] for step in workflow["jobs"]["review"]["steps"] if "run" in step]
    called = re.findall(r"(?<!install )llm-router (\w+)", "\n".join(runs))
    assert {"code", "logs", "costs"} == set(called) <= set(COMMANDS)
