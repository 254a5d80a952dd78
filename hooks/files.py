"""Where the hooks keep their files, and the lock that parallel hooks share. Nothing here raises but OSError."""

import os
import sys
import time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# a home below it cannot exist: every file operation fails, and the hooks carry on without
_NOWHERE = os.devnull


def home() -> str:
    """`$LLM_ROUTER_HOME`, else `~/.llm-router`; without any home, a folder of this user's in the temporary one."""
    named = os.environ.get("LLM_ROUTER_HOME")
    if named:
        return os.path.expanduser(named)
    user = os.path.expanduser("~")
    if os.path.isabs(user):
        return os.path.join(user, ".llm-router")
    number = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp"  # noqa: S108 - checked below
    folder = os.path.join(temporary, f"llm-router-{number}")
    return folder if _ours(folder) else _NOWHERE


def _ours(folder: str) -> bool:
    """Anyone may make a folder in the temporary one and wait for us to write there."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        owner = os.lstat(folder).st_uid
    except OSError:
        return False
    return not hasattr(os, "getuid") or owner == os.getuid()


def opened(path: str, flags: int) -> int:
    """A descriptor of `path`, readable by its owner only; the folder is made when it is missing."""
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        return os.open(path, flags, 0o600)


def read(path: str, limit: int) -> bytes:
    """The whole file. OSError when it cannot be read or holds more than `limit` bytes."""
    descriptor = opened(path, os.O_RDONLY)
    try:
        data = os.read(descriptor, limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise OSError(f"{path} holds more than {limit} bytes")
    return data


def tail(path: str, size: int) -> bytes:
    """The last `size` bytes of a file, or all of it. Raises OSError."""
    descriptor = opened(path, os.O_RDONLY)
    try:
        os.lseek(descriptor, max(0, os.lseek(descriptor, 0, os.SEEK_END) - size), os.SEEK_SET)
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def replace(path: str, data: bytes) -> None:
    """All of it or nothing: a reader never sees a half-written file."""
    draft = f"{path}.{os.getpid()}.tmp"
    descriptor = opened(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        try:
            written = os.write(descriptor, data)
        finally:
            os.close(descriptor)
        if written != len(data):
            raise OSError(f"only {written} of {len(data)} bytes of {path} were written")
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise


def locked(path: str, wait_s: float) -> int:
    """A descriptor that holds the exclusive lock; `unlock` it. The system frees it when its holder is killed.

    OSError when another process keeps it for longer than `wait_s`.
    """
    descriptor = opened(path, os.O_RDWR | os.O_CREAT)
    if take_lock(descriptor, wait_s):
        return descriptor
    os.close(descriptor)
    raise OSError(f"{path} is locked")


def take_lock(descriptor: int, wait_s: float) -> bool:
    """Take the exclusive lock of an open file; False when another process keeps it for longer than `wait_s`."""
    end = time.monotonic() + wait_s
    while True:
        try:
            _try_lock(descriptor)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.001)
        else:
            return True


def _try_lock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)


def unlock(descriptor: int) -> None:
    os.close(descriptor)  # closing frees the lock
