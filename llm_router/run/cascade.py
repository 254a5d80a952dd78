"""Cheap first, checked, and a stronger model where the answer does not pass.

An answer is kept when P(good) after its checks is at least what the best model still untried is worth: its own P(good),
less its price. An answer that no check failed is always kept: whom to trust unseen was plan's decision.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from llm_router.checks import Check, Mode, Verification, Verify
from llm_router.errors import RouterError
from llm_router.nouns import (
    Answer,
    Assessment,
    Billing,
    Candidate,
    Checking,
    Chosen,
    Chunk,
    Delta,
    Failed,
    FailureKind,
    Plan,
    Profile,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Trying,
)
from llm_router.plan.worth import WORTH
from llm_router.run.attempts import Run
from llm_router.verify import Workshop, posterior, read
from llm_router.verify.opinions import again, agreement, question, verdict

_SURE = 0.02  # no model is trusted, or given up, beyond this before its answer is seen
_AFTER_A_FAILURE = 0.9  # what defeated one model is hard for the next too
_STRENGTH = ("small", "mid", "frontier")
_TESTS_SHARE = 0.5  # of the time left: the stronger model needs the rest
_UNSURE = (0.25, 0.9)  # where a second opinion can change what is done
_ADVICE_SHARE = 0.2  # of the price of escalating, at most, for a model's opinion in mode `auto`
_ADVICE_S = 30.0
_LEAST_S = 1.0  # to ask anybody else
_MOST_REJECTED = 3  # what three models cannot do, a fourth costs


Harder = Callable[[], Awaitable[Sequence[Candidate]]]  # who would be asked, were the request a harder one


class _Rejected(NamedTuple):
    """`place` is that of its attempt; `farewell` how the caller would be told the answer: see Run."""

    place: int
    answer: Answer
    farewell: bytes


@dataclass(slots=True)
class Cascade:
    """One request's checks. Belongs to one Run, which asks it after every answer."""

    assessment: Assessment
    verify: Verify
    mode: Mode
    workshop: Workshop
    harder: Harder
    _rejected: list[_Rejected] = field(default_factory=list["_Rejected"])

    async def events(self, run: Run) -> AsyncGenerator[Trying | Checking | Chosen | Failed | Delta | Chunk]:
        """The run's events, an answer's own held back until it is accepted. The best rejected answer is served where
        nobody stronger gives one.
        """
        wanted_stream = run.request.stream
        if run.request.origin is None:
            run.request = replace(run.request, stream=False)
        held: list[Delta | Chunk] = []
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    if isinstance(event, (Trying, Failed)):
                        held.clear()
                    if isinstance(event, (Trying, Checking, Chosen, Failed)):
                        yield event
                    else:
                        held.append(event)
        except RouterError:
            if not self._rejected:
                raise
            self._serve_best(run)
        for each in held or (_pieces(run.answer) if wanted_stream and run.answer else ()):
            yield each

    async def after(self, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> list[Candidate]:
        """Check the answer just given. Who is asked next; nobody where an answer stands."""
        answer, place = run.answer, len(run.attempts) - 1
        if answer is None or any(isinstance(part, ToolCall) for part in answer.parts):
            return []
        run.answer = None  # not the caller's yet
        try:
            stronger = await self._stronger(run, candidate, rest)
            found = await self._verified(run, candidate, answer, stronger)
        except BaseException:  # the caller has gone
            detail = "the caller left while the answer was checked"
            run.attempts[place] = replace(run.attempts[place], outcome=FailureKind.CANCELLED, detail=detail)
            raise
        if found.accepted and not (found.failed and self._rejected and not stronger):
            run.answer = answer
            run.attempts[place] = replace(run.attempts[place], verification=found)
            return []
        detail = "; ".join(f"{check.verifier}: {check.detail}" for check in found.failed)
        run.attempts[place] = replace(
            run.attempts[place], outcome=FailureKind.REJECTED, detail=detail, verification=found
        )
        self._rejected.append(_Rejected(place, answer, run.farewell))
        if stronger and len(self._rejected) < _MOST_REJECTED and run.remaining_s() > _LEAST_S:
            return stronger
        self._serve_best(run)
        return []

    async def _verified(
        self, run: Run, candidate: Candidate, answer: Answer, stronger: Sequence[Candidate]
    ) -> Verification:
        """Cheap checks before dear ones, and those only where the cheap have left something to decide."""
        started = time.perf_counter()
        prior = self._prior(candidate)
        needed = max((self._worth(run, each) for each in stronger), default=0.0)
        checks = read(replace(run.request, task=self.assessment.task), answer)
        if posterior(prior, checks) >= min(needed, prior):
            checks += await self._tried_out(run, answer)
        adviser = self._adviser(run, candidate)
        if self._advice_pays(run, adviser, stronger, posterior(prior, checks)):
            checks += await _advice(run, candidate, adviser, answer)
        p = posterior(prior, checks)
        accepted = p >= needed or not any(check.finding == "fail" for check in checks)
        ms = (time.perf_counter() - started) * 1000
        return Verification(tuple(checks), prior, p, needed, accepted, ms)

    async def _stronger(self, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> list[Candidate]:
        """Those of a higher tier, of the plan or else of a harder request's; where there are none, others of the same
        tier. A model that was named or pinned is the only one.
        """
        if run.explicit:
            return []
        place = _STRENGTH.index(candidate.model.tier)
        if higher := [c for c in rest if _STRENGTH.index(c.model.tier) > place]:
            return higher
        known = {c.model.ref for c in run.plan.candidates}
        more = [c for c in await self.harder() if _STRENGTH.index(c.model.tier) > place]
        because = f"asked where the answer of {candidate.model.ref} does not pass its checks"
        higher = [replace(c, reason=because) for c in more if c.model.ref not in known]
        run.plan = replace(run.plan, candidates=(*run.plan.candidates, *higher))
        return higher or [c for c in rest if c.model.tier == candidate.model.tier]

    def _prior(self, candidate: Candidate) -> float:
        return min(max(self.assessment.p_success(candidate.model.tier), _SURE), 1 - _SURE)

    def _worth(self, run: Run, candidate: Candidate) -> float:
        """In probability: what asking this model may gain, less its price in right answers. Unpriced: half of one."""
        worth = WORTH[run.plan.profile]
        paid = candidate.model.billing is Billing.METERED
        cost = (worth / 2 if candidate.expected_cost is None else candidate.expected_cost) if paid else 0
        return self._prior(candidate) * _AFTER_A_FAILURE - cost / worth

    async def _tried_out(self, run: Run, answer: Answer) -> list[Check]:
        """What takes processes: Node's parser, the caller's tests or else whether the patch applies."""
        seconds = max(1.0, run.remaining_s() * _TESTS_SHARE)
        trials = [self.workshop.javascript(answer)]
        if self.verify.tests:
            trials.append(self.workshop.tests(self.verify, answer, seconds=seconds))
        else:
            trials.append(self.workshop.patch(self.verify, answer))
        return [
            check for trial in trials if (check := await _timed(trial)).finding != "unknown" or check.detail
        ]

    def _adviser(self, run: Run, candidate: Candidate) -> Candidate:
        """Who can tell most for least: a free model answers once more itself, else the cheapest other model judges."""
        if candidate.model.billing is not Billing.METERED:
            return candidate
        others = [c for c in run.plan.candidates if c.model != candidate.model and _price(c) is not None]
        return min(others, key=lambda c: _price(c) or 0, default=candidate)

    def _advice_pays(self, run: Run, adviser: Candidate, stronger: Sequence[Candidate], p: float) -> bool:
        """Only where it can change what is done, and, unless asked for, where it is cheap beside escalating."""
        decided = self.verify.tests or not _UNSURE[0] < p < _UNSURE[1]
        if not stronger or decided or run.remaining_s() < _ADVICE_S:
            return False
        if self.mode == "always":
            return True
        price, escalating = _price(adviser), stronger[0].expected_cost or 0
        return (
            run.plan.profile is Profile.PREMIUM and price is not None and price <= _ADVICE_SHARE * escalating
        )

    # ── the end ──────────────────────────────────────────────────────────────

    def _serve_best(self, run: Run) -> None:
        """The likeliest of the rejected answers, and of equals the latest: an answer that is doubted beats none."""
        place, run.answer, run.farewell = max(
            self._rejected,
            key=lambda each: (v.p if (v := run.attempts[each.place].verification) else 0.0, each.place),
        )
        served = run.attempts[place]
        detail = f"served, though its checks failed, since nobody stronger answered. {served.detail}"
        run.attempts[place] = replace(served, outcome="ok", detail=detail)


async def _timed(trial: Awaitable[Check]) -> Check:
    """A full disk, a missing program: what keeps us from trying an answer out says nothing of it."""
    started = time.perf_counter()
    try:
        check = await trial
    except Exception as error:
        check = Check("tests", "unknown", f"{type(error).__name__}: {error}"[:200])
    return replace(check, ms=(time.perf_counter() - started) * 1000)


async def _advice(run: Run, candidate: Candidate, adviser: Candidate, answer: Answer) -> list[Check]:
    """A model's opinion. Its attempts are the call's, and so is their cost; where it fails, nothing is said."""
    repeats = adviser.model == candidate.model
    started = time.perf_counter()
    said, cost = await _asked(run, adviser, again(run.request) if repeats else question(run.request, answer))
    if said is None:
        return []
    check = agreement(answer, said) if repeats else verdict(said)
    ms = (time.perf_counter() - started) * 1000
    return [replace(check, ms=ms, cost=cost, model=adviser.model.ref)]


def _price(candidate: Candidate) -> int | None:
    return 0 if candidate.model.billing is not Billing.METERED else candidate.expected_cost


async def _asked(run: Run, candidate: Candidate, request: Request) -> tuple[Answer | None, int | None]:
    """One model's answer to a question about the answer, with the budgets, breakers and deadlines of any call."""
    spent = sum(a.cost or 0 for a in run.attempts)
    left = None if run.request.max_cost is None else max(0, run.request.max_cost - spent)
    inner = Run(
        request=replace(request, max_cost=left, deadline_s=min(_ADVICE_S, run.remaining_s() * _TESTS_SHARE)),
        plan=Plan((candidate,), profile=run.plan.profile, input_tokens=run.plan.input_tokens),
        limit_s=min(run.limit_s, _ADVICE_S),
        explicit=False,
        means=run.means,
    )
    try:
        async with aclosing(inner.events()) as events:
            async for _ in events:
                pass
    except RouterError:
        pass  # no opinion is no verdict
    finally:
        run.attempts += [replace(each, role="check") for each in inner.attempts]
    costs = [a.cost for a in inner.attempts]
    return inner.answer, None if None in costs else sum(c for c in costs if c is not None)


def _pieces(answer: Answer) -> list[Delta]:
    """A whole answer as a stream gives it."""
    found: list[Delta] = []
    for index, part in enumerate(answer.parts):
        match part:
            case Text(text):
                found.append(TextDelta(text))
            case Thinking(text, signature):
                found.append(ThinkingDelta(text, signature))
            case ToolCall(id, name, arguments):
                found.append(ToolCallDelta(index, arguments, id, name))
            case _:
                pass
    return found
