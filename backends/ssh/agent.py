"""The operator's ssh-agent, shared by all connections: one socket, one request at a time, never waited for without end."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import paramiko
from paramiko.agent import AgentSSH

ANSWER_SECONDS = 8.0
"""An agent that asks its owner (confirmation, smart card PIN) may take longer; the next attempt then succeeds."""


class SharedAgent(AgentSSH):
    """A connection to the agent at `path`, opened when needed; its keys sign through it from any thread."""

    _conn: socket.socket | None

    def __init__(self, path: str):
        super().__init__()
        self.path = path
        # answers carry no id, so a question and its answer are one unit
        self._turn = threading.RLock()

    def load(self) -> list[AgentIdentity]:
        """The keys that it holds now. Raises OSError (no agent there, no answer) or paramiko.SSHException."""
        with self._turn:
            self.close()
            self._connect(self._dial())  # type: ignore[attr-defined]
            return [AgentIdentity(self, key.blob, key.comment) for key in self.get_keys()]

    def close(self) -> None:
        """Give the socket back; the next use opens it again."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with contextlib.suppress(OSError):
                conn.close()

    def _dial(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(ANSWER_SECONDS)
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        return sock

    def _send_message(self, msg: Any) -> Any:
        with self._turn:
            if self._conn is None:
                self._conn = self._dial()
            try:
                return super()._send_message(msg)  # type: ignore[misc]
            except (OSError, paramiko.SSHException):
                self.close()  # half an answer may be under way
                raise


class AgentIdentity(paramiko.AgentKey):
    """A key of the shared agent. An agent that will not sign makes this key fail, not the whole connection."""

    def __init__(self, agent: SharedAgent, blob: bytes, comment: str):
        super().__init__(agent, blob, comment)
        self.trouble = ""
        """Why the last signature was not given."""

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        self.trouble = ""
        try:
            return super().sign_ssh_data(data, algorithm)
        except TimeoutError:
            self.trouble = "the agent did not answer; does it wait for a confirmation?"
        except (OSError, paramiko.SSHException) as error:
            self.trouble = f"the agent did not sign: {error}"
        return b""
