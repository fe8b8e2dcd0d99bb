"""What has to be known about an Arch host around its packages, in one round trip."""

from __future__ import annotations

from backends.execution import Exec
from backends.updates import pacman_argv
from backends.updates.dnf_ask import ask

FACTS = (
    "sh",
    "-c",
    'date "+clock %s"; . /etc/os-release; echo "system $PRETTY_NAME"; '
    'echo "boot $(cat /proc/sys/kernel/random/boot_id)"; stat -c "lists %Y" "$1"/sync/* 2>/dev/null; '
    'own=$(pacman-conf DBPath); [ -e "${own%/}/db.lck" ] && echo "lock $(pidof pacman)"; :',
    "sh",
    pacman_argv.LISTS,
)
"""The script is constant; the place is its argument."""


def read_facts(host: Exec) -> dict[str, str]:
    """Clock, system, boot, the oldest list's time, the lock. Raises SwarmError."""
    pairs = [line.partition(" ") for line in ask(host, FACTS).text.splitlines()]
    times = [value for key, _, value in pairs if key == "lists" and value.isascii() and value.isdigit()]
    found = {key: value.strip() for key, _, value in pairs}
    return {**found, "lists": min(times, key=int) if times else ""}
