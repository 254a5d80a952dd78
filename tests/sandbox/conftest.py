from __future__ import annotations

import pytest

from llm_router.sandbox import Sandbox


@pytest.fixture
def box():
    with Sandbox() as running:
        yield running
