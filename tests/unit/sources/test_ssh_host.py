from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.clock import ManualClock
from backends.errors import RetryLater, SwarmError
from backends.hostkit.events import KitEvent, Pong, Trouble
from backends.inventory.host import Host
from backends.metrics.sample import GpuStatus, HostFacts, Sample
from backends.sources import ssh_host
from backends.sources.base import LinkInfo, StateChange
from backends.sources.ssh_host import Environment, HostLink
from backends.sources.ssh_timing import Timing
from backends.ssh.connect import refused
from backends.ssh.failures import ShownKey
from backends.ssh.target import Target
from backends.states import HostState

TARGET = Target(name="gpu01", address="10.0.0.1", user="root")


class Said:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.states: list[StateChange] = []
        self.notes: list[tuple[str, str]] = []
        self.samples = 0
        self.links: list[LinkInfo] = []

    def facts(self, host: str, facts: HostFacts) -> None:
        self.boot_id = facts.boot_id

    def sample(self, host: str, sample: Sample) -> None:
        self.samples += 1

    def state(self, host: str, change: StateChange) -> None:
        self.states.append(change)

    def link(self, host: str, link: LinkInfo) -> None:
        self.links.append(link)

    def note(self, host: str, kind: str, text: str) -> None:
        self.notes.append((kind, text))


class Transport:
    """A connection whose silence a test sets."""

    def __init__(self) -> None:
        self.ended: Callable[[], None] | None = None
        self.silent = 0.0
        self.pings_open = 0
        self.why_killed = ""
        self.up = True
        self.local_cipher, self.key_exchange, self.round_trip_seconds = "aes", "curve", None

    def silent_seconds(self) -> float:
        return self.silent

    def is_active(self) -> bool:
        return self.up

    def ping(self) -> bool:
        self.pings_open += 1
        return True

    def get_exception(self) -> Exception | None:
        return None


class Connector:
    """Hands out links, or the next failure."""

    def __init__(self) -> None:
        self.failures: list[SwarmError] = []
        self.transports: list[Transport] = []

    def connect(self, target: Target) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        transport = Transport()
        self.transports.append(transport)

        def kill(why: str) -> None:
            transport.why_killed = transport.why_killed or why
            transport.up = False

        return SimpleNamespace(target=target, transport=transport, authentication="a key", kill=kill, alive=True)

    def warnings(self, target: Target) -> tuple[str, ...]:
        return ()


class FakeProbe:
    """Records what it is told; a test speaks through it."""

    made: list[FakeProbe] = []

    def __init__(self, *, clock: object, on_events: Any, on_end: Any, on_flood: Any):
        self.say: Callable[[list[KitEvent]], None] = on_events
        self.end, self.flood = on_end, on_flood
        self.told: list[str] = []
        self.ready, self.waiting = True, False
        FakeProbe.made.append(self)

    def start(self, session: object, interval_seconds: float, become: str) -> None:
        self.told.append(f"start {interval_seconds:g} {become}")

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.told.append(" ".join([name, *map(str, values)]))


