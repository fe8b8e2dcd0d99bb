"""Journeys through the Backups screen: look from four sides, mark, back up, prove, check, cancel, and keep repositories."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.backups.model import JobState
from backends.backups.views import LockReport
from backends.errors import AskOperator, RetryLater
from swarm_tui.screens import dialog
from swarm_tui.screens.backup_archives import ArchivesScreen
from swarm_tui.screens.backup_hits import HitsScreen
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.backup_preview import CompactScreen, HealScreen, PruneScreen
from swarm_tui.screens.backups import BackupsScreen
from swarm_tui.screens.drift import DriftScreen
from swarm_tui.screens.host import HostScreen
from tests.ui import golden
from tests.ui.backups_engine import BackupsSeat, at_backups
from tests.ui.host_console import journey
from tests.unit.present import backup_data as data


def screen(seat: BackupsSeat) -> BackupsScreen:
    assert isinstance(seat.app.screen, BackupsScreen), seat.app.screen
    return seat.app.screen


# Looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with at_backups(size=(columns, rows)) as seat:
        golden.check(f"backups-{columns}x{rows}", await seat.look())


@pytest.mark.parametrize("side", ["repositories", "jobs"])
@journey
async def test_golden_of_the_other_sides(side: str) -> None:
    async with at_backups() as seat:
        await seat.side(side)
        golden.check(f"backups-{side}-80x24", await seat.look())


@journey
async def test_the_four_views_go_round() -> None:
    async with at_backups() as seat:
        seen = []
        for words in ("free  full", "end what", "since", "stored proof"):
            assert words in "\n".join(await seat.press("right_square_bracket"))
            seen.append(screen(seat).side)
        assert seen == ["repositories", "jobs", "concerns", "sets"]
        await seat.press("left_square_bracket")
        assert screen(seat).side == "concerns"


@journey
async def test_an_unchanged_view_costs_a_version_and_a_changed_one_is_shown() -> None:
    async with at_backups() as seat:
        await seat.later()
        assert seat.asked("view")[-1] == {"since": 1}
        seat.desk.show(sets=(data.status("dgx9"),))
        text = "\n".join(await seat.later())
        assert "dgx9" in text
        assert "gpu3" not in text


@journey
async def test_the_progress_of_a_job_is_news_although_nothing_else_is() -> None:
    async with at_backups() as seat:
        further = replace(data.job(), progress=replace(data.job().progress, percent=57.0))
        seat.desk.view = replace(seat.desk.view, jobs=(further,))
        assert "57%  81M/s" in "\n".join(await seat.later())


@journey
async def test_a_frozen_picture_is_not_asked_for() -> None:
    async with at_backups() as seat:
        await seat.press("p")
        before = len(seat.asked("view"))
        await seat.later()
        assert len(seat.asked("view")) == before


@journey
async def test_what_stands_behind_the_row_is_told_below_or_in_a_box() -> None:
    async with at_backups() as seat:
        assert "→ put the right one back, then: swarm-tui backup check vault/gpu3" in await seat.text()
        many = tuple(data.status(f"n{number:02}") for number in range(30))
        seat.desk.show(sets=many)
        text = "\n".join(await seat.later())
        assert "A stolen host could" not in text, "the list needs the room"
        text = "\n".join(await seat.press("i"))
        assert "A stolen host could add archives" in text


@journey
async def test_the_filter_is_live_and_escape_takes_it_away() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("slash", *"web1"))
        assert "web1" in text
        assert "gpu2" not in text
        assert "Nothing matches /web1zz" in "\n".join(await seat.press(*"zz", "enter"))
        assert "gpu2" in "\n".join(await seat.press("escape"))


@journey
async def test_empty_states_teach() -> None:
    nothing_yet = data.view(sets=(data.status("gpu1", "config", **data.NEVER),), jobs=(), concerns=(), repositories=())
    async with at_backups(nothing_yet) as seat:
        assert "Nothing was ever backed up: b makes the first one." in await seat.text()
        assert "Nothing to worry about." in await seat.side("concerns")
        assert "No job yet." in await seat.side("jobs")
        seat.desk.show(borg="")
        text = "\n".join(await seat.later())
        assert "There is no Borg beside the engine." in text
        assert "no Borg beside the engine" in text.splitlines()[-2]
        await seat.side("sets")
        seat.desk.show(sets=(), borg="1.2.4")
        assert "Nothing is to be backed up." in "\n".join(await seat.later())


@journey
async def test_an_engine_that_refuses_is_said_and_the_last_picture_stays() -> None:
    async with at_backups() as seat:
        seat.engine.refuse["backups.view"] = RetryLater("the engine is busy")
        text = "\n".join(await seat.later())
        assert "the engine is busy" in text
        assert "gpu3" in text
        del seat.engine.refuse["backups.view"]
        assert "the engine is busy" not in "\n".join(await seat.later())


# Backing up, proving, checking ------------------------------------------------------------------------------------


@journey
async def test_a_backup_names_sets_hosts_line_and_trust_before_it_starts() -> None:
    async with at_backups() as seat:
        await seat.go_to("config", "gpu2")
        text = "\n".join(await seat.press("b"))
        assert seat.dialog == "Back up 1 set now?"
        assert "config        gpu2                vault/gpu2" in text
        assert "$ borg backup vault/gpu2" in text
        assert "no secret is stored on it" in " ".join(text.replace("│", "").split())
        await seat.press("enter")
        assert not seat.asked("start")
        await seat.press("b", "y")
        assert seat.asked("start") == [
            {"action": "backup", "select": "gpu2", "sets": ["config"], "repositories": ["vault"]}
        ]
        assert seat.toasts()[-1] == "queued: back up models  gpu1  vault/gpu1"


@journey
async def test_marks_mean_exactly_the_marked_sets() -> None:
    async with at_backups() as seat:
        for words in (("models", "gpu1"), ("models", "gpu3"), ("config", "gpu1")):
            await seat.go_to(*words)
            await seat.press("space")
        assert "3 marked" in await seat.text()
        await seat.press("b", "y")
        assert [(each["sets"], each["select"]) for each in seat.asked("start")] == [
            (["config"], "gpu1"),
            (["models"], "gpu1,gpu3"),
        ]
        assert "marked" not in await seat.text()


@journey
async def test_a_line_that_is_not_known_does_not_hinder_a_backup() -> None:
    async with at_backups() as seat:
        seat.engine.refuse["backups.line"] = RetryLater("not connected")
        text = "\n".join(await seat.press("b"))
        assert "the Borg line is not known yet: not connected" in text


@journey
async def test_a_check_asks_how_deep_and_is_one_job_a_repository() -> None:
    async with at_backups() as seat:
        await seat.press("asterisk", "c")
        assert seat.dialog == "Check"
        await seat.press("d")
        assert {tuple(each["sets"]): each["select"] for each in seat.asked("start")} == {
            ("config", "models"): "gpu1,gpu2,web1",
            ("models",): "gpu3",
        }
        assert {each["level"] for each in seat.asked("start")} == {"data"}


@journey
async def test_a_drill_is_one_key() -> None:
    async with at_backups() as seat:
        await seat.press("d")
        assert seat.asked("start")[0]["action"] == "drill"


@journey
async def test_a_repository_that_is_not_made_is_made_after_a_question() -> None:
    async with at_backups() as seat:
        await seat.side("repositories")
        await seat.go_to("web1")
        text = "\n".join(await seat.press("I"))
        assert "ssh://backup@vault/srv/borg/web1" in text
        await seat.press("y")
        assert seat.asked("start")[0]["action"] == "init"
        assert seat.asked("start")[0]["select"] == "web1"


@journey
async def test_read_only_looks_and_changes_nothing() -> None:
    async with at_backups(read_only=True) as seat:
        for key in ("b", "x", "U", "I", "K", "F"):
            await seat.press(key)
            assert seat.dialog == ""
            assert seat.toasts()[-1].endswith(": read-only")
        await seat.press("L")
        assert seat.dialog == "Lock of vault/gpu1", "shown, not offered to be broken"
        await seat.press("escape", "P", "a")
        assert seat.toasts()[-1] == "approve: read-only"
        changing = {"start", "prune", "undo", "escrow", "release", "break_lock", "restore", "cancel"}
        assert not [method for method, _ in seat.engine.calls if method.removeprefix("backups.") in changing]


# Jobs -------------------------------------------------------------------------------------------------------------


@journey
async def test_a_job_is_followed_and_cancelled_in_two_stages() -> None:
    async with at_backups() as seat:
        await seat.side("jobs")
        text = "\n".join(await seat.press("enter"))
        assert isinstance(seat.app.screen, JobScreen)
        for words in (
            "42%  81M/s  3m–5m left",
            "36 files, 17G read",
            "no secret is stored on it",
            "borg create --json",
        ):
            assert words in text
        await seat.press("x")
        assert seat.dialog == "Cancel this job?"
        await seat.press("y")
        assert seat.asked("cancel") == [{"job": "j1", "force": False}]
        assert "cancelling" in await seat.text()
        text = "\n".join(await seat.press("x"))
        assert seat.dialog == "End it at once?"
        await seat.press("y")
        assert seat.asked("cancel")[-1] == {"job": "j1", "force": True}
        seat.desk.job = data.ended()
        text = "\n".join(await seat.later())
        assert "1 of 20,004 files was new" in text
        await seat.press("x")
        assert seat.toasts()[-1] == "cancel: it has ended"


@journey
async def test_the_running_job_of_a_set_is_cancelled_from_its_row() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        await seat.press("x", "y")
        assert seat.asked("cancel") == [{"job": "j1", "force": False}]


@journey
async def test_a_failed_job_tells_cause_evidence_and_next_step() -> None:
    async with at_backups() as seat:
        seat.desk.job = data.FAILED
        await seat.side("jobs")
        await seat.go_to("vault/gpu3")
        text = "\n".join(await seat.press("enter"))
        for words in ("✖ the passphrase does not open", "BORG_PASSPHRASE is incorrect", "→ put the right one back"):
            assert words in text


@journey
async def test_the_log_grows_and_is_shown_as_it_is() -> None:
    async with at_backups() as seat:
        await seat.side("jobs")
        assert "[/x] srv/models" in "\n".join(await seat.press("l"))
        seat.desk.log += "\nthe end"
        assert "the end" in "\n".join(await seat.later())
        await seat.press("y")
        assert seat.toasts()[-1].startswith("copied the text")


@journey
async def test_the_exact_borg_line_is_copied() -> None:
    async with at_backups() as seat:
        await seat.press("y")
        assert seat.asked("line") == [{"action": "backup", "repository": "vault/gpu3", "set": "models"}]
        assert "the Borg line" in seat.toasts()[-1]
        await seat.side("jobs")
        await seat.press("y")
        assert len(seat.asked("line")) == 1, "a job knows its own"


@journey
async def test_a_restore_with_a_timed_way_back_counts_down_and_is_kept() -> None:
    async with at_backups() as seat:
        seat.desk.job = replace(data.RESTORED, id="j1")
        await seat.side("jobs")
        text = "\n".join(await seat.press("enter"))
        assert "puts the old files back by itself in 1:2" in text
        assert "1:1" in "\n".join(await seat.tick(10))
        await seat.press("c", "y")
        assert seat.asked("restore_confirm") == [{"job": "j1"}]
        assert "by itself" not in await seat.text()
        await seat.press("u", "y")
        assert seat.asked("restore_undo") == [{"job": "j1"}]


# Repositories -----------------------------------------------------------------------------------------------------


@journey
async def test_a_prune_is_previewed_and_its_number_typed() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        text = "\n".join(await seat.press("P"))
        assert isinstance(seat.app.screen, PruneScreen)
        assert "2 archives of 3 would go" in text
        assert "daily #1" in text
        await seat.press("a", "y", "enter")
        assert not seat.asked("prune")
        await seat.press("backspace", "2", "enter")
        assert seat.asked("prune") == [{"repository": "vault/gpu1", "set": "models", "token": "t0"}]
        assert isinstance(seat.app.screen, JobScreen)


@journey
async def test_a_frozen_repository_is_not_pruned() -> None:
    async with at_backups() as seat:
        seat.answer("backups.prune_preview", lambda _: replace(data.PRUNE, frozen="62 % changed"))
        text = "\n".join(await seat.press("P", "a"))
        assert "✖ frozen: 62 % changed" in text
        assert seat.toasts()[-1] == "approve: 62 % changed"


@journey
async def test_a_repository_with_several_sets_asks_which_one_to_prune() -> None:
    async with at_backups() as seat:
        await seat.side("repositories")
        await seat.go_to("vault/gpu1")
        await seat.press("P")
        assert seat.dialog == "Prune which set of vault/gpu1?"
        await seat.press("a")
        assert seat.asked("prune_preview") == [{"repository": "vault/gpu1", "set": "config"}]


@journey
async def test_what_nobody_here_removed_is_accepted_by_name_or_not_compacted() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        text = "\n".join(await seat.press("C"))
        assert isinstance(seat.app.screen, CompactScreen)
        assert "NOBODY HERE" in text
        await seat.press("a")
        assert seat.toasts()[-1] == "approve: 1 archive removed by nobody here: Space accepts each"
        await seat.press("j", "space")
        assert seat.toasts()[-1] == "accept: only what nobody here removed is accepted by name"
        text = "\n".join(await seat.press("k", "space", "a"))
        assert "This cannot be undone." in text
        await seat.press(*"vault/gpu1", "enter")
        (params,) = seat.asked("compact")
        assert params["token"] == "t1"
        assert params["accept"] == [data.ARCHIVES[2].id]


@journey
async def test_a_hold_that_has_not_ended_refuses_the_compaction() -> None:
    async with at_backups() as seat:
        seat.desk.compact = replace(data.CLEAN_COMPACT, refused="held for 5 d more")
        await seat.press("C", "a")
        assert seat.toasts()[-1] == "approve: held for 5 d more"


@journey
async def test_a_compaction_that_is_refused_meanwhile_shows_the_new_state() -> None:
    async with at_backups() as seat:
        seat.desk.compact = data.CLEAN_COMPACT
        seat.engine.refuse["backups.compact"] = RetryLater("something else vanished")
        await seat.press("C", "a", *"vault/gpu3", "enter")
        assert "something else vanished" in seat.toasts()[-1]
        assert len(seat.asked("compact_preview")) == 2


@journey
async def test_a_prune_is_undone_after_a_question() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        text = "\n".join(await seat.press("U"))
        assert "3 archives pruned, U brings back" in text
        await seat.press("y")
        assert seat.asked("undo") == [{"repository": "vault/gpu1"}]
        assert isinstance(seat.app.screen, JobScreen)


@journey
async def test_healing_shows_its_plan_and_wants_the_repository_typed() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("H"))
        assert isinstance(seat.app.screen, HealScreen)
        assert "   $ borg check --repair vault" in text
        await seat.press("a", *"vault/gpu3", "enter")
        assert seat.asked("heal") == [{"plan": "h1", "hash": "f" * 64}]


@journey
async def test_a_key_is_shown_and_never_put_on_the_clipboard() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("K", "p"))
        assert "BORG PAPER KEY v1" in text
        assert seat.asked("key_export") == [{"repository": "vault/gpu3", "form": "paper"}]
        await seat.press("y")
        assert seat.toasts()[-1].startswith("copy: not for the clipboard")
        assert isinstance(seat.app.screen, PageScreen)


@journey
async def test_who_keeps_the_key_is_written_down() -> None:
    async with at_backups() as seat:
        await seat.press("K", "r", *"safe", "enter")
        assert seat.asked("escrow") == [{"repository": "vault/gpu3", "note": "safe"}]
        assert seat.toasts()[-1] == "recorded: the key abc of vault/gpu3 is kept by ops"


@journey
async def test_only_a_lock_whose_holder_is_proven_dead_is_offered_to_be_broken() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("L"))
        assert "no process 2217 runs on vault" in text
        await seat.press(*"break", "enter")
        assert seat.asked("break_lock") == [{"repository": "vault/gpu1", "token": "t3"}]
        for lock, said in (
            (replace(data.DEAD, dead=None), "It cannot be proven"),
            (replace(data.DEAD, dead=False), "It is alive"),
            (LockReport(repository="vault/gpu3"), "Nobody holds it."),
        ):
            seat.desk.lock = lock
            assert said in "\n".join(await seat.press("L"))
            await seat.press("escape")
        assert len(seat.asked("break_lock")) == 1


@journey
async def test_a_freeze_is_ended_after_a_question_and_only_where_there_is_one() -> None:
    async with at_backups() as seat:
        await seat.press("F")
        assert seat.toasts()[-1] == "end freeze: it is not frozen"
        await seat.go_to("models", "gpu2")
        assert "62 % of the files" in "\n".join(await seat.press("F"))
        await seat.press("y")
        assert seat.asked("release") == [{"repository": "vault/gpu2"}]


@journey
async def test_actions_about_one_repository_say_so_when_several_are_marked() -> None:
    async with at_backups() as seat:
        await seat.press("asterisk", "U")
        assert seat.toasts()[-1] == "undo prune: for one repository; Esc takes the marks away"


@journey
async def test_every_repository_is_asked_anew() -> None:
    async with at_backups() as seat:
        await seat.press("R")
        assert seat.asked("refresh") == [{}]
        assert seat.toasts()[-1] == "every repository was asked"


@journey
async def test_a_y_that_was_typed_ahead_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_backups() as seat:
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 60.0)
        await seat.press("b", "y")
        assert not seat.asked("start")


# Going on ---------------------------------------------------------------------------------------------------------


@journey
async def test_from_a_row_to_its_archives_drift_and_what_is_found() -> None:
    async with at_backups() as seat:
        await seat.press("enter")
        assert isinstance(seat.app.screen, ArchivesScreen)
        assert seat.asked("archives")[-1] == {"select": "gpu3", "set": "models", "repository": "vault/gpu3"}
        await seat.press("escape", "D")
        assert isinstance(seat.app.screen, DriftScreen)
        assert seat.asked("drift") == [{"select": "gpu3", "against": "last"}]
        await seat.press("escape", "f", *"fstab", "enter")
        assert isinstance(seat.app.screen, HitsScreen)
        assert seat.asked("search")[-1]["text"] == "fstab"


@journey
async def test_a_concern_opens_with_its_next_step_and_leads_to_its_repository() -> None:
    async with at_backups() as seat:
        await seat.side("concerns")
        text = "\n".join(await seat.press("enter"))
        assert "→ look at what changed, then F ends the freeze" in text
        await seat.press("escape", "F", "y")
        assert seat.asked("release") == [{"repository": "vault/gpu2"}]


@journey
async def test_a_key_that_needs_a_person_says_what_is_wrong() -> None:
    async with at_backups() as seat:
        seat.engine.refuse["backups.start"] = AskOperator("no passphrase for vault/gpu3", hint="set passphrase_command")
        await seat.press("d")
        assert "no passphrase for vault/gpu3" in seat.toasts()[-1]


@journey
async def test_the_backups_of_one_host_stand_on_its_own_screen() -> None:
    async with at_backups() as seat:
        await seat.press("colon", *"host gpu1", "enter")
        assert isinstance(seat.app.screen, HostScreen)
        for _ in range(9):
            text = "\n".join(await seat.press("right_square_bracket"))
        assert "proven 6d ago, 41M/s" in text
        assert seat.asked("view")[-1] == {"select": "gpu1"}


@journey
async def test_hosts_are_backed_up_from_the_fleet() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("1", "x", "b"))
        assert "Back up 7 sets of 1 host now?" in text
        await seat.press("y")
        assert seat.asked("start") == [{"action": "backup", "select": "gpu1"}]
        assert seat.toasts()[-1] == "1 job queued: 4 shows them"


@journey
async def test_a_cancelled_job_stays_as_it_is() -> None:
    async with at_backups() as seat:
        seat.desk.job = data.ended(state=JobState.CANCELLED)
        await seat.side("jobs")
        await seat.press("enter", "c")
        assert seat.toasts()[-1] == "keep: nothing waits to be kept"
