"""What a call costs: the user's own prices first, then the price data of genai-prices. Unknown is None, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Protocol

from llm_router.errors import ConfigError
from llm_router.nouns import Billing, Model, Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

HIGHEST_PER_MILLION = Decimal(10_000)  # dollars; dearer is a slip of the decimal point, and would be believed


class Override(Protocol):
    """US dollars per million tokens; without a cache price, cached tokens cost what input costs."""

    @property
    def input_per_million(self) -> Decimal: ...
    @property
    def output_per_million(self) -> Decimal: ...
    @property
    def cache_read_per_million(self) -> Decimal | None: ...
    @property
    def cache_write_per_million(self) -> Decimal | None: ...


class PriceBook:
    """`overrides` by `provider/model` or model id; `vendor_price_ids`: our provider name -> its id in the price data.

    A provider without an id there is priced by overrides only: guessing by name would bill a private endpoint as
    the vendor it resembles. Raises ConfigError for a price above HIGHEST_PER_MILLION.
    """

    def __init__(self, overrides: Mapping[str, Override], vendor_price_ids: Mapping[str, str | None]) -> None:
        for name, price in overrides.items():
            _check(name, price)
        self._overrides = dict(overrides)
        self._vendor_ids = dict(vendor_price_ids)
        self._found: dict[str, tuple[Provider, ModelInfo] | None] = {}

    def cost(self, model: Model, usage: Usage) -> int | None:
        """Micro-dollars, rounded half up; 0 for what is not metered; None when the price is unknown. Never raises."""
        if model.billing is not Billing.METERED:
            return 0
        usage = _consistent(usage)
        price = self._overrides.get(model.ref) or self._overrides.get(model.id)
        dollars = _by_override(price, usage) if price is not None else self._by_data(model, usage)
        if dollars is None:
            return None
        return int((dollars * 1_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP))

    def estimate(self, model: Model, input_tokens: int, output_tokens: int) -> int | None:
        """`cost` of a call not made yet, nothing of it cached."""
        return self.cost(model, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def _by_data(self, model: Model, usage: Usage) -> Decimal | None:
        found = self._lookup(model)
        if found is None:
            return None
        provider, entry = found
        from genai_prices import Usage as Counted

        with suppress(ValueError, ArithmeticError):  # usage that contradicts itself, a broken row of data
            counted = Counted(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_tokens or None,
                cache_write_tokens=usage.cache_write_tokens or None,
            )
            result = entry.calc_price(counted, provider)
            if _is_free(model, entry) or _covers(result.model_price, usage):
                return result.total_price
        return None

    def _lookup(self, model: Model) -> tuple[Provider, ModelInfo] | None:
        if model.ref not in self._found:
            vendor = self._vendor_ids.get(model.provider)
            self._found[model.ref] = _find(vendor, model.id) if vendor else None
        return self._found[model.ref]


def _find(vendor: str, model_id: str) -> tuple[Provider, ModelInfo] | None:
    from genai_prices.data_snapshot import get_snapshot  # 200 ms of import: only when a price is asked for

    with suppress(LookupError):
        return get_snapshot().find_provider_model(model_id, None, vendor, None)
    return None


def _is_free(model: Model, entry: ModelInfo) -> bool:
    """The data marks a free model by its name and an empty price; every other empty price means "not known"."""
    return model.id.lower().endswith(":free") and entry.id.lower().endswith(":free")


def _covers(price: ModelPrice, usage: Usage) -> bool:
    return price.input_mtok is not None and (price.output_mtok is not None or not usage.output_tokens)


def _consistent(usage: Usage) -> Usage:
    """Cache reads and writes are parts of the input; an upstream that counts them beside it is read so too."""
    cached = max(0, usage.cache_read_tokens) + max(0, usage.cache_write_tokens)
    return Usage(
        input_tokens=max(usage.input_tokens, cached),
        output_tokens=max(0, usage.output_tokens),
        cache_read_tokens=max(0, usage.cache_read_tokens),
        cache_write_tokens=max(0, usage.cache_write_tokens),
    )


def _by_override(price: Override, usage: Usage) -> Decimal:
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    read, write = price.cache_read_per_million, price.cache_write_per_million
    parts = (
        (fresh, price.input_per_million),
        (usage.output_tokens, price.output_per_million),
        (usage.cache_read_tokens, price.input_per_million if read is None else read),
        (usage.cache_write_tokens, price.input_per_million if write is None else write),
    )
    return sum((tokens * rate for tokens, rate in parts), Decimal(0)) / 1_000_000


def _check(name: str, price: Override) -> None:
    for field in ("input", "output", "cache_read", "cache_write"):
        value: Decimal | None = getattr(price, f"{field}_per_million")
        if value is not None and not 0 <= value <= HIGHEST_PER_MILLION:
            raise ConfigError(
                f"the price of {name} is not believable: {value} dollars per million tokens",
                key=f"prices.{name}.{field}_per_million",
                fix=f"give US dollars per million tokens, at most {HIGHEST_PER_MILLION:,}",
            )
