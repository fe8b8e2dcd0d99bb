"""Facts that are lists of what lies in directories: Python packages by environment, models in a cache.

No program of a user is run for them: an interpreter in somebody's home directory would run as root.
"""

import os
import re

from kit_snapshot_walk import Walk, escaped

MOST_LINES = 20000
CONTENT_LIMIT = 200
PACKAGE = re.compile(r"(.+)/(?:[^/]+/){2,3}(?:site|dist)-packages/([^/]+)-([^-/]+)\.(?:dist|egg)-info$")
CONDA = re.compile(r"(.+)/conda-meta/(.+)-([^-/]+)-([^-/]+)\.json$")


def package(handle, name, path):
    """ "/opt/env numpy==1.26.4" of what an installer leaves behind."""
    for pattern, form in ((PACKAGE, "%s %s==%s"), (CONDA, "%s %s=%s=%s")):
        match = pattern.match(path)
        if match:
            return form % match.groups()
    return None


def content(handle, name, path):
    """ "PATH = first line": a small file that names something."""
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    try:
        text = os.read(opened, CONTENT_LIMIT).decode("utf-8", "replace")
    finally:
        os.close(opened)
    return "%s = %s" % (path, text.split("\n")[0])


FORMS = {"package": package, "content": content}


def listed(wanted, notes, top="/"):
    """{"rc", "seconds", "text"} for {"paths": [pattern], "form": "package" or "content"}; None where nothing is."""
    found = set()

    def visit(handle, name, path, stat):
        line = FORMS[wanted["form"]](handle, name, path) if len(found) < MOST_LINES else None
        if line:
            found.add(escaped(line))

    Walk(visit, notes, top=top, deep=False).run(wanted["paths"])
    return {"rc": 0, "seconds": 0.0, "text": "".join(line + "\n" for line in sorted(found))} if found else None
