"""Health facts of the system: services, file systems, memory modules, clock, limits, boot, runtimes. Contract: health.py."""

import os
import time

from kit_ask import answer_of, content, lines
from kit_devices import real_mounts
from kit_stale import systemctl

ROOT = os.environ.get("HEALTHROOT", "")  # a directory in place of /, for tests
MOST = 200
KEY_UNITS = (
    "nvidia-persistenced nvidia-fabricmanager nvidia-imex nvidia-dcgm docker containerd crio kubelet slurmd "
    "ssh sshd chrony chronyd ntpd ntpsec systemd-timesyncd"
).split()
UNIT_FIELDS = "Id,LoadState,ActiveState,SubState,NRestarts,Result,StateChangeTimestampMonotonic"
BAD_VARIABLES = (
    "NSIGHT_CUDA_DEBUGGER",
    "CUDA_INJECTION32_PATH",
    "CUDA_INJECTION64_PATH",
    "CUDA_AUTO_BOOST",
    "CUDA_PROFILE",
    "COMPUTE_PROFILE",
    "CUDA_ENABLE_COREDUMP_ON_EXCEPTION",
    "CUDA_COREDUMP_FILE",
)
MODULES = "nouveau nvidia nvidia_peermem nv_peer_mem mlx5_core ib_core mlx5_ib ib_uverbs ib_umad rdma_ucm".split()
TRACKING = ["chronyc", "-c", "-n", "tracking"]
SOCKETS = ("/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock")


def listing(path):
    """Names in a directory, sorted; [] where there is none. Raises OSError when it may not be read."""
    try:
        return sorted(os.listdir(ROOT + path))
    except OSError as error:
        if error.errno in (2, 20):
            return []
        raise


def word(path, size=256):
    """A small file's stripped text; None where there is none or it will not be read."""
    try:
        text = content(ROOT + path, size)
    except (IOError, OSError):
        return None
    return None if text is None else text.strip()


def number(path):
    """A whole number from a small file, or None."""
    try:
        return int((word(path, 64) or "").split()[0])
    except (ValueError, IndexError):
        return None


def uptime():
    return float((word("/proc/uptime") or "").split()[0])


def units():
    """What systemd says of units that failed, that were restarted, or on which others lean; None without systemd."""
    every = systemctl("show", "--property=" + UNIT_FIELDS, "*.service")
    return unit_rows([every, failed()])


def key_units():
    """As `units`, without those that only were restarted: systemd need not be asked about each of its units."""
    names = [name + ".service" for name in KEY_UNITS]
    return unit_rows([systemctl("show", "--property=" + UNIT_FIELDS, *names), failed()])


def failed():
    return systemctl("show", "--property=" + UNIT_FIELDS, "--state=failed", "*")


def unit_rows(texts):
    if texts[-1] is None:
        return None
    key = [name + ".service" for name in KEY_UNITS]
    found = {}
    for block in "\n\n".join(text or "" for text in texts).split("\n\n"):
        fields = dict(line.split("=", 1) for line in lines(block) if "=" in line)
        name = fields.get("Id", "")
        told = fields.get("ActiveState") == "failed" or fields.get("NRestarts", "0") != "0" or name in key
        if name and told and fields.get("LoadState") != "not-found":
            found[name] = unit_row(name, fields)
    return list(found.values())[:MOST]


def unit_row(name, fields):
    restarts, changed = fields.get("NRestarts", ""), fields.get("StateChangeTimestampMonotonic", "")
    return {
        "unit": name,
        "active": fields.get("ActiveState", ""),
        "sub": fields.get("SubState", ""),
        "result": fields.get("Result", ""),
        "restarts": int(restarts) if restarts.isdigit() else None,
        # systemd's own clock, which unlike /proc/uptime stands still while the machine sleeps
        "age": max(0.0, time.monotonic() - int(changed) / 1e6) if changed.isdigit() and changed != "0" else None,
    }


