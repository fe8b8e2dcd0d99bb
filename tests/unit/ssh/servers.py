"""An SSH server in this process, at the other end of a socket pair; no port, no file, no other program."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable
from types import TracebackType

import paramiko
from paramiko.common import MSG_CHANNEL_SUCCESS

from backends.ssh.transport import LinkTransport
from tests.unit.ssh.keys import private_text

Behaviour = Callable[[paramiko.Channel, bytes], None]
"""What an accepted exec request does, in a thread of its own."""


class Host(paramiko.ServerInterface):
    """Lets everybody in, opens up to `channels` channels and answers commands with `behaviour`."""

    def __init__(self, behaviour: Behaviour, channels: int):
        self._behaviour = behaviour
        self.left = channels
        self.accepted: list[threading.Thread] = []
        """Commands whose acceptance was not sent yet."""

    def get_allowed_auths(self, username: str) -> str:
        return "none"

    def check_auth_none(self, username: str) -> int:
        return paramiko.AUTH_SUCCESSFUL  # type: ignore[attr-defined,no-any-return]

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self.left -= 1
        if self.left < 0:
            return paramiko.OPEN_FAILED_CONNECT_FAILED  # type: ignore[attr-defined,no-any-return]
        return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined,no-any-return]

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.accepted.append(threading.Thread(target=self._behaviour, args=(channel, command), daemon=True))
        return command != b"refuse"


class Server(paramiko.Transport):
    """As sshd does, a command begins only after its acceptance was sent."""

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        if data.asbytes()[0] == MSG_CHANNEL_SUCCESS and isinstance(self.server_object, Host):
            self.server_object.accepted.pop().start()


class Pair:
    """A connected, authenticated LinkTransport and its server."""

    def __init__(self, behaviour: Behaviour, channels: int = 100):
        ours, theirs = socket.socketpair()
        self.server = Server(theirs)
        self.server.add_server_key(paramiko.Ed25519Key(file_obj=io.StringIO(private_text("host").decode())))
        self.host = Host(behaviour, channels)
        self.server.start_server(event=threading.Event(), server=self.host)
        self.client = LinkTransport(ours, name="test")
        agreed = threading.Event()
        self.client.start_client(event=agreed)
        assert agreed.wait(10)
        self.client.auth_none("anybody")

    def __enter__(self) -> Pair:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.kill("the test is over")
        self.client.join(5)
        self.server.close()
        self.server.join(5)
