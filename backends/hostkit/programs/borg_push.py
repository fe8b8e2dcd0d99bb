"""Borg on a host that connects to the repository's machine itself, with a key that is in no file.

Key and known host key are in memory files (memfd), which ssh reads through /proc of this program; they vanish with it. ARGUMENTS: as for
borg_relay, and {"ssh": its options, "known": lines of known_hosts}; passphrase and private key follow on stdin.
"""

import os
import shlex

from kit_borg import Failed, carry_out, leave, read_secret, write

CLOEXEC = 1


def memory(name, data):
    """A handle of a file that has no name anywhere. Raises Failed where the kernel has none (before 3.17)."""
    try:
        handle = os.memfd_create(name, CLOEXEC)
    except AttributeError:  # before Python 3.8
        handle = older(name)
    except OSError as error:
        raise Failed("failed", "no memory file: %s" % error.strerror)
    os.fchmod(handle, 0o600)
    write(handle, data)
    return handle


def older(name):
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "memfd_create", None)
    handle = call(name.encode("ascii"), CLOEXEC) if call else -1
    if handle < 0:
        raise Failed("failed", "this system has no memory files: use another transport")
    return handle


def place_of(handle):
    return "/proc/%d/fd/%d" % (os.getpid(), handle)


def prepare(place):
    key = memory("key", read_secret())
    known = memory("known", ARGUMENTS["known"].encode("ascii"))  # noqa: F821
    argv = ["ssh", "-F", "/dev/null", "-i", place_of(key), "-o", "UserKnownHostsFile=" + place_of(known)]
    argv += ARGUMENTS["ssh"]  # noqa: F821
    return {"BORG_RSH": " ".join(shlex.quote(word) for word in argv)}, (), {}


if __name__ == "__main__":
    leave(carry_out(ARGUMENTS, prepare))  # noqa: F821 (set by the bundle)
