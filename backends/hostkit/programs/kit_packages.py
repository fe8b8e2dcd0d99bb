"""The state of the package managers: which there are, what is half done, who holds a lock, what is held back, list age."""

import os
import re
import time

from kit_ask import answer_of, content, find, lines, run

ROOT = os.environ.get("PACKAGEROOT", "")  # a directory in place of /, for tests
MANAGERS = ("apt-get", "dnf5", "dnf", "yum", "zypper", "pacman")
LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
    "/run/dnf/rpmtransaction.lock",
)
PID_FILES = ("/var/run/dnf.pid", "/run/yum.pid", "/var/cache/dnf/metadata_lock.pid", "/run/zypp.pid")
PACMAN_LOCK = "/var/lib/pacman/db.lck"
APT_LISTS = ("/var/lib/apt/lists", "/var/lib/apt/lists/partial", "/var/lib/apt/periodic/update-success-stamp")
LISTS = ("/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/zypp/solv", "/var/lib/pacman/sync")
FAMILY = ("*nvidia*", "cuda-drivers*")
TICKS = os.sysconf("SC_CLK_TCK")


def proc():
    return os.environ.get("PROCROOT", "/proc")


def managers():
    return [name for name in MANAGERS if find(name)]


def dpkg_rows():
    """Packages whose state is not installed or held: [[name, state]]; None without dpkg."""
    done = run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}\\t${binary:Package}\\n"])
    if done is None:
        return None
    rows = [line.split("\t", 1) for line in lines(done[1], 400) if "\t" in line]
    sound = ("ii ", "hi ", "rc ", "pn ", "un ", "rH ")  # installed, held, only configuration left, known but not here
    return [[name, state.strip()] for state, name in rows if state not in sound][:200]


def dpkg_updates():
    """The journal of an interrupted dpkg: file names of digits; None without dpkg."""
    try:
        return sorted(name for name in os.listdir(ROOT + "/var/lib/dpkg/updates") if name.isdigit())[:50]
    except OSError as error:
        if error.errno == 2:
            return None
        raise


def started(pid):
    """(command line, epoch seconds of its start) of a process."""
    uptime = float((content(proc() + "/uptime") or "0").split()[0])
    stat = content("%s/%d/stat" % (proc(), pid)) or ""
    fields = stat[stat.rfind(")") + 2 :].split()
    words = (content("%s/%d/cmdline" % (proc(), pid), 4096) or "").replace("\0", " ").strip()
    command = words or stat[stat.find("(") + 1 : stat.rfind(")")]
    began = time.time() - uptime + int(fields[19]) / float(TICKS) if len(fields) > 19 else None
    return command[:300], began


def holder(path, pid):
    command, since = started(pid)
    return {"path": path, "pid": pid, "command": command, "since": since}


def locks():
    """Who holds a package manager's lock, from the kernel's table (no lock is ever tried) and from pid files."""
    inodes = {}
    for path in LOCKS:
        try:
            stat = os.stat(ROOT + path)
            inodes["%02x:%02x:%d" % (os.major(stat.st_dev), os.minor(stat.st_dev), stat.st_ino)] = path
        except OSError:
            pass
    found = {}
    for line in lines(content(proc() + "/locks", 1 << 20) or ""):
        words = line.split()
        if len(words) > 5 and words[1] != "->" and words[3] == "WRITE" and words[5] in inodes and words[4].isdigit():
            found.setdefault((inodes[words[5]], int(words[4])), None)
    for path in PID_FILES:
        text = (content(ROOT + path, 64) or "").strip()
        if text.isdigit() and os.path.isdir("%s/%s" % (proc(), text)):
            found.setdefault((path, int(text)), None)
    return [holder(path, pid) for path, pid in found]


def pacman_lock():
    """{"since", "users"}: the age of db.lck and the pacman processes that may own it; None without one."""
    try:
        since = os.stat(ROOT + PACMAN_LOCK).st_mtime
    except OSError:
        return None
    users = 0
    for name in os.listdir(proc()):
        if name.isdigit() and (content("%s/%s/comm" % (proc(), name), 64) or "").strip() in ("pacman", "pamac-daemon"):
            users += 1
    return {"since": since, "users": users}


def table_names(rows):
    """The second column of zypper's table of locks; its sentence about an empty one has none."""
    cells = [row.split("|") for row in rows]
    return [row[1].strip() for row in cells if len(row) > 1 and row[0].strip().isdigit()][:500]


def holds():
    """What is held back, as each manager that is here tells: {manager: [line]}."""
    found = {}
    for name, argv in (
        ("apt", ["apt-mark", "showhold"]),
        ("dnf", ["dnf", "-q", "-C", "versionlock", "list"]),
        ("zypper", ["zypper", "--quiet", "--no-refresh", "locks"]),
    ):
        done = run(argv)
        if done is not None and done[0] == 0:
            found[name] = table_names(lines(done[1])) if name == "zypper" else lines(done[1])[:500]
    text = content(ROOT + "/etc/pacman.conf")
    if text is not None:
        values = re.findall(r"^\s*(?:IgnorePkg|IgnoreGroup)\s*=\s*(.+)$", text, re.MULTILINE)
        found["pacman"] = [word for value in values for word in value.split()]
    return found


def family():
    """Installed packages of the driver family: [[name, version, state]]; None where no manager can tell."""
    done = run(["dpkg-query", "-W", "-f=${binary:Package}\\t${Version}\\t${db:Status-Abbrev}\\n", *FAMILY])
    if done is None:
        form = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\tii\\n"
        done = run(["rpm", "-qa", "--qf", form, *FAMILY])
    if done is None:
        done = run(["pacman", "-Q"])
        if done is None:
            return None
        wanted = re.compile(r".*nvidia.*|cuda.*")
        rows = [line.split() for line in lines(done[1])]
        return [[row[0], row[1], "ii"] for row in rows if len(row) > 1 and wanted.match(row[0])]
    rows = [line.split("\t") for line in lines(done[1], 400)]
    return [[row[0], row[1], row[2].strip()] for row in rows if len(row) > 2 and row[1]][:500]


def fabric_manager():
    """What the fabric manager says of itself; None where it is not installed."""
    return answer_of(["nv-fabricmanager", "--version"])


def nvml():
    """The driver's version as its library tells, which must be that of the loaded module; None without nvidia-smi."""
    return answer_of(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])


def reboot_files():
    """The notice that Ubuntu's packages leave, and who left it; None where there is none."""
    for folder in ("/run", "/var/run"):
        if os.path.exists("%s%s/reboot-required" % (ROOT, folder)):
            packages = content("%s%s/reboot-required.pkgs" % (ROOT, folder)) or ""
            return {"path": folder + "/reboot-required", "packages": sorted(set(lines(packages)))[:200]}
    return None


def changed(path):
    """When something was last written; 0.0 where there is nothing."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def lists_time():
    """When the package lists were last written (epoch seconds), the newest of all managers; None without any.

    apt gives its files the time of the server, so only its directories tell.
    """
    times = [changed(ROOT + path) for path in APT_LISTS]
    for folder in LISTS:
        for base, folders, files in os.walk(ROOT + folder):
            times += [changed(os.path.join(base, name)) for name in files[:2000]]
            if base.count("/") > (ROOT + folder).count("/") + 1:
                del folders[:]
    return max(times) or None
