"""Rules about GPUs that are not there and drivers that do not answer. Pure.

One fault of a GPU shows in several places; what an open XID explains is not told a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.gpu_look import driver_hung, gpu_rule, gpus_of, name_of, not_measured
from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import MINUTE, found, nodata, waited
from backends.alerts.xid_lines import bus_of
from backends.alerts.xid_rules import XidRules
from backends.metrics.sample import Gpu, GpuStatus
from backends.states import HostState, Severity

ECC_CODES = frozenset({48, 64, 95, 140})
"""XIDs that uncorrected errors of the memory come with."""

MOST_LINES = 4

_CRITICAL, _OK = Severity.CRITICAL, Severity.OK


def _driver_scan(subject: Subject) -> Sequence[str]:
    hung = driver_hung(subject) or subject.state is HostState.DRIVER_HUNG
    return ("",) if hung or _unread(subject) else ()


def _unread(subject: Subject) -> str:
    """Why there is no GPU data where there should be; a reader that let go of its GPUs did so on request."""
    status = subject.sample.gpu_status if subject.sample is not None else None
    if status is None or status.way != "none" or not status.reason or "released" in status.reason:
        return ""
    return status.reason


def _driver(subject: Subject, thing: str, held: Held) -> Finding:
    status = subject.sample.gpu_status if subject.sample is not None else None
    if status is None:
        return nodata("the GPUs were not read")
    if status.hung or subject.state is HostState.DRIVER_HUNG:
        text = f"the GPU driver hangs: {status.reason or 'no answer within its deadline'}"
        return found(_CRITICAL, None, text, _hung_evidence(subject, status))
    wrong = _unread(subject)
    if wrong:
        return found(_CRITICAL, None, f"no GPU can be read: {wrong}")
    return found(_OK, None, f"the driver answers ({status.driver or status.way})")


def _hung_evidence(subject: Subject, status: GpuStatus) -> tuple[str, ...]:
    """Which driver, and who waits for it in the kernel."""
    stuck = (subject.health.stuck if subject.health is not None else None) or ()
    waiting = tuple(f"{each.name} (pid {each.pid}) cannot be interrupted" for each in stuck if "nv" in each.name)
    return (f"driver {status.driver or 'of unknown version'}, read through {status.way}", *waiting[:MOST_LINES])


def gpus_missing(subject: Subject) -> bool:
    """Whether there may be fewer GPUs than there should, or none can be read."""
    sample = subject.sample
    if sample is None:
        return False
    seen = len(sample.gpus)
    status = sample.gpu_status
    if status is not None and (status.hung or (status.way == "none" and status.reason)):
        return True
    if subject.state is HostState.DRIVER_HUNG:
        return True
    pci = subject.health.pci_gpus if subject.health is not None else None
    return seen < (subject.expected.gpus or 0) or seen < (pci or 0)


class ExplainedRules:
    """What an open XID of the same GPU may have told already: GPUs that are not there, errors of their memory."""

    def __init__(self, xids: XidRules):
        self._xids = xids

    def scan_count(self, subject: Subject) -> Sequence[str]:
        """Whether fewer are there than wanted."""
        wanted = self._wanted(subject)
        return ("",) if wanted and wanted > len(gpus_of(subject)) else ()

    def count(self, subject: Subject, thing: str, held: Held) -> Finding:
        """Fewer than the inventory or the PCI bus has."""
        wanted, seen = self._wanted(subject), len(gpus_of(subject))
        if not wanted:
            return nodata("nobody says how many there should be")
        if driver_hung(subject) or _unread(subject):
            return nodata("the GPU driver does not answer")
        here = {bus_of(gpu.bus_id) for gpu in gpus_of(subject)}
        lost = [gpu for gpu in self._xids.hits(subject) if gpu not in here and self._xids.open(subject, gpu)]
        gone = wanted - seen
        if gone > 0 and gone <= len(self._away(subject, lost)) and held.level is _OK:
            return found(_OK, float(seen), "an XID tells of it already")
        pci = subject.health.pci_gpus if subject.health is not None else None
        text = f"{seen} of {wanted} GPUs are there"
        return found(
            _CRITICAL if gone > 0 else _OK, float(seen), text, (f"{pci} on the PCI bus",) if pci is not None else ()
        )

    def _away(self, subject: Subject, lost: Sequence[str]) -> list[str]:
        uuids = {gpu.uuid for gpu in gpus_of(subject)}
        return [gpu for gpu in lost if gpu not in uuids]

    def _wanted(self, subject: Subject) -> int:
        pci = subject.health.pci_gpus if subject.health is not None else None
        return max(subject.expected.gpus or 0, pci or 0)

    def lost(self, subject: Subject, gpu: Gpu, held: Held) -> Finding:
        """The driver says so itself."""
        if not gpu.lost:
            return found(_OK, None, f"{name_of(gpu)} is there")
        if held.level is _OK and self._told(subject, gpu):
            return found(_OK, None, "an XID tells of it already")
        return found(_CRITICAL, None, f"the driver has lost {name_of(gpu)} ({gpu.bus_id or gpu.uuid})")

    def _told(self, subject: Subject, gpu: Gpu, codes: frozenset[int] | None = None) -> bool:
        return any(self._xids.open(subject, thing, codes) for thing in (gpu.uuid, bus_of(gpu.bus_id)) if thing)

    def ecc(self, subject: Subject, gpu: Gpu, held: Held) -> Finding:
        """Any since the driver was loaded."""
        count = gpu.ecc_uncorrected_volatile
        if count is None:
            return not_measured(gpu, "ecc_uncorrected_volatile")
        if count and held.level is _OK and self._told(subject, gpu, ECC_CODES):
            return found(_OK, float(count), "an XID tells of it already")
        text = f"{name_of(gpu)} had {count} uncorrected memory errors since the driver was loaded"
        return found(_CRITICAL if count > 0 else _OK, float(count), text, (f"{gpu.name} {gpu.bus_id}",))

    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        return (
            Rule(
                id="gpu.driver",
                title="GPU driver does not answer",
                times=waited(10, MINUTE),
                gate=gpus_missing,
                scan=_driver_scan,
                judge=_driver,
                advice="Never start nvidia-smi again; read the kernel log (swarm-tui triage HOST), drain and reboot.",
                source="gpud, reference alerts §6 (G03)",
            ),
            gpu_rule(
                "gpu.ecc",
                "Uncorrected memory errors",
                lambda gpu: bool(gpu.ecc_uncorrected_volatile),
                self.ecc,
                times=RuleTimes(),
                advice="Drain the GPU and reset it; when it comes again, have it replaced.",
                source="gpud, DCGM (G09)",
            ),
            Rule(
                id="gpu.count",
                title="GPUs are missing",
                times=waited(30, MINUTE),
                gate=gpus_missing,
                scan=self.scan_count,
                judge=self.count,
                advice="Reboot the drained host; when it is still missing after two, have the hardware inspected.",
                source="gpud (G02): two looks",
            ),
            gpu_rule(
                "gpu.lost",
                "GPU is lost",
                lambda gpu: gpu.lost,
                self.lost,
                times=waited(10, 0),
                advice="Drain the host and power-cycle it; do not reset the GPU.",
                source="NVIDIA: GPU is lost; ten seconds for the kernel log to say more",
            ),
        )
