"""Backups of real hosts into two repositories on another real host, as an operator does them: without a credential on any
host, over links that are cut, into repositories that are damaged, and robbed.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.model import Job, JobState, Transport
from backends.backups.views import RestoreRequest
from tests.e2e.backing import Keeper, listed, passphrases
from tests.e2e.enginerun import EngineRun, until
from tests.lab import faults
from tests.lab.fleet import Lab
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST, OTHER = "lab1", "lab2"
"""Is backed up; is restored onto."""
VAULT = "lab5"
BACKUPS = """
[backups]
config_hosts = "lab1"
hold_hours = 0

[[backups.repositories]]
name = "first"
location = "ssh://root@lab5/srv/first/{host}"
reserve_bytes = 0
upload_kib_per_second = 8192

[[backups.repositories]]
name = "second"
location = "ssh://root@lab5/srv/second/{host}"
reserve_bytes = 0
upload_kib_per_second = 8192

[[backups.sets]]
name = "data"
paths = ["/srv/data"]
hosts = "lab1"
every_hours = 0
compression = "lz4"
checkpoint_seconds = 30
"""
DATA_BYTES = 8 << 20
"""Through a limit of 8 MiB/s: what is to be cut or cancelled on its way takes seconds on any machine."""


def fill(root: Path, seed: int) -> None:
    """Data of one host: tensors that cannot be compressed, and a tree with everything that a file can be."""
    data = root / "srv/data"
    (data / "deep/er").mkdir(parents=True)
    (data / "model.safetensors").write_bytes(random.Random(seed).randbytes(DATA_BYTES))
    (data / "deep/er/notes.txt").write_text("notes\n" * 500)
    (data / "deep/run.sh").write_text("#!/bin/sh\nexit 0\n")
    (data / "deep/run.sh").chmod(0o4750)
    os.chown(data / "deep/er/notes.txt", 1234, 5678)
    (data / "deep/link").symlink_to("er/notes.txt")
    os.link(data / "deep/er/notes.txt", data / "deep/hard")
    (data / b"odd \xff\nname".decode("utf-8", "surrogateescape")).write_text("odd")


@pytest.fixture(scope="module")
def keeper(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    place = tmp_path_factory.mktemp("engine")
    file = place / "config.toml"
    file.write_text(lab.ground.config.read_text() + BACKUPS)
    fill(lab.host(HOST).root, 1)
    with EngineRun(place, "--config", str(file)).until_ready() as engine:
        keeper = Keeper(file, engine)
        until(
            lambda: all(f"{name} " in keeper.does("status", "state:up").out for name in (HOST, OTHER, VAULT)),
            120,
            "hosts",
        )
        yield keeper
    for name in (HOST, OTHER, VAULT):
        lab.host(name).does("sh", "-c", "rm -rf /srv/* /var/cache/swarm-tui /var/lib/swarm-tui /tmp/thief")


@pytest.fixture(scope="module")
def made(keeper: Keeper, lab: Lab) -> tuple[Job, ...]:
    """One run of everything: every set of the host into both repositories."""
    lab.host(HOST).does("touch", "/run/before")
    return keeper.done("backup", "run", HOST)


def archive(keeper: Keeper, repository: str = "first") -> str:
    """Name of the newest data archive."""
    found = keeper.patiently(lambda calls: calls.archives(HOST, "data", f"{repository}/{HOST}"))
    return str(found[0].name)


def test_everything_is_in_both_places(made: tuple[Job, ...]) -> None:
    assert len(made) == 2 * 3
    ways = {job.set: job.transport for job in made}
    assert ways == {"config": Transport.TAR, "secrets": Transport.TAR, "data": Transport.RELAY}
    for job in made:
        assert job.outcome is not None and job.outcome.archive is not None, job
        assert job.trust
    assert {job.repository for job in made if job.set == "data"} == {f"first/{HOST}", f"second/{HOST}"}


def test_no_host_keeps_a_key_or_a_passphrase(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    script = (
        "find / -xdev -newer /run/before -type f -not -path '/proc/*' -print0 | xargs -0 grep -lE -e \"$0\" || true"
    )
    secrets, host = "|".join([*(each.decode() for each in passphrases(keeper.folder)), "BORG_KEY"]), lab.host(HOST)
    until(lambda: idle(host), 60, "Borg and its place on the host to be gone")
    found = host.does("sh", "-c", script, secrets)
    assert found.strip() == "", found


def idle(host: LabHost) -> bool:
    """Whether no Borg runs there, and nothing of one that did is left but its caches."""
    return host.inside(["pgrep", "-x", "borg"]).returncode == 1 and "swarm" not in host.does("ls", "/tmp", "/run")


def test_a_tree_of_one_host_comes_back_on_another(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    keeper.done("backup", "run", HOST, "--set", "data", "--to", "first")  # other tests change the data
    request = RestoreRequest(
        repository="first/lab1", archive=archive(keeper), paths=("srv/data",), host=OTHER, directory="/srv/back"
    )
    plan = keeper.patiently(lambda calls: calls.restore_plan(request))
    assert plan.host == OTHER and plan.files >= 6
    keeper.done(
        *("backup", "restore", "first/lab1", archive(keeper), "srv/data"),
        *("--host", OTHER, "--to", "/srv/back", "--yes"),
    )
    one, two = lab.host(HOST).root, lab.host(OTHER).root
    assert listed([one / "srv/data"], one) == listed([two / "srv/back/srv/data"], two / "srv/back")
    hard = two / "srv/back/srv/data/deep"
    assert (hard / "hard").stat().st_ino == (hard / "er/notes.txt").stat().st_ino


def test_a_drill_leaves_its_proof(made: tuple[Job, ...], keeper: Keeper) -> None:
    keeper.done("backup", "drill", HOST)
    for status in keeper.view().sets or ():
        assert status.proof is not None and status.proof.ok, (status.set, status.repository, status.proof)


def test_drift_between_hosts_and_over_time(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    motd = lab.host("lab1").root / "etc/motd"
    before = motd.read_text()
    motd.write_text("changed by hand\n")
    try:
        said = keeper.does("drift", "lab1")
        assert said.status == 1 and "etc/motd" in said.out
        assert "etc/motd" in keeper.does("drift", "lab1", "--against", "lab2").out
    finally:
        motd.write_text(before)


def test_a_cut_link_is_told_and_the_next_run_goes_on(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    host = lab.host("lab1")
    (host.root / "srv/data/more.bin").write_bytes(random.Random(9).randbytes(4 * DATA_BYTES))
    with keeper.client() as client:
        (job,) = client.backups.start("backup", "lab1", ["data"], ["first"])
        until(lambda: (client.backups.job(job.id).progress.original_bytes or 0) > 0, 120, "data to flow")
        faults.cut(host)
        try:
            until(lambda: client.backups.job(job.id).ended is not None, 180, "the cut to be noticed")
        finally:
            faults.join(host)
        cut = client.backups.job(job.id)
    assert cut.state is JobState.FAILED and cut.outcome is not None and cut.outcome.cause is not None
    assert cut.outcome.cause.next_step
    until(lambda: "lab1" in keeper.does("status", "lab1&state:up").out, 120, "lab1 to be back")
    until(lambda: host.inside(["pgrep", "-x", "borg"]).returncode == 1, 180, "borg on the host to end")
    keeper.done("backup", "run", "lab1", "--set", "data", "--to", "first")


def test_a_cancel_keeps_the_checkpoint(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    (lab.host(HOST).root / "srv/data/again.bin").write_bytes(random.Random(5).randbytes(6 * DATA_BYTES))
    with keeper.client() as client:
        (job,) = client.backups.start("backup", HOST, ["data"], ["second"])
        until(lambda: (client.backups.job(job.id).progress.original_bytes or 0) > 2 * DATA_BYTES, 120, "data to flow")
        client.backups.cancel(job.id)
        until(lambda: client.backups.job(job.id).ended is not None, 120, "the cancel to end it")
        assert client.backups.job(job.id).state is JobState.CANCELLED
    before = keeper.patiently(lambda calls: calls.archives(HOST, "data", f"second/{HOST}"))[0].original_bytes
    (again,) = keeper.done("backup", "run", HOST, "--set", "data", "--to", "second")
    assert again.outcome is not None and again.outcome.archive is not None
    new = (again.outcome.archive.original_bytes or 0) - before
    assert (again.outcome.archive.deduplicated_bytes or 0) < new  # what was sent is not sent twice


def test_damage_is_found_and_healed_from_the_other_place(made: tuple[Job, ...], keeper: Keeper, lab: Lab) -> None:
    keeper.done("backup", "run", HOST, "--set", "data")
    segments = sorted(
        (lab.host(VAULT).root / "srv/first/lab1/data").rglob("[0-9]*"), key=lambda path: path.stat().st_size
    )
    largest = [path for path in segments if path.is_file()][-1]
    content = bytearray(largest.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    largest.write_bytes(content)
    (found,) = [
        job
        for job in keeper.jobs("backup", "check", HOST, "--to", "first", "--level", "data")
        if "+" not in job.repository
    ]
    assert found.state is JobState.FAILED
    plan = keeper.well("backup", "heal", "first/lab1", "--plan").out
    assert "second/lab1" in plan
    healed = keeper.done("backup", "heal", "first/lab1", "--yes")
    assert healed[0].outcome is not None and healed[0].outcome.notes
    keeper.done("backup", "check", HOST, "--to", "first", "--level", "data")


def test_a_robbed_repository_is_noticed_before_anything_is_final(
    made: tuple[Job, ...], keeper: Keeper, lab: Lab
) -> None:
    """What a hostile host can do through its append-only channel: delete archives, with return code 0."""
    vault, key = lab.host(VAULT), "second/lab1"
    names = [each.name for each in keeper.patiently(lambda calls: calls.archives("lab1", "data", key))]
    secret = (keeper.folder / "passphrases" / "second" / "lab1.pass").read_text().strip()
    robbed = vault.inside(
        [
            *("env", f"BORG_PASSPHRASE={secret}", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes", "BORG_BASE_DIR=/tmp/thief"),
            *("borg", "delete", f"/srv/second/lab1::{names[0]}"),
        ],
        timeout_seconds=180,
    )
    assert robbed.returncode == 0, robbed.stderr
    keeper.does("backup", "list", "--refresh")
    assert any(each.code == "vanished" for each in keeper.view().concerns)
    refused = keeper.does("backup", "compact", key, "--yes")
    assert refused.status == 2
    keeper.done("backup", "undo", key, "--yes")
    assert names == [each.name for each in keeper.patiently(lambda calls: calls.archives("lab1", "data", key))]


def test_prune_undo_prune_compact_on_another_machine(made: tuple[Job, ...], keeper: Keeper) -> None:
    key = "second/lab1"
    for _ in range(3):  # the newest of each day stays (midnight may pass), and Borg keeps the oldest of a young series
        keeper.done("backup", "run", HOST, "--set", "config", "--to", "second")
    before = {each.name for each in keeper.patiently(lambda calls: calls.archives(HOST, "config", key))}
    keeper.done("backup", "prune", key, "config", "--yes")
    assert {each.name for each in keeper.patiently(lambda calls: calls.archives(HOST, "config", key))} < before
    keeper.done("backup", "undo", key, "--yes")
    assert {each.name for each in keeper.patiently(lambda calls: calls.archives(HOST, "config", key))} == before
    keeper.done("backup", "prune", key, "config", "--yes")
    time.sleep(1.1)  # the hold of no hours is over with the next second
    keeper.done("backup", "compact", key, "--yes")
    assert keeper.does("backup", "undo", key, "--yes").status == 2
