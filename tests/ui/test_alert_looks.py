"""Whatever hosts, rules, targets and colleagues write: every screen about alerts lives, in any width and in plain ASCII."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.alerts.views import Handover, OutboxView
from swarm_tui.screens import dialog
from tests.ui.alerts_engine import ALERTS, DISK, PREVIEW, XID, AlertsSeat, at_alerts
from tests.ui.host_console import journey
from tests.ui.test_hostile import NASTY, assert_safe
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import NOW

TOUR = (
    (), ("j",), ("right_square_bracket",), ("space", "v", "j", "v"), ("A",), (*"x", "enter"), ("z",), ("escape", "escape", "s"),
    ("right", "down", "right", "down", "down"), (*"x", "enter"), ("u",), ("y",), ("M",), ("right", *"x", "enter"), ("e",),
    ("y",), ("r",), ("escape", "y"), ("a",), ("u",), ("u",), ("y", "right_square_bracket"), ("v", "j", "v"),
    ("right_square_bracket",), ("enter",), ("escape", "escape"), ("S",), ("x",), ("escape", "y"), ("escape", "o"), ("right_square_bracket",), ("enter",), ("escape", "T"),
    ("escape", "y"), ("r",), ("escape", "H"), ("w",), ("escape", "E"), ("escape", "y"), ("escape", "slash", *"a", "enter"),
    ("escape", "g", "enter"), ("y",), ("escape",),
)  # fmt: skip
"""Keys that lead through every screen and dialog about alerts."""
SCREENS = {
    "AlertsScreen",
    "AlertScreen",
    "OutboxScreen",
    "SilencesScreen",
    "HandoverScreen",
    "SilenceForm",
    "MuteForm",
    "Menu",
    "AskLine",
    "Confirm",
}


@pytest.fixture(autouse=True)
def _no_type_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 0.0)


def soil(seat: AlertsSeat, text: str) -> None:
    """Every word that the engine says is this one."""
    desk = seat.desk
    ack = replace(data.ACK, by=text, note=text)
    words = {
        "rule": text,
        "title": text,
        "host": text,
        "object": text,
        "text": text,
        "advice": text,
        "evidence": (text,),
    }
    nasty = replace(DISK, **words, ack=ack, silenced=(text, "s1"), inhibited=text, muted=text, notified=(text,))
    desk.show(replace(DISK, **words), nasty, replace(XID, **words))
    desk.silences = (replace(data.SILENCE, rule=text, select=text, object=text, by=text, comment=text),)
    desk.mutes = (replace(data.MUTE, hosts=(text, "b"), by=text, comment=text),)
    desk.more = {"problem": text, "hints": (text,)}
    dead = replace(
        data.DEAD, target=text, title=text, reason=text, hosts=(text,), fingerprints=(text,), by=text, kind=text
    )
    target = replace(data.TARGETS[1], name=text, place=text, reason=text)
    desk.outbox = OutboxView(rows=(dead, data.SENT), targets=(target, data.TARGETS[0]), problem=text)
    seat.answer("alerts.handover", lambda _: Handover(markdown=f"# {text}\n{text}"))
    seat.answer("alerts.silence_preview", lambda _: replace(PREVIEW, examples=(text,)))
    edge = replace(data.EDGES[0], text=text, by=text, origin=text, rule=text, host=text)
    around = data.DETAIL.around
    assert around is not None
    event = replace(around.lanes["changes"][0], text=text, actor=text, host=text)
    cause = replace(around.causes[0], text=text)
    detail = replace(
        data.DETAIL,
        row=nasty,
        history=(edge,),
        deliveries=(dead,),
        source=text,
        limits=text,
        around=replace(around, lanes={"changes": (event,)}, causes=(cause,)),
    )
    seat.answer("alerts.get", lambda _: detail)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@pytest.mark.parametrize("name", sorted(NASTY))
@journey
async def test_every_place_shows_it_safely(name: str, size: tuple[int, int]) -> None:
    async with at_alerts(size=size, toasts=True) as seat:
        soil(seat, NASTY[name])
        await seat.later()
        for keys in TOUR:
            await seat.press(*keys)
            assert_safe(seat, keys)
        await seat.push(
            "event", id=1, time=NOW, kind="alert.fired", text=NASTY[name], host=NASTY[name], severity="critical"
        )
        assert_safe(seat, "toast")
        assert seat.app.return_value is None
        assert seat.app._exception is None


@pytest.mark.parametrize("size", [(60, 16), (100, 40), (200, 50)])
@journey
async def test_every_screen_in_plain_ascii_and_in_any_width(size: tuple[int, int]) -> None:
    async with at_alerts(*ALERTS, size=size, ascii=True, toasts=True) as seat:
        visited = set()
        for keys in TOUR:
            rows = await seat.press(*keys)
            visited.add(type(seat.app.screen).__name__)
            assert [row for row in rows if not row.isascii()] == [], keys
            assert_safe(seat, keys)
        assert visited >= SCREENS


@journey
async def test_a_terminal_that_changes_its_size_moves_the_details() -> None:
    async with at_alerts(size=(80, 20)) as seat:
        assert "free space" not in await seat.text()
        await seat.resize(140, 40)
        assert "free space" in "\n".join(await seat.later())
        await seat.resize(80, 40)
        assert "free space" in "\n".join(await seat.later())
        await seat.resize(80, 20)
        assert "free space" not in "\n".join(await seat.later())
