"""How sets and repositories stand, from what the catalog knows: nobody is asked, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.backups.catalog import Catalog
from backends.backups.forecast import full_in_days, growth
from backends.backups.model import Archive, Cause, Repository, Task, Transport
from backends.backups.schedule_age import age
from backends.backups.trust import said
from backends.backups.views import RepositoryStatus, SetStatus

DAY = 86400.0
GROWTH_DAYS = 30.0
"""A set's growth is what its archives of these days brought."""


class Statuses:
    """Looks into the catalog.

    Args:
        held_until: when the hold of a repository ends; None: nothing is held.
        frozen: why nothing is pruned there; "" when it may be.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        held_until: Callable[[Repository], float | None],
        frozen: Callable[[Repository], str],
    ):
        self._catalog, self._held_until, self._frozen = catalog, held_until, frozen

    def of_set(
        self,
        task: Task,
        transport: Transport,
        now: float,
        proof_seconds: float,
        *,
        job: str = "",
        problem: Cause | None = None,
    ) -> SetStatus:
        """One set of one host in one repository; its proof is stale after `proof_seconds`. Raises Stop."""
        archives = self.series(task)
        stands = age(task.set.every_seconds, archives, now)
        proof = self._catalog.proof(task.repository.key, task.set.name)
        stored = [each.deduplicated_bytes for each in archives if each.deduplicated_bytes is not None]
        return SetStatus(
            set=task.set.name,
            kind=task.set.kind,
            host=task.host,
            repository=task.repository.key,
            transport=transport,
            trust=said(transport),
            last=stands.last,
            archives=len(archives),
            due=stands.due,
            overdue=stands.overdue,
            stored_bytes=sum(stored) if stored else None,
            growth_bytes_per_day=_grown(archives, now),
            proof=proof,
            proof_stale=proof is None or not proof.ok or now - proof.time > proof_seconds,
            job=job,
            problem=problem,
        )

    def series(self, task: Task) -> tuple[Archive, ...]:
        """Complete archives that say how old a set is, the newest first: its own, or, of the dumps that it is made of, those
        of the one that is furthest behind. Raises Stop."""
        names = [task.set.name]
        if task.set.kind == "data" and not task.set.paths:
            names = [f"{task.set.name}+{dump.name}" for dump in task.set.dumps] or names
        found = [complete(self._catalog.archives(repository=task.repository.key, set=name)) for name in names]
        return min(found, key=lambda archives: archives[0].start if archives else 0.0)

    def of_repository(self, repository: Repository, now: float, problem: Cause | None = None) -> RepositoryStatus:
        """One repository. Raises Stop."""
        key, catalog = repository.key, self._catalog
        archives, sizes = catalog.archives(repository=key), catalog.sizes(key)
        last = sizes[-1] if sizes else None
        escrow, fingerprint = catalog.escrow(key), catalog.note(key, "fingerprint")
        free = None if last is None or last.free_bytes is None else max(0, last.free_bytes - repository.reserve_bytes)
        ours = {removal.archive_id for removal in catalog.removals(key)}
        return RepositoryStatus(
            key=key,
            name=repository.name,
            host=repository.host,
            location=repository.location,
            secrets=repository.secrets,
            made=True if catalog.note(key, "id") else None,
            encryption=catalog.note(key, "encryption"),
            archives=len(archives),
            stored_bytes=last.stored_bytes if last else None,
            original_bytes=_sum(archives),
            growth_bytes_per_day=growth(sizes),
            free_bytes=free,
            full_in_days=full_in_days(sizes, last.free_bytes if last else None, repository.reserve_bytes),
            escrow=escrow,
            key_changed=bool(escrow and fingerprint and fingerprint != escrow.fingerprint),
            check=catalog.last_check(key),
            verified=catalog.last_check(key, ("data",)),
            pruned=sum(gone.archive.id in ours for gone in catalog.gone(key)),
            compact_at=self._held_until(repository),
            frozen=self._frozen(repository),
            problem=problem,
        )


def complete(archives: Sequence[Archive]) -> tuple[Archive, ...]:
    """Without checkpoints, which interrupted backups leave."""
    return tuple(each for each in archives if ".checkpoint" not in each.name)


def _grown(archives: Sequence[Archive], now: float) -> float | None:
    """Bytes a day that the archives of the last weeks brought, without the first one, which brought everything."""
    recent = [each for each in archives[:-1] if now - each.start <= GROWTH_DAYS * DAY]
    brought = [each.deduplicated_bytes for each in recent if each.deduplicated_bytes is not None]
    if not brought:
        return None
    days = max(1.0, (now - archives[len(recent)].start) / DAY) if len(archives) > len(recent) else 1.0
    return sum(brought) / days


def _sum(archives: Sequence[Archive]) -> int | None:
    known = [each.original_bytes for each in archives if each.original_bytes is not None]
    return sum(known) if known else None
