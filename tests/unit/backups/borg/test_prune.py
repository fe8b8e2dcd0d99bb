"""Which archives a prune keeps, and of which set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import prune
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import LogMessage
from backends.backups.model import Archive, Keep, Repository
from backends.errors import BadInput
from tests.unit.backups.borg.captured import VERSIONS, events

REPOSITORY = Repository(name="vault", host="gpu01", location="/srv/repo")
ID = "ab" * 32


def said(message: str) -> LogMessage:
    return LogMessage(level="INFO", name="borg.output.list", message=message)


def test_the_line_prunes_one_set_only() -> None:
    argv = prune.argv(Dialect(), "/srv/repo", "models", Keep(daily=7, weekly=0, monthly=6), dry_run=True)
    assert argv == (
        *("borg", "--log-json", "--progress", "--info", "prune", "--list", "--dry-run"),
        *("--keep-daily=7", "--keep-monthly=6", "--glob-archives=models.*", "/srv/repo"),
    )
    assert "--dry-run" not in prune.argv(Dialect(), "/srv/repo", "models", Keep(), dry_run=False)


def test_rules_that_keep_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="keeps"):
        prune.argv(Dialect(), "/srv/repo", "models", Keep(daily=0, weekly=0, monthly=0), dry_run=True)


@pytest.mark.parametrize("name", ["", "*", "mod*", "a.b", "a{now}", "-x"])
def test_what_is_no_set_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        prune.argv(Dialect(), "/srv/repo", name, Keep(), dry_run=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", ["prune-preview", "prune"])
def test_the_fates_of_a_real_prune(version: str, case: str) -> None:
    found = prune.fates(events(version, case), (), REPOSITORY)
    assert [(each.archive.name, each.keep, each.rule) for each in found] == [
        ("models.20261105T020000Z", True, "daily #1"),
        *((f"models.2026110{day}T020000Z", False, "") for day in (4, 3, 2, 1)),
    ]
    assert {each.archive.set for each in found} == {"models"} and found[0].archive.repository == "vault/gpu01"
    assert [each.name for each in prune.removed(found)] == [each.archive.name for each in found[1:]]


def test_preview_and_prune_name_the_same() -> None:
    for version in VERSIONS:
        preview, done = (prune.removed(prune.fates(events(version, case), ())) for case in ("prune-preview", "prune"))
        assert [each.id for each in preview] == [each.id for each in done] and len(preview) == 4


def test_an_archive_is_known_by_its_id() -> None:
    known = Archive(id=ID, repository="vault/gpu01", name="models.x", set="models", host="gpu01", start=1.0, files=7)
    (found,) = prune.fates([said(f"Would prune:    models.x   Thu, 2026-11-26 02:03:08 [{ID}]")], [known])
    assert found.archive is known and not found.keep


def test_a_checkpoint_is_kept_by_no_rule() -> None:
    row = said(f"Keeping checkpoint archive:    models.20261105T020000Z.checkpoint   Thu, 2026-11-26 02:03:08 [{ID}]")
    (found,) = prune.fates([row], (), REPOSITORY)
    assert found.keep and found.rule == "newest checkpoint" and found.archive.set == "models"


def test_a_long_name_and_one_with_spaces() -> None:
    for name in ("x" * 60, "two words"):
        (found,) = prune.fates([said(f"Pruning archive (1/4):   {name:<36} Thu, 2026-11-26 02:03:08 [{ID}]")], ())
        assert found.archive.name == name and not found.keep


def test_other_loggers_say_nothing_about_fates() -> None:
    row = LogMessage(level="INFO", name="borg.archiver", message=f"Would prune: a Thu, 2026-11-26 02:03:08 [{ID}]")
    assert prune.fates([row], ()) == ()


@given(st.text(max_size=300))
def test_any_message_is_a_fate_or_none(message: str) -> None:
    for text in (message, f"Would prune: {message} [{ID}]"):
        assert len(prune.fates([said(text)], ())) <= 1
