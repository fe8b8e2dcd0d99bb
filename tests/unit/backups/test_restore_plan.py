"""What a restore would do: counted, compared with what is there, warned of, refused. No host and no Borg."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import restore_plan
from backends.backups.borg.dialect import Dialect
from backends.backups.looks import Ground, Look, Looks
from backends.backups.model import Archive, BrowseEntry, Transport
from backends.backups.views import RestorePlan, RestoreRequest
from backends.errors import BadInput, SkipHost

ARCHIVE = Archive(
    id="a" * 64, repository="vault/gpu01", name="models.20261126T020000Z", set="models", host="gpu01", start=0
)
CONFIG = Archive(id="b" * 64, repository="vault/gpu01", name="config.x", set="config", host="gpu01", start=0)
FREE = 1 << 30


def folder(path: str) -> BrowseEntry:
    return BrowseEntry(path=path, type="d", mode="drwxr-xr-x", mtime=1.0)


def file(path: str, size: int = 10, mtime: float = 5.0, *, healthy: bool = True) -> BrowseEntry:
    return BrowseEntry(path=path, type="-", mode="-rw-r--r--", size=size, mtime=mtime, healthy=healthy)


def link(path: str, target: str) -> BrowseEntry:
    return BrowseEntry(path=path, type="l", mode="lrwxrwxrwx", target=target, mtime=1.0)


TREE = (folder("srv"), folder("srv/m"), file("srv/m/a"), file("srv/m/b", 20), link("srv/m/l", "a"))


class Host:
    """What is there; remembers what it was asked."""

    def __init__(
        self,
        there: dict[str, Look] | None = None,
        free: int = FREE,
        *,
        read_only: bool = False,
        free_files: int | None = None,
    ):
        self.there, self.free, self.read_only, self.free_files = there or {}, free, read_only, free_files
        self.asked: list[str] = []

    def __call__(self, paths: Sequence[str], directory: str) -> Looks:
        self.asked += paths
        ground = Ground(
            directory=directory, free_bytes=self.free, free_files=self.free_files, device=1, read_only=self.read_only
        )
        found = {path: each for path, each in self.there.items() if path in set(paths)}
        return Looks(found=found, ground=ground, machine="x86_64", root=True)


def look(size: int = 10, mtime: float = 5.0, kind: str = "-", device: int = 1, target: str = "") -> Look:
    return Look(
        type=kind,  # type: ignore[arg-type]
        mode=0o644,
        uid=0,
        gid=0,
        size=size,
        mtime_ns=int(mtime * 1e9),
        device=device,
        target=target,
    )


def planned(
    *entries: BrowseEntry,
    host: Host | None = None,
    paths: tuple[str, ...] = (),
    directory: str = "",
    archive: Archive = ARCHIVE,
    to: str = "",
) -> RestorePlan:
    request = RestoreRequest(
        repository="vault/gpu01", archive=archive.name, paths=paths, directory=directory, conflict="replace", host=to
    )
    return restore_plan.plan(request, archive, entries, host or Host())


def test_files_are_counted_and_compared_with_what_is_there() -> None:
    host = Host(
        {
            "/srv/m/a": look(),
            "/srv/m/b": look(19),
            "/srv/m": look(kind="d"),
            "/srv/m/l": look(kind="l", target="a"),
        }
    )
    plan = planned(*TREE, host=host)
    assert (plan.files, plan.bytes, plan.there, plan.same) == (3, 30, 3, 2)
    assert plan.examples == ("/srv/m/b",)
    assert plan.roots == ("srv",)
    assert (plan.host, plan.free_bytes, plan.refused, plan.warnings) == ("gpu01", FREE, "", ())


def test_in_another_directory_the_whole_path_comes_below_it() -> None:
    host = Host({"/mnt/x/srv/m/a": look()})
    plan = planned(*TREE, host=host, directory="/mnt/x/")
    assert "/mnt/x/srv/m/b" in host.asked
    assert plan.same == 1


def test_what_is_above_the_chosen_part_is_not_of_the_archive() -> None:
    assert planned(file("srv/m/a"), file("srv/m/b"), paths=("srv/m/a", "srv/m/b")).roots == ("srv/m/a", "srv/m/b")
    assert planned(*TREE[1:], paths=("srv/m",)).roots == ("srv/m",)


def test_directories_that_the_archive_only_implies_are_not_restored_themselves() -> None:
    """A live /srv must not get the mode that an extraction gives to directories of which it knows nothing."""
    implied = BrowseEntry(path="srv", type="d")
    plan = planned(implied, folder("srv/m"), file("srv/m/a"), BrowseEntry(path="etc", type="d"), file("etc/x"))
    assert (plan.roots, plan.files) == (("srv/m", "etc/x"), 2)
    assert planned(implied, folder("srv/m"), file("srv/m/a"), paths=("srv",)).roots == ("srv/m",)


def test_a_path_that_is_not_in_the_archive_is_told() -> None:
    with pytest.raises(BadInput, match="not in the archive: srv/other"):
        planned(*TREE, paths=("srv/m", "srv/other"))
    with pytest.raises(BadInput, match="nothing to restore"):
        planned()


@pytest.mark.parametrize("directory", ["relative", "/a/../b", "/proc", "/sys/x", "/dev", "/a\\x00"])
def test_a_directory_that_is_none_is_refused(directory: str) -> None:
    with pytest.raises(BadInput):
        planned(*TREE, directory=directory)


@pytest.mark.parametrize("path", ["", "/srv", "a/../b", "..", "a\\q"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(BadInput):
        planned(*TREE, paths=(path,))


@pytest.mark.parametrize(
    "entries",
    [
        (link("a", "/etc"), file("a/passwd")),
        (folder("x"), link("x/a", "../.."), folder("x/a/b"), file("x/a/b/c")),
        (file("x/../../etc/passwd"),),
        (file("/etc/passwd"),),
    ],
)
def test_an_archive_that_leads_out_of_its_directory_is_not_trusted(entries: tuple[BrowseEntry, ...]) -> None:
    with pytest.raises(SkipHost, match="not to be trusted"):
        planned(*entries, directory="/srv/x")


def test_too_little_space_and_a_disk_that_can_only_be_read_are_refused_before_anything_is_begun() -> None:
    assert "not enough space at /: 30B are needed, 29B are free" in planned(*TREE, host=Host(free=29)).refused
    assert "can only be read" in planned(*TREE, host=Host(read_only=True)).refused
    assert "can take 2 more files, 3 are needed" in planned(*TREE, host=Host(free_files=2)).refused


ACCESS = (folder("etc"), file("etc/fstab"), folder("etc/ssh"), file("etc/ssh/sshd_config"), file("etc/motd"))


def test_files_that_can_lock_everybody_out_come_with_a_rollback_and_are_judged_first() -> None:
    plan = planned(*ACCESS)
    assert plan.rollback_seconds == restore_plan.ROLLBACK_SECONDS
    assert plan.checked == ("etc/fstab", "etc/ssh/sshd_config")
    assert plan.validators == ("findmnt --verify --tab-file /etc/fstab", "sshd -t -f /etc/ssh/sshd_config")
    assert "can lock everybody out (access, boot: /etc/fstab, /etc/ssh/sshd_config)" in plan.warnings[-1]


def test_in_another_directory_they_are_files_like_all_others() -> None:
    plan = planned(*ACCESS, directory="/srv/x")
    assert (plan.rollback_seconds, plan.checked, plan.validators, plan.warnings) == (None, (), (), ())


def test_files_of_one_machine_on_another_are_warned_of() -> None:
    plan = planned(*ACCESS, folder("usr"), file("usr/x"), to="gpu02")
    assert plan.host == "gpu02"
    assert plan.warnings[0] == "these are files of gpu01; they go to the same places on gpu02"
    assert "make another one wrong: /etc/fstab" in plan.warnings[1]
    assert "programs and libraries of another machine" in plan.warnings[2]
    assert not planned(*TREE, to="gpu02", directory="/srv/x").warnings


def test_damaged_files_and_several_filesystems_are_warned_of() -> None:
    host = Host({"/srv/m": look(kind="d"), "/srv/m/a": look(device=2)})
    plan = planned(folder("srv/m"), file("srv/m/a", healthy=False), host=host)
    assert plan.warnings == (
        "1 files are damaged in this archive",
        "the places are on several filesystems; what is not beside the scratch directory is copied",
    )


def test_what_a_snapshot_keeps_for_itself_never_becomes_a_file_of_the_host() -> None:
    entries = (folder("etc"), file("etc/motd"), folder("swarm"), file("swarm/meta.json"))
    assert planned(*entries, archive=CONFIG).roots == ("etc",)
    assert planned(*entries, archive=CONFIG).files == 1
    assert planned(*entries, archive=CONFIG, directory="/srv/x").roots == ("etc", "swarm")
    with pytest.raises(BadInput, match="nothing to restore"):
        planned(folder("swarm"), file("swarm/meta.json"), archive=CONFIG)


def test_the_hash_is_over_what_matters_and_not_over_free_space() -> None:
    plan = planned(*TREE)
    assert planned(*TREE, host=Host(free=FREE - 1)).hash == plan.hash
    assert planned(*TREE).id != plan.id
    assert planned(*TREE, host=Host({"/srv/m/a": look()})).hash != plan.hash
    assert planned(*TREE, directory="/x").hash != plan.hash
    assert planned(*TREE[:-1]).hash != plan.hash


def test_a_million_files_are_asked_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_plan, "PIECE", 100)
    pieces: list[int] = []

    class Pieces(Host):
        def __call__(self, paths: Sequence[str], directory: str) -> Looks:
            pieces.append(len(paths))
            return super().__call__(paths, directory)

    plan = planned(folder("d"), *(file(f"d/{number}") for number in range(949)), host=Pieces())
    assert (plan.files, max(pieces), sum(pieces)) == (949, 100, 950)


@pytest.mark.parametrize(
    ("host", "version", "local", "way"),
    [
        ("gpu01", (1, 2, 4), False, Transport.RELAY),
        ("gpu01", (1, 2, 4), True, Transport.LOCAL),
        ("gpu01", None, False, Transport.TAR),
        ("gpu02", (1, 2, 4), False, Transport.TAR),
        ("gpu02", (1, 4, 5), False, Transport.TAR),
        ("gpu02", (1, 4, 5), True, Transport.LOCAL),
        ("gpu02", (1, 4, 4), True, Transport.TAR),
    ],
)
def test_another_hosts_archive_goes_through_no_borg_that_learns_its_passphrase_or_follows_its_links(
    host: str, version: tuple[int, int, int] | None, local: bool, way: Transport
) -> None:
    dialect = Dialect(major=version[0], minor=version[1], patch=version[2]) if version else None
    assert restore_plan.transport(ARCHIVE, host, dialect, local=local) is way


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(entries=st.lists(st.tuples(NAMES, st.sampled_from("-dl")), max_size=20))
def test_whatever_an_archive_holds_no_root_is_below_a_link_of_it(entries: list[tuple[str, str]]) -> None:
    made = [BrowseEntry(path=path, type=kind, size=1) for path, kind in sorted(entries)]  # type: ignore[arg-type]
    links = {path for path, kind in entries if kind == "l"}
    try:
        plan = planned(*made, directory="/srv/x")
    except (BadInput, SkipHost):
        return
    assert plan.roots and not any(root.startswith(f"{each}/") for root in plan.roots for each in links)


def test_one_path_for_each_service_that_must_read_its_files_again() -> None:
    units = (folder("etc"), file("etc/systemd/system/a.service"), file("etc/systemd/system/b.service"))
    plan = planned(*units, file("etc/NetworkManager/NetworkManager.conf"), file("etc/motd"))
    assert plan.effects == ("etc/systemd/system/a.service", "etc/NetworkManager/NetworkManager.conf")
    assert planned(*units, directory="/srv/x").effects == ()
