"""Journeys through the Host screen: what an operator presses, what is then on the terminal and what the engine was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from backends.errors import SkipHost
from backends.maintenance.model import Stage
from backends.maintenance.views import Held
from backends.metrics.sample import ProcessTable
from backends.states import HostState
from swarm_tui.screens import dialog
from swarm_tui.screens.host import HostScreen
from tests.ui import golden
from tests.ui.host_console import FakeConsole, FakeLink, journey, shown, type_keys
from tests.unit.present.host_samples import NOW, OFFERED, VERDICT, detail, gpu, process, sample

Open = Callable[..., AbstractAsyncContextManager[tuple[Pilot[Any], FakeConsole]]]
PROCESSES = "processes"
TABLE = sample().processes or ProcessTable()


@asynccontextmanager
async def opened(
    tab: str = "overview", link: FakeLink | None = None, size: tuple[int, int] = (80, 24), **options: bool
) -> AsyncIterator[tuple[Pilot[Any], FakeConsole]]:
    app = FakeConsole(HostScreen("dgx04", tab), link or FakeLink(), **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.pause()
        yield pilot, app


@pytest.fixture(autouse=True)
def _no_type_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 0.0)


def screen(app: FakeConsole) -> HostScreen:
    found = app.screen
    assert isinstance(found, HostScreen)
    return found


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_overview_golden(columns: int, rows: int) -> None:
    link = FakeLink(detail(sample=sample(gpus=tuple(gpu(index) for index in range(8))), verdicts=(VERDICT,)))
    async with opened(link=link, size=(columns, rows)) as (_, app):
        golden.check(f"host-overview-{columns}x{rows}", shown(app.screen))


@journey
async def test_tabs_go_round_and_each_draws_something() -> None:
    async with opened() as (pilot, app):
        seen = []
        for _ in range(12):
            rows = await type_keys(pilot, "right_square_bracket")
            seen.append(screen(app).choice.tab)
            assert sum(bool(row) for row in rows) > 6
        assert seen[-1] == "overview"
        assert len(set(seen)) == 12
        await type_keys(pilot, "left_square_bracket")
        assert screen(app).choice.tab == "events"


@journey
async def test_a_gpu_is_picked_zoomed_and_left_again() -> None:
    async with opened("gpu") as (pilot, app):
        rows = await type_keys(pilot, "j")
        assert any(row.startswith("▸  1") for row in rows)
        assert any("GPU 1 NVIDIA" in row for row in rows)
        rows = await type_keys(pilot, "enter")
        assert any("GPU 1 utilisation" in row for row in rows)
        rows = await type_keys(pilot, "escape")
        assert any(row.startswith("▸  1") for row in rows)
        assert app.opened == []
        await type_keys(pilot, "escape")
        assert app.opened == [("back", "")]


@journey
async def test_the_window_changes_what_is_asked_of_history() -> None:
    async with opened("cpu") as (pilot, app):
        assert app.link.calls("host.history")[-1]["seconds"] == 900.0
        await type_keys(pilot, "w")
        assert app.link.calls("host.history")[-1]["seconds"] == 3600.0
        assert app.link.calls("host.history")[-1]["series"] == ["cpu.busy_percent", "cpu.iowait_percent"]


@journey
async def test_details_explain_and_close_with_escape() -> None:
    link = FakeLink(detail(sample=sample(cpu=None, missing={"cpu": "no permission"})))
    async with opened("cpu", link) as (pilot, _):
        rows = await type_keys(pilot, "d")
        assert any("cpu" in row and "no permission" in row for row in rows)
        assert any("aes256-gcm" in row for row in rows)
        rows = await type_keys(pilot, "escape")
        assert any("CPU values are missing" in row for row in rows)


@journey
async def test_details_are_asked_for_once_a_second_and_not_while_frozen() -> None:
    async with opened() as (pilot, app):
        before = len(app.link.calls("host.get"))
        app.tick(0.4)
        app.tick(0.4)
        assert len(app.link.calls("host.get")) == before
        app.tick(0.4)
        assert len(app.link.calls("host.get")) == before + 1
        assert app.link.calls("host.get")[-1] == {"host": "dgx04", "watch": True}
        app.frozen_since = app.time
        app.tick(5.0)
        await pilot.pause()
        assert len(app.link.calls("host.get")) == before + 1


@journey
async def test_a_frozen_picture_can_still_be_walked_through() -> None:
    async with opened() as (pilot, app):
        app.frozen_since = app.time
        rows = await type_keys(pilot, "right_square_bracket")
        assert any("throttled by" in row for row in rows)


@journey
async def test_a_host_opened_while_frozen_is_asked_for_once() -> None:
    app = FakeConsole(HostScreen("dgx04", "cpu"), FakeLink())
    app.frozen_since = 1.0
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.tick()
        app.tick()
        await pilot.pause()
        assert any("iowait" in row for row in shown(app.screen))
        assert len(app.link.calls("host.get")) == 1


@journey
async def test_the_cursor_stays_on_its_process_when_the_order_changes() -> None:
    async with opened(PROCESSES) as (pilot, app):
        await type_keys(pilot, "j")
        assert screen(app).list.cursor == (4101, 41010)
        swapped = (process(4101, cpu_percent=900.0), process(4100, cpu_percent=1.0), process(9, cpu_percent=950.0))
        table = msgspec.structs.replace(TABLE, top=swapped)
        app.link.detail = detail(sample=sample(processes=table))
        app.tick()
        await pilot.pause()
        assert screen(app).list.cursor == (4101, 41010)
        found = screen(app).picked()
        assert found is not None
        assert found[0].pid == 4101


@journey
async def test_processes_are_filtered_live_and_sorted() -> None:
    async with opened(PROCESSES) as (pilot, _):
        rows = await type_keys(pilot, "slash", *"ben")
        assert any("bash -l" in row for row in rows)
        assert not any("train.py" in row for row in rows)
        rows = await type_keys(pilot, "enter", "escape")
        assert any("train.py" in row for row in rows)
        rows = await type_keys(pilot, "greater_than_sign")
        assert any("▾" in row and "mem" in row for row in rows)


@journey
async def test_keys_typed_right_behind_the_slash_go_into_the_filter() -> None:
    async with opened(PROCESSES) as (pilot, app):
        for letter in "/xtn":
            app.post_message(events.Key("slash" if letter == "/" else letter, letter))
        for _ in range(4):
            await pilot.pause()
        assert screen(app).processes.needle == "xtn"
        assert app.said == []
        assert app.screen is screen(app)


@journey
async def test_a_signal_names_its_victim_and_needs_y() -> None:
    async with opened(PROCESSES) as (pilot, app):
        rows = await type_keys(pilot, "x")
        text = "\n".join(rows)
        assert "4100 python3" in text
        assert "anna" in text
        assert "started" in text
        rows = await type_keys(pilot, "k")
        assert any("Send KILL to 4100 python3 on dgx04?" in row for row in rows)
        assert app.link.calls("host.signal") == []
        await type_keys(pilot, "enter")
        assert app.link.calls("host.signal") == []
        await type_keys(pilot, "x", "t", "y")
        assert app.link.calls("host.signal") == [{"host": "dgx04", "pid": 4100, "start_ticks": 41000, "signal": "TERM"}]
        assert app.said == ["sent"]


@journey
async def test_the_victim_is_frozen_while_the_question_is_open() -> None:
    async with opened(PROCESSES) as (pilot, app):
        await type_keys(pilot, "x", "t")
        app.link.detail = detail(sample=sample(processes=msgspec.structs.replace(TABLE, top=(process(1),))))
        app.tick()
        await type_keys(pilot, "y")
        assert app.link.calls("host.signal")[0]["pid"] == 4100


@journey
async def test_a_refused_signal_is_said_with_its_hint() -> None:
    async with opened(PROCESSES) as (pilot, app):
        app.link.refuse["host.signal"] = SkipHost("another process has that pid now", hint="look again")
        await type_keys(pilot, "x", "i", "y")
        assert app.said == ["another process has that pid now — look again"]


@journey
async def test_renice_takes_only_priorities() -> None:
    async with opened(PROCESSES) as (pilot, app):
        await type_keys(pilot, "n", "backspace", *"99", "enter")
        assert app.said == ["99 is not a priority: -20 … 19"]
        await type_keys(pilot, "n", "backspace", *"10", "enter", "y")
        assert app.link.calls("host.renice") == [{"host": "dgx04", "pid": 4100, "start_ticks": 41000, "nice": 10}]


@journey
async def test_nothing_is_changed_read_only_or_on_a_host_that_is_away() -> None:
    async with opened(PROCESSES, read_only=True) as (pilot, app):
        await type_keys(pilot, "x")
        assert app.said == ["signal: read-only"]
    async with opened(PROCESSES, FakeLink(detail(state=HostState.UNREACHABLE))) as (pilot, app):
        await type_keys(pilot, "x")
        assert app.said == ["signal: the host cannot be reached"]


@journey
async def test_an_unknown_key_is_accepted_after_showing_its_fingerprint() -> None:
    link = FakeLink(detail(state=HostState.HOST_KEY_UNKNOWN, sample=None, facts=None, offered_key=OFFERED))
    async with opened(link=link) as (pilot, app):
        assert any("SHA256:new" in row for row in shown(app.screen))
        rows = await type_keys(pilot, "A")
        assert any("SHA256:new" in row for row in rows)
        await type_keys(pilot, "y")
        assert link.calls("hosts.accept_key") == [{"host": "dgx04", "fingerprint": "SHA256:new"}]


@journey
async def test_a_changed_key_wants_the_hosts_name_typed() -> None:
    offered = msgspec.structs.replace(OFFERED, changed=True, known_fingerprint="SHA256:old")
    link = FakeLink(detail(state=HostState.HOST_KEY_CHANGED, offered_key=offered))
    async with opened(link=link) as (pilot, _):
        await type_keys(pilot, "A", "y", "enter")
        assert link.calls("hosts.accept_key") == []
        await type_keys(pilot, "backspace", *"dgx04", "enter")
        assert len(link.calls("hosts.accept_key")) == 1


@journey
async def test_a_host_that_is_down_golden() -> None:
    shown_detail = detail(
        state=HostState.UNREACHABLE,
        row_reason="timeout (ssh) after 5 s",
        row_hint="R tries again now",
        row_retry_at=NOW + 12.0,
        now=NOW + 200.0,
    )
    async with opened("cpu", FakeLink(shown_detail)) as (_, app):
        golden.check("host-unreachable-80x24", shown(app.screen))


@journey
async def test_a_host_that_the_engine_does_not_know_says_so() -> None:
    link = FakeLink()
    link.refuse["host.get"] = SkipHost("no host is called dgx04", hint="`swarm-tui hosts list` shows all")
    async with opened(link=link) as (_, app):
        text = "\n".join(shown(app.screen))
        assert "no host is called dgx04" in text
        assert "→ `swarm-tui hosts list` shows all" in text


@journey
async def test_ascii_draws_nothing_else() -> None:
    async with opened(ascii_only=True) as (pilot, app):
        for _ in range(12):
            rows = await type_keys(pilot, "right_square_bracket")
            assert [row for row in rows if not row.isascii()] == [], screen(app).choice.tab


@journey
async def test_unchanged_values_repaint_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (pilot, app):
        painted: list[Any] = []
        body = screen(app).list
        monkeypatch.setattr(body, "refresh", lambda *regions, **_: painted.extend(regions))
        app.tick()
        await pilot.pause()
        assert painted == []
        app.link.detail = detail(sample=sample(clock_offset_seconds=0.5, memory=None))
        app.tick()
        await pilot.pause()
        assert 0 < len(painted) < 8


@journey
async def test_copying_says_what_was_copied() -> None:
    async with opened(PROCESSES) as (pilot, app):
        await type_keys(pilot, "y", "s")
        assert app.copied == "ssh -J bastion root@10.0.0.11"
        await type_keys(pilot, "y", "r")
        assert app.copied.startswith("4100 anna R 264")


@journey
async def test_hostile_text_neither_ends_the_console_nor_reaches_the_terminal() -> None:
    names = ("[/x]", "[@click=app.quit]x[/]", "kworker[0]", "\\[", "日本語プロセス")
    table = msgspec.structs.replace(
        TABLE,
        top=tuple(process(index, name=name, command=name, user=name) for index, name in enumerate(names)),
    )
    shown_detail = detail(row_reason="[/y]", sample=sample(processes=table, missing={"[/z]": "[bold]"}))
    async with opened(link=FakeLink(shown_detail)) as (pilot, app):
        for _ in range(12):
            await type_keys(pilot, "right_square_bracket")
            if screen(app).choice.tab == PROCESSES:
                text = "\n".join(shown(app.screen))
                assert all(name in text for name in names)
                await type_keys(pilot, "x", "escape")
        await type_keys(pilot, "d")
        assert "[/z]" in "\n".join(shown(app.screen))


@journey
async def test_a_host_in_a_maintenance_run_says_whose_and_what_is_done_there() -> None:
    link = FakeLink()
    link.held = (
        Held(host="dgx05", run="r-2", name="other", who="ben"),
        Held(host="dgx04", run="r-1", name="monthly", who="anna", stage=Stage.WORKING, text="5 of 8 packages"),
    )
    async with opened(link=link) as (_, app):
        text = "\n".join(shown(app.screen))
        assert "in run monthly of anna: in work, 5 of 8 packages; 5 shows it" in text
        assert "other" not in text


@journey
async def test_an_engine_without_runs_is_no_trouble_of_the_host() -> None:
    link = FakeLink()
    link.refuse["runs.held"] = SkipHost("a replay has no maintenance runs")
    async with opened(link=link) as (_, app):
        text = "\n".join(shown(app.screen))
        assert "in run" not in text
        assert "replay" not in text
