"""Journeys from a set into its archives and back out of them: browse, compare, find, restore, and see the drift."""

from __future__ import annotations

from backends.errors import BadInput, RetryLater
from swarm_tui.screens.backup_archives import ArchivesScreen
from swarm_tui.screens.backup_browser import BrowserScreen
from swarm_tui.screens.backup_changes import ChangesScreen
from swarm_tui.screens.backup_hits import HitsScreen
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.backup_preview import PruneScreen
from swarm_tui.screens.backup_versions import VersionsScreen
from swarm_tui.screens.backups import BackupsScreen
from swarm_tui.screens.drift import DriftScreen
from swarm_tui.screens.drift_matrix import MatrixScreen
from swarm_tui.screens.restore import RestoreScreen
from tests.ui import golden
from tests.ui.backups_engine import BackupsSeat, at_backups
from tests.ui.host_console import journey
from tests.unit.present import backup_data as data

NAMES = [each.name for each in data.ARCHIVES]


def browser(seat: BackupsSeat) -> BrowserScreen:
    assert isinstance(seat.app.screen, BrowserScreen), seat.app.screen
    return seat.app.screen


def wizard(seat: BackupsSeat) -> RestoreScreen:
    assert isinstance(seat.app.screen, RestoreScreen), seat.app.screen
    return seat.app.screen


# Archives ---------------------------------------------------------------------------------------------------------


@journey
async def test_two_archives_are_compared_file_by_file() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("enter"))
        assert "not indexed yet" in text
        await seat.press("equals_sign")
        assert isinstance(seat.app.screen, ChangesScreen)
        assert seat.asked("diff")[-1] == {"repository": "vault/gpu1", "a": NAMES[1], "b": NAMES[0], "path": ""}
        await seat.press("escape", "space", "G", "equals_sign")
        assert (seat.asked("diff")[-1]["a"], seat.asked("diff")[-1]["b"]) == (NAMES[2], NAMES[0]), "older first"
        text = "\n".join(await seat.press("enter"))
        assert isinstance(seat.app.screen, PageScreen)
        assert "+[/x] new" in text
        assert seat.asked("file_diff")[-1]["path"] == "etc/fstab"


@journey
async def test_the_last_archive_has_none_before_it() -> None:
    async with at_backups() as seat:
        await seat.press("enter", "G", "equals_sign")
        assert seat.toasts()[-1] == "compare: there is none to compare with"


@journey
async def test_an_archive_is_copied_as_borg_takes_it_pruned_and_pinned() -> None:
    async with at_backups() as seat:
        await seat.press("enter", "y")
        assert "the archive's name" in seat.toasts()[-1]
        await seat.press("B")
        assert seat.toasts()[-1] == "baseline: a baseline is a snapshot of the configuration"
        seat.desk.archives = (data.archive(set_name="config"),)
        await seat.press("escape", "enter", "B")
        assert seat.asked("pin") == [{"host": "gpu1", "archive": seat.desk.archives[0].name}]
        await seat.press("P")
        assert isinstance(seat.app.screen, PruneScreen)


@journey
async def test_no_archive_yet_says_what_makes_one() -> None:
    async with at_backups() as seat:
        seat.desk.archives = ()
        assert "Esc, then b makes the first one." in "\n".join(await seat.press("enter"))
        await seat.press("r")
        assert seat.toasts()[-1] == "restore: no archive here"


# Browsing ---------------------------------------------------------------------------------------------------------


@journey
async def test_directories_open_and_escape_leads_out_to_where_one_was() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("enter", "enter"))
        assert "latest → srv/v12" in text
        assert "a\\x0ab  DAMAGED" in text
        await seat.press("enter")
        text = "\n".join(await seat.press("enter"))
        assert browser(seat).path == "etc/ssh"
        assert "sshd_config" in text
        await seat.press("left")
        assert (browser(seat).path, browser(seat).list.cursor) == ("etc", ("entry", "etc/ssh"))
        await seat.press("escape", "left")
        assert browser(seat).path == ""
        assert seat.toasts()[-1] == "parent: this is the top"
        await seat.press("escape")
        assert isinstance(seat.app.screen, ArchivesScreen)


@journey
async def test_golden_inside_an_archive() -> None:
    async with at_backups() as seat:
        golden.check("backups-browse-80x24", await seat.press("enter", "enter", "enter", "j", "space"))


@journey
async def test_a_large_directory_comes_page_by_page() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("enter", "enter", "j", "enter"))
        assert "500 of 1,200 read" in text
        assert len(seat.asked("files")) == 2
        await seat.press("G")
        assert "1,000 of 1,200 read" in await seat.text()
        await seat.press("G")
        await seat.press("G")
        assert browser(seat).entry == data.TREE["srv"][-1]
        assert [each["offset"] for each in seat.asked("files")] == [0, 0, 500, 1000]


