"""What there is to know about a detached job, from the files that it writes and from its processes.

JOBS/NAME/   meta.json  facts  script  out  status  steps  rc  cancel        JOBS/NAME.EPOCH/   archived
facts        boot id, start time, launcher and run id, one `key value` a line (a host may lack the json module)
steps        start - EPOCH PID TICKS | begin ID EPOCH PID TICKS CANCELLABLE | end ID EPOCH STATUS | skip ID EPOCH WHY
rc           STATUS EPOCH done|failed|cancelled, written last
"""

import os

STEPS_LIMIT = 65536
META_LIMIT = 262144


def proc():
    return os.environ.get("PROCROOT", "/proc")


def jobs_root():
    """Where jobs live: of root for the whole host, of anybody else in the own state directory."""
    chosen = os.environ.get("JOBROOT")
    if chosen:
        return chosen
    if os.geteuid() == 0:
        return "/var/lib/swarm-tui/jobs"
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return os.path.join(state, "swarm-tui/jobs")


def content(path, limit, offset=0):
    """The bytes of a file from `offset`, at most `limit`; b"" when there is no such file."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(limit)
    except (IOError, OSError):
        return b""


def size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def boot_id():
    return content(proc() + "/sys/kernel/random/boot_id", 64).decode("ascii", "replace").strip()


def facts_of(place):
    lines = content(os.path.join(place, "facts"), 4096).decode("utf-8", "replace").split("\n")
    return dict(line.split(" ", 1) for line in lines if " " in line)


def is_alive(pid, ticks):
    """Whether the process that had this number and start time is still there (pids are reused)."""
    data = content("%s/%d/stat" % (proc(), pid), 1024)
    if b")" not in data:
        return False
    fields = data[data.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return False
    return ticks is None or fields[19] == b"%d" % ticks


def number(words, index):
    try:
        return int(words[index])
    except (IndexError, ValueError):
        return None


def step_lines(place):
    text = content(os.path.join(place, "steps"), STEPS_LIMIT).decode("utf-8", "replace")
    return [line.split() for line in text.split("\n") if len(line.split()) > 1]


def script_process(lines):
    """(pid, ticks) of the script, or None before it has said anything."""
    for words in lines:
        if words[0] == "start" and number(words, 3):
            return number(words, 3), number(words, 4)
    return None


def current_step(lines):
    """{"id", "pid", "ticks", "cancellable"} of the step that runs, or None between steps."""
    begun = None
    for words in lines:
        if words[0] == "begin":
            begun = words
        elif words[0] == "end":
            begun = None
    if begun is None or not number(begun, 3):
        return None
    return {
        "id": begun[1],
        "pid": number(begun, 3),
        "ticks": number(begun, 4) if len(begun) > 5 else None,
        "cancellable": begun[-1] == "1",
    }


def result_of(place):
    """(status, epoch, word) once the job has ended by itself, else None."""
    words = content(os.path.join(place, "rc"), 256).decode("ascii", "replace").split()
    status = number(words, 0)
    return None if status is None else (status, number(words, 1), words[2] if len(words) > 2 else "")


def state_of(place):
    """(state, reason): "none", "running", "finished" or "vanished". Looks at processes before it looks for the result."""
    if not os.path.isdir(place):
        return "none", ""
    lines = step_lines(place)
    same_boot = facts_of(place).get("boot") == boot_id()
    script, step = script_process(lines), current_step(lines)
    script_lives = same_boot and script is not None and is_alive(*script)
    step_lives = same_boot and step is not None and is_alive(step["pid"], step["ticks"])
    if result_of(place) is not None:
        return "finished", ""
    if script_lives:
        return "running", ""
    if step_lives:
        return "running", "its script was killed, but step %s goes on (process %d)" % (step["id"], step["pid"])
    if not same_boot:
        return "vanished", "interrupted by a reboot"
    if script is None:
        return "vanished", "it never began"
    return "vanished", "its script was killed" + (" during step %s" % step["id"] if step else "")


def archives(root, name):
    """Archived jobs of a name, newest first: [(epoch, directory)]."""
    found = []
    try:
        entries = os.listdir(root)
    except OSError:
        return found
    for entry in entries:
        stamp = entry[len(name) + 1 :]
        if entry.startswith(name + ".") and stamp.replace("-", "").isdigit():
            found.append(([int(part) for part in stamp.split("-") if part], os.path.join(root, entry)))
    return sorted(found, reverse=True)


def place_of(name, run=None):
    """The directory of the job of that name; with a run id, also one that was archived meanwhile."""
    root = jobs_root()
    place = os.path.join(root, name)
    if run and facts_of(place).get("run") != run:
        for _, archived in archives(root, name):
            if facts_of(archived).get("run") == run:
                return archived
        return os.path.join(root, name + ".none")
    return place


def summary(name, run=None):
    """State, facts and steps, without output: small enough to be part of another answer."""
    place = place_of(name, run)
    state, reason = state_of(place)
    result = result_of(place) or (None, None, "")
    if state == "none":
        return {"state": "none"}
    return {
        "state": state,
        "reason": reason,
        "meta": content(os.path.join(place, "meta.json"), META_LIMIT).decode("utf-8", "replace"),
        "steps": content(os.path.join(place, "steps"), STEPS_LIMIT).decode("utf-8", "replace"),
        "cancel": content(os.path.join(place, "cancel"), 512).decode("utf-8", "replace"),
        "exit_status": result[0],
        "ended": result[1],
        "result": result[2],
    }
