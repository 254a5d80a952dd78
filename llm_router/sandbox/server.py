"""The simulated vendors as a server: connections, requests, and who answers them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from llm_router.sandbox import control, directives, listings, records
from llm_router.sandbox.connection import BadRequestError, HttpRequest, Reader, Reply, read_request
from llm_router.sandbox.delivery import Delivery, refuse
from llm_router.sandbox.faults import Fault, FaultBook
from llm_router.sandbox.frames import dump
from llm_router.sandbox.listings import Shelf
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.records import Recorded, Records
from llm_router.sandbox.routes import Route, route
from llm_router.sandbox.turn import Turn, as_dict
from llm_router.sandbox.wires import anthropic, anthropic_cache, gemini
from llm_router.sandbox.wires.problems import Problem

_JSON = {"content-type": "application/json"}
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


class Server:
    """Everything the sandbox knows, and its connections. All methods run on one event loop."""

    def __init__(self, shelf: Shelf, pace: float) -> None:
        self.faults = FaultBook()
        self.records = Records()
        self._shelf = shelf
        self._pace = pace
        self._cached: set[str] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()

        def connected() -> asyncio.StreamReaderProtocol:
            reader = Reader(loop)
            return asyncio.StreamReaderProtocol(
                reader, lambda _, writer: self._connect(reader, writer), loop=loop
            )

        return await loop.create_server(connected, host, port, backlog=512)

    async def close(self) -> None:
        """End every exchange, hanging ones too."""
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connect(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: writer.close())  # of one, too, that was cancelled before it began

    async def _serve(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await read_request(reader, writer):
                if not await self._exchange(request, reader, writer):
                    break
        except BadRequestError as error:
            body = dump({"error": {"message": str(error)}})
            head = f"HTTP/1.1 {error.status} Bad Request\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, request: HttpRequest, reader: Reader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection can carry another."""
        if request.path == control.ROOT or request.path.startswith(control.ROOT + "/"):
            reply = Reply(writer, request)
            status, body = control.control(request, self.faults, self.records)
            await reply.whole(status, _JSON, dump(body))
            return reply.keep_alive
        found = route(request.path, request.query, request.headers)
        record = _record(request, found)
        self.records.add(record)
        reply = Reply(writer, request, lambda status: setattr(record, "status", status))
        try:
            stayed = await _until_gone(self._answer(request, found, record, reply), reader.gone)
            record.closed_early = not stayed and not reply.finished
        finally:
            record.done = True
            self.records.touch()
        return stayed and reply.keep_alive

    async def _answer(self, request: HttpRequest, found: Route, record: Recorded, reply: Reply) -> None:
        if request.headers.get("upgrade", "").lower() == "websocket":
            await reply.whole(
                426, {**_JSON, "upgrade": "HTTP/1.1"}, dump({"error": {"message": "no WebSocket here"}})
            )
            return
        try:
            body = as_dict(request.json()) if request.method == "POST" else {}
            await self._serve_turn(_read(body, found), request, found, record, reply)
        except _UNREADABLE as error:
            if reply.status:
                raise
            words = f"{error.args[0]}: Field required" if isinstance(error, KeyError) else str(error)
            await refuse(reply, found.wire, Problem(status=400, message=words))

    async def _serve_turn(
        self, turn: Turn, request: HttpRequest, found: Route, record: Recorded, reply: Reply
    ) -> None:
        record.model, record.stream = turn.model, turn.stream
        taken_back = self.faults.taken_back
        fault = _told(turn) or self.faults.take(found.vendor, turn.model, found.operation)
        if fault is None and (problem := self._ollama_problem(turn, found)):
            await refuse(reply, found.wire, problem)
        elif fault is None and found.operation != "answer":
            status, answered = self._look_up(found, turn, request)
            await reply.whole(status, _JSON, dump(answered))
        else:
            record.fault = fault.kind if fault else None
            let_go = partial(self.faults.taken_back_since, taken_back)
            await Delivery(reply, found.wire, self._cache(turn, found), fault, self._pace, let_go).run()

    def _cache(self, turn: Turn, found: Route) -> Turn:
        ours = found.wire is anthropic.WIRE and found.operation == "answer"
        return anthropic_cache.with_cache(turn, self._cached) if ours else turn

    def _ollama_problem(self, turn: Turn, found: Route) -> Problem | None:
        """Ollama serves what is installed, and only what each model can do."""
        if found.wire.name != "ollama" or found.operation not in ("answer", "show", "embed"):
            return None
        model = self._shelf.find(turn.model)
        if model is None:
            return Problem("unknown_model", 404, model=turn.model)
        reason = listings.refusal(model, turn) if found.operation == "answer" else None
        return Problem(status=400, message=reason) if reason else None

    def _look_up(self, found: Route, turn: Turn, request: HttpRequest) -> tuple[int, JsonDict]:
        """What is asked about models and tokens rather than of a model."""
        match found.operation:
            case "models" | "model":
                return self._models(found)
            case "count":
                count = turn.input_tokens
                return 200, {"totalTokens": count} if found.wire is gemini.WIRE else {"input_tokens": count}
            case "embed":
                embed = {"gemini": listings.gemini_embeddings, "ollama": listings.ollama_embeddings}.get(
                    found.wire.name, listings.openai_embeddings
                )
                return 200, embed(turn.body)
            case "show" if model := self._shelf.find(turn.model):
                return 200, listings.show(model)
            case "version":
                return 200, {"version": "0.12.6"}
            case "running":
                return 200, {"models": []}
            case "alive":
                return 200, {"name": "llm-router sandbox"}
            case _:
                words = f"Invalid URL ({request.method} {request.path})"
                return found.wire.error(Problem(status=404, message=words))

    def _models(self, found: Route) -> tuple[int, JsonDict]:
        names = self._shelf.names(found.vendor)
        if found.model and found.model not in names:
            return found.wire.error(Problem("unknown_model", 404, model=found.model))
        match found.wire.name:
            case "ollama":
                return 200, listings.tags(self._shelf.installed)
            case "anthropic":
                told = listings.anthropic_models([found.model] if found.model else names)
                return 200, told["data"][0] if found.model else told
            case "gemini":
                return 200, listings.gemini_model(found.model) if found.model else listings.gemini_models(
                    names
                )
            case _:
                vendor = found.vendor
                one = found.model and listings.openai_model(found.model, vendor)
                return 200, one or listings.openai_models(names, vendor)


