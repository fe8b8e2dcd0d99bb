"""Backups that are not like the ones before: much that is new, changed or gone, or data that no longer compress.

The band is learned for each set in each repository from its last backups, by median and median deviation, which one odd
backup does not move. Its width has floors, so that a set that hardly ever changes does not alarm at the first edit. An
archive outside its band is kept like any other; only pruning is frozen, because it would remove the good ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from backends import decoding, units
from backends.backups.alarms import Alarm, Alarms
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Figures
from backends.backups.model import Task
from backends.clock import Clock
from backends.metrics.sample import Record

FEWEST = 5
"""Backups from which a band is learned."""
LATEST = 30
"""Older ones are not asked."""
SPREADS = 6.0
"""Half the width of a band, in standard deviations as the median deviation tells them."""
_SIGMA = 1.4826
"""Median deviation → standard deviation."""
SHARE = 0.1
"""A change of less than this share of the whole set is no anomaly, however steady it was before."""
LEAST_FILES, LEAST_BYTES, LEAST_RATIO = 10, 1 << 20, 0.1


class Band(Record, frozen=True, kw_only=True):
    """Where a measure usually is."""

    low: float
    usual: float
    high: float
    backups: int
    """From how many."""


class Anomaly(Record, frozen=True, kw_only=True):
    """A measure outside its band."""

    measure: str
    """ "new bytes", "files added", "files changed", "files removed", "files", "compressibility"."""
    value: float
    band: Band
    text: str
    """One sentence with the numbers."""


class _Measure(Record, frozen=True, kw_only=True):
    name: str
    of: Callable[[Figures], float | None]
    floor: Callable[[Sequence[Figures]], float]
    """Half the least width."""
    high: bool = True
    """More than usual is odd …"""
    low: bool = False
    """… or less."""
    text: Callable[[float], str]


class Anomalies:
    """Judges each new archive by the figures of those before it, and freezes pruning when one is odd."""

    def __init__(self, catalog: Catalog, alarms: Alarms, clock: Clock):
        self._catalog, self._alarms, self._clock = catalog, alarms, clock

    def seen(self, task: Task, figures: Figures) -> tuple[Anomaly, ...]:
        """A backup was made: judge it, remember its figures, raise the alarm when it is odd. Raises Stop."""
        key, name = task.repository.key, task.set.name
        history = self._catalog.figures(key, name, LATEST)
        found = judge(history, figures, self._accepted(key, name))
        self._catalog.observe(key, name, figures)
        if found:
            text = f"{name} of {task.host}: {'; '.join(each.text for each in found)}"
            self._alarms.freeze(key, [Alarm(code="anomaly", set=name, text=text, since=figures.time)])
        return found

    def release(self, repository: str, who: str) -> tuple[Alarm, ...]:
        """Somebody says that all is well: pruning goes on, and figures like these are no anomaly any more.

        Raises:
            BadInput: nothing is frozen there.
        """
        released = self._alarms.release(repository, who)
        for name in {alarm.set for alarm in released if alarm.code == "anomaly"}:
            times = [each.time for each in self._since(repository, name, released)]
            accepted = [*self._accepted(repository, name), *times][-LATEST:]
            self._catalog.set_note(repository, f"accepted {name}", msgspec.json.encode(accepted).decode())
        return released

    def _since(self, repository: str, name: str, released: Sequence[Alarm]) -> list[Figures]:
        began = min(alarm.since for alarm in released if alarm.set == name)
        return [each for each in self._catalog.figures(repository, name, LATEST) if each.time >= began]

    def _accepted(self, repository: str, name: str) -> tuple[float, ...]:
        said = self._catalog.note(repository, f"accepted {name}")
        return decoding.json(said, type=tuple[float, ...]) if said else ()


def judge(history: Sequence[Figures], now: Figures, accepted: Sequence[float] = ()) -> tuple[Anomaly, ...]:
    """What is odd about a backup.

    Args:
        history: figures of the backups of the same set in the same repository before it, in any order.
        now: its own.
        accepted: times of backups that were odd and of which somebody said that they are well: they widen the band.

    Returns:
        nothing when there are too few before it.
    """
    found = (_judged(measure, history, now, frozenset(accepted)) for measure in MEASURES)
    return tuple(anomaly for anomaly in found if anomaly is not None)


def _judged(measure: _Measure, history: Sequence[Figures], now: Figures, accepted: frozenset[float]) -> Anomaly | None:
    value = measure.of(now)
    learned = band(measure, history, accepted)
    if value is None or learned is None:
        return None
    if not ((measure.high and value > learned.high) or (measure.low and value < learned.low)):
        return None
    usual = f"{measure.text(learned.low)} to {measure.text(learned.high)} by the {learned.backups} backups before"
    text = f"{measure.name} {measure.text(value)}, usual are {usual}"
    return Anomaly(measure=measure.name, value=value, band=learned, text=text)


def band(measure: _Measure, history: Sequence[Figures], accepted: frozenset[float]) -> Band | None:
    """Where a measure usually is; None when there are too few that tell it."""
    known = [(each.time, value) for each in history if (value := measure.of(each)) is not None]
    if len(known) < FEWEST:
        return None
    values = [value for _, value in known]
    usual = median(values)
    deviation = median(abs(value - usual) for value in values)
    half = max(SPREADS * _SIGMA * deviation, measure.floor(history))
    welcome = [value for time, value in known if time in accepted]
    return Band(
        low=max(0.0, min(usual - half, *welcome, usual)),
        usual=usual,
        high=max(usual + half, *(value * (1 + SHARE) for value in welcome), usual),
        backups=len(values),
    )


def _share_of_files(history: Sequence[Figures]) -> float:
    return max(LEAST_FILES, SHARE * _middle([each.files for each in history]))


def _share_of_bytes(history: Sequence[Figures]) -> float:
    return max(LEAST_BYTES, SHARE * _middle([each.original_bytes for each in history]))


def _share_of_ratio(history: Sequence[Figures]) -> float:
    return max(LEAST_RATIO, SHARE * _middle([each.ratio for each in history]))


def _middle(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return median(known) if known else 0.0


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


MEASURES = (
    _Measure(name="new bytes", of=lambda each: each.deduplicated_bytes, floor=_share_of_bytes, text=units.size),
    _Measure(name="files added", of=lambda each: each.added, floor=_share_of_files, text=_count),
    _Measure(name="files changed", of=lambda each: each.modified, floor=_share_of_files, text=_count),
    _Measure(name="files removed", of=lambda each: each.removed, floor=_share_of_files, text=_count),
    _Measure(name="files", of=lambda each: each.files, floor=_share_of_files, high=False, low=True, text=_count),
    _Measure(
        name="compressibility", of=lambda each: each.ratio, floor=_share_of_ratio, high=False, low=True, text=_ratio
    ),
)
"""What is looked at. Fewer new bytes than usual, or data that compress better, are nobody's worry."""
