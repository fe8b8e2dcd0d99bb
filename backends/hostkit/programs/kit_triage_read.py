"""What a triage reads itself, where a file says it better than a program would: each a function that returns text.

Nothing here needs root; what may not be read raises PermissionError and is told as that, never as clean.
"""

import os
import re
import subprocess
import time

from kit_ask import ENVIRONMENT, find
from kit_text import line_text
from kit_triage import CAP, Absent, names
from kit_triage_process import proc, processes

TROUBLE = re.compile(
    rb"NVRM|[SX]?Xid|AER:|pcieport|mce:|Machine check|Hardware Error|EDAC|[Oo]ut of memory|oom-kill|blocked for more|"
    rb"soft lockup|I/O error|nvme.*(?:timeout|reset|controller is down)|[Ll]ink (?:is )?[Dd]own|fallen off|lost carrier|"
    rb"[Rr]emounting filesystem read-only|EXT4-fs error|XFS .*[Ss]hutting? ?[Dd]own|nfs: server|md/raid.*failure|"
    rb"segfault|nvlink|NVSwitch|reset controller|Call Trace"
)
WIDTH = 500
BETWEEN_LOOKS = 0.3


def root():
    return os.environ.get("TRIAGEROOT", "")


def sysfs():
    return os.environ.get("SYSROOT", "/sys")


def word(path, limit=200):
    """A small file's text on one line; "" where there is none or the device refuses."""
    try:
        with open(path, "rb") as file:
            return " ".join(line_text(file.read(limit), limit).split())
    except OSError:
        return ""


def file_text(path, limit=CAP):
    """A file's text. Raises Absent, OSError."""
    try:
        with open(path, "rb") as file:
            return line_text(file.read(limit), limit)
    except OSError as error:
        if error.errno in (2, 20):
            raise Absent("no %s" % path)
        raise


def reader(path):
    return lambda: file_text(path)


def system():
    uname = os.uname()
    rows = [
        ("time", "%.3f" % time.time()),
        ("uptime", word(proc() + "/uptime").split(" ")[0]),
        ("boot_id", word(proc() + "/sys/kernel/random/boot_id")),
        ("kernel", os.environ.get("KERNELRELEASE") or uname.release),
        ("machine", uname.machine),
        ("hostname", uname.nodename),
        ("cpus", str(os.cpu_count())),
        ("load", word(proc() + "/loadavg")),
        ("tainted", word(proc() + "/sys/kernel/tainted")),
        ("zone", time.strftime("%z")),
        ("system", word_of_release()),
        ("root", str(os.geteuid() == 0)),
    ]
    return "".join("%s %s\n" % row for row in rows)


def word_of_release():
    text = word(root() + "/etc/os-release", 2000)
    match = re.search(r'PRETTY_NAME="([^"]*)"', text)
    return match.group(1) if match else ""


def filtered(argv):
    """(matching lines, all lines seen, what it said on stderr) of a program that prints a kernel log."""
    environment = dict(ENVIRONMENT, PATH=os.environ.get("ASKPATH", ENVIRONMENT["PATH"]) + ":/usr/bin:/bin")
    with open(os.devnull, "rb") as nothing:
        process = subprocess.Popen(
            [find(argv[0]), *argv[1:]],
            stdin=nothing,
            stdout=subprocess.PIPE,
            stderr=2,
            env=environment,
        )
    lines, seen, size = [], 0, 0
    for line in process.stdout:
        seen += not line.startswith(b"-- ")
        if TROUBLE.search(line):
            lines.append(line.rstrip(b"\n")[:WIDTH])
            size += len(lines[-1]) + 1
        while size > CAP - 100:  # the newest are kept
            size -= len(lines.pop(0)) + 1
    process.wait()
    return [line_text(line, WIDTH) for line in lines], seen


def kernel_log():
    """Lines of this boot that tell of trouble. The first line says where from and how many lines there were in all."""
    told = []
    for argv in (
        ["journalctl", "-k", "-b", "--since", "-6h", "-o", "short-iso-precise", "--no-pager"],
        ["journalctl", "-k", "-b", "-n", "1", "-o", "short-iso-precise", "--no-pager"],  # quiet, or not to be read?
        ["dmesg", "-k", "--time-format", "iso"],
        ["dmesg"],
    ):
        if find(argv[0]) is None:
            continue
        lines, seen = filtered(argv)
        if seen:
            return "\n".join(["# %s: %d lines, %d shown" % (argv[0], seen, len(lines)), *lines]) + "\n"
        told.append(argv[0])
    if not told:
        raise Absent("neither journalctl nor dmesg")
    return "# nothing: no line from %s\n" % ", ".join(sorted(set(told)))


def end_of_last_boot(found):
    """The last lines before the reboot, where it was in the last hour."""
    text = found.get("system", {}).get("text", "")
    match = re.search(r"^uptime ([0-9.]+)$", text, re.M)
    if match is None or float(match.group(1)) > 3600:
        return "the last reboot is more than an hour ago"
    return ["journalctl", "-b", "-1", "-n", "50", "-o", "short-iso", "--no-pager"]


