"""Writes the stand-ins as executables: one file, found on PATH like the real one, quick to start."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_SCRIPT = """\
#!/bin/sh
# A stand-in made by the llm-router sandbox. It asks no model.
{exports}exec {python} -S -E -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from llm_router.sandbox.standins.{name} import main; sys.exit(main())' {root} "$@"
"""


def write(folder: Path, name: str, fault: str | None = None, *, logged_out: bool = False) -> Path:
    """Write `folder/name` and return its path. `fault` and `logged_out` become its defaults, which the variables
    <NAME>_SANDBOX_FAULT and <NAME>_SANDBOX_LOGGED_OUT override. Each call of it adds a line to `folder/name.jsonl`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f"{name.upper()}_SANDBOX_"
    defaults = {"FAULT": fault or "", "LOGGED_OUT": "1" if logged_out else ""}
    exports = "".join(
        f': "${{{prefix}{key}:={value}}}"; export {prefix}{key}\n' for key, value in defaults.items() if value
    )
    log = shlex.quote(str(folder.resolve() / f"{name}.jsonl"))
    exports += f"export {prefix}LOG={log}\n"
    path = folder / name
    path.write_text(
        _SCRIPT.format(
            exports=exports, python=shlex.quote(sys.executable), name=name, root=shlex.quote(str(_ROOT))
        ),
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path
