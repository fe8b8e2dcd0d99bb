"""Snapshots around a backup: never a reason for it to fail, always gone afterwards; and the real thing on btrfs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from backends.backups.borg.events import Event
from backends.backups.fs_snapshot import ATTEMPTS, KEPT_SECONDS, FsSnapshots, Held
from backends.backups.fs_snapshot_facts import Ident
from backends.backups.fs_snapshot_plan import MARK, STAGE, TOOL, Row, Spot, prefix
from backends.backups.hosted import Place
from backends.backups.relay import RelayRunner
from backends.backups.vault import Vaults, plain_ssh
from backends.clock import ManualClock, SystemClock
from backends.errors import RetryLater, SwarmError
from backends.execution import ExecResult, OnOutput
from backends.sources.local_channels import LocalChannels
from backends.sources.local_exec import LocalExec
from tests.borgs import borg_12
from tests.unit.backups import borgfield
from tests.unit.backups.borgfield import Field, needs_borg, processes, until
from tests.unit.backups.service_case import copied
from tests.unit.backups.test_fs_snapshot_plan import OUTPUTS

Argv = tuple[str, ...]
OK = ExecResult(exit_status=0)
MISSING = ExecResult(exit_status=127, stderr=b"env: 'x': No such file or directory")


class Host:
    """A host with filesystems, by what it prints. Implements `Exec`."""

    def __init__(self, case: str, path: str):
        self.host = "gpu01"
        self.ran: list[Argv] = []
        self.rights: set[bool] = set()
        self.answers: dict[str, ExecResult | SwarmError] = {
            "id": ExecResult(exit_status=0, stdout=b"0\n"),
            "readlink": ExecResult(exit_status=0, stdout=path.encode() + b"\0"),
            "findmnt": ExecResult(exit_status=0, stdout=(OUTPUTS / f"findmnt-{case}.json").read_bytes()),
            "stat": ExecResult(exit_status=0, stdout=b"257\n256\n256\n"),
            "lvs": ExecResult(exit_status=0, stdout=(OUTPUTS / "lvs.json").read_bytes()),
        }

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        words = tuple(argv)
        bare = words[len(TOOL) :] if words[: len(TOOL)] == TOOL else words
        self.ran.append(bare)
        self.rights.add(become)
        for key in (" ".join(bare[:3]), bare[0]):
            if key in self.answers:
                answer = self.answers[key]
                if isinstance(answer, SwarmError):
                    raise answer
                return answer
        return OK

    def commands(self, *words: str) -> list[Argv]:
        """Those that begin with these words."""
        return [each for each in self.ran if each[: len(words)] == words]


SNAPSHOT, DELETE = "btrfs subvolume snapshot", "btrfs subvolume delete"


def btrfs() -> Host:
    return Host("btrfs", "/srv/data/models")


def held(
    host: Host,
    snapshots: FsSnapshots | None = None,
    *,
    live: Sequence[str] = (),
    meanwhile: Callable[[Held], object] = lambda _: None,
) -> Held:
    """Snapshots, held and let go of."""
    with (snapshots or FsSnapshots("engine", ManualClock())).held(
        host, ["/srv/data/models"], become=True, live=live
    ) as one:
        meanwhile(one)
    return one


# Before and after ----------------------------------------------------------------------------------------------------


def test_it_is_made_tried_told_and_removed() -> None:
    host = btrfs()
    one = held(host, meanwhile=lambda _: host.ran.append(("BORG",)))
    assert one.notes == ["read from a btrfs snapshot of /srv/data"] and one.warnings == []
    (made,), (removed,) = host.commands(*SNAPSHOT.split()), host.commands(*DELETE.split())
    assert made[-1] == removed[-1]
    assert host.ran[-3][-1] == "true" and host.ran[-3][0] == "unshare"
    assert host.ran[-2:] == [("BORG",), removed]
    assert one.prefix[-1] == "--" and host.rights == {True}


def test_it_is_removed_whatever_becomes_of_the_backup() -> None:
    host = btrfs()
    with (
        pytest.raises(ZeroDivisionError),
        FsSnapshots("engine", ManualClock()).held(host, ["/srv/data/models"], become=True),
    ):
        raise ZeroDivisionError
    assert host.commands(*DELETE.split())


def test_where_borg_writes_is_made_before_and_stays_as_it_is() -> None:
    host = btrfs()
    one = held(host, live=["/srv/data/models/cache", "/var/cache"])
    (made,) = host.commands("mkdir")
    assert made[-2:] == ("--", "/srv/data/models/cache")
    assert host.ran.index(made) < host.ran.index(host.commands(*SNAPSHOT.split())[0])
    assert one.warnings == []


def test_without_root_nothing_is_tried() -> None:
    host = btrfs()
    host.answers["id"] = ExecResult(exit_status=0, stdout=b"1000\n")
    one = held(host)
    assert (one.prefix, one.warnings) == ((), []) and "for root" in one.notes[0]
    assert host.ran == [("id", "-u")]


@pytest.mark.parametrize(
    ("program", "answer", "said"),
    [
        ("findmnt", MISSING, "there is no findmnt"),
        ("findmnt", ExecResult(exit_status=0, stdout=b"\x1b[31m"), "not understood"),
        ("readlink", ExecResult(exit_status=1), "there is no such path"),
        ("stat", ExecResult(exit_status=0, stdout=b"1\n2\n3\n"), "a part of a btrfs subvolume"),
    ],
)
def test_where_nothing_can_be_snapshotted_it_is_a_note(program: str, answer: ExecResult, said: str) -> None:
    host = btrfs()
    host.answers[program] = answer
    one = held(host)
    assert (one.prefix, one.warnings) == ((), [])
    assert said in one.notes[0] and "\x1b" not in one.notes[0]
    assert not host.commands(*SNAPSHOT.split())


def test_without_tools_for_volumes_it_is_a_note() -> None:
    host = Host("lvm", "/srv")
    host.answers["lvs"] = MISSING
    one = held(host)
    assert "there is no lvs" in one.notes[0] and "has no snapshots" in one.notes[1]
    assert one.warnings == []


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_a_snapshot_that_fails_is_a_warning_and_everything_is_read_as_it_is() -> None:
    host = btrfs()
    host.answers[SNAPSHOT] = ExecResult(exit_status=1, stderr=b"ERROR: no space\x1b[2J left")
    one = held(host)
    assert one.prefix == ()
    assert one.warnings == ["no btrfs snapshot of /srv/data: btrfs: ERROR: no space left"]
    assert not host.commands(*DELETE.split())


@pytest.mark.parametrize(
    "answer",
    [
        ExecResult(exit_status=1, stderr=b"unshare: unshare failed: Operation not permitted"),
        ExecResult(exit_status=0, stderr=f"mount: no\n{MARK} 0\n".encode()),
    ],
)
def test_a_snapshot_that_cannot_be_shown_is_a_warning(answer: ExecResult) -> None:
    host = btrfs()
    host.answers["unshare"] = answer
    one = held(host)
    assert one.prefix == () and "cannot be shown" in one.warnings[0]
    assert host.commands(*DELETE.split())


def test_a_link_that_is_lost_meanwhile_leaves_nothing_that_may_be_there_untried() -> None:
    host = btrfs()
    host.answers[SNAPSHOT] = RetryLater("the link is down", host="gpu01")
    one = held(host)
    assert one.prefix == () and one.warnings == ["read without a snapshot: the link is down"]
    assert host.commands(*DELETE.split())


def test_what_cannot_be_removed_is_tried_again_and_then_told() -> None:
    host = btrfs()
    host.answers[DELETE] = ExecResult(exit_status=1, stderr=b"busy")
    one = held(host)
    assert len(host.commands(*DELETE.split())) == ATTEMPTS
    assert "could not be removed, the next backup removes it: btrfs: busy" in one.warnings[0]


def test_what_borg_did_not_see_is_told() -> None:
    one = held(btrfs(), meanwhile=lambda each: each.heard(f"mount: special device\n{MARK} 0"))
    assert one.warnings == ["not every snapshot was to be seen: a part was read as it is"]
    assert held(btrfs(), meanwhile=lambda each: each.heard("a plain line")).warnings == []


def test_a_snapshot_that_ran_out_of_room_makes_the_archive_suspect() -> None:
    host = Host("lvm", "/srv")
    host.answers["lvs --noheadings -o"] = ExecResult(exit_status=0, stdout=b"  swi-I-s---\n")
    one = held(host)
    assert "had no room for what changed meanwhile" in one.warnings[0]
    assert host.commands("lvremove")


# What others left ----------------------------------------------------------------------------------------------------


def left(kind: str, names: Sequence[str]) -> Host:
    """A host on which snapshots were left."""
    if kind == "btrfs":
        host = btrfs()
        listing = b"".join(f".{name.replace('swarm-', 'swarm-snapshot-')}".encode() + b"\0" for name in names)
        host.answers["find"] = ExecResult(exit_status=0, stdout=listing)
    elif kind == "zfs":
        host = Host("zfs", "/tank/data")
        listing = "".join(f"tank/data@{name}\n" for name in names).encode()
        host.answers["zfs list -H"] = ExecResult(exit_status=0, stdout=listing)
    else:
        host = Host("lvm", "/srv")
        listing = "".join(f"  {name}\n" for name in names).encode()
        host.answers["lvs --noheadings -o"] = ExecResult(exit_status=0, stdout=listing)
    return host


@pytest.mark.parametrize("kind", ["btrfs", "zfs", "lvm"])
def test_what_a_killed_engine_left_is_removed_and_nothing_else(kind: str) -> None:
    clock = ManualClock()
    snapshots = FsSnapshots("engine", clock)
    later = int(clock.now()) + 1000
    ours = Ident(engine=snapshots._engine, run="dead00000000", ends=later)
    other = Ident(engine="0" * 12, run="1" * 12, ends=later)
    gone = Ident(engine="0" * 12, run="2" * 12, ends=int(clock.now()) - 1)
    host = left(kind, [ours.name(0), other.name(0), gone.name(0), "swarm-mine", "root", "auto-2026-11-01"])
    one = held(host, snapshots)
    verbs = {"btrfs": DELETE.split(), "zfs": ["zfs", "destroy"], "lvm": ["lvremove"]}
    removed = [each[-1] for each in host.commands(*verbs[kind])]
    assert len(removed) == 3, "two that were left, and its own"
    assert [mark in path for mark, path in zip(("dead00000000", "2" * 12), removed, strict=False)] == [True, True]
    assert len([note for note in one.notes if "an earlier backup had left" in note]) == 2


def test_a_run_beside_it_keeps_its_snapshot_until_it_ends() -> None:
    snapshots = FsSnapshots("engine", ManualClock())
    first, second = btrfs(), btrfs()

    def beside(_: Held) -> None:
        place = first.commands(*SNAPSHOT.split())[0][-1]
        second.answers["find"] = ExecResult(exit_status=0, stdout=os.path.basename(place).encode() + b"\0")
        held(second, snapshots)

    held(first, snapshots, meanwhile=beside)
    assert len(second.commands(*DELETE.split())) == 1, "only its own"
    assert KEPT_SECONDS > 86400.0


def test_a_listing_that_fails_costs_nothing_but_a_warning() -> None:
    host = btrfs()
    host.answers["find"] = ExecResult(exit_status=1, stderr=b"I/O error")
    one = held(host)
    assert one.prefix and "could not be removed" in one.warnings[0]


# The real thing ------------------------------------------------------------------------------------------------------


def _sbin(program: str) -> str:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _mounted(image: Path, place: Path, *, maker: Sequence[str]) -> None:
    """A filesystem in a file. Skips with the reason where that is not to be had."""
    program = _sbin(maker[0])
    if os.geteuid() != 0 or not program:
        pytest.skip(f"mounting needs root, and {maker[0]} (scripts/setup tests)")
    with image.open("wb") as file:
        file.truncate(160 << 20)
    place.mkdir()
    subprocess.run([program, *maker[1:], str(image)], check=True, capture_output=True)
    done = subprocess.run(["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode(errors='replace').strip()}")


def _unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=False, capture_output=True)
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def srv(tmp_path: Path) -> Iterator[Path]:
    """A mounted btrfs with a subvolume "data"."""
    place = tmp_path / "srv"
    _mounted(tmp_path / "image", place, maker=("mkfs.btrfs", "-q"))
    try:
        subprocess.run([_sbin("btrfs"), "subvolume", "create", str(place / "data")], check=True, capture_output=True)
        yield place
        assert leftovers(place) == []
    finally:
        _unmount(place)


def leftovers(place: Path) -> list[Path]:
    return [path for folder in (place, place / "data") for path in folder.glob(".swarm-snapshot-*")]


def content(field: Field, *paths: Path) -> str:
    """Of files in the archive "one"."""
    return field.by_hand("extract", "--stdout", f"{field.place}::one", *(str(path).lstrip("/") for path in paths))


@needs_borg
@pytest.mark.parametrize("transport", ["local", "relay"])
def test_a_file_that_is_rewritten_meanwhile_is_archived_as_it_was(
    srv: Path, tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cache lies in what is backed up, and stays writable."""
    field = Field(tmp_path)
    first, last, alone = srv / "data" / "a", srv / "data" / "z", srv / "state"
    first.write_bytes(os.urandom(2 << 20))
    last.write_text("as it was")
    alone.write_text("as it was")
    cache = srv / "data" / "cache"
    monkeypatch.setenv("BORGROOT", str(cache))

    def rewrite(event: Event) -> None:
        for path in (last, alone):
            path.with_suffix(".new").write_text("rewritten")
            path.with_suffix(".new").rename(path)

    way = LocalExec("gpu01")
    with FsSnapshots("test", SystemClock()).held(
        way, [str(srv / "data"), str(alone)], become=True, live=[str(cache)]
    ) as one:
        assert len(leftovers(srv)) == 2 and one.warnings == []
        last.write_text("changed already")
        if transport == "local":
            runner = field.local().behind(one.prefix)
            runner._folder = cache
            result = runner.run(
                field.repository, borgfield.create("one", srv / "data", alone, options=["-x"]), on_event=rewrite
            )
        else:
            place = Place(
                host="gpu01",
                channels=LocalChannels("gpu01"),
                way=way,
                become="none",
                program=borgfield.BORG,
                prefix=one.prefix,
            )
            vaults = Vaults(plain_ssh, way)
            relay = RelayRunner(
                place, vaults.serve, field.passphrases, borgfield.dialect, field.folder / "serve", SystemClock()
            )
            result = relay.run(
                field.repository, borgfield.create("one", srv / "data", alone, options=["-x"]), on_event=rewrite
            )
        one.heard(result.text)
    assert (result.exit_status, one.warnings) == (0, [])
    assert (last.read_text(), alone.read_text()) == ("rewritten", "rewritten")
    assert content(field, last, alone) == "as it was" * 2
    assert list(cache.iterdir()), "Borg wrote where it always writes"
    listed = field.by_hand("list", "--short", f"{field.place}::one").splitlines()
    assert not [path for path in listed if "swarm-snapshot" in path]
    assert leftovers(srv) == []


