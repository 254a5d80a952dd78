"""What was written where, so that it can be taken back: `<home>/hosts.json` and the files in `<home>/backups`.

Receipts help; nothing depends on them. Lost or damaged, `uninstall` still finds our entries by what they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from llm_router.errors import ConfigError


@dataclass
class Receipt:
    """`made`: there was no file before us; else `original` is the backup with the file as it was. `after`: the SHA-256
    of what we left, "" once the original would no longer be right.
    """

    made: bool = False
    original: str = ""
    after: str = ""
    backups: list[str] = field(default_factory=list[str])


class Receipts:
    def __init__(self, home: Path) -> None:
        self._file, self.folder = home / "hosts.json", home / "backups"
        self._files: dict[str, Receipt] = {}
        self._folders: list[str] = []
        self._load()

    def get(self, path: Path) -> Receipt | None:
        return self._files.get(str(path))

    def put(self, path: Path, receipt: Receipt) -> None:
        """Kept at once: an install that stops half way has still said what it did."""
        self._files[str(path)] = receipt
        self._save()

    def made(self, folders: Sequence[Path]) -> None:
        """Remember folders that we made."""
        if folders:
            self._folders += map(str, folders)
            self._save()

    def tidy(self) -> None:
        """Remove the folders that we made and nobody uses, the innermost first."""
        for name in sorted(self._folders, key=len, reverse=True):
            with suppress(OSError):
                Path(name).rmdir()
        left = [name for name in self._folders if Path(name).is_dir()]
        if left != self._folders:
            self._folders = left
            self._save()

    def back_up(self, host: str, path: Path, raw: bytes) -> str:
        """Keep the bytes; the name of the backup. Raises ConfigError when that is not possible."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        for n in range(1, 1000):
            name = f"{host}-{path.name.lstrip('.')}-{stamp}{f'-{n}' if n > 1 else ''}.bak"
            if not (self.folder / name).exists():
                self._write(self.folder / name, raw)
                return name
        raise ConfigError(f"{self.folder} holds too many backups", fix="remove old ones")

    def original(self, receipt: Receipt) -> bytes | None:
        """The file as it was before us, None when that is not known or its backup is gone."""
        try:
            return (self.folder / receipt.original).read_bytes() if receipt.original else None
        except OSError:
            return None

    def backups(self, path: Path) -> list[Path]:
        """Those of a file that still exist, the oldest first."""
        known = self._files.get(str(path))
        return [each for name in (known.backups if known else []) if (each := self.folder / name).is_file()]

    def _write(self, path: Path, raw: bytes) -> None:
        """Readable by the owner only: settings can hold keys."""
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError as error:
            raise _unwritable(path, error) from None

    def _save(self) -> None:
        files = {name: vars(each) for name, each in sorted(self._files.items())}
        body = {"version": 1, "files": files, "folders": self._folders}
        self._write(self._file, json.dumps(body, indent=2).encode())

    def _load(self) -> None:
        try:
            told = json.loads(self._file.read_bytes())
            self._files = {str(name): _receipt(each) for name, each in told["files"].items()}
            self._folders = [str(each) for each in told["folders"]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return


def _unwritable(path: Path, error: OSError) -> ConfigError:
    fix = f"make {path.parent} writable, or set LLM_ROUTER_HOME to a folder that is"
    what = f"no backup can be kept: {path} cannot be written: {error.strerror or error}"
    return ConfigError(what, fix=fix, file=str(path))


def _receipt(raw: Any) -> Receipt:
    words = {key: raw[key] for key in ("original", "after") if isinstance(raw.get(key), str)}
    words = {
        key: "" if Path(text).name != text else text for key, text in words.items()
    }  # a name, never a path
    backups = cast("list[object]", raw["backups"])
    return Receipt(made=raw.get("made") is True, **words, backups=[Path(str(each)).name for each in backups])


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
