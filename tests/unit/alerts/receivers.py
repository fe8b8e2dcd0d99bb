"""Real receivers of alerts on loopback: HTTP in all its moods, SMTP, syslog over UDP."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from backends.alerts.model import Notice, NoticeKind, fingerprint
from backends.alerts.redact import Secret
from backends.alerts.targets import Target
from backends.states import Severity

STATUS = {"ok": 200, "e429": 429, "e500": 500, "e302": 302, "e204": 204}
PATIENCE_SECONDS = 10.0
"""For what a thread does soon; nothing waits so long when all is well."""


class Web:
    """An HTTP server; what it does stands first in the path: /ok/… /e429/… /e500/… /e302/… /hang/… /drip/…"""

    def __init__(self, server: ThreadingHTTPServer):
        self.port = server.server_address[1]
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path and body of each request."""
        self.moods: list[str] = []
        """What the next requests get, whatever their path."""
        self.released = threading.Event()

    def url(self, path: str, scheme: str = "json", query: str = "") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}" + (f"?{query}" if query else "")

    @property
    def titles(self) -> list[str]:
        return [body["title"] for _, _, body in self.asked if isinstance(body, dict)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        web = cast("Any", self.server).web
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in (self.headers.get("Content-Type") or "")
        web.asked.append((self.command, self.path, json.loads(raw) if is_json else raw))
        mood = web.moods.pop(0) if web.moods else self.path.strip("/").partition("/")[0].partition("?")[0]
        if mood == "drip":
            self._drip(web)
        if mood in ("hang", "drip"):
            web.released.wait(60)
            return
        self.send_response(STATUS.get(mood, 404))
        if mood == "e302":
            self.send_header("Location", f"http://127.0.0.1:{web.port}/ok/captive")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  # the name that the library looks for

    def _drip(self, web: Web) -> None:
        """One byte now and then: no time-out of a socket ever runs out."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        while not web.released.wait(0.1):
            self.wfile.write(b"x")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def web_server(port: int = 0) -> Iterator[Web]:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that went away
    web = Web(server)
    cast("Any", server).web = web
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs; recipients called bad… are refused."""

    def handle(self) -> None:
        mails: list[bytes] = cast("Any", self.server).mails
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line.strip().upper()
            if verb.startswith(b"RCPT") and b"<BAD" in verb:
                self._say("550 no such user s3cr3t")
            elif verb == b"DATA":
                self._say("354 go on")
                mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self._say("250 taken")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """Port and mails."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.daemon_threads = True
        mails: list[bytes] = []
        cast("Any", server).mails = mails
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], mails
        finally:
            server.shutdown()
            thread.join(5)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], object]) -> None:
    """What another thread brings about."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def target(url: str = "json://127.0.0.1/hook", **more: Any) -> Target:
    return Target(**{"name": "oncall", "source": Secret(url), "timeout_seconds": 1.0, **more})


def notice(
    key: str = "n1",
    kind: NoticeKind = NoticeKind.FIRING,
    *,
    thing: str = "/",
    severity: Severity = Severity.CRITICAL,
    title: str = "/ is 97 % full",
    episode: int = 1,
    **more: Any,
) -> Notice:
    fields = {
        "rule": "disk.space",
        "hosts": ("gpu01",),
        "fingerprints": (fingerprint("disk.space", "gpu01", thing),),
        "time": 1_800_000_000.0,
        "lines": ("97 % of 400 GiB are used", "df -h /"),
        **more,
    }
    return Notice(key=key, kind=kind, severity=severity, title=title, episode=episode, **fields)