def mounts():
    """Real file systems as mounted, and what fstab wants."""
    text = content(ROOT + "/proc/self/mounts", 1 << 20) or ""
    mounted = [{"device": d, "mount": m, "kind": k, "read_only": r} for d, m, k, r in real_mounts(text)]
    points = [line.split(" ")[1] for line in text.split("\n") if line.count(" ") > 3]
    wanted = []
    for line in lines(content(ROOT + "/etc/fstab", 1 << 18) or "", 4096):
        fields = line.split()
        if len(fields) > 3 and not fields[0].startswith("#") and fields[1].startswith("/"):
            there = fields[1] in points or (fields[1].rstrip("/") or "/") in points
            row = {"mount": fields[1], "kind": fields[2], "options": fields[3][:300], "mounted": there}
            wanted.append(row)
    return {"mounted": mounted, "wanted": wanted[:MOST]}


def raid():
    """/proc/mdstat, and the mismatches that the last check of each array found; None without md."""
    text = word("/proc/mdstat", 1 << 16)
    if text is None:
        return None
    counts = {}
    for name in listing("/sys/block"):
        mismatches = number("/sys/block/%s/md/mismatch_cnt" % name)
        if mismatches is not None:
            counts[name] = mismatches
    return {"lines": lines(text), "mismatches": counts}


def edac():
    """Counters of each memory controller and module; None where no EDAC driver is loaded."""
    rows = []
    root = "/sys/devices/system/edac/mc"
    controllers = [name for name in listing(root) if name[:2] == "mc" and name[2:].isdigit()]
    for name in controllers:
        place = "%s/%s" % (root, name)
        rows.append(
            {"name": name, "corrected": number(place + "/ce_count"), "uncorrected": number(place + "/ue_count")}
        )
        for leaf in listing(place):
            if leaf.startswith(("dimm", "rank")):
                module = place + "/" + leaf
                rows.append(
                    {
                        "name": word(module + "/dimm_label") or "%s/%s" % (name, leaf),
                        "corrected": number(module + "/dimm_ce_count"),
                        "uncorrected": number(module + "/dimm_ue_count"),
                        "module": True,
                    }
                )
    return rows[: 4 * MOST] if controllers else None


def clock():
    """What keeps the time: chrony's tracking as fields, and what systemd says; None where neither answers."""
    chrony = answer_of(TRACKING)
    systemd = answer_of(["timedatectl", "show", "--property=NTP,NTPSynchronized,CanNTP"])
    if chrony is None and (systemd is None or systemd["status"] != 0):
        return None
    return {"chrony": chrony, "systemd": systemd, "uptime": uptime()}


def chrony():
    """As `clock`, without systemd: asking that starts a service of it. None without chrony."""
    answer = answer_of(TRACKING)
    return None if answer is None else {"chrony": answer, "systemd": None, "uptime": uptime()}


def limits():
    """Open files, processes and threads against what the kernel allows."""
    files = (word("/proc/sys/fs/file-nr") or "").split()
    tasks = (word("/proc/loadavg") or "").split()[3].split("/")[1]
    return {
        "files": int(files[0]),
        "files_max": int(files[2]),
        "tasks": int(tasks),
        "pid_max": number("/proc/sys/kernel/pid_max"),
        "threads_max": number("/proc/sys/kernel/threads-max"),
    }


def memory():
    """Free large blocks, huge pages, faults and kills since boot."""
    info = {}
    for line in lines(word("/proc/meminfo", 1 << 14) or ""):
        name, _, value = line.partition(":")
        if name in ("MemTotal", "HugePages_Total", "HugePages_Free", "Hugepagesize"):
            info[name] = int(value.split()[0])
    events = {}
    for line in lines(word("/proc/vmstat", 1 << 16) or ""):
        name, _, value = line.partition(" ")
        if name in ("pgmajfault", "oom_kill"):
            events[name] = int(value)
    blocks = None
    for line in lines(word("/proc/buddyinfo", 1 << 14) or ""):
        fields = line.split()
        if "Normal" in fields or "DMA32" in fields:
            orders = fields[fields.index("zone") + 2 :]
            blocks = (blocks or 0) + sum(int(each) for each in orders[8:])
    return {"info": info, "events": events, "large_blocks": blocks}


