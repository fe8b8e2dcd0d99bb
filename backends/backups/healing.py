"""Healing a damaged repository from intact copies elsewhere: a plan first, then its steps, then proof by hash.

Borg's chunks are named by their content. So the lost ones come back when the same bytes are packed into the same
repository again: a repair marks what is lost (zeros in its place, the right names kept), the intact file is packed as an
archive of its own, a second repair finds the named chunks and puts them back. The proof is that every healed file of every
archive is whole and hashes as the intact copy. Before anything is changed a copy of the repository is made beside it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from backends.backups.append_only import Guard
from backends.backups.borg import check, delete, exits, info
from backends.backups.borg.check import Level
from backends.backups.catalog import Catalog
from backends.backups.checking import Checking
from backends.backups.damage_model import Damage, Damaged
from backends.backups.damage_search import hashes
from backends.backups.heal_fetch import Fetch
from backends.backups.heal_plan import HealPlan, final_levels, pack, plan, problem, repair_levels
from backends.backups.model import Cause, JobState, Outcome, Repository
from backends.backups.onsite import Onsite
from backends.backups.runner import Build, Cancel, Runner
from backends.backups.safety import Safety
from backends.backups.vanished import Listings
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SwarmError

_REPAIR = {"BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": "YES"}
SPARE_BYTES = 1 << 30
"""What stays free on the engine's disk while intact files are there."""
UNTOUCHED = "nothing was changed"
REFUSED = frozenset(
    ["lock-held", "lock-failed", "no-passphrase", "wrong-passphrase", "borg-missing", "not-allowed", "relocated"]
)
"""Causes that keep Borg from beginning at all."""
_MOST = 250
"""Archives that are noted before a repair."""


