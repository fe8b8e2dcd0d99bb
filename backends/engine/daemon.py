"""The engine as a process: signals, log file, pid file, and the way out within a second."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from backends import paths
from backends.clock import SystemClock
from backends.engine.engine import Engine
from backends.engine.log import Log
from backends.engine.options import EngineOptions
from backends.engine.server import answers
from backends.errors import SwarmError

REFUSED = 2
"""Exit status of an engine that could not begin."""


def serve(options: EngineOptions) -> int:
    """Run an engine until it is told to stop (SIGTERM, SIGINT, `engine.stop`, the end of stdin with `stdio`).

    With `stdio` and an engine that already answers on the usual socket, its API is relayed instead: attaching to a bastion
    must not start a second engine there, which would watch every host twice.

    Returns:
        the exit status of the process: 0, or 2 with a sentence on stderr when it could not begin.
    """
    try:
        if options.stdio and not options.demo and not options.replay and not options.config_path:
            running = Path(options.socket_path) if options.socket_path else paths.socket_file()
            if answers(running):
                return relay(running)
        return _run(options)
    except SwarmError as error:
        print(f"swarm-tui engine: {error}", file=sys.stderr)  # noqa: T201 - how a program says why it ends
        return REFUSED


def _run(options: EngineOptions) -> int:
    clock = SystemClock()
    log = Log(clock, paths.state_dir() / "engine.log")
    engine = Engine(options, clock=clock, log=log)
    _on_signals(engine)
    try:
        engine.start()
    except BaseException:
        engine.stop()
        raise
    pid_file = None if options.stdio else _write_pid(engine.server.path)
    if options.stdio:
        session = engine.server.adopt_stdio(on_end=engine.request_stop)
        log.event("stdio", client=session.number)
    while not engine.stopping.wait(3600):
        pass
    engine.stop()
    if pid_file is not None:
        pid_file.unlink(missing_ok=True)
    return 0


def _on_signals(engine: Engine) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only a main thread may take signals; an embedding program has its own
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.request_stop())
    signal.signal(signal.SIGHUP, lambda *_: engine.request_reload())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _write_pid(socket_path: Path) -> Path:
    file = socket_path.with_suffix(".pid")
    paths.write_atomic(file, f"{os.getpid()}\n".encode())
    return file


def relay(path: Path) -> int:
    """Pass bytes between stdin/stdout and the engine at `path` until either side ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        engine.connect(str(path))
        threading.Thread(target=_upward, args=(engine,), name="relay", daemon=True).start()
        while data := engine.recv(1 << 16):
            view = memoryview(data)
            while view:
                view = view[os.write(sys.stdout.fileno(), view) :]
    return 0


def _upward(engine: socket.socket) -> None:
    """stdin → engine; the end of stdin is passed on as such, so that answers under way still arrive."""
    try:
        while data := os.read(sys.stdin.fileno(), 1 << 16):
            engine.sendall(data)
        engine.shutdown(socket.SHUT_WR)
    except OSError:
        engine.close()  # the engine is gone: the other direction ends by itself


def main(argv: list[str] | None = None) -> int:
    """`python -m backends.engine.daemon`: what `swarm-tui engine` runs, for tests and for use without the console."""
    parser = argparse.ArgumentParser(prog="python -m backends.engine.daemon", description=__doc__)
    parser.add_argument("--config", default="")
    parser.add_argument("--socket", default="")
    parser.add_argument("--demo", type=int, default=0)
    parser.add_argument("--replay", default="")
    parser.add_argument("--stdio", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--idle-exit-minutes", type=float, default=0.0)
    given = parser.parse_args(argv)
    return serve(
        EngineOptions(
            config_path=given.config,
            socket_path=given.socket,
            demo=given.demo,
            replay=given.replay,
            stdio=given.stdio,
            read_only=given.read_only,
            idle_exit_minutes=given.idle_exit_minutes,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