@needs_borg
@pytest.mark.timeout(180)
def test_a_set_that_asks_for_it_is_read_from_a_snapshot(srv: Path, tmp_path: Path) -> None:
    """Through the whole service: from the set's configuration to the archive and the notes of its job."""
    borg_12()
    (srv / "data" / "file").write_text("as it was")
    late = srv / "data" / "late"
    case = copied(tmp_path / "case")
    try:
        case.set_data(paths=(str(srv / "data"),), snapshot="auto", after=(("touch", str(late)),))
        job = case.back_up()
        assert job.outcome is not None and job.outcome.archive is not None, job.text
        assert f"read from a btrfs snapshot of {srv / 'data'}" in job.outcome.notes
        listed = case.borg("list", "--short", f"{case.repository.location}::{job.outcome.archive.name}").decode()
        assert str(srv / "data" / "file").lstrip("/") in listed.splitlines()
        assert late.exists() and str(late).lstrip("/") not in listed
    finally:
        case.close()


CHILD = """\
import sys
from pathlib import Path
from backends.backups.borg.dialect import Dialect
from backends.backups.fs_snapshot import FsSnapshots
from backends.backups.model import Repository
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.clock import SystemClock
from backends.sources.local_exec import LocalExec
folder, data = Path(sys.argv[1]), sys.argv[2]
kept = Passphrases(folder / "kept")
repository = Repository(name="vault", host="gpu01", location="/nowhere")
kept.set(repository, b"secret secret secret")
local = LocalRunner(kept, folder / "borg", lambda _: (), Dialect, SystemClock(), program="sleep")
with FsSnapshots("test", SystemClock()).held(LocalExec("gpu01"), [data], become=False) as held:
    print(held.warnings, flush=True)
    local.behind(held.prefix).run(repository, lambda _: ("borg", "3600.25"))
"""


