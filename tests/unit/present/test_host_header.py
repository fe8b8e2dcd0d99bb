"""The head says who, in what state, why and what to do."""

from __future__ import annotations

import pytest

from backends.metrics.sample import Sample
from backends.states import HostState, Severity
from swarm_tui.present.host_header import header, is_live, verdict_lines
from swarm_tui.present.host_line import Frame
from swarm_tui.present.line import plain, width
from tests.unit.present.host_samples import NOW, VERDICT, detail, sample

FRAME = Frame(80, 24)


def text(**fields: object) -> str:
    return "\n".join(plain(row) for row in header(detail(**fields), FRAME))  # type: ignore[arg-type]


def test_a_host_that_is_up_takes_two_lines() -> None:
    rows = text().splitlines()
    assert len(rows) == 2
    assert rows[0].startswith("dgx04  ● up  root@10.0.0.11:22 via bastion  rtt 12ms  clock +2.0ms")
    assert rows[1] == "up 12d5h · Ubuntu 24.04.1 LTS · 6.8.0-45-generic"


def test_a_host_that_is_down_says_why_since_when_and_what_to_do() -> None:
    shown = text(
        state=HostState.UNREACHABLE,
        row_reason="timeout (ssh) after 5 s",
        row_hint="is it on? R tries again",
        row_retry_at=NOW + 12,
    )
    assert "✖ unreachable 4m" in shown
    assert "timeout (ssh) after 5 s · retry in 12s · last seen 1s ago" in shown
    assert "→ is it on? R tries again" in shown


def test_a_clock_that_is_off_is_marked() -> None:
    rows = header(detail(sample=sample(clock_offset_seconds=-95.0)), FRAME)
    assert ("  clock -1m35s", "bad") in rows[0]


@pytest.mark.parametrize("state", list(HostState))
@pytest.mark.parametrize("columns", [60, 80, 140])
def test_no_state_overflows_the_line(state: HostState, columns: int) -> None:
    shown = detail(state=state, row_reason="r" * 200, row_hint="h" * 200, row_retry_at=NOW)
    assert all(width(row) <= columns for row in header(shown, Frame(columns, 24)))


def test_only_a_fresh_sample_is_the_present() -> None:
    assert is_live(detail())
    assert is_live(detail(state=HostState.DRIVER_HUNG))
    assert not is_live(detail(state=HostState.STALE))
    assert not is_live(detail(sample=None))


def test_a_host_without_a_single_value_has_a_head() -> None:
    assert "uptime n/a" in text(sample=Sample(time=NOW), facts=None, link=None)


def test_the_worst_verdict_comes_first_and_the_rest_is_counted() -> None:
    critical = type(VERDICT)(subject="host", kind="hang", text="hangs", severity=Severity.CRITICAL)
    rows = verdict_lines((VERDICT, critical), FRAME, limit=1)
    assert [plain(row) for row in rows] == ["✖ hangs  (low)  +1 more"]


def test_evidence_is_shown_on_demand() -> None:
    shown = "\n".join(plain(row) for row in verdict_lines((VERDICT,), FRAME, evidence=True))
    assert "gpu 1: waits for data" in shown
    assert "· one core at 100 %" in shown
    assert "confidence medium" in shown
    assert "→ more loader workers" in shown


def test_a_fine_verdict_does_not_crowd_out_a_real_one() -> None:
    fine = type(VERDICT)(subject="host", kind="ok", text="nothing holds it back")
    assert len(verdict_lines((fine, VERDICT), FRAME)) == 1
    assert plain(verdict_lines((fine,), FRAME)[0]).startswith("● nothing")
