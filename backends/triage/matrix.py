"""Several hosts × the nine steps, the odd ones first: what all have in common is seldom what ails one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from backends.metrics.sample import Record
from backends.triage.model import TITLES, Bundle, StepState, Strip


class Row(Record, frozen=True, kw_only=True):
    """One host."""

    host: str
    states: tuple[StepState | None, ...]
    """Of the steps 1–9; None: not made."""
    strip: Strip | None = None
    reason: str = ""
    """Why there is no bundle."""
    oddness: float = 0.0
    """0 when every step came to what it came to on every other host; at most 45."""


class Matrix(Record, frozen=True, kw_only=True):
    """All of them."""

    rows: tuple[Row, ...]
    """The oddest first; hosts without a bundle before all."""
    columns: tuple[int, ...]
    """Numbers of the steps that are not OK everywhere, the one in which hosts differ most first, then the others."""


def matrix(bundles: Sequence[Bundle], failed: Mapping[str, str] | None = None) -> Matrix:
    """The matrix.

    Args:
        bundles: one a host.
        failed: host → why it gave none.
    """
    states = {each.host: _states(each) for each in bundles}
    columns = [Counter(row[index] for row in states.values()) for index in range(len(TITLES))]
    rows = [
        Row(host=each.host, states=states[each.host], strip=each.strip, oddness=_oddness(states[each.host], columns))
        for each in bundles
    ]
    rows.sort(key=lambda row: (-row.oddness, -(row.strip.severity.rank if row.strip else 0), row.host))
    absent = [
        Row(host=host, states=(None,) * len(TITLES), reason=reason) for host, reason in sorted((failed or {}).items())
    ]
    order = sorted(range(len(TITLES)), key=lambda index: (-_spread(columns[index], len(bundles)), index))
    return Matrix(rows=(*absent, *rows), columns=tuple(index + 1 for index in order))


def _states(bundle: Bundle) -> tuple[StepState | None, ...]:
    by_number = {step.number: step.state for step in bundle.steps}
    return tuple(by_number.get(number) for number in range(1, len(TITLES) + 1))


def _oddness(states: Sequence[StepState | None], columns: Sequence[Counter[StepState | None]]) -> float:
    """Each step counts by how few share its state, and more the worse it is."""
    total = 0.0
    for state, column in zip(states, columns, strict=True):
        share = column[state] / max(1, sum(column.values()))
        total += (1.0 - share) * (1 + (state.rank if state is not None else 0))
    return round(total, 3)


def _spread(column: Counter[StepState | None], hosts: int) -> float:
    """0 where all are OK; small where all are alike; up to 2 where they differ."""
    bad = hosts - column[StepState.OK]
    if not bad:
        return 0.0
    return 1.0 - max(column.values()) / hosts + bad / (1000.0 * hosts)
