"""Which alerts are meant: by first digits, or by rule, host and object; what is ambiguous is listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts.model import Phase
from backends.alerts.views import AlertRow
from backends.errors import BadInput
from backends.text import clean
from swarm_tui.cli.alert_names import MOST_SHOWN, named
from swarm_tui.present.alert_text import place
from tests.unit.cli.alert_answers import CPU, DISK, EVERY, OVER, XID, row

ROOT = row("disk.space", "gpu01", "/")
HOST = row("unit.failed", "gpu01")
UNIT = row("unit.failed", "gpu01", "getty@tty1.service")


def digits(prints: str) -> AlertRow:
    return replace(CPU, fingerprint=prints)


@pytest.mark.parametrize("count", [5, 8, 16])
def test_the_first_digits_will_do(count: int) -> None:
    assert named(EVERY, [DISK.fingerprint[:count].upper()]) == (DISK,)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cpu.busy@gpu02", CPU),
        ("disk.space@gpu01:/srv", DISK),
        ("disk.space@gpu01:/", ROOT),
        ("gpu.xid@gpu03", XID),
        ("unit.failed@gpu01", HOST),
        ("unit.failed@gpu01:getty@tty1.service", UNIT),
    ],
)
def test_rule_host_and_object_will_do(word: str, meant: AlertRow) -> None:
    assert named((*EVERY, ROOT, HOST, UNIT), [word]) == (meant,)


def test_each_is_meant_once_in_the_order_of_the_words() -> None:
    assert named(EVERY, [XID.fingerprint, place(DISK), "gpu.xid@gpu03"]) == (XID, DISK)


def test_what_is_ambiguous_lists_its_candidates_with_enough_digits() -> None:
    rows = [digits("abcdef0123456789"), digits("abcdef0123999999"), digits("b" * 16)]
    with pytest.raises(BadInput, match='"abc" means 2 alerts') as caught:
        named(rows, ["abc"])
    assert "abcdef01234  cpu.busy@gpu02" in caught.value.message
    assert "abcdef01239  cpu.busy@gpu02" in caught.value.message


def test_one_rule_and_host_with_several_objects_is_ambiguous() -> None:
    with pytest.raises(BadInput, match="means 2 alerts") as caught:
        named((DISK, ROOT), ["disk.space@gpu01"])
    assert "disk.space@gpu01:/srv" in caught.value.message


def test_many_candidates_are_counted() -> None:
    rows = [digits(f"a{number:015x}") for number in range(MOST_SHOWN + 3)]
    with pytest.raises(BadInput, match="and 3 more"):
        named(rows, ["a"])


def test_to_act_upon_one_that_stands_is_meant_before_one_that_is_over() -> None:
    over = replace(digits("abc" + "1" * 13), phase=Phase.RESOLVED)
    stands = digits("abc" + "2" * 13)
    assert named((over, stands), ["abc"], active=True) == (stands,)
    assert named((over, CPU), ["abc"], active=True) == (over,)


@pytest.mark.parametrize(
    ("word", "said", "hint"),
    [
        ("fffffffffffffffff", "is no fingerprint", "rule@host"),
        ("disk", "is no fingerprint", "rule@host"),
        ("", "is no fingerprint", "rule@host"),
        ("0000000000", 'no alert is meant by "0000000000"', "alerts list --all"),
        ("disk.spcae@gpu01:/srv", "no alert is meant", 'did you mean "disk.space@gpu01:/srv"?'),
        ("disk.space@gpu01:/nowhere", "no alert is meant", ""),
        ("nothing@nowhere", "no alert is meant", "alerts list --all"),
    ],
)
def test_a_slip_is_told_with_the_next_step(word: str, said: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        named(EVERY, [word])
    assert said in caught.value.message and hint in (caught.value.hint or "")


@given(st.text(max_size=200))
def test_any_word_means_one_alert_or_is_refused_safely(word: str) -> None:
    try:
        found = named((*EVERY, ROOT), [word])
    except BadInput as error:
        assert all(clean(line, 1000) == line for line in error.message.split("\n"))
    else:
        assert len(found) == 1


@given(st.sampled_from((*EVERY, ROOT, UNIT)))
def test_what_is_shown_as_a_name_is_understood(alert: AlertRow) -> None:
    assert named((*EVERY, ROOT, UNIT), [place(alert)]) == (alert,)


def test_what_is_over_can_be_looked_at() -> None:
    assert named(EVERY, ["disk.space@gpu09"]) == (OVER,)
