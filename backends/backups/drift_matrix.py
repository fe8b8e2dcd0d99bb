"""Hosts × facts: which hosts have the same, and who stands apart. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from backends.backups.drift_peers import Neutral, is_own, neutral
from backends.backups.snapshot_model import Snapshot
from backends.backups.text_diff import counted
from backends.backups.views import DriftMatrix, FactRow
from backends.text import clean

UNKNOWN = "?"
"""Where a command is there and gave no answer, or the host gave no snapshot: neither equal nor different."""
SHORT = 48
"""A text of one line up to this length is its own value; others are counted and hashed."""

GPU_COLUMNS = (
    ("driver", 2),
    ("VBIOS", 3),
    ("GPUs", 1),
    ("persistence mode", 4),
    ("power limit", 5),
    ("ECC", 6),
    ("compute mode", 7),
    ("MIG", 8),
)
"""Row, column of the fact "gpu-versions"."""
FILES = (
    ("slurm.conf", "etc/slurm*/slurm.conf"),
    ("gres.conf", "etc/slurm*/gres.conf"),
    ("cgroup.conf", "etc/slurm*/cgroup.conf"),
    ("sshd_config", "etc/ssh/sshd_config"),
    ("sysctl.d", "etc/sysctl.d/*"),
    ("modprobe.d", "etc/modprobe.d/*"),
    ("limits", "etc/security/limits*"),
    ("udev rules", "etc/udev/rules.d/*"),
    ("daemon.json", "etc/docker/daemon.json"),
    ("containerd", "etc/containerd/config.toml"),
    ("kubelet", "var/lib/kubelet/config.yaml"),
    ("fabric manager", "usr/share/nvidia/nvswitch/fabricmanager.cfg"),
    ("chrony", "etc/chrony*"),
    ("resolv.conf", "etc/resolv.conf"),
    ("grub", "etc/default/grub*"),
    ("pam", "etc/pam.d/*"),
    ("sudoers", "etc/sudoers*"),
    ("authorized keys", "root/.ssh/authorized_keys"),
)
"""Row, pattern of the files that it is made from (all of them together)."""


def matrix(hosts: Mapping[str, Mapping[str, str] | str]) -> DriftMatrix:
    """One row a fact; those that differ come first, the fewer hosts stand apart the earlier.

    Args:
        hosts: host → its `values`, or why there are none.
    """
    sides = [None if isinstance(each, str) else each for each in hosts.values()]
    facts = list(dict.fromkeys(fact for side in sides if side is not None for fact in side))
    rows = [_row(fact, [UNKNOWN if side is None else side.get(fact, "") for side in sides]) for fact in facts]
    place = {fact: index for index, fact in enumerate(facts)}
    return DriftMatrix(
        hosts=tuple(hosts),
        rows=tuple(sorted(rows, key=lambda row: (_odd(row) or 1 << 30, place[row.fact]))),
        problems=tuple(f"{host}: {why}" for host, why in hosts.items() if isinstance(why, str)),
    )


def _row(fact: str, values: Sequence[str]) -> FactRow:
    known = Counter(value for value in values if value != UNKNOWN)
    usual = max(known, key=lambda value: (known[value], value)) if known else ""
    return FactRow(fact=fact, values=tuple(values), usual=usual)


def _odd(row: FactRow) -> int:
    """How many hosts are known to be different from most."""
    return sum(value not in (row.usual, UNKNOWN) for value in row.values)


def values(snapshot: Snapshot) -> dict[str, str]:
    """Row → short value of one host; equal values mean equal facts."""
    words = neutral(snapshot)
    found = {"distribution": clean(snapshot.meta.distribution, SHORT), "kernel": _word(snapshot, "kernel", 1)}
    found |= {name: _column(snapshot, column) for name, column in GPU_COLUMNS if "gpu-versions" in snapshot.facts}
    found |= {name: value for name, pattern in FILES if (value := _of_files(snapshot, pattern, words))}
    for name in sorted({*snapshot.facts, *snapshot.meta.facts} - {"kernel", "gpu-versions"}):
        if not is_own(f"fact:{name}"):
            found[name] = _of_text(words(snapshot.facts[name])) if name in snapshot.facts else UNKNOWN
    return found


def _word(snapshot: Snapshot, fact: str, place: int) -> str:
    words = snapshot.facts.get(fact, "").split()
    return clean(words[place], SHORT) if len(words) > place else ""


def _column(snapshot: Snapshot, column: int) -> str:
    """The distinct values of all GPUs; "8× NVIDIA H100" where it counts."""
    rows = [line.split(", ") for line in snapshot.facts["gpu-versions"].splitlines()]
    number = Counter(row[column].strip() for row in rows if len(row) > column)
    name: Callable[[str], str] = (lambda value: f"{number[value]}× {value}") if column == 1 else str
    return clean(", ".join(name(value) for value in sorted(number)), SHORT)


def _of_text(text: str) -> str:
    lines = sorted(text.splitlines())
    if not lines:
        return "none"
    if len(lines) == 1 and len(lines[0]) <= SHORT:
        return clean(lines[0], SHORT)
    return f"{counted(len(lines), 'line')} {_hash(lines)}"


def _of_files(snapshot: Snapshot, pattern: str, words: Neutral) -> str:
    """A hash over the files' names and contents; "" where there is none."""
    paths = sorted(path for path, each in snapshot.entries.items() if each.type == "-" and fnmatchcase(path, pattern))
    parts = list(paths)
    for path in paths:
        data = snapshot.contents.get(path)
        parts.append(snapshot.entries[path].sha256 if data is None else words(data.decode("utf-8", "replace")))
    return _hash(parts) if paths else ""


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:8]
