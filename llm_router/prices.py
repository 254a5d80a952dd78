"""What a call costs: the user's own prices first, then the price data of genai-prices. Unknown is None, never 0."""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

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


_PROBE = 1_000_000
_HALF = Decimal("0.5")
_MOST_KEPT = 4_096


class _Steps(NamedTuple):
    """`above` these prompt lengths another price holds; `changing`: with the time of day too, by the minute."""

    above: Sequence[int]
    changing: bool


@dataclass(frozen=True, slots=True)
class _Rates:
    """Micro-dollars per call and per token."""

    call: Decimal
    fresh: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def micros(self, usage: Usage) -> Decimal:
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        total = (
            self.call + self.fresh * (usage.input_tokens - read - write) + self.output * usage.output_tokens
        )
        return total + self.cache_read * read + self.cache_write * write if read or write else total


class PriceBook:
    """`overrides` by `provider/model` or model id; `vendor_price_ids`: our provider name -> its id in the price data.

    A provider without an id there is priced by overrides only: guessing by name would bill a private endpoint as
    the vendor it resembles. Raises ConfigError for a price above HIGHEST_PER_MILLION.
    """

    def __init__(self, overrides: Mapping[str, Override], vendor_price_ids: Mapping[str, str | None]) -> None:
        for name, price in overrides.items():
            _check(name, price)
        self._own = {name: _of_override(price) for name, price in overrides.items()}
        self._vendor_ids = dict(vendor_price_ids)
        self._found: dict[str, tuple[Provider, ModelInfo] | None] = {}
        self._rates: dict[tuple[str, int, int], _Rates | None] = {}
        self._steps: dict[str, _Steps] = {}

    def cost(self, model: Model, usage: Usage) -> int | None:
        """Micro-dollars, rounded half up; 0 for what is not metered; None when the price is unknown. Never raises."""
        if model.billing is not Billing.METERED:
            return 0
        usage = _consistent(usage)
        own = self._own.get(model.ref) or self._own.get(model.id)
        micros = self._by_rates(model, usage) if own is None else own.micros(usage)
        return None if micros is None else int(micros + _HALF)

    def estimate(self, model: Model, input_tokens: int, output_tokens: int) -> int | None:
        """`cost` of a call not made yet, nothing of it cached."""
        return self.cost(model, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def asleep(self, model: Model) -> bool:
        """Whether a price of this model would first have to load the price data: 200 ms, and 5 MB that stay."""
        own = self._own.get(model.ref) or self._own.get(model.id)
        return own is None and "genai_prices.data" not in sys.modules

    def _by_rates(self, model: Model, usage: Usage) -> Decimal | None:
        """As the price data say, by what they said before: to ask them costs 70 us, to multiply one."""
        steps = self._steps.get(model.ref)
        if steps is None:
            if len(self._steps) > _MOST_KEPT:  # callers name models as they like
                self._steps.clear()
                self._found.clear()
            steps = self._steps[model.ref] = self._price_steps(model)
        step = bisect_left(steps.above, usage.input_tokens)
        key = (model.ref, step, int(time.time() // 60) if steps.changing else 0)
        if key not in self._rates:
            if len(self._rates) > _MOST_KEPT:
                self._rates.clear()
            self._rates[key] = self._learned(model, steps.above, step)
        rates = self._rates[key]
        return self._by_data(model, usage) if rates is None else rates.micros(usage)

    def _price_steps(self, model: Model) -> _Steps:
        found = self._lookup(model)
        told: Any = found[1].prices if found else []
        lists = [each.prices for each in cast("list[Any]", told)] if isinstance(told, list) else [told]
        prices: list[object] = [
            price for each in lists for price in cast("dict[str, object]", vars(each)).values()
        ]
        tiers: list[Any] = [tier for price in prices for tier in getattr(price, "tiers", ())]
        starts = {int(tier.start) for tier in tiers}
        return _Steps(sorted(starts), changing=len(lists) > 1)

    def _learned(self, model: Model, steps: Sequence[int], step: int) -> _Rates | None:
        """The rates between two steps. None where the price is not known for every kind of token."""
        low = steps[step - 1] + 1 if step else 1
        high = steps[step] if step < len(steps) else low + 1_000_000
        if high == low:
            return None
        probes = (
            Usage(low),
            Usage(high),
            Usage(high, _PROBE),
            Usage(high, cache_read_tokens=high),
            Usage(high, cache_write_tokens=high),
        )
        told = [self._by_data(model, probe) for probe in probes]
        asked = [micros for micros in told if micros is not None]
        if len(asked) < len(told):
            return None
        least, most, talking, reading, writing = asked
        fresh = (most - least) / (high - low)
        call = most - fresh * high
        return _Rates(
            call, fresh, (talking - most) / _PROBE, (reading - call) / high, (writing - call) / high
        )

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
                return result.total_price * 1_000_000
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
    if usage.output_tokens >= 0 and usage.cache_read_tokens >= 0 and usage.cache_write_tokens >= 0:
        cached = usage.cache_read_tokens + usage.cache_write_tokens
        if usage.input_tokens >= cached:
            return usage
    cached = max(0, usage.cache_read_tokens) + max(0, usage.cache_write_tokens)
    return Usage(
        input_tokens=max(usage.input_tokens, cached),
        output_tokens=max(0, usage.output_tokens),
        cache_read_tokens=max(0, usage.cache_read_tokens),
        cache_write_tokens=max(0, usage.cache_write_tokens),
    )


def _of_override(price: Override) -> _Rates:
    """Dollars per million tokens are micro-dollars per token."""
    fresh, read, write = price.input_per_million, price.cache_read_per_million, price.cache_write_per_million
    return _Rates(
        call=Decimal(0),
        fresh=fresh,
        output=price.output_per_million,
        cache_read=fresh if read is None else read,
        cache_write=fresh if write is None else write,
    )


def _check(name: str, price: Override) -> None:
    for field in ("input", "output", "cache_read", "cache_write"):
        value: Decimal | None = getattr(price, f"{field}_per_million")
        if value is not None and not 0 <= value <= HIGHEST_PER_MILLION:
            raise ConfigError(
                f"the price of {name} is not believable: {value} dollars per million tokens",
                key=f"prices.{name}.{field}_per_million",
                fix=f"give US dollars per million tokens, at most {HIGHEST_PER_MILLION:,}",
            )