def pci():
    """NVIDIA and Mellanox devices on the bus, driver or not: address, class, width and speed of the link."""
    base = sysfs() + "/bus/pci/devices"
    lines = []
    for name in names(base):
        vendor, kind = (word("%s/%s/%s" % (base, name, each)) for each in ("vendor", "class"))
        if vendor not in ("0x10de", "0x15b3"):
            continue
        link = " ".join(
            "%s=%s" % (short, word("%s/%s/%s" % (base, name, each)).replace(" ", ""))
            for short, each in (
                ("width", "current_link_width"),
                ("of", "max_link_width"),
                ("speed", "current_link_speed"),
                ("ofspeed", "max_link_speed"),
            )
        )
        try:
            driver = os.path.basename(os.readlink("%s/%s/driver" % (base, name)))
        except OSError:
            driver = "-"
        lines.append("%s %s %s %s driver=%s" % (name, vendor, kind, link, driver))
    return "".join(line + "\n" for line in lines) or "# no NVIDIA or Mellanox device\n"


def gpu_nodes():
    """Device nodes and modules."""
    nodes = [name for name in names(os.environ.get("DEVROOT", "/dev")) if name.startswith("nvidia")]
    loaded = [line.split(" ")[0] for line in file_text(proc() + "/modules", 1 << 18).split("\n")]
    wanted = [name for name in loaded if name.startswith(("nvidia", "nouveau", "mlx5", "gdrdrv"))]
    return "nodes %s\nmodules %s\n" % (" ".join(nodes), " ".join(wanted))


def waiting():
    """Processes that wait in the kernel (D, at both of two looks) or are dead and not fetched (Z): pid, parent, state, age in
    seconds, where, name."""
    before = {each[0] for each in processes() if each[2] == "D"}
    time.sleep(BETWEEN_LOOKS)
    uptime = float(word(proc() + "/uptime").split(" ")[0])
    tick = float(os.sysconf("SC_CLK_TCK"))
    now = processes()
    ours = {each[0] for each in now if each[3] == os.getppid()} | {os.getppid()}  # what this triage has started itself
    lines = []
    for pid, comm, state, parent, _, start in now:
        if parent not in ours and (state == "Z" or (state == "D" and pid in before)):
            where = word("%s/%d/wchan" % (proc(), pid), 60) or "-"
            age = uptime - start / tick
            lines.append("%d %d %s %d %s %s" % (pid, parent, state, age, where, " ".join(comm.split())))
    return "".join(line + "\n" for line in lines[:500]) or "# none\n"


def pressure():
    lines = []
    for name in ("cpu", "memory", "io"):
        try:
            with open("%s/pressure/%s" % (proc(), name), "rb") as file:
                lines += ["%s %s" % (name, line) for line in line_text(file.read(500), 500).split("\n") if line]
        except OSError:
            pass
    if not lines:
        raise Absent("no pressure stall information in this kernel")
    return "\n".join(lines) + "\n"


def mounts():
    """Real filesystems: device, mount, type, options; and what fstab wants."""
    lines = [line for line in file_text(proc() + "/mounts", 1 << 18).split("\n") if line]
    wanted = re.compile(r"^(?:/dev/|[\w.:-]+:/|\S+ \S+ (?:nfs4?|cifs|lustre|gpfs|beegfs|wekafs|zfs|ceph|fuse\.\w+) )")
    kept = ["mounted " + line for line in lines if wanted.match(line) and " squashfs " not in line]
    try:
        table = file_text(root() + "/etc/fstab", CAP).split("\n")
    except Absent:
        table = []
    kept += [
        "fstab " + " ".join(line.split()[:4]) for line in table if line.strip() and not line.lstrip().startswith("#")
    ]
    return "".join(line + "\n" for line in kept)


def nics():
    base = sysfs() + "/class/net"
    lines = []
    for name in names(base):
        if not os.path.exists("%s/%s/device" % (base, name)) and not os.path.exists("%s/%s/bonding" % (base, name)):
            continue  # bridges, tunnels and virtual pairs come and go
        facts = [
            (each, word("%s/%s/%s" % (base, name, each)) or "-")
            for each in ("operstate", "carrier", "speed", "carrier_down_count")
        ]
        facts += [
            (each, word("%s/%s/statistics/%s" % (base, name, each)) or "-") for each in ("rx_errors", "tx_errors")
        ]
        lines.append(name + " " + " ".join("%s=%s" % each for each in facts))
    return "".join(line + "\n" for line in lines) or "# no network device\n"


def infiniband():
    base = sysfs() + "/class/infiniband"
    lines = []
    for device in names(base):
        for port in names("%s/%s/ports" % (base, device)):
            place = "%s/%s/ports/%s/" % (base, device, port)
            state, phys, rate = (word(place + each).replace(" ", "") or "-" for each in ("state", "phys_state", "rate"))
            downed = word(place + "counters/link_downed") or "-"
            layer = word(place + "link_layer").replace(" ", "") or "-"
            lines.append(
                "%s/%s state=%s phys=%s rate=%s downed=%s layer=%s" % (device, port, state, phys, rate, downed, layer)
            )
    if not lines:
        raise Absent("no InfiniBand device")
    return "".join(line + "\n" for line in lines)
