"""What a triage asks about GPUs: nvidia-smi with the fields that it knows, and never beside one that is stuck already."""

import os
import re
import time

from kit_triage import Stuck
from kit_triage_process import proc, processes

WANTED = (
    ("index",),
    ("uuid",),
    ("pci.bus_id",),
    ("name",),
    ("serial",),
    ("driver_version",),
    ("vbios_version",),
    ("temperature.gpu",),
    ("temperature.memory",),
    ("power.draw",),
    ("enforced.power.limit",),
    ("utilization.gpu",),
    ("memory.used",),
    ("memory.total",),
    ("pstate",),
    ("clocks_event_reasons.active", "clocks_throttle_reasons.active"),
    ("ecc.errors.uncorrected.volatile.total",),
    ("pcie.link.gen.current",),
    ("pcie.link.gen.max",),
    ("pcie.link.width.current",),
    ("pcie.link.width.max",),
    ("remapped_rows.uncorrectable",),
    ("remapped_rows.pending",),
    ("remapped_rows.failure",),
)
FORMAT = "--format=csv,noheader,nounits"
OLD = 10.0  # seconds after which a waiting nvidia-smi is no longer a slow one
LOOKS = 3
BETWEEN = 0.1


def long_waiting():
    """(pid, seconds) of an nvidia-smi that waits in the kernel (D) at every look; None when there is none."""
    with open(proc() + "/uptime", "rb") as file:
        uptime = float(file.read(64).split()[0])
    tick = float(os.sysconf("SC_CLK_TCK"))
    suspects = None
    for look in range(LOOKS):
        now = {
            each[0]: uptime - each[5] / tick
            for each in processes()
            if each[1].startswith("nvidia-smi") and each[2] == "D" and uptime - each[5] / tick > OLD
        }
        suspects = now if suspects is None else {pid: age for pid, age in suspects.items() if pid in now}
        if not suspects:
            return None
        if look < LOOKS - 1:
            time.sleep(BETWEEN)
    pid = max(suspects, key=lambda each: suspects[each])
    return pid, suspects[pid]


def fields(found):
    """The first command: which fields there are. Stuck where nothing may be asked."""
    waiting = long_waiting()
    if waiting is not None:
        return Stuck("nvidia-smi (pid %d) waits since %d s, state=D; not asked again" % waiting)
    return ["nvidia-smi", "--help-query-gpu"]


def table(found):
    """The query of all GPUs, with the names that this driver knows."""
    known = set(re.findall(r'"([a-z0-9_.]+)"', found.get("gpu.fields", {}).get("text", "")))
    wanted = [next((name for name in each if name in known), each[0]) for each in WANTED if known & set(each)]
    return ["nvidia-smi", "--query-gpu=" + ",".join(wanted or [each[0] for each in WANTED]), FORMAT]
