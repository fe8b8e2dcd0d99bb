"""Restored files come into place and go back: really, on this machine, with links in the way, kills and other filesystems."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import validators
from backends.backups.placing import PARTS, new_programs
from backends.backups.placing_model import Check, Counts
from backends.errors import BadInput, RetryLater, SkipHost
from backends.hostkit.bundle import source
from backends.hostkit.travel import program_launch
from tests.unit.backups.restorehost import ROOT, STAMP, Field, facts, plant, restore_field, sleepers, texts
from tests.unit.hostkit.kit import eventually

__all__ = ["restore_field"]

SAVED, BESIDE = f".swarm-{STAMP}", f".restored-{STAMP}"
needs_root = pytest.mark.skipif(not ROOT, reason="owners and devices need root")


def test_what_is_not_there_comes_into_place_as_it_was_extracted(field: Field) -> None:
    tree = field.tree({"srv/a": "1", "srv/deep/b": "22", "srv/empty/": "", "srv/link": "-> ../nowhere"})
    (tree / "srv/a").chmod(0o640)
    os.utime(tree / "srv/deep", ns=(5, 6_000_000_007))
    os.link(tree / "srv/a", tree / "srv/same")
    before = facts(tree / "srv")
    found = field.place("rename")
    assert facts(field.there / "srv") == before
    assert (found.counts.placed, found.counts.bytes, found.counts.failed) == (4, 4, 0)
    assert os.listdir(field.scratch() / "tree") == []


def test_the_scratch_directory_is_private_beside_the_place_and_goes_away(field: Field) -> None:
    field.prepare()
    assert stat.S_IMODE(field.scratch().stat().st_mode) == 0o700
    assert stat.S_IMODE(field.record().stat().st_mode) == 0o700
    assert field.placing.clear("r1")
    assert os.listdir(field.there) == []
    assert field.placing.clear("r1"), "once more does no harm"


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("keep", {"d/x": "old", "d/y": "new"}),
        ("rename", {"d/x": "old", f"d/x{BESIDE}": "new", "d/y": "new"}),
        ("replace", {"d/x": "new", f"d/x{SAVED}": "old", "d/y": "new"}),
    ],
)
def test_each_choice_for_a_file_that_is_there(field: Field, choice: str, left: dict[str, str]) -> None:
    plant(field.there, {"d/x": "old"})
    field.tree({"d/x": "new", "d/y": "new"})
    found = field.place(choice)  # type: ignore[arg-type]
    assert field.texts() == left
    assert (found.counts.kept, found.counts.renamed, found.counts.replaced) == (
        int(choice == "keep"),
        int(choice == "rename"),
        int(choice == "replace"),
    )
    assert found.counts.merged == 1
    assert found.examples[0][0] == f"{field.there}/d/x"


def test_the_same_file_is_left_as_it_is_and_other_bytes_of_the_same_size_and_time_are_not_the_same(
    field: Field,
) -> None:
    plant(field.there, {"same": "abc", "rotten": "abX"})
    tree = field.tree({"same": "abc", "rotten": "abc"})
    for path in (field.there / "same", field.there / "rotten", tree / "same", tree / "rotten"):
        os.utime(path, ns=(1, 1_700_000_000_000_000_000))
    inode = (field.there / "same").stat().st_ino
    found = field.place("replace")
    assert (found.counts.same, found.counts.replaced) == (1, 1)
    assert (field.there / "same").stat().st_ino == inode
    assert field.texts() == {"same": "abc", "rotten": "abc", f"rotten{SAVED}": "abX"}


def test_a_name_for_a_copy_that_is_taken_gets_a_number(field: Field) -> None:
    plant(field.there, {"x": "old", f"x{SAVED}": "somebody's", f"x{BESIDE}": "somebody's"})
    field.tree({"x": "new"})
    field.place("replace")
    assert field.texts()[f"x{SAVED}-2"] == "old"
    plant(Path(field.prepare("r2").tree), {"x": "newer"})
    field.place("rename", run="r2")
    assert field.texts()[f"x{BESIDE}-2"] == "newer"
    assert field.texts()[f"x{SAVED}"] == field.texts()[f"x{BESIDE}"] == "somebody's"


def test_a_copy_has_a_hidden_name_where_programs_read_every_file(field: Field) -> None:
    plant(field.there, {"etc/logrotate.d/app": "old"})
    field.tree({"etc/logrotate.d/app": "new"})
    field.place("replace")
    assert field.texts() == {"etc/logrotate.d/app": "new", f"etc/logrotate.d/.app{SAVED}~": "old"}


def test_a_directory_that_is_there_gets_mode_and_time_only_when_it_is_replaced(field: Field) -> None:
    for choice, mode in (("rename", 0o755), ("replace", 0o700)):
        plant(field.there, {f"{choice}/": ""})
        (field.there / choice).chmod(0o755)
        tree = field.tree({f"{choice}/x": "1"}, run=choice)
        (tree / choice).chmod(0o700)
        os.utime(tree / choice, ns=(1, 2_000_000_000))
        field.place(choice, run=choice)  # type: ignore[arg-type]
        info = (field.there / choice).stat()
        assert stat.S_IMODE(info.st_mode) == mode
        assert (info.st_mtime_ns == 2_000_000_000) is (choice == "replace")


# what is in the way


def test_a_link_in_the_way_is_never_followed_out_of_the_destination(field: Field) -> None:
    outside = field.folder / "outside"
    plant(outside, {"victim": "precious"})
    plant(field.there, {"srv": f"-> {outside}"})
    field.tree({"srv/victim": "evil", "srv/more/x": "evil"})
    for choice in ("replace", "keep"):
        field.place(choice)
        assert texts(outside) == {"victim": "precious"}
        assert field.texts() == {"srv": f"-> {outside}"}


def test_a_link_above_the_restored_part_is_not_followed_either(field: Field) -> None:
    outside = field.folder / "outside"
    plant(outside, {"sub/victim": "precious"})
    plant(field.there, {"srv": f"-> {outside}"})
    field.tree({"srv/sub/victim": "evil"})
    found = field.place("replace", "srv/sub/victim")
    assert found.errors == ((f"{field.there}/srv/sub/victim", f"a link is in the way: {field.there}/srv"),)
    assert texts(outside) == {"sub/victim": "precious"}


def test_a_link_that_is_replaced_is_replaced_itself(field: Field) -> None:
    outside = field.folder / "outside"
    plant(outside, {"victim": "precious"})
    plant(field.there, {"x": f"-> {outside}/victim"})
    field.tree({"x": "new"})
    field.place("replace")
    assert field.texts() == {"x": "new", f"x{SAVED}": f"-> {outside}/victim"}
    assert texts(outside) == {"victim": "precious"}


def test_a_directory_in_the_way_of_a_file_is_never_moved(field: Field) -> None:
    plant(field.there, {"x/inside": "1"})
    field.tree({"x": "file"})
    found = field.place("replace")
    assert found.errors == ((f"{field.there}/x", "a directory is in the way; it is never moved"),)
    assert field.texts() == {"x/inside": "1"}


def test_a_file_in_the_way_of_a_directory_is_saved(field: Field) -> None:
    plant(field.there, {"x": "file"})
    field.tree({"x/inside": "1"})
    assert field.place("replace").counts.failed == 0
    assert field.texts() == {"x/inside": "1", f"x{SAVED}": "file"}
    field.placing.undo("r1", "eve")
    assert field.texts() == {"x": "file"}


@pytest.mark.parametrize("root", ["../x", "a/../../x"])
def test_a_root_that_leads_out_is_refused(field: Field, root: str) -> None:
    plant(field.folder, {"x": "outside"})
    field.tree({"a/x": "1"})
    found = field.place("replace", root)
    assert "a path with" in found.errors[0][1]
    assert (field.folder / "x").read_text() == "outside"


def test_another_directory_in_the_place_of_the_scratch_directory_is_not_taken_for_it(field: Field) -> None:
    field.tree({"x": "1"})
    field.scratch().rename(field.folder / "moved")
    plant(field.scratch(), {"tree/x": "evil"})
    with pytest.raises(SkipHost, match="is not the scratch directory"):
        field.place("replace")
    assert field.texts() == {}


def test_names_of_any_bytes_come_into_place_and_go_back(field: Field) -> None:
    names = [bytes([letter]) + b"x" for letter in range(1, 256) if letter != ord("/")]
    tree = os.fsencode(field.prepare().tree)
    target = os.path.join(os.fsencode(field.there), b"sub")
    os.mkdir(target)
    os.mkdir(os.path.join(tree, b"sub"))
    for name in names:
        Path(os.fsdecode(os.path.join(tree, b"sub", name))).write_bytes(name)
    assert field.place("replace").counts.placed == len(names)
    assert {Path(os.fsdecode(os.path.join(target, name))).read_bytes() for name in os.listdir(target)} == set(names)
    assert field.placing.undo("r1", "eve").removed == len(names)
    assert os.listdir(target) == []


def journal() -> ModuleType:
    """The module that writes journals, loaded here as on a host."""
    before = {name: sys.modules.get(name) for name in PARTS}
    try:
        for name in PARTS:
            module = sys.modules[name] = ModuleType(name)
            exec(compile(source(name), name, "exec"), module.__dict__)
        return sys.modules["kit_place_journal"]
    finally:
        for name, old in before.items():
            sys.modules.pop(name) if old is None else sys.modules.update({name: old})


JOURNAL = journal()


@given(names=st.lists(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name), max_size=4))
def test_a_record_of_the_journal_names_the_very_same_bytes(names: list[bytes]) -> None:
    words = [os.fsdecode(name) for name in names]
    line = b" ".join(JOURNAL.field(word) for word in words)
    assert all(32 <= letter < 127 for letter in line)
    assert [JOURNAL.unfield(each) for each in line.split(b" ")] == (words or [""])


# undo


def test_undo_puts_everything_back_as_it_was(field: Field) -> None:
    plant(field.there, {"d/x": "old", "d/sub/y": "old", "d/link": "-> x", "d/other": "untouched"})
    (field.there / "d").chmod(0o711)
    before = facts(field.there / "d")
    tree = field.tree({"d/x": "new", "d/sub/y": "new", "d/link": "-> y", "d/fresh/z": "new", "d/w": "new", "e/": ""})
    (tree / "d").chmod(0o700)
    assert field.place("replace").counts.placed == 5
    found = field.placing.undo("r1", "eve")
    assert facts(field.there / "d") == before
    assert (found.removed, found.restored, found.stayed, found.failed) == (2, 3, 0, 0)
    assert field.placing.undo("r1", "eve") == found, "once more tells the same and does nothing"


def test_what_somebody_changed_since_is_kept(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new", "y": "new", "t/z": "new"})
    field.place("replace")
    time.sleep(0.02)  # the kernel's stamps are some milliseconds coarse
    plant(field.there, {"x": "mine", "y": "mine", "t/more": "mine"})
    found = field.placing.undo("r1", "eve")
    assert field.texts() == {"x": "old", f"x.swarm-undone-{undone_stamp(field)}": "mine", "y": "mine", "t/more": "mine"}
    assert found.stayed == 3
    assert found.removed == 1


def undone_stamp(field: Field) -> str:
    return next(name for name in os.listdir(field.there) if "undone" in name).rpartition("-")[2]


def test_directories_that_were_made_for_it_go_unless_they_are_used(field: Field) -> None:
    deep = field.there / "made/for/it"
    scratch = field.placing.prepare("r1", ground=str(deep), base=str(deep), make=True)
    plant(Path(scratch.tree), {"x": "1"})
    field.placing.place("r1", ["x"], choice="replace", stamp=STAMP)
    assert texts(deep) == {"x": "1"}
    plant(field.there, {"made/used": "mine"})
    field.placing.undo("r1", "eve")
    assert field.texts() == {"made/used": "mine"}


# kills


def test_a_placement_that_was_killed_is_finished_and_then_undone(field: Field) -> None:
    """Killed by a signal between two files, many times over, wherever that is."""
    count = 1200
    plant(field.there, {f"d/{number}": "old" for number in range(0, count, 2)})
    before = facts(field.there / "d")
    field.tree({f"d/{number}": "new" for number in range(count)})
    kills = 0
    while kills < 3 and killed_after(field, 0.01 * kills):
        kills += 1
    assert kills > 1, "it was never caught in the middle"
    state, result, _ = field.placing.status("r1")
    assert state.unfinished and result is None
    found = field.place("replace", "d")
    assert found.counts.placed == count
    assert {path.read_text() for path in (field.there / "d").iterdir() if SAVED not in path.name} == {"new"}
    assert sum(SAVED in name for name in os.listdir(field.there / "d")) == count // 2
    field.placing.undo("r1", "eve")
    assert facts(field.there / "d") == before


def killed_after(field: Field, seconds: float) -> bool:
    """Whether it was killed at work: it has begun, and has not ended."""
    arguments = {"do": "place", "run": "r1", "choice": "replace", "stamp": STAMP, "lend": False, "roots": ["d"]}
    launch = program_launch("place", arguments, "none", PARTS)
    journal = field.record() / "journal"
    size = journal.stat().st_size if journal.exists() else 0
    with subprocess.Popen(
        ["/bin/sh", "-c", launch.command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(launch.payload)
        process.stdin.close()
        eventually(lambda: journal.exists() and journal.stat().st_size > size, 10)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
    return not (field.record() / "result").exists()


def test_a_torn_last_line_of_the_journal_is_nothing(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new"})
    field.place("replace")
    with open(field.record() / "journal", "ab") as file:
        file.write(b"swap /etc/passwd /etc/pas")
    assert field.placing.undo("r1", "eve").restored == 1
    assert field.texts() == {"x": "old"}


def test_the_result_is_told_again_to_whoever_lost_the_link(field: Field) -> None:
    field.tree({"x": "1"})
    assert field.place("keep", "x") == field.place("keep", "x")


def test_it_stops_between_two_files_when_asked_and_goes_on_later(field: Field) -> None:
    count = 4000
    plant(field.there, {f"d/{number}": "old" for number in range(count)})
    field.tree({f"d/{number}": "new" for number in range(count)})

    def told(counts: Counts) -> None:
        (field.record() / "stop").touch()  # as `stop` does, from another connection

    stopped = field.placing.place("r1", ["d"], choice="replace", stamp=STAMP, tell=told)
    if not stopped.stopped:
        pytest.skip("this machine is too quick for it")
    assert 0 < stopped.counts.placed < count
    assert field.placing.status("r1")[0].unfinished
    found = field.place("replace", "d")
    assert (found.stopped, found.counts.placed) == (False, count)


def test_stop_is_heard_from_another_connection(field: Field) -> None:
    field.prepare()
    field.placing.stop("r1")
    assert (field.record() / "stop").exists()


# other filesystems


@needs_root
def test_across_filesystems_it_is_copied_with_everything_that_belongs_to_it(field: Field) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == field.there.stat().st_dev:
        pytest.skip("no second filesystem")
    place = other / f"swarm-test-{os.getpid()}"
    place.mkdir()
    try:
        plant(place, {"x": "old"})
        tree = field.tree({"d/a": "1", "d/sub/b": "2", "d/link": "-> a", "x": "new"})
        os.link(tree / "d/a", tree / "d/also")
        os.mkfifo(tree / "d/pipe")
        os.chown(tree / "d/a", 1234, 4321)
        (tree / "d/a").chmod(0o4755)
        with open(tree / "d/sparse", "wb") as file:
            file.seek(1 << 20)
            file.write(b"end")
        os.setxattr(tree / "d/sub/b", "user.note", b"kept")
        os.utime(tree / "d/sub", ns=(1, 3_000_000_000))
        before = facts(tree / "d")
        (field.there / "elsewhere").symlink_to(place)
        found = move(field, place)
        assert found == (7, 0)
        assert facts(place / "d") == before or without_attributes(facts(place / "d")) == without_attributes(before)
        assert texts(place)["x"] == "new" and texts(place)[f"x{SAVED}"] == "old"
        assert (place / "d/sparse").stat().st_blocks < 100
        assert not any("swarm-part" in name for name in texts(place))
        field.placing.undo("r1", "eve")
        assert texts(place) == {"x": "old"}
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=True)


def without_attributes(found: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    """tmpfs of some kernels has no attributes of users."""
    return {name: (*each[:7], *each[8:]) for name, each in found.items()}


def move(field: Field, place: Path) -> tuple[int, int]:
    """Place into another filesystem: as if a mount point was below the destination."""
    facts_file = field.record() / "facts"
    lines = [line for line in facts_file.read_text().splitlines() if not line.startswith("ground ")]
    facts_file.write_text("\n".join([*lines, f"ground {place}"]) + "\n")
    found = field.place("replace", "d", "x")
    return found.counts.placed, found.counts.failed


# what dead runs leave


def test_the_scratch_directory_of_a_dead_run_is_removed_by_the_next_one(field: Field) -> None:
    field.tree({"x": "1"}, run="dead")
    field.tree({"x": "1"}, run="young")
    age(field, "dead")
    assert field.prepare("next").cleaned == ("dead",)
    assert not field.scratch("dead").exists() and field.scratch("young").exists()


def test_one_that_somebody_works_in_stays_and_so_does_one_that_was_killed_while_placing(field: Field) -> None:
    field.tree({"x": "1"}, run="busy")
    field.tree({"x": "1"}, run="killed")
    (field.record("killed") / "journal").write_text("")
    age(field, "busy", "killed")
    with subprocess.Popen(["sleep", "30"], cwd=field.scratch("busy") / "tree") as worker:
        found = field.prepare("next")
        worker.kill()
    assert (found.cleaned, found.left) == ((), ("killed",))
    assert field.scratch("busy").exists() and field.scratch("killed").exists()


def age(field: Field, *runs: str) -> None:
    for run in runs:
        os.utime(field.record(run) / "facts", (1, 1))


def test_a_run_is_not_begun_twice_and_an_unknown_one_is_unknown(field: Field) -> None:
    field.prepare()
    with pytest.raises(RetryLater, match="is there already"):
        field.prepare()
    with pytest.raises(SkipHost, match="no restore nobody"):
        field.placing.undo("nobody", "eve")
    with pytest.raises(BadInput):
        field.placing.undo("../x", "eve")


# the rollback


def test_it_is_put_back_by_itself_when_nobody_confirms(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new"})
    field.placing.store("r1", new_programs("r1"))
    assert field.placing.arm("r1", 1, [[["touch", f"{field.folder}/reloaded"]]]) == "setsid"
    field.place("replace")
    assert field.texts()["x"] == "new"
    assert field.placing.clear("r1")
    assert eventually(lambda: field.texts() == {"x": "old"}, 20)
    assert eventually(lambda: field.placing.status("r1")[0].undone, 10)
    assert (field.folder / "reloaded").exists(), "its service reads the old file again"
    with pytest.raises(SkipHost, match="put back already"):
        field.placing.confirm("r1", "eve")


def test_the_time_to_confirm_begins_when_everything_is_in_place(field: Field) -> None:
    field.tree({"x": "new"})
    field.placing.store("r1", new_programs("r1"))
    field.placing.arm("r1", 600, [])
    (field.record() / "deadline").write_text(f"{time.time() + 5} 600.0\n")  # as if placing took long
    field.place("replace")
    armed = field.placing.status("r1")[0].armed
    assert armed is not None and armed > 300
    for pid in sleepers(field):
        os.kill(int(pid), signal.SIGKILL)


def test_a_timer_that_fires_early_waits_for_the_time_that_was_set_since(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new"})
    field.placing.store("r1", new_programs("r1"))
    field.place("replace")
    field.placing.arm("r1", 1, [])
    deadline = time.time() + 4
    (field.record() / "deadline").write_text(f"{deadline} 4.0\n")
    assert eventually(lambda: field.texts() == {"x": "old"}, 30)
    assert time.time() >= deadline


def test_one_that_is_confirmed_stays(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new"})
    field.placing.store("r1", new_programs("r1"))
    field.placing.arm("r1", 2, [])
    state = field.placing.status("r1")[0]
    assert state.armed is not None and 0 < state.armed <= 2
    field.place("replace")
    field.placing.confirm("r1", "eve")
    state = field.placing.status("r1")[0]
    assert (state.armed, state.confirmed) == (None, True)
    assert eventually(lambda: not sleepers(field), 20), "its process sees the mark and ends"
    assert field.texts()["x"] == "new"


def test_undo_before_the_time_is_over_and_not_twice(field: Field) -> None:
    plant(field.there, {"x": "old"})
    field.tree({"x": "new"})
    field.placing.store("r1", new_programs("r1"))
    field.placing.arm("r1", 3600, [])
    with pytest.raises(RetryLater, match="armed already"):
        field.placing.arm("r1", 3600, [])
    with pytest.raises(RetryLater, match="waits to be confirmed"):
        field.placing.forget("r1")
    field.place("replace")
    assert field.placing.undo("r1", "eve").by == "eve"
    assert field.texts() == {"x": "old"}
    with pytest.raises(SkipHost, match="was undone"):
        field.place("replace", "x")
    for pid in sleepers(field):
        os.kill(int(pid), signal.SIGKILL)


# judging and reloading


def test_a_program_judges_a_file_of_the_scratch_directory(field: Field) -> None:
    field.tree({"good.sh": "true\n", "bad.sh": "if\n"})
    argv = ("sh", "-n", "{file}")
    checks = [
        Check(file="good.sh", argv=argv),
        Check(file="bad.sh", argv=argv),
        Check(file="bad.sh", argv=("no-such-program", "{file}")),
        Check(file="bad.sh", argv=argv, unproven=("yntax error",)),
    ]
    found = field.placing.validate("r1", checks)
    assert [each.verdict for each in found] == ["good", "bad", "absent", "unproven"]
    assert str(field.folder) not in found[1].said, "the place of the scratch directory says nothing to anybody"
    assert found[2].said == "no-such-program is not installed"


def test_a_program_may_see_the_restored_files_over_the_live_ones(field: Field) -> None:
    plant(field.folder, {"live/10.yaml": "live", "live/20.yaml": "live"})
    inside = f"{field.folder}/live".lstrip("/")
    field.tree({f"{inside}/20.yaml": "restored"})
    argv = ("sh", "-c", 'cd "$1" && grep -r . . | sort; exit 1', "sh", "{root}")
    (found,) = field.placing.validate("r1", [Check(file=f"{inside}/20.yaml", argv=argv, overlay=f"/{inside}")])
    assert found.said.splitlines() == [f"./{inside}/10.yaml:live", f"./{inside}/20.yaml:restored"] or (
        "10.yaml:live" in found.said and "20.yaml:restored" in found.said and "20.yaml:live" not in found.said
    )


def test_of_alternatives_the_first_that_works_counts(field: Field) -> None:
    commands = [[["no-such-program"], ["sh", "-c", "echo no >&2; exit 3"], ["echo", "yes"]], [["false"]]]
    found = field.placing.reload("list", commands)
    assert [(each.command, each.status, each.said) for each in found] == [("echo yes", 0, "yes"), ("false", 1, "")]


def test_every_known_validator_is_told_as_a_list_of_words_and_names_its_file() -> None:
    for each in validators.VALIDATORS:
        assert all(isinstance(word, str) for word in each.argv)
        assert ("{file}" in " ".join(each.argv)) or (each.overlay and "{root}" in each.argv)


# sending


@needs_root
def test_a_file_is_written_with_its_owner_mode_and_time(field: Field) -> None:
    tree = Path(field.prepare().tree)
    field.placing.write("r1", "etc/x", b"text", mode=0o640, user="root", group="12", mtime=1_700_000_000.5)
    field.placing.write("r1", "etc/l", b"", kind="l", target="../\udcff")
    info = (tree / "etc/x").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_mtime) == (0o640, 0, 12, 1_700_000_000.5)
    assert os.readlink(tree / "etc/l") == "../\udcff"
    with pytest.raises(SkipHost, match=r"\.\."):
        field.placing.write("r1", "../x", b"")


def test_a_record_that_was_torn_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    from backends.hostkit.bundle import source  # the program's own part, as on a host

    part: dict[str, object] = {"__name__": "kit_place_journal"}
    text = source("kit_place_journal").replace("from kit_place_ground import below, look, open_real, remove\n", "")
    exec(compile(text, "kit_place_journal", "exec"), part)
    file = tmp_path / "journal"
    file.write_bytes(b"made a\nput b/c 1 2")
    journal = part["Journal"](str(file))  # type: ignore[operator]
    journal.write("put", "b/d", 1, 2, 3)
    journal.close()
    assert file.read_bytes() == b"made a\nput b/d 1 2 3\n"
