"""What a user can set, as validated data. Where it comes from, and errors with line and column: `config.py`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from llm_router.checks import Mode
from llm_router.nouns import Complexity, Profile, Task

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RouterSettings(Section):
    profile: Profile = Field(
        default=Profile.BALANCED, description="How much quality may cost: which chain of models is asked."
    )
    baseline: str = Field(
        default="opus", description="The model savings are measured against: an alias or provider/model."
    )
    enforce: Literal["smart", "hard", "soft", "off", "shadow"] = Field(
        default="smart", description="How strictly the hooks of a host hold its model to a suggested route."
    )
    warm_up: bool = Field(
        default=False,
        description="At the start of a host's session, let Ollama load the models that would be asked first.",
    )
    show_answers: bool = Field(
        default=True,
        description="In Claude Code's terminal, show a routed answer as it comes, so that its model need not write it again.",
    )
    store_prompts: bool = Field(
        default=False, description="Keep prompts and answers in the ledger. Off: only sizes and a hash."
    )


DialectName = Literal["openai_chat", "openai_responses", "anthropic", "gemini", "ollama"]


class ProviderSettings(Section):
    """One provider. Keys are best left in the environment, or written as `${NAME}`."""

    enabled: bool = Field(default=True, description="false: as if it did not exist.")
    api_key: SecretStr | None = Field(default=None, description="Above the provider's own variable.")
    base_url: str | None = Field(default=None, description="Above every variable that names an address.")
    dialect: DialectName | None = Field(
        default=None, description="For a custom endpoint: the wire format it speaks (default openai_chat)."
    )
    also: tuple[DialectName, ...] = Field(
        default=(),
        description="Further wire formats it speaks at the same address: who calls the gateway in one is passed on as he came.",
    )
    stands_for: str | None = Field(
        default=None,
        description="The vendor whose models this endpoint has, by our name for it: they are then asked as that vendor's, "
        "with its models, features and prices where you name none.",
    )
    models: tuple[str, ...] = Field(default=(), description="Model ids to offer beside the catalogue's.")
    num_ctx: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Ollama only: the largest context window to load."
    )
    billing: Literal["local", "subscription", "metered"] | None = Field(
        default=None, description="How it is paid: nothing, a flat subscription, or by the token."
    )


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


# one rule, or several to try in this order: a model, an alias, or a strategy's word
Rule = Annotated[tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])]


class TurnSettings(Section):
    """Which model each kind of turn behind the gateway goes to. The names are Claude Code Router's."""

    default: Rule = Field(default=("auto",), description="What none of the others is said about.")
    background: Rule = Field(default=("cheap",), description="Titles, probes, requests to a small model.")
    think: Rule = Field(default=("best",), description="The user asked for much thinking, or for a plan.")
    longContext: Rule = Field(default=(), description="Above the threshold.")  # noqa: N815
    longContextThreshold: Annotated[int, Field(gt=0)] = Field(default=60_000, description="Tokens.")  # noqa: N815
    webSearch: Rule = Field(default=(), description="The vendor is to search the web.")  # noqa: N815
    image: Rule = Field(default=(), description="There are images to look at.")
    subagent: Rule = Field(default=(), description="Of Claude Code's, Codex's and OpenCode's subagents.")
    compaction: Rule = Field(default=(), description="A client has its conversation summed up.")

    def of(self, kind: str) -> tuple[str, ...]:
        """The rule of one kind; empty where none was set."""
        return getattr(self, kind, ())


