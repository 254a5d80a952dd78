"""The nouns: what travels along the path. Frozen, without I/O; those of verification stand in checks.py.

    Request -> Assessment -> Verdict -> Plan(Candidate...) -> Attempt... -> Answer -> Decision -> Reply

Money is integer micro-dollars (1 USD = 1_000_000). Time stamps are Unix seconds, durations milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from random import getrandbits
from typing import Any, Literal

from msgspec import Struct, field

from llm_router.checks import Verification, Verify

JsonDict = dict[str, Any]


class Task(StrEnum):
    QUERY = "query"
    RESEARCH = "research"
    GENERATE = "generate"
    ANALYZE = "analyze"
    CODE = "code"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class Complexity(StrEnum):
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    DEEP_REASONING = "deep_reasoning"

    def harder(self, degrees: int) -> Complexity:
        """So many degrees harder, at most the hardest."""
        return _BY_DEGREE[min(_BY_DEGREE.index(self) + degrees, len(_BY_DEGREE) - 1)]


_BY_DEGREE = tuple(Complexity)


class Profile(StrEnum):
    BUDGET = "budget"
    BALANCED = "balanced"
    PREMIUM = "premium"


class Billing(StrEnum):
    """How a provider is paid: nothing, a flat subscription (quota, not dollars), or by the token."""

    LOCAL = "local"
    SUBSCRIPTION = "subscription"
    METERED = "metered"


def new_id(prefix: str) -> str:
    """A short id that sorts by time: `d_0lx3k9f2a7c41e`."""
    return f"{prefix}_{time.time_ns() // 1_000_000:011x}{getrandbits(24):06x}"


# ── what is said ─────────────────────────────────────────────────────────────


class Text(Struct, frozen=True):
    text: str


class Image(Struct, frozen=True):
    """Base64 `data` with its media type, or a `url`; exactly one of the two."""

    media_type: str = "image/png"
    data: str | None = None
    url: str | None = None


class Document(Struct, frozen=True):
    """A PDF (base64 `data`), a `url`, or plain `text`."""

    media_type: str = "application/pdf"
    data: str | None = None
    url: str | None = None
    text: str | None = None
    title: str | None = None


class Thinking(Struct, frozen=True):
    """A model's reasoning. `issuer` is the provider that signed it: a signature means nothing elsewhere."""

    text: str
    signature: str | None = None
    issuer: str | None = None


class ToolCall(Struct, frozen=True):
    """`arguments` is the JSON text as the model wrote it: it may be broken, and the caller must see that."""

    id: str
    name: str
    arguments: str


class ToolResult(Struct, frozen=True):
    call_id: str
    content: tuple[Text | Image | Document, ...]
    is_error: bool = False


Part = Text | Image | Document | Thinking | ToolCall | ToolResult


