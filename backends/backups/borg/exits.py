"""What became of a Borg command: by the names of its messages first, then by its words, then by its exit status.

1.2 and 1.4 in the old way end with 0, 1 (warning) and 2 (error); 1.4 asked to (BORG_EXIT_CODES=modern) has a status for each
error, and 100 … 127 for warnings. A check ends with 1 in both when it found damage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backends.backups.borg.causes import CAUSES, FATAL, WARNING, Known
from backends.backups.borg.msgids import BY_STATUS, MSGIDS, WORDS
from backends.backups.model import BorgResult, Cause, JobState
from backends.text import clean

_ERRORS = frozenset({"ERROR", "CRITICAL"})
_EVIDENCE_LINES, _EVIDENCE_LIMIT = 6, 600
_RANK = ("unsafe-path", "zero-filled", "file-changed", "permission", "read-error", "file-missing", "not-in-archive")
"""Of several warnings, the one that is told: the worst."""
_SIGNALS = range(129, 193)
_WARNINGS = range(100, 126)
_NOT_STARTED = (126, 127)
"""Of a shell or env: Borg's own warnings end below."""
_REFUSED = "question_accepted_false"
_TRACEBACK = "Traceback (most recent"

Message = Mapping[str, object]


def judge(
    command: str, result: BorgResult, *, location: str = "", repository: str = "", opened_before: bool = False
) -> tuple[JobState, Cause | None]:
    """How it ended, and why.

    Args:
        command: Borg's: "create", "check", …
        result: what it left.
        location: of the repository, for the evidence.
        repository: its key, for the next step.
        opened_before: it could be opened with this passphrase earlier: a wrong one now was changed.

    Returns:
        DONE without a cause; WARNING, FAILED or CANCELLED with one.
    """
    state, known = _verdict(command, result)
    if known is None:
        return state, None
    if known.code == "wrong-passphrase" and opened_before:
        known = CAUSES["changed-passphrase"]
    return state, Cause(
        code=known.code,
        text=known.text,
        evidence=_evidence(result, location),
        next_step=_next_step(known, repository),
    )


def warnings(result: BorgResult, limit: int = 50) -> tuple[str, ...]:
    """Borg's warnings and errors in its own words, each once; no tracebacks, which are of use to Borg's makers only."""
    told = (_text(each, "message") for each in result.messages)
    return tuple(dict.fromkeys(each for each in told if each and not each.startswith(_TRACEBACK)))[:limit]


def _next_step(known: Known, key: str) -> str:
    place, _, host = key.partition("/")
    host = host.removesuffix("+secrets") or "HOST"
    return known.next_step.format(repository=key or "REPOSITORY", place=place or "NAME", host=host)


def _verdict(command: str, result: BorgResult) -> tuple[JobState, Known | None]:
    status = result.exit_status
    fatal = _fatal(result)
    if result.cancelled and status != 0:
        return JobState.CANCELLED, CAUSES["cancelled"]
    if fatal is not None:
        return JobState.FAILED, fatal
    if result.lost:
        return JobState.FAILED, CAUSES["link-lost"]
    if status is None or status in _SIGNALS:
        return JobState.FAILED, CAUSES["killed"]
    if status in _NOT_STARTED:
        return JobState.FAILED, CAUSES["borg-missing"]
    if status == 0:
        return JobState.DONE, None
    if status == 1 or status in _WARNINGS:
        return (JobState.FAILED, CAUSES["damaged"]) if command == "check" else (JobState.WARNING, _warning(result))
    return JobState.FAILED, _failure(result)


def _fatal(result: BorgResult) -> Known | None:
    """The first error that Borg names and that ends a command, whatever its exit status says."""
    for each in result.messages:
        named = _by_name(each)
        if named is not None and named.kind == FATAL and _text(each, "levelname") in _ERRORS:
            return _refined(named, result)
    return None


def _failure(result: BorgResult) -> Known:
    """Of a command that failed without naming an error: by its words, by its status."""
    errors = [_text(each, "message") for each in result.messages if _text(each, "levelname") in _ERRORS]
    spoken = _by_words([*errors, result.text])
    if spoken is not None:
        return spoken
    if any(_text(each, "type") == _REFUSED for each in result.messages):
        return CAUSES["cancelled-question"]
    return CAUSES[BY_STATUS.get(result.exit_status or 0, "unknown")]


def _warning(result: BorgResult) -> Known:
    """The worst of the warnings."""
    found = {known.code for each in result.messages if (known := _by_name(each) or _by_words([_text(each, "message")]))}
    for code in _RANK:
        if code in found:
            return CAUSES[code]
    known = CAUSES[BY_STATUS.get(result.exit_status or 0, "warning")]
    return known if known.kind == WARNING else CAUSES["warning"]


def _refined(named: Known, result: BorgResult) -> Known:
    """A closed connection often has its reason in the words before it."""
    if named.code != "connection-closed":
        return named
    spoken = _by_words([*(_text(each, "message") for each in result.messages), result.text])
    return spoken if spoken is not None and spoken.kind == FATAL else named


def _by_name(message: Message) -> Known | None:
    found = MSGIDS.get(_text(message, "msgid"))
    return CAUSES[found[1]] if found else None


def _by_words(texts: Iterable[str]) -> Known | None:
    told: Sequence[str] = [text for text in texts if text]
    for words, code in WORDS:
        if any(words.search(text) for text in told):
            return CAUSES[code]
    return None


def _evidence(result: BorgResult, location: str) -> tuple[str, ...]:
    lines = [clean(each, _EVIDENCE_LIMIT) for each in warnings(result, _EVIDENCE_LINES)]
    lines += [clean(line, _EVIDENCE_LIMIT) for line in result.text.splitlines()[-3:] if line.strip()]
    lines += [clean(result.lost, _EVIDENCE_LIMIT)] if result.lost else []
    if result.exit_status is not None:
        lines.append(f"exit status {result.exit_status}")
    return (*lines, *([f"repository: {clean(location, 400)}"] if location else []))


def _text(message: Message, key: str) -> str:
    found = message.get(key)
    return found if isinstance(found, str) else ""
