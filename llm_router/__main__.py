"""The door of all doors: what must be quick is answered before anything is imported."""

from __future__ import annotations

import sys


def main() -> int:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from llm_router import __version__

        sys.stdout.write(f"llm-router {__version__}\n")
        return 0
    if arguments[:1] == ["mcp"]:  # a host gives a server one second to answer
        from llm_router.mcp_server.front import main as serve

        return serve(arguments[1:])
    from llm_router.cli.main import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
