"""The sandbox, and services in front of it: one shared by tests that leave it as it was, others made for one test."""

from __future__ import annotations

import pytest
import pytest_asyncio
from gateway_support import Service
from recordings import stage

from llm_router.sandbox import Sandbox


@pytest.fixture(scope="session")
def shared_box():
    with Sandbox() as box:
        yield box


@pytest.fixture(scope="session")
def shared(shared_box, tmp_path_factory):
    """A service in front of the sandbox, for all tests that leave it as they found it."""
    service = Service(tmp_path_factory.mktemp("gateway"), shared_box)
    yield service
    service.kill()


@pytest.fixture
def box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def serve(tmp_path, box):
    """Makes services of this test alone: `serve(config=..., VARIABLE=...)`."""
    made = []

    def make(**options):
        made.append(Service(tmp_path / f"service-{len(made)}", box, **options))
        return made[-1]

    yield make
    for service in made:
        service.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory):
    """For the requests of real clients."""
    async with stage(tmp_path_factory.mktemp) as ready:
        yield ready
