"""The gateway as an ASGI application: who may call, which endpoint it is, and every error in the caller's dialect.

    request -> guard -> route -> endpoint -> answer | refusal
                                    |
                     answers.py, listings.py, counting.py, embeddings.py, standing.py

Raw ASGI, because a framework costs more than all of this does.
"""

from __future__ import annotations

import asyncio
import logging

from llm_router import hops
from llm_router.access import key_needed
from llm_router.errors import RefusedError, RouterError, UpstreamError
from llm_router.gateway import problems
from llm_router.gateway.activity import Activities, Activity
from llm_router.gateway.current import Current, Generation
from llm_router.gateway.endpoints import ENDPOINTS
from llm_router.gateway.http import Asgi, GoneError, HttpCall, Receive, Scope, Send
from llm_router.gateway.metrics import Figures
from llm_router.gateway.routes import Found, Route, dialect_of, find
from llm_router.gateway.visit import Visit
from llm_router.nouns import FailureKind

MCP = "/mcp"
_HOPS = hops.HEADER.encode()
_CAME_BACK = (
    "this request has come back to an llm-router that it had passed: the base_url of a provider leads there."
    " `llm-router providers` shows the addresses"
)
OPEN = frozenset({"healthz"})  # says nothing that anybody may not know

log = logging.getLogger(__name__)


class Gateway:
    """`mcp` serves /mcp; None where nothing is mounted there."""

    def __init__(self, current: Current, mcp: Asgi | None = None) -> None:
        self.current = current
        self.activities = Activities()
        self.figures = Figures(self.activities)
        self._mcp = mcp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = HttpCall(scope, receive, send)
        if self._mcp is not None and (call.path == MCP or call.path.startswith(MCP + "/")):
            await self._mounted(call, self._mcp, receive, send)
            return
        found = find(call.method, call.path)
        route = found.route
        dialect = dialect_of(found, call.path, call.query, call.headers)
        each = self.activities.begin(call, route.name if route else "none", dialect)
        generation = self.current.now
        generation.enter()
        try:
            self._guard(call, route, generation, each)
            await self._serve(call, found, dialect, generation, each)
        except GoneError:
            each.ended = "cancelled"
        except asyncio.CancelledError:  # the service stops, and has waited long enough
            each.ended = each.error = "cancelled"
            await problems.refuse(call, problems.stopping(), dialect)
        except RouterError as error:
            each.error = error.code
            await problems.refuse(call, error, dialect, _allow(found, error))
        except Exception:
            log.exception("a defect: %s %s", call.method, each.path)
            each.error = "internal"
            await problems.refuse(call, RouterError("llm-router broke; its log says where"), dialect)
        finally:
            generation.leave()
            self.activities.end(each, call.status, each.ended or ("ok" if call.status < 400 else "error"))

    def _guard(self, call: HttpCall, route: Route | None, generation: Generation, each: Activity) -> None:
        """Raises RefusedError for whom we do not serve, and UpstreamError for a call of our own that has come back."""
        headers = call.headers
        generation.names.check(headers.get(b"host", b""), headers.get(b"origin"))
        if generation.keys and not (route and route.name in OPEN):
            each.key = generation.keys.name_of(headers, call.query)
            if each.key is None:
                raise key_needed()
        told = headers.get(_HOPS)
        if told is not None and hops.comes_back(told.decode("latin-1"), hops.mark(generation.app.root)):
            raise UpstreamError(FailureKind.LOOP, _CAME_BACK, status=508)

    async def _serve(
        self, call: HttpCall, found: Found, dialect: str, generation: Generation, each: Activity
    ) -> None:
        if found.route is None:
            raise _nowhere(call, found)
        visit = Visit(call, found.route, found.values, dialect, generation, each, self)
        await ENDPOINTS[found.route.name](visit)

    async def _mounted(self, call: HttpCall, app: Asgi, receive: Receive, send: Send) -> None:
        generation = self.current.now
        try:
            self._guard(call, None, generation, Activity(call.request_id, call.method, MCP, "mcp", "mcp"))
        except RouterError as error:
            await problems.refuse(call, error, "openai_chat")
            return
        await app(call.scope, receive, send)


def _nowhere(call: HttpCall, found: Found) -> RefusedError:
    if call.method == "OPTIONS":
        return RefusedError(
            403, "pages of other sites may not call this server, so there is nothing to ask about"
        )
    if found.allowed:
        return RefusedError(405, f"{call.path} takes {', '.join(found.allowed)}, not {call.method}")
    return RefusedError(404, f"there is no {call.path} here", fix="see GET /openapi.json")


def _allow(found: Found, error: RouterError) -> list[tuple[str, str]]:
    is_405 = isinstance(error, RefusedError) and error.status == 405
    return [("allow", ", ".join(found.allowed))] if is_405 else []
