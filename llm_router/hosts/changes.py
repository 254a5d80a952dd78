"""One settings file: put our pieces in, take them out, say how it stands."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llm_router.errors import ConfigError, RouterError
from llm_router.hosts import files
from llm_router.hosts.files import ChangedError
from llm_router.hosts.host import File
from llm_router.hosts.pieces import HOOK_MARK, NAME, Kind, Piece
from llm_router.hosts.receipts import Receipt, Receipts, digest

What = Literal["created", "changed", "unchanged", "removed", "restored", "failed"]
State = Literal["installed", "outdated", "missing", "unreadable"]
_TRIES = 5
_WIDEST = 400
_NAMED_SECRET = re.compile(
    r"""((?:key|token|secret|passw|auth|credential|cookie)[\w-]*["']?\s*[:=]\s*)("(?!\$)(?:[^"\\]|\\.)*"|'[^']*')""",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(?:sk|pk|gh[opsu]|xox[abp]|AIza|Bearer )[-_A-Za-z0-9]{10,}")


@dataclass(frozen=True)
class Change:
    """What was done to a file, or would be. `diff` is unified, with what looks like a secret masked."""

    path: Path
    what: What
    diff: str = ""
    backup: Path | None = None
    notes: tuple[str, ...] = ()
    error: RouterError | None = None


@dataclass(frozen=True)
class Work:
    """How to go about it: which kinds of pieces, whether to write at all, whether the host wants plain JSON."""

    host: str
    kinds: frozenset[Kind]
    receipts: Receipts
    dry_run: bool = False
    plain: bool = False


def put(file: File, work: Work) -> Change:
    """Never raises RouterError: it is in the change."""
    return _guarded(file, lambda target: _put(file, target, work))


def take(file: File, work: Work) -> Change:
    return _guarded(file, lambda target: _take(file, target, work))


def state(file: File, kind: Kind) -> State:
    """How the pieces of one kind stand. Raises ConfigError for a file that cannot be read."""
    target = Path(os.path.realpath(file.path))
    text, pieces = files.text_of(files.read(target) or b"", file.path), _of(file, {kind})
    there = [piece for piece in pieces if piece.there(text, str(file.path))]
    if not there:
        return "missing"
    return "installed" if _with(text, pieces, str(file.path)) == text else "outdated"


def _guarded(file: File, change: Callable[[Path], Change]) -> Change:
    """Again when someone else wrote the file in between: their change is never overwritten."""
    target = Path(os.path.realpath(file.path))  # a link into a dotfiles folder stays a link
    try:
        for _ in range(_TRIES):
            try:
                locked = file.host_lock and target.parent.is_dir()
                with files.host_locked(target) if locked else nullcontext():
                    return change(target)
            except ChangedError:
                continue
        fix = "close the program it belongs to, then try again"
        raise ConfigError(f"{target} is being written by another program", fix=fix, file=str(target))
    except RouterError as error:
        return Change(file.path, "failed", error=error)


def _put(file: File, target: Path, work: Work) -> Change:
    raw, name = files.read(target), str(file.path)
    text, pieces = files.text_of(raw or b"", file.path), _of(file, work.kinds)
    notes = tuple(note for piece in pieces if (note := piece.note(text, name)))
    if work.plain and not _is_plain(text):
        notes = (
            *notes,
            f"{name} has comments or last commas; {work.host} ignores the whole file until they are gone",
        )
    after = _with(text, pieces, name)
    if after == text:
        return Change(file.path, "unchanged", notes=notes)
    what: What = "created" if raw is None else "changed"
    new = files.bytes_of(after, raw)
    if work.dry_run:
        files.check_writable(target)
        return Change(
            file.path, what, _diff(file.path, text if raw is not None else None, after), notes=notes
        )
    backup = _written(target, new, raw, work)
    ours_before = any(piece.there(text, name) for piece in file.pieces)
    _remember(target, work.receipts, raw, new, backup, ours_before=ours_before)
    return Change(file.path, what, backup=_kept(work, backup), notes=notes)


def _take(file: File, target: Path, work: Work) -> Change:
    raw, name = files.read(target), str(file.path)
    if raw is None or not (NAME.encode() in raw or HOOK_MARK.encode() in raw):
        return Change(file.path, "unchanged")
    text, pieces = files.text_of(raw, file.path), _of(file, work.kinds)
    if not any(piece.there(text, name) for piece in pieces):
        notes = tuple(note for piece in pieces if (note := piece.note(text, name)))
        return Change(file.path, "unchanged", notes=notes)
    known = work.receipts.get(target)
    untouched = known is not None and known.after == digest(raw)
    new, what = _left(text, raw, file, pieces, work)
    if work.dry_run:
        after = None if new is None else files.text_of(new, file.path)
        return Change(file.path, what, _diff(file.path, text, after))
    backup = _written(target, new, raw, work)
    if known and new is not None and not _whole(text, file, pieces):
        after = digest(new) if untouched else ""
        work.receipts.put(target, Receipt(known.made, known.original, after, [*known.backups, backup]))
    else:
        backups = [*(known.backups if known else []), backup]
        work.receipts.put(target, Receipt(backups=backups))
    return Change(file.path, what, backup=_kept(work, backup))


def _left(
    text: str, raw: bytes, file: File, pieces: Sequence[Piece], work: Work
) -> tuple[bytes | None, What]:
    """The file without these pieces: the very bytes it had if nothing else changed, None when we made it."""
    known = work.receipts.get(Path(os.path.realpath(file.path)))
    original = work.receipts.original(known) if known else None
    intact = known and known.after == digest(raw) and (known.made or original is not None)
    if known and intact and _whole(text, file, pieces):
        return original, "removed" if known.made else "restored"
    keep = files.text_of(original or b"", file.path)
    for piece in pieces:
        text = piece.take(text, str(file.path), keep)
    if known and known.made and text.strip() in ("", "{}"):
        return None, "removed"
    return files.bytes_of(text, raw), "changed"


def _whole(text: str, file: File, pieces: Sequence[Piece]) -> bool:
    """Nothing of ours is left without these pieces."""
    return not any(piece.there(text, str(file.path)) for piece in file.pieces if piece not in pieces)


def _written(target: Path, new: bytes | None, raw: bytes | None, work: Work) -> str:
    """Back up, then write; the backup's name."""
    if new is not None:
        work.receipts.made(files.make_folders(target.parent))
    if raw is not None and raw != files.read(target):
        raise ChangedError(target)
    backup = work.receipts.back_up(work.host, target, raw) if raw is not None else ""
    files.replace(target, new, raw)
    return backup


def _remember(
    target: Path, receipts: Receipts, raw: bytes | None, new: bytes, backup: str, *, ours_before: bool
) -> None:
    """The original is the file before our first entry; after an edit by others only the pieces can be taken out."""
    known = receipts.get(target) or Receipt()
    backups = [*known.backups, *([backup] if backup else [])]
    if not ours_before:
        receipts.put(target, Receipt(raw is None, backup, digest(new), backups))
    else:
        after = digest(new) if raw is not None and known.after == digest(raw) else ""
        receipts.put(target, Receipt(known.made, known.original, after, backups))


def _kept(work: Work, backup: str) -> Path | None:
    return work.receipts.folder / backup if backup else None


def _of(file: File, kinds: frozenset[Kind] | set[Kind]) -> list[Piece]:
    return [piece for piece in file.pieces if piece.kind in kinds]


def _with(text: str, pieces: Sequence[Piece], name: str) -> str:
    for piece in pieces:
        text = piece.put(text, name)
    return text


def _is_plain(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except ValueError:
        return not text.strip()
    return True


def _diff(path: Path, before: str | None, after: str | None) -> str:
    lines = difflib.unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        "/dev/null" if before is None else str(path),
        "/dev/null" if after is None else str(path),
        lineterm="",
    )
    return "\n".join(_shown(line) for line in lines)


def _shown(line: str) -> str:
    """A terminal's log is read by others: no key of the lines around ours, no page-long line."""
    masked = _SECRET.sub("***", _NAMED_SECRET.sub(r"\1***", line))
    return masked if len(masked) <= _WIDEST else f"{masked[:_WIDEST]}… ({len(line)} characters)"
