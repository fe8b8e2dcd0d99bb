"""Journeys through triage: one key asks a host, shows how it goes on, and leads from the verdict to what the host said."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from backends.engine.wire import GpuCell
from backends.errors import BadInput, RetryLater, SkipHost
from backends.triage.views import Outcome, bare
from swarm_tui.screens.heatmap import HeatmapScreen
from swarm_tui.screens.host import HostScreen
from swarm_tui.screens.triage import TriageScreen, open_bundle
from swarm_tui.screens.triage_difference import DifferenceScreen
from swarm_tui.screens.triage_matrix import TriageMatrixScreen
from swarm_tui.screens.triage_sections import SectionsScreen
from tests.ui import golden
from tests.ui.host_console import journey
from tests.ui.memory_engine import MemoryEngine
from tests.ui.triage_engine import TriageSeat, at_fleet
from tests.unit import triage_samples as data
from tests.unit.present.fleet_rows import row
from tests.unit.triage.samples import bundle


def shows(seat: TriageSeat, kind: type[object]) -> bool:
    return isinstance(seat.app.screen, kind)


# One host -----------------------------------------------------------------------------------------------------------


@journey
async def test_one_key_asks_the_host_and_says_how_it_goes_on() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        text = await seat.text()
        assert "gpu1  asked 0 s ago, an answer comes within 15 s" in text
        assert "4 GPUs        asked, at most 10 s" in text
        rows = await seat.tick(3.0)
        golden.check("triage-asking-80x24", rows)
        assert "asked 3 s ago" in "\n".join(rows) and "1 alive       over" in "\n".join(rows)
        assert seat.asked("start") == [{"select": "gpu1"}]


@journey
async def test_the_answer_is_a_verdict_with_the_next_step_and_nine_steps() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        await seat.tick(1.0)
        seat.desk.held = False
        rows = await seat.tick(1.0)
        golden.check("triage-80x24", rows)
        text = "\n".join(rows)
        assert "✖ CRITICAL" in text and "→ power-cycle the host; do not reset the GPU" in text
        assert "4 GPUs       STUCK" in text and "9 changes    OK" in text
        assert seat.asked("get") == [{"number": data.NUMBER}]
        asked = len(seat.asked("round"))
        await seat.tick(5.0)
        assert len(seat.asked("round")) == asked, "a round that has ended is not asked for any more"


@journey
async def test_a_broad_terminal_shows_what_the_host_said_below_the_steps() -> None:
    async with at_fleet(size=(140, 40)) as seat:
        rows = await seat.press("t")
        golden.check("triage-140x40", rows)
        assert "NVRM: Xid (PCI:0000:5d:00): 79, pid=48113" in "\n".join(rows[-18:]), (
            "of the step that the verdict is about"
        )
        text = "\n".join(await seat.press("j", "j"))
        assert "not asked again" in text.rpartition("hit: python3")[2]


@journey
async def test_escape_leaves_and_the_triage_goes_on() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        await seat.press("escape")
        assert seat.hosts and seat.toasts() == ["the triage of gpu1 goes on and is kept; t, then l shows it"]


@pytest.mark.parametrize("from_", [HostScreen, HeatmapScreen])
@journey
async def test_it_opens_from_every_place_where_hosts_are(from_: type[object]) -> None:
    engine = MemoryEngine([row("gpu1", gpus=(GpuCell(utilisation_percent=10.0),))])
    async with at_fleet(engine=engine) as seat:
        await seat.press("enter" if from_ is HostScreen else "h")
        assert shows(seat, from_)
        await seat.press("t")
        assert shows(seat, TriageScreen) and seat.asked("start") == [{"select": "gpu1"}]
        await seat.press("escape")
        assert shows(seat, from_)


@journey
async def test_the_menu_and_the_command_line_lead_there_too() -> None:
    async with at_fleet() as seat:
        await seat.press("x", "t")
        assert shows(seat, TriageScreen)
        await seat.press("escape", "colon", *"triage gpu2", "enter")
        assert [each["select"] for each in seat.asked("start")] == ["gpu1", "gpu2"]


@journey
async def test_a_host_that_cannot_be_asked_says_why_and_what_helps_and_is_tried_again() -> None:
    async with at_fleet() as seat:
        seat.desk.outcomes["gpu1"] = replace(data.LOST, host="gpu1")
        rows = await seat.press("t")
        golden.check("triage-unreachable-80x24", rows)
        text = "\n".join(rows)
        assert "gpu1 could not be looked at" in text and "→ check power and network of the host" in text
        assert "the last bundle of it" in text, "what is known from before"
        seat.desk.outcomes["gpu1"] = data.DONE
        assert "CRITICAL" in "\n".join(await seat.press("r"))


@journey
async def test_no_python_is_a_state_with_the_command_that_helps() -> None:
    async with at_fleet() as seat:
        seat.desk.outcomes["gpu1"] = Outcome(
            host="gpu1", standing="failed", error="no python3 on the host", hint="apt-get install -y python3"
        )
        text = "\n".join(await seat.press("t"))
        assert "no python3 on the host" in text and "→ apt-get install -y python3" in text


@journey
async def test_an_engine_that_refuses_is_an_error_in_place() -> None:
    async with at_fleet() as seat:
        seat.engine.refuse["triage.start"] = SkipHost("this is a recording", hint="open the live fleet")
        text = "\n".join(await seat.press("t"))
        assert "this is a recording" in text and "→ open the live fleet" in text
        del seat.engine.refuse["triage.start"]
        assert "CRITICAL" in "\n".join(await seat.press("r"))


@journey
async def test_a_connection_that_is_lost_meanwhile_comes_back() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        seat.engine.refuse["triage.round"] = RetryLater("the connection to the engine has ended")
        assert "asked 2 s ago" in "\n".join(await seat.tick(2.0))
        del seat.engine.refuse["triage.round"]
        seat.desk.held = False
        assert "CRITICAL" in "\n".join(await seat.tick(1.0))


@journey
async def test_a_round_that_the_engine_no_longer_knows_is_said() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        seat.engine.refuse["triage.round"] = BadInput("no triage round 1", hint="swarm-tui triage --list")
        assert "no triage round 1" in "\n".join(await seat.tick(2.0))


@journey
async def test_sections_that_cannot_be_had_are_said_and_the_verdict_stays() -> None:
    async with at_fleet() as seat:
        seat.engine.refuse["triage.get"] = RetryLater("no connection to the engine")
        text = "\n".join(await seat.press("t"))
        assert "✖ CRITICAL" in text and "its sections: no connection to the engine" in text
        await seat.press("enter")
        assert seat.toasts()[-1] == "what it said: its sections are not here"


@journey
async def test_an_answer_about_an_earlier_turn_comes_too_late() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t")
        screen = seat.app.screen
        assert isinstance(screen, TriageScreen)
        taken: list[object] = []
        screen.turn -= 1
        screen.fetch("get", {"number": data.NUMBER}, object, taken.append)
        screen.turn += 1
        assert "gpu1  asked" in await seat.text() and taken == []
        assert screen.waiting == 0, "it is no longer waited for"


@journey
async def test_a_disk_that_refuses_is_said_beside_the_verdict() -> None:
    async with at_fleet() as seat:
        seat.desk.outcomes["gpu1"] = replace(data.DONE, kept="database or disk is full")
        assert "kept in memory alone: database or disk is full" in "\n".join(await seat.press("t"))


@journey
async def test_keys_that_need_a_bundle_say_that_there_is_none_yet() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("t", "d", "y", "e", "r")
        assert shows(seat, TriageScreen)
        assert seat.toasts() == [
            *(f"{label}: the host is still being asked" for label in ("difference", "copy", "save")),
            "again: it is being asked",
        ]


@pytest.mark.parametrize(
    ("keys", "title"),
    [
        (("t",), "Triage"),
        (("t", "enter"), "What a host said"),
        (("t", "l"), "Kept triages"),
        (("t", "d", "p"), "Triage compared"),
        (("asterisk", "t"), "Triage of several hosts"),
    ],
)
@journey
async def test_help_lists_the_keys_of_the_place(keys: tuple[str, ...], title: str) -> None:
    async with at_fleet() as seat:
        text = "\n".join(await seat.press(*keys, "question_mark"))
        assert title in text


# What it leads to ---------------------------------------------------------------------------------------------------


@journey
async def test_a_step_opens_what_the_host_said_and_it_can_be_searched() -> None:
    async with at_fleet() as seat:
        await seat.press("t")
        text = "\n".join(await seat.press("right"))
        assert shows(seat, SectionsScreen) and "kernel.log" in text
        text = "\n".join(await seat.press("slash", *"PID=48113", "enter"))
        assert "/PID=48113: 2 lines" in text, "any case"
        await seat.press("n", "N")
        assert "/PID" not in "\n".join(await seat.press("escape")), "Esc forgets the search first"
        text = "\n".join(await seat.press("right_square_bracket"))
        assert "3 PCI OK" in text
        await seat.press("y")
        assert seat.app.clipboard.startswith("# pci")
        await seat.press("left")
        assert shows(seat, TriageScreen)


@journey
async def test_what_was_not_found_is_said() -> None:
    async with at_fleet() as seat:
        await seat.press("t", "enter", "slash", *"nowhere", "enter")
        assert "/nowhere: nothing" in await seat.text()
        await seat.press("n")
        assert seat.toasts()[-1] == "next: nothing is found"


@journey
async def test_a_host_writes_no_escape_sequence_and_no_markup_to_the_terminal() -> None:
    hostile = bundle({"processes": "1 0 root S [bold]\x1b]0;title\x07[/x] [link=http://x]\n"}, host="gpu1")
    async with at_fleet() as seat:
        seat.desk.bundles[data.NUMBER] = hostile
        await seat.press("t", "g", *"jjjj")
        text = "\n".join(await seat.press("enter"))
        assert "[bold]" in text and "\x1b" not in text


@journey
async def test_the_difference_to_a_peer_and_what_is_missing_for_one() -> None:
    async with at_fleet() as seat:
        rows = await seat.press("t", "d", "p")
        golden.check("triage-difference-80x24", rows)
        text = "\n".join(rows)
        assert "GPU 3 PCIe width" in text and "that was well 10m ago" in text
        assert seat.asked("difference") == [{"number": data.NUMBER, "against": "peer"}]
        assert "GPU 3" not in "\n".join(await seat.press("slash", *"nvidia-driver", "enter"))
        await seat.press("y")
        assert "### Different from gpu2" in seat.app.clipboard
        await seat.press("escape", "escape")
        seat.engine.refuse["triage.difference"] = RetryLater("no peer has a good bundle yet", hint="have one made")
        text = "\n".join(await seat.press("d", "p"))
        assert "no peer has a good bundle yet" in text and "have one made" in text


@journey
async def test_nothing_that_differs_is_said() -> None:
    async with at_fleet() as seat:
        seat.desk.compared = replace(data.COMPARED, differences=())
        assert "Nothing differs." in "\n".join(await seat.press("t", "d", "g"))
        assert seat.asked("difference") == [{"number": data.NUMBER, "against": "last-good"}]


@journey
async def test_earlier_bundles_open_and_are_compared_with_this_one() -> None:
    async with at_fleet() as seat:
        seat.desk.bundles[39] = replace(data.WELL, host="gpu1")
        rows = await seat.press("t", "l")
        golden.check("triage-bundles-80x24", rows)
        await seat.press("d")
        assert seat.toasts()[-1] == "compare: it is the same one"
        await seat.press("j", "d")
        assert shows(seat, DifferenceScreen) and seat.asked("difference") == [{"number": 42, "against": "39"}]
        await seat.press("escape", "enter")
        assert shows(seat, TriageScreen) and "Nothing wrong was found." in await seat.text()
        assert len(seat.asked("start")) == 1, "no host is asked for a bundle that is kept"


@journey
async def test_a_host_without_bundles_says_how_to_make_one() -> None:
    async with at_fleet(held=True) as seat:
        seat.desk.kept = ()
        assert "No bundle of it is kept." in "\n".join(await seat.press("t", "l"))


@journey
async def test_it_is_copied_as_markdown() -> None:
    async with at_fleet() as seat:
        await seat.press("t", "y")
        assert seat.app.clipboard.startswith("## Triage of gpu1, ")
        assert seat.toasts()[-1].startswith("copied the triage as Markdown")


@journey
async def test_it_is_saved_as_a_tar_where_the_dialog_says_and_never_over_another_file() -> None:
    async with at_fleet() as seat:
        await seat.press("t", "e")
        file = Path.home() / "triage-gpu1-20260511T091411Z.tar.gz"
        assert seat.app.screen.query_one("#dialog-field", Input).value == str(file), "a name is proposed"
        await seat.press("enter")
        assert seat.toasts()[-1].startswith(f"saved {file} (")
        assert file.stat().st_mode & 0o777 == 0o600
        with tarfile.open(file) as archive:
            assert any(name.endswith("README.md") for name in archive.getnames())
        await seat.press("e", "enter")
        assert "is there already" in seat.toasts()[-1]
        await seat.press("e", "escape")
        assert shows(seat, TriageScreen)


@journey
async def test_a_place_that_cannot_be_written_is_said() -> None:
    async with at_fleet() as seat:
        await seat.press("t", "e", "home", *"/nowhere/at/all", "enter")
        assert "cannot be written" in seat.toasts()[-1]


@journey
async def test_a_kept_bundle_is_shown_without_asking_the_host_until_it_is_wanted() -> None:
    async with at_fleet() as seat:
        open_bundle(seat.fleet.console, data.NUMBER, "gpu1")
        assert "✖ CRITICAL" in await seat.text()
        assert seat.asked("start") == []
        await seat.press("r")
        assert seat.asked("start") == [{"select": "gpu1"}]


@journey
async def test_a_bundle_that_is_gone_is_an_error_in_place() -> None:
    async with at_fleet() as seat:
        seat.engine.refuse["triage.get"] = BadInput("no triage bundle 9", hint="swarm-tui triage --list")
        open_bundle(seat.fleet.console, 9, "gpu1")
        assert "no triage bundle 9" in await seat.text()


# Several hosts ------------------------------------------------------------------------------------------------------


@journey
async def test_several_marked_hosts_are_a_matrix_that_fills_as_they_answer() -> None:
    async with at_fleet(held=True) as seat:
        await seat.press("asterisk", "t")
        assert shows(seat, TriageMatrixScreen)
        assert "0 of 4 have answered" in await seat.text()
        seat.desk.held = False
        rows = await seat.tick(2.0)
        golden.check("triage-matrix-80x24", rows)
        text = "\n".join(rows)
        assert "3 of 4 have answered" in text and "gpu4 asked 2 s ago" in text
        order = [line.split()[0] for line in rows if line.startswith("gpu")]
        assert order == ["gpu3", "gpu1", "gpu2", "gpu4"], "the odd ones first, those that are asked last"


@journey
async def test_when_all_have_answered_the_steps_that_differ_come_first() -> None:
    async with at_fleet(size=(140, 40)) as seat:
        seat.desk.outcomes["gpu4"] = replace(data.FINE, host="gpu4", bundle=bare(replace(data.WELL, host="gpu4")))
        rows = await seat.press("asterisk", "t")
        golden.check("triage-matrix-140x40", rows)
        (head,) = [line for line in rows if line.startswith("host")]
        assert head.split()[1:4] == ["kernel", "GPUs", "disks"]
        assert "the worst: CRITICAL" in "\n".join(rows)
        asked = len(seat.asked("round"))
        await seat.tick(5.0)
        assert len(seat.asked("round")) == asked


@journey
async def test_enter_goes_on_to_the_host_without_asking_it_again() -> None:
    async with at_fleet() as seat:
        await seat.press("asterisk", "t", "j")
        assert "power-cycle the host" in await seat.text(), "the next step of the host under the cursor"
        await seat.press("enter")
        assert shows(seat, TriageScreen) and "✖ CRITICAL" in await seat.text()
        assert len(seat.asked("start")) == 1
        await seat.press("escape", "g", "enter")
        assert "gpu3 could not be looked at" in await seat.text()


@journey
async def test_a_host_that_is_still_asked_does_not_open_and_says_so() -> None:
    async with at_fleet() as seat:
        await seat.press("asterisk", "t", "G", "enter")
        assert shows(seat, TriageMatrixScreen)
        assert seat.toasts()[-1] == "open: it is still being asked"


@journey
async def test_the_matrix_is_copied_and_left_while_it_goes_on() -> None:
    async with at_fleet() as seat:
        await seat.press("asterisk", "t", "y")
        assert seat.app.clipboard.startswith("| host | alive |")
        await seat.press("escape")
        assert seat.toasts()[-1] == "the triage goes on; every bundle is kept"


@journey
async def test_ascii_shows_the_same() -> None:
    async with at_fleet(ascii=True) as seat:
        text = "\n".join(await seat.press("t"))
        assert text.isascii() and "X CRITICAL" in text.upper()
        text = "\n".join(await seat.press("escape", "asterisk", "t"))
        assert text.isascii()
