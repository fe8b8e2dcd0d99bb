"""What is known about one host, and which changes of it are news."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.known import Known, facts_changed
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts
from backends.sources.base import StateChange
from backends.states import STATE_SEVERITY, HostState, Severity

FACTS = HostFacts(
    kernel="6.1", system="Debian 12", cpu_count=64, memory_total_bytes=1 << 40, python="3.11", machine_id="a"
)


@pytest.fixture
def known() -> Known:
    return Known(Host(name="a", tags=("x",)), now=5.0, monotonic=1.0)


def shown(known: Known, state: HostState, reason: str = "") -> tuple[str, Severity] | None:
    known.shown = StateChange(state=state, reason=reason)
    return known.settle()


def test_a_new_host_is_connecting_since_now(known: Known) -> None:
    assert (known.row.name, known.row.state, known.row.since, known.row.tags) == (
        "a",
        HostState.CONNECTING,
        5.0,
        ("x",),
    )
    assert known.settle() is None


def test_coming_up_at_the_start_is_no_news(known: Known) -> None:
    assert shown(known, HostState.UP) is None
    assert known.settled is HostState.UP


def test_a_host_that_is_found_broken_is_news_at_once(known: Known) -> None:
    assert shown(known, HostState.NO_PYTHON, "no python3") == ("no-python: no python3", Severity.WARNING)


def test_a_change_says_from_what_to_what_and_why(known: Known) -> None:
    shown(known, HostState.UP)
    assert shown(known, HostState.UNREACHABLE, "timeout") == ("up → unreachable: timeout", Severity.CRITICAL)
    assert shown(known, HostState.CONNECTING) is None
    assert shown(known, HostState.UNREACHABLE, "no route") is None  # the same outcome once more
    assert shown(known, HostState.UP) == ("unreachable → up", Severity.OK)


@given(st.lists(st.sampled_from(HostState), max_size=30))
def test_the_news_tell_every_settled_change_once(states: list[HostState]) -> None:
    known = Known(Host(name="a"), now=0.0, monotonic=0.0)
    told = [news for state in states if (news := shown(known, state)) is not None]
    settled = [state for state in states if state is not HostState.CONNECTING]
    changes = [now for before, now in zip([None, *settled], settled, strict=False) if now is not before]
    expected = changes[1:] if changes and changes[0] is HostState.UP else changes
    assert [(text.split(" → ")[-1], severity) for text, severity in told] == [
        (str(state), STATE_SEVERITY[state]) for state in expected
    ]


def test_a_copy_is_whole_and_stays_as_it_is(known: Known) -> None:
    known.facts, known.encoded = FACTS, msgspec.Raw(b"{}")
    twin = known.copy()
    assert [getattr(twin, name) for name in Known.__slots__] == [getattr(known, name) for name in Known.__slots__]
    known.verdict, known.facts = "later", None
    assert (twin.verdict, twin.facts) == ("", FACTS)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"kernel": "6.2"}, "kernel 6.1 → 6.2"),
        ({"cpu_count": 32, "python": "3.12"}, "cpu count 64 → 32, python 3.11 → 3.12"),
        ({"memory_total_bytes": 1 << 39}, "memory total bytes 1099511627776 → 549755813888"),
        ({"kernel": ""}, ""),  # not known this time
        ({"cpu_count": None}, ""),
        ({"boot_id": "new", "hostname": "other", "kit_version": "2"}, ""),  # told otherwise, or nobody's concern
    ],
)
def test_facts_that_matter_are_told_when_both_are_known(changes: dict[str, object], text: str) -> None:
    after = msgspec.structs.replace(FACTS, **changes)
    assert facts_changed(FACTS, after) == text
    if not text:
        assert facts_changed(after, FACTS) == text
