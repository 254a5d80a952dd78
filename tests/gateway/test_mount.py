"""An application that is made on its first call, and what becomes of callers where it cannot be."""

import asyncio

import pytest

from llm_router.gateway.mount import Mount


async def refuses(scope, receive, send):
    await send({"type": "lifespan.startup.failed", "message": "no room"})


async def breaks(scope, receive, send):
    raise OSError("no room")


async def knows_no_lifespan(scope, receive, send):
    return


@pytest.mark.parametrize("app", [refuses, breaks, knows_no_lifespan])
async def test_one_that_cannot_start_is_an_error_for_every_caller_and_keeps_none_waiting(app):
    mount = Mount(lambda: app)
    for _ in range(2):
        with pytest.raises((RuntimeError, OSError), match=r"no room|ended"):
            await asyncio.wait_for(mount({}, None, None), 30)
    await mount.aclose()
