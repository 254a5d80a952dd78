"""Read and replace other programs' settings files: in one step, through links, with mode and owner kept.

Raises ConfigError naming the file and the way out; a file is either as it was or as it should be.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from llm_router import locks
from llm_router.errors import ConfigError
from llm_router.hosts.jsonc import problem
from llm_router.paths import ensure_home

BOM = "\ufeff"
_LOCK_WAIT_S = 30.0
_HOST_LOCK_STALE_S = 10.0


class ChangedError(Exception):
    """Someone else wrote the file since it was read."""


def read(path: Path) -> bytes | None:
    """The bytes of a file, None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, "read", error) from None


def text_of(raw: bytes, path: Path) -> str:
    """Without byte order mark. Raises ConfigError with the place of what is not UTF-8."""
    try:
        return raw.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise problem(before, len(before), "this is not UTF-8", str(path)) from None


def bytes_of(text: str, raw: bytes | None) -> bytes:
    """With the byte order mark that the file had."""
    return ((BOM if raw and raw.startswith(BOM.encode()) else "") + text).encode("utf-8")


def check_writable(path: Path) -> None:
    """Raises ConfigError for a file that is read-only."""
    if path.exists() and not _writable(path):
        raise _refused(path, "written", PermissionError(errno.EACCES, "it is read-only"))


def replace(path: Path, new: bytes | None, was: bytes | None) -> None:
    """Write the bytes, or remove the file for None. Raises ChangedError when it no longer holds `was`."""
    check_writable(path)
    try:
        if new is None:
            _unchanged(path, was)
            path.unlink()
        elif path.exists() and path.stat().st_nlink > 1:
            _in_place(path, new, was)
        else:
            _swap(path, new, was)
    except OSError as error:
        raise _refused(path, "written", error) from None


def _swap(path: Path, new: bytes, was: bytes | None) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except PermissionError:  # the folder is not ours to write in, the file may be
        return _in_place(path, new, was)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        _look_like(temporary, path)
        _unchanged(path, was)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        _in_place(path, new, was)  # a single file mounted into a container cannot be replaced, only written
    finally:
        temporary.unlink(missing_ok=True)
    return None


def _in_place(path: Path, new: bytes, was: bytes | None) -> None:
    """Where the file itself must stay: hard links, mounts, folders that are closed."""
    _unchanged(path, was)
    with path.open("r+b" if path.exists() else "xb") as file:
        file.write(new)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _look_like(temporary: Path, path: Path) -> None:
    if not path.exists():
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        return
    facts = path.stat()
    temporary.chmod(facts.st_mode & 0o7777)
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(temporary, facts.st_uid, facts.st_gid)


def _unchanged(path: Path, was: bytes | None) -> None:
    if read(path) != was:
        raise ChangedError(path)


def _writable(path: Path) -> bool:
    """The owner's write bit counts for root as well, who could ignore it: it says what the user wants."""
    return bool(path.stat().st_mode & 0o222) and os.access(path, os.W_OK)


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; those that were made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, "made", error) from None
    return missing


def _refused(path: Path, what: str, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    fix = f"make it writable (chmod u+w '{path}') or write the entries yourself; see --dry-run"
    if error.errno == errno.ENOSPC:
        fix = "make room on the disk"
    elif what == "read":
        fix = f"make '{path}' a file that you can read"
    elif error.errno == errno.EROFS or not os.access(path.parent, os.W_OK):
        fix = f"make the folder '{path.parent}' writable by you, or write the entries yourself; see --dry-run"
    return ConfigError(f"{path} cannot be {what}: {reason}", fix=fix, file=str(path))


@contextmanager
def locked(home: Path) -> Generator[None]:
    """One install at a time for everybody who shares this home."""
    path = home / "hosts.lock"
    with ExitStack() as stack:
        try:
            ensure_home(home)
            taken = stack.enter_context(locks.held(path, _LOCK_WAIT_S))
        except OSError as error:
            raise _refused(path, "written", error) from None
        if not taken:
            raise ConfigError("another `llm-router install` has been running for 30 s", fix="try again")
        yield


@contextmanager
def host_locked(path: Path) -> Generator[None]:
    """Claude Code's own lock: it rewrites `.claude.json` all the time, under a folder `.claude.json.lock`.

    A lock that is older than Claude Code's own limit was left behind. One that is held on is waited for, then passed
    by: what it writes in the meantime is noticed before ours replaces it.
    """
    lock, held = path.with_name(path.name + ".lock"), False
    for _ in range(100):
        try:
            lock.mkdir()
            held = True
        except FileExistsError:
            with suppress(OSError):
                if time.time() - lock.stat().st_mtime > _HOST_LOCK_STALE_S:
                    lock.rmdir()
            time.sleep(0.02)
        except OSError:
            break
        if held:
            break
    try:
        yield
    finally:
        if held:
            with suppress(OSError):
                lock.rmdir()
