"""Interfaces, sockets, connection tracking, bonds, names, gateway. N08–N10. Thresholds: monitoring §2c."""

from __future__ import annotations

from collections.abc import Iterator

from backends.checks.health_finding import Action, Finding, critical, graded, ok, unknown, warning
from backends.checks.health_look import Look, grown
from backends.hostkit.health_model import NicFacts
from backends.metrics.sample import Nic, Sample
from backends.units import percent, span

ERROR_SHARE, DROP_SHARE = 1.0, 2.0
"""Per cent of packets (node mixin; netdata)."""
LEAST = 5
"""Errors in the time between, below which a share says nothing (netdata: 5 in 10 minutes)."""
FULL = 90.0
"""Per cent of the link's speed (netdata)."""
OVERFLOW_WARNING, OVERFLOW_CRITICAL = 1.0, 5.0
"""Overflows of listen queues a second (netdata)."""
BACKLOG_PER_MINUTE = 10.0
"""Packets dropped from a core's backlog (netdata)."""
TRACKED_WARNING, TRACKED_CRITICAL = 80.0, 90.0
"""Per cent of the connection table."""
NAME_SECONDS = 2.0


def nics(look: Look) -> Iterator[Finding]:
    """N08: errors, drops and FIFO overruns between two looks, and links that are full."""
    pair = look.pair
    before = {nic.name: nic for nic in (pair[0].nics or ())} if pair else {}
    full = _full(look.samples)
    for nic in (look.facts.nics or ()) if look.facts else ():
        old = before.get(nic.name)
        if nic.name in full:
            text = f"{nic.name} is {full[nic.name]:.0f}% full"
            yield warning("N08", text, nic.name, value=full[nic.name])
        elif pair is None or old is None:
            yield ok("N08", f"{nic.name}: {nic.state or 'no state'}", nic.name)
        else:
            yield _nic(old, nic, pair[2])


def _full(samples: tuple[Sample, ...]) -> dict[str, float]:
    """{interface: mean per cent of its speed} of those that are full in every sample of at least a minute."""
    if len(samples) < 2 or samples[-1].time - samples[0].time < 60.0:
        return {}
    found = {}
    for nic in samples[-1].nics:
        shares = [_share(other) for sample in samples for other in sample.nics if other.name == nic.name]
        known = [share for share in shares if share is not None]
        if len(known) == len(samples) - (shares[0] is None) and known and min(known) > FULL:
            found[nic.name] = sum(known) / len(known)
    return found


def _share(nic: Nic) -> float | None:
    most = max(nic.rx_bytes_per_second or 0.0, nic.tx_bytes_per_second or 0.0)
    known = nic.rx_bytes_per_second is not None and nic.speed_bits_per_second
    return 800.0 * most / nic.speed_bits_per_second if known and nic.speed_bits_per_second else None


def _nic(old: NicFacts, new: NicFacts, seconds: float) -> Finding:
    packets = _sum(old, new, ("rx_packets", "tx_packets"))
    errors = _sum(old, new, ("rx_errors", "tx_errors"))
    drops = _sum(old, new, ("rx_dropped", "tx_dropped"))
    fifo = _sum(old, new, ("rx_fifo_errors", "tx_fifo_errors"))
    downs = grown(old.down_count, new.down_count) or 0
    if packets is None or errors is None or drops is None:
        return unknown("N08", f"{new.name}: its counters cannot be compared", new.name)
    bad = []
    for count, limit, words in ((errors, ERROR_SHARE, "errors"), (drops, DROP_SHARE, "drops")):
        if count >= LEAST and 100.0 * count > limit * packets:
            bad.append(f"{count} {words} of {packets} packets")
    bad += [f"{fifo} FIFO overruns"] if fifo else []
    bad += [f"lost its carrier {downs} times"] if downs else []
    if bad:
        advice = f"ethtool -S {new.name}"
        return warning("N08", f"{new.name}: {', '.join(bad)} in {span(seconds)}", new.name, advice=advice)
    return ok("N08", f"{new.name}: {errors} errors in {span(seconds)}", new.name)