def test_what_a_killed_engine_left_is_gone_after_the_next_backup(srv: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path), str(srv / "data")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"[]\n"
        until(lambda: [pid for pid in processes("3600.25") if _command(pid).startswith(b"sleep")])
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(leftovers(srv)) == 1
    until(lambda: not processes("3600.25"))
    with FsSnapshots("test", SystemClock()).held(LocalExec("gpu01"), [str(srv / "data")], become=False) as one:
        assert len(leftovers(srv)) == 1, "its own"
    assert any("an earlier backup had left" in note for note in one.notes) and one.warnings == []
    assert leftovers(srv) == []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_device_is_mounted_where_only_borg_sees_it(tmp_path: Path) -> None:
    """As a logical volume or a dataset is: a loop device stands for it."""
    place, seen, image = tmp_path / "disk", tmp_path / "live", tmp_path / "image"
    _mounted(image, place, maker=("mkfs.ext4", "-q"))
    try:
        (place / "in it").mkdir()
        (place / "in it" / "file").write_text("on the device")
    finally:
        _unmount(place)
    seen.mkdir()
    (seen / "file").write_text("live")
    looped = subprocess.run([_sbin("losetup"), "--find", "--show", str(image)], capture_output=True, check=True)
    device = looped.stdout.decode().strip()
    try:
        row = Row(target=str(seen), source=device, type="ext4", options="ro", inner="/in it", snapshot="vg/x")
        assert _cat(row, seen / "file") == "on the device"
        assert (seen / "file").read_text() == "live"
        assert STAGE not in Path("/proc/self/mounts").read_text()
    finally:
        subprocess.run([_sbin("losetup"), "-d", device], check=True)


@pytest.mark.parametrize(("kind", "source"), [("ext4", "/dev/nothing"), ("bind", "/no/such/directory"), ("nofs", "x")])
def test_what_cannot_be_mounted_never_is_an_empty_directory_instead(tmp_path: Path, kind: str, source: str) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("a mount namespace needs root")
    (tmp_path / "file").write_text("live")
    row = Row(target=str(tmp_path), source=source, type=kind, snapshot="x")
    assert _cat(row, tmp_path / "file", failing=True) == "live"


def _cat(row: Row, path: Path, *, failing: bool = False) -> str:
    words = prefix([row], list[Spot](), [])
    done = subprocess.run([*words, "cat", str(path)], capture_output=True, check=True, timeout=30)
    assert (MARK.encode() in done.stderr) == failing
    return done.stdout.decode()
