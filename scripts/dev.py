"""Set up and run, from a fresh clone with nothing but Python 3.11+:

    python3 scripts/dev.py demo     the whole path on the embedded sandbox: no key, no network
    python3 scripts/dev.py test     everything the tests check
    python3 scripts/dev.py check    lint, types, import directions
    python3 scripts/dev.py bench    the table of figures: start, memory, size, overhead
    python3 scripts/dev.py ask ...  (or any other command of llm-router)

The virtual environment is `.venv` beside pyproject.toml; it is filled again when pyproject.toml changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("LLM_ROUTER_VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
DEV_COMMANDS = {
    "test": [["-m", "pytest", "-n", "auto"]],
    "bench": [["scripts/bench/run.py"]],
    "check": [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "pyright", "--pythonpath", str(PYTHON)],  # not the first python on PATH
        ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
    ],
}


def set_up(*, dev: bool) -> None:
    """Create `.venv` and install, unless this pyproject.toml is installed there already (dev includes the rest)."""
    plain, full = VENV / ".installed", VENV / ".installed-dev"
    # a checkout that was moved is another one: the installation points into the folder
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + os.fsencode(ROOT)).hexdigest()
    marks = [mark for mark in (plain, full) if mark.is_file() and PYTHON.exists()]
    if any(mark.read_text() == digest for mark in marks if mark == full or not dev):
        return
    print(f"setting up {VENV} (once; a minute or two) ...", file=sys.stderr, flush=True)
    if not marks:  # none yet, or one that was not finished
        venv.create(VENV, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if dev:
        subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)  # the first pip that knows --group
        pip += ["--group", f"{ROOT / 'pyproject.toml'}:dev"]
    subprocess.run([*pip, "--editable", str(ROOT)], check=True)
    (full if dev else plain).write_text(digest)


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this script runs before any requirement is checked
        print(f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 1
    command, *rest = argv
    try:
        set_up(dev=command in DEV_COMMANDS)
    except (subprocess.CalledProcessError, OSError) as error:
        print(
            f"error: {VENV} could not be set up, see above; it needs a package index\n{error}",
            file=sys.stderr,
        )
        return 1
    steps = DEV_COMMANDS.get(command, [["-m", "llm_router", command]])
    for step in steps:
        code = subprocess.run(
            [str(PYTHON), *step, *rest], check=False, cwd=ROOT if command in DEV_COMMANDS else None
        ).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
