"""What Slurm is asked and told, as argv lists."""

from __future__ import annotations

JOB_FORMAT = "%i|%u|%L|%T|%j"
"""Number, user, time left, state, name; the name last: it may have anything in it."""


def show_node(node: str) -> list[str]:
    return ["scontrol", "-o", "show", "node", node]


def jobs(node: str) -> list[str]:
    return ["squeue", "-h", "-w", node, "-o", JOB_FORMAT]


def drain(node: str, reason: str) -> list[str]:
    return ["scontrol", "update", f"nodename={node}", "state=drain", f"reason={reason}"]


def resume(node: str) -> list[str]:
    return ["scontrol", "update", f"nodename={node}", "state=resume"]
