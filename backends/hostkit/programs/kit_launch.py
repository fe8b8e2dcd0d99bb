"""Two ways to start a job's script so that it belongs to nobody who could take it along: a transient unit, or a session."""

import os
import subprocess
import time

ENDING_SECONDS = 10.0  # from writing the result to being gone, as lock and as unit
SYSTEMD_RUN_SECONDS = 30
TYPE_EXEC_SINCE = 240  # systemd version; RHEL 8 has 239
LOCK_HANDLE = 8  # closed for steps by the script: a daemon that one starts must not keep the lock


class Refused(Exception):
    """args: kind, text."""


def is_there(program):
    """Whether PATH has it. Like `remove`, written out: Debian's python3-minimal has no shutil."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in folders if folder)


def remove(place):
    """Delete a directory of files, as far as that is possible."""
    for folder, folders, files in os.walk(place, topdown=False):
        for path in [os.path.join(folder, name) for name in files + folders] + [folder]:
            call = os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink
            try:
                call(path)
            except OSError:
                pass


def has_systemd():
    root = os.environ.get("SYSTEMDROOT", "/run/systemd/system")
    return os.geteuid() == 0 and os.path.isdir(root) and is_there("systemd-run")


def call(argv, seconds):
    """(status, stderr and stdout) of a short command."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise Refused("failed", "%s did not answer in %d s" % (argv[0], seconds))
    return process.returncode, output.decode("utf-8", "replace").strip()


def systemd_version():
    words = call(["systemctl", "--version"], SYSTEMD_RUN_SECONDS)[1].split()
    digits = words[1].split("-")[0].split(".")[0] if len(words) > 1 else ""
    return int(digits) if digits.isdigit() else 0


def launch_with_systemd(name, title, place):
    """A transient unit: belongs to systemd, not to our session. The name is taken while it runs."""
    call(["systemctl", "reset-failed", name + ".service"], SYSTEMD_RUN_SECONDS)  # left by a job that was killed
    argv = ["systemd-run", "--quiet", "--unit=" + name, "--description=swarm-tui: " + title[:100]]
    if systemd_version() >= TYPE_EXEC_SINCE:
        argv.append("--property=Type=exec")
    argv += ["--property=KillMode=process", "--property=TimeoutStopSec=30min"]
    argv += ["/bin/sh", os.path.join(place, "script")]
    deadline = time.monotonic() + ENDING_SECONDS
    status, said = call(argv, SYSTEMD_RUN_SECONDS)
    while status != 0 and "already" in said and time.monotonic() < deadline:
        time.sleep(0.1)
        status, said = call(argv, SYSTEMD_RUN_SECONDS)
    if status != 0 and "already" in said:
        raise Refused("busy", "unit %s is there already: %s" % (name, said))
    if status != 0:
        raise Refused("failed", "systemd-run: %s" % (said or "status %d" % status))


def launch_with_setsid(lock, place):
    """A session of its own, adopted by the first process, holding the lock."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(null, handle)
        os.dup2(lock, LOCK_HANDLE)
        os.set_inheritable(LOCK_HANDLE, True)
        os.closerange(3, LOCK_HANDLE)
        os.closerange(LOCK_HANDLE + 1, 4096)
        os.execv("/bin/sh", ["sh", os.path.join(place, "script")])
    finally:
        os._exit(127)
