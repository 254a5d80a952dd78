"""The demo told to a person: colours on a terminal, the same text elsewhere, from 80 columns on."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from llm_router.cli.demo_play import Played
from llm_router.cli.demo_scenes import Act
from llm_router.cli.output import attempt_line, money, visible
from llm_router.cli.render import table
from llm_router.errors import RouterError
from llm_router.nouns import Attempt, Decision, JsonDict, Skipped, Usage

Styled = str | tuple[str, str]  # text, or text and a style of rich
_INDENT = "   "
_WIDEST = 110
_SKIPS_SHOWN = 2
_TOTAL = {"provider": "total", "billing": "metered"}
_LOUD = "bold white on red"
_REF_WIDTH = 29
_INTRO = (
    "The whole path over simulated providers on 127.0.0.1: no key, no network.",
    "Real: classifier, routing, budgets, ledger, the vendors' SDKs, list prices.",
    "Simulated: the models. Their answers say so; --json shows them.",
)
_SIMULATED = (
    "These were simulated upstreams: tokens are the simulator's, and the times say what llm-router and the SDKs take, "
    "not what a model takes. Prices are list prices."
)
_SAVING = (
    "Only an answer that replaces work saves money: the difference to the baseline is yours where you would have asked "
    "it, and nothing where you would not have asked at all."
)
_NEXT = (
    "{} doctor",
    '{} ask "what does errno 11 mean?"',
    "claude mcp add -s user llm-router -- {} mcp",
    "codex mcp add llm-router -- {} mcp",
    "gemini mcp add -s user llm-router {} mcp",
)


class Screen:
    """Writes to stdout as the demo goes; a `quiet` one writes nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._paint = _painter() if not quiet and _is_terminal() else None
        self.width = max(40, min(shutil.get_terminal_size((80, 24)).columns, _WIDEST))

    def line(self, *parts: Styled, whole: bool = False) -> None:
        """One line, cut where it is too long unless `whole`."""
        if self._quiet:
            return
        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        pairs = [(visible(text, terminal=True), style) for text, style in pairs]
        if self._paint is not None:
            self._paint(pairs, None if whole else self.width)
        else:
            text = "".join(text for text, _ in pairs)
            sys.stdout.write((text if whole else _cut(text, self.width)).rstrip() + "\n")
        sys.stdout.flush()

    def text(self, text: str, style: str = "") -> None:
        for line in textwrap.wrap(text, self.width):
            self.line((line, style))

    def _remark(self, mark: tuple[str, str], text: str) -> None:
        """Text of any length behind a mark, under which its other lines hang."""
        indent = len(_INDENT) + len(mark[0])
        for n, line in enumerate(textwrap.wrap(text, self.width - indent)):
            self.line(_INDENT if n == 0 else " " * indent, mark if n == 0 else "", line)

    # ── as it goes ───────────────────────────────────────────────────────────

    def opening(self, baseline: str) -> None:
        self.line(("llm-router demo", "bold"))
        self.line()
        for line in _INTRO:
            self.line(line)
        self.line()
        self.line(
            ("→ ", "cyan"), "who is asked, in this order", ("    – ", "yellow"), "who is left out, and why"
        )
        self.line(
            ("✗ ", "red"),
            "who failed, and why          ",
            ("  ✓ ", "green"),
            "who answered, and at what cost",
        )
        self.line(("vs", "bold"), f" what the baseline, {baseline}, costs for these tokens")

    def act(self, act: Act) -> None:
        self._rule(act.title)

    def scene(self, played: Played) -> None:
        """Before it is played."""
        self.line()
        self.line((f"{played.number:>2} ", "bold"), (_short(played.scene.prompt, self.width - 5), "bold"))
        if played.scene.told:
            self.line(_INDENT, (f"# {played.scene.told}", "italic yellow"))

    def outcome(self, played: Played) -> None:
        decision = played.decision
        if decision is not None:
            self.line(_INDENT, *_judged(decision))
            for reason in _left_out(decision.plan.skipped)[:_SKIPS_SHOWN]:
                self.line(_INDENT, ("– ", "yellow"), reason)
        for attempt in played.attempts:
            if attempt.ok and decision is not None:
                self.line(_INDENT, *_answered(attempt, decision, self.width - len(_INDENT)))
            elif played.error is None:
                self.line(_INDENT, ("✗ ", "red"), attempt_line(attempt))
        if played.error is not None:
            self._refusal(played.error)
        for problem in played.problems:
            self.text(f"NOT AS INTENDED: {problem}", _LOUD)

    def _refusal(self, error: RouterError) -> None:
        self._remark(("✗ ", "red"), error.message)
        if error.fix:
            self._remark(("fix: ", "bold"), error.fix)

    # ── at the end ───────────────────────────────────────────────────────────

    def ending(self, played: Sequence[Played], found: JsonDict) -> None:
        self._rule("What happened")
        self.line()
        columns = ["provider", "answered", "failed", "input", "output", "cost", "baseline"]
        table(
            columns,
            [_row(each) for each in [*found["providers"], found["total"] | _TOTAL]],
            right=columns[1:],
        )
        self.line()
        for line in _totals(found):
            self.text(line)
        self.line()
        self.text(_SIMULATED, "italic")
        self.text(_SAVING, "italic")
        self.line()
        self.line(("Next", "bold"))
        for command in _NEXT:
            self.line("  ", (command.format(_ourselves()), "green"), whole=True)
        for each in played:
            for problem in each.problems:
                self.text(f"NOT AS INTENDED, please report it: scene {each.number}: {problem}", _LOUD)

    def _rule(self, title: str) -> None:
        self.line()
        self.line((f"── {title} ", "bold cyan"), ("─" * (self.width - len(title) - 4), "cyan"))


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Say what is being waited for, while it is."""
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if live:
        sys.stderr.write(what)
        sys.stderr.flush()
    try:
        yield
    finally:
        if live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def _ourselves() -> str:
    """The command that starts llm-router here, where it is not on PATH too."""
    beside = Path(sys.executable).with_name("llm-router")
    if shutil.which("llm-router"):
        return "llm-router"
    return shlex.quote(str(beside)) if beside.exists() else f"{shlex.quote(sys.executable)} -m llm_router"


def _is_terminal() -> bool:
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _painter() -> Callable[[Sequence[tuple[str, str]], int | None], None]:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, legacy_windows=False, highlight=False)

    def paint(pairs: Sequence[tuple[str, str]], width: int | None) -> None:
        text = Text.assemble(*pairs)
        if width is not None:
            text.truncate(width, overflow="ellipsis")
        console.print(text, soft_wrap=True)

    return paint


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _short(prompt: str, width: int) -> str:
    """In quotes, on one line; of a long one the end too, for there the question is."""
    flat = " ".join(prompt.split())
    if len(flat) > 4 * width:
        size = f" ({len(prompt):,} characters)"
        tail = prompt.rpartition("\n")[2]
        return f"“{_cut(flat, max(10, width - len(tail) - len(size) - 3))} {tail}”{size}"
    return f"“{_cut(flat, width - 2)}”"


def _judged(decision: Decision) -> Iterator[Styled]:
    """`query, simple → ollama ×2 › codex › gemini`"""
    found = decision.assessment
    yield f"{found.task}, {found.complexity} ".replace("_", " ")
    yield ("→", "cyan")
    for n, (provider, of_it) in enumerate(groupby(c.model.provider for c in decision.plan.candidates)):
        yield (" › " if n else " ", "dim")
        yield _times(provider, len(list(of_it)))


def _left_out(skipped: Sequence[Skipped]) -> list[str]:
    """`ollama ×2: cooling down`, models of one provider that have the same reason in one line."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in skipped:
        found.setdefault((each.ref.partition("/")[0], each.reason), []).append(each.ref)
    return [
        f"{refs[0] if len(refs) == 1 else _times(provider, len(refs))}: {reason}"
        for (provider, reason), refs in found.items()
    ]


