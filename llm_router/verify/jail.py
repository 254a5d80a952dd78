"""Runs one command confined: own root, network, processes and limits. A program of its own, standard library only.

    python -I -S jail.py < SPEC      SPEC is JSON of the fields of `Spec`

With `isolate` the command sees, beside the system's programs, nothing but a copy of the work folder: the root is built
anew in memory from read-only bind mounts, there is no network but an empty loopback, and every process it leaves behind
dies with it. As root it becomes `nobody`; as anyone else a user namespace of its own is what permits the mounts.
Without `isolate` only the resource limits hold. What became of it is written to `status_fd` as JSON, one of
{"code": N}, {"signal": N}, {"error": "why the command was not started"}.
Mounts: mount_namespaces(7), pivot_root(2); the same steps as bubblewrap's.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
from typing import Any

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = _NOSUID | _NODEV | _NOEXEC  # a namespace may not take these off what it binds
_DETACH = 2
_PDEATHSIG, _NO_NEW_PRIVS, _CAPBSET_DROP, _SUBREAPER = 1, 38, 24, 36
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_DEVICES = ("null", "zero", "full", "random", "urandom")
_NOBODY = 65534
Spec = dict[str, Any]


def main(spec: Spec) -> None:
    _libc("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    spec["limits"]["processes"] += _running()
    try:
        if spec["isolate"]:
            _unshare()
        else:
            _libc("prctl", _SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError) as error:
        _tell(spec, {"error": f"this system permits no isolation: {error}"})
        return
    child = os.fork()  # the first process of the new process namespace
    if not child:
        _supervise(spec)
    os.close(spec["status_fd"])
    os.waitpid(child, 0)


def _supervise(spec: Spec) -> None:
    """Starts the command, waits for it, tells what became of it and ends; what it has left behind ends with us."""
    try:
        _libc("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if spec["isolate"]:
            _build_root(spec)
            _loopback_up()
        child = os.fork()
        if not child:
            _become(spec)
        _, status = os.waitpid(child, 0)
        ended = (
            {"signal": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {"code": os.WEXITSTATUS(status)}
        )
        _tell(spec, ended)
    except BaseException as error:  # the parent waits for a word
        _tell(spec, {"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _become(spec: Spec) -> None:
    """The command, with nothing of ours but its limits, its folder and its environment."""
    try:
        os.setsid()
        os.chdir(spec["tree"])
        _limit(spec["limits"])
        if spec["isolate"]:
            _drop_rights()
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except BaseException as error:
        os.write(2, f"cannot start {spec['argv'][0]}: {error}\n".encode())
    finally:
        os._exit(127)


# ── isolation ────────────────────────────────────────────────────────────────


def _unshare() -> None:
    kinds = _NEWNS | _NEWNET | _NEWPID | _NEWIPC | _NEWUTS
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        try:
            return _libc("unshare", kinds)
        except OSError:  # root of a container without the right to mount
            pass
    _libc("unshare", kinds | _NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    return None


def _build_root(spec: Spec) -> None:
    root: str = spec["root"]
    os.umask(0o022)  # the way to the copy is for whoever the command runs as
    _mount("none", "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, f"size={spec['limits']['disk']},mode=755")
    for path in spec["system"]:
        _show(path, root, path)
    for name in _DEVICES:
        _show(f"/dev/{name}", root, f"/dev/{name}", writable=True)
    for folder, mode in (("proc", 0o755), ("tmp", 0o777), ("tmp/home", 0o777), ("dev/shm", 0o777)):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
        os.chmod(f"{root}/{folder}", mode)
    try:
        _mount("proc", f"{root}/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except OSError:  # a container hides parts of its own; most programs do without
        pass
    tree = root + spec["tree"]
    shutil.copytree(spec["work"], tree, symlinks=True, dirs_exist_ok=True)
    if os.getuid() == 0:
        _give_to_nobody(tree)
    for source, place in spec["beside"]:
        _show(source, root, f"{spec['tree']}/{place}")
    for path in spec["tools"]:  # after the copy: a tool folder may stand inside the tree
        _show(path, root, path)
    os.makedirs(f"{root}/.old")
    number = _PIVOT_ROOT[os.uname().machine]
    _libc("syscall", number, root.encode(), f"{root}/.old".encode())
    os.chdir("/")
    _libc("umount2", b"/.old", _DETACH)
    os.rmdir("/.old")


def _show(source: str, root: str, place: str, *, writable: bool = False) -> None:
    """A file, folder or symbolic link of the system at a place of the new root, read-only. Nothing where that place leads
    out of it, for the old root is still in sight: the copy holds what an answer has put there, links among it.
    """
    target = root + place
    if not os.path.realpath(target).startswith(os.path.realpath(root) + "/"):
        return
    if os.path.lexists(target) and not os.path.isdir(target):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if not os.path.exists(source):
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT, 0o644))
    _mount(source, target, None, _BIND | _REC)
    if not writable:
        held = os.statvfs(target).f_flag & _KEPT_FLAGS
        _mount("none", target, None, _BIND | _REMOUNT | _RDONLY | _NOSUID | held)


def _give_to_nobody(tree: str) -> None:
    for folder, names, files in os.walk(tree):
        for each in (".", *names, *files):
            try:
                os.lchown(os.path.join(folder, each), _NOBODY, _NOBODY)
            except OSError:  # a read-only tool folder
                pass


def _loopback_up() -> None:
    """Tests may serve and ask themselves; there is nobody else on this network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


def _drop_rights() -> None:
    _libc("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        try:
            _libc("prctl", _CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:
            break
    if os.getuid() == 0 and _maps_everybody():
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _maps_everybody() -> bool:
    """In a user namespace with one user there is no `nobody` to become, and root there has no rights left."""
    try:
        with open("/proc/self/uid_map", encoding="utf-8") as file:
            return int(file.read().split()[2]) > 1
    except (OSError, IndexError, ValueError):
        return True


# ── limits ───────────────────────────────────────────────────────────────────


def _limit(limits: dict[str, int]) -> None:
    """Seconds of processor time, bytes of memory and of a file, processes, open files."""
    for kind, most in (
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


def _running() -> int:
    """How many processes and threads this user has: without a user namespace (and with one, before Linux 5.14) the limit
    counts them all.
    """
    uid, count = os.getuid(), 0
    if uid == 0:  # it becomes `nobody`, who has none
        return 0
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            if entry.isdecimal() and os.stat(f"/proc/{entry}").st_uid == uid:
                count += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:  # it has ended meanwhile
            pass
    return count


# ── the system ───────────────────────────────────────────────────────────────


def _libc(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [each.encode() if each is not None else None for each in (source, target, kind)]
    try:
        _libc("mount", *encoded, ctypes.c_ulong(flags), options.encode() or None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _tell(spec: Spec, said: dict[str, Any]) -> None:
    os.write(spec["status_fd"], json.dumps(said).encode())


if __name__ == "__main__":
    told = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
    main(told)
