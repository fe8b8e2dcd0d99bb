"""Puts a restore back by itself when nobody says that all is well: a transient timer, or a process that waits.

It belongs to nobody who could take it along, and it needs neither us nor a link: that is what it is for.
"""

import os
import sys
import time

from kit_launch import SYSTEMD_RUN_SECONDS, call, has_systemd
from kit_place_ground import Refused

RUN = "import sys,zlib;exec(zlib.decompress(open(sys.argv[1],'rb').read()))"


def unit(run):
    return "swarm-rollback-" + run


def argv_of(program):
    return [sys.executable, "-I", "-S", "-c", RUN, program]


def arm(run, program, seconds):
    """Start the timer. Returns which kind: "systemd" or "setsid"."""
    if has_systemd():
        argv = ["systemd-run", "--quiet", "--unit=" + unit(run), "--on-active=%d" % seconds]
        argv += ["--timer-property=AccuracySec=1s", "--description=swarm-tui: put restore %s back" % run]
        status, said = call(argv + argv_of(program), SYSTEMD_RUN_SECONDS)
        if status != 0:
            raise Refused("failed", "the rollback could not be armed: %s" % said)
        return "systemd"
    wait_apart(program, seconds)
    return "setsid"


def wait_apart(program, seconds):
    """A process of its own session that sleeps, then becomes the program."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child:
        os.close(write_end)
        os.waitpid(child, 0)
        begun = os.read(read_end, 1)
        os.close(read_end)
        if not begun:
            raise Refused("failed", "the rollback could not be armed: its process did not begin")
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(null, handle)
        os.chdir("/")
        os.write(write_end, b"1")
        os.closerange(3, 4096)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(max(0.0, min(1.0, deadline - time.monotonic())))
            if os.path.lexists(os.path.join(os.path.dirname(program), "confirmed")):
                os._exit(0)
        os.execv(sys.executable, argv_of(program))
    finally:
        os._exit(127)


def disarm(run):
    """Take the timer away; one that waits in a process sees the mark by itself."""
    if has_systemd():
        call(["systemctl", "stop", unit(run) + ".timer"], SYSTEMD_RUN_SECONDS)
