"""Which snapshots paths need, by what hosts say about their filesystems, and how Borg is shown them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.backups import fs_snapshot_facts as facts
from backends.backups.fs_snapshot_facts import Ident, Mount
from backends.backups.fs_snapshot_plan import STAGE, Plan, Row, Spot, needed, plan, prefix
from backends.errors import SkipHost

OUTPUTS = Path(__file__).parents[2] / "outputs" / "snapshots"
IDENT = Ident(engine="0123456789ab", run="aaaaaaaaaaaa", ends=1_800_604_800)
NAME = "0123456789ab-aaaaaaaaaaaa-1800604800"
VOLUMES = facts.volumes((OUTPUTS / "lvs.json").read_bytes()) + facts.volumes((OUTPUTS / "lvs-thin.json").read_bytes())


def on(case: str, path: str, **more: object) -> Spot:
    """A path on a filesystem that a host told of."""
    spot = Spot(path=path, real=path, mount=facts.mount((OUTPUTS / f"findmnt-{case}.json").read_bytes()))
    return replace(spot, **more)


def made(*spots: Spot) -> Plan:
    return plan(spots, VOLUMES, IDENT)


def rows_of(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The mounts in a prefix."""
    inner = words[words.index(STAGE) + 1 : -1]
    return [inner[at : at + 5] for at in range(0, len(inner), 5)]


MODELS = on("btrfs", "/srv/data/models", subvolume="/srv/data")


# What hosts say ------------------------------------------------------------------------------------------------------


def test_the_subvolume_of_a_path_is_the_nearest_directory_with_its_number() -> None:
    found = facts.above("/srv/data/models", "/srv")
    assert found == ("/srv/data/models", "/srv/data", "/srv")
    assert facts.subvolume(found, (OUTPUTS / "stat-btrfs.txt").read_bytes()) == "/srv/data"
    assert facts.subvolume(("/mnt",), (OUTPUTS / "stat-btrfs-part.txt").read_bytes()) == ""


def test_volumes_are_known_by_the_name_that_mounts_have() -> None:
    first = VOLUMES[0]
    assert (first.group, first.name, first.dm_path) == ("vg0", "my-data", "/dev/mapper/vg0-my--data")
    assert (first.size, first.free, first.pool) == (40 << 20, 456 << 20, "")


@given(st.binary(max_size=300))
def test_whatever_a_host_says_is_decoded_or_refused(data: bytes) -> None:
    for decode in (facts.mount, facts.volumes):
        with contextlib.suppress(SkipHost):
            decode(data)
    facts.overflowed(data)
    facts.names(data, b"\0")
    assert facts.subvolume(("/a", "/"), data) in ("", "/a", "/")


@given(st.text(max_size=80))
def test_only_a_name_that_was_made_here_is_taken_for_ours(name: str) -> None:
    found = facts.ident(name)
    assert found is None or name.startswith("swarm-")


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b'{"filesystems":[]}', b'{"filesystems":[{"target":"/","source":"a","fstype":"x"}]}x', b"\xff" * 9],
)
def test_an_answer_that_names_no_filesystem_is_refused(answer: bytes) -> None:
    with pytest.raises(SkipHost):
        facts.mount(answer)


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_a_name_tells_whose_it_is_and_how_long_it_is_needed() -> None:
    assert facts.ident(IDENT.name(3)) == IDENT
    assert facts.ident(f"swarm-snapshot-{NAME}-0") == IDENT
    for foreign in ("swarm-1", "swarm-snapshot-mine", f"swarm-{NAME}-0x", f"swarm-{NAME}", "auto-2026-11-01"):
        assert facts.ident(foreign) is None


@pytest.mark.parametrize(
    ("engine", "live", "now", "stale"),
    [
        ("0123456789ab", [], 0.0, True),
        ("0123456789ab", ["aaaaaaaaaaaa"], 0.0, False),
        ("another", [], 0.0, False),
        ("another", [], 1_800_604_801.0, True),
    ],
)
def test_stale_is_what_no_run_of_ours_needs_and_what_has_outlived_itself(
    engine: str, live: list[str], now: float, stale: bool
) -> None:
    assert IDENT.stale(engine, live, now) is stale


# The plan ------------------------------------------------------------------------------------------------------------


def test_a_subvolume_is_snapshotted_beside_its_files_and_shown_in_place_of_the_path() -> None:
    found = made(MODELS)
    (snapshot,), (row,) = found.snapshots, found.rows
    place = f"/srv/data/.swarm-snapshot-{NAME}-0"
    assert snapshot.make == ("btrfs", "subvolume", "snapshot", "-r", "/srv/data", place)
    assert snapshot.remove == ("btrfs", "subvolume", "delete", place)
    assert row.words == ("bind", "", f"{place}/models", "", "/srv/data/models")


def test_a_dataset_is_mounted_where_only_borg_sees_it() -> None:
    found = made(on("zfs", "/tank/data/a b"))
    (snapshot,), (row,) = found.snapshots, found.rows
    whole = f"tank/data@swarm-{NAME}-0"
    assert (snapshot.make, snapshot.remove) == (("zfs", "snapshot", whole), ("zfs", "destroy", whole))
    assert row.words == ("zfs", "ro", whole, "/a b", "/tank/data/a b")


