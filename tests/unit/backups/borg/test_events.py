"""Lines of Borg's stderr become events, whatever they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.events import (
    LINE_BYTES,
    ArchiveProgress,
    Event,
    EventReader,
    FileStatus,
    LogMessage,
    MessageProgress,
    PercentProgress,
    Question,
    Text,
    decode,
)
from tests.unit.backups.borg.captured import FOLDER, VERSIONS, events

SAFE_LIMIT = 8192
KINDS = (
    "archive_progress",
    "progress_percent",
    "progress_message",
    "file_status",
    "log_message",
    "question_prompt",
    "swarm",
)


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def read(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    return [*found, *reader.close()]


def test_progress_of_an_archive_and_its_last_word_without_counters() -> None:
    found = decode(
        b'{"original_size":63583321,"compressed_size":42144053,"deduplicated_size":42111103,"nfiles":36,'
        b'"path":"src/models/opt.bin","time":1795451333.99,"type":"archive_progress","finished":false}'
    )
    assert found == ArchiveProgress(
        original_bytes=63583321,
        compressed_bytes=42144053,
        deduplicated_bytes=42111103,
        files=36,
        path="src/models/opt.bin",
    )
    last = decode(b'{"time":1795451333.99,"type":"archive_progress","finished":true}')
    assert last == ArchiveProgress(finished=True)


def test_percentages() -> None:
    found = decode(
        b'{"message":"Pruning archives  25%","current":2,"total":4,"info":null,"operation":1,"msgid":"prune",'
        b'"type":"progress_percent","finished":false}'
    )
    assert found == PercentProgress(msgid="prune", message="Pruning archives  25%", current=2, total=4)


def test_the_end_of_a_commit_has_no_message() -> None:
    found = decode(b'{"operation":2,"msgid":"cache.commit","type":"progress_message","finished":true,"time":1.5}')
    assert found == MessageProgress(msgid="cache.commit", finished=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_line_of_real_borgs_is_an_event_of_its_kind(version: str) -> None:
    for file in FOLDER.glob(f"{version}-*.stderr"):
        case = file.name.removeprefix(f"{version}-").removesuffix(".stderr")
        strangers = [each for each in events(version, case) if isinstance(each, Text)]
        assert bool(strangers) == (case == "usage"), case  # argparse writes plain text


@pytest.mark.parametrize("version", VERSIONS)
def test_names_of_files_are_escaped(version: str) -> None:
    paths = {each.path for each in events(version, "create") if isinstance(each, FileStatus)}
    assert "/srv/data/new\\x0aline" in paths and "/srv/data/esc\\x1b[31m" in paths
    assert "/srv/data/\\u202egnp.exe" in paths and "/srv/data/back\\\\slash" in paths
    assert not any(letter in path for path in paths for letter in "\n\x1b\u202e")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_question_names_the_variable_that_answers_it(version: str) -> None:
    asked = [each for each in events(version, "relocated") if isinstance(each, Question)]
    assert [each.kind for each in asked] == ["question_prompt", "question_accepted_false"]
    assert {each.msgid for each in asked} == {"BORG_RELOCATED_REPO_ACCESS_IS_OK"}


def test_what_is_no_event_is_text() -> None:
    assert decode(b"usage: borg [-V] [-h]") == Text(text="usage: borg [-V] [-h]")
    assert decode(b'{"type": "swarm_exit", "rc": 0}') == Text(text='{"type": "swarm_exit", "rc": 0}')
    assert decode(b"{not json}\x1b[2J") == Text(text="{not json}")
    assert decode(b"[1, 2]") == Text(text="[1, 2]")
    assert decode(b'{"type": 7}') == Text(text='{"type": 7}')


def test_blank_lines_are_nothing() -> None:
    assert decode(b"") is None and decode(b"  \r\n") is None
    assert read(b"\n\n \n") == []


def test_wrong_types_are_missing_values() -> None:
    found = decode(line(type="archive_progress", original_size="7", nfiles=True, deduplicated_size=-1, path=[1]))
    assert found == ArchiveProgress()
    assert decode(line(type="archive_progress", original_size=1 << 80)) == ArchiveProgress()
    assert decode(line(type="log_message", message=None, levelname=3)) == LogMessage()
    assert decode(line(type="progress_percent", current=1.5, total=[])) == PercentProgress()
    assert decode(b'{"type": "progress_percent", "current": NaN}') == Text(
        text='{"type": "progress_percent", "current": NaN}'
    )


def test_deep_nesting_is_text() -> None:
    deep = b'{"type": "log_message", "message": ' + b"[" * 200_000
    found = decode(deep)
    assert isinstance(found, Text) and len(found.text) <= SAFE_LIMIT


def test_surrogates_are_named_in_paths_and_replaced_in_messages() -> None:
    assert decode(b'{"type": "file_status", "status": "A", "path": "a\\udcffb"}') == FileStatus(
        status="A", path="a\\xffb"
    )
    assert decode(b'{"type": "log_message", "message": "a\\udcffb"}') == LogMessage(message="a\ufffdb")


def test_pieces_of_lines_are_put_together() -> None:
    whole = line(type="log_message", message="one") + line(type="log_message", message="two")
    assert read(*(whole[at : at + 1] for at in range(len(whole)))) == [
        LogMessage(message="one"),
        LogMessage(message="two"),
    ]


def test_the_last_line_needs_no_end() -> None:
    assert read(line(type="log_message", message="cut").rstrip()) == [LogMessage(message="cut")]


def test_a_line_of_a_megabyte_is_shown_by_its_beginning_and_the_next_is_read() -> None:
    huge = b'{"type": "log_message", "message": "' + b"x" * (3 * LINE_BYTES)
    pieces = [huge[at : at + 65536] for at in range(0, len(huge), 65536)]
    reader = EventReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    assert len(reader._rest) <= LINE_BYTES  # memory stays bounded
    found += [*reader.feed(b'"}\n' + line(type="log_message", message="next")), *reader.close()]
    assert isinstance(found[0], Text) and len(found[0].text) <= SAFE_LIMIT
    assert found[1:] == [LogMessage(message="next")]


def test_an_event_just_under_the_limit_is_one() -> None:
    size = LINE_BYTES - 100
    (found,) = read(line(type="log_message", message="x" * size))
    assert isinstance(found, LogMessage) and found.message.endswith("…") and len(found.message) <= SAFE_LIMIT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("original_size", "nfiles", "path", "status", "message", "msgid", "levelname", "current", "finished")


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_event_is_safe(kind: str, fields: dict[str, object]) -> None:
    found = decode(json.dumps({"type": kind, **fields}).encode())
    assert found is not None
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, str):
            assert len(value) <= SAFE_LIMIT and value.isprintable() | any(ord(each) > 126 for each in value)
            assert "\n" not in value and "\x1b" not in value
            value.encode()  # no surrogate


@given(st.binary(max_size=400))
def test_any_bytes_are_safe(data: bytes) -> None:
    for found in read(data):
        assert found is not None


@given(st.lists(st.binary(max_size=30) | st.just(b"\n") | st.just(line(type="log_message", message="x"))))
def test_it_does_not_matter_where_the_pieces_are_cut(pieces: list[bytes]) -> None:
    assert read(*pieces) == read(b"".join(pieces))
