"""Signals or renices one process of a host, after checking that it is still the one that the operator saw.

ARGUMENTS: {"pid", "start_ticks", "signal": 15} or {"pid", "start_ticks", "nice": 10}. Python 3.6, standard library only.
Answers one line after the magic: {"ok": bool, "text": sentence, "kind": why it is not ok}.
"""

import os

from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"


class Gone(Exception):
    """The process that was meant is not there any more."""


def stat_fields(proc, pid):
    """(name, fields from the state on) of /proc/PID/stat. Raises OSError, ValueError."""
    with open("%s/%d/stat" % (proc, pid), "rb") as file:
        raw = file.read(1024)
    close = raw.rindex(b")")
    return raw[raw.index(b"(") + 1 : close].decode("utf-8", "replace"), raw[close + 2 :].split()


def check(proc, pid, start_ticks):
    """The process's name, or a refusal: pids are reused, so the start time must match as well."""
    if pid <= 1:
        raise ValueError("pid %d is not touched from here" % pid)
    try:
        name, fields = stat_fields(proc, pid)
    except (OSError, ValueError):
        raise Gone("process %d has ended" % pid)
    if int(fields[19]) != start_ticks:
        raise Gone("pid %d is another process now (%s); the one you saw has ended" % (pid, name))
    if fields[0] in (b"Z", b"X"):
        raise Gone("%s (%d) has ended; its parent %d has not collected it" % (name, pid, int(fields[1])))
    return name


def open_pidfd(pid):
    """A handle that cannot come to mean another process, where Python and kernel have it; else None."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def send(pid, handle, number):
    if handle is not None:
        try:
            import signal

            return signal.pidfd_send_signal(handle, number)
        except AttributeError:
            pass
    os.kill(pid, number)


def act(arguments):
    proc = os.environ.get("PROCROOT", "/proc")
    pid = int(arguments["pid"])
    handle = open_pidfd(pid)  # before the check: after it, the handle is surely the process that was checked
    name = check(proc, pid, int(arguments["start_ticks"]))
    if arguments.get("signal") is not None:
        send(pid, handle, int(arguments["signal"]))
        return "sent signal %d to %s (%d)" % (int(arguments["signal"]), name, pid)
    nice = int(arguments["nice"])
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    return "set nice %d for %s (%d)" % (nice, name, pid)


def main(arguments):
    try:
        answer = {"ok": True, "text": act(arguments)}
    except Gone as error:
        answer = {"ok": False, "text": str(error), "kind": "gone"}
    except ProcessLookupError:  # between the check and the deed
        answer = {"ok": False, "text": "process %s has ended" % arguments["pid"], "kind": "gone"}
    except PermissionError as error:
        answer = {"ok": False, "text": "not permitted: %s" % error.strerror, "kind": "permission"}
    except ValueError as error:
        answer = {"ok": False, "text": str(error), "kind": "failed"}
    except Exception as error:
        answer = {"ok": False, "text": "%s: %s" % (type(error).__name__, error), "kind": "failed"}
    data = MAGIC + encode(answer) + b"\n"
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