def test_a_volume_gets_room_for_what_changes_meanwhile() -> None:
    found = made(on("lvm", "/srv"))
    (snapshot,), (row,) = found.snapshots, found.rows
    name = f"swarm-{NAME}-0"
    room = ("-L", f"{456 << 20}b")
    assert snapshot.make == ("lvcreate", "-q", "-s", "-kn", "-n", name, *room, "--", "vg0/srv")
    assert snapshot.remove == ("lvremove", "-q", "-f", "--", f"vg0/{name}")
    assert snapshot.bounded
    assert row.words == ("ext4", "ro", f"/dev/vg0/{name}", "", "/srv")


def test_a_thin_volume_needs_none_and_a_second_xfs_must_not_be_known_by_its_uuid() -> None:
    found = made(on("lvm-xfs", "/scratch/run"))
    (snapshot,), (row,) = found.snapshots, found.rows
    assert "-L" not in snapshot.make and not snapshot.bounded
    assert (row.options, row.inner) == ("ro,nouuid", "/run")


def test_without_room_in_the_group_there_is_no_snapshot() -> None:
    full = [replace(each, free=8 << 20) for each in VOLUMES]
    found = plan([on("lvm", "/srv")], full, IDENT)
    assert found.snapshots == () and "only 8" in found.notes[0]


@pytest.mark.parametrize(
    ("spot", "why"),
    [
        (on("ext4", "/etc"), "ext4 on /dev/vda has no snapshots"),
        (on("btrfs-part", "/mnt"), "only a part of a btrfs subvolume"),
        (on("btrfs", "/", subvolume="/"), "nothing can be mounted over it"),
        (on("btrfs", "/run", subvolume="/run"), "nothing can be mounted over it"),
        (on("btrfs", "/home/x", subvolume="/srv"), "not where its filesystem is mounted"),
        (replace(on("zfs", "/tank/data"), mount=Mount(target="/", source="a@b", fstype="zfs")), "a snapshot itself"),
        (replace(on("ext4", "/etc"), mount=Mount(target="/", source="", fstype="tmpfs")), "tmpfs on"),
    ],
)
def test_what_has_no_snapshot_is_read_as_it_is_and_says_why(spot: Spot, why: str) -> None:
    found = made(spot)
    assert (found.snapshots, found.rows) == ((), ())
    assert why in found.notes[0] and found.notes[0].startswith(spot.path)


def test_paths_of_one_subvolume_share_a_snapshot_and_others_have_their_own() -> None:
    spots = (MODELS, replace(MODELS, path="/srv/data/x", real="/srv/data/x"), on("zfs", "/tank/data"))
    found = made(*spots, on("ext4", "/etc"))
    assert [each.kind for each in found.snapshots] == ["btrfs", "zfs"]
    assert len({each.name[-2:] for each in found.snapshots}) == 2
    assert len(found.rows) == 3 and len(found.notes) == 1


def test_in_place_of_a_file_its_directory_is_covered() -> None:
    """A mount on a file is gone as soon as somebody replaces the file, which is just what happens to those."""
    found = made(replace(MODELS, path="/srv/data/state", real="/srv/data/state", file=True))
    assert found.rows[0].target == "/srv/data"
    itself = Mount(target="/srv/data/one", source="tank/one", fstype="zfs")
    alone = made(Spot(path="/srv/data/one", real="/srv/data/one", file=True, mount=itself))
    assert alone.rows[0].target == "/srv/data/one"


# The words before Borg -----------------------------------------------------------------------------------------------


def test_borg_takes_the_place_of_what_prepares_its_namespace() -> None:
    words = prefix(made(MODELS).rows, [MODELS], [])
    assert words[:4] == ("unshare", "-m", "--propagation", "private")
    assert words[-1] == "--"
    assert prefix([], [MODELS], ["/var/cache"]) == ()


def test_no_word_of_a_host_or_a_configuration_is_in_the_script() -> None:
    hostile = replace(MODELS, path="/srv/data/$(id)';x", real="/srv/data/$(id)';x")
    plain, odd = (prefix(made(spot).rows, [spot], ["/y"]) for spot in (MODELS, hostile))
    assert plain[plain.index("-c") + 1] == odd[odd.index("-c") + 1]
    assert "/srv/data/$(id)';x" in odd


def test_what_would_be_covered_and_must_not_be_is_put_on_top_outermost_first() -> None:
    outer = on("btrfs", "/srv", subvolume="/srv")
    inner = on("ext4", "/srv/disk")
    deep = on("zfs", "/tank/data")
    found = made(inner, outer, deep)
    words = rows_of(prefix(found.rows, [inner, outer, deep], ["/srv/cache/borg", "/elsewhere", "/srv"]))
    assert [row[4] for row in words] == ["/srv", "/srv", "/tank/data", "/srv/disk", "/srv/cache/borg"]
    assert words[1][2] == "/srv" and words[0][2] != "/srv", "the live one is on top"
    assert words[3][2] == "/srv/disk"


def test_a_path_whose_snapshot_failed_is_not_lost_under_another_ones() -> None:
    outer, inner = on("btrfs", "/srv", subvolume="/srv"), on("btrfs", "/srv/data", subvolume="/srv/data")
    found = made(outer, inner)
    only = [row for row in found.rows if row.target == "/srv"]
    assert Row(target="/srv/data", source="/srv/data").words in rows_of(prefix(only, [outer, inner], []))


def test_only_what_a_snapshot_can_cover_has_to_be_there_before_it() -> None:
    assert needed(("/srv/data/models/cache", "/srv/data/modelsx", "/var"), [MODELS]) == ("/srv/data/models/cache",)
