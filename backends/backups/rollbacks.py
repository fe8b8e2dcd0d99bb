"""Restores that their host takes back by itself unless somebody says that all is well, and what became of each.

The host holds the timer and the truth (`programs/place.py`); this remembers which host to ask. A record is written before the
timer is armed, so that an engine that is started anew knows about every one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from backends import decoding, paths
from backends.backups.placing import Placing, new_programs
from backends.backups.placing_model import Undone
from backends.clock import Clock
from backends.errors import BadInput, SkipHost, Stop, SwarmError
from backends.metrics.sample import Record
from backends.text import clean

FORMAT = 1
MOST = 200
"""Records; the oldest ended ones go first."""
SLACK_SECONDS = 5.0
LOGIN_TRIES_SECONDS = (2.0, 5.0)
"""Waits before a login that got no answer is tried again: the service was just told to read its file."""

LogIn = Callable[[str], str]
"""host → how a new login was let in. Raises SwarmError; SkipHost where there is none to try."""
Commands = tuple[tuple[tuple[str, ...], ...], ...]


class Rollback(Record, frozen=True, kw_only=True):
    """One restore with a timed rollback. Times are epoch seconds of the engine's clock."""

    format: int = FORMAT
    run: str
    host: str
    title: str
    who: str
    paths: tuple[str, ...] = ()
    """Escaped, the first of them."""
    armed: float = 0.0
    seconds: float = 0.0
    state: Literal["armed", "confirmed", "undone", "gone"] = "armed"
    """"gone": the host does not know it."""
    ended: float | None = None
    text: str = ""
    """Who confirmed it, why it was put back, why nobody could confirm it yet."""

    @property
    def deadline(self) -> float:
        """When the host puts the files back."""
        return self.armed + self.seconds