class Healing:
    """Plans and carries out. One thread at a time for a repository, and no other job on it meanwhile."""

    def __init__(
        self,
        runner: Runner,
        catalog: Catalog,
        onsite: Onsite,
        fetch: Fetch,
        clock: Clock,
        *,
        scratch: Path,
    ):
        self._runner, self._catalog, self._onsite, self._fetch, self._clock = runner, catalog, onsite, fetch, clock
        self._safety, self._guard = Safety(onsite), Guard(onsite, catalog)
        self._checking = Checking(runner, catalog, clock)
        self._listings, self._scratch = Listings(runner, onsite, catalog, clock), scratch

    def plan(self, damage: Damage, repositories: Sequence[Repository]) -> HealPlan:
        """What would be done about the damage; changes nothing. `repositories`: it, and those that have copies."""
        (repository,) = (each for each in repositories if each.key == damage.repository)
        every_byte = self._catalog.last_check(repository.key, ("data",))
        return plan(
            damage,
            repositories,
            self._runner.dialect,
            self._onsite.path(repository),
            self._clock.now(),
            deep=every_byte is not None and not every_byte.ok,
            chunker=self._chunker(repository, damage),
        )

    def _chunker(self, repository: Repository, damage: Damage) -> tuple[str, ...]:
        """How the newest damaged archive was cut; () when Borg does not say."""
        if not damage.files:
            return ()
        name = damage.files[0].archive
        result = self._runner.run(repository, lambda place: info.argv(self._runner.dialect, place, name))
        if result.exit_status != 0:
            return ()
        archives = info.parse(result.stdout).archives
        return archives[0].chunker if archives else ()

    def run(
        self,
        plan: HealPlan,
        token: str,
        repositories: Mapping[str, Repository],
        *,
        who: str,
        watch: Watch | None = None,
    ) -> Outcome:
        """Heal.

        Args:
            plan: what to do.
            token: its hash, as it was shown.
            repositories: those that the plan names, by key.
            who: asked for it.
            watch: sees the phases, cancels between two steps.

        Returns:
            DONE when every file is whole again and the repository is good; WARNING when some could not be healed;
            FAILED or CANCELLED otherwise, with the place of the copy that was made before.

        Raises:
            BadInput: another token, a repository that is not given, or nothing to heal from.
            RetryLater, AskOperator, SkipHost: before anything was changed.
            Stop: the catalog.
        """
        if token != plan.hash:
            raise BadInput("the plan is another one than the one that was shown", hint="look at it again")
        missing = [key for key in plan.names if key not in repositories]
        if missing:
            raise BadInput(f"no repository {missing[0]!r}", hint="swarm-tui backup list")
        if not plan.healable and (plan.lost or plan.damage.unreadable or not plan.damage.complete):
            raise BadInput(
                f"there is nothing to heal {plan.repository} from: {problem(plan)}",
                action="heal a repository",
                hint="a repair alone would put zeros in the place of what may still be found elsewhere",
            )
        watch = watch or Unwatched()
        self._room(plan)
        repository = repositories[plan.repository]
        self._intend(plan, repository, who)
        watch.phase("copying the repository aside")
        self._safety.copy(repository, plan.safety)
        outcome = self._writable(plan, repositories, watch)
        outcome = self._listed(repository, outcome)
        return self._ended(plan, repository, outcome, watch)

    def _writable(self, plan: HealPlan, repositories: Mapping[str, Repository], watch: Watch) -> Outcome:
        """Heal while the repository takes changes: Borg repairs nothing that is append-only."""
        repository, begun = repositories[plan.repository], False
        try:
            look = self._onsite.look(repository)
            with self._guard.loosened(repository, self._runner.dialect, look, compacting=look.append_only) as warnings:
                begun = True
                outcome = self._heal(plan, repositories, watch)
        except SwarmError as error:
            return _failed(error) if begun else _untouched(error)
        return msgspec.structs.replace(outcome, warnings=(*outcome.warnings, *warnings))

    def _room(self, plan: HealPlan) -> None:
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self._scratch).free
        if free < plan.bytes + SPARE_BYTES:
            raise RetryLater(
                f"the intact files need {plan.bytes} bytes on the engine's machine, {free} are free",
                action="heal a repository",
                hint=f"make room where {self._scratch} is",
            )

    def _heal(self, plan: HealPlan, repositories: Mapping[str, Repository], watch: Watch) -> Outcome:
        repository = repositories[plan.repository]
        try:
            self._repair(repository, repair_levels(plan.deep), watch)
        except _Refused as error:
            return _untouched(error)
        if not plan.healable:
            return Outcome(state=JobState.WARNING)
        with tempfile.TemporaryDirectory(prefix="heal-", dir=self._scratch) as folder:
            _still_wanted(watch.cancel)
            digests = self._gather(plan, repositories, Path(folder), watch)
            _still_wanted(watch.cancel)
            watch.phase("packing the intact files")
            self._borg(repository, "create", lambda place: pack(self._runner.dialect, place, plan), watch, folder)
        self._repair(repository, ("archives",), watch)
        unproven = self._prove(plan, repository, digests, watch)
        watch.phase("removing the archive that brought the chunks back")
        self._borg(repository, "delete", lambda place: delete.argv(self._runner.dialect, place, plan.archive), watch)
        healed = len(plan.healable) - len(unproven)
        notes = (f"{healed} files are whole again, proven by hash",) if healed else ()
        return Outcome(state=JobState.WARNING if unproven else JobState.DONE, notes=notes, warnings=unproven)

    def _repair(self, repository: Repository, levels: Sequence[Level], watch: Watch) -> None:
        for level in levels:
            watch.phase("repairing")
            self._borg(repository, "check", self._repairing(level), watch, confirm=_REPAIR)

    def _repairing(self, level: Level) -> Build:
        return lambda place: check.argv(self._runner.dialect, place, level, repair=True)

    def _gather(
        self, plan: HealPlan, repositories: Mapping[str, Repository], folder: Path, watch: Watch
    ) -> frozenset[str]:
        """The hashes of the intact contents that are now in `folder`; what cannot be had is left out, and logged.

        Where two copies differ (both look alike from outside) both are fetched: only the right one brings chunks back.
        """
        found: set[str] = set()
        host = repositories[plan.repository].host
        for at, (digest, each) in enumerate(plan.contents.items()):
            _still_wanted(watch.cancel)
            try:
                self._fetch.fetch(each, digest, host, repositories, folder / f"{at:06}", watch)
                found.add(digest)
            except RetryLater as error:
                watch.log(str(error))
        if not found:
            raise RetryLater("no intact copy could be fetched", action="heal a repository", hint="the log says why")
        return frozenset(found)

    def _prove(self, plan: HealPlan, repository: Repository, digests: frozenset[str], watch: Watch) -> tuple[str, ...]:
        """What is not proven to be whole again, in sentences."""
        watch.phase("proving it by hash")
        unproven: list[str] = []
        for archive in dict.fromkeys(each.archive for each in plan.healable):
            files = [each for each in plan.healable if each.archive == archive]
            paths = [each.path for each in files]
            got = hashes(self._runner, repository, archive, paths, watch)
            unproven += [f"{archive}: {each.path}: {why}" for each in files if (why := _why(each, got, digests))]
        return tuple(unproven)

    def _borg(
        self,
        repository: Repository,
        command: str,
        build: Build,
        watch: Watch,
        directory: str = "",
        confirm: Mapping[str, str] = {},
    ) -> None:
        """Raises RetryLater with Borg's reason."""
        result = self._runner.run(repository, build, on_event=watch.event, confirm=confirm, directory=directory)
        if result.exit_status == 0:
            return
        state, cause = exits.judge(command, result, location=repository.location, repository=repository.key)
        if state in (JobState.FAILED, JobState.CANCELLED) or command == "check":
            text = cause.text if cause else f"borg {command} ended with {result.exit_status}"
            hint = cause.next_step if cause else None
            kind = _Refused if cause is not None and cause.code in REFUSED else RetryLater
            raise kind(text, host=repository.host, action=f"borg {command}", hint=hint)

    def _intend(self, plan: HealPlan, repository: Repository, who: str) -> None:
        """A repair gives the archives that it changes new ids: those of before are then removed by us, by nobody else."""
        names = list(dict.fromkeys([*(each.archive for each in plan.damage.files), *plan.damage.unreadable]))
        known = {each.name: each for each in self._catalog.archives(repository=repository.key)}
        self._listings.intend(repository, [known[name] for name in names[:_MOST] if name in known], f"healing, {who}")

    def _listed(self, repository: Repository, outcome: Outcome) -> Outcome:
        """What the catalog knows of the archives is renewed; the outcome with what was odd about that."""
        try:
            self._listings.take(repository)
        except SwarmError as error:
            return msgspec.structs.replace(outcome, warnings=(*outcome.warnings, error.message))
        return outcome

    def _ended(self, plan: HealPlan, repository: Repository, outcome: Outcome, watch: Watch) -> Outcome:
        """Check the whole, and remove the copy only when all is well."""
        if UNTOUCHED in outcome.notes:
            self._safety.drop(repository, plan.safety)
            return outcome
        if outcome.state in (JobState.FAILED, JobState.CANCELLED):
            return _with_copy(outcome, plan)
        for level in final_levels(plan.deep):
            watch.phase(f"checking the whole ({level})")
            checked = self._checking.run(repository, level, watch=watch)
            if checked.state is not JobState.DONE:
                return _with_copy(checked, plan)
        left = problem(plan)
        if left or outcome.warnings:
            cause = Cause(
                code="not-healed",
                text=left or "some files could not be healed",
                evidence=outcome.warnings[:10],
                next_step=f"the repository as it was is kept at {plan.safety} on its machine",
            )
            return Outcome(state=JobState.WARNING, cause=cause, notes=outcome.notes, warnings=outcome.warnings)
        self._safety.drop(repository, plan.safety)
        return Outcome(state=JobState.DONE, notes=(*outcome.notes, "the repository was checked and is good"))


