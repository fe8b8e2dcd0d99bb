"""Triage of a real sick host as an operator does it: nvidia-smi is stuck in the kernel, and a token is in a command line.

The verdict must be there within 15 s, the bundle kept and saved, and the token nowhere.
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backends.triage.difference import Difference
from backends.triage.model import StepState
from backends.triage.views import Kept
from swarm_tui.cli.triage import Report
from tests.conftest import GPU_HOST
from tests.e2e.backing import Keeper
from tests.e2e.enginerun import EngineRun, until
from tests.lab import attach
from tests.lab.fleet import Lab
from tests.lab.host import LabHost
from tests.lab.pace import slowness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

WELL = "lab1"
ANSWER_SECONDS = 15.0
SECRET = "hf_TheTokenThatNobodyMaySee123"
SMI = "usr/bin/nvidia-smi"
STUCK = """#!/usr/bin/python3 -IS
import ctypes, time
ctypes.CDLL(None).vfork() or time.sleep(900)
"""
"""A parent of vfork waits in the kernel (state D) until its child ends."""
LEAK = "leak"


def configuration(lab: Lab, place: Path) -> Path:
    """The sick host, a well one, and one that is not there."""
    config = place / "triage.toml"
    ghost = lab.ground.address("lab200")
    hosts = attach.configuration(lab.ground, [lab.host(GPU_HOST), lab.host(WELL)])
    config.write_text(f'{hosts}\n[hosts.ghost]\naddress = "{ghost}"\n')
    return config


@contextmanager
def working(config: Path, place: Path) -> Iterator[Keeper]:
    """An operator with an engine that has reached its hosts."""
    with EngineRun(place, "--config", str(config)) as running:
        found = Keeper(config, running.until_ready())
        until(lambda: _up(found) >= {GPU_HOST, WELL}, 120.0, "the hosts up")
        yield found


@pytest.fixture(scope="module")
def keeper(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """One for all tests here."""
    place = tmp_path_factory.mktemp("triage")
    with working(configuration(lab, place), place / "engine") as found:
        yield found


@pytest.fixture
def sick(lab: Lab) -> Iterator[LabHost]:
    """The host with a stuck nvidia-smi and a unit that failed with a token in its command line."""
    host = lab.host(GPU_HOST)
    program = host.root / SMI
    program.write_text(STUCK)
    program.chmod(0o755)
    try:
        fail(host, f"--token={SECRET}")
        yield host
    finally:
        program.unlink()
        host.inside(["pkill", "-KILL", "-f", f"^/usr/bin/python3 -IS /{SMI}"])  # what a triage had to leave behind
        host.does("systemctl", "reset-failed")


def fail(host: LabHost, *words: str) -> None:
    """A unit of the host fails, with these words in its command line."""
    host.does("systemd-run", "--quiet", f"--unit={LEAK}", "/bin/false", *words)
    until(lambda: host.inside(["systemctl", "is-failed", LEAK]).stdout == "failed\n", what="the unit to fail")


def _up(keeper: Keeper) -> set[str]:
    with keeper.client() as client:
        return {row.name for row in client.fleet_view().rows if str(row.state) == "up"}


def test_a_sick_host_has_a_verdict_within_the_time_and_its_secrets_stay_there(
    keeper: Keeper, sick: LabHost, tmp_path: Path
) -> None:
    assert SECRET in sick.does("systemctl", "--failed", "--no-legend", "--plain"), "the host itself shows it"
    began = time.monotonic()
    said = keeper.does("triage", GPU_HOST, "--json", "--save", str(tmp_path))
    took = time.monotonic() - began
    assert took <= ANSWER_SECONDS * slowness()
    report: Report = said.json(Report)
    assert said.status == 2 and report.bundle is not None and report.number is not None
    strip = report.bundle.strip
    assert "driver-hung" in [finding.kind for finding in strip.findings] and strip.next_step
    steps = {step.number: step for step in report.bundle.steps}
    assert steps[4].state is StepState.STUCK and "state=D" in steps[4].text
    assert len(steps) == 9 and f"{LEAK}.service" in steps[7].text

    file = Path(report.saved)
    assert file.parent == tmp_path and file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        texts = [member.read().decode() for name in archive.getnames() if (member := archive.extractfile(name))]
    assert any(f"{LEAK}.service" in text and "[masked]" in text for text in texts), (
        "the line is there, without the token"
    )
    assert SECRET not in "".join(texts) + said.out + said.err
    kept = keeper.does("triage", "--show", str(report.number), "--json").out
    assert f"{LEAK}.service" in kept and SECRET not in kept
    assert not [text for text in keeper.engine.events("triage") if SECRET in text]
    assert (keeper.engine.state / "swarm-tui" / "duty" / "triage.db").stat().st_mode & 0o077 == 0


def test_a_stuck_program_is_not_asked_again_and_everything_else_is(keeper: Keeper, sick: LabHost) -> None:
    """The first triage kills what it started; one that cannot die is left, and its like is not started beside it."""
    sick.does("systemd-run", "--quiet", "--unit=held", "bash", "-c", f"exec -a nvidia-smi /{SMI}")
    try:
        until(lambda: "D" in sick.inside(["ps", "-o", "state=", "-C", "nvidia-smi"]).stdout, what="it to be stuck")
        began = time.monotonic()
        report: Report = keeper.does("triage", GPU_HOST, "--json").json(Report)
        took = time.monotonic() - began
    finally:
        sick.does("systemctl", "kill", "--signal=KILL", "held")
    assert took <= ANSWER_SECONDS * slowness()
    assert report.bundle is not None
    done = {section.step for section in report.bundle.sections if section.kind == "done"}
    assert done >= {1, 5, 6, 7, 8}


def test_the_difference_to_when_it_was_well_names_what_changed(keeper: Keeper, lab: Lab) -> None:
    before: Report = keeper.does("triage", WELL, "--json").json(Report)
    try:
        fail(lab.host(WELL))
        after: Report = keeper.does("triage", WELL, "--diff", str(before.number), "--json").json(Report)
    finally:
        lab.host(WELL).does("systemctl", "reset-failed", LEAK)
    assert after.difference is not None
    assert Difference(subject=f"failed unit {LEAK}.service", here="failed", there="—") in after.difference.differences
    rows: list[Kept] = keeper.does("triage", WELL, "--list", "--json").json(list[Kept])
    assert [row.id for row in rows[:2]] == [after.number, before.number]


def test_several_hosts_are_a_matrix_and_one_that_is_not_there_says_why(keeper: Keeper, sick: LabHost) -> None:
    said = keeper.does("triage", f"{GPU_HOST},{WELL},ghost", "--json")
    assert said.status == 2
    told = said.json(dict)
    assert [row["host"] for row in told["matrix"]["rows"]] == ["ghost", GPU_HOST, WELL], "the odd ones first"
    assert told["matrix"]["rows"][0]["reason"]
    alone = keeper.does("triage", "ghost")
    assert alone.status == 3 and "no triage" in alone.out and "Traceback" not in alone.err


def test_bundles_outlive_the_engine(lab: Lab, tmp_path: Path) -> None:
    config, place = configuration(lab, tmp_path), tmp_path / "engine"
    with working(config, place) as first:
        number = first.does("triage", WELL, "--json").json(Report).number
        assert first.engine.stop() < 5.0 * slowness()
    with EngineRun(place, "--config", str(config)) as second:
        shown: Report = (
            Keeper(config, second.until_ready()).does("triage", "--show", str(number), "--json").json(Report)
        )
        assert shown.bundle is not None and shown.bundle.host == WELL
