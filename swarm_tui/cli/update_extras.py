"""What `swarm-tui updates list` tells beside the packages: firmware and Python environments, host by host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.metrics.sample import Record
from backends.updates.extras_model import FirmwareUpdate, PythonEnvironment
from backends.updates.pivots import HostSummary
from swarm_tui.client import EngineClient
from swarm_tui.present.extras_text import firmware_words, python_words


class HostExtras(Record, frozen=True, kw_only=True):
    """One host's; as `inventory` of `updates.host`."""

    host: str
    firmware: tuple[FirmwareUpdate, ...] | None = None
    python: tuple[PythonEnvironment, ...] = ()
    missing: dict[str, str] = {}


def extras(client: EngineClient, rows: Iterable[HostSummary]) -> list[HostExtras]:
    """Of the hosts that have any; the others are not asked for. Raises SwarmError."""
    wanted = [row.host for row in rows if row.firmware or row.python_environments]
    found = [(name, client.updates.host(name).inventory) for name in wanted]
    return [
        HostExtras(host=name, firmware=each.firmware, python=each.python, missing=each.missing)
        for name, each in found
        if each is not None
    ]


def lines(found: Sequence[HostExtras], now: float) -> list[str]:
    """One a device, one an environment; `now` in epoch seconds, for ages."""
    told: list[str] = []
    for host in found:
        told += [f"{host.host}: firmware of {each.name}: {firmware_words(each)}" for each in host.firmware or ()]
        for each in host.python:
            why = host.missing.get(f"python {each.path}", "")
            told.append(f"{host.host}: {each.path}: {python_words(each, now)}" + (f" ({why})" if why else ""))
    return told
