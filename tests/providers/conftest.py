"""One sandbox for the providers' tests, and the providers aimed at it by environment variables alone."""

import pytest

from llm_router.providers.registry import Registry
from llm_router.sandbox import Sandbox
from llm_router.settings import Settings


@pytest.fixture(scope="session")
def running_sandbox():
    with Sandbox() as box:
        yield box


@pytest.fixture
def box(running_sandbox):
    running_sandbox.clear()
    running_sandbox.forget()
    yield running_sandbox
    running_sandbox.clear()


@pytest.fixture
async def providers(box):
    registry = Registry(Settings(), box.environ())
    yield registry
    await registry.aclose()