@journey
async def test_an_archive_that_is_being_indexed_is_asked_again_until_it_is() -> None:
    async with at_backups() as seat:
        seat.engine.refuse["backups.files"] = RetryLater("models.1 is being indexed", hint="a moment")
        assert "is being indexed" in "\n".join(await seat.press("enter", "enter"))
        await seat.later()
        assert len(seat.asked("files")) == 2
        del seat.engine.refuse["backups.files"]
        text = "\n".join(await seat.later())
        assert "etc/" in text
        await seat.later()
        assert len(seat.asked("files")) == 3


@journey
async def test_a_file_shows_its_versions_and_what_changed_between_them() -> None:
    async with at_backups() as seat:
        await seat.press("enter", "enter", "enter", "j", "enter")
        assert isinstance(seat.app.screen, VersionsScreen)
        assert seat.asked("history") == [{"host": "gpu1", "path": "etc/fstab"}]
        text = "\n".join(await seat.press("equals_sign"))
        assert "-old" in text
        assert seat.asked("file_diff")[-1]["a"] == NAMES[1]
        await seat.press("escape", "G", "equals_sign")
        assert seat.toasts()[-1] == "compare: there is none before it"
        await seat.press("r")
        assert wizard(seat).request.archive == NAMES[2]
        await seat.press("escape", "enter")
        assert browser(seat).path == "etc"


@journey
async def test_a_path_is_compared_with_that_of_a_chosen_archive() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("enter", "enter", "equals_sign"))
        assert seat.dialog == "Compare"
        assert "2d ago" in text
        await seat.press("b")
        assert seat.asked("diff")[-1] == {"repository": "vault/gpu1", "a": NAMES[2], "b": NAMES[0], "path": "etc"}


@journey
async def test_a_name_is_found_and_brought_back() -> None:
    async with at_backups() as seat:
        await seat.press("enter", "enter", "slash", *"fstab", "enter")
        assert isinstance(seat.app.screen, HitsScreen)
        assert seat.asked("search")[-1] == {"text": "fstab", "select": "gpu1", "limit": 500}
        await seat.press("r")
        assert wizard(seat).request.paths == ("etc/fstab",)
        await seat.press("escape", "enter")
        assert isinstance(seat.app.screen, VersionsScreen)


# Restoring --------------------------------------------------------------------------------------------------------


@journey
async def test_marked_paths_go_to_another_host_and_directory_after_a_preview() -> None:
    async with at_backups() as seat:
        await seat.press("enter", "enter", "enter", "j", "space", "space", "r")
        assert wizard(seat).request.paths == ("etc/fstab", "etc/hosts")
        await seat.press("t", *"gpu2", "enter")
        await seat.press("d", *"srv/back", "enter")
        text = "\n".join(await seat.press("enter"))
        for words in (
            "gpu2 (it came from gpu1)",
            "to          gpu2:/srv/back",
            "2 files there already, 1 of them",
            "borg extract",
        ):
            assert words in text
        (params,) = seat.asked("restore_plan")
        assert params["request"]["host"] == "gpu2"
        assert params["request"]["directory"] == "/srv/back"
        await seat.press("a")
        assert seat.dialog == "Restore 3 files to gpu2?"
        await seat.press("enter")
        assert not seat.asked("restore")
        await seat.press("a", "y")
        assert seat.asked("restore") == [{"plan": "r1", "hash": "e" * 64}]
        assert isinstance(seat.app.screen, JobScreen)


@journey
async def test_golden_of_the_wizard() -> None:
    async with at_backups() as seat:
        seat.desk.plan = {"validators": ("sshd -t -f FILE",), "rollback_seconds": 120.0, "warnings": ("access file",)}
        await seat.go_to("models", "gpu1")
        golden.check("backups-restore-80x24", await seat.press("r", "enter"))


@journey
async def test_replacing_at_the_original_place_wants_the_host_typed() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        text = "\n".join(await seat.press("r", "c", "c", "enter"))
        assert "replace: replaced; a copy of what was there is kept beside it" in text
        await seat.press("a", "y", "enter")
        assert not seat.asked("restore")
        await seat.press("backspace", *"gpu1", "enter")
        assert len(seat.asked("restore")) == 1


@journey
async def test_another_wish_makes_the_plan_void() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        await seat.press("r", "enter", "c", "a")
        assert seat.toasts()[-1] == "approve: Enter shows what would be done first"
        await seat.press("t", *"nobody", "enter")
        assert seat.toasts()[-1] == "no host is called nobody"
        await seat.press("d", "backspace", *"srv", "enter")
        assert seat.toasts()[-1] == "a directory begins with /"


@journey
async def test_a_plan_that_is_refused_says_why_and_what_helps() -> None:
    async with at_backups() as seat:
        await seat.go_to("models", "gpu1")
        seat.engine.refuse["backups.restore_plan"] = BadInput("no room on gpu1", hint="choose another directory")
        text = "\n".join(await seat.press("r", "enter"))
        assert "✖ no room on gpu1" in text
        assert "→ choose another directory" in text


