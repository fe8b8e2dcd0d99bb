"""Without any configuration: this machine's configuration, into a repository on this machine, seen, compared, put back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.model import JobState, Transport
from backends.backups.views import RestoreRequest
from tests.e2e.backing import Keeper, passphrases
from tests.e2e.enginerun import EngineRun, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CONFIG = """
[hosts.here]
source = "local"

[backups]
config_paths = ["{site}"]

[[backups.sets]]
name = "data"
paths = ["{data}"]
every_hours = 0
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configuration of a site and some data, on this machine."""
    place = tmp_path_factory.mktemp("ground")
    site, data = place / "site", place / "data"
    site.mkdir()
    (site / "app.conf").write_text("workers = 4\npassword = hunter2\n")
    (site / "other.conf").write_text("a = 1\n")
    (data / "sub").mkdir(parents=True)
    (data / "weights.safetensors").write_bytes(bytes(range(256)) * 4096)
    (data / "sub" / "run me").write_text("#!/bin/sh\n")
    (data / "sub" / "run me").chmod(0o750)
    (data / "link").symlink_to("weights.safetensors")
    (data / "new\nline \x1b[31m").write_text("odd")
    return place


@pytest.fixture(scope="module")
def keeper(ground: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    place = tmp_path_factory.mktemp("engine")
    file = place / "config.toml"
    file.write_text(CONFIG.format(site=ground / "site", data=ground / "data"))
    with EngineRun(place, "--config", str(file)).until_ready() as engine:
        keeper = Keeper(file, engine)
        until(lambda: "here" in keeper.does("status", "state:up").out, 90, "this machine")
        keeper.done("backup", "run")
        yield keeper


def test_everything_goes_to_a_repository_on_this_machine(keeper: Keeper) -> None:
    view = keeper.view()
    assert {(each.set, each.transport) for each in view.sets or ()} == {
        ("config", Transport.TAR),
        ("secrets", Transport.TAR),
        ("data", Transport.LOCAL),
    }
    assert all(each.last is not None and not each.overdue for each in view.sets or ())
    assert all(each.made and each.stored_bytes for each in view.repositories)
    assert view.borg


def test_secrets_are_readable_by_nobody_else(keeper: Keeper) -> None:
    assert len(passphrases(keeper.folder)) == 2  # config and data share one, secrets have their own
    for file in (keeper.folder / "passphrases").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    said = keeper.well("backup", "jobs", "--json").out + keeper.well("backup", "list", "--json").out
    for passphrase in passphrases(keeper.folder):
        assert passphrase.decode() not in said


def test_a_second_run_brings_next_to_nothing(keeper: Keeper) -> None:
    (job,) = keeper.done("backup", "run", "--set", "data")
    assert job.outcome is not None and job.outcome.archive is not None
    assert (job.outcome.archive.deduplicated_bytes or 0) < 100_000
    assert job.command.startswith("borg ") or " borg " in job.command


def test_files_are_found_listed_and_have_a_history(keeper: Keeper, ground: Path) -> None:
    archive = keeper.patiently(lambda calls: calls.archives("here", "data"))[0]
    path = str(ground / "data").strip("/")
    listing = keeper.patiently(lambda calls: calls.files(archive.repository, archive.name, path))
    names = {entry.path.rsplit("/", 1)[-1] for entry in listing.entries}
    assert names == {"sub", "weights.safetensors", "link", "new\\x0aline \\x1b[31m"}
    assert "weights.safetensors" in keeper.well("backup", "find", "weights").out
    assert len(keeper.well("backup", "history", "here", f"{path}/link").out.splitlines()) >= 1


def test_drift_is_seen_shown_masked_and_put_back(keeper: Keeper, ground: Path) -> None:
    file = ground / "site" / "app.conf"
    path = str(file).strip("/")
    file.write_text("workers = 8\npassword = hunter3\n")
    file.chmod(0o600)
    said = keeper.does("drift", "here")
    assert said.status == 1 and path in said.out
    shown = keeper.does("drift", "here", "--diff", path).out
    assert "-workers = 4" in shown and "+workers = 8" in shown
    assert "hunter" not in shown
    keeper.patiently(lambda calls: calls.restore_file("here", path))
    (job,) = keeper.done("drift", "here", "--restore", path, "--yes")
    assert file.read_text() == "workers = 4\npassword = hunter2\n"
    assert job.state in (JobState.DONE, JobState.WARNING)
    assert [each.name for each in (ground / "site").iterdir() if ".swarm-" in each.name]  # the old one is kept


def test_a_tree_comes_back_as_it_was(keeper: Keeper, ground: Path, tmp_path: Path) -> None:
    archive = keeper.patiently(lambda calls: calls.archives("here", "data"))[0]
    path = str(ground / "data").strip("/")
    request = RestoreRequest(
        repository=archive.repository, archive=archive.name, paths=(path,), directory=str(tmp_path / "back")
    )
    plan = keeper.patiently(lambda calls: calls.restore_plan(request))
    assert plan.files == 4
    keeper.done("backup", "restore", archive.repository, archive.name, path, "--to", str(tmp_path / "back"), "--yes")
    back = tmp_path / "back" / path
    assert (back / "weights.safetensors").read_bytes() == (ground / "data" / "weights.safetensors").read_bytes()
    assert stat.S_IMODE((back / "sub" / "run me").stat().st_mode) == 0o750
    assert (back / "link").readlink() == Path("weights.safetensors")
    assert (back / "new\nline \x1b[31m").read_text() == "odd"


def test_a_drill_proves_it(keeper: Keeper) -> None:
    keeper.done("backup", "drill", "here")
    for status in keeper.view().sets or ():
        assert status.proof is not None and status.proof.ok, (status.set, status.proof)
        assert status.proof.files > 0 and not status.proof_stale


def test_prune_undo_prune_compact(keeper: Keeper) -> None:
    for _ in range(3):  # midnight may pass
        keeper.done("backup", "run", "--set", "data")
    key = "local/here"
    before = {each.name for each in keeper.patiently(lambda calls: calls.archives("here", "data"))}
    preview = keeper.patiently(lambda calls: calls.prune_preview(key, "data"))
    gone = {fate.archive.name for fate in preview.fates if not fate.keep}
    assert gone and gone < before  # one a day stays, and the oldest
    keeper.done("backup", "prune", key, "data", "--yes")
    assert {each.name for each in keeper.patiently(lambda calls: calls.archives("here", "data"))} == before - gone
    keeper.done("backup", "undo", key, "--yes")
    assert {each.name for each in keeper.patiently(lambda calls: calls.archives("here", "data"))} == before
    keeper.done("backup", "prune", key, "data", "--yes")
    refused = keeper.does("backup", "compact", key, "--yes")
    assert refused.status == 2 and "hold" in refused.out + refused.err  # a day lies between


def test_a_check_says_good(keeper: Keeper) -> None:
    keeper.done("backup", "check", "here", "--level", "data")
    assert all(each.verified is not None and each.verified.ok for each in keeper.view().repositories)


def test_the_key_is_shown_once_and_its_keeping_recorded(keeper: Keeper) -> None:
    sheet = keeper.well("backup", "key", "export", "local/here").out
    assert any(passphrase.decode() in sheet for passphrase in passphrases(keeper.folder))
    keeper.well("backup", "key", "escrow", "local/here", "--note", "safe")
    (status,) = [each for each in keeper.view().repositories if each.key == "local/here"]
    assert status.escrow is not None and status.escrow.note == "safe" and not status.key_changed


def test_every_action_has_its_exact_line(keeper: Keeper) -> None:
    for action in ("backup", "prune", "compact", "check", "list"):
        out = keeper.well("backup", "line", action, "local/here").out
        assert "borg" in out and str(keeper.folder) in out


def test_what_happened_is_in_the_timeline(keeper: Keeper) -> None:
    texts = keeper.engine.events("backup")
    assert any("backup data local/here done" in text or "backup data local/here warning" in text for text in texts)