class _Refused(RetryLater):
    """Borg did not even begin."""


class _Cancelled(RetryLater):
    """Between two steps somebody asked for the end."""


def _still_wanted(cancel: Cancel) -> None:
    if cancel.asked.is_set():
        raise _Cancelled(f"cancelled by {cancel.who}", action="heal a repository")


def _why(each: Damaged, got: Mapping[str, str], digests: frozenset[str]) -> str:
    """Why a file is not proven whole, "" when it is."""
    fetched = {copy.sha256 for copy in each.copies} & digests
    if not fetched:
        return "no intact copy could be fetched"
    if each.path not in got:
        return "some of it is still zeros: the copy has other bytes than the backup had"
    return "" if got[each.path] in fetched else "does not hash as the intact copy"


def _untouched(error: SwarmError) -> Outcome:
    cause = Cause(code="heal", text=error.message, evidence=(error.action or "",), next_step=error.hint or "")
    return Outcome(state=JobState.FAILED, cause=cause, notes=(UNTOUCHED,))


def _failed(error: SwarmError) -> Outcome:
    state = JobState.CANCELLED if isinstance(error, _Cancelled) else JobState.FAILED
    cause = Cause(code="heal", text=error.message, evidence=(error.action or "",), next_step=error.hint or "")
    return Outcome(state=state, cause=cause)


def _with_copy(outcome: Outcome, plan: HealPlan) -> Outcome:
    cause = outcome.cause or Cause(code="heal", text="the repository could not be healed")
    kept = f"the repository as it was is kept at {plan.safety} on its machine"
    return Outcome(
        state=outcome.state,
        cause=Cause(code=cause.code, text=cause.text, evidence=(*cause.evidence, kept), next_step=cause.next_step),
        notes=(*outcome.notes, kept),
        warnings=outcome.warnings,
    )
