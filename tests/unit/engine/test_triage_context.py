"""What the engine knows of a host: expected GPUs, what we changed there, whether we rebooted it, who is of its kind."""

from __future__ import annotations

from typing import Any

from backends.alerts.xid_policy import Override
from backends.clock import ManualClock
from backends.engine.triage_context import CHANGES_SECONDS, Surroundings, advise
from backends.engine.wire import Event, GpuCell, HostRow
from backends.inventory.host import Expect, Host
from backends.states import HostState, Severity
from backends.triage.xid_advice import builtin
from backends.updates.reboots import RebootRecord

NOW = 1_800_000_000.0
H100, A100 = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB"


def row(name: str, model: str = H100, gpus: int = 8, **other: Any) -> HostRow:
    cells = tuple(GpuCell() for _ in range(gpus if model else 0))
    given = {"state": HostState.UP, "severity": Severity.OK, **other}
    return HostRow(name=name, gpu_model=model, gpus=cells, **given)


def event(kind: str, text: str, *, ago: float = 60.0, actor: str = "alice") -> Event:
    return Event(id=1, time=NOW - ago, kind=kind, text=text, host="gpu1", actor=actor)


def around(
    *rows: HostRow, hosts: tuple[Host, ...] = (), events: tuple[Event, ...] = (), reboots: tuple[RebootRecord, ...] = ()
) -> Surroundings:
    return Surroundings(
        ManualClock(NOW),
        hosts=lambda: {host.name: host for host in hosts},
        rows=lambda: rows,
        events=lambda host: events,
        reboots=lambda: reboots,
    )


def reboot(stage: Any = "done", *, host: str = "gpu1", ago: float = 600.0) -> RebootRecord:
    return RebootRecord(id="1", batch="1", host=host, who="alice", created=NOW - ago, stage=stage)


def test_peers_are_of_the_same_model_and_number_the_well_ones_of_the_same_group_first() -> None:
    rows = (
        row("gpu1", tags=("rack1",)),
        row("gpu2", severity=Severity.CRITICAL, tags=("rack1",)),
        row("gpu3", tags=("rack2",)),
        row("gpu4", tags=("rack1",)),
        row("gpu5", tags=("rack1",), state=HostState.UNREACHABLE),
        row("half", gpus=4),
        row("other", A100),
        row("cpu1", ""),
    )
    assert around(*rows).peers("gpu1") == ("gpu4", "gpu3", "gpu2", "gpu5")
    assert around(*rows).peers("nobody") == ()


def test_hosts_without_gpus_are_alike_when_they_share_a_group() -> None:
    rows = (row("cpu1", ""), row("cpu2", ""), row("login1", ""), row("gpu1"))
    hosts = (Host(name="cpu1", groups=("cpu",)), Host(name="cpu2", groups=("cpu",)), Host(name="login1"))
    assert around(*rows, hosts=hosts).peers("cpu1") == ("cpu2",)


def test_the_inventory_says_how_many_gpus_there_should_be() -> None:
    known = Host(name="gpu1", expect=Expect(gpus=8))
    assert around(hosts=(known,)).context("gpu1").expected_gpus == 8
    assert around().context("gpu1").expected_gpus is None


def test_what_changed_the_host_lately_is_told_oldest_first() -> None:
    events = (
        event("state", "is up again"),
        event("backup", "restore r1: /etc/fstab", ago=30),
        event("backup", "models began"),
        event("reboot", "rebooted (new boot id)", actor=""),
        event("facts-changed", "kernel 6.1 → 6.2", ago=90),
        event("update", "update done: 3 packages", ago=120),
        event("update", "long ago", ago=CHANGES_SECONDS + 1),
    )
    changes = around(events=events).context("gpu1").changes
    assert [(each.kind, each.text) for each in changes] == [
        ("patch", "update done: 3 packages"),
        ("kernel", "kernel 6.1 → 6.2"),
        ("config", "restore r1: /etc/fstab"),
    ]


def test_a_reboot_that_we_asked_for_lately_is_a_planned_one() -> None:
    assert around(reboots=(reboot(),)).context("gpu1").planned_reboot is True
    assert around(reboots=(reboot("refused"),)).context("gpu1").planned_reboot is None
    assert around(reboots=(reboot(ago=86_400.0),)).context("gpu1").planned_reboot is None
    assert around(reboots=(reboot(host="gpu2"),)).context("gpu1").planned_reboot is None


def test_the_site_says_what_an_xid_means() -> None:
    said = advise((Override(code=13, kind="fatal"),))
    thirteen, other = said(13), said(79)
    assert thirteen is not None and thirteen.severity is Severity.CRITICAL and "power-cycle" in thirteen.action
    assert other == builtin(79)
    assert advise(()) is builtin


def test_why_there_is_no_way_to_a_host() -> None:
    down = row("gpu2", state=HostState.UNREACHABLE, reason="connection refused", hint="is sshd running?")
    known = around(row("gpu1"), down)
    assert known.why("gpu2") == ("connection refused", "is sshd running?")
    assert known.why("gpu1") == known.why("nobody") == ("", "")
