"""The pack's rules about network and InfiniBand links. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.alerts.measures import nic_use
from backends.alerts.model import Truth
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import MOST_EVENTS, Held, Subject
from backends.alerts.thresholds import HOUR, MINUTE, found, level, nodata, waited
from backends.metrics.sample import InfinibandPort
from backends.states import Severity
from backends.units import percent

_USE, _DROPS, _ERRORS = Limit(90, 85), Limit(2, 1), Limit(1, 0.5)
_NETDATA = "Netdata stock alarms"
MOST_LINES = 3
"""Of the kernel log, about one link."""
_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK


def doubtful(subject: Subject) -> bool:
    """Whether anything below may be bad: one look that spares five."""
    sample, recent, expected = subject.sample, subject.recent, subject.expected
    if sample is None:
        return False
    share = _USE.fire / 800.0
    for nic in sample.nics:
        fastest = (nic.speed_bits_per_second or 0.0) * share
        if (
            fastest > 0 and ((nic.rx_bytes_per_second or 0.0) > fastest or (nic.tx_bytes_per_second or 0.0) > fastest)
        ) or (nic.up is False and expected.nics):
            return True
    if recent is not None and (recent.drops_percent or recent.errors_percent):
        return True
    rate = expected.infiniband_bits_per_second or 0.0
    for port in sample.infiniband:
        if "ACTIVE" not in port.state or (port.rate_bits_per_second or 0.0) < rate:
            return True
    return len(sample.infiniband) < (expected.infiniband_ports or 0)


# Use and loss ----------------------------------------------------------------------------------------------------------


def _used_links(subject: Subject) -> Sequence[str]:
    nics = subject.sample.nics if subject.sample is not None else ()
    return [nic.name for nic in nics if (used := nic_use(nic)) is not None and used > _USE.fire]


def _link_use(subject: Subject, name: str, held: Held) -> Finding:
    nics = subject.sample.nics if subject.sample is not None else ()
    used = next((nic_use(nic) for nic in nics if nic.name == name), None)
    if used is None:
        return nodata("not measured")
    return found(level(used, _USE, None, held.level), used, f"{name} is {percent(used)} used")


def _shares(
    what: str, attribute: str, limit: Limit
) -> tuple[Callable[[Subject], Sequence[str]], Callable[..., Finding]]:
    """Scan and judge of a share of packets over ten minutes."""

    def scan(subject: Subject) -> Sequence[str]:
        shares = getattr(subject.recent, attribute, None)
        return [name for name, share in shares.items() if share >= limit.fire] if shares else ()

    def judge(subject: Subject, name: str, held: Held) -> Finding:
        share = getattr(subject.recent, attribute, {}).get(name)
        if share is None:
            return nodata("not measured for ten minutes")
        over = share >= limit.fire or (held.level is not Severity.OK and share > limit.clear)
        text = f"{name}: {share:.1f}% of the packets of ten minutes were {what}"
        return found(Severity.WARNING if over else Severity.OK, share, text)

    return scan, judge


_DROPS_SCAN, _DROPS_JUDGE = _shares("dropped", "drops_percent", _DROPS)
_ERRORS_SCAN, _ERRORS_JUDGE = _shares("damaged", "errors_percent", _ERRORS)


# Links ---------------------------------------------------------------------------------------------------------------


def _links_down(subject: Subject) -> Sequence[str]:
    wanted, sample = subject.expected.nics, subject.sample
    if not wanted or sample is None:
        return ()
    return [nic.name for nic in sample.nics if nic.up is False and nic.name in wanted]


def _link(subject: Subject, name: str, held: Held) -> Finding:
    nics = subject.sample.nics if subject.sample is not None else ()
    nic = next((nic for nic in nics if nic.name == name), None)
    if nic is None or nic.up is None:
        return nodata(f"{name} is not there" if nic is None else "not measured")
    down = not nic.up and name in subject.expected.nics
    said = tuple(each.text for each in subject.events[-MOST_EVENTS:] if each.kind == "link" and each.object == name)
    text = f"the link of {name} is {'up' if nic.up else 'down'}"
    return found(
        _CRITICAL if down else _OK, None, text, ("it must be up by the inventory", *said[: -MOST_LINES - 1 : -1])
    )


def active(port: InfinibandPort) -> bool:
    """Whether the port carries data."""
    return "active" in port.state.lower()


def _ports_bad(subject: Subject) -> Sequence[str]:
    sample = subject.sample
    if sample is None or not (sample.infiniband or subject.expected.infiniband_ports):
        return ()
    return ("",) if _ports(subject, "", Held()).truth is Truth.TRUE else ()


def _ports(subject: Subject, thing: str, held: Held) -> Finding:
    """Too few ports at the rate that is expected (critical), or a cabled one that is not active (warning)."""
    ports = subject.sample.infiniband if subject.sample is not None else ()
    wanted, rate = subject.expected.infiniband_ports, subject.expected.infiniband_bits_per_second
    up = [port for port in ports if active(port)]
    fast = [port for port in up if rate is None or (port.rate_bits_per_second or 0.0) >= rate]
    if wanted is not None and len(fast) < wanted:
        what = f" at {rate / 1e9:.0f} Gb/s" if rate else ""
        names = tuple(f"{port.name}: {port.state.lower() or 'no state'}" for port in ports if port not in fast)
        return found(_CRITICAL, float(len(fast)), f"{len(fast)} of {wanted} InfiniBand ports are active{what}", names)
    if not ports:
        return nodata("no InfiniBand port was read")
    loose = [port for port in ports if not active(port) and "linkup" in port.physical_state.lower()]
    text = f"InfiniBand {', '.join(port.name for port in loose[:4])}: cabled, but not active"
    return found(_WARNING, float(len(up)), text) if loose else found(_OK, float(len(up)), f"{len(up)} ports are active")


# The rules -------------------------------------------------------------------------------------------------------------

LINK_RULES: tuple[Rule, ...] = (
    Rule(
        id="net.use",
        title="Link is used up",
        times=waited(MINUTE, HOUR),
        gate=doubtful,
        scan=_used_links,
        judge=_link_use,
        advice="See who sends: nethogs, or ss -tin state established.",
        source=f"{_NETDATA}: 1m_received_traffic_overflow",
        warn=_USE,
        unit="%",
    ),
    Rule(
        id="net.drops",
        title="Packets are dropped",
        times=waited(MINUTE, HOUR),
        gate=doubtful,
        scan=_DROPS_SCAN,
        judge=_DROPS_JUDGE,
        advice="Look at the ring buffers and the counters: ethtool -S NIC | grep -i drop; ethtool -g NIC.",
        source=f"{_NETDATA}: inbound_packets_dropped_ratio (N08)",
        warn=_DROPS,
        unit="%",
    ),
    Rule(
        id="net.errors",
        title="Packets are damaged",
        times=waited(MINUTE, HOUR),
        gate=doubtful,
        scan=_ERRORS_SCAN,
        judge=_ERRORS_JUDGE,
        advice="Check cable, transceiver and switch port: ethtool -S NIC | grep -iE 'err|crc'; ethtool -m NIC.",
        source="node mixin, Netdata (N08)",
        warn=_ERRORS,
        unit="%",
    ),
    Rule(
        id="net.link",
        title="Link is down",
        times=waited(MINUTE, 5 * MINUTE),
        gate=doubtful,
        scan=_links_down,
        judge=_link,
        advice="Check cable, transceiver and switch port: ethtool NIC; ip -s link show NIC.",
        source="default rule pack: an expected port",
    ),
    Rule(
        id="net.infiniband",
        title="InfiniBand ports are missing",
        times=waited(4 * MINUTE, 10 * MINUTE),
        gate=doubtful,
        scan=_ports_bad,
        judge=_ports,
        advice="Check the cable and the subnet manager: ibstat; ibdiagnet.",
        source="gpud: down for more than 4 minutes, well for 10 (N01, N02)",
    ),
)