def _sum(old: NicFacts, new: NicFacts, fields: tuple[str, ...]) -> int | None:
    rises = [grown(getattr(old, field), getattr(new, field)) for field in fields]
    known = [rise for rise in rises if rise is not None]
    return sum(known) if len(known) == len(rises) else None


def sockets(look: Look) -> Iterator[Finding]:
    """N09: listen queues that overflow, packets that the kernel has no time for."""
    if look.pair is None:
        return
    before, now, seconds = look.pair
    if before.sockets is None or now.sockets is None:
        return
    overflows = grown(before.sockets.listen_overflows, now.sockets.listen_overflows)
    if overflows is None:
        yield unknown("N09", "listen overflows cannot be read", "listen")
    else:
        rate = overflows / seconds
        text = f"{rate:.1f} connections a second found a full listen queue"
        limits = (OVERFLOW_WARNING, OVERFLOW_CRITICAL)
        yield graded(
            "N09", rate, limits, text, "listen", action=Action.CHECK_APP, advice="ss -ltn: Recv-Q against Send-Q"
        )
    dropped = grown(before.sockets.backlog_dropped, now.sockets.backlog_dropped)
    squeezed = grown(before.sockets.squeezed, now.sockets.squeezed)
    if dropped is not None:
        rate = 60.0 * dropped / seconds
        text = f"{rate:.0f} packets a minute dropped from the backlog"
        evidence = (f"{squeezed} rounds cut short",) if squeezed is not None else ()
        advice = "raise net.core.netdev_max_backlog; spread interrupts"
        yield graded("N09", rate, (BACKLOG_PER_MINUTE, None), text, "backlog", evidence=evidence, advice=advice)


def tracking(look: Look) -> Iterator[Finding]:
    """N10: the connection table."""
    sockets = look.facts.sockets if look.facts else None
    if sockets is None or sockets.tracked is None or not sockets.tracked_max:
        return
    share = 100.0 * sockets.tracked / sockets.tracked_max
    text = f"the connection table is {percent(share)} full"
    advice = "raise net.netfilter.nf_conntrack_max"
    yield graded("N10", share, (TRACKED_WARNING, TRACKED_CRITICAL), text, "conntrack", advice=advice)


def bonds(look: Look) -> Iterator[Finding]:
    """N10: members of a bond that are down."""
    for name, lines in ((look.facts.bonds or {}) if look.facts else {}).items():
        members, state = {}, ""
        for line in lines:
            key, _, value = (part.strip() for part in line.partition(":"))
            if key == "Slave Interface":
                state = value
            elif key == "MII Status" and state:
                members[state] = value
        down = [member for member, value in members.items() if value != "up"]
        if down and len(down) == len(members):
            yield critical("N10", f"{name}: no member is up", name, action=Action.INSPECT)
        elif down:
            text = f"{name}: {', '.join(down[:4])} of {len(members)} members down"
            yield warning("N10", text, name, action=Action.INSPECT, advice=f"cat /proc/net/bonding/{name}")
        elif members:
            yield ok("N10", f"{name}: {len(members)} members are up", name)


def reach(look: Look) -> Iterator[Finding]:
    """N10: the gateway answers, names are found in time."""
    facts = look.facts
    gateway = facts.gateway if facts else None
    if gateway is not None and gateway.answers is False:
        text = f"the gateway {gateway.address} does not answer a ping"
        yield warning("N10", text, "gateway", advice="it may be told not to answer")
    elif gateway is not None and gateway.answers:
        yield ok("N10", f"the gateway {gateway.address} answers", "gateway")
    for name, found in facts.names.items() if facts else ():
        if not found.found:
            yield warning("N10", f"the name {name} is not found", f"name {name}", advice=f"getent hosts {name}")
        elif found.seconds > NAME_SECONDS:
            text = f"finding the name {name} took {found.seconds:.1f} s"
            yield warning("N10", text, f"name {name}", value=found.seconds)
        else:
            yield ok("N10", f"the name {name} is found", f"name {name}")
    for name, reason in facts.missing.items() if facts else ():
        if name.startswith("name "):
            text = f"finding the {name}: {reason}"
            make = warning if reason.startswith("no answer") else unknown
            yield make("N10", text, name)
