"""What a call is expected to cost, and what it can cost at most, in micro-dollars.

Looking up a price takes some 70 us and a chain has a dozen models, so each model's rates are kept. Vendors charge
more for long prompts: rates are therefore kept per prompt length, in steps of an eighth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from llm_router.nouns import Billing, Model, Usage
from llm_router.ports import Prices

INPUT_MARGIN = 1.5  # dense code and newer tokenizers make more tokens than the estimate
SHORT = 8_192  # no vendor has a step below this prompt length
_MILLION = 1_000_000
_MOST_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Rates:
    """Micro-dollars per token, and for the call itself: a vendor that searches the web charges for the search."""

    input: float
    output: float
    call: int = 0

    def cost(self, input_tokens: float, output_tokens: float) -> int:
        return math.ceil(self.call + input_tokens * self.input + output_tokens * self.output)


@dataclass(frozen=True, slots=True)
class CacheRates:
    """Micro-dollars per token of the prompt that is read from a cache, or written to it."""

    read: float
    write: float


# The price list is kept beside its rates: while it lives, no other can have its id.
_kept: dict[tuple[int, Model, int], tuple[Prices, Rates | None]] = {}
_kept_caches: dict[tuple[int, Model, int], tuple[Prices, CacheRates | None]] = {}


def rates(prices: Prices, model: Model, input_tokens: float) -> Rates | None:
    """None = the price is unknown. Zero for what is not paid by the token."""
    if model.billing is not Billing.METERED:
        return Rates(0, 0)
    step = _step(input_tokens)
    key = (id(prices), model, step)
    kept = _kept.get(key)
    if kept is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[key] = (prices, _looked_up(prices, model, step))
    return kept[1]


def cache_rates(prices: Prices, model: Model, input_tokens: float) -> CacheRates | None:
    """None = the price is unknown."""
    step = _step(input_tokens)
    key = (id(prices), model, step)
    kept = _kept_caches.get(key)
    if kept is None:
        if len(_kept_caches) >= _MOST_KEPT:
            _kept_caches.clear()
        kept = _kept_caches[key] = (prices, _caches_looked_up(prices, model, step))
    return kept[1]


def expected(prices: Prices, model: Model, input_tokens: int, output_tokens: int) -> int | None:
    found = rates(prices, model, input_tokens)
    return found.cost(input_tokens, output_tokens) if found else None


def at_most(prices: Prices, model: Model, input_tokens: int, output_tokens: int) -> int | None:
    generous = input_tokens * INPUT_MARGIN
    found = rates(prices, model, generous)
    return found.cost(generous, output_tokens) if found else None


def _step(tokens: float) -> int:
    """`tokens` rounded up to three significant bits: 70,000 -> 73,728."""
    if tokens <= SHORT:
        return SHORT
    unit = 1 << (math.ceil(tokens).bit_length() - 4)
    return math.ceil(tokens / unit) * unit


def _looked_up(prices: Prices, model: Model, step: int) -> Rates | None:
    call = prices.cost(model, Usage())
    only_input = prices.cost(model, Usage(input_tokens=step))
    both = prices.cost(model, Usage(input_tokens=step, output_tokens=_MILLION))
    if call is None or only_input is None or both is None:
        return None
    return Rates((only_input - call) / step, (both - only_input) / _MILLION, call)


def _caches_looked_up(prices: Prices, model: Model, step: int) -> CacheRates | None:
    call = prices.cost(model, Usage())
    read = prices.cost(model, Usage(input_tokens=step, cache_read_tokens=step))
    written = prices.cost(model, Usage(input_tokens=step, cache_write_tokens=step))
    if call is None or read is None or written is None:
        return None
    return CacheRates((read - call) / step, (written - call) / step)
