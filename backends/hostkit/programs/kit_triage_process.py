"""Processes as /proc tells of them: names, states, groups, ages. Reads nothing that can wait for a stuck process."""

import os

from kit_text import line_text


def proc():
    return os.environ.get("PROCROOT", "/proc")


def stat_of(pid):
    """(comm, state, parent, group, start in ticks) of a process. Raises OSError, ValueError, IndexError."""
    with open("%s/%s/stat" % (proc(), pid), "rb") as file:
        head, _, rest = file.read(4096).rpartition(b")")
    words = rest.split()
    comm = line_text(head.partition(b"(")[2], 64)
    return comm, words[0].decode("ascii", "replace"), int(words[1]), int(words[2]), int(words[19])


def processes():
    """[(pid, comm, state, parent, group, start)] of everything that runs."""
    found = []
    for name in os.listdir(proc()):
        if name.isdigit():
            try:
                found.append((int(name), *stat_of(name)))
            except (OSError, ValueError, IndexError):  # ended meanwhile
                pass
    return found


def members(group):
    """[(pid, state)] of a process group, without those that have ended."""
    return [(each[0], each[2]) for each in processes() if each[4] == group and each[2] not in "ZX"]
