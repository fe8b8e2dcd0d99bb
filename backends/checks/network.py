"""Is the host held back by its network: an interface or a fabric port at its speed, or one that loses packets.

Rules: reference monitoring §5 and N08 (netdata: a link above 90 % for a minute; node mixin: errors above 1 % of packets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backends.checks import glance
from backends.checks.commands import with_name
from backends.checks.figures import Column, mean, measured, number
from backends.checks.outcome import Gap, Outcome
from backends.checks.signs import Confidence
from backends.checks.verdict import Verdict
from backends.checks.window import Window
from backends.metrics.sample import InfinibandPort, Nic, Sample
from backends.states import Severity
from backends.units import percent, rate

LINK_BUSY = 0.9
"""Of the speed, over the window."""
SLOWEST_LINK = 100e6
"""Bits a second: no link that matters is slower, so traffic that fits into it needs no known speed (own reasoning)."""
DROPPED = 0.02
"""Of the packets (netdata)."""
RATES = ("rx_bytes_per_second", "tx_bytes_per_second")

Link = Nic | InfinibandPort
Kind = tuple[str, Callable[[Sample], Iterable[Link]], str]
"""The words for it, where it is found, the command that shows one."""
INTERFACE: Kind = ("", lambda sample: sample.nics, "ip -s link show dev")
PORT: Kind = ("InfiniBand ", lambda sample: sample.infiniband, "ibstatus")


def network(window: Window) -> Outcome:
    """The first interface or port that is at its limit; else what keeps from saying that none is."""
    nics = [nic for nic in window.newest.nics if nic.up is not False and nic.name != "lo"]
    if not nics and not window.newest.infiniband:
        return Gap("network", ("nics",))
    lacking: list[str] = []
    for kind, links in ((INTERFACE, nics), (PORT, window.newest.infiniband)):
        seen = _seen(window, kind)
        for link in links:
            outcome = _link(window, kind, link, seen[link.name])
            if isinstance(outcome, Verdict):
                return outcome
            lacking += outcome
    return Gap("network", tuple(lacking)) if lacking else None


def _seen(window: Window, kind: Kind) -> dict[str, list[Link]]:
    """Each link by name, as often as a sample holds it."""
    found: dict[str, list[Link]] = {}
    for sample in window.samples:
        for link in kind[1](sample):
            found.setdefault(link.name, []).append(link)
    return found


def _link(window: Window, kind: Kind, link: Link, seen: list[Link]) -> Verdict | list[str]:
    """A verdict, or the names of missing fields (none: it has room)."""
    if isinstance(link, Nic) and (lost := _losses(window, link, seen)):
        return _verdict(kind, link, "loses packets", lost, "medium")
    rates = [measured([number(getattr(one, field)) for one in seen]) for field in RATES]
    if not rates[0] or not rates[1]:
        return [f"{link.name} {field}" for field, have in zip(RATES, rates, strict=True) if not have]
    most = max(mean(rates[0]), mean(rates[1]))
    speed = number(link.speed_bits_per_second if isinstance(link, Nic) else link.rate_bits_per_second)
    if not speed:
        fits = most * 8 < LINK_BUSY * SLOWEST_LINK
        return [] if fits else [f"{link.name} speed"]
    if most * 8 <= LINK_BUSY * speed:
        return []
    numbers = [f"{rate(most)} for {window.span}, {percent(800 * most / speed)} of its speed"]
    return _verdict(kind, link, "is at its speed", numbers, "high")


def _losses(window: Window, nic: Nic, seen: list[Link]) -> list[str]:
    """Errors or drops that matter against the packets of the window."""
    nics = [one for one in seen if isinstance(one, Nic)]
    packets = _packets(nics) * window.seconds
    errors, drops = _risen(nics, "rx_errors", "tx_errors"), _risen(nics, "rx_drops", "tx_drops")
    found = []
    if errors >= glance.ERRORS_LEAST and errors > glance.ERRORS_PER_PACKET * packets:
        found.append(f"{errors:.0f} errors in {packets:.0f} packets")
    if drops >= glance.ERRORS_LEAST and drops > DROPPED * packets:
        found.append(f"{drops:.0f} dropped of {packets:.0f} packets")
    return found


def _packets(nics: list[Nic]) -> float:
    """A second, both ways; 0 where they are not counted, so that errors alone decide."""
    columns: list[Column] = [
        [number(getattr(nic, field)) for nic in nics] for field in ("rx_packets_per_second", "tx_packets_per_second")
    ]
    return sum(mean(values) for column in columns if (values := measured(column)))


def _risen(nics: list[Nic], *fields: str) -> float:
    """By how much counters since boot grew over the window; 0 where they are missing or began again."""
    ends = [(number(getattr(nics[0], field)), number(getattr(nics[-1], field))) for field in fields]
    return sum(max(0.0, last - first) for first, last in ends if first is not None and last is not None)


def _verdict(kind: Kind, link: Link, text: str, numbers: list[str], sure: Confidence) -> Verdict:
    name = link.name.replace("/", ":") if kind is PORT else link.name
    return Verdict(
        subject="host",
        kind="network",
        text=f"{kind[0]}{link.name[:40]} {text}",
        evidence=tuple(numbers),
        confidence=sure,
        next_step=with_name(kind[2], name, kind[2].removesuffix(" dev")),
        severity=Severity.WARNING,
    )
