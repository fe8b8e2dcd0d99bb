"""Which services still run code that is gone from the disk, found as needrestart does: from deleted executable mappings."""

import os
import re

from kit_ask import answer_of, content, lines, run

MAPPED = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S)(\S)(x)\S \S+ \S+ [1-9]\d* +(/.*) \(deleted\)$")
CODE = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/", "/snap/")
TEMPORARY = ("/usr/share/", "/opt/cuda/tmp")
UNIT = re.compile(r"/([^/]+\.(?:service|socket|mount))(?:/|$)")
CONTAINER = re.compile(r"docker|containerd|crio|libpod|kubepods|lxc|machine\.slice|nspawn")
TIMERS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dnf-automatic.timer",
    "dnf-automatic-install.timer",
    "dnf5-automatic.timer",
    "transactional-update.timer",
    "fwupd-refresh.timer",
)


def proc():
    return os.environ.get("PROCROOT", "/proc")


def deleted_code(pid):
    """A file of code that the process has mapped and that was replaced; "" when there is none."""
    for line in (content("%s/%s/maps" % (proc(), pid), 4 << 20) or "").split("\n"):
        match = line.endswith(" (deleted)") and MAPPED.match(line)
        if match and match.group(4).startswith(CODE) and not match.group(4).startswith(TEMPORARY):
            return match.group(4)
    return ""


def unit_of(pid):
    """The unit that a process belongs to: a service, "systemd-manager", "session" or "container"."""
    if pid == "1":
        return "systemd-manager"
    for line in (content("%s/%s/cgroup" % (proc(), pid)) or "").split("\n"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not (number == "0" or controllers == "name=systemd"):
            continue
        if CONTAINER.search(path):
            return "container"
        units = UNIT.findall(path)
        if units:
            return units[0]
        if ".scope" in path:
            return "session"
    return ""


def stale():
    """[{"unit", "processes", "path"}]: units with replaced code, and an example of it. Needs root to see all."""
    found = {}
    unseen = 0
    for pid in sorted((name for name in os.listdir(proc()) if name.isdigit()), key=int):
        try:
            path = deleted_code(pid)
        except (IOError, OSError):
            unseen += 1  # not ours to see, or it has ended
            continue
        if path:
            unit = unit_of(pid) or "process %s" % pid
            entry = found.setdefault(unit, {"unit": unit[:200], "processes": 0, "path": path[:300]})
            entry["processes"] += 1
    return {"units": list(found.values())[:300], "unseen": unseen}


def needrestart():
    """`needrestart -b`, its warnings thrown away; None where it is not installed."""
    return answer_of(["needrestart", "-b"])


def dnf_reboot():
    return answer_of(["dnf", "-C", "needs-restarting", "-r"])


def dnf_services():
    return answer_of(["dnf", "-C", "needs-restarting", "-s"])


def zypper_reboot():
    return answer_of(["zypper", "--non-interactive", "needs-rebooting"])


def zypper_services():
    return answer_of(["zypper", "--non-interactive", "ps", "-sss"])


def module_tree_gone():
    """Whether the running kernel's modules were removed (pacman replaces them in place); None without pacman."""
    if run(["pacman", "--version"]) is None:
        return None
    return not os.path.isdir("/usr/lib/modules/" + os.uname().release)


def systemctl(*words):
    """What systemctl prints; None on a host that systemd does not run."""
    if not os.path.isdir(os.environ.get("SYSTEMDROOT", "/run/systemd/system")):
        return None
    done = run(["systemctl", "--no-pager", "--plain", "--no-legend", *words])
    if done is None:
        return None
    if done[0] != 0 and not done[1]:
        raise RuntimeError(" ".join(done[2].split())[:200] or "systemctl: status %d" % done[0])
    return done[1]


def failed_units():
    text = systemctl("list-units", "--state=failed")
    return None if text is None else [line.split()[0] for line in lines(text)][:200]


def timers():
    """Timers that start a package manager by themselves: [{"unit", "active", "next"}], next as systemd prints it."""
    text = systemctl("show", "--property=Id,ActiveState,NextElapseUSecRealtime", *TIMERS)
    if text is None:
        return None
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in lines(block) if "=" in line)
        if fields.get("ActiveState") == "active":
            found.append({"unit": fields.get("Id", ""), "next": fields.get("NextElapseUSecRealtime", "")})
    return found


def users():
    """Who is logged in: lines of `who`."""
    done = run(["who"])
    return None if done is None else lines(done[1])[:200]
