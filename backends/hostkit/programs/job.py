"""Starts, reads, cancels and puts away a job that goes on without us: losing SSH, console or engine never interrupts it.

ARGUMENTS: {"do": "start", "name", "title", "who", "run", "steps": [{"id", "argv", "environment", "always", "cancellable",
"allow_exit"}]}, {"do": "read", "name", "run", "out", "status", "limit"}, {"do": "cancel", "name", "run", "who", "force"}
or {"do": "forget", "name", "run"}. Python 3.6, standard library only. Answers one line of JSON after the magic.

The fixed unit name (or the lock file, without systemd) is the lock between two operators.
"""

import binascii
import fcntl
import os
import pwd
import signal
import time

from kit_job import (
    archives,
    boot_id,
    content,
    current_step,
    facts_of,
    is_alive,
    jobs_root,
    place_of,
    script_process,
    size,
    state_of,
    step_lines,
    summary,
)
from kit_launch import (
    ENDING_SECONDS,
    Refused,
    has_systemd,
    is_there,
    launch_with_setsid,
    launch_with_systemd,
    remove,
)
from kit_script import RESULT_BYTES, raw, script
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
KEPT = 10  # archived jobs of a name
START_SECONDS = 10.0


def readable(text):
    """Valid text of what may hold bytes in no encoding."""
    return raw(text).decode("utf-8", "replace")


