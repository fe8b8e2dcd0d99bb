"""A plan as a contract: host plans → one fleet plan with a hash, grouped by identical change set, compared and kept as JSON.

Pure. Approval names the hash; applying refuses when the host's own simulation no longer gives what was approved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from backends import decoding
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.updates.model import Caution, Change, ChangeSet, HostPlan, Plan, Selection

FORMAT = 1
"""Of the plan file; a file of another format is refused, never guessed at."""
MOST_BYTES = 64 << 20
"""Of a plan file: 1,000 hosts × 150 packages are about 30 MB."""

Key = tuple[str, str, str, str]
"""name, kind, installed, candidate: what makes two changes the same."""


class Difference(Record, frozen=True, kw_only=True):
    """What a new simulation would do otherwise than the approved one."""

    added: tuple[Change, ...] = ()
    gone: tuple[Change, ...] = ()
    moved: tuple[tuple[Change, Change], ...] = ()
    """The same package with other versions: (approved, now)."""
    blocked: tuple[Caution, ...] = ()
    """What now forbids applying."""

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.moved or self.blocked)

    def sentence(self) -> str:
        """One line for a person: "2 more (a, b), 1 gone (c), 1 other version (d 1.2 instead of 1.1)"."""
        parts = [
            _counted(len(self.added), "more", (change.name for change in self.added)),
            _counted(len(self.gone), "gone", (change.name for change in self.gone)),
            _counted(
                len(self.moved),
                "other version" + ("s" if len(self.moved) > 1 else ""),
                (f"{now.name} {now.candidate or 'removed'} instead of {then.candidate}" for then, now in self.moved),
            ),
            *(caution.text for caution in self.blocked),
        ]
        return ", ".join(part for part in parts if part)


class _File(Record, frozen=True, kw_only=True):
    """The plan file."""

    format: int
    plan: Plan


def build(plan_id: str, created: float, author: str, selection: Selection, hosts: Iterable[HostPlan]) -> Plan:
    """The fleet's plan; hosts in the order of their names."""
    ordered = tuple(sorted(hosts, key=lambda host: host.host))
    return Plan(id=plan_id, created=created, author=author, selection=selection, hosts=ordered, hash=digest(ordered))


def digest(hosts: Sequence[HostPlan]) -> str:
    """SHA-256 in hex over what would be done where: hosts, change sets, arguments and whole commands."""
    what = [(host.host, host.manager, host.change_set, host.arguments, host.command, host.error) for host in hosts]
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()


def groups(plan: Plan) -> tuple[ChangeSet, ...]:
    """The hosts with something to do, grouped by identical change set, the largest group first."""
    found: dict[tuple[object, ...], list[HostPlan]] = {}
    for host in plan.hosts:
        if host.changes and not host.error:
            found.setdefault((host.manager, *host.change_set), []).append(host)
    sets = [_change_set(hosts) for hosts in found.values()]
    return tuple(sorted(sets, key=lambda group: (-len(group.hosts), group.hosts)))


def _change_set(hosts: list[HostPlan]) -> ChangeSet:
    first = hosts[0]
    reboots = {host.reboot for host in hosts}
    return ChangeSet(
        hosts=tuple(host.host for host in hosts),
        changes=first.changes,
        download_bytes=max((host.download_bytes for host in hosts if host.download_bytes is not None), default=None),
        reboot=True if True in reboots else None if None in reboots else False,
        warnings=tuple(dict.fromkeys(caution for host in hosts for caution in host.warnings)),
    )


def difference(approved: HostPlan, now: HostPlan) -> Difference:
    """What `now` would do otherwise. An error of the new simulation is something that blocks."""
    then, later = _by_package(approved.changes), _by_package(now.changes)
    return Difference(
        added=tuple(change for key, change in later.items() if key not in then),
        gone=tuple(change for key, change in then.items() if key not in later),
        moved=tuple(
            (change, later[key]) for key, change in then.items() if key in later and _other(change, later[key])
        ),
        blocked=(*_error(now), *(caution for caution in now.warnings if caution.blocks)),
    )


def _by_package(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    return {(change.name, change.architecture): change for change in changes}


def _other(then: Change, now: Change) -> bool:
    return (then.kind, then.installed, then.candidate) != (now.kind, now.installed, now.candidate)


def _error(plan: HostPlan) -> tuple[Caution, ...]:
    return (Caution(kind="plan-error", text=plan.error, blocks=True),) if plan.error else ()


def _counted(count: int, word: str, names: Iterable[str]) -> str:
    shown = list(names)
    more = f", … {count - 6} more" if count > 6 else ""
    return f"{count} {word} ({', '.join(shown[:6])}{more})" if count else ""


def encode(plan: Plan) -> bytes:
    """The plan file: JSON that a person can read and keep with a change record."""
    return msgspec.json.format(msgspec.json.encode(_File(format=FORMAT, plan=plan)), indent=1) + b"\n"


def decode(data: bytes, place: str) -> Plan:
    """A plan from its file.

    Raises:
        BadInput: not a plan, of another format, or changed since it was written (the hash tells).
    """
    if len(data) > MOST_BYTES:
        raise BadInput(f"{place} is larger than any plan", action="read a plan")
    try:
        file = decoding.json(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{place} is not a plan: {error}", action="read a plan", hint="swarm-tui updates plan"
        ) from error
    if file.format != FORMAT:
        raise BadInput(f"{place} has plan format {file.format}, this is {FORMAT}", action="read a plan")
    if digest(file.plan.hosts) != file.plan.hash:
        hint = "make a new plan; what was approved is not what stands there now"
        raise BadInput(f"{place} was changed after it was made: its hash does not fit", action="read a plan", hint=hint)
    return file.plan
