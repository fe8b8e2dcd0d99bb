"""One sshd that plays a thousand hosts: every loopback address leads to it, and a tiny C program replays a real probe.

Real probes of a thousand hosts on one machine would measure the machine; what is replayed is one captured here.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.config.schema import SshConfig
from backends.hostkit.travel import MAGIC, probe_launch
from backends.inventory.host import Host
from backends.ssh.trust import hashed_name
from tests.lab.userlab import SSHD, descendants, keygen

REPLAY = r"""
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static double clock_of(clockid_t id) { struct timespec t; clock_gettime(id, &t); return t.tv_sec + t.tv_nsec / 1e9; }
int main(int argc, char **argv) {
    static char head[1 << 16], rest[1 << 16], line[1 << 17], input[1 << 16];
    FILE *file = fopen(argv[1], "r");
    size_t length = fread(head, 1, sizeof head - 1, file); fclose(file);
    file = fopen(argv[2], "r"); rest[fread(rest, 1, sizeof rest - 1, file)] = 0; fclose(file);
    if (write(1, head, length) < 0) return 1;
    double next = clock_of(CLOCK_MONOTONIC);
    int number = 0, size, wait;
    for (;;) {
        size = snprintf(line, sizeof line, "[\"s\",%d,%.3f,%.3f,%s\n", ++number, clock_of(CLOCK_MONOTONIC), clock_of(CLOCK_REALTIME), rest);
        if (write(1, line, size) < 0) return 1;
        next += 1.0;
        while ((wait = (next - clock_of(CLOCK_MONOTONIC)) * 1000) > 0) {
            struct pollfd in = { 0, POLLIN, 0 };
            if (poll(&in, 1, wait) > 0) {
                ssize_t got = read(0, input, sizeof input);
                if (got <= 0) return 0;
                if (got > 5 && !memcmp(input, "ping ", 5)) {
                    size = snprintf(line, sizeof line, "[\"p\",%d,%.3f]\n", atoi(input + 5), clock_of(CLOCK_REALTIME));
                    if (write(1, line, size) < 0) return 1;
                }
            }
        }
    }
}
"""

SHELL = """#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
    *swarm-kit*) # the first of a connection is the probe; a kernel log and health checks are not played: they are refused
        mkdir "{root}/seen-$(echo $SSH_CONNECTION | tr ' ' -)" 2> /dev/null || exit 3
        exec {root}/replay {root}/head {root}/rest ;;
    *) exec /bin/sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
"""


class Thousand:
    """The sshd, its key and the names that it answers to."""

    def __init__(self, root: Path, count: int):
        self.root = root
        self.port = _free_port()
        self.names = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count)]
        self.key = root / "id"
        self.sample_bytes = 0
        keygen(self.key)
        keygen(root / "host")
        self._compile()
        self._capture()
        self._write_known_hosts()
        self._process = self._start()

    @classmethod
    @contextlib.contextmanager
    def up(cls, count: int) -> Iterator[Thousand]:
        """Started, and gone afterwards with all that runs for its clients."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix="swarm-bench-ssh-"))
        thousand = None
        try:
            thousand = cls(root, count)
            yield thousand
        finally:
            if thousand:
                thousand.stop()
            shutil.rmtree(root, ignore_errors=True)

    def hosts(self, count: int) -> list[Host]:
        """The first `count` hosts of the fleet."""
        return [Host(name=name, address=name, port=self.port) for name in self.names[:count]]

    def ssh(self, *, hashed: bool = False) -> SshConfig:
        """An `[ssh]` table that reaches them."""
        return SshConfig(
            user=getpass.getuser(),
            config_file="none",
            identity_files=(str(self.key),),
            known_hosts_files=(str(self.root / ("known_hosts.hashed" if hashed else "known_hosts")),),
        )

    def options(self) -> list[str]:
        """The same as options of OpenSSH's ssh, for other tools."""
        return [
            *("-F", "none", "-p", str(self.port), "-i", str(self.key), "-o", "StrictHostKeyChecking=yes"),
            *("-o", f"UserKnownHostsFile={self.root}/known_hosts", "-o", "LogLevel=ERROR"),
        ]

    def sessions(self) -> list[int]:
        """The sshd processes that serve one connection each."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def freeze_one(self) -> None:
        """Stop one connection's processes: its TCP goes on answering, nothing else does."""
        for pid in descendants(self.sessions()[0]):
            os.kill(pid, signal.SIGSTOP)

    def stop(self) -> None:
        """Kill it and everything below."""
        for pid in descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)

    def _compile(self) -> None:
        source = self.root / "replay.c"
        source.write_text(REPLAY)
        subprocess.run(["gcc", "-O2", "-w", "-o", str(self.root / "replay"), str(source)], check=True)

    def _capture(self) -> None:
        """Run the real probe here for a moment and keep what it says."""
        lines = captured(1.5)
        sample = next(line for line in lines if line.startswith(b'["s",'))
        others = [line for line in lines if not line.startswith((b'["s",', b'["p",'))]
        (self.root / "head").write_bytes(b"\n".join([MAGIC + b"ready", *others]) + b"\n")
        (self.root / "rest").write_bytes(sample.split(b",", 4)[4])
        self.sample_bytes = len(sample) + 1

    def _write_known_hosts(self) -> None:
        key = " ".join((self.root / "host.pub").read_text().split()[:2])
        names = [f"[{name}]:{self.port}" for name in self.names]
        (self.root / "known_hosts").write_text("".join(f"{name} {key}\n" for name in names))
        (self.root / "known_hosts.hashed").write_text("".join(f"{hashed_name(name)} {key}\n" for name in names))

    def _start(self) -> subprocess.Popen[bytes]:
        shell = self.root / "shell"
        shell.write_text(SHELL.format(root=self.root))
        shell.chmod(0o755)
        lines = [
            f"ListenAddress 0.0.0.0:{self.port}",
            f"AllowUsers {getpass.getuser()}@127.*",
            f"HostKey {self.root}/host",
            f"PidFile {self.root}/pid",
            f"AuthorizedKeysFile {self.key}.pub",
            f"ForceCommand exec {shell}",
            f"SetEnv HOME={self.root}",
            *("StrictModes no", "UsePAM no", "UseDNS no", "PermitRootLogin yes", "PasswordAuthentication no"),
            *("KbdInteractiveAuthentication no", "MaxStartups 5000", "PrintMotd no", "LogLevel ERROR"),
        ]
        config = self.root / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.root / "log")],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            time.sleep(0.02)
        raise RuntimeError((self.root / "log").read_text())


def captured(seconds: float) -> Sequence[bytes]:
    """The lines that the real probe writes on this machine within `seconds`, from its magic line on."""
    launch = probe_launch(interval_seconds=1.0)
    process = subprocess.Popen(
        ["/bin/sh", "-c", launch.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(launch.payload)
    process.stdin.flush()
    time.sleep(seconds)
    out, _ = process.communicate()
    return [line for line in out.partition(MAGIC + b"ready\n")[2].split(b"\n") if line]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
