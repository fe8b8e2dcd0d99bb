"""What must differ between two hosts that are otherwise the same, so that the rest can be compared. Data, with reasons."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from backends.backups.snapshot_model import Snapshot

OWN_FILES = (
    ("etc/hostname", "the host's name"),
    ("etc/machine-id", "the machine's identity"),
    ("etc/ssh/ssh_host_*", "host keys are made on each host"),
    ("etc/ssl/certs/ssl-cert-snakeoil.pem", "a certificate made on each host"),
    ("etc/nvme/hostnqn", "the machine's identity"),
    ("etc/nvme/hostid", "the machine's identity"),
    ("etc/iscsi/initiatorname.iscsi", "the machine's identity"),
    ("etc/lvm/backup*", "volumes are made on each host"),
    ("etc/mdadm/mdadm.conf", "arrays are made on each host"),
    ("etc/multipath/wwids", "disks are different ones"),
    ("etc/multipath/bindings", "disks are different ones"),
    ("etc/udev/rules.d/70-persistent-*", "devices are different ones"),
    ("etc/cloud/*", "what the machine's maker told it about itself"),
    ("etc/netplan/50-cloud-init.yaml", "addresses are given to each host"),
    ("boot/grub*/grubenv", "the boot loader's memory"),
    ("boot/loader/entries/*", "named after the machine's identity"),
    ("etc/subuid*", "given to users in the order in which they came"),
    ("etc/subgid*", "given to users in the order in which they came"),
    ("etc/passwd-", "the copy from before the last change"),
    ("etc/group-", "the copy from before the last change"),
    ("etc/ssl/private/*", "keys are made on each host"),
    ("var/lib/kubelet/pki/*", "certificates are made for each host"),
    ("etc/kubernetes/kubelet.conf", "certificates are made for each host"),
)
OWN_FACTS = (
    ("block-ids", "disks are different ones"),
    ("lvm-physical", "volumes are made on each host"),
    ("lvm-groups", "volumes are made on each host"),
    ("bmc-network", "addresses are given to each host"),
    ("bmc-log", "the log of each machine"),
    ("routes", "addresses are given to each host"),
    ("addresses", "addresses are given to each host"),
    ("timers", "what a user asked for"),
    ("docker-volumes", "made as they are needed"),
    ("failed-units", "a state, not a setting"),
)
_SUBSTITUTES: tuple[tuple[str, str], ...] = (
    (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "UUID"),
    (r"\b[0-9A-F]{4}-[0-9A-F]{4}\b(?![-0-9A-Fa-f])", "UUID"),
    (r"\b(?:[0-9a-f]{2}:){5,19}[0-9a-f]{2}\b", "MAC"),
    (r"\b0x[0-9a-f]{16}\b", "GUID"),
    (r"(?i)((?:serial(?:[ _]?number)?|uuid|wwn|asset[ _]tag|guid)\W{1,10})[\w.:-]+", r"\1SERIAL"),
    (r"\b[0-9a-f]{32}\b", "ID"),
)
"""Pattern, word: identities of disks, adapters and machines."""
_COMPILED = tuple((re.compile(pattern), word) for pattern, word in _SUBSTITUTES)
MOST_ADDRESSES = 200
_HOST, _ADDRESS = "HOST", "ADDRESS"

Neutral = Callable[[str], str]


def is_own(path: str) -> bool:
    """Whether a file (or "fact:NAME") must differ from host to host."""
    if path.startswith("fact:"):
        return any(path[5:] == name for name, _ in OWN_FACTS)
    return any(fnmatchcase(path, pattern) for pattern, _ in OWN_FILES)


def neutral(snapshot: Snapshot) -> Neutral:
    """A function that takes a host's own names, addresses and identities out of a text."""
    names = sorted(_names(snapshot), key=len, reverse=True)
    addresses = sorted(_addresses(snapshot), key=len, reverse=True)
    own = [(_words(names), _HOST), (_words(addresses), _ADDRESS)]

    def without(text: str) -> str:
        for pattern, word in _COMPILED:
            text = pattern.sub(word, text)
        for found, word in own:
            text = found.sub(word, text) if found is not None else text
        return text

    return without


def _words(words: list[str]) -> re.Pattern[str] | None:
    pattern = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])") if words else None


def _names(snapshot: Snapshot) -> set[str]:
    """The host's full and short name; one of two letters would be everywhere."""
    full = snapshot.meta.host
    return {name for name in (full, full.partition(".")[0]) if len(name) > 2 and name != "localhost"}


def _addresses(snapshot: Snapshot) -> set[str]:
    try:
        found = json.loads(snapshot.facts.get("addresses", "[]"))
        given = {str(info["local"]) for link in found for info in link.get("addr_info", ()) if "local" in info}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return set()  # a host says anything; nothing is then taken out, and more is shown
    real = (address for address in sorted(given) if address not in ("127.0.0.1", "::1") and 2 < len(address) < 46)
    return set(itertools.islice(real, MOST_ADDRESSES))