def boot():
    """What was booted and when, and what the crashed kernel before it left."""
    try:
        left = listing("/sys/fs/pstore")[:MOST]
    except OSError as error:
        left = None if error.errno in (1, 13) else []
    return {
        "boot_id": word("/proc/sys/kernel/random/boot_id") or "",
        "kernel": word("/proc/sys/kernel/osrelease") or "",
        "uptime": uptime(),
        "options": [each for each in (word("/proc/cmdline", 4096) or "").split() if "iommu" in each.split("=")[0]][:16],
        "panics": left,
    }


def modules():
    """Which of the modules that matter are loaded, with their version where they tell one."""
    loaded = [line.split(" ", 1)[0] for line in lines(content(ROOT + "/proc/modules", 1 << 18) or "")]
    return {name: word("/sys/module/%s/version" % name) or "" for name in MODULES if name in loaded}


def governors():
    """{governor: number of cores}."""
    found = {}
    for name in listing("/sys/devices/system/cpu"):
        if name[:3] == "cpu" and name[3:].isdigit():
            governor = word("/sys/devices/system/cpu/%s/cpufreq/scaling_governor" % name)
            if governor:
                found[governor] = found.get(governor, 0) + 1
    return found or None


def extras():
    """What GPU jobs need of a node besides: shared memory, limits of a session, cgroups, a clean environment."""
    import resource

    shm = os.statvfs(ROOT + "/dev/shm") if os.path.isdir(ROOT + "/dev/shm") else None
    text = content(ROOT + "/etc/environment", 1 << 16) or ""
    names = [line.replace("export ", "", 1).split("=")[0].strip() for line in lines(text)]
    unlimited = resource.RLIM_INFINITY
    locked, files = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0], resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return {
        "shm_total": shm.f_blocks * shm.f_frsize if shm else None,
        "shm_free": shm.f_bavail * shm.f_frsize if shm else None,
        "locked_memory": None if locked == unlimited else locked,
        "open_files": None if files == unlimited else files,
        "cgroup": 2 if os.path.exists(ROOT + "/sys/fs/cgroup/cgroup.controllers") else 1,
        "variables": [name for name in names if name in BAD_VARIABLES],
    }


def runtime(path):
    """Seconds until a container runtime took a connection (and, for Docker, answered); None where there is none."""
    if not os.path.exists(ROOT + path):
        return None
    import socket

    start = time.monotonic()
    link = socket.socket(socket.AF_UNIX)
    try:
        link.connect(ROOT + path)
        if "docker" in path:
            link.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            if not link.recv(64):
                raise RuntimeError("it closed the connection")
    finally:
        link.close()
    return round(time.monotonic() - start, 3)


def fans():
    """hwmon fans that raise an alarm or turn slower than their minimum: an empty header has no minimum."""
    rows = []
    for chip in listing("/sys/class/hwmon"):
        place = "/sys/class/hwmon/" + chip
        for leaf in listing(place):
            if leaf.startswith("fan") and leaf.endswith("_input"):
                stem = place + "/" + leaf[:-6]
                row = {"name": "%s/%s" % (word(place + "/name") or chip, word(stem + "_label") or leaf[:-6])}
                row.update(rpm=number(stem + "_input"), low=number(stem + "_min"), alarm=number(stem + "_alarm"))
                rows.append(row)
    return rows[:MOST] or None


def board():
    """The board's event log, fans and supplies through IPMI; None where there is no IPMI."""
    if not any(os.path.exists(ROOT + path) for path in ("/dev/ipmi0", "/dev/ipmi/0")):
        return None
    if not os.access(ROOT + "/dev/ipmi0", os.R_OK | os.W_OK):
        raise RuntimeError("no permission: /dev/ipmi0")
    log = answer_of(["ipmitool", "sel", "elist", "last", "20"])
    if log is None:
        return None
    return {
        "log": log,
        "fans": answer_of(["ipmitool", "sdr", "type", "Fan"]),
        "supplies": answer_of(["ipmitool", "sdr", "type", "Power Supply"]),
    }
