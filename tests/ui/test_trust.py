"""Journeys to trusting a host key from the fleet's list; and what a read-only console refuses."""

from __future__ import annotations

import msgspec
import pytest

from backends.errors import SkipHost
from backends.states import HostState
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.ui.memory_engine import INFO, MemoryEngine
from tests.unit.present.fleet_rows import fleet
from tests.unit.present.host_samples import OFFERED, detail


def engine() -> MemoryEngine:
    """key1 offers a new key, key2 a changed one."""
    found = MemoryEngine(fleet())
    for name, state in (("key1", HostState.HOST_KEY_UNKNOWN), ("key2", HostState.HOST_KEY_CHANGED)):
        changed = state is HostState.HOST_KEY_CHANGED
        offered = msgspec.structs.replace(OFFERED, host=name, changed=changed, fingerprint=f"SHA256:{name}")
        found.details[name] = detail(state, row_name=name, sample=None, offered_key=offered)
    return found


async def asked(seat: Seat, host: str) -> str:
    """The question about the host's key, from the action menu."""
    await seat.press("slash", *host, "enter", "x", "a")
    return await seat.text()


@journey
async def test_a_new_key_is_shown_with_its_fingerprint_and_y_trusts_exactly_that() -> None:
    async with opened(engine=engine()) as seat:
        text = await asked(seat, "key1")
        assert "Trust this host key of key1?" in text
        assert "SHA256:key1" in text
        await seat.press("y")
        assert seat.engine.asked("hosts.accept_key") == [{"host": "key1", "fingerprint": "SHA256:key1"}]
        assert seat.toasts() == ["key1: host key SHA256:key1 is trusted now, connecting"]


@journey
async def test_every_other_answer_trusts_nothing() -> None:
    async with opened(engine=engine()) as seat:
        for key in ("enter", "n", "escape"):
            assert "Trust this host key" in await asked(seat, "key1")
            await seat.press(key, "escape")
            assert (seat.dialog, seat.engine.asked("hosts.accept_key")) == ("", []), key


@journey
async def test_a_changed_key_wants_the_hosts_name_typed() -> None:
    async with opened(engine=engine()) as seat:
        text = await asked(seat, "key2")
        assert "The host key of key2 CHANGED. Trust the new one?" in text
        await seat.press("y", "enter")
        assert seat.toasts() == ["that is not it; Esc leaves"]
        assert seat.engine.asked("hosts.accept_key") == []
        await seat.press("backspace", *"key2", "enter")
        assert seat.engine.asked("hosts.accept_key") == [{"host": "key2", "fingerprint": "SHA256:key2"}]


@journey
async def test_a_key_that_was_decided_elsewhere_meanwhile_is_said() -> None:
    async with opened(engine=engine()) as seat:
        seat.engine.details["key1"] = detail(row_name="key1")
        await asked(seat, "key1")
        assert seat.toasts() == ["key1: no host key waits for a decision"]


@journey
async def test_a_refusal_of_the_engine_is_said() -> None:
    async with opened(engine=engine()) as seat:
        seat.engine.refuse["hosts.accept_key"] = SkipHost(
            "another key is offered by now", host="key1", hint="look again"
        )
        await asked(seat, "key1")
        await seat.press("y")
        assert seat.toasts() == ["key1: another key is offered by now — look again"]


def read_only_engine() -> MemoryEngine:
    found = engine()
    found.info = msgspec.structs.replace(INFO, read_only=True)
    return found


@pytest.mark.parametrize("by_engine", [True, False])
@journey
async def test_read_only_takes_every_changing_action_away_and_says_so(by_engine: bool) -> None:
    console = opened(engine=read_only_engine()) if by_engine else opened(engine=engine(), read_only=True)
    async with console as seat:
        rows = await seat.look()
        assert " READ-ONLY " in rows[0]
        text = "\n".join(await seat.press("slash", *"key1", "enter", "x"))
        assert "e  run a command        read-only" in text
        assert "a  accept the host key  read-only" in text
        await seat.press("e", "a", "escape")
        await seat.press("colon", *"exec key1 -- uptime", "enter")
        await seat.press("enter", "A", "escape")
        assert seat.toasts() == [
            "run a command: read-only",
            "accept the host key: read-only",
            "run a command: read-only",
            "accept key: read-only",
        ]
        changing = {"exec.start", "hosts.accept_key", "host.signal", "host.renice"}
        assert not changing & {method for method, _ in seat.engine.calls}


@journey
async def test_read_only_still_looks_polls_and_copies() -> None:
    async with opened(engine=engine(), read_only=True) as seat:
        await seat.press("R", "y", "h")
        assert seat.engine.asked("fleet.poll") == [{"hosts": ["key2"]}]
        assert seat.app.clipboard == "key2"
