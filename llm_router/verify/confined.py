"""Runs a command on a copy of a folder, confined by jail.py, with a deadline. Nothing it does outlives it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_JAIL = Path(__file__).with_name("jail.py")
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix"),
    *(f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime")),
    *(f"/etc/{name}" for name in ("passwd", "group", "nsswitch.conf", "hosts", "mime.types")),
    *("/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/java", "/etc/npmrc"),
)
_SHOWN_BYTES = 8_000  # of the output, from its end: there the failure is
_READ_BYTES = 65_536
_GRACE_S = 2.0  # for a jail that has been told to end
_BESIDE_TOOLS = ("bin", "lib", "lib64", "libexec", "include", "versions", "pyvenv.cfg")
_NOT_A_PROXY = "http://127.0.0.1:9"  # the discard port: nobody listens


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of processor time per process, bytes of address space, of one file, of all files, and counts."""

    cpu: int = 120
    memory: int = 8 << 30  # of addresses, which Node and the JVM reserve by the gigabyte
    file: int = 64 << 20
    disk: int = 512 << 20
    processes: int = 256
    open_files: int = 512


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `code` None: killed by `signal`, by the deadline (`timed_out`), or never started (`error`)."""

    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    error: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Confinement:
    """Where commands run. `isolate` False: on a system that permits no namespaces, with resource limits alone."""

    isolate: bool = True
    limits: Limits = field(default_factory=Limits)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    async def run(
        self,
        argv: Sequence[str],
        work: Path,
        *,
        timeout_s: float,
        at: Path | None = None,
        beside: Sequence[tuple[Path, str]] = (),
    ) -> Ended:
        """Run in (a copy of) `work`, which the command sees at the path `at`, with the folders `beside` (each a source and
        its place in `work`) read-only where it is isolated. Never raises for what the command does.
        """
        with tempfile.TemporaryDirectory(prefix="llm-router-jail-", ignore_cleanup_errors=True) as root:
            read, write = os.pipe()
            try:
                spec = self._spec(argv, work, at or work, root, write)
                spec["beside"] = [(str(source), place) for source, place in beside]
                process = await _started(spec, write)
            except BaseException:
                os.close(read)
                raise
            finally:
                os.close(write)
            try:
                return await _watched(process, read, timeout_s)
            finally:
                os.close(read)

    def _spec(self, argv: Sequence[str], work: Path, at: Path, root: str, status_fd: int) -> dict[str, Any]:
        tree = str(at if self.isolate else work)
        home = "/tmp/home" if self.isolate else root  # noqa: S108 - of the jail's own
        env = {
            "PATH": self.environ.get("PATH") or os.defpath,
            "HOME": home,
            "TMPDIR": "/tmp" if self.isolate else root,  # noqa: S108
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if not self.isolate:
            env |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NOT_A_PROXY)
        return {
            "isolate": self.isolate,
            "argv": list(argv),
            "env": env,
            "root": root,
            "work": str(work),
            "tree": tree,
            "system": [path for path in _SYSTEM if os.path.lexists(path)],
            "tools": _tools(env["PATH"] + os.pathsep + str(Path(sys.executable).parent)),
            "limits": asdict(self.limits),
            "status_fd": status_fd,
        }


def _tools(path: str) -> list[str]:
    """The folders of programs on PATH outside the system's, each with the libraries beside it."""
    found: list[str] = []
    for folder in map(Path, dict.fromkeys(path.split(os.pathsep))):
        if not _holds_tools(folder):
            continue
        prefixes = {folder.parent}
        with suppress(OSError):  # a virtual environment's python is a link into another installation
            prefixes.add((folder / "python3").resolve().parent.parent)
        found.append(str(folder))
        for prefix in prefixes - {Path("/usr"), Path("/")}:
            beside = [prefix / name for name in _BESIDE_TOOLS]
            found += [str(each) for each in beside if each.exists()]
    return list(dict.fromkeys(found))


