"""Brings what was extracted in a scratch directory into place, and takes it back: asked for, or by itself after a time.

ARGUMENTS: {"do", "run", …}; Python 3.6, standard library only. Answers one line of JSON after the magic; before it
`progress {…}` lines. Losing the link ends nothing here: what was begun goes on to its end, and its result is kept.
    prepare   "ground" (where to), "base" (scratch beside it), "make", "keep", "who", "title"; makes the scratch directory
    store     "programs": [[name, size], …] from stdin: kept for the timer and for detached steps
    write     "file", "kind", "mode", "user", "group", "mtime", "target", "size": one file, its bytes from stdin
    unpack    becomes tar, which reads an archive from stdin
    count     files and bytes that were extracted
    validate  "checks": programs that judge files of the scratch directory
    arm       "seconds", "reload": put back by itself after that time
    place     "choice", "stamp", "lend", "roots" (else each ended by NUL, from stdin)
    stop      ends a placement between two files
    reload    "commands"
    confirm, undo, status, list, clear, forget
"""

import grp
import os
import pwd
import signal
import sys
import time

from kit_job import content
from kit_place_check import count, reload, validate
from kit_place_ground import Refused, joined, native, parts, told
from kit_place_journal import Journal, Undo, done_before
from kit_place_merge import Placement, Stopped
from kit_place_state import Run, forget, prepare, runs, write
from kit_place_timer import arm, disarm
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
PROGRESS_SECONDS = 0.5
MOST_INPUT = 64 << 20
TAR = ["tar", "--extract", "--file=-", "--preserve-permissions", "--delay-directory-restore", "--warning=no-timestamp"]


def say(data):
    """To the console, as long as there is one."""
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        pass


def given(size=None):
    """What follows the program on stdin: `size` bytes, or all."""
    data = bytearray()
    while size is None or len(data) < size:
        piece = os.read(0, min(1 << 20, MOST_INPUT if size is None else size - len(data)))
        if not piece:
            break
        data += piece
        if len(data) > MOST_INPUT:
            raise Refused("failed", "too much was sent")
    if size is not None and len(data) < size:
        raise Refused("failed", "the link was lost before everything was here")
    return bytes(data)


class Pulse(object):
    """Tells how far it is, twice a second, and hears whether it is to stop."""

    def __init__(self, run):
        self.stop = run.path("stop")
        self.next = 0.0

    def __call__(self, placement):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + PROGRESS_SECONDS
        if os.path.lexists(self.stop):
            raise Stopped
        say(b"progress " + encode(placement.counts) + b"\n")


def do_prepare(run, arguments):
    answer = prepare(arguments)
    for key in ("scratch", "tree", "ground"):
        answer[key] = told(answer[key])
    answer["python"] = told(sys.executable)
    answer["place"] = told(run.place)
    return answer


def do_store(run, arguments):
    run.facts()
    for name, size in arguments["programs"]:
        write(run.path(os.path.basename(name)), given(size))
    return {}


def do_write(run, arguments):
    names = parts(native(arguments["file"]))
    tree = joined(run.facts()["scratch"], "tree")
    folder = tree
    for name in names[:-1]:
        folder = joined(folder, name)
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o755)
    path, data = joined(folder, names[-1]), given(arguments["size"])
    uid, gid = owner_of(arguments["user"], arguments["group"])
    if arguments["kind"] == "l":
        os.symlink(native(arguments["target"]), path)
    else:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            while data:
                data = data[os.write(handle, data) :]
            if os.geteuid() == 0:
                os.fchown(handle, uid, gid)
            os.fchmod(handle, arguments["mode"])
            os.fsync(handle)
        finally:
            os.close(handle)
    if arguments["kind"] == "l" and os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
    os.utime(path, ns=(arguments["mtime"], arguments["mtime"]), follow_symlinks=False)
    return {}


def owner_of(user, group):
    """Numbers of names; of names that are unknown here, root's. Numbers in words are themselves."""
    found = []
    for name, ask in ((user, lambda name: pwd.getpwnam(name).pw_uid), (group, lambda name: grp.getgrnam(name).gr_gid)):
        try:
            found.append(ask(name))
        except KeyError:
            found.append(int(name) if name.isdigit() else 0)
    return found


def do_unpack(run, arguments):
    os.chdir(joined(run.facts()["scratch"], "tree"))
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    argv = TAR + (["--same-owner"] if os.geteuid() == 0 else [])
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        raise Refused("missing", "tar cannot be started: %s" % error.strerror)


def do_count(run, arguments):
    tree = run.tree()
    files, size = count(run.facts()["scratch"], tree)
    os.close(tree)
    return {"files": files, "bytes": size}


def do_validate(run, arguments):
    rows = validate(arguments["checks"], joined(run.facts()["scratch"], "tree"))
    bad = [row["said"] for row in rows if row["verdict"] == "bad"]
    if bad and arguments.get("strict"):
        raise Refused("refused", bad[0] or "it was refused without a word")
    return {"rows": rows}


def do_arm(run, arguments):
    run.take()
    if run.has("deadline"):
        raise Refused("busy", "a rollback is armed already")
    seconds = float(arguments["seconds"])
    write(run.path("reload"), repr(arguments["reload"]).encode("ascii", "backslashreplace"))
    run.set_deadline(seconds)
    os.close(run.lock)  # its timer must be able to take it
    try:
        return {"launcher": arm(run.name, run.path("undo"), seconds)}
    except BaseException:
        os.unlink(run.path("deadline"))
        raise


