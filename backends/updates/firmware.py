"""Firmware through fwupd: what could be updated, from `fwupdmgr --json get-updates`, and the argv that does it.

The JSON is the stable form (reference: patching §2.5). It says only through device flags whether a reboot is needed, and only
newer versions tell an urgency; what it does not tell is None here.
"""

from __future__ import annotations

import re

import msgspec

from backends import decoding
from backends.errors import BadInput, RetryLater
from backends.execution import ExecResult
from backends.text import clean
from backends.updates.base import ENVIRONMENT
from backends.updates.extras_model import FirmwareUpdate, Urgency

GET_UPDATES = (*ENVIRONMENT, "fwupdmgr", "--json", "get-updates")
REFRESH = (*ENVIRONMENT, "fwupdmgr", "--json", "refresh")
DONE, FAILED, NOTHING, NOT_FOUND = 0, 1, 2, 3
"""Exit statuses: done, error, nothing to do, no such device."""
_DEVICE = re.compile(r"[0-9a-f]{40}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
URGENCIES: tuple[Urgency, ...] = ("low", "medium", "high", "critical")
TEXT = 300


class _Release(msgspec.Struct, frozen=True, rename="pascal"):
    version: str = ""
    urgency: str = ""
    summary: str = ""
    name: str = ""
    size: int | None = None
    issues: list[str] = []
    description: str = ""


class _Device(msgspec.Struct, frozen=True, rename="pascal"):
    device_id: str = ""
    name: str = ""
    vendor: str = ""
    version: str = ""
    flags: list[str] = []
    releases: list[_Release] = []


class _Error(msgspec.Struct, frozen=True, rename="pascal"):
    message: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    devices: list[_Device] = []
    error: _Error | None = None


def judge(result: ExecResult, host: str) -> tuple[FirmwareUpdate, ...]:
    """The devices with an update; none when there is nothing to do.

    Raises:
        RetryLater: fwupd failed, or its answer is not understood.
    """
    if result.exit_status in (NOTHING, NOT_FOUND):
        return ()
    answer = parse(result.stdout)
    if answer is None or result.exit_status != DONE:
        said = _said(result)
        raise RetryLater(f"fwupd failed: {said}", host=host, action="look for firmware", hint="fwupdmgr get-updates")
    return answer


def parse(output: bytes) -> tuple[FirmwareUpdate, ...] | None:
    """The devices of a get-updates answer, past anything printed before it; None when it is none."""
    try:
        answer = decoding.json(output[max(0, output.find(b"{")) :], type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if answer.error is not None:
        return None
    return tuple(
        _firmware(device) for device in answer.devices if device.releases and _DEVICE.fullmatch(device.device_id)
    )


def update_argv(firmware: FirmwareUpdate) -> tuple[str, ...]:
    """Updates one device to its newest release without asking and without rebooting. Raises BadInput for a bad id."""
    if not _DEVICE.fullmatch(firmware.device):
        raise BadInput(f"not a device of fwupd: {firmware.device!r}", action="update firmware")
    quiet = ("--assume-yes", "--no-reboot-check", "--no-unreported-check", "--no-metadata-check")
    return (*ENVIRONMENT, "fwupdmgr", "--json", "update", *quiet, firmware.device)


def _firmware(device: _Device) -> FirmwareUpdate:
    newest = device.releases[0]
    texts = " ".join((*newest.issues, newest.description))
    return FirmwareUpdate(
        device=device.device_id,
        name=clean(device.name or newest.name or device.device_id, TEXT),
        vendor=clean(device.vendor, TEXT),
        installed=clean(device.version, 100),
        candidate=clean(newest.version, 100),
        urgency=_urgency(newest.urgency),
        summary=clean(newest.summary, TEXT),
        size_bytes=newest.size,
        cves=tuple(dict.fromkeys(_CVE.findall(texts)))[:200],
        reboot=True if "needs-reboot" in device.flags else None,
        shutdown="needs-shutdown" in device.flags,
        needs_power="require-ac" in device.flags,
    )


def _urgency(text: str) -> Urgency | None:
    return next((known for known in URGENCIES if known == text), None)


def _said(result: ExecResult) -> str:
    """What fwupd gives as the reason."""
    try:
        answer = decoding.json(result.stdout[max(0, result.stdout.find(b"{")) :], type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = _Answer()
    text = answer.error.message if answer.error else (result.stderr or result.stdout)[-TEXT:].decode("utf-8", "replace")
    return clean(text.strip(), TEXT) or f"status {result.exit_status}"
