"""Firmware: captured answers of fwupd 2.0.20 (Debian 12, its own fake device), and its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput, RetryLater
from backends.execution import ExecResult
from backends.updates.extras_model import FirmwareUpdate
from backends.updates.firmware import judge, parse, update_argv

OUTPUTS = Path(__file__).parents[2] / "outputs/fwupd"
WEBCAM = "08d460be0f1f9f128413f816022a6439e0078018"


def captured(name: str) -> bytes:
    return (OUTPUTS / f"debian12-{name}.json").read_bytes()


def answer(status: int | None, name: str, stderr: bytes = b"") -> ExecResult:
    return ExecResult(exit_status=status, stdout=captured(name), stderr=stderr)


def spoiled(**changes: Any) -> bytes:
    """The captured device with other fields."""
    said = json.loads(captured("updates"))
    release = said["Devices"][0]["Releases"][0]
    for key, value in changes.items():
        (release if key in ("Urgency", "Issues", "Description") else said["Devices"][0])[key] = value
    return json.dumps(said).encode()


def test_an_update_with_what_it_brings() -> None:
    assert judge(answer(0, "updates"), "gpu01") == (
        FirmwareUpdate(
            device=WEBCAM,
            name="Integrated Webcam™",
            vendor="ACME Corp.",
            installed="1.2.2",
            candidate="1.2.4",
            summary="Firmware for the ACME Corp Integrated Webcam",
            size_bytes=17,
        ),
    )


def test_what_is_not_told_is_not_guessed() -> None:
    (found,) = judge(answer(0, "updates"), "gpu01")
    assert (found.reboot, found.urgency) == (None, None)


def test_what_newer_versions_tell_is_taken() -> None:
    output = spoiled(
        Flags=["updatable", "needs-reboot", "needs-shutdown", "require-ac"],
        Urgency="critical",
        Issues=["CVE-2024-12345", "VU#1"],
        Description="<p>Fixes CVE-2023-0001 and CVE-2024-12345.</p>",
    )
    (found,) = parse(output) or ()
    assert (found.reboot, found.shutdown, found.needs_power, found.urgency) == (True, True, True, "critical")
    assert found.cves == ("CVE-2024-12345", "CVE-2023-0001")


@pytest.mark.parametrize("urgency", ["unknown", "", "CRITICAL!"])
def test_an_urgency_that_nobody_knows_is_none(urgency: str) -> None:
    (found,) = parse(spoiled(Urgency=urgency)) or ()
    assert found.urgency is None


@pytest.mark.parametrize(("status", "name"), [(0, "nothing"), (2, "nothing"), (3, "unknown-device")])
def test_nothing_to_do_is_no_error(status: int, name: str) -> None:
    assert judge(answer(status, name), "gpu01") == ()


def test_a_failure_is_told_in_fwupds_words() -> None:
    with pytest.raises(RetryLater, match="Failed to connect to daemon: Could not connect: Connection refused"):
        judge(answer(1, "no-daemon"), "gpu01")


@pytest.mark.parametrize(
    "result",
    [
        ExecResult(exit_status=1, stdout=b"", stderr=b"fwupdmgr: command failed"),
        ExecResult(exit_status=0, stdout=b"Segmentation fault"),
        ExecResult(exit_status=None, stdout=b""),
        ExecResult(exit_status=0, stdout=captured("no-daemon")),
        ExecResult(exit_status=1, stdout=captured("updates")),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_not_an_empty_list(result: ExecResult) -> None:
    with pytest.raises(RetryLater, match="fwupd failed"):
        judge(result, "gpu01")


def test_words_before_the_json_are_passed_over() -> None:
    assert len(parse(b"WARNING: UEFI ESP partition not detected\n" + captured("updates")) or ()) == 1


def test_words_of_the_device_are_made_safe() -> None:
    (found,) = parse(spoiled(Name="\x1b[31mcam\u202e", Vendor="V" * 5000)) or ()
    assert found.name == "cam\ufffd" and len(found.vendor) == 300


def test_one_device_is_updated_without_a_question_and_without_a_reboot() -> None:
    (found,) = judge(answer(0, "updates"), "gpu01")
    argv = update_argv(found)
    assert argv[-1] == WEBCAM
    assert {"--assume-yes", "--no-reboot-check"} <= set(argv)


@pytest.mark.parametrize("device", ["", "--force", "08d4", WEBCAM + "\n", "x" * 40])
def test_an_id_that_cannot_be_one_is_never_a_word_of_a_command(device: str) -> None:
    assert parse(spoiled(DeviceId=device)) == ()
    with pytest.raises(BadInput):
        update_argv(FirmwareUpdate(device=device, name="x"))


@given(st.binary() | st.text().map(lambda text: b'{"Devices":[{"Name":' + json.dumps(text).encode() + b"}]}"))
def test_no_answer_breaks_the_parser(output: bytes) -> None:
    assert parse(output) in (None, ())


def test_an_answer_without_bottom_is_none() -> None:
    assert parse(b'{"Devices":' + b"[" * 100_000) is None
