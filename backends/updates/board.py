"""Runs of updates as they are shown: each by itself, and those of one maintenance run as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.metrics.sample import Record
from backends.updates.model import Outcome, Progress, Stage


class BoardHost(Record, frozen=True, kw_only=True):
    """One host of a run, as it is shown."""

    host: str
    stage: Stage
    progress: Progress
    outcome: Outcome | None = None
    began: float | None = None
    ended: float | None = None
    text: str = ""


class Board(Record, frozen=True, kw_only=True):
    """One run now."""

    id: str
    title: str
    plan_id: str
    plan_hash: str
    who: str
    created: float
    finished: bool
    version: int
    hosts: tuple[BoardHost, ...]

    def count(self, *stages: Stage) -> int:
        """Hosts in one of these stages."""
        return sum(1 for host in self.hosts if host.stage in stages)


def folded(pairs: Iterable[tuple[str, Board]]) -> tuple[Board, ...]:
    """The newest first, the boards of one group as one. `pairs`: group ("": none) and board."""
    alone: list[Board] = []
    groups: dict[str, list[Board]] = {}
    for group, board in pairs:
        if group:
            groups.setdefault(group, []).append(board)
        else:
            alone.append(board)
    made = [*alone, *(merged(group, boards) for group, boards in groups.items())]
    return tuple(sorted(made, key=lambda board: -board.created))


def merged(group: str, boards: Sequence[Board]) -> Board:
    """At least one board as one; a host that was tried again stands there as it does in its newest."""
    ordered = sorted(boards, key=lambda board: board.created)
    hosts = {host.host: host for board in ordered for host in board.hosts}
    newest = ordered[-1]
    return Board(
        id=group,
        title=f"updates of maintenance run {group} on {len(hosts)} hosts",
        plan_id=newest.plan_id,
        plan_hash=newest.plan_hash,
        who=newest.who,
        created=ordered[0].created,
        finished=all(board.finished for board in ordered),
        version=sum(board.version + 1 for board in ordered),
        hosts=tuple(hosts.values()),
    )
