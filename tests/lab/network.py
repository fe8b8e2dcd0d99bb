"""The lab's network: a namespace with one bridge, and one cable to this machine. No forwarding, no way out."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path

from backends.errors import Stop
from tests.lab.commands import attempt, run
from tests.lab.ground import Ground

BRIDGE = "br0"
CANDIDATES = tuple(f"10.99.{third}" for third in range(256))
INSIDE, OUTSIDE = 1, 254
"""The bridge's own address and this machine's, within the lab's /24."""


def build(ground: Ground) -> None:
    """Make the namespace, the bridge and the cable, unless they stand. Raises Stop when no addresses are free."""
    if ground.namespace_path.exists():
        return
    prefix = free_prefix(_used_networks())
    ground.fleet.mkdir(parents=True, exist_ok=True)
    ground.prefix_file.write_text(f"{prefix}\n")
    run(["ip", "netns", "add", ground.namespace])
    inside = ["ip", "-n", ground.namespace]
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "link", "add", BRIDGE, "type", "bridge"])
    run([*inside, "addr", "add", f"{prefix}.{INSIDE}/24", "dev", BRIDGE])
    run([*inside, "link", "set", BRIDGE, "up"])
    _plug(ground, prefix)


def destroy(ground: Ground) -> None:
    """Remove the cable and the namespace; nothing happens when they are gone."""
    if Path(f"/sys/class/net/{ground.outside_link}").exists():
        run(["ip", "link", "del", ground.outside_link])
    if ground.namespace_path.exists():
        run(["ip", "netns", "del", ground.namespace])
    ground.prefix_file.unlink(missing_ok=True)


def in_namespace(ground: Ground, argv: Iterable[str]) -> list[str]:
    """`argv`, run where the hosts' cables end."""
    return ["nsenter", f"--net={ground.namespace_path}", *argv]


def ip(ground: Ground, *words: str) -> None:
    """Run `ip` in the lab's namespace."""
    run(["ip", "-n", ground.namespace, *words])


def cable(host: str) -> str:
    """The lab's end of a host's network cable (systemd-nspawn names it so)."""
    return f"vb-{host}"


def free_prefix(used: Iterable[ipaddress.IPv4Network]) -> str:
    """The first three numbers of a /24 that overlaps nothing this machine knows a way to."""
    taken = list(used)
    for prefix in CANDIDATES:
        if not any(ipaddress.IPv4Network(f"{prefix}.0/24").overlaps(network) for network in taken):
            return prefix
    raise Stop("no free network for the lab in 10.99.0.0/16", hint="ip route show")


def _plug(ground: Ground, prefix: str) -> None:
    """Make the hosts reachable from this machine, and only from it."""
    far = "outside"
    run(["ip", "link", "add", ground.outside_link, "type", "veth", "peer", "name", far, "netns", ground.namespace])
    ip(ground, "link", "set", far, "master", BRIDGE, "up")
    knob = Path(f"/proc/sys/net/ipv4/conf/{ground.outside_link}/forwarding")
    knob.write_text("0\n")  # even on a machine that routes, nothing passes from or to the lab
    run(["ip", "addr", "add", f"{prefix}.{OUTSIDE}/24", "dev", ground.outside_link])
    run(["ip", "link", "set", ground.outside_link, "up"])


def _used_networks() -> list[ipaddress.IPv4Network]:
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout or "[]")
    named = (str(route.get("dst", "")) for route in routes)
    return [ipaddress.IPv4Network(each, strict=False) for each in named if each[:1].isdigit() and each != "0.0.0.0/0"]


def reachable(address: str) -> bool:
    """Whether a ping is answered within a second."""
    return attempt(["ping", "-c1", "-W1", address]).returncode == 0