class Stage:
    """One host with everything around it in memory."""

    def __init__(self) -> None:
        self.said, self.clock, self.connector = Said(), ManualClock(), Connector()
        environment = Environment(
            sink=self.said,
            clock=self.clock,
            connector=cast("Any", self.connector),
            resolve=lambda host: TARGET,
        )
        self.host = HostLink(Host(name="gpu01", become="sudo"), environment, Timing())

    @property
    def probe(self) -> FakeProbe:
        return FakeProbe.made[-1]

    @property
    def transport(self) -> Transport:
        return self.connector.transports[-1]

    @property
    def last(self) -> StateChange:
        return self.said.states[-1]

    def attempt(self) -> None:
        assert self.host.due(self.clock.monotonic())
        self.host.attempt()

    def up(self) -> None:
        self.attempt()
        self.sample()

    def sample(self, **fields: Any) -> None:
        self.probe.say([Sample(time=self.clock.now(), **fields)])

    def tick(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.host.tick(self.clock.monotonic())


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(ssh_host, "Probe", FakeProbe)
    FakeProbe.made = []
    yield Stage()


def test_connecting_then_up_with_the_first_sample(stage: Stage) -> None:
    stage.attempt()
    assert stage.last.state is HostState.CONNECTING
    assert stage.probe.told == ["start 1 sudo"]
    stage.sample()
    stage.sample()
    assert [change.state for change in stage.said.states] == [HostState.CONNECTING, HostState.UP]
    assert stage.said.samples == 2
    assert stage.said.links[0].authentication == "a key"


def test_a_connected_host_is_not_due(stage: Stage) -> None:
    assert stage.host.due(stage.clock.monotonic())
    assert not stage.host.due(stage.clock.monotonic()), "claimed"
    stage.host.attempt()
    stage.clock.advance(1000)
    assert not stage.host.due(stage.clock.monotonic())


def test_two_missing_samples_make_it_stale_and_the_next_one_up(stage: Stage) -> None:
    stage.up()
    stage.tick(2.0)
    assert len(stage.said.states) == 2, "connecting, up"
    stage.tick(0.6)
    stage.tick(0.6)
    stage.sample()
    assert [change.state for change in stage.said.states[1:]] == [HostState.UP, HostState.STALE, HostState.UP]


def test_silence_is_asked_about_once_and_then_ends_the_connection(stage: Stage) -> None:
    stage.up()
    stage.transport.silent = 5.0
    stage.tick(5.0)
    stage.tick()
    assert stage.transport.pings_open == 1
    stage.transport.silent = 9.5
    stage.tick()
    assert stage.transport.why_killed == "timeout (ssh): no answer for 10 s"
    assert stage.last.state is HostState.UNREACHABLE
    assert stage.last.reason == "timeout (ssh): no answer for 10 s"
    assert stage.last.retry_at is not None
    assert stage.last.retry_at > stage.clock.now()


def test_a_lost_connection_is_tried_again_when_its_time_has_come_and_noted_when_back(stage: Stage) -> None:
    stage.up()
    stage.transport.up = False
    assert stage.transport.ended is not None
    stage.transport.ended()
    assert stage.last.reason == "connection lost: closed by the host"
    assert not stage.host.due(stage.clock.monotonic())
    stage.clock.advance(60)
    stage.up()
    assert ("reconnected", "back after 60 s") in stage.said.notes
    assert stage.last.state is HostState.UP


def test_a_failure_keeps_its_state_while_it_is_tried_again(stage: Stage) -> None:
    stage.connector.failures = [RetryLater("connection refused"), RetryLater("connection refused")]
    for _ in range(2):
        stage.attempt()
        stage.clock.advance(60)
    assert [change.state for change in stage.said.states] == [HostState.CONNECTING] + [HostState.UNREACHABLE] * 2


def test_waking_tries_now(stage: Stage) -> None:
    stage.connector.failures = [RetryLater("connection refused")]
    stage.attempt()
    assert not stage.host.due(stage.clock.monotonic())
    stage.host.wake()
    stage.up()
    assert stage.last.state is HostState.UP
    stage.host.wake()
    assert stage.probe.told[-1] == "poll"


def test_a_refused_key_waits_for_the_operator_and_is_forgotten_once_accepted(stage: Stage) -> None:
    shown = ShownKey(target=TARGET, kind="ssh-ed25519", blob=b"", fingerprint="SHA256:x")
    stage.connector.failures = [refused(shown, "")]
    stage.attempt()
    assert stage.last.state is HostState.HOST_KEY_UNKNOWN
    assert stage.host.shown == shown
    assert stage.last.retry_at is not None
    assert stage.last.retry_at - stage.clock.now() >= 30, "only a person can mend it"
    stage.host.wake()
    stage.up()
    assert stage.host.shown is None


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("no-python", HostState.NO_PYTHON),
        ("python-too-old", HostState.NO_PYTHON),
        ("no-sudo", HostState.NO_SUDO),
    ],
)
def test_a_host_that_cannot_run_the_probe_keeps_its_connection(stage: Stage, kind: Any, state: HostState) -> None:
    stage.attempt()
    stage.probe.say([Trouble(kind=kind, text="why", hint="do this")])
    stage.probe.end()
    assert (stage.last.state, stage.last.reason, stage.last.hint) == (state, "why", "do this")
    assert stage.host.session is not None
    stage.clock.advance(60)
    stage.attempt()
    assert len(stage.connector.transports) == 1, "the probe alone is tried again"


def test_a_probe_that_ends_or_says_nothing_is_started_again(stage: Stage) -> None:
    stage.up()
    stage.probe.end()
    assert stage.last.state is HostState.STALE
    stage.clock.advance(3)
    stage.up()
    first = stage.probe
    stage.tick(31)
    assert "close" in first.told
    stage.clock.advance(3)
    stage.attempt()
    assert stage.probe is not first
    first.say([Sample(time=0.0)])
    assert stage.said.samples == 2, "the old probe is not listened to"