def _times(provider: str, count: int) -> str:
    return provider if count == 1 else f"{provider} ×{count}"


def _answered(attempt: Attempt, decision: Decision, width: int) -> Iterator[Styled]:
    ref = f"{attempt.provider}/{attempt.model}".ljust(_REF_WIDTH)
    cost, baseline = money(decision.cost, attempt.billing), decision.baseline_cost
    versus = "" if baseline is None else f" vs {money(baseline)}"
    usage = attempt.usage or Usage()
    right = f" {usage.input_tokens}+{usage.output_tokens} tok {attempt.ms:>4.0f} ms"
    yield ("✓ ", "green")
    yield (ref, "bold green")
    yield f" {cost}"
    yield versus
    yield (right.rjust(width - len(ref) - len(cost) - len(versus) - 3), "dim")


def _row(each: JsonDict) -> list[str]:
    counts = (f"{each[name]:,}" for name in ("answered", "failed", "input_tokens", "output_tokens"))
    cost = money(_micros(each["cost_usd"]), each["billing"])
    return [each["provider"], *counts, cost, money(_micros(each["baseline_cost_usd"]))]


def _totals(found: JsonDict) -> Iterator[str]:
    yield (
        f"{found['prompts']} prompts. {found['answered']} were answered: {found['free_calls']} free, "
        f"{found['subscription_calls']} by subscription, {found['paid_calls']} paid. {found['refused']} were not, as "
        f"intended. {found['failures_survived']} failures on the way were survived."
    )
    quota = money(_micros(found["quota_baseline_cost_usd"]))
    yield (
        f"Cost: {money(_micros(found['total']['cost_usd']))}. The same tokens on {found['baseline']}: "
        f"{money(_micros(found['total']['baseline_cost_usd']))}; {quota} of it by subscription, which is quota and "
        "not dollars."
    )
    yield (
        f"Routing took {found['route_ms_p50']:.1f} ms (median), without a network. The ledger holds all "
        f"{found['attempts']} attempts."
    )


def _micros(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * 1e6)
