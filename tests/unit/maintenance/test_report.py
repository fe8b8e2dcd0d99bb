"""The report tells all of a run in Markdown, the same text each time, and what hosts say stays text in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.maintenance import facts
from backends.maintenance.model import Edge, EdgeKind, HostRun, RunState, RunStatus, Stage, StepResult
from backends.maintenance.report import markdown
from tests.unit.maintenance.ended import EDGES, PLAN, START, STATE

GOLDEN = Path(__file__).parents[2] / "outputs" / "maintenance" / "report.md"


def section(text: str, title: str) -> str:
    """The lines under a heading."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_whole_report_of_a_run_that_had_everything() -> None:
    assert markdown(STATE, EDGES) == GOLDEN.read_text("utf-8")


def test_what_needs_attention_comes_first_with_its_next_step() -> None:
    text = markdown(STATE)
    assert text.index("## Needs attention") < text.index("## Hosts")
    assert "**gpu2** in update:security (stays as it is): the update did not finish" in text
    assert "→ swarm-tui updates list offers a repair; then retry" in text


def test_skipped_hosts_are_named_with_the_reason() -> None:
    assert "- gpu4: the run was aborted" in section(markdown(STATE), "Skipped")


def test_what_nothing_explains_of_the_configuration_comes_first() -> None:
    rows = section(markdown(STATE), "Configuration changed").strip().split("\n")[2:]
    assert rows == [
        "| **not explained** | etc/fstab content | gpu\\[1,3\\] |",
        "| of an updated package | etc/bash.bashrc content | gpu\\[1,3\\] |",
    ]


def test_what_was_put_back_before_the_check_was_tried_again_is_not_left() -> None:
    host = STATE.hosts["gpu1"]
    again = replace(host, results=(*host.results[:5], replace(host.results[4], facts={}), host.results[5]))
    text = markdown(replace(STATE, hosts={"gpu1": again}))
    assert "etc/fstab" not in text


def test_a_run_that_has_not_begun_is_told_as_far_as_it_is_known() -> None:
    waiting = RunState(plan=PLAN, hosts={each.host: HostRun(host=each.host) for each in PLAN.hosts})
    text = markdown(waiting)
    assert "**WAITING**: 4 queued" in text and "Began —, ended — UTC, took n/a" in text
    assert "0 of 1 asked for." in section(text, "Approvals")
    assert "## Packages" not in text and "## Hosts, step by step" not in text


def test_a_stopped_run_tells_why_and_what_next() -> None:
    stopped = replace(STATE, status=RunStatus.STOPPED, why="1 host has failed", hint="retry or skip it")
    assert "- **The run** 1 host has failed → retry or skip it" in section(markdown(stopped), "Needs attention")


def test_a_failed_host_keeps_eating_the_budget() -> None:
    rows = section(markdown(STATE), "Budget")
    assert "| all hosts | 2 | 2 |" in rows and "| failed | 1 | 1 |" in rows
    later = replace(STATE.hosts["gpu3"], began=START + 5000, ended=START + 5600)
    assert "| all hosts | 2 | 2 |" in section(markdown(replace(STATE, hosts={**STATE.hosts, "gpu3": later})), "Budget")


def test_one_host_after_the_other_is_one_at_once() -> None:
    first, second = (
        HostRun(host=name, stage=Stage.DONE, began=began, ended=began + 100.0)
        for name, began in (("gpu1", START), ("gpu2", START + 100.0))
    )
    assert "| all hosts | 1 | 2 |" in markdown(replace(STATE, hosts={"gpu1": first, "gpu2": second}))


def test_what_people_did_is_told_with_who() -> None:
    edges = (*EDGES, Edge(time=START, kind=EdgeKind.ANSWERED, who="bob", host="gpu2", text="the fan is new"))
    events = section(markdown(STATE, edges), "What happened to the run")
    assert "| anna | aborted it: tomorrow |" in events and "| bob | answered for gpu2: the fan is new |" in events


HOSTILE = ("# heading", "[a](http://evil.example)", "<script>", "a | b", "@everyone", "`x`", "\x1b[31mred", "a\nb\n# c")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_host_says_stays_text(text: str) -> None:
    failed = replace(STATE.hosts["gpu2"], text=text, hint=text)
    found = markdown(replace(STATE, hosts={**STATE.hosts, "gpu2": failed}))
    line = next(line for line in found.split("\n") if line.startswith("- **gpu2**"))
    for raw in ("](", "<script>", " | ", "@everyone", "`x`", "\x1b", "://"):
        assert raw not in line


def lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("#")]


@given(st.text(max_size=60))
def test_no_text_makes_a_heading_or_a_column_more(text: str) -> None:
    result = StepResult(step=1, good=True, text=text, facts={facts.WARNINGS: text, "odd": text, facts.PRIOR: text})
    usual = StepResult(step=1, good=True, text="x", facts={facts.WARNINGS: "x", "odd": "x", facts.PRIOR: "x"})

    def told(one: StepResult) -> str:
        host = HostRun(host="gpu1", stage=Stage.DONE, results=(one,))
        return markdown(RunState(plan=PLAN, hosts={"gpu1": host}, why=one.text))

    assert [line for line in lines(told(result)) if line != "## Left to do"] == [
        line for line in lines(told(usual)) if line != "## Left to do"
    ]
    row = next(line for line in told(result).split("\n") if line.startswith("| — | backup:config"))
    assert row.replace("\\|", "").count("|") == 6


def test_output_of_a_failed_step_cannot_leave_its_fence() -> None:
    text = markdown(STATE)
    assert "````\nSetting up bash\n```\n# dpkg: error processing\n````" in text


def test_the_order_of_the_hosts_in_memory_does_not_count() -> None:
    turned = replace(STATE, hosts=dict(reversed(list(STATE.hosts.items()))))
    assert markdown(turned, EDGES) == markdown(STATE, EDGES)
