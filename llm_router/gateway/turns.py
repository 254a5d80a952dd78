"""Which kind of turn a request is, and which model its turn goes to. Pure.

    request = Turns(settings, catalogue, anthropic=...).read(inbound.sketch(body), headers)

The kinds are those of Claude Code Router, and three more: `background`, `longContext`, `webSearch`, `image`, `think`,
`default`; `subagent`, `compaction`, and `safety`: what a client has its own actions checked by is never routed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from llm_router.dialects.reading import record
from llm_router.errors import UsageError
from llm_router.gateway import callers
from llm_router.gateway.callers import Agent
from llm_router.gateway.glimpse import Glimpse, glimpse
from llm_router.nouns import Conversation, Model, Origin, Request, Text
from llm_router.plan import Catalogue, strategy_of
from llm_router.settings import Settings

_SMALL = re.compile(r"haiku|flash-lite|(?<![a-z])(?:mini|nano)(?![a-z])")
_EFFORTS = frozenset({"high", "xhigh", "max"})
_MUCH_THINKING = 10_000  # tokens
# what a client's own questions are to be answered in: the fields of such a schema
_FORMS = (
    frozenset({"title", "branch", "summary", "isNewTopic"}),
    frozenset({"complexity_score", "complexity_reasoning"}),  # Gemini CLI, and the next two
    frozenset({"next_speaker", "reasoning"}),
    frozenset({"unproductive_state_analysis", "unproductive_state_confidence"}),
)
_CHORES = (
    b"You are a title generator",  # OpenCode
    b"specialized Task Routing AI",  # Gemini CLI asks a small model how hard a prompt is
    b"Summarize this coding conversation",
    b"Analyze if this message indicates a new conversation topic",
)
_MONITOR = b"You are a security monitor for autonomous AI coding agents"
_VERDICT = "</severity>"
_PLANNING = ("Plan mode is active", "Plan mode still active")
_COMPACTIONS = (
    "Your task is to create a detailed summary of the conversation so far",  # Claude Code
    "CONTEXT CHECKPOINT COMPACTION",  # Codex
    "<state_snapshot>",  # Gemini CLI
    "create an anchored summary",  # OpenCode
)
_COMPACTING = (
    b"distilling chat history into a structured XML <state_snapshot>",
    b"anchored context summarization",
)
_TAG = re.compile(r"<(CCR-SUBAGENT-MODEL|llm-router-model)>([^<]*)</\1>\s*")
# the same in JSON, where some encoders escape these characters
_TAG_BYTES = re.compile(
    rb"(\")?(?:<|\\u003[cC])(CCR-SUBAGENT-MODEL|llm-router-model)(?:>|\\u003[eE])[^<\"\\]*"
    rb"(?:<|\\u003[cC])\\?/\2(?:>|\\u003[eE])(?:\\n| )*(\")?"
)


@dataclass(frozen=True, slots=True)
class Turns:
    """`anthropic` tells by which providers Anthropic itself is reached, `last_tokens` how long a conversation was when it
    was last answered.
    """

    settings: Settings
    catalogue: Catalogue
    anthropic: Callable[[], Sequence[str]] = lambda: ()
    last_tokens: Callable[[str], int] = lambda _: 0

    def read(self, sketch: Request, headers: Mapping[str, str]) -> Request:
        """The sketch with its session, its kind of turn, and the model or models that kind goes to. `headers` by
        lower-case name. Raises UsageError for what only Anthropic may see where Anthropic cannot be asked.
        """
        seen = glimpse(sketch.origin.body if sketch.origin else b"")
        if tag := _tag(sketch, seen):
            sketch = _stripped(sketch)
        session = callers.session(headers, sketch.session, seen)
        place = callers.conversation(headers, seen, session)
        word = sketch.model.strip() if sketch.model else ""
        route = self._kept_safe(sketch, seen, word)
        if route is None:
            who = callers.agent(headers)
            asks = _Asked(sketch, headers, seen, who, self._is_long(sketch, place))
            named = tag or ("auto" if self._by_itself(who, word) else word or "auto")
            route = self._route(self._kind(asks, word), named, is_long=asks.is_long)
        return replace(
            sketch,
            session=session,
            conversation=None if _is_monitor(sketch, seen) else place,
            turn=route.turn,
            model=route.model,
            prefer=route.prefer,
            named=word or None,
        )

    # ── which kind ───────────────────────────────────────────────────────────

    def _kind(self, asked: _Asked, word: str) -> str:
        if _is_chore(asked):
            return "background"
        if _is_compaction(asked):
            return "compaction"
        if asked.is_long:
            return "longContext"
        if callers.names_by_itself(asked.who, word) and self._is_small(word.lower()):
            return "background"
        needs = asked.request.needs or frozenset()
        searches = asked.request.web_search is not None or "web" in needs
        if searches and "tools" not in needs:  # Codex offers it beside its own tools, always
            return "webSearch"
        if callers.is_subagent(asked.headers):
            return "subagent"
        if "vision" in needs:
            return "image"
        return "think" if _is_thinking(asked) else "default"

    def _is_long(self, request: Request, place: Conversation) -> bool:
        """By our estimate, or by what the upstream counted last; after a compaction that tells nothing."""
        threshold, estimate = self.settings.routing.turns.longContextThreshold, request.input_tokens or 0
        if estimate > threshold:
            return True
        return estimate > threshold // 2 and self.last_tokens(place.key) > threshold

    def _is_small(self, word: str) -> bool:
        model = self.catalogue.known(word)
        return model.tier == "small" if model else _SMALL.search(word) is not None

    # ── which model ──────────────────────────────────────────────────────────

    def _by_itself(self, who: Agent, word: str) -> bool:
        """An agent's own default, which the user has not asked to be kept."""
        kept = self.settings.gateway.keep_models
        return callers.names_by_itself(who, word) and not any(fnmatchcase(word, each) for each in kept)

    def _route(self, kind: str, named: str, *, is_long: bool) -> _Route:
        """What a caller names stands above the rules. A rule may be a strategy's word, one model, or several to try in
        this order.
        """
        own = self.settings.routing.aliases
        if named.lower() != "auto" or "auto" in own:
            return _Route(kind, _reference(named))
        rules = self.settings.routing.turns
        rule = rules.of(kind) or (rules.of("longContext") if is_long else ()) or rules.of("default")
        names = [_reference(name) for name in rule]
        words = [name for name in names if strategy_of(name, own) is not None]
        return _Route(kind, words[0] if words else "auto", tuple(name for name in names if name not in words))

    def _kept_safe(self, request: Request, seen: Glimpse, word: str) -> _Route | None:
        """What checks the client's actions: by the model it named, at Anthropic; what Anthropic alone may read never
        goes elsewhere, and the client repeats the request without it where it is told so.
        """
        if not (_is_monitor(request, seen) or seen.safeguarded):
            return None
        if meant := self._at_anthropic(word):
            return _Route("safety", meant)
        if seen.safeguarded:
            raise UsageError(
                "safeguards: only Anthropic answers them, and this request does not go there; send it without"
            )
        return _Route("safety", "best")

    def _at_anthropic(self, word: str) -> str | None:
        """The model of this name by who reaches Anthropic; None where it is not theirs, or nobody does."""
        known, doors = self.catalogue.known, self.anthropic()
        model = known(_reference(word)) or known(f"anthropic/{word}")
        if model is None or model.vendor != "anthropic":
            if not word.lower().startswith("claude-"):
                return None
            model = Model("anthropic", word)
        if not doors:
            return None
        if model.provider in doors:
            return model.ref
        listing = (door for door in doors if known(f"{door}/{model.id}"))
        return f"{next(listing, doors[0])}/{model.id}"


