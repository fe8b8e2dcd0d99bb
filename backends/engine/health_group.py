"""Hosts with the same GPUs, and what sets one of them apart from the others: versions (P03) and the GPUs' numbers (P01)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from backends.checks import health_peers
from backends.checks.health_finding import Finding
from backends.checks.health_look import Look, gpu_name
from backends.metrics.sample import Sample

NEIGHBOURS = 7
"""Hosts that one is compared with by numbers, those that follow it by name: the work does not grow with the fleet."""
FRESH_SECONDS = 120.0
"""Samples that are older say nothing about now."""


class Groups:
    """The groups of a fleet: hosts by the model of their GPUs. Any thread may call."""

    def __init__(self, newest: Callable[[str], Sample | None]):
        self._newest, self._lock = newest, threading.Lock()
        self._models: dict[str, str] = {}
        self._versions: dict[str, Mapping[str, str]] = {}

    def findings(self, look: Look) -> tuple[Finding, ...]:
        """What sets the host apart; it belongs to its group from now on."""
        model = next((gpu.name for gpu in look.gpus if gpu.name), "")
        if not model:
            return ()
        versions = health_peers.versions(look)
        with self._lock:
            self._models[look.host], self._versions[look.host] = model, versions
            members = sorted(host for host, name in self._models.items() if name == model)
            told = {host: self._versions[host] for host in members}
        return (*health_peers.against(look.host, told), *self._numbers(look, members))

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        with self._lock:
            for name in [name for name in self._models if name not in wanted]:
                del self._models[name], self._versions[name]

    def _numbers(self, look: Look, members: list[str]) -> tuple[Finding, ...]:
        """GPUs that differ from those of the neighbours, without those that differ within the host: that is told already."""
        at = members.index(look.host)
        others = (*members[at + 1 :], *members[:at])[:NEIGHBOURS]
        things = [health_peers.Thing(look.host, gpu) for gpu in look.gpus if not gpu.lost]
        odd = {finding.object for _, finding in health_peers.gpus(things)}
        known = [(host, sample) for host in others if (sample := self._newest(host)) is not None]
        fresh = [(host, sample) for host, sample in known if look.now - sample.time <= FRESH_SECONDS]
        if len(fresh) < health_peers.PEERS:
            return ()  # of two hosts nobody knows which is odd
        things += [health_peers.Thing(host, gpu) for host, sample in fresh for gpu in sample.gpus if not gpu.lost]
        mine = {gpu_name(gpu) for gpu in look.gpus} - odd
        return tuple(
            finding for host, finding in health_peers.gpus(things) if host == look.host and finding.object in mine
        )
