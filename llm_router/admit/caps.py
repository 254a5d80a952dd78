"""The caps a user has set, how one stands, and what a refusal says. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llm_router.errors import BudgetError
from llm_router.nouns import Model
from llm_router.settings import BudgetSettings, Caps
from llm_router.windows import Window, local_text


@dataclass(frozen=True, slots=True)
class Cap:
    """`amount` is micro-dollars; `provider` None stands for all of them together."""

    window: Window
    amount: int
    provider: str | None = None

    @property
    def name(self) -> str:
        return f"{self.window} budget" + (f" of {self.provider}" if self.provider else "")

    @property
    def flags(self) -> str:
        """The options of `budget set` that change it, without the amount."""
        return (f"--provider {self.provider} " if self.provider else "") + f"--{self.window}"


@dataclass(frozen=True, slots=True)
class CapStatus:
    """One cap as it stands, in micro-dollars. `reserved` is held by calls under way; `resets_at` is Unix seconds."""

    cap: Cap
    spent: int
    reserved: int
    resets_at: float

    @property
    def remaining(self) -> int:
        return max(0, self.cap.amount - self.spent - self.reserved)


def caps_of(settings: BudgetSettings) -> tuple[Cap, ...]:
    scopes: list[tuple[str | None, Caps]] = [(None, settings), *settings.providers.items()]
    return tuple(cap for provider, caps in scopes for cap in _scope(provider, caps))


def _scope(provider: str | None, caps: Caps) -> list[Cap]:
    windows: tuple[Window, ...] = ("daily", "weekly", "monthly")
    amounts = (caps.daily, caps.weekly, caps.monthly)
    return [
        Cap(window, int(dollars * 1_000_000), provider)
        for window, dollars in zip(windows, amounts, strict=True)
        if dollars is not None
    ]


def over(status: CapStatus, model: Model, needed: int) -> BudgetError:
    cap = status.cap
    held = f" and {usd(status.reserved)} reserved by calls under way" if status.reserved else ""
    wants = f"may cost up to {usd(needed)}" if needed else "has no known price"
    enough = math.ceil((status.spent + status.reserved + max(needed, 1)) / 1_000_000)
    smaller = f", or bound the call: --max-cost {usd(status.remaining)[1:]}" if status.remaining else ""
    return BudgetError(
        f"{model.ref} {wants}, and the {cap.name} has {usd(status.remaining)} left: {usd(status.spent)} spent{held}"
        f" of {usd(cap.amount)}; it resets at {local_text(status.resets_at)} local time",
        fix=f"raise it: llm-router budget set {cap.flags} {enough}; or use a free or local model{smaller}",
        budget=cap.name,
        cap=cap.amount,
        spent=status.spent,
        resets_at=status.resets_at,
    )


def unpriced(model: Model, cap: Cap) -> BudgetError:
    return BudgetError(
        f"the price of {model.ref} is unknown, so the {cap.name} of {usd(cap.amount)} cannot be kept with it",
        fix=f'give its price in the configuration, under `prices:` as "{model.ref}" with input_per_million and'
        " output_per_million; or set `budget: {unpriced: allow}`",
        budget=cap.name,
        cap=cap.amount,
    )


def unusable(cap: Cap, error: Exception, path: object) -> BudgetError:
    return BudgetError(
        f"the {cap.name} cannot be checked ({error}), so no paid call is made",
        fix=f"`llm-router doctor` tells what is wrong with {path}; free and local models still answer",
        budget=cap.name,
        cap=cap.amount,
    )


def usd(micros: int) -> str:
    """`$4.20`; amounts below a cent keep their digits."""
    if 0 < micros < 10_000:
        return f"${micros / 1e6:.6f}".rstrip("0")
    return f"${micros / 1e6:.2f}"
