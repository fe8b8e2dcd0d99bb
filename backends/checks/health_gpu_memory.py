"""GPU memory that is wearing out: remapped rows, retired pages, ECC errors. G05–G11. Thresholds: monitoring §2b."""

from __future__ import annotations

from collections.abc import Iterator

from backends.checks import health_smi
from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_look import Look, gpu_name, grown, unreadable
from backends.metrics.sample import Gpu
from backends.metrics.throttle import REMAPPED_ROWS_LIMIT

RETIRED_MOST = 63
"""Retired pages, single and double bit together, from which DCGM fails a GPU."""
RETIRED_DOUBLE = 15
"""Retired for double-bit errors, beyond which one more in a week fails it (DCGM)."""
SRAM_AGGREGATE = 4
"""Uncorrectable SRAM errors ever, beyond which it should be replaced (sichek, ml-engineering)."""
CORRECTED_TOTAL = 50_000_000
"""Corrected errors since the driver was loaded (gcm)."""
CORRECTED_RATE = 10.0
"""Corrected errors a second (own reasoning; NVSentinel#1748 saw thousands a second that no total had shown)."""
REPLACE = "open a case with the vendor: nvidia-bug-report.sh"


def remap_failed(look: Look) -> Iterator[Finding]:
    """G05: a row could not be remapped; that alone qualifies for a replacement."""
    yield from _flag(look, "G05", "remap_failed", "row remapping failed", Action.INSPECT, REPLACE)


def remap_pending(look: Look) -> Iterator[Finding]:
    """G06: a row waits to be remapped; running work is safe, the next one may not be."""
    advice = "drain, then nvidia-smi -r -i INDEX"
    yield from _flag(look, "G06", "remap_pending", "a row waits to be remapped", Action.RESET_GPU, advice)


def _flag(look: Look, check: str, field: str, words: str, action: Action, advice: str) -> Iterator[Finding]:
    for gpu in look.gpus:
        value = getattr(gpu, field)
        if value:
            yield critical(check, f"GPU {gpu.index}: {words}", gpu_name(gpu), action=action, advice=advice)
        elif value is False:
            yield ok(check, f"GPU {gpu.index}: none", gpu_name(gpu))
        else:
            yield from _absent(check, gpu, field)


def _absent(check: str, gpu: Gpu, field: str) -> Iterator[Finding]:
    """A field that the GPU does not have says nothing; one that could not be read is unknown."""
    reason = unreadable(gpu, field)
    if reason is not None:
        yield unknown(check, f"GPU {gpu.index}: {reason}", gpu_name(gpu))


def remapped(look: Look) -> Iterator[Finding]:
    """G07: rows remapped for uncorrectable errors."""
    for gpu in look.gpus:
        rows = gpu.remapped_rows_uncorrected
        if rows is None:
            yield from _absent("G07", gpu, "remapped_rows_uncorrected")
        elif rows >= REMAPPED_ROWS_LIMIT:
            text = f"GPU {gpu.index}: {rows} rows remapped for uncorrectable errors"
            yield warning("G07", text, gpu_name(gpu), action=Action.INSPECT, advice=REPLACE, value=float(rows))
        else:
            yield ok("G07", f"GPU {gpu.index}: {rows} rows remapped", gpu_name(gpu))


def retired(look: Look) -> Iterator[Finding]:
    """G08: pages retired by GPUs before Ampere."""
    before = {gpu.uuid: gpu for gpu in _parsed(look.before)} if look.before else {}
    for gpu in _parsed(look.facts):
        single = gpu.number("Retired Pages", "Single Bit ECC")
        double = gpu.number("Retired Pages", "Double Bit ECC")
        pending = gpu.text("Retired Pages", "Pending Page Blacklist").lower()
        if single is None or double is None:
            continue
        evidence = (f"{single} for single-bit, {double} for double-bit errors",)
        old = before[gpu.uuid].number("Retired Pages", "Double Bit ECC") if gpu.uuid in before else None
        if single + double >= RETIRED_MOST or (double > RETIRED_DOUBLE and (grown(old, double) or 0) > 1):
            text = f"GPU {gpu.bus_id}: {single + double} pages retired"
            yield critical("G08", text, gpu.uuid, evidence=evidence, action=Action.INSPECT, advice=REPLACE)
        elif pending == "yes":
            text = f"GPU {gpu.bus_id}: a page waits to be retired"
            yield critical("G08", text, gpu.uuid, evidence=evidence, action=Action.RESET_GPU)
        else:
            yield ok("G08", f"GPU {gpu.bus_id}: {single + double} pages retired", gpu.uuid, evidence)


