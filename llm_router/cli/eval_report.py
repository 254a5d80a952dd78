"""The findings of `eval` for people: tables on the terminal, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.cli import output, render
from llm_router.errors import UsageError
from llm_router.nouns import JsonDict

START, END = "<!-- measured: routing quality -->", "<!-- measured until here -->"

_SUITE_COLUMNS = (
    "suite", "prompts", "always small", "always frontier", "APGR", "95 %", "by length", "CPT50", "CPT80", "cost95", "AUC",
)  # fmt: skip
_CALIBRATED = ("was", "error", "Brier", "constant")
_CALIBRATION_COLUMNS = ("suite", "prompts", "small said", *_CALIBRATED, "frontier said", *_CALIBRATED)
_LABEL_COLUMNS = ("slice", "prompts", "task", "complexity", "weighted kappa", "two levels off")


def tell(found: JsonDict) -> None:
    if "suites" in found:
        render.table(_SUITE_COLUMNS, _suite_cells(found), right=_SUITE_COLUMNS[1:])
        output.say(_mean(found["mean"]))
        for line in _advice(found):
            output.say(line)
        render.table(_CALIBRATION_COLUMNS, _calibration_cells(found), right=_CALIBRATION_COLUMNS[1:])
    if found.get("labels"):
        render.table(_LABEL_COLUMNS, _label_cells(found), right=_LABEL_COLUMNS[1:])
    output.say(_latency(found))


def markdown(found: JsonDict) -> str:
    parts: list[str] = []
    if "suites" in found:
        parts += [_grid(_SUITE_COLUMNS, _suite_cells(found)), _mean(found["mean"])]
        if advice := _advice(found):
            parts.append("\n".join(f"- {line}" for line in advice))
        parts.append(_grid(_CALIBRATION_COLUMNS, _calibration_cells(found)))
    if found.get("labels"):
        parts.append(_grid(_LABEL_COLUMNS, _label_cells(found)))
    return "\n\n".join([*parts, _latency(found)])


def put(path: Path, text: str) -> None:
    """Replace what stands between the marks. UsageError where they are missing or the file cannot be written."""
    try:
        before, start, rest = path.read_text("utf-8").partition(START)
        _, end, after = rest.partition(END)
        if not start or not end:
            raise UsageError(f"{path} has no place for the tables", fix=f"put `{START}` and `{END}` into it")
        path.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", fix="check the path") from None


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _suite_cells(found: JsonDict) -> list[list[str]]:
    return [
        [
            row["suite"],
            str(row["prompts"]),
            *(_figure(row[name]) for name in ("always_small", "always_frontier", "apgr")),
            f"{row['low']:.3f}-{row['high']:.3f}",
            *(_figure(row[name]) for name in ("length", "cpt_50", "cpt_80", "cost_95", "auc")),
        ]
        for row in found["suites"]
    ]


def _calibration_cells(found: JsonDict) -> list[list[str]]:
    names = ("said", "was", "error", "brier", "constant")
    return [
        [
            row["suite"],
            str(row["prompts"]),
            *(f"{row[tier][name]:.3f}" for tier in ("small", "frontier") for name in names),
        ]
        for row in found["calibration"]
    ]


def _label_cells(found: JsonDict) -> list[list[str]]:
    return [
        [
            row["slice"],
            str(row["prompts"]),
            *(_ranged(row[name]) for name in ("task", "complexity", "kappa", "two_off")),
        ]
        for row in found["labels"]
    ]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ranged(value: Sequence[float]) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f}-{value[2]:.3f})"


def _mean(row: JsonDict) -> str:
    return (
        f"Mean APGR of {row['suites']} suites: {row['apgr']:.4f} (95 %: {row['low']:.4f} to {row['high']:.4f}); "
        f"by length {row['length']:.4f}, by chance 0.5000."
    )


def _advice(found: JsonDict) -> list[str]:
    return [f"{row['suite']}: {row['advice']}" for row in found["suites"] if row["advice"]]


def _latency(found: JsonDict) -> str:
    times = found["latency_us"]
    return (
        f"Processor time of one judgement, pure Python, {times['prompts']} prompts: median {times['median']} us, "
        f"p95 {times['p95']} us, p99 {times['p99']} us, longest {times['max']} us."
    )
