"""Repositories themselves: making one or taking one over, and looking at the room that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from backends.backups.append_only import Guard
from backends.backups.borg import exits, info, init
from backends.backups.borg.events import Event, Question
from backends.backups.catalog import Catalog
from backends.backups.encryption import choose
from backends.backups.model import BorgResult, Cause, JobState, Outcome, Repository
from backends.backups.onsite import Key, Look, Onsite, Speeds
from backends.backups.runner import Runner
from backends.backups.space import QUOTA_LEAST, borg_size, problem, room
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import AskOperator, BadInput, SwarmError
from backends.text import clean
from backends.units import size

CONFIRMABLE = ("BORG_RELOCATED_REPO_ACCESS_IS_OK", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK")
"""Borg's questions that a person may answer with yes, once."""
TIMEOUT_SECONDS = 600.0
BEGUN = "making"
"""Note of the catalog: where we began to make it."""
_GOOD = (JobState.DONE, JobState.WARNING)


class Repositories:
    """Makes repositories and measures them. One call at a time for a repository.

    Args:
        speeds: how fast hashing is where Borg will run for this repository; None where that cannot be asked.
    """

    def __init__(
        self,
        runner: Runner,
        onsite: Onsite,
        catalog: Catalog,
        clock: Clock,
        speeds: Callable[[Repository], Speeds | None],
    ):
        self._runner, self._onsite, self._catalog, self._clock = runner, onsite, catalog, clock
        self._speeds, self._guard = speeds, Guard(onsite, catalog)

    def init(self, repository: Repository, *, confirm: Mapping[str, str] = {}, watch: Watch | None = None) -> Outcome:
        """Make the repository; one that is there already is taken over, after checking that our passphrase opens it.

        Args:
            confirm: answers to Borg's questions for this one time: variable → "yes".

        Raises:
            AskOperator: Borg asks whether a moved or unencrypted repository is meant; the hint names what to confirm.
            BadInput: an answer to no question, or a quota that Borg refuses.
            RetryLater, SkipHost: the machine cannot be asked, or lacks Borg.
            Stop: the disk of the catalog refuses.
        """
        _check(repository, confirm)
        watch = watch or Unwatched()
        watch.phase("looking")
        look = self._onsite.look(repository)
        if self._was_cut_off(repository, look):
            left = self._onsite.shelve(repository)
            made = self._make(repository, watch)
            return replace(
                made, notes=(*made.notes, f"What a making that was cut off had left is at {clean(left, 300)}.")
            )
        if look.made:
            return self._adopt(repository, look, confirm, watch)
        if look.there:
            return Outcome(state=JobState.FAILED, cause=_taken(repository))
        return self._make(repository, watch)

    def measure(self, repository: Repository) -> Look:
        """Look at the repository and keep its size; puts back what an ended compaction left loosened.

        Raises:
            RetryLater, SkipHost, AskOperator: the machine cannot be asked.
            Stop: the disk of the catalog refuses.
        """
        self._guard.tighten(repository, self._runner.dialect)
        look = self._onsite.look(repository)
        if look.made:
            now = room(look)
            self._catalog.add_size(repository.key, self._clock.now(), now.stored, free_bytes=look.free)
        return look

    def problem(self, repository: Repository, look: Look) -> Cause | None:
        """What is wrong with it by a look: it is gone, another one, or full; None: nothing."""
        known = self._catalog.note(repository.key, "id")
        if known and not look.made:
            return _gone(repository, look)
        if known and look.settings.get("id", "") != known:
            return _replaced(repository, known, look.settings.get("id", ""))
        return problem(repository, room(look)) if look.made else None

    def _was_cut_off(self, repository: Repository, look: Look) -> bool:
        """We began to make it there and never saw it done, and nothing was ever committed to it."""
        begun = self._catalog.note(repository.key, BEGUN) == repository.location
        known = self._catalog.note(repository.key, "id")
        return bool(begun and not known and (look.made or look.there) and look.transaction is None)

    def _make(self, repository: Repository, watch: Watch) -> Outcome:
        dialect = self._runner.dialect
        watch.phase("measuring")
        choice = choose(repository, self._measured(repository))
        self._onsite.prepare(repository)
        self._catalog.set_note(repository.key, BEGUN, repository.location)
        watch.phase("making")
        result = self._runner.run(
            repository,
            lambda location: init.argv(
                dialect, location, encryption=choice.mode, append_only=True, quota_bytes=repository.quota_bytes
            ),
            on_event=watch.event,
            cancel=watch.cancel,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        state, cause = exits.judge("init", result, location=repository.location, repository=repository.key)
        if state not in _GOOD:
            return Outcome(state=state, cause=cause)
        notes = (choice.why, *self._settle(repository, self._onsite.look(repository), choice.mode))
        return Outcome(state=JobState.DONE, notes=(*notes, _KEEP_KEY.format(key=repository.key)))

    def _measured(self, repository: Repository) -> Speeds | None:
        if repository.encryption != "auto":
            return None
        try:
            return self._speeds(repository)
        except SwarmError:
            return None  # `choose` says so

    def _adopt(self, repository: Repository, look: Look, confirm: Mapping[str, str], watch: Watch) -> Outcome:
        watch.phase("opening")
        questions: list[Question] = []
        result = self._open(repository, confirm, questions, watch)
        state, cause = exits.judge("info", result, location=repository.location, repository=repository.key)
        if state not in _GOOD:
            asked = next((each for each in questions if each.msgid in CONFIRMABLE), None)
            if asked is not None and asked.msgid not in confirm:
                raise _question(repository, asked, look, self._catalog.note(repository.key, "id"))
            return Outcome(state=state, cause=cause)
        mode = info.parse(result.stdout).encryption
        notes = self._settle(repository, look, mode)
        unencrypted = ("It is not encrypted: whoever has its disk can read it.",) if mode == "none" else ()
        return Outcome(
            state=JobState.WARNING if unencrypted else JobState.DONE,
            notes=(f"Taken over: it is there, our passphrase opens it ({mode}).", *notes),
            warnings=unencrypted,
        )

    def _open(
        self, repository: Repository, confirm: Mapping[str, str], questions: list[Question], watch: Watch
    ) -> BorgResult:
        def heard(event: Event) -> None:
            if isinstance(event, Question) and len(questions) < 10:
                questions.append(event)
            watch.event(event)

        dialect = self._runner.dialect
        return self._runner.run(
            repository,
            lambda location: info.argv(dialect, location),
            on_event=heard,
            cancel=watch.cancel,
            confirm=confirm,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def _settle(self, repository: Repository, look: Look, mode: str) -> tuple[str, ...]:
        """Bring reserve, quota and append-only to what is configured, and note what the repository is."""
        notes = []
        for setting, wanted, told in _wanted(repository, look):
            self._onsite.configure(repository, self._runner.dialect, setting, wanted)
            notes.append(told)
        quota = borg_size(look.settings.get("storage_quota", "0"))
        if quota and not repository.quota_bytes:
            notes.append(f"It keeps its quota of {size(quota)}; Borg takes one away only on its own machine.")
        for key, value in (
            ("id", look.settings.get("id", "")),
            ("encryption", mode),
            ("dialect", self._runner.dialect.text),
        ):
            self._catalog.set_note(repository.key, key, value)
        self.measure(repository)
        return tuple(notes)


_KEEP_KEY = "Its key must be kept elsewhere too: swarm-tui backup key export {key}"


def _wanted(repository: Repository, look: Look) -> list[tuple[Key, str, str]]:
    """Settings that are not as configured: (name, value, sentence)."""
    found: list[tuple[Key, str, str]] = []
    if not look.append_only:
        found.append(("append_only", "1", "Append-only: what is removed stays on disk until a compaction."))
    if borg_size(look.settings.get("additional_free_space", "0")) != repository.reserve_bytes:
        told = f"{size(repository.reserve_bytes)} are kept free, so that a full disk can be compacted."
        found.append(("additional_free_space", str(repository.reserve_bytes), told))
    if repository.quota_bytes not in (0, borg_size(look.settings.get("storage_quota", "0"))):
        told = f"It may take {size(repository.quota_bytes)}."
        found.append(("storage_quota", str(repository.quota_bytes), told))
    return found


def _check(repository: Repository, confirm: Mapping[str, str]) -> None:
    for name, answer in confirm.items():
        if name not in CONFIRMABLE or answer != "yes":
            raise BadInput(f"nothing to confirm: {clean(name, 80)}={clean(answer, 20)}", hint="; ".join(CONFIRMABLE))
    if 0 < repository.quota_bytes < QUOTA_LEAST:
        raise BadInput(f"{repository.name}: a quota below 10 MB is refused by Borg", hint="quota_bytes = 0 is none")


def _question(repository: Repository, asked: Question, look: Look, known: str) -> AskOperator:
    same = look.settings.get("id", "") == known if known else None
    seen = {True: "it has the id that we know", False: "it has another id than the one that we know"}
    evidence = f" ({seen[same]})" if same is not None else ""
    return AskOperator(
        f"Borg asks about {repository.key}: {clean(asked.message, 300)}{evidence}",
        action="take over a repository",
        hint=f"if that is right, confirm once: swarm-tui backup init {repository.host} --to {repository.name} --confirm {asked.msgid}",
    )


def _taken(repository: Repository) -> Cause:
    return Cause(
        code="path-taken",
        text=f"There is something else where {repository.key} is to be made.",
        evidence=(clean(repository.location, 300),),
        next_step="Choose another location, or look at what is there and move it away.",
    )


def _gone(repository: Repository, look: Look) -> Cause:
    return Cause(
        code="repository-missing",
        text=f"{repository.key} is not where it was.",
        evidence=(clean(repository.location, 300), f"free on the disk there: {size(look.free)} of {size(look.total)}"),
        next_step="Is its disk mounted? Do not make a new one before that is known.",
    )


def _replaced(repository: Repository, known: str, found: str) -> Cause:
    return Cause(
        code="repository-replaced",
        text=f"Another repository is where {repository.key} was.",
        evidence=(f"its id was {known[:16]}…", f"the id there now is {clean(found, 64)[:16]}…"),
        next_step=f"Bring the right one back, or take this one over on purpose: swarm-tui backup init {repository.host} --to {repository.name}.",
    )
