"""How slow this machine is now. A bound on how long something of ours may take is meant for a machine that does nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time

WORK = "sum(range(8_000_000))"
"""Some tenths of a second of one core."""


def slowness() -> float:
    """How many times as long as on a quiet machine a piece of work takes: 1 on a quiet one, 5 where five want each core.

    Multiply a bound with it, right before or after what it bounds.
    """
    began = time.monotonic()
    worker = subprocess.Popen([sys.executable, "-I", "-S", "-c", WORK])
    _, status, used = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    assert worker.returncode == 0, worker.returncode
    return max(1.0, (time.monotonic() - began) / (used.ru_utime + used.ru_stime))
