"""Prompts of our own with task and level, in some twenty languages: `authored.txt`, its slots filled."""

from __future__ import annotations

import re
from pathlib import Path

from corpus import ASSUMED, Row

from llm_router.classify.difficulty import LEVELS

FILE = Path(__file__).with_name("authored.txt")
PASTES = Path(__file__).with_name("pastes")
MOST = 4  # variants of one line


def rows() -> list[Row]:
    lines = [line for line in FILE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    slots = {path.stem: [path.read_text("utf-8")] for path in sorted(PASTES.iterdir())}
    slots["all"] = ["\n".join(each for (each,) in slots.values())]
    slots |= dict(_slot(line) for line in lines if re.match(r"\w+ = ", line))
    return [row for line in lines if " | " in line for row in _filled(line, slots)]


def _slot(line: str) -> tuple[str, list[str]]:
    name, _, values = line.partition(" = ")
    return name, values.split(" ¦ ")


def _filled(line: str, slots: dict[str, list[str]]) -> list[Row]:
    """Variants of one line share its weight: they differ in a word, not in what they ask."""
    label, _, text = line.replace("\\n", "\n").partition(" | ")
    task, level = label.split()
    names = re.findall(r"{(\w+)}", text)
    times = min(MOST, max((len(slots[name]) for name in names), default=1))
    out: list[Row] = []
    for turn in range(times):
        prompt = text.format(**{name: slots[name][turn % len(slots[name])] for name in names})
        row = Row(
            "authored", prompt, domain=text, task=task, level=float(LEVELS.index(level)), weight=1 / times
        )
        row.weak, row.strong = ASSUMED[level]
        out.append(row)
    return out
