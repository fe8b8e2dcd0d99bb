"""How the health programs answer: each fact with its own deadline, refusals in one wording, one line of JSON behind the magic."""

import os
import time

from kit_ask import gather
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"


def permitted(function):
    """The same fact, with every refusal in the words "no permission"."""

    def ask():
        try:
            return function()
        except (IOError, OSError) as error:
            if error.errno in (1, 13):
                raise RuntimeError("no permission: %s" % (error.filename or error.strerror))
            raise

    return ask


def answer(tasks):
    """Ask [(name, function, seconds)] and write the answer."""
    begin = time.time()
    facts = gather([(name, permitted(function), seconds) for name, function, seconds in tasks])
    head = encode({"ok": True, "begin": begin, "end": time.time(), "root": os.geteuid() == 0})
    data = MAGIC + head[:-1] + b',"facts":' + facts + b"}\n"
    while data:
        data = data[os.write(1, data) :]
