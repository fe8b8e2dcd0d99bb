"""What was changed on a host, as its own logs and files tell: packages, /etc, /boot; and versions of what matters."""

import os
import re
import subprocess
import time

from kit_ask import ENVIRONMENT, find
from kit_text import line_text, name_text
from kit_triage import CAP, Absent, names
from kit_triage_read import WIDTH, root

ETC_MOST, ETC_SECONDS_BACK = 20000, 86400
LOG_TAIL = 200
PENDING = ("/run/reboot-required", "/var/run/reboot-required", "/run/reboot-needed", "/boot/do_purge_kernels")
VERSIONED = re.compile(
    r"^(?:nvidia|libnvidia|cuda|datacenter-gpu|linux-image|kernel|mlnx|libcudnn|libnccl|docker|containerd|slurm|kubelet)"
)


def end_of(path, lines=LOG_TAIL):
    """The last lines of a log."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - CAP))
            return "\n".join(line_text(file.read(CAP), CAP).split("\n")[-lines - 1 :])
    except OSError as error:
        if error.errno in (2, 20):
            raise Absent("no %s" % path)
        raise


def package_log():
    """The newest changes of packages, in the words of whoever made them."""
    for path in ("/var/log/dpkg.log", "/var/log/pacman.log", "/var/log/zypp/history"):
        try:
            text = end_of(root() + path, 2 * LOG_TAIL)
        except Absent:
            continue
        lines = [line for line in text.split("\n") if not re.search(r" (?:status|trigproc|startup) ", line)]
        return "# %s\n%s\n" % (path, "\n".join(lines[-LOG_TAIL:]))
    raise Absent("no log of packages")


def apt_history():
    return end_of(root() + "/var/log/apt/history.log", 100)


def changed_files():
    """Files of /etc that were changed within a day: epoch seconds, path; the newest first."""
    since, seen, found = time.time() - ETC_SECONDS_BACK, 0, []
    for place, folders, files in os.walk(root() + "/etc"):
        folders.sort()
        for name in files:
            seen += 1
            path = os.path.join(place, name)
            try:
                info = os.lstat(path)
            except OSError:
                continue
            if info.st_mtime > since:
                found.append((info.st_mtime, name_text(path)))
        if seen > ETC_MOST:
            break
    lines = ["%d %s" % each for each in sorted(found, reverse=True)[:200]]
    return "".join(line + "\n" for line in lines) or "# none within 24 h\n"


def boot():
    """/boot and what wants a reboot."""
    place = root() + "/boot"
    lines = ["%d %s" % (os.lstat(os.path.join(place, name)).st_mtime, name) for name in names(place)]
    lines += ["reboot-required " + path for path in PENDING if os.path.exists(root() + path)]
    return "".join(line + "\n" for line in lines[:200]) or "# /boot is empty\n"


def versions():
    """Versions of what a GPU host lives on."""
    lines = []
    for argv in (
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n"],
        ["rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n"],
        ["pacman", "-Q"],
    ):
        if find(argv[0]) is not None:
            with open(os.devnull, "rb") as nothing:
                process = subprocess.Popen(
                    [find(argv[0]), *argv[1:]], stdin=nothing, stdout=subprocess.PIPE, stderr=2, env=ENVIRONMENT
                )
            for line in process.stdout:
                text = line_text(line, WIDTH).strip()
                if VERSIONED.match(text) and len(lines) < 500:
                    lines.append(text)
            process.wait()
    if not lines:
        raise Absent("none of these packages")
    return "".join(line + "\n" for line in sorted(set(lines)))
