"""The door of all doors: what must be quick is answered before anything is imported."""

from __future__ import annotations

import os
import sys


def main() -> int:
    try:
        return _main()
    except KeyboardInterrupt:  # while something is still being imported
        return 130


def _main() -> int:
    _open_streams()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from llm_router import __version__

        return _print(f"llm-router {__version__}\n")
    if arguments[:1] == ["mcp"]:  # a host gives a server one second to answer
        from llm_router.mcp_server.front import main as serve

        return serve(arguments[1:])
    from llm_router.cli.main import run

    return run(arguments)


def _open_streams() -> None:
    """Whoever closed stdin, stdout or stderr gets an empty one: else the next file opened, perhaps the ledger, would
    take its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to flush at exit
        if isinstance(error, BrokenPipeError):
            return 0
        sys.stderr.write(f"error: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
