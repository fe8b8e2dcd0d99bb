"""The Updates tab of the Host screen: one host's updates with every reason and the next step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.updates.extras_model import FirmwareUpdate, Outdated, PythonEnvironment, Vulnerability
from backends.updates.inventories import HostUpdates
from backends.updates.model import FamilyVersion, RebootNeed
from swarm_tui.present.host_line import Frame
from swarm_tui.present.host_updates import updates_panel
from swarm_tui.present.line import plain, width
from tests.unit.present.update_data import AWAY, DIRTY, FAMILY, LIBC, NEEDY, NOW, VIM, change, known

BIOS = FirmwareUpdate(
    device="0" * 40,
    name="System Firmware",
    installed="1.2",
    candidate="1.4",
    urgency="high",
    cves=("CVE-2024-1",),
    reboot=True,
)
TRAIN = PythonEnvironment(
    path="/srv/train/.venv",
    python="3.11.7",
    pip="23.2.1",
    packages=12,
    outdated=(Outdated(name="idna", installed="3.4", candidate="3.20"),),
    asked=NOW - 300.0,
    vulnerable=(Vulnerability(package="idna", installed="3.4", id="GHSA-1", cves=("CVE-2024-3651",)),),
)
FRAME = Frame(79, 20)


def shown(state: HostUpdates | None) -> str:
    return "\n".join(plain(line) for line in updates_panel(state, NOW, FRAME))


def test_the_numbers_stand_on_top_with_their_age() -> None:
    first, second = shown(known("a", LIBC, VIM)).splitlines()[:2]
    assert first == "2 updates  1 security fixes  2.0M to fetch"
    assert second == "Ubuntu 24.04.1 LTS  apt  lists 9h old, asked 10m ago"


def test_everything_about_a_host_in_trouble_is_there_and_what_blocks_comes_first() -> None:
    text = shown(NEEDY)
    assert text.index("blocks: openssh-server is half-configured") < text.index("running")
    for words in (
        "1 held",
        "→ 3 goes to Updates, x there shows the repair step",
        "needed; kernel 6.8.0-49-generic is installed",
        "6.8.0-45-generic, 6.8.0-49-generic after a reboot",
        "restart: ssh.service",
        "with care: dbus.service",
        "GPU driver family  they differ",
        "NVML              n/a: nvidia-smi gave none",
        "held              the whole family",
        "fabric_manager    nv-fabricmanager was not found",
        "H nvidia-driver-550-server",
    ):
        assert words in text


def test_agreeing_versions_are_said_to_agree() -> None:
    same = tuple(FamilyVersion(part=each.part, version="550.90.07") for each in FAMILY)
    assert "they agree" in shown(known("a", VIM, family=same))
    unread = tuple(FamilyVersion(part=each.part) for each in FAMILY)
    assert "none could be read" in shown(known("a", VIM, family=unread))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "asking the engine…"),
        (HostUpdates(host="a"), "This host was not asked yet. r asks now."),
        (HostUpdates(host="a", busy=True), "asking the host…"),
        (AWAY, "✖ not connected: timeout"),
        (AWAY, "→ R on the Fleet screen tries again"),
        (replace(known("a", VIM), error="timed out"), "✖ timed out; below is the last that was known"),
        (replace(known("a", VIM), busy=True), "asking again…"),
        (replace(known("a", VIM), problems=("mirror: dead",)), "▲ mirror: dead"),
        (known("a"), "up to date"),
        (known("a", VIM, security_known=False), "security unknown"),
        (known("a", reboot=RebootNeed()), "reboot            unknown"),
        (known("a", VIM, lists_age_seconds=None), "age of the lists unknown"),
    ],
)
def test_each_state_says_what_it_is_and_what_helps(state: HostUpdates | None, said: str) -> None:
    assert said in shown(state)


def test_an_unknown_host_claims_no_number() -> None:
    assert not any(letter.isdigit() for letter in shown(AWAY))


def test_newer_firmware_is_shown_with_what_follows_it() -> None:
    text = shown(known("a", firmware=(BIOS, replace(BIOS, name="NVMe", reboot=None, shutdown=True, cves=()))))
    assert "firmware  2 newer, as fwupd tells" in text
    assert "System Firmware   1.2 → 1.4, reboot afterwards, high urgency, CVE-2024-1" in text
    assert "NVMe              1.2 → 1.4, power off and on afterwards" in text
    assert "firmware" not in shown(known("a", firmware=()))


def test_firmware_that_could_not_be_asked_is_unknown_and_not_up_to_date() -> None:
    text = shown(known("a", missing={"firmware": "fwupdmgr is not installed"}))
    assert "firmware          fwupdmgr is not installed" in text and "newer" not in text


def test_each_environment_tells_what_is_outdated_and_what_is_vulnerable() -> None:
    text = shown(known("a", python=(TRAIN,)))
    assert "\n/srv/train/.venv\n" in text
    assert " ".join(text.split()).endswith(
        "Python 3.11.7, 12 packages, 1 outdated (index asked 5m ago), 1 vulnerable: CVE-2024-3651 (idna)"
    )


def test_what_is_not_known_about_an_environment_is_no_zero() -> None:
    away = PythonEnvironment(path="/srv/train/.venv")
    text = " ".join(shown(known("a", python=(away,), missing={"python /srv/train/.venv": "no such file"})).split())
    assert "? packages, outdated unknown, vulnerable unknown" in text
    assert "python /srv/train/.venv: no such file" in text


@given(st.text(max_size=120), st.text(max_size=40), st.integers(30, 200))
@settings(max_examples=80, deadline=None)
def test_any_text_of_a_host_fits_any_width(said: str, name: str, cells: int) -> None:
    odd = known(
        "a",
        change(name, said[:30], name, cves=(said,), kept_back=said),
        system=said,
        reboot=RebootNeed(needed=True, reasons=(said,), running_kernel=name, expected_kernel=said, source=said),
        family=(FamilyVersion(part=name, version=said),),
        warnings=(replace(DIRTY, text=said),),
        missing={name: said},
        firmware=(replace(BIOS, name=name, summary=said, installed=said, cves=(said,)),),
        python=(replace(TRAIN, path=said, python=name),),
    )
    for state in (odd, replace(odd, error=said, hint=said, problems=(said,)), replace(AWAY, error=said)):
        assert all(width(line) <= cells for line in updates_panel(state, NOW, Frame(cells, 20)))
