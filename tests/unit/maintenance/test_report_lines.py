"""The report for machines: one object a line, everything that Markdown has, and the same bytes each time."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.maintenance.model import HostRun, RunState
from backends.maintenance.report_lines import jsonl
from tests.unit.maintenance.ended import EDGES, PLAN, STATE


def read(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def of_type(name: str) -> list[dict[str, object]]:
    return [line for line in read(jsonl(STATE, EDGES)) if line["type"] == name]


def test_the_first_line_is_the_plan_with_its_hash() -> None:
    first = read(jsonl(STATE, EDGES))[0]
    assert (first["type"], first["format"], first["run"], first["hash"]) == ("run", 1, PLAN.id, PLAN.hash)
    assert first["steps"] == [step.text for step in PLAN.steps]
    assert first["window_end"] == "2027-01-15T10:00:00Z"


def test_approvals_results_and_hosts() -> None:
    assert [line["who"] for line in of_type("approval")] == ["bob"]
    (result,) = of_type("result")
    assert (result["status"], result["seconds"]) == ("ended", 1400.0)
    assert result["counts"] == {"done": 2, "failed-held": 1, "skipped": 1}
    failed = next(line for line in of_type("host") if line["host"] == "gpu2")
    assert (failed["stage"], failed["step"]) == ("failed-held", "update:security")
    assert failed["next"] == "swarm-tui updates list offers a repair; then retry"


def test_packages_cves_archives_jobs_and_what_is_left() -> None:
    assert {(line["host"], line["name"], line["outcome"]) for line in of_type("package")} >= {
        ("gpu1", "bash", "applied"),
        ("gpu2", "bash", "failed"),
    }
    assert next((line["cve"], line["hosts"]) for line in of_type("cve")) == ("CVE-2026-1", ["gpu1", "gpu3"])
    assert of_type("archive")[0]["size_bytes"] == 2048
    assert of_type("job")[0] == {"type": "job", "host": "gpu1", "id": "77", "user": "bob", "seconds": 90.0}
    assert {line["kind"] for line in of_type("left")} == {"leftovers", "drift"}
    assert [(line["file"], line["why"]) for line in of_type("configuration")][:2] == [
        ("etc/fstab content", ""),
        ("etc/bash.bashrc content", "of an updated package"),
    ]
    assert of_type("difference")[1]["verdict"] == "warning"


def test_budget_durations_and_events() -> None:
    assert [(line["what"], line["most"], line["limit"]) for line in of_type("budget")] == [
        ("all hosts", 2, 2),
        ("rack1", 1, 1),
        ("rack2", 1, 1),
        ("failed", 1, 1),
    ]
    assert [line["step"] for line in of_type("duration")] == [step.text for step in PLAN.steps]
    assert len(of_type("event")) == len(EDGES)


def test_the_same_state_gives_the_same_bytes() -> None:
    turned = replace(STATE, hosts=dict(reversed(list(STATE.hosts.items()))))
    assert jsonl(turned, EDGES) == jsonl(STATE, EDGES)


@given(st.text(max_size=80))
def test_any_text_is_one_line_without_controls(text: str) -> None:
    host = HostRun(host="gpu1", text=text, hint=text)
    found = jsonl(RunState(plan=PLAN, hosts={"gpu1": host}, why=text))
    (line,) = (each for each in read(found) if each["type"] == "host")
    assert not any(ord(character) < 32 or character == "\x7f" for character in str(line["text"]))
