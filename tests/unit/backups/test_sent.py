"""What a host could not send whole is told of the archive, whatever Borg beside the engine thinks of the stream."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.events import Event, LogMessage, Text
from backends.backups.model import Cause, JobState, Outcome
from backends.backups.sent import MOST_PROBLEMS, Sent

DONE = Outcome(state=JobState.DONE, notes=("archive models.x",), warnings=("before",))


def line(**what: object) -> bytes:
    return json.dumps(what).encode() + b"\n"


def warning(text: str, level: str = "WARNING") -> bytes:
    return line(type="log_message", levelname=level, name="tar", message=text, msgid="")


def nobody(event: Event) -> None:
    """Looks at no event."""


def test_files_that_could_not_be_read_make_a_warning_with_their_names() -> None:
    events: list[Event] = []
    sent = Sent(events.append)
    data = line(type="file_status", status="E", path="/srv/key") + warning("/srv/key: Permission denied")
    sent.feed(data[:50])
    sent.feed(data[50:])
    sent.feed(warning("12 files, 5 bytes, 1 problems", "INFO"))
    told = sent.told(DONE, "gpu01")
    assert told.state is JobState.WARNING
    assert told.warnings == ("before", "/srv/key: Permission denied")
    assert told.cause is not None
    assert told.cause.text == "gpu01 could not send everything whole: 1 problem"
    assert told.cause.evidence == ("/srv/key: Permission denied",)
    assert "the archive is kept" in told.cause.next_step
    assert told.notes == DONE.notes
    assert [type(event) for event in events] == [LogMessage, LogMessage]


def test_a_whole_stream_changes_nothing() -> None:
    sent = Sent(nobody)
    sent.feed(warning("12 files, 5 bytes, 0 problems", "INFO"))
    assert sent.told(DONE, "gpu01") is DONE


def test_a_cause_that_is_known_already_stays() -> None:
    cause = Cause(code="x", text="something worse")
    sent = Sent(nobody)
    sent.feed(warning("a"))
    told = sent.told(Outcome(state=JobState.WARNING, cause=cause), "gpu01")
    assert (told.cause, told.warnings) == (cause, ("a",))


def test_a_backup_that_failed_or_was_cancelled_stays_so() -> None:
    sent = Sent(nobody)
    sent.feed(warning("a"))
    for state in (JobState.FAILED, JobState.CANCELLED):
        assert sent.told(Outcome(state=state), "gpu01") == Outcome(state=state)


def test_a_host_cannot_fill_the_memory_and_is_counted_all_the_same() -> None:
    sent = Sent(nobody)
    for number in range(MOST_PROBLEMS * 3):
        sent.feed(warning(f"{number} \x1b[31m"))
    told = sent.told(Outcome(state=JobState.DONE), "gpu01")
    assert len(told.warnings) == MOST_PROBLEMS
    assert told.cause is not None and f"{MOST_PROBLEMS * 3} problems" in told.cause.text
    assert not any("\x1b" in text for text in told.warnings)


def test_a_host_moves_no_counters() -> None:
    events: list[Event] = []
    sent = Sent(events.append)
    sent.feed(line(type="archive_progress", original_size=10**12, nfiles=5, finished=False))
    sent.feed(b"Traceback (most recent call last):\n")
    assert events == [Text(text="Traceback (most recent call last):")]


@given(st.binary(max_size=300))
def test_whatever_a_host_says_is_taken(data: bytes) -> None:
    sent = Sent(nobody)
    sent.feed(data)
    assert sent.told(DONE, "gpu01").state in (JobState.DONE, JobState.WARNING)