@journey
async def test_a_set_without_an_archive_has_nothing_to_restore() -> None:
    async with at_backups() as seat:
        await seat.go_to("config", "gpu2")
        await seat.press("r")
        assert seat.toasts()[-1] == "restore: there is no archive yet"


@journey
async def test_read_only_previews_but_restores_nothing() -> None:
    async with at_backups(read_only=True) as seat:
        await seat.press("r", "enter", "a")
        assert seat.toasts()[-1] == "approve: read-only"
        assert len(seat.asked("restore_plan")) == 1


# Drift ------------------------------------------------------------------------------------------------------------


@journey
async def test_golden_of_the_drift() -> None:
    async with at_backups() as seat:
        golden.check("drift-80x24", await seat.press("D"))


@journey
async def test_drift_shows_lines_and_puts_one_file_back() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("D"))
        assert "secret, masked" in text
        assert "✖ not connected: timeout" in text
        assert "+[/x] new" in "\n".join(await seat.press("enter"))
        assert seat.asked("drift_diff") == [{"host": "gpu1", "path": "etc/fstab", "against": "last"}]
        text = "\n".join(await seat.press("escape", "r"))
        assert seat.asked("restore_file") == [{"host": "gpu1", "path": "etc/fstab", "against": "last"}]
        for words in ("netplan generate", "put back by itself after 2m unless", "▲ this may cut the network"):
            assert words in text
        await seat.press("c")
        assert seat.toasts()[-1] == "if there: this plan puts one file back where it was"
        await seat.press("a", "y")
        assert len(seat.asked("restore")) == 1


@journey
async def test_facts_are_no_files_and_pictures_no_text() -> None:
    async with at_backups() as seat:
        await seat.press("D")
        await seat.go_to("fact:packages")
        await seat.press("r")
        assert seat.toasts()[-1] == "put back: a fact is no file"
        await seat.go_to("logo.png")
        await seat.press("enter")
        assert seat.toasts()[-1] == "diff: not text: there are no lines to show"


@journey
async def test_drift_against_a_baseline_and_another_host() -> None:
    async with at_backups() as seat:
        await seat.press("D", "a", "b")
        assert seat.asked("drift")[-1]["against"] == "pin"
        await seat.press("a", "h", *"gpu2", "enter")
        assert seat.asked("drift")[-1]["against"] == "gpu2"
        assert "now against gpu2 now" in await seat.text()
        await seat.press("a", "h", *"nobody", "enter")
        assert seat.toasts()[-1] == "no host is called nobody"
        await seat.press("B")
        assert seat.asked("pin") == [{"host": "gpu1"}]
        await seat.press("c")
        assert len(seat.asked("drift")) == 4


@journey
async def test_drift_is_filtered_with_its_headings() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("D", "slash", *"shadow", "enter"))
        assert "gpu1  4 differences" in text
        assert "fstab" not in text
        assert "web1" not in text
        await seat.press("escape")
        assert isinstance(seat.app.screen, DriftScreen)
        await seat.press("escape")
        assert isinstance(seat.app.screen, BackupsScreen)


@journey
async def test_the_matrix_pages_through_hosts_and_names_who_stands_apart() -> None:
    async with at_backups() as seat:
        text = "\n".join(await seat.press("D", "m"))
        assert isinstance(seat.app.screen, MatrixScreen)
        assert "2 facts not the same everywhere" in text
        assert "≠absent" in text
        assert "hosts 1–5 of 12" in text
        text = "\n".join(await seat.press("right", "right"))
        assert "hosts 8–12 of 12" in text
        assert "≠535.216.01" in text.replace("…", "01") or "≠535" in text
        await seat.press("right")
        assert seat.toasts()[-1] == "hosts right: these are the last"
        text = "\n".join(await seat.press("enter"))
        assert "gpu[1-11] (11)" in text
        await seat.press("escape", "y")
        assert seat.toasts()[-1].startswith("copied the fact")


@journey
async def test_the_command_line_leads_to_drift_and_to_files() -> None:
    async with at_backups() as seat:
        await seat.press("1", "colon", *"drift gpu2", "enter")
        assert seat.asked("drift") == [{"select": "gpu2", "against": "last"}]
        await seat.press("colon", *"find fstab", "enter")
        assert seat.asked("search")[-1]["text"] == "fstab"
        await seat.press("colon", *"find", "enter")
        assert seat.toasts()[-1] == "usage: find PART-OF-A-PATH"


@journey
async def test_after_a_file_was_put_back_the_hosts_are_asked_again() -> None:
    async with at_backups() as seat:
        await seat.press("D", "r", "escape")
        assert len(seat.asked("drift")) == 2


@journey
async def test_archives_that_come_meanwhile_are_shown() -> None:
    async with at_backups() as seat:
        await seat.press("enter")
        seat.desk.archives = (data.archive(age=60.0), *data.ARCHIVES)
        assert "4 rows" in "\n".join(await seat.tick(6))