class Message(Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        if len(self.parts) == 1 and isinstance(part := self.parts[0], Text):  # as most have
            return part.text
        return "\n".join([part.text for part in self.parts if isinstance(part, Text)])


class Tool(Struct, frozen=True):
    name: str
    description: str = ""
    parameters: JsonDict = field(default_factory=dict[str, Any])
    strict: bool = False


class ToolChoice(Struct, frozen=True):
    mode: Literal["auto", "any", "none", "tool"] = "auto"
    name: str | None = None
    parallel: bool = True


Feature = Literal["vision", "documents", "tools", "thinking", "schema", "web"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Reasoning(Struct, frozen=True):
    """How much a model shall think: by effort ("none" forbids it), by a budget of tokens, or (neither) as it sees fit.
    `shown`: whether the caller wants to read what was thought.
    """

    effort: Effort | None = None
    budget_tokens: int | None = None
    shown: bool = True


class WebSearch(Struct, frozen=True):
    """Of the web, by the vendor itself. `near` is where the user is: `city`, `region`, `country`, `timezone`."""

    max_uses: int | None = None
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()
    near: Mapping[str, str] = field(default_factory=dict[str, str])


class Origin(Struct, frozen=True):
    """A request as it came over HTTP: its dialect, and its body, so that an upstream of the same gets just that."""

    dialect: str
    body: bytes

    def __repr__(self) -> str:
        """Without the body: it may hold anything."""
        return f"Origin({self.dialect!r}, {len(self.body)} bytes)"


class Conversation(Struct, frozen=True):
    """Where in a running conversation a request stands, as its door read it.

    `key` tells conversations apart, those of a session's agents too. `opening` is a fingerprint of how it begins: another
    one means that the client has compacted or cleared it. `goes_on`: an agent's loop, nobody has said anything new.
    """

    key: str
    opening: str = ""
    goes_on: bool = False


class Request(Struct, frozen=True):
    """What somebody wants answered, whichever door it came through.

    `model` is what the caller named: None or "auto" routes; `provider/model` or an alias of one model is
    explicit, and then never silently replaced. `task` and `complexity` override the classifier.
    `schema` asks for JSON of that JSON Schema. `deadline_s` bounds the whole call, all attempts together.

    A request with an `origin` may be a sketch: of its messages only the last that a user wrote, no tools, while
    `input_tokens` and `needs` tell what was read off the whole body. Whoever needs the rest has the body parsed.
    `turn` is the kind of turn a door recognised ("background", "think", ...). Where a door routes what the caller named a
    model for, `named` is the caller's word, and `prefer` the models to try before those of the chain. `answers` is how
    many at once; of `sampling` are `seed`, `presence_penalty`, `frequency_penalty`, `repetition_penalty` and `min_p`.
    """

    messages: tuple[Message, ...]
    task: Task | None = None
    complexity: Complexity | None = None
    model: str | None = None
    profile: Profile | None = None
    max_cost: int | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    sampling: Mapping[str, float] | None = None
    answers: int = 1
    stop: tuple[str, ...] = ()
    schema: JsonDict | None = None
    reasoning: Reasoning | None = None
    web_search: WebSearch | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    stream: bool = False
    deadline_s: float | None = None
    door: str = "cli"
    session: str | None = None
    project: str | None = None
    verify: Verify | None = None
    turn: str | None = None
    named: str | None = None
    prefer: tuple[str, ...] = ()
    conversation: Conversation | None = None
    origin: Origin | None = None
    input_tokens: int | None = None
    needs: frozenset[Feature] | None = None
    id: str = field(default_factory=lambda: new_id("r"))

    @property
    def prompt(self) -> str:
        """The text of the last user message: what the classifier reads."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    @property
    def system(self) -> str:
        return "\n\n".join(m.text for m in self.messages if m.role == "system")


def ask(prompt: str, *, system: str | None = None, **fields: Any) -> Request:
    """A request of one user message, the common case of the command line and the tools."""
    messages = [Message("user", (Text(prompt),))]
    if system:
        messages.insert(0, Message("system", (Text(system),)))
    return Request(messages=tuple(messages), **fields)


# ── what the steps decide ────────────────────────────────────────────────────


class Assessment(Struct, frozen=True):
    """What classify found. `reasons` are the features that spoke, `source` is who decided.

    `difficulty` and `confidence` lie in [0,1]. `p_small`, `p_mid`, `p_frontier` are the chances that a model of that
    tier does it well; `gain` is what the frontier tier is expected to add to the small one, in [0,1]: the number to
    order requests by when money is short. The defaults are those of an ordinary request. `learned` is how much of the
    three chances, small to frontier, comes from this user's own outcomes; `rival` the second likeliest task, where
    the words alone decided.
    """

    task: Task
    complexity: Complexity
    confidence: float
    difficulty: float
    reasons: tuple[str, ...] = ()
    source: Literal["artefact", "rules", "caller"] = "rules"
    p_small: float = 0.6
    p_mid: float = 0.75
    p_frontier: float = 0.85
    gain: float = 0.25
    learned: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rival: Task | None = None

    def p_success(self, tier: Literal["small", "mid", "frontier"]) -> float:
        return {"small": self.p_small, "mid": self.p_mid, "frontier": self.p_frontier}[tier]


class Verdict(Struct, frozen=True):
    """What admit allows. `model` is the one model that must answer, by the caller's or the user's word."""

    model: str | None = None
    model_because: Literal["asked", "pinned"] | None = None
    blocked: tuple[str, ...] = ()
    max_cost: int | None = None
    profile: Profile = Profile.BALANCED


class Model(Struct, frozen=True):
    """One model of one provider. `context` and `max_output` are tokens; None means unknown, never unlimited. `stands_for`
    is the vendor whose model it really is, where the provider is an endpoint that stands for one.
    """

    provider: str
    id: str
    tier: Literal["small", "mid", "frontier"] = "mid"
    billing: Billing = Billing.METERED
    context: int | None = None
    max_output: int | None = None
    features: frozenset[Feature] = frozenset()
    stands_for: str = ""

    @property
    def ref(self) -> str:
        return f"{self.provider}/{self.id}"

    @property
    def vendor(self) -> str:
        """Whose ways it has: how it is asked, and who signs what it thinks."""
        return self.stands_for or self.provider


class Candidate(Struct, frozen=True):
    """A model that may answer, and why it stands at this place of the chain.

    `expected_cost` and `max_cost` are micro-dollars: the likely cost, and the most that `max_output` tokens can cost
    (what a budget reserves, and then holds the call to). None = the price is unknown. A `last_resort` rests, and is tried
    whatever its breaker says, because nobody else is left.
    """

    model: Model
    reason: str
    expected_cost: int | None = None
    max_cost: int | None = None
    max_output: int | None = None
    last_resort: bool = False


class Skipped(Struct, frozen=True):
    ref: str
    reason: str


class Plan(Struct, frozen=True):
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...] = ()
    strategy: str = "free_first"
    profile: Profile = Profile.BALANCED
    input_tokens: int = 0


class Switch(Struct, frozen=True):
    """Whether a running conversation stays with its model. Costs are micro-dollars of the calls expected until somebody
    speaks again: `stay_cost` with what is cached there, `move_cost` with all of it sent anew; None where a price is
    unknown, or no comparison was needed.
    """

    model: str
    other: str
    kept: bool
    because: str
    stay_cost: int | None = None
    move_cost: int | None = None


# ── what happened ────────────────────────────────────────────────────────────


class Usage(Struct, frozen=True):
    """Tokens of one call. `input_tokens` is the total; cache reads and writes are parts of it, and
    `reasoning_tokens` is a part of `output_tokens`. `estimated` marks figures the upstream did not report.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


class FailureKind(StrEnum):
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    AUTH = "auth"
    BILLING = "billing"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    CONTEXT_TOO_LONG = "context_too_long"
    UNSUPPORTED = "unsupported"
    CONTENT_FILTER = "content_filter"
    LOOP = "loop"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    REJECTED = "rejected"
    BUDGET = "budget"
    COOLING = "cooling"
    CANCELLED = "cancelled"


class Attempt(Struct, frozen=True):
    """One try of one candidate; `outcome` is "ok" or why it failed. `cost` None = unpriced, never zero.

    A `role` of "check" is a model that was asked about an answer, not for one; of "classify", about the request. `verification` is what checks found.
    """

    provider: str
    model: str
    outcome: Literal["ok"] | FailureKind
    started_at: float
    ms: float
    first_token_ms: float | None = None
    status: int | None = None
    detail: str = ""
    retry_after_s: float | None = None
    usage: Usage | None = None
    cost: int | None = None
    billing: Billing = Billing.METERED
    role: Literal["answer", "check", "classify"] = "answer"
    verification: Verification | None = None

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


StopReason = Literal["end", "length", "tool_use", "stop_sequence", "refusal"]


class Answer(Struct, frozen=True):
    """What one upstream said, decoded. `model` is the name it gave itself; `id` its own id, if any."""

    parts: tuple[Part, ...]
    stop_reason: StopReason
    usage: Usage
    model: str = ""
    id: str = ""
    stop_sequence: str | None = None  # which one, where the upstream says so

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def empty(self) -> bool:
        return not any(
            isinstance(p, ToolCall) or (isinstance(p, Text) and p.text.strip()) for p in self.parts
        )


class Decision(Struct, frozen=True):
    """The whole story of one request: made in plan, completed by run, stored by record, told by explain.

    `cost` sums every attempt (None when any paid one is unpriced). `baseline_cost` prices the same tokens on the
    declared baseline model; None where it is not known. `error` is set when nothing answered.
    """

    id: str
    at: float
    request: Request
    assessment: Assessment
    verdict: Verdict
    plan: Plan
    attempts: tuple[Attempt, ...] = ()
    answer: Answer | None = None
    route_ms: float = 0.0
    total_ms: float = 0.0
    cost: int | None = 0
    baseline: str | None = None
    baseline_cost: int | None = None
    error: str | None = None
    switch: Switch | None = None

    @property
    def winner(self) -> Attempt | None:
        for attempt in self.attempts:
            if attempt.ok and attempt.role == "answer":
                return attempt
        return None


class Reply(Struct, frozen=True):
    """What a door gives its caller: the answer and the decision behind it."""

    answer: Answer
    decision: Decision

    @property
    def text(self) -> str:
        return self.answer.text


# ── what streams ─────────────────────────────────────────────────────────────


class TextDelta(Struct, frozen=True):
    text: str


class ThinkingDelta(Struct, frozen=True):
    text: str
    signature: str | None = None


class ToolCallDelta(Struct, frozen=True):
    """A piece of tool call number `index`; `id` and `name` come with its first piece."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


Delta = TextDelta | ThinkingDelta | ToolCallDelta


class Chunk(Struct, frozen=True):
    """Bytes in the caller's own dialect, for a door that relays: what it sends on as it is."""

    data: bytes


class Planned(Struct, frozen=True):
    """The first event of a stream: what was decided, before anybody is asked."""

    decision: Decision


class Trying(Struct, frozen=True):
    """The run turned to this candidate: progress for a person who waits."""

    candidate: Candidate


class Checking(Struct, frozen=True):
    """The candidate has answered, and its answer is being checked."""

    candidate: Candidate


class Chosen(Struct, frozen=True):
    """Of two candidates who were asked at a time this one spoke first, and answers."""

    candidate: Candidate


class Failed(Struct, frozen=True):
    """An attempt failed and the run goes on."""

    attempt: Attempt


class Done(Struct, frozen=True):
    """The last event of every stream that succeeded."""

    reply: Reply


Event = Planned | Trying | Checking | Chosen | Failed | Delta | Chunk | Done
