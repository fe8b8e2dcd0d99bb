"""InfiniBand: ports against the inventory, drops and flaps, error counters, adapters. N01–N07. Thresholds: monitoring §2c."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_history import Flaps, History, settled
from backends.checks.health_look import Look, grown
from backends.metrics.sample import InfinibandPort
from backends.units import span

DROP_SECONDS = 240.0
"""Down for longer is a drop (gpud)."""
STICKY_SECONDS = 600.0
"""A drop is told of so long after the port came back (gpud)."""
FLAP_SECONDS, FLAPS = 25.0, 3
"""Down at least so long and then active, so often: flapping, until somebody acknowledges it (gpud)."""
DAY, FLAPS_A_DAY = 86400.0, 5
"""So many in a day are critical (Azure)."""
MOST_FLAPS = 64
READ_REQUEST = 4096
"""Bytes in one read request that an adapter should be allowed (sichek)."""
_TEMPERATURE = re.compile(r"Module temperature\s*:\s*(-?\d{1,4}(?:\.\d+)?)")
_ALARM = re.compile(r"(.{3,60}?)\s+(alarm|warning)\s*:\s*On\b", re.IGNORECASE)
OPTICS_WARNING, OPTICS_CRITICAL = 65.0, 75.0
"""°C of a pluggable module (sichek, ports that carry jobs)."""


def _up(port: InfinibandPort) -> bool:
    return "ACTIVE" in port.state.upper()


def watch(history: History, ports: Iterable[InfinibandPort], now: float) -> History:
    """The history after one more look at the ports; to be called with every sample or every 30 s."""
    kept = dict(history.ports)
    for port in list(ports)[:256]:
        past = kept.get(port.name, Flaps())
        kept[port.name] = _after(past, _up(port), now)
    return msgspec.structs.replace(history, ports=kept)


def _after(past: Flaps, up: bool, now: float) -> Flaps:
    if not up:
        down = past.down_since if past.down_since is not None else now
        dropped = now if now - down >= DROP_SECONDS else past.dropped
        return msgspec.structs.replace(past, down_since=down, dropped=dropped, up_since=None)
    if past.down_since is None:
        return past if past.up_since is not None else msgspec.structs.replace(past, up_since=now, seen_up=True)
    counts = now - past.down_since >= FLAP_SECONDS
    flaps = (*past.flaps, now)[-MOST_FLAPS:] if counts else past.flaps
    return msgspec.structs.replace(past, down_since=None, up_since=now, seen_up=True, flaps=flaps)


def ports(look: Look) -> Iterator[Finding]:
    """N01: as many ports as the inventory expects, each active at its rate."""
    found = look.sample.infiniband if look.sample else ()
    wanted, rate = look.expected.infiniband_ports, look.expected.infiniband_bits_per_second
    if not found and not wanted:
        return
    active = [port for port in found if _up(port)]
    slow = [p for p in active if rate and p.rate_bits_per_second is not None and p.rate_bits_per_second < rate * 0.999]
    for port in slow:
        text = (
            f"{port.name} runs at {(port.rate_bits_per_second or 0) / 1e9:.0f} instead of {(rate or 0) / 1e9:.0f} Gb/s"
        )
        yield critical("N01", text, port.name, action=Action.INSPECT, advice="check cable and switch port")
    if wanted is not None and len(active) < wanted:
        text = f"{len(active)} of {wanted} InfiniBand ports are active"
        yield critical("N01", text, action=Action.INSPECT, advice="ibstat; check cables", value=float(len(active)))
    elif not slow:
        yield ok("N01", f"{len(active)} InfiniBand ports are active")


def drops(look: Look) -> Iterator[Finding]:
    """N02: a port that is down for more than four minutes, and for ten more after it came back."""
    for port in look.sample.infiniband if look.sample else ():
        past = look.history.ports.get(port.name, Flaps())
        if past.down_since is not None and not past.seen_up and not look.expected.infiniband_ports:
            continue  # it was never seen up: no cable, unless the inventory counts on it
        if past.down_since is not None and look.now - past.down_since >= DROP_SECONDS:
            text = f"{port.name} is down for {span(look.now - past.down_since)}"
            yield critical("N02", text, port.name, action=Action.INSPECT, advice="check cable and switch port")
        elif past.dropped is not None and look.now - past.dropped < STICKY_SECONDS and past.down_since is None:
            yield warning("N02", f"{port.name} was down and is back since {span(look.now - past.dropped)}", port.name)
        else:
            yield ok("N02", f"{port.name}: {port.state or 'no state'}", port.name)


def flaps(look: Look) -> Iterator[Finding]:
    """N03: ports that come and go; told of until somebody acknowledges it."""
    for name, past in look.history.ports.items():
        settled_at = settled(look.history, "N03", name)
        counted = [time for time in past.flaps if time > settled_at]
        today = [time for time in counted if look.now - time < DAY]
        text = f"{name} came back {len(counted)} times, {len(today)} of them in the last day"
        if len(today) >= FLAPS_A_DAY:
            yield critical(
                "N03",
                text,
                name,
                action=Action.INSPECT,
                advice="check cable, then acknowledge",
                value=float(len(counted)),
            )
        elif len(counted) >= FLAPS:
            yield warning(
                "N03",
                text,
                name,
                action=Action.INSPECT,
                advice="check cable, then acknowledge",
                value=float(len(counted)),
            )
        else:
            yield ok("N03", f"{name} does not flap", name)


def counters(look: Look) -> Iterator[Finding]:
    """N04: links that went down unseen, errors that rise (nvrx, gpud)."""
    if len(look.samples) < 2:
        return
    old = {port.name: port for port in look.samples[0].infiniband}
    for port in look.samples[-1].infiniband:
        before = old.get(port.name)
        if before is None:
            continue
        downs = grown(before.link_downed, port.link_downed)
        rises = _rises(before, port)
        if downs:
            text = f"{port.name}: the link went down {downs} times in {span(look.span)}"
            yield critical("N04", text, port.name, evidence=tuple(rises), action=Action.INSPECT, advice="check cable")
        elif rises:
            yield warning("N04", f"{port.name}: {rises[0]} in {span(look.span)}", port.name, evidence=tuple(rises))
        elif downs is None:
            yield unknown("N04", f"{port.name}: its counters cannot be read", port.name)
        else:
            yield ok("N04", f"{port.name}: no error in {span(look.span)}", port.name)


def _rises(before: InfinibandPort, now: InfinibandPort) -> list[str]:
    fields = (
        ("symbol_errors", "symbol errors"),
        ("receive_errors", "receive errors"),
        ("link_error_recovery", "recoveries"),
    )
    found = [(grown(getattr(before, field), getattr(now, field)) or 0, words) for field, words in fields]
    return [f"{rise} {words}" for rise, words in sorted(found, reverse=True) if rise]


def adapters(look: Look) -> Iterator[Finding]:
    """N05 within a host: read requests, firmware and partition keys of like adapters (against the group: `health_peers`)."""
    facts = look.facts
    if facts is None or not facts.infiniband:
        return
    found = []
    requests = {device.address: device.read_request for device in facts.pci or ()}
    firmware: dict[str, dict[str, list[str]]] = {}
    for device in facts.infiniband:
        size = requests.get(device.address)
        firmware.setdefault(device.board, {}).setdefault(device.firmware, []).append(device.device)
        if size is not None and size < READ_REQUEST:
            text = f"{device.device} reads {size} bytes at a time instead of {READ_REQUEST}"
            found.append(
                warning("N05", text, device.device, advice=f"setpci -s {device.address} CAP_EXP+8.w=5000:7000")
            )
    for board, versions in firmware.items():
        if len(versions) > 1:
            told = ", ".join(f"{version or 'none'} on {', '.join(names[:4])}" for version, names in versions.items())
            found.append(
                warning("N05", f"adapters of board {board or 'unknown'} differ in firmware: {told}", "firmware")
            )
    keys = {tuple(port.keys) for device in facts.infiniband for port in device.ports if port.keys}
    if len(keys) > 1:
        found.append(
            warning("N05", "the ports' partition keys differ", "keys", evidence=tuple(map(", ".join, keys))[:4])
        )
    yield from found
    if not found:
        yield ok("N05", f"{len(facts.infiniband)} adapters are alike")


def log(look: Look) -> Iterator[Finding]:
    """N06: what mlx5 complains of in the kernel log (gpud)."""
    for event in look.recent(("mlx5",), 86400.0)[-8:]:
        if event.time <= settled(look.history, "N06", event.device):
            continue
        if any(
            words in event.text
            for words in ("insufficient power", "High Temperature", "failed", "fatal", "compromised")
        ):
            yield warning("N06", event.text[:160], event.device, action=Action.INSPECT, evidence=(event.text,))


def optics(look: Look) -> Iterator[Finding]:
    """N07: temperature and alarms of pluggable modules."""
    facts = look.facts
    for name, said in facts.optics.items() if facts else ():
        text = "\n".join(said.lines)
        alarms = [match[1].strip() for match in _ALARM.finditer(text)]
        celsius = _TEMPERATURE.search(text)
        degrees = float(celsius[1]) if celsius else None
        words = f"{name}: module {degrees:.0f}°C" if degrees is not None else f"{name}: module without temperature"
        if degrees is not None and degrees >= OPTICS_CRITICAL:
            yield critical("N07", words, name, evidence=tuple(alarms[:4]), action=Action.INSPECT, value=degrees)
        elif (degrees is not None and degrees >= OPTICS_WARNING) or alarms:
            more = f", {alarms[0]} alarm" if alarms else ""
            yield warning("N07", words + more, name, evidence=tuple(alarms[:4]), action=Action.INSPECT, value=degrees)
        elif degrees is not None:
            yield ok("N07", words, name)