class Rollbacks:
    """The restores of all hosts that can still be taken back. Calls may come from any thread."""

    def __init__(self, folder: Path, placing: Callable[[str], Placing], clock: Clock, *, log_in: LogIn | None = None):
        self._folder, self._placing, self._clock = paths.private_dir(folder), placing, clock
        self._log_in = log_in or nowhere
        self._lock = threading.Lock()

    def expect(self, run: str, host: str, *, title: str, who: str, shown: Sequence[str], seconds: float) -> Rollback:
        """Write down that a rollback is about to be armed. Raises Stop: what is not written down must not be begun."""
        made = Rollback(
            run=run,
            host=host,
            title=title,
            who=who,
            paths=tuple(shown[:20]),
            armed=self._clock.now(),
            seconds=seconds,
        )
        self._keep(made)
        self._prune()
        return made

    def arm(self, run: str, reload: Commands) -> None:
        """Arm what `expect` wrote down; nothing of it is in place yet. Raises as `Placing.arm`."""
        known = self.of(run)
        placing = self._placing(known.host)
        placing.store(run, new_programs(run))
        placing.arm(run, known.seconds, reload)
        self._keep(msgspec.structs.replace(known, armed=self._clock.now()))

    def settle(self, run: str, *, in_effect: bool, wait: Callable[[float], object]) -> Rollback:
        """Confirm by ourselves when a new login works; else leave it to the operator, or to the timer.

        Args:
            run: id of the restore.
            in_effect: the services use the restored files by now; otherwise a login proves nothing.
            wait: lets seconds pass.
        """
        # the host counts from the end of the placement: there was nothing to look at before
        known = msgspec.structs.replace(self.of(run), armed=self._clock.now())
        self._keep(known)
        if not in_effect:
            return self._told(known, "the restored files are not in use yet; reload the service, look, then confirm")
        left = list(LOGIN_TRIES_SECONDS)
        while True:
            try:
                how = self._log_in(known.host)
                return self.confirm(run, f"the engine: a new login works ({clean(how, 100)})")
            except SkipHost as error:
                return self._told(known, f"no new login could be tried: {error.message}")
            except SwarmError as error:
                if not left:
                    return self._told(known, f"A NEW LOGIN FAILS: {error.message}")
            wait(left.pop(0))

    def confirm(self, run: str, who: str) -> Rollback:
        """All is well. Raises SkipHost when it was put back already, RetryLater when the host cannot be reached."""
        known = self.of(run)
        self._placing(known.host).confirm(run, who)
        return self._end(known, "confirmed", f"confirmed by {who}")

    def undo(self, run: str, who: str) -> Undone:
        """Put everything back at once. Raises as `confirm`."""
        known = self.of(run)
        found = self._placing(known.host).undo(run, who)
        self._end(known, "undone", f"put back by {found.by or who}")
        return found

    def refresh(self) -> tuple[Rollback, ...]:
        """Ask the hosts of those whose time is over what became of them; the ones that changed."""
        now = self._clock.now()
        due = [each for each in self.waiting() if each.deadline + SLACK_SECONDS <= now]
        return tuple(after for each in due if (after := self._asked(each)) != each)

    def waiting(self) -> tuple[Rollback, ...]:
        """Those of which it is not known that they ended, the most urgent first."""
        return tuple(sorted((each for each in self.all() if each.state == "armed"), key=lambda each: each.deadline))

    def all(self) -> tuple[Rollback, ...]:
        """Every record, the newest first; a damaged file is passed over."""
        found = [each for file in self._folder.glob("*.json") if (each := _read(file)) is not None]
        return tuple(sorted(found, key=lambda each: -each.armed))

    def of(self, run: str) -> Rollback:
        """One record. Raises BadInput."""
        found = _read(self._file(run))
        if found is None:
            raise BadInput(f"no restore {run[:80]!r} waits for a confirmation", hint="swarm-tui backup jobs")
        return found

    def _asked(self, known: Rollback) -> Rollback:
        try:
            state, _, undone = self._placing(known.host).status(known.run)
        except SkipHost as error:
            return self._end(known, "gone", error.message)
        except SwarmError as error:
            return self._told(known, f"the host cannot be asked: {error.message}")
        if undone is not None or state.undone:
            return self._end(known, "undone", f"put back by {undone.by if undone else 'the host'}")
        if state.confirmed:
            return self._end(known, "confirmed", "confirmed on the host")
        if state.armed is None:
            return self._end(known, "gone", "nothing was armed there")
        if state.armed < -SLACK_SECONDS:
            # a transient timer does not outlive a reboot, and a waiting process may be killed
            text = (
                "its time is over, but the host has not put the files back (was it rebooted?): confirm it, or undo it"
            )
            return self._told(known, text)
        return known

    def _told(self, known: Rollback, text: str) -> Rollback:
        after = msgspec.structs.replace(known, text=text)
        self._keep(after)
        return after

    def _end(self, known: Rollback, state: Literal["confirmed", "undone", "gone"], text: str) -> Rollback:
        after = msgspec.structs.replace(known, state=state, text=text, ended=self._clock.now())
        self._keep(after)
        return after

    def _keep(self, known: Rollback) -> None:
        file = self._file(known.run)
        try:
            with self._lock:
                paths.write_atomic(file, msgspec.json.encode(known))
        except OSError as error:
            raise Stop(
                f"it cannot be written down: {error.strerror}",
                host=known.host,
                action=f"write {file}",
                hint="free some space there; nothing is begun that is not written down",
            ) from error

    def _prune(self) -> None:
        for known in [each for each in self.all() if each.state != "armed"][MOST:]:
            self._file(known.run).unlink(missing_ok=True)

    def _file(self, run: str) -> Path:
        if not run or len(run) > 64 or not all(letter.isalnum() or letter in "-_" for letter in run):
            raise BadInput(f"not a run id: {run[:80]!r}")
        return self._folder / f"{run}.json"


def nowhere(host: str) -> str:
    """For engines without a way to log in."""
    raise SkipHost("there is no login to try here", host=host)


def _read(file: Path) -> Rollback | None:
    try:
        found = decoding.json(file.read_bytes(), type=Rollback)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.format == FORMAT and found.run == file.stem else None
