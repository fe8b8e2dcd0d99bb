"""An ssh-agent in this process: lists and signs with test keys, or refuses."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

import paramiko

from tests.unit.ssh.keys import blob, private

LIST, IDENTITIES, SIGN, SIGNED, FAILED = 11, 12, 13, 14, 5


class FakeAgent:
    """Speaks just enough of the agent protocol, on a socket at `path`."""

    def __init__(self, path: Path, *names: str, refuses: bool = False):
        self.path = str(path)
        self._names = names
        self._refuses = refuses
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: list[socket.socket] = []

    def __enter__(self) -> FakeAgent:
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = self._listener.accept()[0]
                self._open.append(sock)
                threading.Thread(target=self._speak, args=(sock,), daemon=True).start()

    def _speak(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while head := sock.recv(4, socket.MSG_WAITALL):
                answer = self._answer(sock.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL))
                sock.sendall(struct.pack(">I", len(answer)) + answer)

    def _answer(self, question: bytes) -> bytes:
        message = paramiko.Message()
        if question[0] == LIST:
            message.add_byte(bytes([IDENTITIES]))
            message.add_int(len(self._names))
            for name in self._names:
                message.add_string(blob(name))
                message.add_string(name)
            return message.asbytes()
        if self._refuses:
            return bytes([FAILED])
        asked = paramiko.Message(question[1:])
        wanted, data = asked.get_binary(), asked.get_binary()
        name = next(name for name in self._names if blob(name) == wanted)
        signature = paramiko.Message()
        signature.add_string("ssh-ed25519")
        signature.add_string(private(name).sign(data))
        message.add_byte(bytes([SIGNED]))
        message.add_string(signature.asbytes())
        return message.asbytes()
