"""Reads a tar stream from anybody, piece by piece and within bounds: ustar, pax and GNU names. Writes nothing to a disk.

The standard library's reader takes whatever size a header claims for a name into memory; a host could ask for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from backends.errors import RetryLater
from backends.metrics.sample import Record

BLOCK = 512
MOST_MEMBERS = 400_000
MOST_NAME_BYTES = 1 << 20
"""Of a header that only carries names."""
Type = Literal["-", "d", "l", "h", "?"]
_KINDS: dict[bytes, Type] = {b"0": "-", b"\0": "-", b"7": "-", b"5": "d", b"2": "l", b"1": "h"}


class Member(Record, frozen=True, kw_only=True):
    """One file, directory or link of a tar."""

    name: bytes
    """Without leading "/" or "./" and without trailing "/"."""
    type: Type
    """"h": the same file as `link`; "?": a device or something unknown."""
    mode: int
    uid: int
    gid: int
    user: bytes = b""
    group: bytes = b""
    size: int = 0
    mtime: float = 0.0
    link: bytes = b""


class TarReader:
    """Members one after the other; the content of each must be taken or is passed over.

    Raises (all methods): RetryLater when the stream is no tar, cut off, or larger than it may be.
    """

    def __init__(self, pieces: Iterable[bytes], limit_bytes: int):
        self._pieces = iter(pieces)
        self._buffer = bytearray()
        self._left = limit_bytes
        self._content = 0
        """Bytes of the present member that were not taken yet, its padding included."""

    def members(self) -> Iterator[Member]:
        """Every member up to the end of the archive, which must be there."""
        for _ in range(MOST_MEMBERS):
            self._skip(self._content)
            self._content = 0
            member = self._next({})
            if member is None:
                return
            yield member
        raise _bad(f"more than {MOST_MEMBERS} files")

    def take(self, size: int) -> Iterator[bytes]:
        """The content of the present member, `size` bytes in pieces."""
        while size:
            piece = self._some(min(size, 1 << 20))
            size -= len(piece)
            self._content -= len(piece)
            yield piece

    def _next(self, names: dict[str, bytes]) -> Member | None:
        """The next member; headers that only say something about it are taken in on the way."""
        for _ in range(8):
            block = self._read(BLOCK)
            if not block.strip(b"\0"):
                return None
            _check(block)
            kind = block[156:157]
            size = _number(block[124:136])
            if kind == b"x":
                names.update(_records(self._names(size)))
            elif kind == b"g":
                self._names(size)
            elif kind in b"LK":
                names["path" if kind == b"L" else "linkpath"] = self._names(size).partition(b"\0")[0]
            else:
                return self._member(block, kind, size, names)
        raise _bad("headers without a file")

    def _member(self, block: bytes, kind: bytes, size: int, names: dict[str, bytes]) -> Member:
        size = _decimal(names["size"]) if "size" in names else size
        kept: Type = _KINDS.get(kind, "?")
        if kept in "dlh":
            size = 0
        self._content = size + -size % BLOCK
        return Member(
            name=_plain(names.get("path") or _name(block)),
            type=kept,
            mode=_number(block[100:108]) & 0o7777,
            uid=_decimal(names["uid"]) if "uid" in names else _number(block[108:116]),
            gid=_decimal(names["gid"]) if "gid" in names else _number(block[116:124]),
            user=names.get("uname", _text(block[265:297])),
            group=names.get("gname", _text(block[297:329])),
            size=size,
            mtime=_time(names.get("mtime"), block[136:148]),
            link=names.get("linkpath", _text(block[157:257])),
        )

    def _names(self, size: int) -> bytes:
        if size > MOST_NAME_BYTES:
            raise _bad(f"a name of {size} bytes")
        return self._read(size + -size % BLOCK)[:size]

    def _skip(self, size: int) -> None:
        while size:
            size -= len(self._some(min(size, 1 << 20)))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            parts.append(self._some(size))
            size -= len(parts[-1])
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        """At least one and at most `most` bytes."""
        while not self._buffer:
            piece = next(self._pieces, b"")
            if not piece:
                raise _bad("it was cut off")
            self._left -= len(piece)
            if self._left < 0:
                raise _bad("it is larger than it may be")
            self._buffer += piece
        data = bytes(self._buffer[:most])
        del self._buffer[:most]
        return data


def _bad(text: str) -> RetryLater:
    return RetryLater(f"not a whole tar stream: {text}", action="read a snapshot", hint="take the snapshot again")


def _check(block: bytes) -> None:
    claimed = _number(block[148:156])
    if claimed != sum(block[:148]) + 256 + sum(block[156:]):
        raise _bad("a header is damaged")


def _number(field: bytes) -> int:
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise _bad("a number is none")
    return int(digits or b"0", 8)


def _decimal(text: bytes) -> int:
    if not (0 < len(text) < 19 and text.isdigit()):
        raise _bad("a number is none")
    return int(text)


def _time(pax: bytes | None, field: bytes) -> float:
    """Epoch seconds; 0.0 where they are beyond reading (a time is no reason to give up a snapshot)."""
    try:
        return float(_number(field)) if pax is None else float(pax[:40])
    except (ValueError, RetryLater):
        return 0.0


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _name(block: bytes) -> bytes:
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + _text(block[:100]) if prefix else _text(block[:100])


def _plain(name: bytes) -> bytes:
    name = name.strip(b"/")
    while name.startswith(b"./"):
        name = name[2:].lstrip(b"/")
    return b"" if name == b"." else name


def _records(data: bytes) -> dict[str, bytes]:
    """The records of a pax header: "LENGTH KEY=VALUE\\n" each."""
    found: dict[str, bytes] = {}
    place = 0
    while place < len(data) and data[place] != 0:
        space = data.find(b" ", place, place + 10)
        digits = data[place:space] if space > 0 else b""
        end = place + int(digits) if digits.isdigit() else 0
        key, sign, value = data[space + 1 : end].partition(b"=")
        if not (space < end <= len(data)) or not sign or value[-1:] != b"\n":
            raise _bad("a header is damaged")
        found[key.decode("utf-8", "replace")] = value[:-1]
        place = end
    return found
