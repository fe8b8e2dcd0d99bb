"""Takes passwords, keys and tokens out of text before anybody sees it. Rather one word too many than one secret.

What is masked always reads the same, whatever its length was. Masking masked text changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MASK = "[masked]"
MOST_LINES_OF_ONE = 500
"""Lines that one secret (a key, a block of text) may have; a text without its end does not eat everything after it."""

_WORD = (
    r"(?:passwd|password|passphrase|passcode|(?<!by)(?<!com)pass|pwd|secret|token|credential|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|pre[_-]?shared[_-]?key|auth[_-]?key|encryption[_-]?key|signing[_-]?key|client-key-data|psk|"
    r"community|requirepass|masterauth|bindpw|rootpw|(?<![a-z])auth)"
)
_KEY = rf"{_WORD}(?:s|data|hash)?(?:[_.-]\w[\w.-]{{0,60}})?[\"']?"
_SERVICE = r"(?:files|compat|db|sss|ldap|nis|systemd|winbind|dns|myhostname)"
_HARMLESS = (
    r"(?:yes|no|on|off|true|false|none|null|nil|\(null\)|prompt|auto|\d{1,2}|\"\"|''|[{(]+|"
    rf"{_SERVICE}(?:\s+(?:{_SERVICE}|\[!?\w+=\w+\]))*)\s*[,;]?\s*"
)
_ASSIGNED = re.compile(
    rf"(?i)(?P<head>{_KEY}\s{{0,80}}(?::=|=>|=|::?)\s{{0,80}})(?!{_HARMLESS}$)"
    r"(?:(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<rest>[^\s].*))"
)
_SPOKEN = re.compile(
    r"(?i)^(?P<head>\s*(?:[\w./@*-]+\s+){0,6}?(?:[\w-]*pass(?:word|wd|phrase)|requirepass|masterauth|bindpw|rootpw|r[ow]community6?|secret|"
    rf"[\w-]*token|psk)\s+)(?!(?:required|requisite|sufficient|optional|include|substack|\[|=|:|{_HARMLESS}$))\S.*$"
)
_OPTION = re.compile(
    r"(?i)(?P<head>(?<![\w-])--?[\w-]{0,40}(?:pass(?:word|wd|phrase)?|token|secret|api-?key|access-?key)[\w-]{0,40}(?:=|\s+))"
    r"(?P<value>\"[^\"]*\"?|'[^']*'?|[^\s-]\S*)"
)
_URL = re.compile(r"(?i)(?P<head>[a-z][a-z0-9+.-]{0,30}://[^\s:/?#@\"'<>]{0,200}:)[^\s\"'<>]{0,500}@")
_URL_TOKEN = re.compile(r"(?i)(?P<head>[a-z][a-z0-9+.-]{0,30}://)[^\s:/?#@\"'<>\[\]]{16,500}@")
_BEARER = re.compile(r"(?i)(?P<head>\b(?:bearer|basic|digest)\s+)(?=[^\s\"']*[\d+/=._~-])[A-Za-z0-9._~+/=-]{8,}")
_CRYPT = re.compile(r"\$(?:1|2[abxy]?|5|6|7|8|y|gy|apr1|sha1|md5|argon2\w*|pbkdf2[\w-]*|scrypt|bcrypt)\$[^\s:,\"'<>]*")
_LDAP_HASH = re.compile(r"\{(?:S?SHA(?:\d+)?|S?MD5|CRYPT|PBKDF2[\w-]*|ARGON2)\}[^\s:,\"'<>]+")
_SHADOW = re.compile(r"^(?P<head>[^:\s]+:)(?![*!x]?:)[^:]+(?P<tail>(?::\d*){6}:[^:]*)$")
_KNOWN = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{10,}|xox[abeprs]-[\w-]{8,}|"
    r"(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{20,}|nvapi-[\w-]{16,}|sk-[\w-]{16,}|pypi-[\w-]{16,}|dckr_pat_[\w-]{10,}|"
    r"eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*|K10[0-9a-f]{40,}::[\w:.-]+|hvs\.[\w-]{16,}|s3cr3t\w*)"
)
_JOIN_TOKEN = re.compile(r"(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])")
_KEY_32 = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{43}=(?![\w+/=])")
"""32 bytes in base64: WireGuard, and most other symmetric keys."""
_BEGIN = re.compile(r"-----BEGIN (?P<what>[A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*)-----")
_BLOCK = re.compile(rf"(?i)^(?P<head>\s*(?:-\s+)?[\"']?[\w.-]{{0,200}}?{_KEY}\s*:\s*)[|>][+-]?\d?[+-]?\s*(?:#.*)?$")
_LIST = re.compile(rf"(?i)^(?P<head>.*?{_KEY}\s*[=:]\s*)\[[^\]]*$")
_OPEN_QUOTE = re.compile(rf"(?i)^(?P<head>.*?{_KEY}\s*[=:]\s*)(?P<quote>[\"'])(?:(?!(?P=quote)).)*$")
_BEGUN = re.compile(rf"(?i)^(?P<head>.*?{_KEY}\s*[=:]\s*)\S")
_NAMED = re.compile(rf"(?i){_WORD}")
WIDTH = 4000
"""Characters of a line; what is beyond is left out, so that no line of a hostile host costs more than a moment."""


class Piece(NamedTuple):
    """One line of a text, or all the lines of one secret."""

    raw: str
    """As it is: for comparing only."""
    head: str | None = None
    """What stands before a secret of several lines; None: one line."""

    @property
    def shown(self) -> str:
        """What may be seen; one line."""
        return masked_line(self.raw if self.head is None else f"{self.head}{MASK}")


def masked(text: str) -> str:
    """`text` without its secrets; a secret of several lines becomes one line."""
    return "\n".join(piece.shown for piece in pieces(text))


def masked_line(line: str) -> str:
    """One line without its secrets, as far as a line alone tells; cut at `WIDTH`."""
    if len(line) > WIDTH:
        return f"{_masked_line(line[:WIDTH])[:WIDTH]}…"
    return _masked_line(line)


def _masked_line(line: str) -> str:
    line = _SHADOW.sub(rf"\g<head>{MASK}\g<tail>", line)
    for pattern in (_CRYPT, _LDAP_HASH, _KNOWN, _JOIN_TOKEN, _KEY_32):
        line = pattern.sub(MASK, line)
    for pattern in (_URL, _URL_TOKEN):
        line = pattern.sub(rf"\g<head>{MASK}@", line)
    for pattern in (_BEARER, _OPTION):
        line = pattern.sub(rf"\g<head>{MASK}", line)
    line = _ASSIGNED.sub(_assigned, line)
    return line if line.lstrip().startswith(("#", ";", "//")) else _SPOKEN.sub(rf"\g<head>{MASK}", line)


def pieces(text: str) -> Iterator[Piece]:
    """The text in pieces that can be compared by what they are and shown without secrets."""
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        head, size = _several(lines, place)
        if size:
            yield Piece("\n".join(lines[place : place + size]), head)
        else:
            yield Piece(lines[place])
        place += size or 1


def _assigned(match: re.Match[str]) -> str:
    quoted = match["quoted"]
    return f"{match['head']}{quoted[0]}{MASK}{quoted[-1]}" if quoted else f"{match['head']}{MASK}"


def _several(lines: list[str], place: int) -> tuple[str, int]:
    """(what comes before the secret, its number of lines) where more than one line is one secret; else ("", 0)."""
    line = lines[place][:WIDTH]
    if (match := _BEGIN.search(line)) is not None:
        return line[: match.start()], _until(lines, place, f"-----END {match['what']}-----")
    if not ("=" in line or ":" in line) or _NAMED.search(line) is None:
        return "", 0
    if (match := _BLOCK.match(line)) is not None:
        return match["head"], 1 + _deeper(lines, place)
    for pattern, end in ((_LIST, "]"), (_OPEN_QUOTE, "")):
        if place + 1 < len(lines) and (match := pattern.match(line)) is not None:
            return match["head"], 1 + _until(lines, place + 1, end or match["quote"])
    if lines[place].endswith("\\") and (match := _BEGUN.match(line)) is not None:
        return match["head"], _continued(lines, place)
    return "", 0


def _until(lines: list[str], place: int, end: str) -> int:
    """Lines up to the one that has `end` in it, at most as many as one secret may have; without an end all of these."""
    most = lines[place : place + MOST_LINES_OF_ONE]
    return next((index + 1 for index, line in enumerate(most) if end in line), len(most))


def _deeper(lines: list[str], place: int) -> int:
    """Lines below a key of YAML that belong to its block: deeper in than the key, or empty."""
    indent = len(lines[place]) - len(lines[place].lstrip())
    size = 0
    for line in lines[place + 1 : place + MOST_LINES_OF_ONE]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        size += 1
    return size


def _continued(lines: list[str], place: int) -> int:
    size = 1
    while size < MOST_LINES_OF_ONE and place + size < len(lines) and lines[place + size - 1].endswith("\\"):
        size += 1
    return size