class _Route(Struct, frozen=True):
    turn: str
    model: str
    prefer: tuple[str, ...] = ()


class _Asked(Struct, frozen=True):
    """All that tells of what kind a turn is."""

    request: Request
    headers: Mapping[str, str]
    seen: Glimpse
    who: Agent
    is_long: bool


def _is_monitor(request: Request, seen: Glimpse) -> bool:
    """Whether it is about what a conversation does, and none of it."""
    return _MONITOR in seen.system or _VERDICT in request.stop


def _is_chore(asked: _Asked) -> bool:
    """What a client asks for itself: titles, probes, who speaks next, whether it runs in circles."""
    request, seen = asked.request, asked.seen
    if request.max_output_tokens == 1:
        return True
    if seen.offers_tools:
        return False
    properties = record((request.schema or {}).get("properties"))
    formal = bool(properties) and any(form.issuperset(properties) for form in _FORMS)
    return formal or any(mark in seen.system for mark in _CHORES)


def _is_compaction(asked: _Asked) -> bool:
    if '"request_kind":"compact' in asked.headers.get(callers.TURN_HEADER, ""):
        return True
    if any(mark in asked.seen.system for mark in _COMPACTING):
        return True
    prompt = asked.request.prompt
    return any(mark in prompt for mark in _COMPACTIONS)


def _is_thinking(asked: _Asked) -> bool:
    """Asked for by the user: Gemini CLI always wants effort "high", Claude Code of its older models 31,999 tokens."""
    seen, who = asked.seen, asked.who
    if who == "claude-code" and any(mark in seen.tail for mark in _PLANNING):
        return True
    reasoning = asked.request.reasoning
    if reasoning is None or who == "gemini-cli":
        return False
    if reasoning.effort is not None:
        return reasoning.effort in _EFFORTS
    return who != "claude-code" and (reasoning.budget_tokens or 0) >= _MUCH_THINKING


def _reference(name: str) -> str:
    """`provider,model` is how Claude Code Router writes it."""
    return name.strip().replace(",", "/", 1)


def _tag(request: Request, seen: Glimpse) -> str:
    """The model a tag names: in the prompt, in what was said first, or in the system prompt (a subagent's own)."""
    for text in (request.prompt, seen.opening):
        if found := _TAG.search(text):
            return found[2].strip()
    if b"CCR-SUBAGENT-MODEL" in seen.system or b"llm-router-model" in seen.system:
        found = _TAG.search(seen.system.decode("utf-8", "replace").replace("\\/", "/"))
        return found[2].strip() if found else ""
    return ""


def _stripped(request: Request) -> Request:
    """Without tags, wherever they stand: they are for us."""
    messages = tuple(
        replace(m, parts=tuple(Text(_TAG.sub("", p.text)) if isinstance(p, Text) else p for p in m.parts))
        for m in request.messages
    )
    origin = request.origin
    if origin is not None:
        origin = Origin(origin.dialect, _TAG_BYTES.sub(_without_tag, origin.body))
    return replace(request, messages=messages, origin=origin)


def _without_tag(found: re.Match[bytes]) -> bytes:
    """A text of nothing but a tag would be left empty, which vendors refuse."""
    before, after = found[1] or b"", found[3] or b""
    return before + b"." + after if before and after else before + after