def _record(request: HttpRequest, found: Route) -> Recorded:
    try:
        body = request.json()
    except ValueError:
        body = None
    return Recorded(
        vendor=found.vendor,
        method=request.method,
        path=request.path,
        query=records.query(request.query),
        headers=records.headers(request.headers),
        body=body,
        operation=found.operation,
        wire=found.wire.name,
        model=found.model,
    )


def _read(body: JsonDict, found: Route) -> Turn:
    if found.operation == "answer":
        turn = found.wire.read(body, found.model)
        return replace(turn, vendor=found.vendor, stream=turn.stream or found.streams)
    if found.operation == "count" and found.wire is anthropic.WIRE:
        return anthropic.read(body, "", counting=True)
    if found.operation == "count":
        return gemini.read(as_dict(body.get("generateContentRequest") or body), found.model)
    return Turn(
        model=str(body.get("model") or body.get("name") or found.model), body=body, vendor=found.vendor
    )


def _told(turn: Turn) -> Fault | None:
    """A fault that the prompt itself asks for."""
    asked = directives.fault(turn.said)
    return Fault.read(*asked) if asked else None


async def _until_gone(work: Coroutine[Any, Any, None], gone: asyncio.Event) -> bool:
    """Do the work; False when the client left before it was done, which cancels it."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return False
        working.result()
    except ConnectionError:
        return False
    else:
        return True
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