def _parsed(facts: object) -> tuple[health_smi.SmiGpu, ...]:
    said = getattr(facts, "smi", None)
    return health_smi.parse(said.lines) if said is not None and said.status == 0 else ()


def uncorrected(look: Look) -> Iterator[Finding]:
    """G09: uncorrectable errors since the driver was loaded."""
    for gpu in look.gpus:
        errors = gpu.ecc_uncorrected_volatile
        if errors is None:
            yield from _absent("G09", gpu, "ecc_uncorrected_volatile")
        elif errors:
            text = f"GPU {gpu.index}: {errors} uncorrectable memory errors"
            advice = "jobs on it may have computed nonsense; drain, then reset it"
            yield critical("G09", text, gpu_name(gpu), action=Action.RESET_GPU, advice=advice, value=float(errors))
        else:
            yield ok("G09", f"GPU {gpu.index}: no uncorrectable error", gpu_name(gpu))


def static_memory(look: Look) -> Iterator[Finding]:
    """G10: uncorrectable errors of caches and registers."""
    for gpu in _parsed(look.facts):
        volatile = _sram(gpu, "Volatile")
        aggregate = _sram(gpu, "Aggregate")
        over = gpu.ending("SRAM Threshold Exceeded")
        if volatile is None and aggregate is None and not over:
            continue
        if any(value.lower() == "yes" for value in over.values()) or (aggregate or 0) > SRAM_AGGREGATE:
            text = f"GPU {gpu.bus_id}: {aggregate or 'too many'} uncorrectable SRAM errors in its life"
            yield critical("G10", text, gpu.uuid, action=Action.INSPECT, advice=REPLACE)
        elif volatile:
            text = f"GPU {gpu.bus_id}: {volatile} uncorrectable SRAM errors"
            yield critical("G10", text, gpu.uuid, action=Action.RESET_GPU, value=float(volatile))
        else:
            yield ok("G10", f"GPU {gpu.bus_id}: no uncorrectable SRAM error", gpu.uuid)


def _sram(gpu: health_smi.SmiGpu, when: str) -> int | None:
    """The sum of its kinds: newer drivers tell parity and SEC-DED apart."""
    names = ("SRAM Uncorrectable", "SRAM Uncorrectable Parity", "SRAM Uncorrectable SEC-DED")
    found = [gpu.number("ECC Errors", when, name) for name in names]
    known = [value for value in found if value is not None]
    return sum(known) if known else None


def corrected(look: Look) -> Iterator[Finding]:
    """G11: corrected errors; their rate warns long before their total does."""
    for gpu in look.gpus:
        total = gpu.ecc_corrected_volatile
        if total is None:
            yield from _absent("G11", gpu, "ecc_corrected_volatile")
            continue
        rate = _rate(look, gpu)
        evidence = (f"{total} since the driver was loaded",)
        if rate is not None and rate > CORRECTED_RATE:
            text = f"GPU {gpu.index}: {rate:.0f} corrected memory errors a second"
            yield warning("G11", text, gpu_name(gpu), evidence=evidence, action=Action.INSPECT, value=rate)
        elif total > CORRECTED_TOTAL:
            text = f"GPU {gpu.index}: {total} corrected memory errors"
            yield critical("G11", text, gpu_name(gpu), action=Action.INSPECT, advice=REPLACE, value=float(total))
        else:
            yield ok("G11", f"GPU {gpu.index}: {total} corrected errors", gpu_name(gpu))


def _rate(look: Look, gpu: Gpu) -> float | None:
    points = [(time, one.ecc_corrected_volatile) for time, one in look.same_gpu(gpu)]
    known = [(time, value) for time, value in points if value is not None]
    if len(known) < 2 or known[-1][0] <= known[0][0]:
        return None
    rise = grown(known[0][1], known[-1][1])
    return None if rise is None else rise / (known[-1][0] - known[0][0])
