"""Ends Borg when the engine is gone, however it went: an orphan would keep the repository's lock and nobody would see it.

A shell beside each Borg reads a pipe that only the engine holds. At its end without a word the engine is dead: Borg is asked to
end (it gives its locks back), and its whole group is killed when it does not. Cheaper and safer than code between fork and exec
in a process of many threads, and it works wherever there is a /bin/sh.
"""

from __future__ import annotations

import contextlib
import subprocess

_SCRIPT = (
    'read -r borg || exit 0; read -r word; [ "$word" = over ] && exit 0; kill -TERM "$borg" 2>/dev/null; n=0; '
    'while [ $n -lt 5 ]; do sleep 1; kill -0 "$borg" 2>/dev/null || break; n=$((n+1)); done; '
    'kill -KILL "-$borg" 2>/dev/null'
)
END_SECONDS = 1.0


class Guard:
    """Is there before the process that it watches over, so that there is no moment without it. Raises OSError without a shell."""

    def __init__(self) -> None:
        self._watching = False
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def watch(self, group: int) -> None:
        """From now on, over the process `group` and its group."""
        self._watching = True
        self._say(b"%d\n" % group)

    def over(self) -> None:
        """It has ended by itself, or never began."""
        if self._watching:
            self._say(b"over\n")
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        try:
            self._shell.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()

    def _say(self, line: bytes) -> None:
        pipe = self._shell.stdin
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(OSError):  # it is gone: then nobody watches, and nothing else changes
                pipe.write(line)
