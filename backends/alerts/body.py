"""What is sent: title and text of a notice, as plain text, no longer than a target takes. Pure.

Apprise sends what is too long as it is, or in parts that are seconds apart; so texts are cut here, at the end: the most
important line stands first (reference/alerts.md §2, "Sizes").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from backends.alerts.model import Notice, NoticeKind
from backends.alerts.targets import Target
from backends.clock import utc
from backends.inventory.select import fold
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean

TITLE_CHARS, BODY_CHARS, LINE_CHARS = 250, 32_000, 1000
"""Of any notice, whatever its target would take (json and mailto: 250 and 32,768)."""
MOST_LINES = 400
"""Nobody reads more; and cutting them is quick."""
SYSLOG_CHARS = 1800
"""A datagram that every receiver takes has 2048 bytes (RFC 5424 §6.1); apprise thinks that 32,768 fit."""
CHATS = frozenset(
    ("slack", "discord", "workflows", "msteams", "mmost", "mmosts", "rocket", "rockets", "gchat", "tgram", "matrix")
) | frozenset(
    ("matrixs", "zulip", "wxteams", "revolt", "fluxer", "guilded", "ryver", "nctalk", "nctalks", "flock", "twist")
)
"""Services that read links, mentions and formats out of plain text."""

_LATE = "happened while unreachable: "
_WORD = re.compile(r"\{([a-z]+)\}")
_MENTION = re.compile(r"@(?=everyone|here|channel|all|room|team)", re.IGNORECASE)
_CHAT = str.maketrans({"<": "‹", ">": "›", "`": "'", "[": "(", "]": ")", "*": "∗", "|": "¦"})


class Limits(Record, frozen=True, kw_only=True):
    """Characters that a service takes. title 0: it has none, and the title becomes the first line."""

    title: int
    body: int


class Message(Record, frozen=True, kw_only=True):
    """What is sent."""

    title: str
    body: str


def compose(notice: Notice, target: Target) -> Message:
    """A notice in the words of a target's templates, or in ours."""
    words = _words(notice)
    title = _filled(target.title, words) if target.title else _title(notice, words)
    body = _filled(target.body, words) if target.body else _body(notice, words)
    return Message(title=clean(title, TITLE_CHARS), body=_lines(body.strip().split("\n"), BODY_CHARS) or clean(title))


def digest(notices: Sequence[Notice], target: Target) -> Message:
    """Many notices that came faster than a target may be told, as one: the worst first, none left out of the count."""
    ordered = sorted(notices, key=lambda each: (-each.severity.rank, each.time))
    lines = [f"{utc(each.time):%H:%M:%S} {compose(each, target).title}" for each in ordered]
    title = f"{len(notices)} notices at once, the worst: {compose(ordered[0], target).title}"
    return Message(title=clean(title, TITLE_CHARS), body=_lines(lines, BODY_CHARS))


def late(firing: Sequence[Notice], end: Notice) -> tuple[str, tuple[str, ...]]:
    """Title and lines of an end whose beginning could never be told: both in one."""
    began = min((each.time for each in firing), default=end.time)
    told = f"it began at {utc(began):%Y-%m-%d %H:%M:%S} UTC and ended at {utc(end.time):%Y-%m-%d %H:%M:%S} UTC"
    lines = [line for each in firing for line in (each.title, *each.lines)]
    return _LATE + end.title.removeprefix(_LATE), (told, *end.lines, *lines)


def narrower(limits: Limits, scheme: str) -> Limits:
    """The limits of a service, where apprise's are too wide."""
    return Limits(title=limits.title, body=min(limits.body, SYSLOG_CHARS)) if scheme == "rsyslog" else limits


def fit(title: str, body: str, limits: Limits, *, chat: bool = False) -> Message:
    """Cut to `limits`, and made harmless for chats. Something is always left to say."""
    if chat:
        title, body = defused(title), defused(body)
    if limits.title <= 0:
        lines = [title, *(line for line in body.split("\n") if line != title)]
        return Message(title="", body=_lines(lines, limits.body))
    return Message(
        title=_cut(title, min(limits.title, limits.body)),
        body=_lines(body.split("\n"), limits.body) or _cut(title, limits.body),
    )


def defused(text: str) -> str:
    """Nothing in it is a link, a mention or a format any more; it reads the same."""
    return _MENTION.sub("＠", text.translate(_CHAT))


def _words(notice: Notice) -> dict[str, str]:
    return {
        "title": clean(notice.title, TITLE_CHARS),
        "severity": notice.severity.value,
        "kind": notice.kind.value,
        "rule": clean(notice.rule, 80),
        "host": clean(notice.hosts[0], 80) if len(notice.hosts) == 1 else "",
        "hosts": clean(fold(notice.hosts), 200) if notice.hosts else "",
        "time": f"{utc(notice.time):%Y-%m-%d %H:%M:%S} UTC",
        "lines": "\n".join(clean(line, LINE_CHARS) for line in notice.lines),
    }


def _filled(template: str, words: dict[str, str]) -> str:
    """One pass: what a host wrote is not looked through again."""
    return _WORD.sub(lambda found: words.get(found[1], found[0]), template)


def _title(notice: Notice, words: dict[str, str]) -> str:
    level = "INFO" if notice.severity == Severity.OK else notice.severity.value.upper()
    head = {NoticeKind.RESOLVED: "RESOLVED", NoticeKind.TEST: "TEST"}.get(notice.kind, level)
    place = words["hosts"]
    named = not place or place in notice.title
    return f"{head} {words['title']}" if named else f"{head} {place}: {words['title']}"


def _body(notice: Notice, words: dict[str, str]) -> str:
    rule = "" if words["rule"] in notice.lines else words["rule"]
    foot = " · ".join(part for part in (rule, words["hosts"], words["time"]) if part)
    return "\n".join(part for part in (words["lines"], foot) if part)


def _lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit; the last one tells how many do not. The first line is cut rather than left out."""
    safe = [clean(line, LINE_CHARS) for line in lines[:MOST_LINES]]
    ends = list(accumulate(len(line) + 1 for line in safe))
    if len(safe) == len(lines) and (not ends or ends[-1] - 1 <= limit):
        return "\n".join(safe)
    for count in range(len(safe) - 1, 0, -1):
        rest = f"… and {len(lines) - count} more"
        if ends[count - 1] + len(rest) <= limit:
            return "\n".join([*safe[:count], rest])
    return _cut(safe[0] if safe else "", limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
