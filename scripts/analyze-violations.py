#!/usr/bin/env python3
"""What the enforcement log says: summary, sessions, the ten most frequent pairs, tool sequences, patterns and fixes.

    python3 scripts/analyze-violations.py [--since 7d] [--json] [--home FOLDER] [LOG ...]

Writes a report to `<home>/retrospectives/violation-report-<date>.md`, unless with --json. Needs nothing installed.
`llm-router violations` does the same.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from llm_router import paths
from llm_router.hosts import violation_report, violations


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logs", nargs="*", type=Path, metavar="LOG", help="default: all of the home's")
    parser.add_argument(
        "--since", metavar="DATE|7d", default="", help="from a date, or so long ago: 12h, 7d, 4w"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and write no report")
    parser.add_argument(
        "--home", type=Path, default=paths.home(), help="default: $LLM_ROUTER_HOME or ~/.llm-router"
    )
    asked = parser.parse_args()
    now = datetime.now().astimezone().replace(tzinfo=None)
    try:
        since = violations.since(asked.since, now) if asked.since else ""
    except (ValueError, OverflowError):
        parser.error(f"--since {asked.since}: write 2026-03-01, 12h, 7d or 4w")
    try:
        found = violations.analyze(violations.lines(asked.logs or violations.logs(asked.home)), since)
        if asked.json:
            print(json.dumps(found.as_dict(), ensure_ascii=False))
            return 0
        print("\n".join(violation_report.summary(found)))
        print(f"report: {violation_report.write(asked.home, found, now)}")
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
