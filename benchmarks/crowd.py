"""Runs a program among an exact number of processes: in a pid namespace of its own, where it sees these and no others.

Most of them sleep; every twentieth works four milliseconds a second, as on a host that is in use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path

SOURCE = r"""
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double spent(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void live(int works) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        if (!works) { pause(); continue; }
        double end = spent() + 0.004;
        while (spent() < end) {}
        sleep(1);
    }
}
int main(int argc, char **argv) { /* crowd COUNT EVERY PROGRAM ARGUMENT... */
    int count = atoi(argv[1]), every = atoi(argv[2]), status = 0, number;
    for (number = 0; number < count; number++)
        if (fork() == 0) { close(0); close(1); close(2); live(number % every == 0); }
    pid_t program = fork(), ended;
    if (program == 0) { execvp(argv[3], argv + 3); _exit(127); }
    close(0); close(1);
    while ((ended = wait(&status)) != program && ended > 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
"""
ONE_WORKS_IN = 20
PATIENCE_SECONDS = 20.0


def available() -> bool:
    """Whether a crowd can be compiled here."""
    return _compiler() is not None


def among(others: int) -> list[str]:
    """What to put before an argv so that it runs among so many others. They end when it does."""
    return [*namespace(), str(_program()), str(others), str(ONE_WORKS_IN)]


def member(process: int, others: int) -> int:
    """The process, as this machine sees it, of the argv that `process` was started with after `among`.

    Raises:
        RuntimeError: it does not come up.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        crowd = next(iter(_children(process)), 0) if namespace() else process
        born = _children(crowd)
        if len(born) > others and _executable(born[-1]) not in (None, _program()):
            return born[-1]
        time.sleep(0.01)
    raise RuntimeError(f"what runs among {others} others did not start")


@lru_cache(maxsize=1)
def namespace() -> tuple[str, ...]:
    """The words before an argv that give it a pid namespace of its own; empty where this user may not make one."""
    for way in ((), ("--user", "--map-root-user")):
        argv = ("unshare", *way, "--pid", "--fork", "--kill-child", "--mount-proc")
        if shutil.which("unshare") and subprocess.run([*argv, "true"], capture_output=True).returncode == 0:
            return argv
    return ()


def _compiler() -> str | None:
    return shutil.which("gcc") or shutil.which("cc")


@lru_cache(maxsize=1)
def _program() -> Path:
    """The compiled crowd, made once for each version of its source."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "swarm-tui-benchmarks"
    made = base / f"crowd-{hashlib.sha256(SOURCE.encode()).hexdigest()[:16]}"
    if made.exists():
        return made
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base) as folder:
        source, fresh = Path(folder) / "crowd.c", Path(folder) / "crowd"
        source.write_text(SOURCE)
        subprocess.run([_compiler() or "cc", "-O2", "-w", "-o", str(fresh), str(source)], check=True)
        fresh.rename(made)
    return made


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _executable(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None
