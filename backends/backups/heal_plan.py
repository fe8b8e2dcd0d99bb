"""The plan of a healing: what is broken, where each intact copy comes from, every step with its exact Borg line. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from backends import units
from backends.backups.borg import check, create, delete, extract
from backends.backups.borg.check import Level
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import shown
from backends.backups.damage_model import Damage, Damaged
from backends.backups.model import Repository, archive_name
from backends.backups.views import HealPreview
from backends.metrics.sample import Record

HEAL = "heal"
"""Set name of the archives that bring chunks back; they are removed when they have done so."""
SCRATCH = "."
"""What is packed: everything in the scratch directory."""
_SHOWN = 200


class Step(Record, frozen=True, kw_only=True):
    """One step."""

    text: str
    line: str = ""
    """The exact Borg line, "" when it is not Borg's."""


class HealPlan(Record, frozen=True, kw_only=True):
    """How a repository would be healed; nothing was changed yet."""

    hash: str = ""
    """Names exactly this plan."""
    repository: str
    damage: Damage
    deep: bool
    """The damage is such that only reading every byte finds it; so does the repair."""
    archive: str
    """Name of the archive that brings the chunks back."""
    chunker: tuple[str, ...] = ()
    """How the damaged archives were cut into chunks: only cut in the same way does the same content give them again."""
    safety: str
    """Where the copy of the repository will be, on its own machine."""
    steps: tuple[Step, ...] = ()

    @property
    def healable(self) -> tuple[Damaged, ...]:
        """Files with an intact copy."""
        return tuple(each for each in self.damage.files if each.copies)

    @property
    def lost(self) -> tuple[Damaged, ...]:
        """Files of which nobody has an intact copy."""
        return tuple(each for each in self.damage.files if not each.copies)

    @property
    def names(self) -> tuple[str, ...]:
        """Keys of the repositories that it needs."""
        found = [copy.repository for each in self.damage.files for copy in each.copies if copy.repository]
        return tuple(dict.fromkeys([self.repository, *found]))

    @property
    def contents(self) -> dict[str, Damaged]:
        """sha256 of each content that is to be fetched → a file that has it."""
        return {copy.sha256: each for each in reversed(self.healable) for copy in each.copies}

    @property
    def bytes(self) -> int:
        """What is fetched."""
        return sum(each.size or 0 for each in self.contents.values())


def plan(
    damage: Damage,
    repositories: Sequence[Repository],
    dialect: Dialect,
    path: str,
    now: float,
    *,
    deep: bool,
    chunker: tuple[str, ...] = (),
) -> HealPlan:
    """Plan the healing of what `damage` found.

    Args:
        damage: from `Damages.locate`.
        repositories: the damaged one and those of its copies, for the lines.
        dialect: of the Borg that will do it.
        path: the repository's on its own machine.
        now: the time.
        deep: whether only reading every byte found the damage.
        chunker: how the damaged archives were cut into chunks; () is Borg's default.
    """
    stamp = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
    bare = HealPlan(
        repository=damage.repository,
        damage=damage,
        deep=deep,
        archive=archive_name(HEAL, stamp),
        chunker=chunker,
        safety=f"{path.rstrip('/')}.swarm-heal-{stamp}",
    )
    places = {each.key: each.location for each in repositories}
    whole = msgspec.structs.replace(bare, steps=tuple(_steps(bare, places, dialect)))
    digest = hashlib.sha256(msgspec.json.encode(whole)).hexdigest()
    return msgspec.structs.replace(whole, hash=digest)


def repair_levels(deep: bool) -> tuple[Level, ...]:
    """The checks that repair, in order; each also looks at the archives."""
    return ("data",) if deep else ("quick",)


def final_levels(deep: bool) -> tuple[Level, ...]:
    """The checks that say in the end that all is well: at least as thorough as the one that found the damage."""
    return ("data",) if deep else ("quick", "archives")


def _steps(plan: HealPlan, places: dict[str, str], dialect: Dialect) -> Iterator[Step]:
    place = places[plan.repository]
    yield Step(text=f"copy the repository to {plan.safety} by hard links, which takes no room")
    for level in repair_levels(plan.deep):
        argv = check.argv(dialect, place, level, repair=True)
        yield Step(
            text="put zeros in the place of what is lost; the right names of the chunks are kept", line=shown(argv)
        )
    if plan.healable:
        yield from _fetches(plan, places, dialect)
        argv = pack(dialect, place, plan)
        yield Step(text="pack the intact files, so that their chunks come back", line=shown(argv))
        argv = check.argv(dialect, place, "archives", repair=True)
        yield Step(text="put the chunks where the zeros are", line=shown(argv))
        yield Step(text="read every healed file of every archive and compare its hash with that of the intact copy")
        yield Step(
            text="remove the archive that brought them back", line=shown(delete.argv(dialect, place, plan.archive))
        )
    for level in final_levels(plan.deep):
        yield Step(text="check the whole", line=shown(check.argv(dialect, place, level)))
    yield Step(text=f"remove {plan.safety} when all is well, keep it otherwise")


def _fetches(plan: HealPlan, places: dict[str, str], dialect: Dialect) -> Iterator[Step]:
    for digest, each in plan.contents.items():
        copy = next(copy for copy in each.copies if copy.sha256 == digest)
        if copy.repository:
            argv = extract.argv(dialect, places[copy.repository], copy.archive, (each.path,), to_stdout=True)
            yield Step(text=f"fetch {each.path} from {copy.repository}", line=shown(argv))
        else:
            yield Step(text=f"fetch {each.path} from the host: it has not changed since")


def pack(dialect: Dialect, location: str, plan: HealPlan) -> tuple[str, ...]:
    """argv of the archive that brings the chunks back; runs in the scratch directory."""
    argv = create.argv(
        dialect, location, plan.archive, (SCRATCH,), compression="zstd,3", listing=False, files_cache="disabled"
    )
    if not plan.chunker:
        return argv
    at = argv.index("create") + 1
    return (*argv[:at], "--chunker-params", ",".join(plan.chunker), *argv[at:])


def preview(plan: HealPlan) -> HealPreview:
    """The plan for reading."""
    return HealPreview(
        id=plan.hash[:12],
        hash=plan.hash,
        repository=plan.repository,
        lines=tuple(f"{step.text}{f': {step.line}' if step.line else ''}" for step in plan.steps[:_SHOWN]),
        files=tuple(_file(each) for each in plan.damage.files[:_SHOWN]),
        problem=problem(plan),
    )


def problem(plan: HealPlan) -> str:
    """What cannot be healed, "" when everything can."""
    parts: list[str] = []
    if plan.lost:
        names = ", ".join(f"{each.archive}: {each.path}" for each in plan.lost[:5])
        parts.append(f"nobody has an intact copy of {len(plan.lost)} files ({names}); they keep zeros")
    if plan.damage.unreadable:
        names = ", ".join(plan.damage.unreadable[:5])
        parts.append(f"the file lists of these archives are broken, files in them are lost: {names}")
    if not plan.damage.complete:
        parts.append(plan.damage.text)
    return "; ".join(parts)


def _file(each: Damaged) -> str:
    copies = ", ".join(copy.text for copy in each.copies) or "no intact copy"
    return f"{each.archive}: {each.path} ({units.size(each.size)}): {copies}"
