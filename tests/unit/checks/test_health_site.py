"""Site checks with Nagios' exit codes, and the tests that load the hardware."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks.health_active import Test as Active
from backends.checks.health_active import argv, run
from backends.checks.health_active import judge as judge_active
from backends.checks.health_site import SiteCheck, ask, checked, judge, numbers
from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import ExecResult
from tests.unit.checks.health_cases import OUTPUTS, told
from tests.unit.engine.parts import FakeExec

CHECK = SiteCheck(name="check_licence", argv=("/usr/lib/nagios/plugins/check_licence", "-w", "5"))


@pytest.mark.parametrize(
    ("status", "severity"),
    [(0, "ok"), (1, "warning"), (2, "critical"), (3, "unknown"), (4, "unknown"), (127, "unknown"), (None, "unknown")],
)
def test_the_exit_code_is_the_verdict(status: int | None, severity: str) -> None:
    found = judge("x", ExecResult(exit_status=status, stdout=b"7 licences | free=7;5;2;0;100\n", signal="KILL")).finding
    assert (found.severity.value, found.check) == (severity, "site:x")


def test_the_line_of_numbers_is_read() -> None:
    output = b"DISK OK - free space: / 3326 MB | '/ used'=2643MB;5948;5958;0;5968 load=0.5 bad=x\n/boot 68 MB\nmore | n=U\nrest=1s"
    result = judge("disk", ExecResult(exit_status=0, stdout=output))
    assert result.finding.text == "DISK OK - free space: / 3326 MB"
    assert result.finding.evidence == ("/boot 68 MB", "more")
    assert [(one.label, one.value, one.unit) for one in result.numbers] == [
        ("/ used", 2643.0, "MB"),
        ("load", 0.5, ""),
        ("n", None, ""),
        ("rest", 1.0, "s"),
    ]
    assert result.numbers[0].limits == ("5948", "5958", "0", "5968")


def test_it_is_run_as_an_argv_and_what_fails_on_the_way_is_unknown() -> None:
    host = FakeExec("h", ExecResult(exit_status=0, stdout=b"fine"))
    assert ask(host, CHECK).finding.severity.value == "ok"
    assert host.asked[0] == (list(CHECK.argv), b"", False)
    found = ask(FakeExec("h", RetryLater("timed out", host="h")), CHECK).finding
    assert (found.severity.value, found.text) == ("unknown", "timed out")


@pytest.mark.parametrize(
    "change", [{"name": "a b"}, {"argv": ()}, {"argv": ("",)}, {"timeout_seconds": 0}, {"timeout_seconds": 1e9}]
)
def test_a_check_that_cannot_be_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        checked(SiteCheck(**{"name": "x", "argv": ("/bin/true",), **change}))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400), st.integers(-5, 300))
def test_any_output_is_judged_and_bounded(output: bytes, status: int) -> None:
    found = judge("x", ExecResult(exit_status=status, stdout=output)).finding
    assert "\x1b" not in found.text and found.text
    assert found.severity.value != "ok" or status == 0


def test_endless_numbers_are_cut() -> None:
    assert len(numbers(["a=1 " * 5000] * 9)) <= 64
    result = judge("x", ExecResult(exit_status=0, stdout=b"y" * 100_000 + b"\n" + b"line\n" * 100_000))
    assert len(result.finding.text) <= 300 and len(result.finding.evidence) <= 20


# tests that load the hardware


def active(test: str, file: str, model: str = "NVIDIA H100 80GB HBM3", status: int = 0) -> list[tuple[str, str]]:
    result = ExecResult(exit_status=status, stdout=(OUTPUTS / file).read_bytes())
    return told(judge_active(cast("Active", test), result, model))


def test_diagnostics_name_what_failed() -> None:
    result = ExecResult(exit_status=1, stdout=(OUTPUTS / "dcgm.json").read_bytes())
    found = list(judge_active("diagnostics-1", result, ""))
    assert told(found) == [("critical", "hardware inspection")]
    assert "GPU Memory: GPU 0 has uncorrectable memory errors" in found[0].text


def test_bandwidths_against_their_model() -> None:
    assert active("bandwidth", "nvbandwidth.txt") == [("ok", "none"), ("critical", "hardware inspection")]
    assert active("all-reduce", "all-reduce.txt") == [("warning", "none")]
    assert active("all-reduce", "all-reduce.txt", model="Radeon") == [("unknown", "none")]


@pytest.mark.parametrize("test", ["diagnostics-1", "bandwidth", "all-reduce"])
def test_no_output_is_no_pass(test: str) -> None:
    for result in (ExecResult(exit_status=0), ExecResult(exit_status=127), ExecResult(exit_status=None)):
        assert told(judge_active(cast("Active", test), result, "H100")) == [("unknown", "none")]


def test_they_are_run_on_drained_hosts_only() -> None:
    host = FakeExec("h", ExecResult(exit_status=127))
    with pytest.raises(AskOperator):
        run(host, "bandwidth", model="H100", gpus=8, drained=False)
    with pytest.raises(AskOperator):
        run(host, "diagnostics-2", model="H100", gpus=8, drained=True, mig=True)
    assert not host.asked
    run(host, "diagnostics-2", model="H100", gpus=8, drained=True)
    assert host.asked[0][0] == ["dcgmi", "diag", "-r", "2", "-j"]
    with pytest.raises(BadInput):
        argv(cast("Active", "burn"), 8)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["diagnostics-1", "bandwidth", "all-reduce"]))
def test_any_output_of_a_test_is_judged(output: bytes, test: str) -> None:
    for text in (output, b'{"a":' + output + b"}"):
        assert "ok" not in {
            severity
            for severity, _ in told(judge_active(cast("Active", test), ExecResult(exit_status=1, stdout=text), "H100"))
        }


def test_passed_diagnostics_with_a_bad_exit_status_are_no_pass() -> None:
    text = b'{"tests":[{"name":"Denylist","results":[{"status":"Pass"}]}]}'
    verdicts = [
        told(judge_active("diagnostics-1", ExecResult(exit_status=status, stdout=text), "")) for status in (0, 1)
    ]
    assert verdicts == [[("ok", "none")], [("unknown", "none")]]
