"""Who holds GPU memory: the driver's process lists turned round, by pid."""

from __future__ import annotations

from backends.metrics.sample import Gpu

Held = tuple[int | None, tuple[int, ...]]
"""GPU memory in bytes over all GPUs (None where the driver does not say) and the GPUs' indices."""


def held_by_pid(gpus: tuple[Gpu, ...]) -> dict[int, Held]:
    """Pid → what it holds."""
    held: dict[int, Held] = {}
    for gpu in gpus:
        for process in gpu.processes or ():
            memory, places = held.get(process.pid, (None, ()))
            if process.memory_bytes is not None:
                memory = (memory or 0) + process.memory_bytes
            held[process.pid] = (memory, places if gpu.index in places else (*places, gpu.index))
    return held
