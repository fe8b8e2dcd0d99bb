"""Kernel events as the hosts' reader decodes them → as the rules look at them. Pure."""

from __future__ import annotations

from backends.alerts.subjects import KernelEvent
from backends.alerts.xid_lines import bus_of
from backends.hostkit.kernel_message import KernelEvent as Message

FALLEN = 79
"""The XID of a GPU that fell off the bus; the kernel does not always give the number."""


def taken(message: Message, *, job: str = "", clock_offset_seconds: float = 0.0) -> KernelEvent:
    """The event of a message.

    Args:
        message: of the host's kernel log.
        job: Slurm job or container that its process belongs to, where the engine knows it.
        clock_offset_seconds: of the host's clock minus ours; event times are ours.
    """
    gpu = message.kind in ("xid", "sxid", "gpu-lost")
    lost = message.kind == "gpu-lost"
    return KernelEvent(
        time=message.time - clock_offset_seconds,
        kind="xid" if lost else message.kind,
        boot_id=message.boot,
        object=bus_of(message.device) if gpu else "" if message.kind == "oom" else message.device,
        code=FALLEN if lost else message.code,
        grade=message.grade,
        text=f"{message.text} [{message.group}]" if message.group else message.text,
        job=job,
    )
