"""File names as text that is safe to show and still names the very same bytes.

A name is bytes; Python shows what is no UTF-8 as surrogates. Neither those nor line breaks, escape sequences or
bidirectional controls may reach a terminal or JSON, and yet a restore must find the file. So every name is escaped once, at
decoding: what is unsafe becomes \\xNN, \\uNNNN or \\UNNNNNNNN, and a backslash becomes two.
"""

from __future__ import annotations

import re

from backends.errors import BadInput

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\\\\\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(\\)|(.?))", re.DOTALL)


def escaped(name: str) -> str:
    """`name` (as `os.fsdecode` gives it) as safe text. Every text comes from exactly one name."""
    return _UNSAFE.sub(_escape, name)


def unescaped(text: str) -> str:
    """The name that `escaped` made `text` from.

    Raises:
        BadInput: a backslash that begins nothing known.
    """
    return _ESCAPE.sub(_unescape, text)


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    if letter == "\\":
        return "\\\\"
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that is no UTF-8
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unescape(match: re.Match[str]) -> str:
    two, four, eight, backslash, other = match.groups()
    if other is not None:
        raise BadInput(f"not a name: a backslash before {other[:1]!r}", hint="write a backslash twice")
    if backslash:
        return "\\"
    code = int(two or four or eight, 16)
    if two and code >= 0x80:
        return chr(0xDC00 + code)
    if code > 0x10FFFF:
        raise BadInput(f"not a name: no such letter U+{code:x}")
    return chr(code)
