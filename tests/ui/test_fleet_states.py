"""The Fleet screen in every state of engine, configuration and hosts: it says why, and never a number that nobody measured."""

from __future__ import annotations

import msgspec

from backends.engine.wire import HostRow
from backends.errors import RetryLater
from backends.states import HostState, Severity
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import NOW, away, gpu_row, row


def many(count: int) -> list[HostRow]:
    return [row(f"n{number}", cpu_percent=float(number)) for number in range(count)]


@journey
async def test_a_fleet_without_problems_says_so() -> None:
    async with opened(many(2)) as seat:
        rows = await seat.press("exclamation_mark")
        assert "0 of 2 hosts have a problem — Esc shows all" in "\n".join(rows)
        assert "● all ok" in rows[0]


@journey
async def test_a_fleet_without_hosts_says_what_helps() -> None:
    async with opened([]) as seat:
        text = await seat.text()
        assert "No hosts are configured." in text
        assert "swarm-tui config sample" in text
        await seat.press("enter", "x", "s", "y", "space")
        assert seat.toasts()[0] == "open: no host here"
        assert (seat.dialog, seat.table.marks) == ("", set())


@journey
async def test_a_configuration_that_cannot_be_used_is_said_in_place_of_hosts() -> None:
    engine = MemoryEngine()
    engine.info = msgspec.structs.replace(engine.info, config_error="hosts.gpu1.port: got 0")
    async with opened(engine=engine) as seat:
        text = await seat.text()
        assert "The configuration cannot be used: hosts.gpu1.port: got 0" in text
        assert "the new configuration is not in use: hosts.gpu1.port: got 0" in text


@journey
async def test_before_the_first_picture_it_says_that_the_engine_starts() -> None:
    async with opened(held=True) as seat:
        text = await seat.text()
        assert "starting the engine" in text
        assert "no data yet" in text


@journey
async def test_no_engine_says_why_and_what_helps() -> None:
    engine = MemoryEngine()
    engine.gone = RetryLater("no engine answers at /run/x.sock", hint="start one: swarm-tui engine")
    async with opened(engine=engine) as seat:
        text = await seat.text()
        assert text.count("no engine answers at /run/x.sock — start one: swarm-tui engine") == 2
        engine.gone = None
        engine.put(row("a"))
        await seat.tick()
        assert seat.hosts == ["a"]
        assert "no engine" not in await seat.text()


@journey
async def test_what_was_not_measured_is_never_a_zero() -> None:
    async with opened([gpu_row("a", cpu_percent=None, memory_percent=None), row("b", cpu_percent=0.0)]) as seat:
        rows = await seat.look()
        assert rows[3].split()[-2:] == ["n/a", "n/a"]
        assert rows[4].split()[3:] == ["—", "—", "—", "0", "42"]


@journey
async def test_a_host_that_comes_up_shows_its_numbers() -> None:
    async with opened([away("a", HostState.CONNECTING, "", since=NOW - 3)]) as seat:
        assert "◌ connecting   connecting… 3s" in await seat.text()
        rows = await seat.put(row("a"))
        assert "● up" in rows[3]
        assert "connecting" not in rows[3]


@journey
async def test_a_host_that_is_down_says_why_and_counts_down_to_the_next_attempt() -> None:
    down = away("a", HostState.UNREACHABLE, "timeout (ssh)", since=NOW - 59, retry_at=NOW + 2)
    async with opened([down]) as seat:
        assert "✖ down 59s     timeout (ssh) · retry 2s" in await seat.text()
        rows = await seat.tick(2)
        assert "✖ down 1m      timeout (ssh) · retrying" in rows[3]


@journey
async def test_a_short_terminal_gives_up_the_second_line_of_the_header() -> None:
    async with opened(size=(80, 23)) as seat:
        assert (await seat.look())[1].startswith("  HOST")
        rows = await seat.resize(80, 24)
        assert "1 Fleet" in rows[1]


async def header_of(seat: Seat) -> str:
    return (await seat.look())[0]


@journey
async def test_the_header_says_whose_fleet_and_how_it_is() -> None:
    engine = MemoryEngine([row("a"), row("b", severity=Severity.WARNING), away("c", HostState.UNREACHABLE, "timeout")])
    engine.info = msgspec.structs.replace(engine.info, label="DEMO", read_only=True)
    async with opened(engine=engine, size=(120, 24)) as seat:
        header = await header_of(seat)
        for part in ("swarm lab", "DEMO", "READ-ONLY", "ops", "2/3 up", "✖ 1 critical", "▲ 1 warning", "08:00"):
            assert part in header


@journey
async def test_a_picture_that_does_not_come_any_more_shows_its_age() -> None:
    async with opened(many(1)) as seat:
        seat.engine.gone = RetryLater("the engine does not answer")
        await seat.tick(9)
        assert "9s old" in await header_of(seat)
