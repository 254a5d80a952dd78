"""Embeddings: one model, never another instead, for vectors of different models cannot be compared. Paid for, recorded
and counted like an answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from llm_router.dialects import embedding
from llm_router.dialects.embedding import Vectors, Wanted
from llm_router.dialects.reading import record
from llm_router.errors import NotFoundError, RouterError, UpstreamError, UsageError
from llm_router.gateway.names import told_name
from llm_router.gateway.visit import Visit
from llm_router.nouns import (
    Assessment,
    Attempt,
    Candidate,
    Complexity,
    Decision,
    FailureKind,
    Message,
    Model,
    Plan,
    Request,
    Task,
    Text,
    Usage,
    Verdict,
    new_id,
)
from llm_router.plan import size, strategy_of
from llm_router.plan.filter import refuse_if_blocked
from llm_router.ports import Reservation
from llm_router.providers.raw import RawProvider

LIMIT_S = 120.0


async def embed(visit: Visit) -> None:
    body = await visit.body()
    try:
        given = record(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"the request body is not valid JSON: {error}") from None
    dialect = "ollama_embeddings" if visit.route.path == "/api/embeddings" else visit.dialect
    wanted = embedding.read(dialect, given, visit.values.get("model"))
    work = _Work(visit, replace(wanted, model=told_name(wanted.model) or ""))
    vectors = await work.run()
    tokens = work.input_tokens if vectors.tokens is None else vectors.tokens
    headers = [
        ("x-llm-router-decision-id", work.decision_id),
        ("x-llm-router-provider", work.model.provider),
        ("x-llm-router-model", work.model.id),
    ]
    answer = msgspec.json.encode(embedding.render(dialect, wanted, vectors, tokens))
    await visit.call.reply(200, answer, headers=headers)


@dataclass(slots=True)
class _Work:
    """One request for vectors: asked, paid for, recorded."""

    visit: Visit
    wanted: Wanted
    model: Model = field(init=False)
    input_tokens: int = field(init=False)
    decision_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.model = _model(self.visit, self.wanted.model)
        self.input_tokens = sum(
            size.text_tokens(each) if isinstance(each, str) else len(each) for each in self.wanted.inputs
        )
        self.decision_id = new_id("d")

    async def run(self) -> Vectors:
        """Raises RouterError; what was tried is recorded whatever happens."""
        app, model = self.visit.app, self.model
        provider = app.providers.carrier(model.provider)
        if not isinstance(provider, RawProvider) or provider.dialect == "anthropic":
            raise UsageError(f"{model.provider} makes no embeddings", fix="name a model of another provider")
        payload = msgspec.json.encode(embedding.encode(provider.dialect, self.wanted, model.id))
        candidate = self._candidate()
        self.visit.activity.tries(candidate)
        reservation = app.budgets.at_once(candidate) or await app.budgets.areserve(candidate)
        started, kind, tokens, error = time.perf_counter(), FailureKind.CANCELLED, None, None
        at = time.time()
        try:
            vectors = await self._asked(provider, payload)
            kind, tokens = None, vectors.tokens
        except UpstreamError as failure:
            kind, error = failure.kind, failure
            raise
        finally:
            usage = None if kind else Usage(tokens or self.input_tokens, estimated=tokens is None)
            attempt = Attempt(
                provider=model.provider,
                model=model.id,
                outcome=kind or "ok",
                started_at=at,
                ms=(time.perf_counter() - started) * 1000,
                status=error.status if error else None,
                detail=error.message if error else "",
                retry_after_s=error.retry_after_s if error else None,
                usage=usage,
                cost=app.prices.cost(model, usage) if usage else 0,
                billing=model.billing,
            )
            self._record(candidate, reservation, attempt, error)
        return vectors

    async def _asked(self, provider: RawProvider, payload: bytes) -> Vectors:
        try:
            async with asyncio.timeout(LIMIT_S):
                body: Any = await provider.embed(self.model.id, payload, self.visit.hops())
        except TimeoutError:
            raise UpstreamError(FailureKind.TIMEOUT, f"no answer within {LIMIT_S:.0f} s") from None
        return embedding.decode(provider.dialect, record(body), len(self.wanted.inputs))

    def _candidate(self) -> Candidate:
        cost = self.visit.app.prices.estimate(self.model, self.input_tokens, 0)
        return Candidate(self.model, "asked for", expected_cost=cost, max_cost=cost)

    def _record(
        self, candidate: Candidate, reservation: Reservation, attempt: Attempt, error: RouterError | None
    ) -> None:
        """Synchronous, so that a cancelled call is settled and recorded too."""
        app = self.visit.app
        app.budgets.settle(reservation, self.model, attempt.cost)
        if attempt.ok:
            app.health.succeeded(self.model.provider, self.model.id)
        text = "\n".join(each for each in self.wanted.inputs if isinstance(each, str))
        decision = Decision(
            id=self.decision_id,
            at=attempt.started_at,
            request=Request((Message("user", (Text(text),)),), model=self.wanted.model, door="gateway"),
            assessment=Assessment(Task.QUERY, Complexity.SIMPLE, 1.0, 0.0, ("embeddings",), "caller"),
            verdict=Verdict(self.model.ref, "asked"),
            plan=Plan((candidate,), input_tokens=self.input_tokens),
            attempts=(attempt,),
            total_ms=attempt.ms,
            cost=attempt.cost,
            error=None if attempt.ok else error.message if error else "cancelled",
        )
        app.router.ledger.record(decision)
        self.visit.activity.decided(decision)


def _model(visit: Visit, name: str) -> Model:
    """Raises UsageError, NotFoundError and PolicyError."""
    visit.activity.asked = name[:120]
    app = visit.app
    if strategy_of(name, app.settings.routing.aliases) is not None:
        raise UsageError(
            f"{name!r} names no model: vectors of different models cannot be compared",
            fix="name an embedding model",
        )
    model = app.catalogue.embedding(name)
    if model is None and visit.dialect == "ollama" and "/" not in name:
        model = app.catalogue.embedding(f"ollama/{name}")
    if model is None:
        known = [
            each.ref for each in app.catalogue.embeddings if app.providers.configured(each.provider).ready
        ]
        raise NotFoundError(
            f"no embedding model is called `{name}`",
            fix=f"write provider/model, such as {', '.join(known[:3])}",
        )
    refuse_if_blocked(model, app.settings.routing.block, "asked for")
    return model
