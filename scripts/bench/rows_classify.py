"""classify, in this process: prompts of 2 KB and of 1 MB, of many shapes."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator

from figures import Row, Target, in_turns, percentile, say, timed

from llm_router.classify import assess
from llm_router.nouns import ask

SMALL, LARGE = 2048, 1_048_576
HEAD, TAIL = 2500, 1500
_WORD = re.compile(r"\w+")
_ASK = "Why does this fail only on the second run, and how would you change it so that it never does again?"
SHAPES = {
    "prose": "We keep the orders of each customer in one table and the refunds in another. When a refund comes "
    "in after the month was closed, the report shows a negative total that nobody can explain to accounting. ",
    "code": "def settle(self, orders, *, strict=False):\n    for order in orders:\n        if order.total < 0 and "
    "strict:\n            raise ValueError(f'order {order.id} is negative')\n        self._book[order.id] = order\n",
    "log": "2026-03-02T11:04:17.220Z ERROR [pool-3-thread-7] c.e.orders.Settle - timeout after 3000 ms id=8f3a91\n",
    "trace": 'Traceback (most recent call last):\n  File "/srv/app/settle.py", line 88, in settle\n    '
    "return self._book[order_id]\nKeyError: 'A-1001'\n",
    "diff": "@@ -14,7 +14,9 @@ class Book:\n-        self.total = 0\n+        self.total = Decimal(0)\n         return\n",
    "table": "| order | customer | total |\n|---|---|---:|\n| A-1001 | Müller & Söhne | 1,200.50 |\n",
    "json": '{"id": "A-1001", "lines": [{"sku": "X-9", "count": 3, "price": 12.5}], "paid": false},\n',
    "german": "Bitte prüfe, ob die Rückerstattungen nach dem Monatsabschluss noch richtig gebucht werden. ",
    "chinese": "请检查月末结账之后退款是否仍然正确入账，并说明为什么报表会显示负数。",
    "one line": "x" * 61 + " ",
}


def rows(rounds: int | None) -> Iterator[Row]:
    yield _row("classify-2kb", "classify a prompt of 2 KB", SMALL, rounds or 2000, 1.0)
    yield _row("classify-1mb", "classify a prompt of 1 MB", LARGE, rounds or 500, 2.0)


def prompts(size: int) -> list[str]:
    """A paste of each shape with a question before it, and with one after it; `size` characters each."""
    pastes = [(shape * (size // len(shape) + 1))[: size - len(_ASK) - 2] for shape in SHAPES.values()]
    return [text for paste in pastes for text in (f"{_ASK}\n\n{paste}", f"{paste}\n\n{_ASK}")]


def _row(name: str, what: str, size: int, rounds: int, at_most: float) -> Row:
    say(f"{name}: {rounds} calls")
    texts = prompts(size)
    # each prompt differs in its last words: judgements of words that were heard before are kept
    requests = (
        ask(f"{text[: -len(end)]}{end}")
        for n, text in enumerate(itertools.cycle(texts))
        for end in (f" {n:08}",)
    )
    again = itertools.cycle(texts)
    wall: list[float] = []

    def ours() -> float:
        request = next(requests)
        begun = time.thread_time_ns()
        wall.append(timed(lambda: assess(request)))
        return (time.thread_time_ns() - begun) / 1e6

    def floor() -> float:
        text = next(again)
        begun = time.thread_time_ns()
        _WORD.findall(text if len(text) <= HEAD + TAIL else text[:HEAD] + text[-TAIL:])
        return (time.thread_time_ns() - begun) / 1e6

    samples = in_turns(rounds, {"ours": ours, "floor": floor}, warm_up=len(texts))
    kept = wall[len(texts) :]
    return Row(
        name,
        what,
        "ms",
        samples["ours"],
        "finding the words of 4,000 characters of the same prompt with `re`",
        samples["floor"],
        Target(at_most, "p95"),
        note=f"processor time, which is all it uses; by the clock {percentile(kept, 0.5):.2f}, "
        f"p95 {percentile(kept, 0.95):.2f}; {len(texts)} prompts: {', '.join(SHAPES)}, with the question first and last",
    )