def _holds_tools(folder: Path) -> bool:
    """Not the system's, which are there anyway, and never a folder that holds somebody's home."""
    if not folder.is_absolute() or not folder.is_dir():
        return False
    system = str(folder).startswith(("/usr/", "/bin", "/sbin"))
    return not system and not Path.home().is_relative_to(folder)


async def _started(spec: dict[str, Any], write: int) -> asyncio.subprocess.Process:
    with tempfile.TemporaryFile() as told:  # a workspace may have more packages than an argument has room for
        told.write(json.dumps(spec).encode())
        told.seek(0)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_JAIL)),
            stdin=told,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(write,),
            start_new_session=True,
            env={"PATH": spec["env"]["PATH"]},
        )


async def _watched(process: asyncio.subprocess.Process, read: int, timeout_s: float) -> Ended:
    output = bytearray()
    reading = asyncio.create_task(_read(process, output))
    timed_out = False
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        await _end(process, reading)
    said = "" if timed_out else _status(read)
    shown = output.decode("utf-8", "replace")
    if timed_out:
        return Ended(timed_out=True, output=shown)
    found: dict[str, Any] = json.loads(said) if said else {"error": "the confined process died"}
    return Ended(found.get("code"), found.get("signal"), error=found.get("error", ""), output=shown)


async def _read(process: asyncio.subprocess.Process, output: bytearray) -> None:
    """Keeps the end of the output; however much there is, memory stays small."""
    stream = process.stdout
    while stream is not None and (piece := await stream.read(_READ_BYTES)):
        output += piece
        del output[:-_SHOWN_BYTES]


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
    """Kills what is left. Killing the jail kills its first process, and the kernel then every other one in there."""
    children = _descendants(process.pid)
    for pid in (*children, process.pid):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
            await asyncio.shield(asyncio.wait({reading}, timeout=_GRACE_S / 2))
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    transport = getattr(process, "_transport", None)
    if transport is not None:  # a process that escaped the limits-only mode may hold the pipe open
        transport.close()


def _descendants(pid: int) -> list[int]:
    """The processes below `pid`, deepest last; empty where the system does not tell."""
    found: list[int] = []
    with suppress(OSError, ValueError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            found += [int(child), *_descendants(int(child))]
    return found


def _status(read: int) -> str:
    os.set_blocking(read, False)
    with suppress(BlockingIOError):
        return os.read(read, 4096).decode()
    return ""


def dependencies(tree: Path) -> list[tuple[Path, str]]:
    """The folders of installed packages that are not copied, with their places: a workspace may have several."""
    found: list[tuple[Path, str]] = []
    for folder, names, _ in os.walk(tree):
        here = [name for name in names if name in _PACKAGES]
        found += [(Path(folder) / name, str((Path(folder) / name).relative_to(tree))) for name in here]
        names[:] = [name for name in names if name not in _LEFT_OUT]
    return found


def copied(tree: Path, target: Path, *, most_bytes: int, most_files: int) -> str:
    """Copy a folder without what is made or fetched. Returns why it was not copied, or ""."""
    left_out = shutil.ignore_patterns(*_LEFT_OUT)
    count = size = 0
    for folder, names, files in os.walk(tree):
        names[:] = [name for name in names if name not in left_out(folder, names)]
        count += len(files)
        for name in files:
            with suppress(OSError):
                size += (Path(folder) / name).lstat().st_size
        if count > most_files or size > most_bytes:
            return f"{tree} is too large to copy (more than {most_files:,} files or {most_bytes >> 20} MB)"
    shutil.copytree(tree, target, symlinks=True, ignore=left_out, dirs_exist_ok=True, copy_function=_copy)
    return ""


_PACKAGES = frozenset({".venv", "venv", "node_modules"})
_LEFT_OUT = (
    *(".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"),
    *(".ruff_cache", ".pytest_cache", ".env", ".env.*", "target", "*.pyc", "*.sock"),
)


def _copy(source: str, target: str) -> None:
    """Regular files only: a pipe would block whoever opens it."""
    if Path(source).is_file():
        with suppress(PermissionError):
            shutil.copy2(source, target)
