"""The pages about backups: one row's facts, a job, previews, archives, the restore wizard, and one host's tab."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.backups.model import Cause, JobKind, JobState, Outcome
from backends.backups.views import HealPreview, LockReport, RestoreRequest
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import backup_about, backup_archives, backup_job, backup_preview, restore
from swarm_tui.present.backup_about import lock_lines, repository_lines, set_lines
from swarm_tui.present.host_backups import backups_panel, told
from swarm_tui.present.host_line import Frame
from swarm_tui.present.line import Line, plain, width
from tests.unit.present import backup_data as data
from tests.unit.present.backup_data import NOW

CELLS = 79


def joined(lines: list[Line]) -> str:
    return "\n".join(plain(each) for each in lines)


# Facts ------------------------------------------------------------------------------------------------------------


def test_a_set_tells_problem_evidence_next_step_proof_and_trust() -> None:
    shown = joined(set_lines(data.sets()[4], NOW, 200))
    assert shown.index("✖ the passphrase") < shown.index("BORG_PASSPHRASE is incorrect") < shown.index("→ put the")
    for words in (
        "models.1799982000, 5h ago, 1.0G of 40G new; due in 19h",
        "14 equal on the host",
        f"relay. {data.TRUST}",
    ):
        assert words in shown


def test_a_set_without_proof_says_what_makes_one() -> None:
    assert "d restores a sample and compares it" in joined(set_lines(data.sets()[-1], NOW, CELLS))


def test_a_repository_tells_room_checks_key_and_hold() -> None:
    shown = joined(repository_lines(data.repositories()[1], NOW, 200))
    for words in (
        "60G of 900G stored, 400G free, full in 23 d",
        "the key changed since",
        "Nothing is pruned; F ends it",
    ):
        assert words in shown
    assert "segment 7: bad crc" in joined(repository_lines(data.repositories()[2], NOW, CELLS))
    unmade = joined(repository_lines(data.repositories()[3], NOW, CELLS))
    assert "not made yet; I makes it" in unmade
    assert "nobody is known to keep the key" in unmade
    assert "free ?" in unmade


def test_a_lock_is_alive_dead_or_not_provable() -> None:
    assert "Proven: no such Borg" in joined(lock_lines(data.DEAD, NOW, CELLS))
    assert "cannot be proven" in joined(lock_lines(replace(data.DEAD, dead=None), NOW, CELLS))
    assert "alive" in joined(lock_lines(replace(data.DEAD, dead=False, since=None, pid=None), NOW, CELLS))
    assert joined(lock_lines(LockReport(repository="r"), NOW, CELLS)) == "Nobody holds it."


# Jobs -------------------------------------------------------------------------------------------------------------


def test_an_unknown_share_is_an_empty_bar_and_no_percent() -> None:
    job = data.job(progress=replace(data.job().progress, percent=None, eta_seconds=None))
    second = plain(backup_job.job_lines(job, NOW, CELLS, UNICODE)[1])
    assert second.startswith("·" * 24 + " ? %")
    assert "left" not in second


def test_warnings_are_bounded_and_counted() -> None:
    outcome = Outcome(state=JobState.WARNING, warnings=tuple(f"file {number} changed" for number in range(60)))
    shown = joined(backup_job.job_lines(data.ended(state=JobState.WARNING, outcome=outcome), NOW, CELLS, UNICODE))
    assert "▲ file 39 changed" in shown
    assert "file 40 changed" not in shown
    assert "and 20 more warnings; l shows all" in shown


def test_a_timed_way_back_counts_down_to_the_second() -> None:
    assert "by itself in 1:30" in joined(backup_job.job_lines(data.RESTORED, NOW, CELLS, UNICODE))
    late = joined(backup_job.job_lines(data.RESTORED, NOW + 91.0, CELLS, UNICODE))
    assert "The time to keep it has passed" in late


@pytest.mark.parametrize(
    ("kind", "state", "may"),
    [
        (JobKind.RESTORE, JobState.DONE, True),
        (JobKind.RESTORE, JobState.FAILED, False),
        (JobKind.BACKUP, JobState.DONE, False),
    ],
)
def test_only_a_finished_restore_is_put_back(kind: JobKind, state: JobState, may: bool) -> None:
    assert backup_job.undoable(data.ended(state=state, kind=kind)) is may


# Previews ---------------------------------------------------------------------------------------------------------


def test_a_prune_shows_what_goes_first_and_what_stays_by_which_rule() -> None:
    shown = [plain(row.text).split() for row in backup_preview.fate_rows(data.PRUNE, NOW, CELLS)]
    assert [each[0] for each in shown] == ["REMOVE", "REMOVE", "keep"]
    assert shown[2][-2:] == ["daily", "#1"]


def test_a_compaction_names_who_removed_what_and_where_else_it_is() -> None:
    shown = [plain(row.text) for row in backup_preview.vanishing_rows(data.COMPACT, frozenset(), NOW, 120, UNICODE)]
    assert "NOBODY HERE" in shown[0]
    assert "nowhere else" in shown[0]
    assert "prune j9, anna" in shown[1]
    assert "also in attic/gpu1" in shown[1]
    question = joined(backup_preview.compact_question(data.COMPACT, 70))
    assert "▲ 1 archive of these in no other repository" in question
    assert question.endswith("This cannot be undone.")


def test_a_plan_that_cannot_heal_says_so_first() -> None:
    shown = joined(backup_preview.heal_lines(HealPreview(id="1", hash="x", repository="r", problem="no copy"), CELLS))
    assert shown == "✖ no copy"


def test_a_plan_of_healing_names_files_then_steps_with_their_commands() -> None:
    lines = [plain(each) for each in backup_preview.heal_lines(data.HEAL, CELLS) if each]
    assert lines == [
        "1 damaged file:",
        "  /etc/fstab: intact in attic/gpu3",
        "1. copy the repository",
        "2. put zeros in the place of what is lost",
        "   $ borg check --repair vault",
    ]


def test_a_question_about_many_sets_is_bounded() -> None:
    tasks = [("models", f"n{number}", f"vault/n{number}") for number in range(40)]
    shown = joined(backup_preview.start_question(tasks, "borg create", [data.TRUST] * 40, 70))
    assert "and 28 more" in shown
    assert " ".join(shown.split()).count("A stolen host") == 1


# Archives ---------------------------------------------------------------------------------------------------------


def test_entries_say_what_they_are() -> None:
    names = [backup_archives.entry_name(each) for each in data.TREE[""]]
    assert names == ["etc/", "srv/", "latest → srv/v12", "a\\x0ab  DAMAGED"]


def test_a_version_that_is_gone_has_no_size() -> None:
    gone = replace(data.VERSIONS[0], change="gone")
    words = plain(backup_archives.version_rows((gone,), NOW, CELLS)[0].text).split()
    assert words[:5] == ["gone", "2027-01-15", "03:00", "5h", "vault/gpu1"]


def test_changes_show_both_sides() -> None:
    shown = [plain(row.text) for row in backup_archives.change_rows(data.CHANGES, 120)]
    assert shown[0].split()[:4] == ["modified", "/etc/fstab", "+120B", "-4B"]
    assert "-rw-r----- → -rw-rw-r" in shown[3]


# Restoring --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conflict", "directory", "typed"),
    [("replace", "", True), ("replace", "/tmp/x", False), ("keep", "", False), ("rename", "", False)],
)
def test_only_replacing_at_the_original_place_is_destructive(conflict: str, directory: str, typed: bool) -> None:
    request = replace(data.REQUEST, conflict=conflict, directory=directory)
    assert restore.destructive(request) is typed


def test_a_plan_says_when_there_is_no_room() -> None:
    assert "which is not enough" in joined(restore.plan_lines(data.plan(free_bytes=1), CELLS))
    assert "free space unknown" in joined(restore.plan_lines(data.plan(free_bytes=None), CELLS))
    assert "none of them exists there" in joined(restore.plan_lines(data.plan(there=0, same=0), CELLS))


def test_many_paths_are_counted() -> None:
    request = RestoreRequest(repository="r", archive="a", paths=tuple(f"p{number}" for number in range(9)))
    shown = joined(restore.choice_lines(request, data.ARCHIVES[0], NOW, 120))
    assert "/p5 and 3 more" in shown


def test_the_last_question_says_what_becomes_of_files_that_are_there() -> None:
    for conflict, words in (("keep", "not restored"), ("replace", "replaced, a copy kept")):
        request = replace(data.REQUEST, conflict=conflict)
        assert f"1 file there with other bytes: {words}" in joined(restore.question(data.plan(request), 70))


# The host's tab ---------------------------------------------------------------------------------------------------


def test_a_host_shows_its_own_only() -> None:
    shown = joined(backups_panel(data.view(), "gpu2", NOW, Frame(CELLS, 20)))
    assert "62 % of the files changed at once" in shown
    assert "models  vault/gpu2" in shown
    assert "repository vault/gpu2" in shown
    assert "gpu1" not in shown
    assert told(data.view(), "gpu2") == "2 sets; 4 backs up, proves and restores"
    assert "jobs" in joined(backups_panel(data.view(), "gpu1", NOW, Frame(CELLS, 20)))


def test_a_host_without_sets_and_an_engine_that_has_not_answered() -> None:
    assert "Nothing is to be backed up." in joined(backups_panel(data.view(), "x9", NOW, Frame(CELLS, 20)))
    assert "asking the engine…" in joined(backups_panel(None, "x9", NOW, Frame(CELLS, 20)))


# Any text ---------------------------------------------------------------------------------------------------------


@given(st.text(max_size=120), st.text(max_size=40), st.integers(45, 200))
@settings(max_examples=50, deadline=None)
def test_any_text_fits_any_width(said: str, name: str, cells: int) -> None:
    cause = Cause(code=name, text=said, evidence=(said, name), next_step=said)
    archive = data.archive(name, name, repository=name, comment=said)
    outcome = Outcome(state=JobState.FAILED, cause=cause, notes=(said,), warnings=(said,), archive=archive)
    job = data.ended(outcome=outcome, text=said, command=said, trust=said, who=name, set=name)
    request = RestoreRequest(repository=name, archive=name, paths=(said,), host=name, directory=said)
    plan = data.plan(request, warnings=(said,), examples=(said,), validators=(said,), command=said)
    prune = replace(data.PRUNE, frozen=said, command=said)
    pages = [
        set_lines(data.status(name, name, problem=cause, trust=said), NOW, cells),
        repository_lines(data.place(name, location=said, frozen=said, problem=cause), NOW, cells),
        backup_about.concern_lines(replace(data.concerns()[0], text=said, next_step=said, host=name), NOW, cells),
        lock_lines(replace(data.DEAD, holder=said, host=name, evidence=(said,)), NOW, cells),
        backup_job.job_lines(job, NOW, cells, UNICODE),
        backup_preview.prune_head(prune, cells),
        backup_preview.heal_lines(replace(data.HEAL, lines=(said, f"  {name}"), files=(said,)), cells),
        restore.page_lines(request, archive, plan, NOW, cells),
        [
            row.text
            for row in backup_archives.entry_rows((data.entry(said, "l", target=name),), frozenset(), cells, UNICODE)
        ],
        [row.text for row in backup_archives.archive_rows((archive,), NOW, cells, UNICODE)],
    ]
    for page in pages:
        assert all(width(each) <= cells for each in page)
