"""The configuration of alerts becomes what the parts of the package take."""

from __future__ import annotations

from backends.alerts.model import Policy
from backends.alerts.own_rules import OwnRule
from backends.alerts.pack import pack
from backends.alerts.quiet_hours import QuietHours
from backends.alerts.settings import expected, overrides, own_rules, policy, quiet, rules
from backends.alerts.subjects import Expected
from backends.alerts.xid_policy import Override
from backends.config.schema import AlertsConfig, PolicyConfig, RuleConfig, TargetConfig, XidConfig
from backends.inventory.host import Expect, Host
from backends.states import Severity


def test_own_rules_have_seconds_and_know_where_they_stand() -> None:
    said = RuleConfig(
        name="busy", expression="gpu>95", for_="1h30m", keep="90s", severity="info", title="T", advice="A"
    )
    assert own_rules(AlertsConfig(rules=(RuleConfig(name="a", expression="gpu>1"), said)))[1] == OwnRule(
        name="busy",
        expression="gpu>95",
        for_seconds=5400.0,
        keep_seconds=90.0,
        severity="info",
        title="T",
        advice="A",
        place="alerts.rules.1",
    )


def test_what_is_evaluated_is_the_pack_without_what_is_off_and_the_own_rules() -> None:
    config = AlertsConfig(off=("cpu.*",), rules=(RuleConfig(name="busy", expression="gpu>95"),))
    found = {rule.id for rule in rules(config, 2.0)}
    built_in = {rule.id for rule in pack()}
    assert built_in - found == {rule for rule in built_in if rule.startswith("cpu.")} != set()
    assert found - built_in == {"own.busy"}


def test_a_drill_ends_alerts_of_the_pack_sooner_and_fires_none_sooner() -> None:
    own = RuleConfig(name="busy", expression="gpu>95", for_="1m", keep="10m")
    drill = rules(AlertsConfig(rules=(own,), policy=PolicyConfig(keep_factor=0.1))).times
    usual = rules(AlertsConfig(rules=(own,))).times
    assert drill["disk.space"].keep_seconds == 90.0 and usual["disk.space"].keep_seconds == 900.0
    assert drill["own.busy"] == usual["own.busy"]
    for rule, times in drill.items():
        assert times.for_seconds == usual[rule].for_seconds and times.event == usual[rule].event


def test_overrides_keep_what_is_not_said() -> None:
    config = AlertsConfig(xids=(XidConfig(code=63), XidConfig(code=31, kind="fatal", severity="ok", note=False)))
    bare, said = overrides(config)
    assert bare == Override(code=63)
    assert said == Override(code=31, kind="fatal", severity=Severity.OK, note=False)


def test_the_policy_is_in_seconds_and_escalates_as_far_as_somebody_is_there() -> None:
    said = PolicyConfig(ack_hours=1, escalation_minutes=5, repeat_warning_minutes=90, storm_percent=50)
    targets = (TargetConfig(name="a", levels=(0, 1)), TargetConfig(name="b", levels=(3,)))
    assert policy(AlertsConfig(policy=said, targets=targets)) == Policy(
        ack_seconds=3600.0,
        escalation_seconds=300.0,
        repeat_warning_seconds=5400.0,
        storm_share=0.5,
        escalation_levels=3,
    )
    assert policy(AlertsConfig()).escalation_levels == 0


def test_quiet_hours_are_none_or_from_one_time_to_the_other() -> None:
    assert quiet(AlertsConfig(quiet_zone="Europe/Zurich")) is None
    assert quiet(AlertsConfig(quiet_hours="22:00-07:00")) == QuietHours(start="22:00", end="07:00", zone="")
    said = AlertsConfig(quiet_hours="01:30-02:00", quiet_zone="UTC")
    assert quiet(said) == QuietHours(start="01:30", end="02:00", zone="UTC")


def test_the_rules_expect_what_the_inventory_says() -> None:
    assert expected(Host(name="a")) == Expected()
    said = Expect(
        gpus=8, nics=("eth0",), infiniband_ports=8, infiniband_bits_per_second=4e11, nvlinks=18, key_units=("x",)
    )
    assert expected(Host(name="a", expect=said)) == Expected(
        gpus=8, nics=("eth0",), infiniband_ports=8, infiniband_bits_per_second=4e11, nvlinks=18, key_units=("x",)
    )