def write(path, data, mode=0o600):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock(object):
    """The lock file of a job name; without systemd the script inherits it and holds it as long as it lives."""

    def __init__(self, name):
        root = jobs_root()
        os.makedirs(root, 0o700, exist_ok=True)
        self.place = os.path.join(root, name)
        self.handle = os.open(self.place + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def __enter__(self):
        deadline = time.monotonic() + ENDING_SECONDS
        while not self.taken():
            if state_of(self.place)[0] == "running" or time.monotonic() > deadline:
                os.close(self.handle)
                raise Refused("busy", "it is running or being started")
            time.sleep(0.02)
        return self

    def taken(self):
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (IOError, OSError):
            return False
        return True

    def __exit__(self, *error):
        os.close(self.handle)


def put_away(name):
    """Archive what is there; keep the newest ones."""
    root = jobs_root()
    place = os.path.join(root, name)
    if not os.path.isdir(place):
        return
    stamp = facts_of(place).get("started", "0")
    target = "%s.%s" % (place, stamp if stamp.isdigit() else "0")
    free = [target] + ["%s-%d" % (target, count) for count in range(2, 1000)]
    os.rename(place, next(path for path in free if not os.path.lexists(path)))
    for _, old in archives(root, name)[KEPT:]:
        remove(old)


def prepare(arguments, place, launcher):
    """The job's directory, complete before anything runs. Returns the start time (epoch seconds)."""
    started, boot = int(time.time()), boot_id()
    meta = {key: readable(arguments[key]) for key in ("name", "title", "who", "run")}
    meta.update({"started": started, "boot_id": boot, "launcher": launcher})
    meta["steps"] = [
        {
            "id": step["id"],
            "command": readable(" ".join(step["argv"]))[:2000],
            "always": step["always"],
            "cancellable": step["cancellable"],
            "allow_exit": list(step["allow_exit"]),
        }
        for step in arguments["steps"]
    ]
    facts = "boot %s\nstarted %d\nlauncher %s\nrun %s\n" % (boot, started, launcher, meta["run"])
    new = place + ".new"
    remove(new)
    os.mkdir(new, 0o700)
    write(os.path.join(new, "meta.json"), encode(meta))
    write(os.path.join(new, "facts"), facts.encode("utf-8"))
    write(os.path.join(new, "script"), script(place, pwd.getpwuid(os.geteuid()).pw_dir, arguments["steps"]))
    write(os.path.join(new, "rc.new"), b" " * (RESULT_BYTES - 1) + b"\n")
    for name in ("out", "status", "steps"):
        write(os.path.join(new, name), b"")
    os.rename(new, place)
    return started


def await_start(place):
    """Wait until the script has said that it runs."""
    deadline = time.monotonic() + START_SECONDS
    while script_process(step_lines(place)) is None:
        if time.monotonic() > deadline:
            said = content(os.path.join(place, "out"), 300).decode("utf-8", "replace").strip()
            raise Refused(
                "failed", "the job did not begin within %d s: %s" % (START_SECONDS, said or "it said nothing")
            )
        time.sleep(0.02)


def start(arguments):
    name = arguments["name"]
    if not is_there("setsid"):
        raise Refused("missing", "setsid is not installed (package util-linux)")
    with Lock(name) as lock:
        place = os.path.join(jobs_root(), name)
        state, reason = state_of(place)
        if state == "running":
            raise Refused("busy", reason or "it is running")
        put_away(name)
        launcher = "systemd" if has_systemd() else "setsid"
        started = prepare(arguments, place, launcher)
        if launcher == "systemd":
            launch_with_systemd(name, readable(arguments["title"]), place)
        else:
            launch_with_setsid(lock.handle, place)
        await_start(place)
    return {"text": "started", "launcher": launcher, "started": started}


def read(arguments):
    name, run, limit = arguments["name"], arguments.get("run"), int(arguments["limit"])
    answer = {"text": "", "job": summary(name, run), "now": time.time(), "boot_id": boot_id()}
    place = place_of(name, run)  # the state first: what is written before the end is then surely there
    for key in ("out", "status"):
        path = os.path.join(place, key)
        offset = int(arguments[key])
        answer[key] = binascii.b2a_base64(content(path, limit, offset), newline=False).decode("ascii")
        answer[key + "_size"] = size(path)
    return answer


def cancel(arguments):
    name = arguments["name"]
    place = os.path.join(jobs_root(), name)
    state, _ = state_of(place)
    if state != "running" or facts_of(place).get("run") != arguments["run"]:
        raise Refused("gone", "this job is not running any more")
    step = current_step(step_lines(place))
    if step is None:
        raise Refused("busy", "between two steps; try again in a moment")
    if not step["cancellable"]:
        raise Refused("busy", "step %s must not be interrupted" % step["id"])
    if not os.path.lexists(os.path.join(place, "cancel")):
        write(os.path.join(place, "cancel"), ("%d %s\n" % (time.time(), readable(arguments["who"]))).encode("utf-8"))
    if is_alive(step["pid"], step["ticks"]):
        os.killpg(step["pid"], signal.SIGKILL if arguments["force"] else signal.SIGTERM)
    return {"text": "told step %s to end" % step["id"]}


def forget(arguments):
    name = arguments["name"]
    with Lock(name):
        place = os.path.join(jobs_root(), name)
        state, _ = state_of(place)
        if state == "running":
            raise Refused("busy", "it is still running")
        if state == "none" or facts_of(place).get("run") != arguments["run"]:
            raise Refused("gone", "no such job here; somebody else may have put it away")
        put_away(name)
    return {"text": "put away"}


def main(arguments):
    os.umask(0o077)
    try:
        name = arguments["name"]
        if not name or "/" in name or name.startswith("."):
            raise Refused("failed", "not a job name")
        answer = {"start": start, "read": read, "cancel": cancel, "forget": forget}[arguments["do"]](arguments)
        answer["ok"] = True
    except Refused as refusal:
        answer = {"ok": False, "kind": refusal.args[0], "text": refusal.args[1]}
        if refusal.args[0] == "busy":
            answer["job"] = summary(arguments["name"])
    except PermissionError as error:
        answer = {"ok": False, "kind": "permission", "text": "not permitted: %s" % error}
    except Exception as error:
        answer = {"ok": False, "kind": "failed", "text": "%s: %s" % (type(error).__name__, error)}
    data = MAGIC + encode(answer) + b"\n"
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
