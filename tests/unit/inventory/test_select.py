"""Selectors mean exactly the hosts that they say; a slip is an error with the place and the nearest name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import fold, select
from backends.states import HostState

HOSTS = (
    *(Host(name=f"gpu{number:03d}", tags=("a100", f"rack{number % 2}"), groups=("dgx",)) for number in range(1, 9)),
    Host(name="login1", groups=("front", "both")),
    Host(name="cpu-a", tags=("slow",), groups=("both",)),
)
STATES = {"gpu001": HostState.UP, "gpu002": HostState.UP, "gpu003": HostState.STALE, "gpu004": HostState.UNREACHABLE}


def chosen(text: str) -> str:
    return fold(host.name for host in select(text, HOSTS, STATES.get))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "cpu-a,gpu[001-008],login1"),
        ("  ", "cpu-a,gpu[001-008],login1"),
        ("*", "cpu-a,gpu[001-008],login1"),
        ("all", "cpu-a,gpu[001-008],login1"),
        ("login1", "login1"),
        ("gpu[001-003]", "gpu[001-003]"),
        ("gpu[001,003]", "gpu[001,003]"),
        ("gpu*", "gpu[001-008]"),
        ("gpu00?", "gpu[001-008]"),
        ("gpu[001-002]*", "gpu[001-002]"),
        ("tag:a100", "gpu[001-008]"),
        ("tag:rack*", "gpu[001-008]"),
        ("tag:rack0", "gpu[002,004,006,008]"),
        ("@dgx", "gpu[001-008]"),
        ("@both", "cpu-a,login1"),
        ("state:up", "gpu[001-002]"),
        ("state:stale", "gpu003"),
        ("state:down & gpu[001-004]", "gpu[003-004]"),
        ("state:auth-failed", ""),
        ("!tag:a100", "cpu-a,login1"),
        ("!!login1", "login1"),
        ("login1,cpu-a", "cpu-a,login1"),
        ("login1|cpu-a", "cpu-a,login1"),
        ("login1,gpu*&tag:rack0", "gpu[002,004,006,008],login1"),
        ("(login1,gpu*)&!tag:rack0", "gpu[001,003,005,007],login1"),
        ('"login1"', "login1"),
    ],
)
def test_what_a_selector_means(text: str, names: str) -> None:
    assert chosen(text) == names


def test_the_order_is_that_of_the_inventory() -> None:
    assert [host.name for host in select("cpu-a,gpu002,gpu001", HOSTS)] == ["gpu001", "gpu002", "cpu-a"]


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("gpu001,gpu0011", 8, 'unknown host "gpu0011"', 'did you mean "gpu001"?'),
        ("gpu[001-010]", 1, 'unknown hosts "gpu[009-010]"', ""),
        ("a100", 1, "unknown host", 'did you mean "tag:a100"?'),
        ("dgx", 1, "unknown host", 'did you mean "@dgx"?'),
        ("tag:a10", 5, 'unknown tag "a10"', 'did you mean "a100"?'),
        ("tag:", 5, "a tag is missing", "tags: a100"),
        ("@dgy", 2, 'unknown group "dgy"', 'did you mean "dgx"?'),
        ("state:dwon", 7, 'unknown state "dwon"', 'did you mean "down"?'),
        ("tga:a100", 1, 'unknown kind of selector "tga:"', 'did you mean "tag"?'),
        ("x*", 1, 'no host is called like "x*"', "hosts: cpu-a"),
        ("gpu[001-", 1, "not node ranges", ""),
        ("gpu[1-99999999]", 1, "more than 100000", ""),
        ("login1 cpu-a", 8, '"," or "&" is missing', ""),
        ("login1!cpu-a", 7, '"," or "&" is missing', "a&!b"),
        ("(login1", 8, '")" is missing', ""),
        ("login1)", 7, '")" without "("', ""),
        ("login1,", 8, "something is missing at the end", ""),
        ("&login1", 1, 'something is missing before "&"', ""),
        ("!", 2, "something is missing at the end", ""),
        ('"login1', 1, "quotation mark", ""),
    ],
)
def test_a_slip_is_told_with_its_place(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        chosen(text)
    first, shown, caret = caught.value.message.split("\n")
    assert message in first
    assert f"(column {column})" in first
    assert shown.strip() == text.strip()
    assert caret.index("^") == 4 + column - 1
    assert hint in (caught.value.hint or "")


def test_states_need_somebody_who_knows_them() -> None:
    with pytest.raises(BadInput, match="not known here"):
        select("state:up", HOSTS)


def test_a_long_selector_shows_the_part_around_the_slip() -> None:
    with pytest.raises(BadInput) as caught:
        chosen(",".join(["login1"] * 30) + ",nope")
    lines = caught.value.message.split("\n")
    assert lines[1][lines[2].index("^") :].startswith("nope")


def test_escape_sequences_of_a_selector_do_not_reach_the_terminal() -> None:
    with pytest.raises(BadInput) as caught:
        chosen("\x1b[2J\u202egpu")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize("text", ["(" * 1000, "!" * 1000 + "login1", "a" * 100_000])
def test_endless_nesting_and_length_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        chosen(text)


_ATOMS = st.sampled_from(["gpu001", "gpu*", "gpu[001-003]", "tag:a100", "@dgx", "state:up", "login1", "*"])
_TREES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.tuples(inner, inner).map("({0[0]})&({0[1]})".format),
        st.tuples(inner, inner).map("{0[0]},{0[1]}".format),
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(_TREES, _TREES)
def test_the_operators_are_those_of_sets(left: str, right: str) -> None:
    def names(text: str) -> set[str]:
        return {host.name for host in select(text, HOSTS, STATES.get)}

    everything = {host.name for host in HOSTS}
    assert names(f"({left})&({right})") == names(left) & names(right)
    assert names(f"{left},{right}") == names(left) | names(right)
    assert names(f"!({left})") == everything - names(left)


@settings(max_examples=100)
@given(st.text(alphabet='gpu01ta:@*?![](),&|-" state\x1b', max_size=30))
def test_any_text_selects_or_explains(text: str) -> None:
    try:
        assert set(select(text, HOSTS, STATES.get)) <= set(HOSTS)
    except BadInput as error:
        assert "\x1b" not in error.message
