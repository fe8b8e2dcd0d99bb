"""What is kept and passed on of Borg's stderr."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.events import ArchiveProgress, Event, FileStatus, LogMessage
from backends.backups.listening import MESSAGES, PROGRESS_SECONDS, TEXT_CHARACTERS, Listener
from backends.clock import ManualClock


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def progress(files: int) -> bytes:
    return line(type="archive_progress", nfiles=files, original_size=1, path="p", finished=False)


FINISHED = line(type="archive_progress", finished=True, time=1.0)


def heard() -> tuple[Listener, list[Event], ManualClock]:
    events: list[Event] = []
    clock = ManualClock()
    return Listener(events.append, clock), events, clock


def counts(events: list[Event]) -> list[int | None]:
    return [event.files for event in events if isinstance(event, ArchiveProgress)]


def test_progress_goes_on_ten_times_a_second_and_the_last_is_never_lost() -> None:
    listener, events, clock = heard()
    for number in range(1000):
        listener.feed(progress(number))
        clock.advance(0.001)
    assert len(events) <= 1 + 1.0 / PROGRESS_SECONDS
    listener.feed(FINISHED)
    listener.close()
    assert counts(events)[-2:] == [999, None]


def test_a_sentence_is_never_held_back_and_stands_behind_the_progress_before_it() -> None:
    listener, events, _ = heard()
    listener.feed(progress(1) + progress(2) + line(type="log_message", levelname="WARNING", message="m", name="n"))
    assert [type(event) for event in events] == [ArchiveProgress, ArchiveProgress, LogMessage]
    assert counts(events) == [1, 2]


def test_every_file_is_told() -> None:
    listener, events, _ = heard()
    for number in range(500):
        listener.feed(line(type="file_status", status="A", path=f"f{number}"))
    assert len([event for event in events if isinstance(event, FileStatus)]) == 500


def test_warnings_questions_and_plain_text_are_kept() -> None:
    listener, _, _ = heard()
    listener.feed(
        line(type="log_message", levelname="INFO", message="no", name="n")
        + line(type="log_message", levelname="ERROR", message="gone", name="borg.archiver", msgid="LockTimeout")
        + line(type="question_prompt", msgid="BORG_RELOCATED_REPO_ACCESS_IS_OK", message="moved?")
        + b"usage: borg\x1b[31m\n\n"
    )
    listener.close()
    assert [(each["levelname"], each["msgid"]) for each in listener.messages] == [
        ("ERROR", "LockTimeout"),
        ("WARNING", "BORG_RELOCATED_REPO_ACCESS_IS_OK"),
    ]
    assert listener.text == "usage: borg"


def test_only_a_finished_commit_counts() -> None:
    listener, _, _ = heard()
    listener.feed(line(type="progress_message", msgid="cache.commit", message="Saving", finished=False, operation=1))
    assert (listener.commits, listener.busy) == (0, 1)
    listener.feed(line(type="progress_message", msgid="cache.commit", finished=True, operation=1))
    assert (listener.commits, listener.busy) == (1, 2)


def test_what_is_kept_is_bounded() -> None:
    listener, _, _ = heard()
    for number in range(MESSAGES * 3):
        listener.feed(line(type="log_message", levelname="ERROR", message=f"{number}", name="n"))
        listener.feed(b"text " * 50 + b"\n")
    assert len(listener.messages) == MESSAGES
    assert len(listener.text) <= TEXT_CHARACTERS


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([FINISHED, progress(1), b"\n", b"{", b"\xff{}\n"]))))
def test_any_bytes_in_any_pieces_are_heard(pieces: list[bytes]) -> None:
    whole, events, _ = heard()
    whole.feed(b"".join(pieces))
    whole.close()
    cut, others, _ = heard()
    for piece in pieces:
        cut.feed(piece)
    cut.close()
    assert (whole.messages, whole.text) == (cut.messages, cut.text)
    assert [type(event) for event in events] == [type(event) for event in others]
