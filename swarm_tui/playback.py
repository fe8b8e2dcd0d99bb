"""Steering a replay: pause, speed, and jumps in recorded time. A live fleet has none of it, and says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time

from backends.clock import utc
from backends.engine.wire import ReplayPosition
from backends.errors import BadInput
from backends.units import clock_span
from swarm_tui.picture import Picture
from swarm_tui.present import chrome
from swarm_tui.present.line import Line

STEP_SECONDS = 10.0
"""How far one key jumps."""
SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
"""The speeds that + and - walk through while a recording is played; 120 is the most that the engine takes."""
NO_REPLAY = "no recording is played"
USAGE = "seek 90, seek 1:30 (from its start), seek +30, seek -1:00, seek 14:05:30 (time of day)"

_AMOUNT = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6}(?:\.\d+)?)s?")


def amount(text: str) -> float:
    """Seconds of "90", "1:30" or "1:02:03". Raises BadInput."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise BadInput(f"not a time: {text[:20]!r}", action="seek", hint=USAGE)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def target(text: str, at: ReplayPosition) -> float:
    """The recorded moment (epoch seconds) that a person means. Raises BadInput.

    Args:
        text: "+30" and "-1:00" from here, "1:30" from the recording's start, "14:05:30" a time of day within it.
        at: where the replay stands.
    """
    if text[:1] in ("+", "-"):
        return at.position + (-amount(text[1:]) if text[0] == "-" else amount(text[1:]))
    if re.fullmatch(r"\d{1,2}:\d\d:\d\d", text) and (moment := _time_of_day(text, at)) is not None:
        return moment
    return at.start + amount(text)


def _time_of_day(text: str, at: ReplayPosition) -> float | None:
    """The moment within the recording at which the wall clock showed `text`; None when it never did."""
    day = utc(at.start).astimezone()
    try:
        wanted = time.fromisoformat(text.zfill(8))
    except ValueError:
        return None
    moment = datetime.combine(day.date(), wanted, tzinfo=day.tzinfo).timestamp()
    while moment < at.start - 1:
        moment += 86_400
    return moment if moment <= at.end + 1 else None


class Playback(Picture, inherit_bindings=False):
    """The part of the console that steers what is played."""

    _steered: ReplayPosition | None = None
    """What the engine answered to the last command; newer than `engine.info`, which is asked for every few seconds."""

    def replay(self) -> ReplayPosition | None:
        """Where the replay stands now; None for a live fleet."""
        info, fleet = self.link.info, self.link.fleet
        known = info.replay if info else None
        if known is None:
            return None
        return ReplayPosition(
            start=known.start,
            end=known.end,
            position=min(known.end, fleet.now if fleet.version >= 0 else known.position),
            speed=(self._steered or known).speed,
            paused=(self._steered or known).paused,
        )

    def steer(self, *, position: float | None = None, speed: float | None = None, paused: bool | None = None) -> None:
        """Tell the engine; what it makes of it is shown at once."""
        if self.replay() is None:
            self.say(NO_REPLAY, "warning")
            return
        given = {"position": position, "speed": speed, "paused": paused}
        params = {name: value for name, value in given.items() if value is not None}
        self.link.request("replay.seek", params, ReplayPosition, self._got_position, self.failed)

    def _got_position(self, at: ReplayPosition) -> None:
        self._steered = at
        self.refresh_screen()

    def action_replay_back(self) -> None:
        self._jump(-STEP_SECONDS)

    def action_replay_forward(self) -> None:
        self._jump(STEP_SECONDS)

    def _jump(self, seconds: float) -> None:
        at = self.replay()
        self.steer(position=at.position + seconds if at else None)

    def action_replay_pause(self) -> None:
        at = self.replay()
        self.steer(paused=not at.paused if at else None)

    def step_speed(self, step: int) -> None:
        """To the next or the previous of `SPEEDS`."""
        at = self.replay()
        nearest = min(range(len(SPEEDS)), key=lambda index: abs(SPEEDS[index] - (at.speed if at else 1.0)))
        self.steer(speed=SPEEDS[min(len(SPEEDS) - 1, max(0, nearest + step))])

    def seek(self, words: Sequence[str]) -> None:
        """The command `seek TIME`."""
        at = self.replay()
        if at is None or not words:
            self.say(NO_REPLAY if at is None else USAGE, "warning")
            return
        try:
            self.steer(position=target(words[0], at))
        except BadInput as error:
            self.failed(error)

    def banner(self) -> Line:
        """Below what is more urgent: where the replay stands and how to steer it."""
        urgent, at = super().banner(), self.replay()
        if urgent or at is None:
            return urgent
        return chrome.banner(_where(at), "banner-warn", self.size.width)


def _where(at: ReplayPosition) -> str:
    moment, length = clock_span(at.position - at.start), clock_span(at.end - at.start)
    way = "paused" if at.paused else "ended" if at.position >= at.end - 0.5 else f"{at.speed:g}×"
    return f"REPLAY {moment} of {length} — {way} — , . 10 s back, on — P pause — + - speed — :seek TIME"
