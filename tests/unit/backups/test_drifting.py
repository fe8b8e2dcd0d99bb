"""How a host differs from its snapshot, its baseline and its peers, as the API asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.model import JobState, Transport
from backends.errors import BadInput
from tests.borgs import borg_12
from tests.unit.backups.service_case import GPU, GPU_KEY, HERE, Case, Gone


def plant(root: Path, hosts: str = "127.0.0.1 localhost\n") -> Path:
    """The configuration of a host."""
    (root / "etc" / "ssh").mkdir(parents=True)
    (root / "etc" / "hosts").write_text(hosts)
    (root / "etc" / "app.conf").write_text("password = hunter2\n")
    (root / "etc" / "ssh" / "sshd_config").write_text("PermitRootLogin no\n")
    return root


pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def shelf() -> Iterator[list[Case]]:
    """The one case, with one snapshot of "gpu01"."""
    found: list[Case] = []
    yield found
    for each in found:
        each.close()


@pytest.fixture
def case(shelf: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Case:
    borg_12()
    if not shelf:
        folder = tmp_path_factory.mktemp("drifting")
        shelf.append(Case(folder / "state", folder))
        shelf[0].sends(plant(folder / "root"))
        job = shelf[0].back_up(GPU)
        assert (job.state, job.transport) == (JobState.DONE, Transport.TAR), job
    shelf[0].channels[HERE] = Gone()
    return shelf[0]


def test_a_host_that_changed_nothing_does_not_differ(case: Case, tmp_path: Path) -> None:
    case.sends(plant(tmp_path))
    (report,) = case.backups.drifting.reports([GPU], "last")
    assert (report.host, report.problem, report.entries) == (GPU, "", ())
    assert report.same >= 3


def test_one_archive_can_be_named_to_compare_with(case: Case, tmp_path: Path) -> None:
    case.sends(plant(tmp_path, "10.0.0.1 gpu01\n"))
    (archive,) = case.backups.depot.catalog.archives(host=GPU, set="config")
    report = case.backups.drifting.since(GPU, archive.repository, archive.name)
    assert [(each.path, each.kind) for each in report.entries] == [("etc/hosts", "content")]
    with pytest.raises(BadInput):
        case.backups.drifting.since(GPU, archive.repository, "config-of-nobody")


def test_what_changed_is_listed_shown_masked_and_can_be_restored(case: Case, tmp_path: Path) -> None:
    root = plant(tmp_path, "127.0.0.1 localhost\n10.0.0.1 gpu01\n")
    (root / "etc" / "app.conf").write_text("password = hunter3\n")
    case.sends(root)
    drifting = case.backups.drifting
    (report,) = drifting.reports([GPU], "last")
    assert {entry.path for entry in report.entries} == {"etc/hosts", "etc/app.conf"}
    assert "+10.0.0.1 gpu01" in drifting.text(GPU, "etc/hosts", "last")
    assert "hunter" not in drifting.text(GPU, "etc/app.conf", "last")
    request = drifting.request(GPU, "etc/hosts", "last")
    assert (request.repository, request.archive) == (GPU_KEY, case.archives(GPU_KEY)[0])
    assert (request.host, request.paths, request.conflict) == (GPU, ("etc/hosts",), "replace")


def test_a_baseline_is_pinned_and_compared_with(case: Case, tmp_path: Path) -> None:
    drifting = case.backups.drifting
    with pytest.raises(BadInput, match="no baseline is pinned") as told:
        drifting.request(GPU, "etc/hosts", "pin")
    assert told.value.hint == "swarm-tui drift gpu01 --pin"
    with pytest.raises(BadInput, match=r"no configuration archive 'config\.x'"):
        drifting.pin(GPU, "config.x")
    archive = drifting.pin(GPU, "")
    assert archive.name == case.archives(GPU_KEY)[0] == drifting.pin(GPU, archive.name).name
    case.sends(plant(tmp_path, "changed\n"))
    (report,) = drifting.reports([GPU], "pin")
    assert [entry.path for entry in report.entries] == ["etc/hosts"]
    assert drifting.request(GPU, "etc/hosts", "pin").archive == archive.name


def test_one_host_that_cannot_be_compared_spoils_no_other(case: Case, tmp_path: Path) -> None:
    case.sends(plant(tmp_path))
    here, gpu = case.backups.drifting.reports([HERE, GPU], "last")
    assert (here.host, gpu.host) == (HERE, GPU)
    assert "not connected" in here.problem and not gpu.problem


def test_a_host_is_not_compared_with_itself(case: Case) -> None:
    assert case.backups.drifting.reports([GPU], GPU) == ()
    assert case.backups.drifting.reports([], "last") == ()


def test_hosts_and_facts_side_by_side(case: Case, tmp_path: Path) -> None:
    case.sends(plant(tmp_path))
    matrix = case.backups.drifting.matrix([GPU, HERE])
    assert matrix.hosts == (GPU, HERE)


@pytest.mark.parametrize(
    ("path", "against", "message"),
    [
        ("fact:kernel", "last", "is what a command printed, no file"),
        ("etc/hosts", "gpu02", "restored from an archive, not from another host"),
    ],
)
def test_only_a_file_of_an_archive_can_be_restored(case: Case, path: str, against: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        case.backups.drifting.request(GPU, path, against)


def test_a_host_without_a_snapshot_is_told_how_to_make_one(case: Case) -> None:
    for ask in (
        lambda: case.backups.drifting.request(HERE, "etc/hosts", "last"),
        lambda: case.backups.drifting.pin(HERE, ""),
    ):
        with pytest.raises(BadInput, match="no configuration archive yet") as told:
            ask()
        assert told.value.hint == "swarm-tui backup run here --set config"
