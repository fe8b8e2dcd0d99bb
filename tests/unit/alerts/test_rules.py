"""The pass over all rules: only what is bad or held is told, once each; what is not known never counts as well."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts import state
from backends.alerts.evaluation import Rules, held_of
from backends.alerts.model import Alert, Phase, Reading, RuleTimes, Truth, fingerprint
from backends.alerts.rules import EVIDENCE_LIMIT, MOST_OBJECTS, TEXT_LIMIT, Finding, Rule
from backends.alerts.subjects import Held, Subject
from backends.metrics.sample import Filesystem
from backends.states import HostState, Severity
from tests.unit.alerts.rule_subjects import GRAVE, NOW, PACK, UUID, WARNED, WELL, gpu, mount, on, subject


def _alert(phase: Phase, **more: object) -> Alert:
    fields = {"rule": "disk.space", "host": "gpu01", "object": "/data", "severity": Severity.WARNING, "last_true": NOW}
    return Alert(**{"fingerprint": fingerprint("disk.space", "gpu01", "/data"), "phase": phase, **fields, **more})  # type: ignore[arg-type]


def test_a_rule_learns_at_which_level_its_alert_fires() -> None:
    def held(phase: Phase, **more: object) -> Held:
        return held_of([_alert(phase, **more)])["gpu01"]["disk.space", "/data"]

    assert held(Phase.FIRING).level is held(Phase.RECOVERING).level is Severity.WARNING
    assert held(Phase.PENDING).level is Severity.OK
    assert held(Phase.FIRING).since == NOW
    assert held(Phase.RESOLVED, resolved=NOW + 5).settled == NOW + 5
    assert held_of([_alert(Phase.INACTIVE)]) == {}


def test_what_is_held_is_told_also_when_it_is_well() -> None:
    held = {"gpu01": {("disk.space", "/data"): WARNED, ("gpu.ecc", UUID): GRAVE, ("unit.failed", "a.service"): WARNED}}
    readings = PACK.evaluate([WELL], held)
    assert {(each.rule, each.object, each.truth) for each in readings} == {
        ("disk.space", "/data", Truth.FALSE),
        ("gpu.ecc", UUID, Truth.FALSE),
        ("unit.failed", "a.service", Truth.FALSE),
    }


def test_what_is_held_of_a_host_that_is_gone_is_no_data() -> None:
    held = {"gpu01": {("disk.space", "/data"): WARNED, ("collector.stale", ""): WARNED}}
    readings = PACK.evaluate([subject(state=HostState.UNREACHABLE, reason="no route to host")], held)
    truths = {each.rule: (each.truth, each.text) for each in readings}
    assert truths["disk.space"] == (Truth.NODATA, "no route to host")
    assert truths["collector.stale"][0] is Truth.NODATA
    assert truths["host.down"][0] is Truth.TRUE


def test_a_sample_that_is_too_old_is_no_data_and_no_recovery() -> None:
    old = subject(now=NOW + 20)
    (found,) = [each for each in PACK.evaluate([old], {"gpu01": {("disk.space", "/data"): WARNED}}) if each.object]
    assert (found.truth, found.text) == (Truth.NODATA, "no sample for 20 s")


def test_slow_sources_may_be_slower() -> None:
    assert subject(now=NOW + 80, interval_seconds=30.0).no_sample == ""
    assert subject(now=NOW + 91, interval_seconds=30.0).no_sample == "no sample for 91 s"


def test_a_host_is_told_of_once_for_each_object() -> None:
    bad = on(filesystems=(mount(used_percent=95.0), mount(mount="/home", used_percent=99.0)), gpus=(gpu(),))
    readings = PACK.evaluate([bad], {"gpu01": {("disk.space", "/data"): WARNED}})
    assert [(each.rule, each.object) for each in readings] == [("disk.space", "/data"), ("disk.space", "/home")]


def test_the_time_is_that_of_the_sample() -> None:
    late = subject(now=NOW + 3, sample=on(filesystems=(mount(used_percent=95.0),)).sample)
    assert [each.time for each in PACK.evaluate([late], {})] == [NOW]


def test_a_host_that_invents_mounts_is_bounded() -> None:
    many = tuple(Filesystem(mount=f"/m{index}", used_percent=99.0) for index in range(5000))
    assert len(PACK.evaluate([on(filesystems=many)], {})) == MOST_OBJECTS


def test_an_alert_whose_rule_is_gone_gets_no_reading() -> None:
    assert PACK.evaluate([WELL], {"gpu01": {("old.rule", ""): WARNED}}) == []


def _rule(finding: Finding) -> Rule:
    return Rule(
        id="a.rule",
        title="A rule",
        times=RuleTimes(),
        needs="reach",
        scan=lambda about: ("",),
        judge=lambda about, thing, held: finding,
        advice="do something",
    )


def test_advice_is_given_while_it_holds_only() -> None:
    for truth in Truth:
        rule = _rule(Finding(truth, Severity.WARNING))
        (found,) = Rules([rule]).evaluate([WELL], {"gpu01": {(rule.id, ""): WARNED}})
        assert found.advice == ("do something" if truth is Truth.TRUE else "")


@given(st.text(max_size=2000))
@settings(max_examples=50)
def test_whatever_a_host_writes_is_shown_as_one_short_safe_line(text: str) -> None:
    finding = Finding(Truth.TRUE, Severity.WARNING, text=text, evidence=(text,) * 20)
    (found,) = Rules([_rule(finding)]).evaluate([WELL], {})
    assert len(found.evidence) <= EVIDENCE_LIMIT
    for shown in (found.text, *found.evidence):
        assert len(shown) <= TEXT_LIMIT
        assert not any(sign in shown for sign in "\x1b\n\r\x07\u202e\u200b\x9b")


def _full(percent: float, now: float) -> Subject:
    return subject(now=now, sample=on(time=now, filesystems=(mount(used_percent=percent),)).sample)


def _play(percents: list[float]) -> list[Phase]:
    """Phases of the one alert, a minute a step, through the real state machine."""
    phases = []
    alert: Alert | None = None
    for index, percent in enumerate(percents):
        now = NOW + 60.0 * index
        for reading in PACK.evaluate([_full(percent, now)], held_of([alert] if alert is not None else [])):
            alert, _ = state.step(alert or state.fresh(reading), reading, PACK.times["disk.space"], now)
        phases.append(alert.phase if alert is not None else Phase.INACTIVE)
    return phases


def test_rules_and_state_machine_together_have_hysteresis() -> None:
    assert _play([50, 91, 91, 85, 81])[2:] == [Phase.FIRING] * 3
    assert _play([50, 91, 91, 79, 79])[3] is Phase.RECOVERING
    assert _play([50, 91, 91, *[79] * 17])[-1] is Phase.RESOLVED
    assert _play([50, 91, 91, 79, 81])[-1] is Phase.FIRING


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=40))
@settings(max_examples=60, deadline=None)
def test_nothing_fires_that_never_was_beyond_its_fire_value(percents: list[float]) -> None:
    if Phase.FIRING in _play(percents):
        assert max(percents) > 90


def test_what_is_doubtful_at_first_sight_and_well_at_the_second_is_not_told() -> None:
    for truth in (Truth.FALSE, Truth.NODATA):
        assert Rules([_rule(Finding(truth))]).evaluate([WELL], {}) == []


def test_readings_are_of_the_contract() -> None:
    (found,) = PACK.evaluate([_full(91, NOW)], {})
    assert isinstance(found, Reading)
    assert found.text == "/data is 91% full, 50G free"
    assert found.evidence == ("/dev/sda1 (ext4), 100G",)
