"""Takes tokens and passwords out of command lines, environments and logs before a bundle is kept or shown to anybody.

Rather one word too many than one secret. What is masked always reads the same, and masking twice changes nothing.
"""

from __future__ import annotations

import re

MASK = "[masked]"
WIDTH = 2000
"""Characters of a line that are looked at; the rest is left out."""

_WORD = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|auth[_-]?key|"
    r"private[_-]?key|signing[_-]?key|encryption[_-]?key|bearer|cookie|psk)"
)
_HARMLESS = r"(?:\[masked\]|yes|no|none|true|false|null|prompt)\b"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://)[^\s/?#@\"'<>]{1,300}@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)([?&][\w.-]{0,30}(?:token|key|sig|signature|secret|password|auth)[\w.-]{0,30}=)[^\s&\"']+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(\b(?:authorization|proxy-authorization|x-[\w-]{0,30}(?:token|key))\s*[:=]\s*).+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)(?=\S*[\d+/=._-])[A-Za-z0-9._~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(rf"(?i)((?<![\w-])--?[\w-]{{0,40}}{_WORD}[\w-]{{0,40}}(?:=|\s+))(?!-|\[masked\])(\"[^\"]*\"?|'[^']*'?|\S+)"), rf"\1{MASK}"),
    (
        re.compile(rf"(?i)({_WORD}[\w.-]{{0,40}}[\"']?\s*[=:]\s*)(?!{_HARMLESS})(\"[^\"]*\"?|'[^']*'?|[^\s,;]+)"),
        rf"\1{MASK}",
    ),
    (re.compile(r"((?:^|\s)-u\s+[^\s:]{1,100}:)(?!\[masked\])\S+"), rf"\1{MASK}"),
    (re.compile(r"((?:mysql|mysqldump|sshpass|mariadb)\b.{0,200}?\s-p)(?!\s|\[masked\])\S+"), rf"\1{MASK}"),
    (
        re.compile(
            r"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{10,}|xox[abeprs]-[\w-]{8,}|"
            r"(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{20,}|nvapi-[\w-]{16,}|sk-[\w-]{16,}|pypi-[\w-]{16,}|hvs\.[\w-]{16,}|"
            r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?)"
        ),
        MASK,
    ),
    (re.compile(r"\$(?:1|2[abxy]?|5|6|y|gy|argon2\w*)\$[^\s:,\"'<>]+"), MASK),
)  # fmt: skip
_HINT = re.compile(
    r"(?i)passw|passphrase|passcode|pwd|secret|token|credential|key|bearer|basic|cookie|psk|auth|sig|://|-u\s|-p\S|"
    r"hf_|gh[pousr]_|github_pat|glpat|xox|AKIA|ASIA|AIza|nvapi|sk-|pypi-|hvs\.|eyJ|\$\w{1,8}\$"
)
"""A line without any of these is not looked at closer: most lines are such."""
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")


def masked(text: str) -> str:
    """`text` without its secrets; a private key becomes one line."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if not inside and _BEGIN.search(line):
            inside = True
            kept.append(MASK)
        elif not inside:
            kept.append(masked_line(line))
        if inside and _END.search(line):
            inside = False
    return "\n".join(kept)


def masked_line(line: str) -> str:
    """One line without its secrets, as far as a line alone tells; cut at `WIDTH`."""
    line = line if len(line) <= WIDTH else f"{line[:WIDTH]}…"
    if _HINT.search(line) is None:
        return line
    for pattern, replacement in _PATTERNS:
        line = pattern.sub(replacement, line)
    return line
