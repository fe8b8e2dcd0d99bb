"""Every tab in every state: something useful, never wider than its room, never the host's markup or escapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.engine.wire import HostDetail
from backends.errors import RetryLater
from backends.metrics.sample import GpuStatus
from backends.sources.base import OfferedKey
from backends.states import HostState, Severity
from backends.text import clean
from swarm_tui.present import host_absent
from swarm_tui.present.host_details import reasons
from swarm_tui.present.host_header import header, verdict_lines
from swarm_tui.present.host_health import findings
from swarm_tui.present.host_line import Frame
from swarm_tui.present.host_tabs import IDS, TABS, Choice, panel, tab_at, tab_bar, tab_named
from swarm_tui.present.line import plain, width
from tests.unit.present.host_samples import OFFERED, VERDICT, detail, gpu, sample, tracks

FRAME = Frame(80, 18)
CHOICES = [
    *(Choice(tab) for tab in IDS if tab not in ("processes", "events")),
    Choice("gpu", zoomed=True),
    Choice("cpu", details=True),
]


def text(shown: HostDetail, choice: Choice, frame: Frame = FRAME) -> str:
    return "\n".join(plain(row) for _, row in panel(shown, choice, frame, tracks()))


@pytest.mark.parametrize("state", list(HostState))
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_tab_draws_in_every_state_with_and_without_values(state: HostState, choice: Choice) -> None:
    for shown in (detail(state=state), detail(state=state, sample=None, facts=None, link=None)):
        for columns in (60, 80, 140):
            rows = panel(shown, choice, Frame(columns, 18), tracks())
            assert any(plain(row) for _, row in rows)
            assert all(width(row) <= columns for _, row in rows)


def test_old_values_are_dimmed_with_their_age() -> None:
    rows = panel(detail(state=HostState.UNREACHABLE), Choice("cpu"), FRAME, tracks())
    marker = next(index for index, (_, row) in enumerate(rows) if "last that was known, 1s ago" in plain(row))
    assert {role for _, row in rows[marker + 2 :] for _, role in row} == {"dim"}


def test_a_hung_driver_leaves_the_rest_live() -> None:
    shown = detail(state=HostState.DRIVER_HUNG, sample=sample(gpu_status=GpuStatus(way="nvml", hung=True)))
    assert "last that was known" not in text(shown, Choice("cpu"))
    assert "driver does not answer" in text(shown, Choice("gpu"))


def test_an_unknown_key_shows_its_fingerprint_and_how_to_accept_it() -> None:
    shown = text(detail(state=HostState.HOST_KEY_UNKNOWN, sample=None, offered_key=OFFERED), Choice("overview"))
    assert "ssh-ed25519 SHA256:new" in shown
    assert "A accepts it" in shown


def test_a_changed_key_shows_both_and_warns() -> None:
    offered = msgspec.structs.replace(
        OFFERED, changed=True, known_fingerprint="SHA256:old", known_place="known_hosts:3"
    )
    shown = text(detail(state=HostState.HOST_KEY_CHANGED, offered_key=offered), Choice("cpu"))
    assert "SHA256:old" in shown
    assert "known_hosts:3" in shown
    assert "Do not accept it unless" in shown


def test_later_tabs_say_so_and_what_to_type_meanwhile() -> None:
    for tab in host_absent.LATER:
        assert "Not in this release." in text(detail(), Choice(tab))
    assert "journalctl" in text(detail(), Choice("journal"))


def test_an_engine_error_is_shown_with_its_hint() -> None:
    rows = host_absent.failed(RetryLater("no such host", hint="look at `hosts list`"), FRAME)
    assert [plain(row) for row in rows] == ["no such host", "→ look at `hosts list`"]


def test_details_tell_why_values_are_missing_and_fold_equal_gpus() -> None:
    shown = detail(sample=sample(missing={"psi": "kernel without CONFIG_PSI"}, gpus=(gpu(0), gpu(1, missing={}))))
    assert reasons(shown.sample) == [
        ("psi", "kernel without CONFIG_PSI"),
        ("/mnt/nfs", "no answer within 2 s"),
        ("gpu 0 fan_percent", "not supported"),
    ]
    assert ("gpu fan_percent", "not supported") in reasons(detail().sample)
    assert "CONFIG_PSI" in text(shown, Choice("cpu", details=True))


def test_health_collects_what_is_wrong_worst_first() -> None:
    found = findings(detail(sample=sample(gpus=(gpu(0, ecc_uncorrected_volatile=1), gpu(1)))))
    assert [severity for severity, _ in found] == sorted(
        (severity for severity, _ in found), key=lambda each: -each.rank
    )
    texts = [words for _, words in found]
    assert "GPU 0: ECC 1" in texts
    assert "InfiniBand mlx5_1/1 is DOWN" in texts
    assert "/scratch is 93% full" in texts
    assert "eno1: 12 errors since boot" in texts


def test_the_tab_bar_fits_and_marks_the_current_tab_without_colour() -> None:
    for columns in (60, 80, 140):
        for tab in IDS:
            bar = tab_bar(tab, columns)
            assert width(bar) <= columns
            assert "[" in plain(bar)


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("current", IDS)
def test_a_click_finds_the_tab_that_is_drawn_there(columns: int, current: str) -> None:
    bar = plain(tab_bar(current, columns))
    for tab in TABS:
        title = tab.title if tab.title in bar and columns == 140 else tab.short
        assert tab_at(current, columns, bar.index(title) + 1) == tab.id
    assert tab_at(current, columns, columns + 50) == ""


def test_tabs_are_found_by_what_people_type() -> None:
    assert tab_named("GPU") == "gpu"
    assert tab_named("mem") == "memory"
    assert tab_named("proc") == "processes"
    assert tab_named("") == tab_named("zzz") == ""


HOSTILE = st.sampled_from(
    [
        "[/x]",
        "[bold red]",
        "\x1b]52;c;aGk=\x07",
        "\x1b[2J",
        "\x9b31m",
        "a\u202eb",
        "[@click=app.quit]x[/]",
        "{{",
        "日本語" * 40,
        "\\",
    ]
)


def poisoned(value: Any, poison: Callable[[], str]) -> Any:
    """The same structure with hostile text in every text field, cleaned as the decoder of a host's answer does."""
    if isinstance(value, str):
        return clean(poison())
    if isinstance(value, list):
        return [poisoned(each, poison) for each in value]
    if isinstance(value, dict):
        return {key: poisoned(each, poison) for key, each in value.items()}
    return value


