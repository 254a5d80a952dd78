"""Print the whole table of figures: start, memory, size and overhead, each against a floor of the same run.

    python3 scripts/dev.py bench [--json] [--only NAME,...] [--rounds N]

The table goes to stdout, progress to stderr. It reports and does not judge: the exit code is 0 whatever the figures, and 1 only
where something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import rows_classify
import rows_client
import rows_gateway
import rows_hooks
import rows_memory
import rows_query
import rows_size
import rows_start
from figures import Row, say, table
from processes import clean_environ

GROUPS: dict[str, Callable[[int | None], Iterator[Row]]] = {
    "classify": rows_classify.rows,
    "version": rows_start.version,
    "start": rows_start.idle,
    "start-busy": rows_start.busy,
    "memory": rows_memory.rows,
    "gateway": rows_gateway.rows,
    "query": rows_query.rows,
    "tools-list": rows_size.tools_list,
    "size": rows_size.installed,
    "hooks": rows_hooks.rows,
    "client": rows_client.rows,
}
ASKED_FOR = ("client",)  # needs a program that is not ours


def main(argv: list[str]) -> int:
    options = _parse(argv)
    begun, load = time.monotonic(), os.getloadavg()[0]
    rows: list[Row] = []
    broken: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="llm-router-bench-") as folder:
        kept = dict(os.environ)
        os.environ.clear()  # for the children, and for the SDKs that are called here
        os.environ.update(clean_environ(Path(folder) / "home"))
        try:
            for name in options.only:
                try:
                    rows += GROUPS[name](options.rounds)
                except (OSError, NotImplementedError) as error:  # the others are worth having all the same
                    broken[name] = str(error)
                    say(f"{name}: NOT MEASURED: {error}")
        finally:
            os.environ.clear()
            os.environ.update(kept)
    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "seconds": round(time.monotonic() - begun),
    }
    if options.json:
        print(
            json.dumps({"machine": machine, "rows": [row.as_dict() for row in rows], "not_measured": broken})
        )
    else:
        print(f"{table(rows)}\n\n{_about(machine)}")
    missed = [row.name for row in rows if row.reached is False]
    say(f"missed: {', '.join(missed)}" if missed else "every target is reached")
    return 1 if broken else 0


def _about(machine: Mapping[str, object]) -> str:
    text = "Python {python}, {system}, {cores} cores, load {load_before} before, {seconds} s".format(
        **machine
    )
    busy = float(str(machine["load_before"])) > 1
    return (
        f"{text}. Not a quiet machine: the figures are too high, those of `query` most."
        if busy
        else f"{text}."
    )


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("scripts/bench/run.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument(
        "--only",
        type=_names,
        default=[name for name in GROUPS if name not in ASKED_FOR],
        metavar="NAME,...",
        help=", ".join(GROUPS),
    )
    parser.add_argument(
        "--rounds", type=_rounds, metavar="N", help="samples of each row, instead of its own number"
    )
    return parser.parse_args(argv)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in GROUPS]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; choose from {', '.join(GROUPS)}")
    return names


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
