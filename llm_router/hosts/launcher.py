"""How a host starts our hooks: the command line, where the hooks are, and compiling them ahead of the first prompt.

A host may take exit code 2 for "block", and that is what an interpreter says to a script that is missing. So the command
imports the hook from `-c` code that swallows every failure. `-I` keeps the project's own folder off the path: a `re.py`
in the repository that is worked on must not become part of a hook.
"""

from __future__ import annotations

import compileall
import os
import shlex
import subprocess
import sys
from pathlib import Path

import llm_router

FLAGS = ("-S", "-E", "-I")
# one line without quotes of the shell's: Windows' cmd.exe knows no other kind of argument
CODE = (
    'exec("import sys\\ntry:\\n sys.path.insert(0,sys.argv[1]);import llm_router_hook as h;'
    'h.main(*sys.argv[2:])\\nexcept BaseException:pass")'
)


def hooks_folder() -> Path:
    """Beside the package in a checkout, inside it in an installed wheel. FileNotFoundError when it is in neither."""
    package = Path(llm_router.__file__).resolve().parent
    for folder in (package / "_hooks", package.parent / "hooks"):
        if (folder / "llm_router_hook.py").is_file():
            return folder
    raise FileNotFoundError(f"the hooks are missing beside {package}: install llm-router again")


def arguments(host: str, event: str) -> list[str]:
    """The whole command as a list, the interpreter first. `event` is the host's own name of it."""
    return [sys.executable, *FLAGS, "-c", CODE, str(hooks_folder()), host, event]


def command(host: str, event: str) -> dict[str, str | list[str]]:
    """For a host that starts a program without a shell: {"command": interpreter, "args": [...]}."""
    program, *rest = arguments(host, event)
    return {"command": program, "args": rest}


def command_line(host: str, event: str) -> str:
    """For a host that hands one string to a shell, quoted for the shell of this system. The shell's own complaint about
    an interpreter that is gone, with its exit code 127, would block every prompt and tool of Gemini CLI.
    """
    whole = arguments(host, event)
    return subprocess.list2cmdline(whole) if os.name == "nt" else f"{shlex.join(whole)}; exit 0"


def compile_ahead() -> bool:
    """Byte-compile the hooks and the classifier they load, for this interpreter. False where that cannot be written:
    the hooks work all the same, and each run is slower by what compiling takes.
    """
    folder = hooks_folder()
    classifier = Path(llm_router.__file__).resolve().parent / "classify"
    done = [compileall.compile_dir(each, maxlevels=0, quiet=2) for each in (folder, classifier)]
    return all(done)
