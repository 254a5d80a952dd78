"""The sandbox in a process of its own, so that the vendors' work is nobody's overhead.

Writes one line that says where it is; for each vendor named on stdin one line with the last request it got; ends at
EOF, so it never outlives the bench.
"""

from __future__ import annotations

import json
import sys

from llm_router.sandbox import Sandbox


def main() -> None:
    with Sandbox() as box:
        print(json.dumps({"url": box.url}), flush=True)
        for line in sys.stdin:
            vendor = json.loads(line)["vendor"]
            last = box.answers(vendor)[-1]
            told = {
                "model": last.model,
                "path": last.path,
                "body": last.body,
                "environ": box.environ([vendor]),
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
