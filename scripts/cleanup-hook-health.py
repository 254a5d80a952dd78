#!/usr/bin/env python3
"""Remove the health records of hooks that have not run for 30 days, or of the ones named; and lines that are broken.

    python3 scripts/cleanup-hook-health.py [--dry-run] [--remove NAME ...] [--home FOLDER]

NAME is a hook as `llm-router hooks health` lists it ("claude Stop"), or a host ("claude"). Needs nothing installed.
`llm-router hooks cleanup` does the same.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from llm_router import paths
from llm_router.hosts import hook_health


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument("--remove", nargs="+", metavar="NAME", default=[], help="these hooks, however fresh")
    parser.add_argument(
        "--home", type=Path, default=paths.home(), help="default: $LLM_ROUTER_HOME or ~/.llm-router"
    )
    asked = parser.parse_args()
    try:
        done = hook_health.cleanup(asked.home, tuple(asked.remove), dry_run=asked.dry_run)
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print("\n".join(hook_health.told(done, dry_run=asked.dry_run)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
