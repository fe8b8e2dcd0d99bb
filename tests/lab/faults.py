"""Everything that can go wrong with a host, done to one on purpose, and undone.

Each fault is a function of a host; what it leaves behind on this machine carries the host's name.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from backends.errors import BadInput, RetryLater, Stop
from tests.lab.commands import attempt, run
from tests.lab.host import LabHost
from tests.lab.network import BRIDGE, cable, in_namespace, ip
from tests.lab.processes import alive, kill

TAP_DELAY = Path(__file__).with_name("tapdelay.py")
TAP_SECONDS = 30.0
LOSS_HOOKS = {"forward": ("oifname", "iifname"), "output": ("oifname",), "input": ("iifname",)}


def reboot(host: LabHost) -> None:
    """Ask the host to reboot, as an operator would; it comes back by itself with a new boot id."""
    _ask(host, "reboot")


def poweroff(host: LabHost) -> None:
    """Ask the host to power off; `start` brings it back."""
    _ask(host, "poweroff")


def nocomeback(host: LabHost) -> None:
    """Let the next reboot be the last."""
    (host.place / "off").touch()


def crash(host: LabHost) -> None:
    """Power loss: the cable first, so that no goodbye gets out, then everything at once; it stays off."""
    leader = _leader(host)
    nocomeback(host)
    ip(host.ground, "link", "set", cable(host.name), "down")
    kill(leader)


def kill9(host: LabHost) -> None:
    """Every process dies, but the kernel still closes the connections: peers notice at once. It stays off."""
    leader = _leader(host)
    nocomeback(host)
    kill(leader)


def freeze(host: LabHost) -> None:
    """The host hangs: its kernel still acknowledges, nobody answers."""
    host.groups.freeze()


def thaw(host: LabHost) -> None:
    """Undo `freeze`."""
    host.groups.thaw()


def stop_sshd(host: LabHost) -> None:
    """kill -STOP to every sshd of the host, sessions included."""
    run(["nsenter", "-t", str(_leader(host)), "-a", "pkill", "-STOP", "-x", "sshd"])


def resume_sshd(host: LabHost) -> None:
    """Undo `stop_sshd`."""
    run(["nsenter", "-t", str(_leader(host)), "-a", "pkill", "-CONT", "-x", "sshd"])


def cut(host: LabHost) -> None:
    """Pull the network cable."""
    ip(host.ground, "link", "set", cable(host.name), "down")


def join(host: LabHost) -> None:
    """Undo `cut`."""
    ip(host.ground, "link", "set", cable(host.name), "up")


def slow(host: LabHost, percent: float) -> None:
    """Leave the host that many per cent of one core; 100 or more: no bound."""
    host.groups.limit_cpu(percent if percent < 100 else None)


def memory(host: LabHost, mebibytes: int) -> None:
    """Leave the host that much memory (then the kernel kills); 0: no bound."""
    host.groups.limit_memory(mebibytes or None)


def loss(host: LabHost, percent: int) -> None:
    """Lose that many per cent of the packets, both ways; 0: none."""
    table = f"lab_{host.name}"
    rules = f"table bridge {table} {{ }}\ndelete table bridge {table}\n"
    if percent:
        chains = "".join(_loss_chain(hook, sides, host, percent) for hook, sides in LOSS_HOOKS.items())
        rules += f"table bridge {table} {{\n{chains}}}\n"
    run(in_namespace(host.ground, ["nft", "-f", "-"]), stdin=rules, action="lose packets")


def rate(host: LabHost, kilobits: int) -> None:
    """Narrow the link to that many kbit/s, both ways; 0: as it was."""
    inside = ["nsenter", "-t", str(_leader(host)), "-n"]
    for enter, device in ((in_namespace(host.ground, []), cable(host.name)), (inside, "host0")):
        attempt([*enter, "tc", "qdisc", "del", "dev", device, "root"])
        if kilobits:
            shape = ["root", "tbf", "rate", f"{kilobits}kbit", "burst", "8k", "latency", "400ms"]
            run([*enter, "tc", "qdisc", "add", "dev", device, *shape])


def delay(host: LabHost, milliseconds: float) -> None:
    """Let every packet arrive that much later, both ways; 0: at once. (Kernels without sch_netem can do this too.)"""
    _undelay(host)
    if milliseconds <= 0:
        return
    near, far, bridge = _tap(host, "a"), _tap(host, "b"), _bridge(host)
    ip(host.ground, "link", "add", bridge, "type", "bridge")
    ip(host.ground, "link", "set", bridge, "up")
    argv = in_namespace(host.ground, [sys.executable, str(TAP_DELAY), near, far, str(milliseconds)])
    with (host.place / "delay.log").open("w") as log:
        wire = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (host.place / "delay.pid").write_text(f"{wire.pid}\n")
    _wait_for_link(host, far)
    wire.returncode = 0  # it outlives this process on purpose; nobody waits for it
    ip(host.ground, "link", "set", near, "master", bridge, "up")
    ip(host.ground, "link", "set", far, "master", BRIDGE, "up")
    ip(host.ground, "link", "set", cable(host.name), "master", bridge)


def fill(host: LabHost, directory: str) -> None:
    """Fill the file system of `directory` to the last block."""
    place = _on_host(host, directory)
    done = host.inside(["dd", "if=/dev/zero", f"of={place}", "bs=1M", "status=none"], timeout_seconds=120)
    if "No space left" not in done.stderr:
        raise Stop(f"{directory} did not fill up: {done.stderr.strip()}", host=host.name, action="fill")


def unfill(host: LabHost, directory: str) -> None:
    """Undo `fill`."""
    host.does("rm", "-f", _on_host(host, directory))


def _ask(host: LabHost, verb: str) -> None:
    """Ask its systemd; whoever asks may be killed with everything else before there is an answer."""
    done = host.inside(["systemctl", verb, "--no-block"])
    if done.returncode > 0:
        raise Stop(done.stderr.strip(), host=host.name, action=verb)


def _on_host(host: LabHost, directory: str) -> str:
    if directory == "/" or not directory.startswith("/"):
        raise BadInput(
            f"will not fill {directory!r}", host=host.name, hint="/boot is the host's own; / is this machine's disk"
        )
    return f"{directory.rstrip('/')}/.lab-fill"


def _leader(host: LabHost) -> int:
    pid = host.leader()
    if pid is None:
        raise RetryLater("is down", host=host.name, hint=f"python -m tests.lab start {host.name}")
    return pid


def _loss_chain(hook: str, sides: tuple[str, ...], host: LabHost, percent: int) -> str:
    chance = f"numgen random mod 100 < {percent} " if percent < 100 else ""
    rules = "".join(f"  {side} {cable(host.name)} {chance}drop\n" for side in sides)
    return f" chain {hook} {{\n  type filter hook {hook} priority 0;\n{rules} }}\n"


def _tap(host: LabHost, end: str) -> str:
    return f"td-{host.name}-{end}"


def _bridge(host: LabHost) -> str:
    return f"bd-{host.name}"


def _undelay(host: LabHost) -> None:
    wire = alive(host.place / "delay.pid", _tap(host, "a"))
    if wire is None:
        return
    attempt(["ip", "-n", host.ground.namespace, "link", "set", cable(host.name), "master", BRIDGE])
    kill(wire)
    ip(host.ground, "link", "del", _bridge(host))
    (host.place / "delay.pid").unlink()


def _wait_for_link(host: LabHost, link: str) -> None:
    deadline = time.monotonic() + TAP_SECONDS
    while attempt(["ip", "-n", host.ground.namespace, "link", "show", link]).returncode != 0:
        if time.monotonic() > deadline:
            raise Stop((host.place / "delay.log").read_text(), host=host.name, action="delay packets")
        time.sleep(0.05)
