"""The trained artefact: one file of numbers beside this module, mapped into memory and read in place.

    bytes 0-7    b"LLMROUTE"
    8-9          0x0102 in the byte order of the numbers that follow
    10-11        VERSION
    12-15        length of the whole file
    16-19        CRC-32 of everything from byte 24 on
    20-23        number of sections
    then         the sections' table: name (24 bytes, padded with zeros), type (as in `array`), offset, count
    then         the sections, each aligned to 8 bytes

Pure and standard library only, as its siblings are. `scripts/train/` writes it.
"""

import mmap
from zlib import crc32

MAGIC = b"LLMROUTE"
VERSION = 3
# As `struct` writes them, and their sizes; it would take longer to import than to do without.
HEADER, ROW = "<8sHHIII", "<24s4sII"
BODY, WIDTH = 24, 36
FILE = "brain.bin"
_SIZES = {"b": 1, "B": 1, "f": 4}


class ArtefactError(ValueError):
    """The file cannot be used; the text says why."""


class Artefact:
    """The sections by name: tables stay in the mapping, numbers are read into lists."""

    def __init__(self, path: str) -> None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - `pathlib` costs more than all of this
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise ArtefactError("there is none") from None
        except (OSError, ValueError) as error:  # a file without bytes cannot be mapped
            raise ArtefactError(f"it cannot be read: {error}") from None
        self._view = memoryview(self._map)
        self._rows = self._checked()

    def _checked(self) -> dict[str, tuple[str, int, int]]:
        if len(self._view) < BODY:
            raise ArtefactError("it is truncated")
        order, version = self._number(8, 2), self._number(10, 2)
        length, checksum, sections = self._number(12), self._number(16), self._number(20)
        if bytes(self._view[:8]) != MAGIC:
            raise ArtefactError("it is not an artefact")
        if order == 0x0201 or memoryview(b"\x02\x01").cast("H")[0] != 0x0102:
            raise ArtefactError("it was written for another byte order")
        if version != VERSION:
            raise ArtefactError(f"it is of version {version}; this is for version {VERSION}")
        if length != len(self._view):
            raise ArtefactError(f"it is truncated: {len(self._view)} of {length} bytes")
        if checksum != crc32(self._view[BODY:]):
            raise ArtefactError("its checksum is wrong")
        rows: dict[str, tuple[str, int, int]] = {}
        for start in range(BODY, BODY + sections * WIDTH, WIDTH):
            name, code = bytes(self._view[start : start + 24]), bytes(self._view[start + 24 : start + 28])
            place = self._number(start + 28), self._number(start + 32)
            rows[name.rstrip(b"\0").decode()] = (code.rstrip(b"\0").decode(), *place)
        return rows

    def table(self, name: str) -> "memoryview[int]":
        """Bytes, signed or not, in place: indexed, never copied."""
        code, section = self._section(name)
        return section.cast("b") if code == "b" else section.cast("B")

    def numbers(self, name: str) -> list[float]:
        return list(self._section(name)[1].cast("f"))

    def _section(self, name: str) -> "tuple[str, memoryview[int]]":
        code, offset, count = self._rows[name]
        return code, self._view[offset : offset + count * _SIZES[code]]

    def _number(self, start: int, size: int = 4) -> int:
        return int.from_bytes(self._view[start : start + size], "little")
