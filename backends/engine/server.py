"""Listens on the engine's unix socket and turns connections of the same user into sessions.

The directory is 0700, the socket 0600, and the peer's user id is checked as well; a socket that nobody answers is
replaced, one that answers means that an engine runs already and a second one is refused.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from backends import paths
from backends.engine.log import Log
from backends.engine.ownership import Ownership
from backends.engine.session import Link, PipeLink, Session, SocketLink
from backends.errors import AskOperator, BadInput

_BACKLOG = 64
_MAX_PATH_BYTES = 103
"""sun_path holds 104 bytes on macOS and 108 on Linux, with the final zero."""
MAX_CLIENTS = 200
"""Sessions at a time; more would be a runaway script."""


class Server:
    """The listening socket and the sessions that came through it."""

    def __init__(self, path: Path, *, log: Log, on_line: Callable[[Session, bytes], None]):
        self.path = path
        self._log, self._on_line = log, on_line
        self._ownership = Ownership(path)
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._sessions: dict[int, Session] = {}
        self._count = 0
        self._stopping = False

    def bind(self) -> None:
        """Take the socket.

        Raises:
            AskOperator: another engine answers there, or the directory cannot be used.
            BadInput: the path is too long for a unix socket.
        """
        if len(os.fsencode(self.path)) > _MAX_PATH_BYTES:
            raise BadInput(
                f"the socket path is longer than {_MAX_PATH_BYTES} bytes: {self.path}",
                action="listen",
                hint="set XDG_RUNTIME_DIR or --socket to a shorter one",
            )
        paths.private_dir(self.path.parent)
        if answers(self.path) or not self._ownership.take():
            raise AskOperator(
                f"an engine already runs on {self.path}",
                action="listen",
                hint="use it (swarm-tui attaches by itself) or end it: swarm-tui engine stop",
            )
        self._listener = _listen(self.path)

    def start(self) -> None:
        """Accept clients in an own thread. Call `bind` first."""
        threading.Thread(target=self._accept_loop, name="accept", daemon=True).start()

    def adopt(self, link: Link, user: str, on_end: Callable[[], None] | None = None) -> Session:
        """Make a connected pair of streams a session and start it; `on_end` is called once it is over."""

        def ended(session: Session) -> None:
            self._ended(session)
            if on_end is not None:
                on_end()

        with self._lock:
            self._count += 1
            session = Session(link, number=self._count, user=user, log=self._log, on_line=self._on_line, on_end=ended)
            self._sessions[session.number] = session
        self._log.event("client", client=session.number, user=user)
        session.start()
        return session

    def adopt_stdio(self, on_end: Callable[[], None]) -> Session:
        """Speak with whoever started us, on stdin and stdout."""
        return self.adopt(PipeLink(sys.stdin.fileno(), sys.stdout.fileno()), user_name(os.getuid()), on_end)

    def sessions(self) -> list[Session]:
        """Who is connected."""
        with self._lock:
            return list(self._sessions.values())

    def stop(self, seconds: float = 0.3) -> None:
        """Take no more clients, let answers leave for a moment, disconnect everybody and remove the socket."""
        self._stopping = True
        if self._listener is not None:
            self.path.unlink(missing_ok=True)
            self._ownership.release()
            _shut(self._listener)
        closers = [threading.Thread(target=session.drain, args=(seconds,), daemon=True) for session in self.sessions()]
        for thread in closers:
            thread.start()
        for thread in closers:
            thread.join(seconds + 0.2)

    def _ended(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.number, None)
        self._log.event("client-gone", client=session.number)

    def _accept_loop(self) -> None:
        listener = self._listener
        while listener is not None and not self._stopping:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if self._stopping:
                    return
                self._log.event("accept-failed", error=str(error))  # out of descriptors: wait for one
                threading.Event().wait(0.2)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        uid = peer_uid(connection)
        full = len(self.sessions()) >= MAX_CLIENTS
        if full or (uid is not None and uid not in (os.getuid(), 0)):
            self._log.event("client-refused", uid=uid, full=full)
            connection.close()
            return
        self.adopt(SocketLink(connection), user_name(os.getuid() if uid is None else uid))


def answers(path: Path) -> bool:
    """Whether something listens on the socket at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True  # the backlog is full: somebody is there
        except OSError:
            return False
    return True


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # Linux makes the file with it: it never exists with wider rights
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise AskOperator(f"cannot listen on {path}: {error.strerror}", hint=f"ls -ld {path.parent}") from error
    return listener


def _shut(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):  # macOS refuses this on a listening socket; close() is enough there
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
    listener.close()


def peer_uid(connection: socket.socket) -> int | None:
    """The user id of the other side; None where the system does not tell (the directory's mode protects then)."""
    if hasattr(socket, "SO_PEERCRED"):
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", data)[1])
    try:  # macOS: LOCAL_PEERCRED gives struct xucred {version, uid, …}
        data = connection.getsockopt(0, 1, 76)
        return int(struct.unpack_from("=II", data)[1])
    except OSError:
        return None


def user_name(uid: int) -> str:
    """The name of a user id, or the number as text."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
