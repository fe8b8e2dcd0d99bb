"""The reboot steps: gate, request, proof and soak are those of `updates.reboots`; here is what a run makes of them."""

from __future__ import annotations

from typing import Protocol

from backends.maintenance import facts
from backends.maintenance.model import StepKind
from backends.maintenance.steps.token import job_id, packed, unpacked
from backends.maintenance.steps_text import CONSOLE
from backends.maintenance.worker import Look, Place, Told
from backends.metrics.sample import Record
from backends.updates.reboot import SOAK_SECONDS
from backends.updates.reboots import RebootRecord

NOT_NEEDED = "not needed"
_STATES = {"queued": "queued", "gate": "gate", "requested": "asked", "going-down": "going down", "soak": "soak"}
_NEXT = (
    ("instead of", "choose the planned kernel in its boot loader, or accept this one; then retry or skip"),
    ("rebooted again", "look at its console and the log of the boot before (journalctl -b -1); it stays drained"),
    ("is not back", CONSOLE),
    ("has not gone down", "something on it holds up the shutdown: systemctl list-jobs there; then retry"),
)


class Need(Record, frozen=True, kw_only=True):
    """Whether a host should be rebooted, asked now."""

    needed: bool | None
    """None: could not be found out."""
    reasons: tuple[str, ...] = ()


class Rebooting(Protocol):
    """The reboots of the engine, as far as this step needs them."""

    def need(self, host: str) -> Need:
        """Asked of the host now. Raises SwarmError."""

    def find(self, batch: str) -> RebootRecord | None:
        """The reboot that was begun under that name."""

    def start(self, host: str, who: str, override: str, batch: str, soak_seconds: float) -> RebootRecord:
        """Begin, unless it was begun under that name. Raises SwarmError."""


class RebootWorker:
    """Each key is one reboot of one host."""

    def __init__(self, reboots: Rebooting):
        self._reboots = reboots

    def begin(self, place: Place) -> str:
        """Ask for the reboot, or find it asked for. Raises SwarmError."""
        batch, host = job_id(place.key), place.host.host
        known = self._reboots.find(batch)
        if known is None and (late := self._late(place)) is not None:
            return packed(batch=late.batch)
        if known is None and place.step.kind is StepKind.REBOOT_IF_NEEDED:
            need = self._reboots.need(host)
            if need.needed is False:
                return packed(batch=NOT_NEEDED)
        if known is None:
            soak = min(SOAK_SECONDS, place.run.soak_seconds)  # nobody who soaks batches briefly waits longer for a host
            self._reboots.start(host, place.run.who, place.reason, batch, soak)
        return packed(batch=batch)

    def look(self, place: Place, token: str) -> Look:
        """How far the reboot's record says it is."""
        batch = str(unpacked(token)["batch"])
        if batch == NOT_NEEDED:
            return Look(
                told=Told.DONE, text="nothing asks for a reboot", facts={facts.REBOOTED: "no: nothing asks for it"}
            )
        record = self._reboots.find(batch)
        if record is None:
            hint = "swarm-tui events shows what is known; then retry or skip"
            return Look(told=Told.FAILED, text="the record of its reboot is gone", hint=hint)
        return looked(record, place.reason)

    def _late(self, place: Place) -> RebootRecord | None:
        """The reboot of an earlier attempt that took longer than its step and is still looked at, or came to a good end since:
        it is not asked for a second time."""
        before = place.tokens.get(place.number, "")
        record = self._reboots.find(str(unpacked(before)["batch"])) if before else None
        return record if record is not None and (record.ended is None or record.good) else None

    def output(self, place: Place, token: str) -> str:
        """What the gate found, and how it goes on."""
        record = self._reboots.find(str(unpacked(token)["batch"]))
        if record is None:
            return ""
        return "\n".join([*(f"{each.severity}: {each.text}" for each in record.findings), record.passed, record.text])


def looked(record: RebootRecord, reason: str = "") -> Look:
    """A reboot's record as the state of its step."""
    if record.ended is None:
        state = _STATES.get(record.stage, record.stage)
        return Look(told=Told.GOING, state=state, text=record.text, hint=_next_step(record.text, ""))
    found = _facts(record, reason)
    if record.good:
        return Look(told=Told.DONE, text=record.text, facts=found)
    red = [each.text for each in record.findings if each.blocks]
    if record.stage == "refused" and red:
        hint = "cure it and retry, or answer with a reason of at least ten letters: it then reboots all the same"
        return Look(told=Told.ASKING, state="gate is red", text=f"must not be rebooted: {'; '.join(red)}", hint=hint)
    if record.stage == "refused":
        hint = "retry when that is over, or skip it"
        return Look(told=Told.FAILED, text=f"reboot refused: {record.text}", hint=hint, facts=found)
    hint = _next_step(record.text, "look at its console; then retry or skip")
    return Look(told=Told.FAILED, text=record.text, hint=hint, facts=found)


def _next_step(text: str, otherwise: str) -> str:
    return next((hint for words, hint in _NEXT if words in text), otherwise)


def _facts(record: RebootRecord, reason: str) -> dict[str, str]:
    state = record.state
    values = {facts.REBOOTED: "yes" if record.sent else f"no: {record.text}"}
    if reason and record.passed.startswith("gate overridden"):
        values[facts.OVERRULED] = reason
    if state is not None:
        values |= {
            facts.BOOT_BEFORE: state.request.boot_id,
            facts.BOOT_AFTER: state.boot_id,
            facts.KERNEL_AFTER: state.kernel,
            facts.KERNEL_EXPECTED: state.request.expected_kernel,
        }
        if state.back is not None and state.down is not None:
            values[facts.DOWN_SECONDS] = str(int(state.back - state.down))
    return {key: value for key, value in values.items() if value}
