"""Backups over real SSH: what goes through, what is left on a host, and what becomes of a link that is cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from backends.backups.borg.events import ArchiveProgress, Event
from backends.backups.model import Repository
from backends.backups.process import LocalRunner
from backends.backups.push import Keys, PushRunner, key_pair
from backends.backups.relay import RelayRunner
from backends.backups.runner import Cancel
from backends.backups.tarstream import TarSource, tar_launch
from backends.clock import SystemClock
from backends.errors import AskOperator, RetryLater
from backends.states import HostState
from tests.e2e.backupsite import MIB, Site, standing
from tests.lab.pace import slowness
from tests.lab.userlab import Fleet
from tests.unit.backups.borgfield import BORG, command, create, dialect, needs_borg, processes, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), needs_borg]
SLOW = ("--compression", "zlib,9")


@pytest.fixture
def site(fleet: Fleet, tmp_path: Path) -> Iterator[Site]:
    with standing(fleet, tmp_path) as found:
        yield found


def at(mib: int, deed: Callable[[], None]) -> Callable[[Event], None]:
    """Do something once, when so much has been read."""
    done = threading.Event()

    def hear(event: Event) -> None:
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) >= mib * MIB and not done.is_set():
            done.set()
            deed()

    return hear


def test_a_zero_credential_backup_leaves_nothing_on_the_host(site: Site) -> None:
    site.fill(16)
    result = site.relay().run(site.field.repository, create("one", site.data))
    assert (result.exit_status, result.lost) == (0, "")
    assert site.field.archives() == ["one"]
    site.clean()
    target = site.field.folder / "target"
    target.mkdir()
    assert site.relay().run(site.field.repository, command("extract", archive="one"), directory=str(target)).lost == ""
    assert (target / str(site.data).lstrip("/") / "big").read_bytes() == (site.data / "big").read_bytes()
    site.clean()


def test_the_same_through_a_second_connection_to_the_vault(site: Site) -> None:
    site.fill(4)
    result = site.relay().run(site.remote, create("one", site.data))
    assert (result.exit_status, result.lost) == (0, "")
    assert json.loads(result.stdout)["archive"]["stats"]["nfiles"] == 1
    assert site.field.archives() == ["one"]
    site.clean()


def test_a_cut_link_leaves_no_process_no_lock_no_directory_and_the_next_run_goes_on(site: Site) -> None:
    site.field.by_hand("create", f"{site.field.place}::before", str(Path(__file__)))
    path = site.fill(96)
    result = site.relay().run(site.field.repository, create("one", path, options=SLOW), on_event=at(4, site.cut))
    assert result.exit_status is None and result.lost == "the link to the host was lost"
    site.clean()
    assert site.field.archives() == ["before"]
    site.field.by_hand("check", str(site.field.place))
    site.watcher.until_state("h1", HostState.UP)
    until(lambda: site.way.run(["true"]).exit_status == 0)
    again = site.relay().run(site.field.repository, create("one", path))
    assert again.exit_status == 0 and site.field.archives() == ["before", "one"]


def test_a_host_that_vanishes_leaves_the_repository_free(site: Site) -> None:
    path = site.fill(64)
    result = site.relay().run(site.field.repository, create("one", path, options=SLOW), on_event=at(1, site.host.crash))
    assert result.exit_status is None and "lost" in result.lost
    until(lambda: not list(site.field.place.glob("lock.exclusive")))
    assert site.field.archives() == []


def test_a_host_that_hangs_is_given_up_by_the_watchdog(site: Site) -> None:
    path = site.fill(64)
    began = time.monotonic()
    result = site.relay().run(site.field.repository, create("one", path, options=SLOW), on_event=at(1, site.host.hang))
    assert result.exit_status is None and result.lost == "the link to the host was lost"
    assert time.monotonic() - began < 90
    site.host.wake()
    site.clean()


def test_cancel_keeps_the_checkpoint_over_ssh(site: Site) -> None:
    path = site.fill(64)
    cancel = Cancel()
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        cancel.ask("root")

    result = site.relay().run(
        site.field.repository, create("one", path, options=SLOW), on_event=at(2, ask), cancel=cancel
    )
    assert result.cancelled and result.lost == ""
    assert time.monotonic() - asked[0] < 45
    assert site.field.archives("--consider-checkpoints") == ["one.checkpoint"]
    site.clean()


def test_samples_go_on_while_bulk_data_go_through(site: Site) -> None:
    path = site.fill(96)
    began = time.monotonic()
    result = site.relay().run(site.field.repository, create("one", path, options=("--compression", "none")))
    assert result.exit_status == 0
    site.watcher.until_samples("h1", 2)
    assert site.watcher.longest_gap("h1", began) < 3.0 * slowness()
    site.watcher.until_state("h1", HostState.UP)


def test_commands_still_run_beside_it(site: Site) -> None:
    path = site.fill(48)
    outputs: list[bytes] = []

    def look() -> None:
        threading.Thread(target=lambda: outputs.append(site.way.run(["echo", "here"]).stdout), daemon=True).start()

    assert site.relay().run(site.field.repository, create("one", path, options=SLOW), on_event=at(1, look)).lost == ""
    until(lambda: outputs == [b"here\n"])


def test_a_vault_that_stops_reading_stops_the_host_and_not_the_engine(site: Site) -> None:
    path = site.fill(96)
    cancel = Cancel()
    serving = f"BORG_BASE_DIR={site.field.folder / 'serve'}"
    told: list[int | None] = []

    def stop() -> None:
        for pid in processes(serving):
            os.kill(pid, signal.SIGSTOP)
        threading.Timer(4.0, lambda: cancel.ask("root", force=True)).start()

    def hear(event: Event) -> None:
        then(event)
        if isinstance(event, ArchiveProgress):
            told.append(event.original_bytes)

    then = at(4, stop)
    before = memory()
    result = site.relay().run(
        site.field.repository, create("one", path, options=("--compression", "none")), on_event=hear, cancel=cancel
    )
    assert result.cancelled
    site.watcher.until_state("h1", HostState.UP)
    assert max(each or 0 for each in told) < 90 * MIB, "Borg waited on the host"
    assert memory() - before < 48 * MIB
    until(lambda: not processes(serving))
    site.clean()


def memory() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_host_that_becomes_root_by_sudo(site: Site) -> None:
    path = site.fill(40)
    site.host.shim("id", "echo 1000")
    site.host.shim("sudo", f'echo "$@" >>{site.host.home}/sudo.log; shift 2; exec "$@"')
    place = msgspec.structs.replace(site.place, become="sudo")
    runner = RelayRunner(
        place, site.vaults.serve, site.field.passphrases, dialect, site.field.folder / "serve", SystemClock()
    )
    cancel = Cancel()
    result = runner.run(
        site.field.repository,
        create("one", path, options=SLOW),
        on_event=at(1, lambda: cancel.ask("root")),
        cancel=cancel,
    )
    assert result.cancelled and site.field.archives("--consider-checkpoints") == ["one.checkpoint"]
    assert (site.host.home / "sudo.log").read_text().count(" -I -S -c ") >= 2, "Borg itself, and the signal to it"
    site.clean()


# the vault


def test_borg_beside_the_engine_reaches_the_vault_by_itself(site: Site) -> None:
    site.field.by_hand("create", f"{site.field.place}::one", str(Path(__file__)))
    runner = LocalRunner(
        site.field.passphrases, site.field.folder / "b", site.vaults.rsh, dialect, SystemClock(), program=BORG
    )
    result = runner.run(site.remote, command("list", "--short"))
    assert (result.exit_status, result.stdout, result.lost) == (0, b"one\n", "")


def test_commands_on_the_vault(site: Site) -> None:
    way = site.vaults.way(site.remote)
    assert way.run(["ls", site.vaults.path(site.remote)]).stdout.split()[:1] == [b"README"]
    assert way.run(["printf", "%s", "it's $HOME; `id`"]).stdout == b"it's $HOME; `id`"
    assert way.run(["cat"], stdin=b"given").stdout == b"given"
    assert way.run(["sh", "-c", "exit 7"]).exit_status == 7


def test_a_vault_whose_host_key_changed_is_refused_on_every_way(site: Site) -> None:
    site.vault.restart(new_key=True)
    with pytest.raises(AskOperator, match="ssh was refused"):
        site.vaults.way(site.remote).run(["true"])
    result = site.relay().run(site.remote, command("list"))
    assert "Host key verification failed" in result.lost
    with pytest.raises(AskOperator):
        site.push().run(site.remote, command("list"))


# push


def test_a_pushed_backup_leaves_neither_a_key_nor_a_line(site: Site) -> None:
    site.fill(8)
    before = site.fleet.authorized.read_text()
    during: list[str] = []
    result = site.push().run(
        site.remote, create("one", site.data), on_event=lambda _: during.append(site.fleet.authorized.read_text())
    )
    assert (result.exit_status, result.lost, result.text) == (0, "", "")
    assert site.field.archives() == ["one"]
    assert site.fleet.authorized.read_text() == before
    line = during[0].removeprefix(before)
    assert line.startswith('restrict,expiry-time="2') and "serve --append-only --restrict-to-repository=" in line
    site.clean()


def test_the_lent_key_opens_nothing_else(site: Site) -> None:
    private, public = key_pair()
    key = site.fleet.root / "lent"
    key.write_bytes(private)
    key.chmod(0o600)
    ssh = ["ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    ssh += ["-o", f"UserKnownHostsFile={site.fleet.known_hosts}", "-p", str(site.vault.port), site.vault.address]
    with site.keys.lent(site.vaults.way(site.remote), "vault", public, "echo bound"):
        done = subprocess.run([*ssh, "id"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.stdout == b"bound\n"
    done = subprocess.run([*ssh, "id"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 255 and b"Permission denied" in done.stderr


def test_a_line_that_was_left_behind_goes_with_the_next_run(site: Site) -> None:
    before = site.fleet.authorized.read_text()
    own = f'restrict,command="x" ssh-ed25519 AAAA swarm-tui/{site.keys._engine}/dead/9999999999\n'
    expired = 'restrict,command="x" ssh-ed25519 AAAA swarm-tui/other/dead/1000000000\n'
    alive = 'restrict,command="x" ssh-ed25519 AAAA swarm-tui/other/alive/9999999999\n'
    site.fleet.authorized.write_text(before + own + expired + alive)
    site.push().run(site.remote, command("list"))
    assert site.fleet.authorized.read_text() == before + alive


def test_two_pushes_at_once_do_not_take_each_others_line(site: Site) -> None:
    way = site.vaults.way(site.remote)
    before = site.fleet.authorized.read_text()
    with site.keys.lent(way, "vault", "ssh-ed25519 AAAA1", "one"):
        with site.keys.lent(way, "vault", "ssh-ed25519 AAAA2", "two"):
            assert {"AAAA1", "AAAA2"} <= set(site.fleet.authorized.read_text().split())
        assert "AAAA1" in site.fleet.authorized.read_text().split()
    assert site.fleet.authorized.read_text() == before


def test_a_cut_link_leaves_no_key_behind_either(site: Site) -> None:
    path = site.fill(64)
    before = site.fleet.authorized.read_text()
    result = site.push().run(site.remote, create("one", path, options=SLOW), on_event=at(2, site.cut))
    assert result.exit_status is None and result.lost == "the link to the host was lost"
    assert site.fleet.authorized.read_text() == before
    site.clean()


def test_an_account_that_takes_no_key_says_so(site: Site) -> None:
    keys = Keys(SystemClock(), file="/proc/nowhere/authorized_keys")
    runner = PushRunner(site.place, site.vaults, keys, site.field.passphrases, dialect, SystemClock())
    with pytest.raises(AskOperator, match="cannot be given a key") as refused:
        runner.run(site.remote, command("list"))
    assert "relay" in (refused.value.hint or "")


# tar


def imported(site: Site, source: TarSource, repository: Repository) -> tuple[list[str], str]:
    source.open()
    result = site.field.local().run(
        repository, command("import-tar", "--json", archive="one", after=["-"]), stdin=source
    )
    source.close()
    return site.field.archives("--consider-checkpoints"), result.lost


def test_a_host_without_borg_sends_a_tar_stream(site: Site) -> None:
    site.fill(8)
    (site.data / "skip.tmp").touch()
    archives, lost = imported(
        site, TarSource(site.channels, tar_launch((str(site.data),), exclude=("*.tmp",))), site.field.repository
    )
    assert (archives, lost) == (["one"], "")
    listed = site.field.by_hand("list", "--short", f"{site.field.place}::one").split()
    assert [os.path.basename(name) for name in listed] == ["data", "big"]


def test_a_cut_tar_stream_never_becomes_an_archive(site: Site) -> None:
    site.fill(64)
    pieces = 0

    class Cutting(TarSource):
        def __call__(self) -> bytes:
            nonlocal pieces
            pieces += 1
            if pieces == 40:
                site.cut()
            return super().__call__()

    archives, lost = imported(site, Cutting(site.channels, tar_launch((str(site.data),))), site.field.repository)
    assert archives == []
    assert lost == "what was to be archived broke off: the link was lost before the stream was whole"


def test_a_host_that_is_not_connected(site: Site) -> None:
    site.host.crash()
    site.watcher.until_state("h1", HostState.UNREACHABLE)
    with pytest.raises(RetryLater, match="not connected"):
        TarSource(site.channels, tar_launch(("/etc",))).open()
    with pytest.raises(RetryLater, match="not connected"):
        site.relay().run(site.field.repository, command("list"))
