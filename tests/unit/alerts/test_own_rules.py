"""Rules of the site: the fields of the filter, three answers instead of two, and errors that name place and field."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts.model import Truth
from backends.alerts.own_rules import MOST_RULES, OwnRule, compiled
from backends.alerts.pack import rules
from backends.alerts.rules import Rule, judge
from backends.alerts.subjects import Subject
from backends.engine.wire import GpuCell, HostRow
from backends.errors import BadInput
from backends.inventory.fields import FIELDS, WORDS
from backends.inventory.filter import Filter
from backends.inventory.filter import parse as parse_filter
from backends.states import HostState, Severity
from tests.unit.alerts.rule_subjects import GRAVE, NOW, subject

ROW = HostRow(
    name="gpu01",
    state=HostState.UP,
    tags=("a100", "rack1"),
    gpus=(GpuCell(utilisation_percent=92.0),),
    gpu_model="NVIDIA A100",
    gpu_percent=92.0,
    cpu_percent=0.0,
    memory_percent=None,
    cpu_count=64,
    sample_time=NOW - 1,
    since=NOW - 7200,
    backup_time=NOW - 90_000,
)


def own(expression: str, **more: object) -> Rule:
    (rule,) = compiled([OwnRule(name="mine", expression=expression, **more)])  # type: ignore[arg-type]
    return rule


def about(row: HostRow = ROW, **more: object) -> Subject:
    return subject(row=row, **more)


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        ("gpu>80 & tag:a100", Truth.TRUE),
        ("gpu > 80 tag:a100", Truth.TRUE),
        ("gpu>95", Truth.FALSE),
        ("cpu=0", Truth.TRUE),
        ("!gpu>95", Truth.TRUE),
        ("mem>90", Truth.NODATA),
        ("!mem>90", Truth.NODATA),
        ("mem>90 & gpu>95", Truth.FALSE),
        ("mem>90 & gpu>80", Truth.NODATA),
        ("mem>90 , gpu>80", Truth.TRUE),
        ("mem>90 , gpu>95", Truth.NODATA),
        ("!(mem>90 & gpu>95)", Truth.TRUE),
        ("backup>1d", Truth.TRUE),
        ("since>1h & state:up", Truth.TRUE),
        ("model:a100", Truth.TRUE),
        ("kernel:6.1", Truth.NODATA),
        ("!kernel:6.1", Truth.NODATA),
        ("flag:ecc", Truth.FALSE),
        ("updates>0", Truth.NODATA),
        ('"a100"', Truth.TRUE),
        ("gpu0*", Truth.TRUE),
        ("state!=up", Truth.FALSE),
        ("cores>8", Truth.TRUE),
    ],
)
def test_true_false_or_not_known(expression: str, truth: Truth) -> None:
    assert judge(about(), own(expression)).truth is truth


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        ("gpu>80", Truth.NODATA),
        ("!gpu>80", Truth.NODATA),
        ("flag:ecc", Truth.NODATA),
        ("state:down", Truth.TRUE),
        ("state:down & gpu>80", Truth.NODATA),
        ("state:down , gpu>80", Truth.TRUE),
        ("since>1h", Truth.TRUE),
        ("cores>8", Truth.TRUE),
    ],
)
def test_of_a_host_that_is_gone_the_last_numbers_do_not_count(expression: str, truth: Truth) -> None:
    gone = about(
        HostRow(**{name: getattr(ROW, name) for name in ROW.__struct_fields__} | {"state": HostState.UNREACHABLE}),
        state=HostState.UNREACHABLE,
        reason="no route",
    )
    assert judge(gone, own(expression)).truth is truth


def test_it_says_what_it_saw() -> None:
    found = judge(about(), own("gpu>80 & cores>8", severity="critical", title="Hot rack", advice="Open a window."))
    assert (found.rule, found.severity, found.value) == ("own.mine", Severity.CRITICAL, 92.0)
    assert found.text == "Hot rack: gpu 92%, cores 64"
    assert found.evidence == ("gpu>80 & cores>8",)
    assert found.advice == "Open a window."
    assert judge(about(), own("mem>90")).text == "not measured: mem"


def test_times_and_severity() -> None:
    rule = own("gpu>80", for_seconds=300, keep_seconds=60, severity="info")
    assert (rule.times.for_seconds, rule.times.keep_seconds, rule.times.info) == (300, 60, True)


def test_they_are_evaluated_with_the_pack() -> None:
    both = rules(compiled([OwnRule(name="busy", expression="gpu>80")]))
    assert [each.rule for each in both.evaluate([about()], {})] == ["own.busy"]
    idle = HostRow(name="gpu01", state=HostState.UP, gpu_percent=10.0)
    assert both.evaluate([about(idle)], {}) == []
    held = {"gpu01": {("own.busy", ""): GRAVE}}
    assert [each.truth for each in both.evaluate([about(idle)], held)] == [Truth.FALSE]
    assert [each.truth for each in both.evaluate([subject()], held)] == [Truth.NODATA]


@pytest.mark.parametrize(
    ("expression", "column", "words"),
    [
        ("gqu>80", "1", 'unknown field "gqu"; did you mean "gpu"?'),
        ("tag:a100 & tmep>80", "12", 'unknown field "tmep"; did you mean "temp"?'),
        ("gpu>hot", "5", '"hot" is no percentage'),
        ("gpu>", "5", "a number is missing"),
        ("(gpu>80", "8", '")" is missing'),
        ("sate:up", "1", 'did you mean "state"?'),
        ("", "", "the expression is empty"),
        ("   ", "", "the expression is empty"),
    ],
)
def test_an_error_names_the_place_the_column_and_the_nearest_field(expression: str, column: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        compiled([OwnRule(name="mine", expression=expression, place="config.toml: alerts.rules[2]")])
    assert words in str(caught.value)
    assert "config.toml: alerts.rules[2]" in str(caught.value)
    assert column in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (OwnRule(name="Bad Name", expression="gpu>1"), "no name of a rule"),
        (OwnRule(name="", expression="gpu>1"), "no name of a rule"),
        (OwnRule(name="x" * 41, expression="gpu>1"), "no name of a rule"),
        (OwnRule(name="x", expression="gpu>1", for_seconds=-1), "`for` is not from 0"),
        (OwnRule(name="x", expression="gpu>1", keep_seconds=1e9), "`keep` is not from 0"),
        (OwnRule(name="x", expression="gpu>1", for_seconds=float("nan")), "`for` is not from 0"),
    ],
)
def test_what_else_can_be_wrong(rule: OwnRule, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        compiled([rule])


def test_all_problems_are_told_at_once_and_doubles_too() -> None:
    with pytest.raises(BadInput) as caught:
        compiled([OwnRule(name="one", expression="gqu>1"), OwnRule(name="one", expression="gpu>")])
    assert "3 problems" in str(caught.value)
    assert 'two rules are called "one"' in str(caught.value)
    with pytest.raises(BadInput, match="more than"):
        compiled([OwnRule(name=f"r{index}", expression="gpu>1") for index in range(MOST_RULES + 1)])


_WORD = st.sampled_from([*FIELDS, *WORDS, "nope", "gpu01", ">", ">=", "=", "!=", ":", "80", "5m", "64G", "a100", "up", " ",
                         "&", ",", "|", "!", "(", ")", '"', "[", "]", "*", "\x1b[2J", "%", "\n", "é"])  # fmt: skip


@given(st.one_of(st.lists(_WORD, max_size=14).map("".join), st.text(max_size=60)))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_rule_or_an_error_and_agrees_with_the_filter_where_all_is_known(text: str) -> None:
    try:
        rule = own(text)
    except BadInput as error:
        assert "\x1b" not in str(error)
        return
    said = parse_filter(text)
    assert isinstance(said, Filter)
    found = judge(about(), rule)
    if found.truth is not Truth.NODATA:
        assert (found.truth is Truth.TRUE) == said.matches(ROW, NOW)
    opposite = own(f"!({text})")
    assert {found.truth, judge(about(), opposite).truth} in ({Truth.TRUE, Truth.FALSE}, {Truth.NODATA})
