"""Looking into real archives: directories, search, history, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.model import JobState
from backends.errors import BadInput, RetryLater
from tests.borgs import borg_12
from tests.unit.backups.service_case import HERE, KEY, Case, copied

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def shelf() -> Iterator[list[Case]]:
    """The one case that is looked at."""
    found: list[Case] = []
    yield found
    for each in found:
        each.close()


@pytest.fixture
def case(shelf: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Case:
    borg_12()
    if not shelf:
        shelf.append(copied(tmp_path_factory.mktemp("looking")))
    return shelf[0]


def test_archives_are_those_of_the_hosts(case: Case) -> None:
    looking = case.backups.looking
    assert [each.name for each in looking.archives([HERE], "", "")] == case.archives()
    assert looking.archives([], "", "") == () == looking.archives([HERE], "config", "")
    assert len(looking.archives([HERE], "data", KEY)) == 2


def test_a_directory_of_an_archive_page_by_page(case: Case) -> None:
    newest = case.archives()[0]
    path = case.inside("").rstrip("/")
    listing = case.backups.looking.files(KEY, newest, path, 0, 10, "ann")
    assert [each.path.rpartition("/")[2] for each in listing.entries] == ["notes", "odd\\x0aname", "weights.bin"]
    page = case.backups.looking.files(KEY, newest, path, 2, 10, "ann")
    assert (len(page.entries), page.total) == (1, 3)


def test_what_is_found_and_its_history(case: Case) -> None:
    (hit,) = case.backups.looking.search("today", [HERE], 10)
    assert (hit.host, hit.archives) == (HERE, 2)
    versions = case.backups.looking.history(HERE, case.inside("notes/today.txt"))
    assert [each.change for each in versions] == ["changed", "new"]
    assert case.backups.looking.search("today", ["gpu01"], 10) == ()


def test_two_archives_differ_in_what_changed(case: Case) -> None:
    newest, older = case.archives()
    changes = case.backups.looking.diff(KEY, older, newest, "")
    changed = {each.path: each for each in changes if "modified" in each.kinds}
    assert list(changed) == [case.inside("notes/today.txt")]
    below = case.backups.looking.diff(KEY, older, newest, case.inside("notes"))
    assert {each.path for each in below} <= {each.path for each in changes}


def test_a_text_differs_line_by_line_without_its_secrets(case: Case) -> None:
    newest, older = case.archives()
    text = case.backups.looking.file_diff(KEY, older, newest, case.inside("notes/today.txt"))
    assert "-monday" in text and "+tuesday" in text and "hunter" not in text
    assert text.startswith(f"--- {older} ")
    assert case.backups.looking.file_diff(KEY, newest, newest, case.inside("notes/today.txt")) == ""


def test_what_cannot_be_compared_by_its_lines_says_so(case: Case) -> None:
    newest, older = case.archives()
    looking = case.backups.looking
    with pytest.raises(BadInput, match="is no text"):
        looking.file_diff(KEY, older, newest, case.inside("weights.bin"))
    with pytest.raises(BadInput, match="is in neither archive") as told:
        looking.file_diff(KEY, older, newest, "no/such\x1b[31m")
    assert "\x1b" not in told.value.message


def test_the_first_bytes_of_a_file(case: Case) -> None:
    newest = case.archives()[0]
    looking = case.backups.looking
    assert looking.content(case.repository, newest, case.inside("weights.bin"), 5) == bytes(range(5))
    assert looking.content(case.repository, newest, case.inside("odd\\x0aname")) == b"odd"
    assert looking.content(case.repository, newest, "no/such") is None


@pytest.mark.parametrize("repository", ["vault/nowhere", "local", ""])
def test_a_repository_that_is_not_there(case: Case, repository: str) -> None:
    looking, name = case.backups.looking, case.archives()[0]
    for ask in (
        lambda: looking.files(repository, name, "", 0, 1, ""),
        lambda: looking.diff(repository, name, name, ""),
        lambda: looking.file_diff(repository, name, name, "x"),
        lambda: looking.mount(repository, name),
    ):
        with pytest.raises(BadInput, match="no repository"):
            ask()


def test_an_archive_that_is_not_there(case: Case) -> None:
    looking, name = case.backups.looking, case.archives()[0]
    for ask in (
        lambda: looking.files(KEY, "data.x", "", 0, 1, ""),
        lambda: looking.diff(KEY, name, "data.x", ""),
        lambda: looking.content(case.repository, "data.x", "x"),
        lambda: looking.mount(KEY, "data.x"),
    ):
        with pytest.raises(BadInput, match=r"data\.x"):
            ask()


def test_an_archive_that_was_not_indexed_is_indexed_first(tmp_path: Path) -> None:
    borg_12()
    case = copied(tmp_path)
    try:
        data = tmp_path / "more"
        data.mkdir()
        (data / "a").write_text("a")
        case.borg("create", f"{case.repository.location}::data.20300101T000000Z", str(data))
        case.backups.depot.listings.take(case.repository)
        looking = case.backups.looking
        with case.backups.queue.alone(case.repository):
            with pytest.raises(
                RetryLater, match=r"the files of data\.20300101T000000Z are being listed \(job "
            ) as told:
                looking.files(KEY, "data.20300101T000000Z", "", 0, 10, "ann")
            assert told.value.hint == "ask again in a moment"
            with pytest.raises(RetryLater, match="are being listed: job "):
                looking.files(KEY, "data.20300101T000000Z", "", 0, 10, "bob")
        (job,) = [job for job in case.settle() if job.id in told.value.message]
        assert (job.state, job.who) == (JobState.DONE, "ann")
        path = str(data).lstrip("/")
        assert [each.path for each in looking.files(KEY, "data.20300101T000000Z", path, 0, 10, "").entries] == [
            f"{path}/a"
        ]
        with pytest.raises(BadInput):
            looking.files(KEY, "data.20300101T000000Z", "no/such", 0, 10, "")
    finally:
        case.close()