class RoutingSettings(Section):
    chains: dict[Complexity, tuple[str, ...]] = Field(
        default_factory=dict[Complexity, tuple[str, ...]], description="Your own order per complexity."
    )
    pin: dict[Task | Literal["all"], str] = Field(
        default_factory=dict[Task | Literal["all"], str],
        description="This task (or all) always goes to this model.",
    )
    block: tuple[str, ...] = Field(
        default=(), description="Providers or models never to use: `openai`, `groq/*`, `*/*-preview`."
    )
    aliases: dict[str, str] = Field(
        default_factory=dict[str, str], description="Your own names for models, above the catalogue's."
    )
    turns: TurnSettings = TurnSettings()
    learn: bool = Field(
        default=True,
        description="Let the outcomes of your own requests shift what is expected of each tier; see `llm-router memory`.",
    )
    tie_break: bool = Field(
        default=True,
        description="Where the classifier is unsure and it matters, let a model on this machine choose that has just "
        "answered at once; 1.5 s at most.",
    )
    verify: Mode = Field(
        default="auto",
        description="Check answers and ask a stronger model where they fail. `auto`: tools and the command line, unless "
        "streamed; `always`: every door, and with a second opinion of a cheap model.",
    )
    test_seconds: Seconds = Field(default=60, description="How long the tests a caller names may run.")
    unisolated_tests: bool = Field(
        default=False,
        description="Where the system permits no isolation: run tests of models' code with resource limits alone.",
    )
    quality: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="The price of quality, 0 (cheapest) to 1 (best at any price). Set, `auto` weighs every model's "
        "chance against its price instead of following the profile's chain; the profiles stand at 0.2, 0.5 and 0.8.",
    )
    deadline_seconds: Seconds = Field(default=300, description="One whole call, all attempts together.")
    attempt_seconds: dict[Complexity, Seconds] = Field(
        default_factory=dict[Complexity, Seconds],
        description="How long one attempt may wait for a first sign of life. Default: 20, 45, 90, 180 by complexity.",
    )
    hedge_seconds: Seconds | None = Field(
        default=None,
        description="After so long without a first token the next model of the chain is asked too, and whoever speaks first "
        "answers. Both may cost; at most every tenth call is hedged. Off unless set.",
    )


class Caps(Section):
    """US dollars per calendar day, ISO week and month, in local time."""

    daily: Usd | None = Field(default=None, description="US dollars per calendar day.")
    weekly: Usd | None = Field(default=None, description="US dollars per ISO week, from Monday.")
    monthly: Usd | None = Field(default=None, description="US dollars per calendar month.")


class BudgetSettings(Caps):
    providers: dict[str, Caps] = Field(default_factory=dict[str, Caps])
    unpriced: Literal["refuse", "allow"] = Field(
        default="refuse", description="Under a cap: what to do with a metered model whose price is unknown."
    )


class PriceSettings(Section):
    """US dollars per million tokens, for models the price data lacks or gets wrong."""

    input_per_million: Usd
    output_per_million: Usd
    cache_read_per_million: Usd | None = Field(default=None, description="Without it: what input costs.")
    cache_write_per_million: Usd | None = Field(default=None, description="Without it: what input costs.")


class GatewaySettings(Section):
    host: str = Field(
        default="127.0.0.1",
        description="Where the service listens, and `mcp --http`. Beyond this machine only with a key.",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8484, description="Likewise.")
    access_key: SecretStr | None = Field(
        default=None, description="Whoever calls must show it. Best left to `LLM_ROUTER_ACCESS_KEY`."
    )
    access_keys: dict[str, SecretStr] = Field(
        default_factory=dict[str, SecretStr],
        description="More keys, by the name that the log then shows: one for each person or machine.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names a proxy in front of it is called by; else `Host` must name this machine.",
    )
    forward_credentials: bool = Field(
        default=False,
        description="Without an Anthropic key of our own, pass the one a client shows on to Anthropic, and to nobody else.",
    )
    keep_models: tuple[str, ...] = Field(
        default=(),
        description="Models that coding agents name by themselves and that are to be taken at their word, not routed: "
        "a name with `*` in it, or `*` for all.",
    )
    max_body_mb: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=64, description="The largest request that is read."
    )
    max_connections: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=4000, description="More than that at a time are turned away."
    )
    read_seconds: Seconds = Field(default=30, description="How long a client may take to send a request.")
    stop_seconds: Seconds = Field(
        default=60, description="How long answers under way may take to finish when the service stops."
    )


class Settings(Section):
    """The whole file. `caching` and `fallback` are accepted because the field's guides show them; `config check` says they do nothing."""

    router: RouterSettings = RouterSettings()
    providers: dict[str, ProviderSettings] = Field(default_factory=dict[str, ProviderSettings])
    routing: RoutingSettings = RoutingSettings()
    budget: BudgetSettings = BudgetSettings()
    prices: dict[str, PriceSettings] = Field(
        default_factory=dict[str, PriceSettings], description="By `provider/model` or model id."
    )
    gateway: GatewaySettings = GatewaySettings()