_CHOSEN = {"kind", "way", "vendor", "state", "severity", "confidence"}


def hostile(poison: Callable[[], str]) -> HostDetail:
    shown = detail(verdicts=(VERDICT,), offered_key=OFFERED)
    built = msgspec.to_builtins(shown)

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: walk(each, key) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(each, name) for each in value]
        return poisoned(value, poison) if name not in _CHOSEN else value

    return msgspec.convert(walk(built, ""), HostDetail)


@given(st.data())
@settings(max_examples=25)
def test_hostile_text_reaches_no_panel_as_anything_but_text(data: st.DataObject) -> None:
    poison = data.draw(st.lists(HOSTILE, min_size=1, max_size=4))
    turn = iter(poison * 10_000)
    shown = hostile(lambda: next(turn))
    frame = Frame(data.draw(st.integers(60, 150)), 20)
    lines = [*header(shown, frame), *verdict_lines(shown.verdicts, frame, evidence=True)]
    for choice in CHOICES:
        lines += [row for _, row in panel(shown, choice, frame, {})]
    for row in lines:
        assert width(row) <= frame.width
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) <= 0x9F or letter == "\u202e" for letter in plain(row))


def test_an_offered_key_is_shown_even_when_it_lies() -> None:
    offered = OfferedKey(host="x", address="[bold]", kind="[/x]", fingerprint="[link=http://evil]")
    rows = host_absent.key_lines(offered, 80)
    assert "[/x] [link=http://evil]" in plain(rows[1])


def test_unknown_is_not_ok() -> None:
    assert all(severity is not Severity.OK for severity, _ in findings(detail(state=HostState.CONNECTING)))