def do_place(run, arguments):
    run.take()
    if run.has("undone"):
        raise Refused("gone", "restore %s was undone" % run.name)
    if run.has("result"):  # an earlier try went on after the link was lost
        return stored(run, "result")
    roots = [native(each) for each in arguments.get("roots", ())]
    if "roots" not in arguments:
        roots = [os.fsdecode(each) for each in given().split(b"\0") if each]
    if run.has("stop"):  # it meant the try before
        os.unlink(run.path("stop"))
    before = done_before(run.path("journal"))
    journal = Journal(run.path("journal"))
    placement = Placement(arguments["choice"], stamp_of(run, arguments), arguments["lend"], journal, Pulse(run))
    placement.counts["placed"], placement.counts["bytes"], placement.wanted = before
    tree, ground, stopped = run.tree(), run.facts()["ground"], False
    try:
        for root in roots:
            placement.root(root, tree, ground)
    except Stopped:
        stopped = True
    finally:
        os.close(tree)
        journal.keep()
        journal.close()
    answer = {"counts": placement.counts, "stopped": stopped}
    answer["examples"] = [[told(path), told(other)] for path, other in placement.examples]
    answer["errors"] = [[told(path), text] for path, text in placement.errors]
    if not stopped:
        keep(run, "result", answer)
        if run.armed() is not None:  # the time to confirm begins when there is something to look at
            run.set_deadline(run.deadline()[1])
    return answer


def stamp_of(run, arguments):
    """The time in the names of copies: the same one when a killed placement is taken up."""
    if not run.has("stamp"):
        write(run.path("stamp"), arguments["stamp"].encode("ascii"))
    return content(run.path("stamp"), 64).decode("ascii")


def keep(run, name, answer):
    write(run.path(name), repr(answer).encode("ascii", "backslashreplace"))


def stored(run, name):
    """Plain data of ours; python3-minimal has neither json nor ast."""
    return eval(content(run.path(name), MOST_INPUT).decode("ascii"), {"__builtins__": {}})


def do_stop(run, arguments):
    run.facts()
    write(run.path("stop"), b"")
    return {}


def do_reload(run, arguments):
    return {"rows": reload(arguments["commands"])}


def do_confirm(run, arguments):
    run.take()
    if run.has("undone"):
        raise Refused("gone", "it was put back already")
    write(run.path("confirmed"), native(arguments["who"]).encode("utf-8", "replace") + b"\n")
    disarm(run.name)
    return {}


def timed_out(run):
    """Wait until the time to confirm is over, then hold the run. False when somebody has decided before."""
    left = run.deadline()[1] + 10.0  # more than that is a clock that was set back
    limit = time.monotonic() + left
    while True:
        while time.time() < run.deadline()[0] and time.monotonic() < limit:
            if run.has("confirmed") or run.has("undone"):
                return False
            time.sleep(0.5)
        run.take(3600.0)
        if run.has("confirmed") or run.has("undone"):
            return False
        if time.time() >= run.deadline()[0] or time.monotonic() >= limit:
            return True
        os.close(run.lock)  # files were still being placed, which has set a new time
        limit = time.monotonic() + left


def do_undo(run, arguments):
    """Put everything back. From the timer nothing happens when somebody has confirmed in time."""
    if not arguments.get("timed"):
        run.take()
    elif not timed_out(run):
        return {"counts": {}, "told": [], "reloaded": []}
    if run.has("undone"):
        return stored(run, "undone")
    undo = Undo(arguments.get("stamp") or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    undo.run(run.path("journal"))
    run.drop_scratch()
    undo.run(run.path("made"))
    reloaded = reload(stored(run, "reload")) if run.has("reload") else []
    answer = {"counts": undo.counts, "told": [[told(path), text] for path, text in undo.told], "reloaded": reloaded}
    answer["by"] = "the timer" if arguments.get("timed") else native(arguments.get("who", ""))
    keep(run, "undone", answer)
    if not arguments.get("timed"):
        disarm(run.name)
    return answer


def state_of(run):
    """Where a restore stands, in one record."""
    facts = run.facts()
    return {
        "run": run.name,
        "who": facts.get("who", ""),
        "title": facts.get("title", ""),
        "boot": facts.get("boot", ""),
        "unfinished": run.unfinished(),
        "armed": run.armed(),
        "confirmed": run.has("confirmed"),
        "undone": run.has("undone"),
        "scratch": os.path.isdir(facts["scratch"]),
    }


def do_status(run, arguments):
    answer = {"state": state_of(run), "now": time.time()}
    for name in ("result", "undone"):
        answer[name] = stored(run, name) if run.has(name) else None
    return answer


def do_list(run, arguments):
    return {"states": [state_of(each) for each in runs()[-200:]]}


def do_clear(run, arguments):
    """The scratch directory is not needed any more; the record stays for an undo."""
    return {"gone": run.drop_scratch()}


def do_forget(run, arguments):
    run.take()
    if run.armed() is not None or run.unfinished():
        raise Refused("busy", "it waits to be confirmed, finished or undone")
    run.drop_scratch()
    forget(run)
    return {}


def act(arguments):
    deed = globals()["do_" + arguments["do"]]
    return deed(None if arguments["do"] == "list" else Run(arguments["run"]), arguments)


def main(arguments):
    os.umask(0o022)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.setrecursionlimit(5000)
    try:
        answer = act(arguments)
        answer["ok"] = True
    except Refused as refusal:
        answer = {"ok": False, "kind": refusal.args[0], "text": refusal.args[1]}
    except PermissionError as error:
        answer = {"ok": False, "kind": "permission", "text": "not permitted: %s" % error}
    except Exception as error:
        answer = {"ok": False, "kind": "failed", "text": "%s: %s" % (type(error).__name__, error)}
    if not answer["ok"]:
        answer["text"] = answer["text"].encode("utf-8", "replace").decode("utf-8", "replace")
    say(MAGIC + encode(answer) + b"\n")
    if not answer["ok"]:
        sys.exit(1)


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
