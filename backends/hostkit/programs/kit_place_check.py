"""Programs that judge a restored file before it goes into place, and those that make a service read it afterwards."""

import os
import select
import subprocess
import time

from kit_ask import ENVIRONMENT, find
from kit_place_ground import joined, native, tally
from kit_text import name_text

SECONDS = 30.0
RELOAD_SECONDS = 90.0
OUTPUT = 4000
OVERLAY_FILES, OVERLAY_BYTES = 200, 1 << 20


def call(argv, seconds):
    """(exit status, output) of a program; (None, why) when there is none or it does not end."""
    path = find(argv[0])
    if path is None:
        return None, "no such program"
    process = subprocess.Popen(
        [path, *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        preexec_fn=os.setsid,
    )
    deadline, said = time.monotonic() + seconds, bytearray()
    handle = process.stdout.fileno()
    ended = False
    while not ended and time.monotonic() < deadline:
        if select.select([handle], [], [], min(0.2, max(0.0, deadline - time.monotonic())))[0]:
            data = os.read(handle, 65536)
            ended = not data
            said += data[: max(0, OUTPUT - len(said))]
        elif process.poll() is not None:
            break  # a daemon that it started keeps the pipe
    text = bytes(said).decode("utf-8", "replace").strip()
    try:
        status = process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        status, text = None, "no end within %d s: %s" % (seconds, text)
    process.stdout.close()
    return status, text


def judge(check, tree):
    """{"verdict": good | bad | absent | unproven, "said"} of one file below the directory `tree`."""
    file = joined(tree, native(check["file"]))
    argv = [native(word).replace("{file}", file) for word in check["argv"]]
    if find(argv[0]) is None:
        return {"verdict": "absent", "said": "%s is not installed" % argv[0]}
    if check["overlay"]:
        root = overlay(native(check["overlay"]), tree)
        argv = [word.replace("{root}", root) for word in argv]
    status, said = call(argv, SECONDS)
    if status == 0:
        return {"verdict": "good", "said": said}
    if status is None or any(word in said for word in check["unproven"]):
        return {"verdict": "unproven", "said": said}
    return {"verdict": "bad", "said": name_text(said.replace(tree, ""))}


def overlay(folder, tree):
    """A root directory with the live files of `folder`, and over them the restored ones, for programs that read them all."""
    root = tree + ".root"
    target = joined(root, folder)
    os.makedirs(target, 0o700, exist_ok=True)
    for place in (folder, joined(tree, folder)):
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        for name in names[:OVERLAY_FILES]:
            if os.path.isfile(joined(place, name)):
                with open(joined(place, name), "rb") as old, open(joined(target, name), "wb") as new:
                    os.fchmod(new.fileno(), 0o600)
                    new.write(old.read(OVERLAY_BYTES))
    return root


def validate(checks, tree):
    return [judge(check, tree) for check in checks]


def reload(commands):
    """Run each command; of alternatives (a service has other names elsewhere) the first that works counts."""
    rows = []
    for alternatives in commands:
        argv = [native(word) for word in alternatives[0]]
        status, said = None, "no such program"
        for other in alternatives:
            argv = [native(word) for word in other]
            status, said = call(argv, RELOAD_SECONDS)
            if status == 0:
                break
        words = name_text(" ".join(argv)[:300])
        rows.append({"command": words, "status": status, "said": said[:1000]})
    return rows


def count(tree, handle):
    """(files, bytes) that were extracted."""
    files = size = 0
    for name in os.listdir(handle):
        more, bytes_more = tally(name, handle)
        files, size = files + more, size + bytes_more
    return files, size
