"""What the bundle must know of an ELF file: the libraries and symbol versions it needs; and lowering those of glibc.

A file that needs a version of glibc that a machine lacks does not start there, even where it hardly uses what is new.
`lower` takes the version off each symbol that the bundle's compatibility library provides, and points the file's entry
for it to a version that every glibc has. Fields as in System V's and the GNU extensions' ELF specification.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

SHT_DYNSYM, SHT_GNU_VERNEED, SHT_GNU_VERSYM = 11, 0x6FFFFFFE, 0x6FFFFFFF
DT_NEEDED, DT_SONAME = 1, 14
# Of a symbol's version: the index that stands for none, and the bit that hides a symbol.
VER_NDX_GLOBAL, VERSYM_HIDDEN = 1, 0x8000
FIRST_GLIBC = b"GLIBC_2.2.5"


class BundleError(Exception):
    """What was found, where, and what to do."""


@dataclass(frozen=True)
class VersionNeed:
    """One symbol version that a file needs of a library, and where its entry lies in the file."""

    library: str
    name: str
    index: int
    offset: int


def glibc_version(name: str) -> tuple[int, ...] | None:
    """(2, 34) of GLIBC_2.34; None of GLIBC_PRIVATE and of other libraries' versions."""
    numbers = name.removeprefix("GLIBC_").split(".")
    return tuple(int(number) for number in numbers) if name.startswith("GLIBC_") and numbers[0].isdigit() else None


def gnu_hash_of_version(name: bytes) -> int:
    """The System V hash, which version entries carry."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


class Elf:
    """A 64-bit little-endian ELF file in memory. Throws BundleError for any other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = bytearray(path.read_bytes())
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise BundleError(f"{path}: not a 64-bit little-endian ELF file")
        (start,) = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        # type, offset, size, link
        self.sections = []
        for i in range(count):
            _, kind, _, _, offset, length, link = struct.unpack_from("<IIQQQQI", self.data, start + i * size)
            self.sections.append((kind, offset, length, link))

    def section(self, kind: int) -> tuple[int, int, int] | None:
        """Offset, size and offset of the linked section (its strings) of the first section of a kind."""
        for found, offset, length, link in self.sections:
            if found == kind:
                return offset, length, self.sections[link][1]
        return None

    def text(self, offset: int) -> bytes:
        return bytes(self.data[offset : self.data.index(0, offset)])

    def dynamic(self, tag: int) -> list[str]:
        """The strings of one tag of the dynamic section, as DT_NEEDED."""
        offset, length, strings = self.section(6) or (0, 0, 0)
        entries = struct.iter_unpack("<QQ", self.data[offset : offset + length])
        return [self.text(strings + value).decode() for found, value in entries if found == tag]

    def needed(self) -> list[str]:
        return self.dynamic(DT_NEEDED)

    def version_needs(self) -> list[VersionNeed]:
        found = []
        offset, _, strings = self.section(SHT_GNU_VERNEED) or (0, 0, 0)
        more = offset > 0
        while more:
            _, count, library, first, following = struct.unpack_from("<HHIII", self.data, offset)
            entry = offset + first
            for _ in range(count):
                _, _, index, name, step = struct.unpack_from("<IHHII", self.data, entry)
                found.append(
                    VersionNeed(self.text(strings + library).decode(), self.text(strings + name).decode(), index, entry)
                )
                entry += step
            more, offset = following > 0, offset + following
        return found

    def symbols_of(self, index: int) -> list[tuple[str, int]]:
        """Name of each symbol with a version's index, and where in the file its index stands."""
        symbols, length, strings = self.section(SHT_DYNSYM) or (0, 0, 0)
        versions = (self.section(SHT_GNU_VERSYM) or (0, 0, 0))[0]
        found = []
        for i in range(length // 24 if versions else 0):
            if struct.unpack_from("<H", self.data, versions + 2 * i)[0] & ~VERSYM_HIDDEN == index:
                (name,) = struct.unpack_from("<I", self.data, symbols + 24 * i)
                found.append((self.text(strings + name).decode(), versions + 2 * i))
        return found

    def lower(self, highest: tuple[int, ...], provided: set[str]) -> list[str]:
        """Rids the file of glibc versions above the highest; returns the symbols that lost theirs. Throws BundleError
        where one is not provided by the compatibility library."""
        lowered = []
        for need in self.version_needs():
            version = glibc_version(need.name)
            if need.name.startswith("GLIBC_ABI_") or (version is not None and version > highest):
                lowered += self._lower_one(need, highest, provided)
        if lowered:
            self.path.write_bytes(self.data)
        return lowered

    def _lower_one(self, need: VersionNeed, highest: tuple[int, ...], provided: set[str]) -> list[str]:
        symbols = self.symbols_of(need.index)
        missing = [name for name, _ in symbols if name not in provided]
        if missing or not symbols:
            raise BundleError(
                f"{self.path.name}: needs {' '.join(missing) or 'a feature'} of {need.name}, and the bundle is for "
                f"glibc {'.'.join(map(str, highest))}: build where glibc is older (Debian 12 serves), or provide it in "
                "scripts/bundle/compat.c"
            )
        for _, offset in symbols:
            struct.pack_into("<H", self.data, offset, VER_NDX_GLOBAL)
        _, _, strings = self.section(SHT_GNU_VERNEED)
        struct.pack_into("<I", self.data, need.offset, gnu_hash_of_version(FIRST_GLIBC))
        struct.pack_into("<I", self.data, need.offset + 8, self._string(strings, FIRST_GLIBC))
        return [name for name, _ in symbols]

    def _string(self, strings: int, text: bytes) -> int:
        length = next(length for _, offset, length, _ in self.sections if offset == strings)
        place = self.data.find(b"\0" + text + b"\0", strings, strings + length)
        if place < 0:
            raise BundleError(f"{self.path.name}: does not name {text.decode()}, so its versions cannot be lowered")
        return place + 1 - strings
