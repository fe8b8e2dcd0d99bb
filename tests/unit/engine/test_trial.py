"""Back-tests on what was really stored and really recorded: counted right, bounded, ended when asked, honest about the rest."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts.own_rules import OwnRule
from backends.alerts.pack import rules
from backends.alerts.subjects import Expected
from backends.clock import ManualClock
from backends.engine import trial_pace
from backends.engine.archive import Archive
from backends.engine.trial import Trial
from backends.errors import BadInput, RetryLater, SkipHost
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Memory, Sample
from backends.sources import frames
from backends.sources.base import StateChange
from backends.sources.demo import DemoSource
from backends.sources.demo_fleet import as_host
from backends.sources.frames import Entry, Frame, Known
from backends.sources.recording import Recorder
from backends.states import HostState, Severity
from backends.store.blob import Band
from backends.store.history import History, HostRollUp
from backends.store.writer import Writer
from backends.text import clean
from tests.unit.engine.parts import sample

DAY, HOUR = 86_400.0, 3600.0
A, B, C = (Host(name=name, tags=("a100",)) for name in "abc")


class Scene:
    """A history in a file, and the trial that reads it."""

    def __init__(self, folder: Path):
        self.clock = ManualClock(1_800_000_000.0)
        self.writer = Writer(folder / "h.db", clock=self.clock, on_problem=lambda *told: pytest.fail(str(told)))
        self.writer.open()
        self.history = History(self.writer)
        self.own: tuple[OwnRule, ...] = ()
        self.trial = Trial(self.history, self.clock, rules=lambda: rules(off=["memory.*"]), own=lambda: self.own)

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def store(self, host: str, *minutes: Mapping[str, float], ends: int = 0) -> None:
        """These minutes, the last `ends` minutes before now; an empty one is a gap."""
        first = self.now - 60 * (len(minutes) + ends)
        for index, values in enumerate(minutes):
            bands = [Band(value, value - 1, value + 1) for value in values.values()]
            if values:
                self.history.add(first + 60 * index, [HostRollUp(host, tuple(values), bands)])
        while self.writer.step():
            pass

    def disk(self, host: str, *percents: float, ends: int = 0) -> None:
        self.store(host, *({"filesystem./data.used_percent": each, "load.1": 1.0} for each in percents), ends=ends)

    def gpu(self, host: str, *percents: float, ends: int = 0) -> None:
        self.store(host, *({"gpu.0.utilisation_percent": each} for each in percents), ends=ends)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.writer._close()


# Stored minutes ------------------------------------------------------------------------------------------------------


def test_a_rule_of_the_pack_on_stored_minutes(scene: Scene) -> None:
    scene.disk("a", *[50.0] * 30, *[95.0] * 30, *[50.0] * 60, *[99.0] * 10, *[50.0] * 30)
    scene.disk("b", *[50.0] * 300)
    found = scene.trial.backtest([A, B, C], DAY, rule="disk.space")
    assert (found.rule, found.source, found.hosts, found.untold) == ("disk.space", "one-minute means", 3, 1)
    first, second = found.trial.firings
    assert (first.host, first.object, first.severity) == ("a", "/data", Severity.WARNING)
    assert first.start == scene.now - 60 * 129
    assert first.end == scene.now - 60 * 85, "fifteen minutes below the limit end it"
    assert second.severity is Severity.CRITICAL
    assert found.sentence == (
        "would have fired twice; with for=5m: 2; with for=15m: 1; nothing is known of 1 host".replace(
            "twice", "2 times"
        )
    )
    assert "free bytes are not kept, so the share alone makes it critical" in found.cautions
    assert "the history of these hosts goes back 5h only" in found.cautions


def test_a_rule_that_is_off_and_one_with_another_wait(scene: Scene) -> None:
    scene.store("a", *({"memory.used_percent": 95.0, "memory.used_bytes": 95e9} for _ in range(4)), {"load.1": 1.0})
    assert scene.trial.backtest([A], HOUR, rule="memory.used").trial.count == 0
    found = scene.trial.backtest([A], HOUR, rule="memory.used", for_seconds=120)
    assert (found.trial.count, found.trial.for_seconds) == (1, 120)
    assert found.trial.firings[0].text.startswith("memory 95% used")


def test_an_expression_that_is_being_written(scene: Scene) -> None:
    scene.gpu("a", *[90.0, 90.0, 10.0] * 5)
    scene.gpu("b", *[90.0] * 15)
    found = scene.trial.backtest([A, B], HOUR, expression="gpu>80 & tag:a100", for_seconds=60)
    assert (found.rule, found.trial.count, found.trial.open) == ("own.trial", 6, 1)
    assert found.trial.hosts == ("a", "b")
    assert [(other.for_seconds, other.count) for other in found.others] == [(300, 1), (900, 0)]
    nobody = scene.trial.backtest([A, B], HOUR, expression="gpu>80 & tag:h100")
    assert nobody.sentence == "would not have fired once in 14m on 2 hosts"


def test_a_rule_of_the_site_by_its_id(scene: Scene) -> None:
    scene.own = (OwnRule(name="busy", expression="gpu>80", for_seconds=300, severity="critical"),)
    scene.gpu("a", *[90.0] * 10, 10.0)
    found = scene.trial.backtest([A], HOUR, rule="own.busy")
    assert (found.rule, found.trial.count, found.trial.firings[0].severity) == ("own.busy", 1, Severity.CRITICAL)


def test_what_the_history_does_not_keep_is_said_instead_of_never(scene: Scene) -> None:
    scene.gpu("a", 90.0)
    xid = scene.trial.backtest([A], DAY, rule="gpu.xid")
    assert xid.sentence == (
        "it cannot be told: the history does not keep the kernel log; swarm-tui alerts history tells when it fired"
    )
    assert scene.trial.backtest([A], DAY, expression="flag:ecc").reason.startswith("the history does not keep flag")
    swap = scene.trial.backtest([A], DAY, rule="memory.swap")
    assert swap.sentence == "it cannot be told: the history of these hosts holds no swap.used_percent"
    partly = scene.trial.backtest([A], DAY, expression="gpu>80 , flag:ecc")
    assert partly.trial.count == 1
    assert "the history does not keep flag: what hangs on that is not known" in partly.cautions


def test_without_history_of_these_hosts_it_says_so(scene: Scene) -> None:
    assert scene.trial.backtest([A], DAY, rule="disk.space").sentence == "there is no history to try it on"
    assert scene.trial.backtest([], DAY, rule="disk.space").sentence == "there is no history to try it on"


def test_gaps_and_silence_neither_fire_nor_end(scene: Scene) -> None:
    bad, gap = {"gpu.0.utilisation_percent": 90.0}, {"load.1": 1.0}
    scene.store("a", bad, gap, gap, {}, {}, {}, bad, {"gpu.0.utilisation_percent": math.nan}, bad)
    (firing,) = scene.trial.backtest([A], DAY, expression="gpu>80").trial.firings
    assert (firing.start, firing.end) == (scene.now - 540, None)


def test_only_the_time_that_was_asked_for(scene: Scene) -> None:
    scene.gpu("a", *[90.0, 10.0] * 60)
    assert scene.trial.backtest([A], 600, expression="gpu>80").trial.count == 5
    assert scene.trial.backtest([A], 2 * HOUR, expression="gpu>80").trial.count == 60


def test_history_that_the_engine_itself_rolled_up(scene: Scene) -> None:
    archive = Archive(now=scene.clock.now, store=scene.history)
    for second in range(600):
        archive.sample("a", sample(time=scene.clock.now(), busy=96.0 if 120 <= second < 480 else 20.0, gpus=0))
        scene.clock.advance(1)
        if second % 60 == 10:
            archive.step()
    while scene.writer.step():
        pass
    found = scene.trial.backtest([A], HOUR, rule="cpu.busy", for_seconds=240)
    (firing,) = found.trial.firings
    assert firing.text == "processors 96% busy"
    few = scene.trial.backtest([A], HOUR, expression="disk>55 & net.rx<1K & procs<5")
    assert few.reason == "not enough of what it asks for is stored of these hosts"
    assert scene.trial.backtest([A], HOUR, expression="disk>55 & net.rx<1K").trial.count == 1
    assert scene.trial.backtest([A], HOUR, expression="disk>55 & mem<30").trial.count == 1


@settings(max_examples=25)
@given(st.lists(st.integers(0, 100), max_size=60), st.sampled_from([0, 60, 180, 600]))
def test_without_gaps_it_fires_once_for_each_long_enough_stretch(
    tmp_path_factory: pytest.TempPathFactory, percents: list[int], wait: int
) -> None:
    scene = Scene(tmp_path_factory.mktemp("t"))
    scene.gpu("a", *map(float, percents))
    found = scene.trial.backtest([A], 2 * HOUR, expression="gpu>50", for_seconds=wait)
    runs = "".join("x" if each > 50 else " " for each in percents).split()
    assert found.trial.count == sum(60 * (len(run) - 1) >= wait for run in runs)
    scene.writer._close()


# What is refused, and how it ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({}, "either a rule or an expression", "--rule disk.space"),
        ({"rule": "disk.space", "expression": "gpu>1"}, "either a rule or an expression", "--rule disk.space"),
        ({"rule": "disk.spice"}, 'no rule is called "disk.spice"', 'did you mean "disk.space"?'),
        ({"rule": "own.bussy"}, 'no rule is called "own.bussy"', 'did you mean "own.busy"?'),
        ({"rule": "zzz\x1b[2J"}, 'no rule is called "zzz"', "swarm-tui alerts rules lists them"),
        ({"expression": "gpus>80 & bogus>1"}, 'unknown field "bogus"', None),
        ({"expression": "   "}, "the expression is empty", None),
        ({"rule": "disk.space", "for_seconds": -1}, "the wait must be from 0", "--for 5m"),
        ({"rule": "disk.space", "for_seconds": math.nan}, "the wait must be from 0", "--for 5m"),
        ({"rule": "gpu.xid", "for_seconds": 60}, "it does not wait", ""),
        ({"rule": "disk.space", "seconds": 0}, "the time must be above 0", ""),
        ({"rule": "disk.space", "seconds": 1e12}, "the time must be above 0", ""),
    ],
)
def test_what_is_refused(scene: Scene, asked: dict[str, Any], message: str, hint: str | None) -> None:
    scene.own = (OwnRule(name="busy", expression="gpu>80"),)
    with pytest.raises(BadInput, match=message) as caught:
        scene.trial.backtest([A], asked.pop("seconds", DAY), **asked)
    if hint is not None:
        assert (caught.value.hint or "") == hint


def test_an_engine_without_history_says_so() -> None:
    with pytest.raises(SkipHost, match="stores no history") as caught:
        Trial(None, ManualClock(), rules=rules).backtest([A], DAY, rule="disk.space")
    assert caught.value.hint == "try it on a recording"


def test_it_ends_when_nobody_waits_or_the_engine_ends(scene: Scene) -> None:
    scene.gpu("a", 90.0)
    with pytest.raises(RetryLater, match="whoever asked is gone"):
        scene.trial.backtest([A], DAY, expression="gpu>80", wanted=lambda: False)
    assert scene.trial.backtest([A], DAY, expression="gpu>80").trial.count == 1, "the next one begins"
    scene.trial.stop()
    with pytest.raises(RetryLater, match="the engine ends"):
        scene.trial.backtest([A], DAY, expression="gpu>80")


def test_one_at_a_time(scene: Scene) -> None:
    scene.gpu("a", 90.0)
    inside, leave = threading.Event(), threading.Event()

    def wanted() -> bool:
        inside.set()
        return not leave.wait(10)

    def first() -> None:
        with pytest.raises(RetryLater):
            scene.trial.backtest([A], DAY, expression="gpu>80", wanted=wanted)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(RetryLater, match="another back-test goes on"):
        scene.trial.backtest([A], DAY, expression="gpu>80")
    leave.set()
    thread.join(10)


def test_when_the_time_is_up_it_tells_what_it_saw(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        scene.gpu(name, 90.0, 10.0)
    monkeypatch.setattr(trial_pace, "_REST_SECONDS", trial_pace.LIMIT_SECONDS / 4.5)
    found = scene.trial.backtest([A, B, C], 6 * HOUR, expression="gpu>80")
    assert "the time was up after 2 of 3 hosts" in found.cautions
    assert (found.hosts, found.trial.count) == (2, 2)


def test_a_store_that_cannot_be_read_says_so(scene: Scene) -> None:
    scene.writer.file.unlink()
    with pytest.raises(RetryLater, match="cannot be read"):
        scene.trial.backtest([A], DAY, rule="disk.space")


# Recordings ----------------------------------------------------------------------------------------------------------


class Tape:
    """A recording that a test makes with the real recorder."""

    def __init__(self, path: Path, *hosts: Host):
        self.path = path
        self.clock = ManualClock()
        known = [Known(host=host, state=StateChange(state=HostState.UP)) for host in hosts]
        self.sink = Recorder(path, known, clock=self.clock, on_end=pytest.fail)

    def run(self, seconds: int, tell: Callable[[int], None] = lambda second: None) -> Tape:
        """Let seconds pass, one after the other."""
        for second in range(seconds):
            tell(second)
            self.clock.advance(1)
            if self.sink.due():
                self.sink.flush()
        return self

    def busy(self, host: str, percents: Sequence[float]) -> Tape:
        return self.run(
            len(percents), lambda second: self.sink.sample(host, sample(self.clock.now(), percents[second]))
        )

    def end(self) -> str:
        self.sink.finish()
        return str(self.path)


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "night.swarm", A)


@pytest.fixture
def trial() -> Trial:
    return Trial(None, ManualClock(), rules=rules)


def test_a_recording_of_the_simulated_fleet(tmp_path: Path, trial: Trial) -> None:
    clock = ManualClock()
    source = DemoSource(40, clock=clock)
    path = tmp_path / "demo.swarm"
    recorder = Recorder(path, [Known(host=as_host(host)) for host in source.fleet], clock=clock, on_end=pytest.fail)
    chosen = [host for host in source.fleet if host.story in ("disk-full", "timeout", "flapping", "no-python", "ecc")]
    for host in chosen:
        source.introduce(host, recorder)
    for _ in range(430):
        clock.advance(1)
        for host in chosen:
            source.feed(host, recorder)
        if recorder.due():
            recorder.flush()
    recorder.finish()
    story = {host.story: host.name for host in chosen}

    def tried(**asked: Any) -> dict[str, tuple[int, int]]:
        found = trial.from_recording(str(path), **asked)
        assert found.source == "demo.swarm"
        assert found.start is not None and found.end is not None and found.end - found.start > 390
        counts: dict[str, tuple[int, int]] = {}
        for each in found.trial.firings:
            count, still = counts.get(each.host, (0, 0))
            counts[each.host] = count + 1, still + (each.end is None)
        return counts

    assert tried(rule="disk.space") == {story["disk-full"]: (1, 1)}
    assert tried(rule="gpu.ecc") == {story["ecc"]: (1, 1)}
    down = tried(rule="host.down")
    assert down[story["timeout"]] == (1, 1)
    assert story["flapping"] not in down, "forty seconds are less than the forty-five that the rule waits"
    assert tried(rule="host.down", for_seconds=20)[story["flapping"]] == (2, 0)
    assert tried(rule="collector.stale") == {story["no-python"]: (1, 1)}
    assert story["timeout"] in tried(expression="state:unreachable & tag:gpu")
    assert tried(expression="flag:ecc & gpus>7") == {story["ecc"]: (1, 1)}
    assert list(tried(rule="disk.space", hosts="tag:gpu")) == []
    assert trial.from_recording(str(path), rule="disk.space").hosts == 40


def test_what_only_several_samples_tell_is_remembered(tape: Tape, trial: Trial) -> None:
    """The mean of a minute decides about the processors, not each second; the wait goes over frames."""
    percents = [20.0] * 60 + [100.0, 92.0] * 120 + [0.0] * 3 + [100.0] * 57 + [20.0] * 60
    path = tape.busy("a", percents).end()
    found = trial.from_recording(path, rule="cpu.busy_gpu_node", for_seconds=200)
    assert (found.trial.count, found.moments) == (1, len(percents))


def test_kills_are_counted_by_the_kernels_counter(tape: Tape, trial: Trial) -> None:
    def tell(second: int) -> None:
        tape.sink.sample("a", Sample(time=tape.clock.now(), memory=Memory(oom_kills=7 + (second > 30))))

    found = trial.from_recording(tape.run(60, tell).end(), rule="memory.oom")
    assert found.trial.count == 1
    assert found.cautions == ("kills are counted by the kernel's counter, not by its log",)


def test_another_boot_id_is_a_reboot(tape: Tape, trial: Trial) -> None:
    def tell(second: int) -> None:
        if second in (0, 20, 40):
            tape.sink.facts("a", HostFacts(boot_id="one" if second < 40 else "two"))
        tape.sink.sample("a", sample(tape.clock.now()))

    found = trial.from_recording(tape.run(60, tell).end(), rule="host.reboot")
    (firing,) = found.trial.firings
    assert firing.start == pytest.approx(tape.clock.now() - 20, abs=2)


def test_a_host_that_falls_silent_is_judged_by_the_time_alone(tape: Tape, trial: Trial) -> None:
    tape.busy("a", [50.0] * 20)
    path = tape.run(100).end()
    found = trial.from_recording(path, rule="collector.stale")
    (firing,) = found.trial.firings
    assert (firing.severity, firing.end) == (Severity.CRITICAL, None)
    assert firing.start == pytest.approx(tape.clock.now() - 100 + 15, abs=2)
    assert trial.from_recording(path, expression="state:stale").trial.count == 1


def test_what_the_inventory_expects_counts(tape: Tape) -> None:
    path = tape.busy("a", [50.0] * 60).end()
    plain = Trial(None, ManualClock(), rules=rules)
    assert plain.from_recording(path, rule="gpu.count").trial.count == 0
    eight = Trial(None, ManualClock(), rules=rules, expected=lambda host: Expected(gpus=8))
    assert eight.from_recording(path, rule="gpu.count").trial.firings[0].text == "2 of 8 GPUs are there"


def test_hosts_that_are_chosen_that_come_later_and_of_which_nothing_is_known(tmp_path: Path, trial: Trial) -> None:
    tape = Tape(tmp_path / "x.swarm", A, B)
    tape.busy("a", [99.0] * 30)
    path = tape.busy("late", [99.0] * 30).end()
    every = trial.from_recording(path, expression="cpu>90")
    assert (every.hosts, every.untold, every.trial.hosts) == (3, 1, ("a", "late"))
    assert trial.from_recording(path, expression="cpu>90", hosts="a").trial.hosts == ("a",)
    silent = trial.from_recording(path, expression="cpu>90", hosts="b")
    assert silent.sentence == "it cannot be told: nothing that it looks at was recorded of these hosts"
    with pytest.raises(BadInput):
        trial.from_recording(path, expression="cpu>90", hosts="nobody")


def test_only_the_last_part_of_a_recording(tape: Tape, trial: Trial) -> None:
    path = tape.busy("a", [99.0] * 5 + [10.0] * 60 + [99.0] * 5 + [10.0] * 20).end()
    assert trial.from_recording(path, expression="cpu>90").trial.count == 2
    assert trial.from_recording(path, expression="cpu>90", seconds=45).trial.count == 1


def test_what_a_recording_does_not_hold_is_said(tape: Tape, trial: Trial) -> None:
    path = tape.busy("a", [50.0]).end()
    assert "does not hold the kernel log" in trial.from_recording(path, rule="gpu.xid").reason
    assert "does not hold the state of backups" in trial.from_recording(path, rule="backup.overdue").reason
    (caution,) = trial.from_recording(path, expression="cpu>90 & backup>1d").cautions
    assert caution.startswith("a recording does not keep backup")


def test_a_damaged_stretch_costs_itself_alone(tape: Tape, trial: Trial) -> None:
    path = Path(tape.busy("a", [99.0] * 5 + [10.0] * 20 + [99.0] * 5 + [10.0] * 30).end())
    with path.open("rb") as file:
        marks = frames.read_marks(file, path)
    data = bytearray(path.read_bytes())
    data[marks[1].offset + 40] ^= 0xFF
    path.write_bytes(data)
    found = trial.from_recording(str(path), expression="cpu>90")
    assert found.trial.count == 2
    assert "10s of the recording are damaged and left out" in found.cautions


@pytest.mark.parametrize("path", ["night.swarm", "/no/such/file", "/dev", "/tmp/\0x", "", "~no-such-user/x"])
def test_a_path_that_is_no_file(trial: Trial, path: str) -> None:
    with pytest.raises(BadInput, match="is no file"):
        trial.from_recording(path, rule="disk.space")


def test_a_file_that_is_no_recording(trial: Trial, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("mine")
    with pytest.raises(BadInput, match="not a recording"):
        trial.from_recording(str(file), rule="disk.space")
    silent = trial.from_recording(Tape(tmp_path / "y", A).run(1).end(), rule="disk.space")
    assert silent.reason == "nothing that it looks at was recorded of these hosts"


def test_a_recording_too_ends_when_nobody_waits_and_tells_how_far_it_came(
    tape: Tape, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tape.busy("a", [99.0, 10.0] * 500).end()
    with pytest.raises(RetryLater, match="whoever asked is gone"):
        trial.from_recording(path, expression="cpu>90", wanted=lambda: False)
    monkeypatch.setattr(trial_pace, "_REST_SECONDS", trial_pace.LIMIT_SECONDS / 2)
    found = trial.from_recording(path, expression="cpu>90")
    assert 150 <= found.trial.count <= 250
    assert found.cautions == ("the time was up 10m2s before its end",)


def forged(path: Path, entries: Sequence[Entry], start: float = 0.0, end: float = 100.0) -> str:
    """A recording as somebody else may write one."""
    known = (Known(host=A, state=StateChange(state=HostState.UP)),)
    raw = tuple(msgspec.Raw(msgspec.msgpack.encode(each)) for each in entries)
    with path.open("wb") as file:
        file.write(frames.MAGIC)
        marks = [frames.write_frame(file, Frame(start, end, known, raw))]
        frames.write_index(file, marks)
    return str(path)


def test_a_forged_recording_with_a_thousand_years_is_not_played_second_by_second(tmp_path: Path, trial: Trial) -> None:
    entries = [Entry(1.0, "a", state=StateChange(state=HostState.UNREACHABLE)), Entry(9e11, "a", sample=sample(9e11))]
    found = trial.from_recording(forged(tmp_path / "x", entries, 0.0, 9.5e11), rule="host.down")
    assert found.moments < 3000


WEIRD = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            lambda time, host, moment, busy, kills: Entry(
                time,
                host,
                sample=msgspec.structs.replace(
                    sample(moment, busy), memory=Memory(oom_kills=kills), interval_seconds=moment
                ),
            ),
            WEIRD,
            st.text(max_size=5),
            WEIRD,
            WEIRD,
            st.integers(-(2**63), 2**63 - 1),
        ),
        max_size=10,
    ),
    st.sampled_from(["memory.oom", "cpu.busy", "gpu.temperature", "collector.stale", "disk.forecast"]),
)
def test_no_numbers_in_a_recording_break_it(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], rule: str
) -> None:
    path = forged(tmp_path_factory.mktemp("f") / "x", entries)
    one = Trial(None, ManualClock(), rules=rules)
    found = one.from_recording(path, rule=rule)
    assert all(name == clean(name) for each in found.trial.firings for name in (each.host, each.object))
    assert one.from_recording(path, expression="cpu>1 , gpu.max<5 , uptime>1").trial.for_seconds == 0