def test_a_flood_ends_the_connection_with_a_hint(stage: Stage) -> None:
    stage.up()
    stage.probe.flood()
    assert stage.last.state is HostState.UNREACHABLE
    assert "floods" in stage.last.reason
    assert ".bashrc" in stage.last.hint


def test_a_hung_gpu_driver_is_a_state_while_samples_go_on(stage: Stage) -> None:
    stage.up()
    stage.sample(gpu_status=GpuStatus(way="nvml", hung=True, reason="no answer for 15 s"))
    assert (stage.last.state, stage.last.reason) == (HostState.DRIVER_HUNG, "no answer for 15 s")
    stage.sample(gpu_status=GpuStatus(way="nvml"))
    assert stage.last.state is HostState.UP


def test_a_new_boot_id_is_a_reboot_and_a_missing_one_is_not(stage: Stage) -> None:
    stage.attempt()
    for boot_id in ("aaaaaaaa-1", "aaaaaaaa-1", "", "bbbbbbbb-2"):
        stage.probe.say([HostFacts(boot_id=boot_id, kernel="6.1")])
    assert stage.said.notes == [("reboot", "rebooted: boot id aaaaaaaa → bbbbbbbb, kernel 6.1")]


def test_troubles_on_the_way_are_noted(stage: Stage) -> None:
    stage.up()
    stage.probe.say([Trouble(kind="garbage", text="1 unreadable line")])
    assert stage.said.notes == [("garbage", "1 unreadable line")]
    assert stage.last.state is HostState.UP


def test_round_trips_are_measured_every_ten_seconds_and_told(stage: Stage) -> None:
    stage.up()
    for _ in range(25):
        stage.tick(1.0)
        stage.sample()
    assert stage.probe.told.count("ping") == 3
    stage.probe.say([Pong(round_trip_seconds=0.002, clock_offset_seconds=0.0)])
    assert stage.said.links[-1].round_trip_seconds == 0.002


def test_interval_and_focus_reach_the_probe_also_a_later_one(stage: Stage) -> None:
    stage.up()
    stage.host.focus(True)
    stage.host.set_timing(Timing(interval_seconds=5.0))
    stage.host.set_timing(Timing(interval_seconds=5.0, silence_seconds=2.0))
    assert stage.probe.told[1:] == ["focus True", "interval 5.0"]
    stage.probe.end()
    stage.clock.advance(10)
    stage.attempt()
    assert stage.probe.told == ["start 5 sudo", "focus True"]


def test_a_stopped_host_is_silent(stage: Stage) -> None:
    stage.up()
    before = len(stage.said.states)
    stage.host.stop()
    stage.probe.end()
    assert stage.transport.ended is not None
    stage.transport.ended()
    stage.tick(100)
    assert not stage.host.due(stage.clock.monotonic())
    assert len(stage.said.states) == before
    assert stage.transport.why_killed == "stopped"


def test_a_connection_that_comes_after_the_stop_is_closed(stage: Stage) -> None:
    assert stage.host.due(stage.clock.monotonic())
    stage.host.stop()
    stage.host.attempt()
    assert stage.transport.why_killed == "stopped"
    assert stage.host.session is None


def test_a_bug_is_shown_for_its_host_and_tried_again_later(stage: Stage) -> None:
    stage.connector.failures = [cast("SwarmError", KeyError("bug"))]
    stage.attempt()
    assert stage.last.reason.startswith("internal error: KeyError: 'bug' (test_ssh_host.py:")
    assert not stage.host.due(stage.clock.monotonic()), "not in a busy loop"
    stage.clock.advance(60)
    stage.up()
    stage.transport.silent = cast("float", "a bug")
    stage.tick(9.0)
    assert stage.last.state is HostState.UNREACHABLE
    assert [kind for kind, _ in stage.said.notes] == ["internal-error"] * 2
    assert stage.transport.why_killed == "internal error"


def test_promises_about_time() -> None:
    timing = Timing(interval_seconds=1.0, silence_seconds=5.0)
    assert 2.0 < timing.stale_after < 3.0
    assert timing.silence_seconds < timing.dead_after <= 10.0 - 0.25, "within 10 s, the watchdog's period included"
    assert Timing(interval_seconds=60.0).restart_after >= 600
