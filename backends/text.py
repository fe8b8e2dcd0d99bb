"""Makes text from hosts safe to show. Done once, at decoding; everything past that point may trust it.

A process name or a kernel message is written by whoever controls the host. Shown raw it could move the operator's
cursor, set the window title or write the clipboard (OSC 52), and bidirectional controls can reorder what is read.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI … final
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC … terminator
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
    r"|\x9b[0-?]*[ -/]*[@-~]"  # 8-bit CSI
)
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSEEN = "\u00ad\u200b\u2060\ufeff\u2028\u2029"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f" + _BIDI + _UNSEEN + "\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n]+")

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|!~$])")

REPLACEMENT = "\ufffd"
"""Stands where something unprintable was, so that the reader sees that there was something."""


def clean(text: str, limit: int = 4096) -> str:
    """One line of safe text: no escape sequence, no control, no bidi, at most `limit` characters."""
    head = _BREAKS.sub(" ", text[: limit * 4])
    safe = _CONTROL.sub(REPLACEMENT, _ESCAPES.sub("", head))
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def clean_lines(text: str, limit: int = 1 << 20, width: int = 4096) -> str:
    """Like `clean`, but keeps line breaks and tabs (as four spaces); bounded in all by `limit` characters."""
    lines = text[:limit].replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return "\n".join(clean(line, width) for line in lines)


def decode(data: bytes, limit: int = 4096) -> str:
    """Safe text from bytes in an unknown encoding (read as UTF-8, what is not is replaced)."""
    return clean(data[: limit * 4].decode("utf-8", "replace"), limit)


def plain(text: str) -> str:
    """Safe text of one line that Markdown leaves alone: no heading, link, mention or picture comes of it."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "&#64;").replace("://", ":&#47;/")
