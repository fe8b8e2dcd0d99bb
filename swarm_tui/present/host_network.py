"""The Network tab: every interface with its rates, errors and link, and the InfiniBand ports."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import InfinibandPort, Nic, Sample
from swarm_tui.present.host_graph import LEAST_ROWS, Points, ceiling, pane, rows_left, spark
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, heading, line
from swarm_tui.present.host_table import Column, table
from swarm_tui.present.host_value import NOTHING, bits, count
from swarm_tui.present.line import Line
from swarm_tui.theme import Role

_NICS = (
    Column("interface", 14),
    Column("link", 4),
    Column("speed", 5, "right"),
    Column("receive", 8, "right"),
    Column("send", 8, "right"),
    Column("packets/s", 11, "right", wide=76),
    Column("errors", 7, "right"),
    Column("drops", 7, "right"),
    Column(" received over time", 0, wide=90),
)

_PORTS = (
    Column("port", 12),
    Column("state", 8),
    Column("physical", 10, wide=90),
    Column("rate", 5, "right"),
    Column("receive", 8, "right"),
    Column("send", 8, "right"),
    Column("downed", 6, "right"),
    Column("recov.", 6, "right"),
    Column("symbol", 6, "right"),
    Column("rx err", 6, "right", wide=90),
)


def network_panel(detail: HostDetail, frame: Frame, known: Tracks) -> list[Line]:
    """The whole tab."""
    sample = detail.sample
    if sample is None:
        return []
    rows = [heading("interfaces", f"{len(sample.nics)}, errors and drops since boot", frame.width)]
    rows += _nics(sample, frame.width, known)
    if sample.infiniband:
        rows += [(), heading("InfiniBand", f"{len(sample.infiniband)} ports", frame.width)]
        rows += table(_PORTS, [_port(port) for port in sample.infiniband], frame.width)
    elif reason := sample.missing.get("infiniband", ""):
        rows += [(), line(Span(f"InfiniBand n/a  {reason}", "dim"))]
    return [*rows, *_graph(sample, frame, known, len(rows))]


def _graph(sample: Sample, frame: Frame, known: Tracks, taken: int) -> list[Line]:
    """What the busiest interface or port received over time, where there is room for it."""
    links: list[tuple[str, Nic | InfinibandPort]] = [("net", nic) for nic in sample.nics]
    links += [("ib", port) for port in sample.infiniband]
    if not links or frame.height - taken <= LEAST_ROWS:
        return []
    kind, link = max(links, key=lambda each: traffic(each[1]))
    points = find(known, f"{kind}.{link.name}.rx_bytes_per_second")
    top = _top(link, points)
    title, now = f"{link.name} received", units.rate(link.rx_bytes_per_second)
    height = rows_left(frame, taken)
    return [(), *pane(title, now, points, frame, height=height, maximum=top, top=units.rate(top))]


def _top(link: Nic | InfinibandPort, points: Points) -> float:
    """The top of the scale: a step above the highest rate, but never above what the link can do."""
    speed = link.speed_bits_per_second if isinstance(link, Nic) else link.rate_bits_per_second
    top = ceiling(points, 125_000.0)
    return min(top, speed / 8) if speed else top


def traffic(nic: Nic | InfinibandPort) -> float:
    """Both directions together, for ranking."""
    return (nic.rx_bytes_per_second or 0.0) + (nic.tx_bytes_per_second or 0.0)


def _nics(sample: Sample, width: int, known: Tracks) -> list[Line]:
    if not sample.nics:
        reason = next((why for name, why in sample.missing.items() if name.startswith(("nic", "net"))), "")
        return [line(Span(f"n/a  {reason}" if reason else "No interface was found.", "dim"))]
    ranked = sorted(sample.nics, key=lambda nic: (nic.up is False, nic.name == "lo", nic.name))
    return table(_NICS, [_nic(nic, known) for nic in ranked], width)


def _nic(nic: Nic, known: Tracks) -> Sequence[Span]:
    points = find(known, f"net.{nic.name}.rx_bytes_per_second")
    return (
        Span(nic.name),
        _link(nic.up),
        Span(bits(nic.speed_bits_per_second), "dim"),
        Span(units.rate(nic.rx_bytes_per_second)),
        Span(units.rate(nic.tx_bytes_per_second)),
        Span(f"{count(nic.rx_packets_per_second)}/{count(nic.tx_packets_per_second)}", "dim"),
        _pair(nic.rx_errors, nic.tx_errors, "warn"),
        _pair(nic.rx_drops, nic.tx_drops, "text"),
        Span(f" {spark(points, 40, _top(nic, points))}", "heat1"),
    )


def _link(up: bool | None) -> Span:
    return NOTHING if up is None else Span("up", "ok") if up else Span("down", "dim")


def _pair(received: int | None, sent: int | None, role: Role) -> Span:
    if received is None and sent is None:
        return NOTHING
    both = (received or 0) + (sent or 0)
    return Span(f"{count(received)}/{count(sent)}" if both else "0", role if both else "dim")


def _port(port: InfinibandPort) -> Sequence[Span]:
    active = port.state.upper().endswith("ACTIVE")
    return (
        Span(port.name),
        Span(port.state or "n/a", "ok" if active else "bad" if port.state else "dim"),
        Span(port.physical_state or "n/a", "dim"),
        Span(bits(port.rate_bits_per_second), "dim"),
        Span(units.rate(port.rx_bytes_per_second)),
        Span(units.rate(port.tx_bytes_per_second)),
        _errors(port.link_downed),
        _errors(port.link_error_recovery),
        _errors(port.symbol_errors),
        _errors(port.receive_errors),
    )


def _errors(value: int | None) -> Span:
    return NOTHING if value is None else Span(count(value), "warn" if value else "dim")
