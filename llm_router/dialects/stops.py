"""Stop sequences for upstreams that take none, or fewer: the answer is cut here."""

from __future__ import annotations

from collections.abc import Sequence


class StopCut:
    """Passes a text on, but for what may be the beginning of a stop sequence; `hit` is the one that was met."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.hit: str | None = None

    def feed(self, text: str) -> str:
        """What may be told now. After a hit nothing is."""
        if self.hit is not None:
            return ""
        text = self._held + text
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.hit = min(found)
            self._held = ""
            return text[:at]
        keep = self._beginning(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, once it is clear that no stop sequence follows."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """How many of the last characters may begin a stop sequence."""
        for size in range(min(self._longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops):
                return size
        return 0
