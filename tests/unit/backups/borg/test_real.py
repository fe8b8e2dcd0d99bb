"""The built command lines in the hands of real Borgs: names that do harm elsewhere, rules, keys, streams."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.backups.borg import (
    check,
    compact,
    config,
    create,
    delete,
    diff,
    exits,
    export_tar,
    extract,
    import_tar,
    info,
    init,
    key,
    list_archives,
    list_files,
    prune,
    serve,
    version,
)
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event, EventReader, FileStatus
from backends.backups.model import BorgResult, JobState, Keep, Repository
from backends.backups.names import escaped, unescaped
from tests.borgs import borg_12, borg_14
from tests.unit.backups.borg.captured import result_of

HOSTILE = (
    *(b"new\nline", b"esc\x1b[31m", b"q'uo\"te", b"back\\slash", b"-dash", b"--stdout", b"bad\xff\xfe", b"x" * 255),
    *(
        b"*glob?[a]",
        "\u202egnp.exe".encode(),
        b" sp ace ",
        b"pp:odd",
        b"re:.*",
        b"{now}",
        b"tab\t",
        b"#",
        b"a:b::c",
        b"~",
    ),
)
ONE, TWO = "data.20261101T020000Z", "data.20261102T020000Z"


class Bench:
    """One Borg with a repository of two archives of a tree with hostile names."""

    def __init__(self, program: str, folder: Path):
        self.program, self.folder = program, folder
        self.place = str(folder / "repo {now}")
        self.tree = folder / "tree"
        self.dialect = version.parse(subprocess.run([program, "--version"], capture_output=True, check=True).stdout)
        self.repository = Repository(name="vault", host="gpu01", location=self.place)

    def fill(self) -> None:
        self.tree.mkdir()
        for name in HOSTILE:
            (self.tree / os.fsdecode(name)).write_bytes(b"data of " + name)
        (self.tree / "model.partial").write_bytes(b"half")
        (self.tree / "scratch").mkdir()
        (self.tree / "scratch" / ".nobackup").touch()
        self.good(init.argv(self.dialect, self.place, encryption="repokey"))
        self.good(create.argv(self.dialect, self.place, ONE, (str(self.tree),), exclude=("sh:**/never",)))
        (self.tree / os.fsdecode(b"bad\xff\xfe")).write_bytes(b"other")
        (self.tree / "new\nline").write_bytes(b"longer than before")
        self.good(create.argv(self.dialect, self.place, TWO, (str(self.tree),), comment="window {MW-42}"))

    def run(self, argv: tuple[str, ...], *, stdin: bytes = b"", cwd: Path | None = None) -> BorgResult:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "BORG_BASE_DIR": str(self.folder / "base"),
            "BORG_PASSPHRASE": "secret",
            "BORG_SELFTEST": "disabled",
            "BORG_EXIT_CODES": "modern",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        done = subprocess.run(
            [self.program, *argv[1:]], input=stdin, capture_output=True, env=environment, cwd=cwd or self.folder
        )
        reader = EventReader()
        self.events: list[Event] = [*reader.feed(done.stderr), *reader.close()]
        return result_of(self.events, done.returncode, done.stdout)

    def good(self, argv: tuple[str, ...], *, stdin: bytes = b"", cwd: Path | None = None) -> BorgResult:
        result = self.run(argv, stdin=stdin, cwd=cwd)
        state, cause = exits.judge(argv[2], result)
        assert state is JobState.DONE, (cause, result)
        return result

    def copy(self, folder: Path) -> Bench:
        """The same with a repository of its own."""
        shutil.copytree(self.place, folder / "repo")
        other = Bench(self.program, folder)
        other.place, other.tree = str(folder / "repo"), self.tree
        return other

    def stored(self, name: bytes) -> str:
        """Path of a file of the tree in the archive, escaped."""
        return escaped(f"{self.tree}/{os.fsdecode(name)}").strip("/")


@pytest.fixture(scope="module", params=[borg_12, borg_14], ids=["1.2", "1.4"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    find: Callable[[], str] = request.param
    made = Bench(find(), tmp_path_factory.mktemp("borg"))
    made.fill()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


def test_every_name_is_listed_exactly_and_what_is_excluded_is_not(bench: Bench) -> None:
    lines = bench.good(list_files.argv(bench.dialect, bench.place, TWO)).stdout.splitlines()
    found = {entry.path for line in lines if (entry := list_files.decode(line)) and entry.type == "-"}
    assert found == {bench.stored(name) for name in HOSTILE}


def test_each_hostile_name_can_be_asked_for_alone(bench: Bench, tmp_path: Path) -> None:
    """All in one command; that nothing else comes shows that none is taken as an option or a pattern."""
    wanted = [bench.stored(name) for name in HOSTILE if not name.startswith((b"#", b"~"))]
    bench.good(extract.argv(bench.dialect, bench.place, ONE, wanted), cwd=tmp_path)
    got = {os.fsencode(path.name): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert got == {name: b"data of " + name for name in HOSTILE if not name.startswith((b"#", b"~"))}


def test_a_name_that_looks_like_a_pattern_matches_only_itself(bench: Bench) -> None:
    glob = bench.stored(b"*glob?[a]")
    result = bench.good(extract.argv(bench.dialect, bench.place, ONE, (glob,), to_stdout=True))
    assert result.stdout == b"data of *glob?[a]"
    expression = bench.stored(b"re:.*")
    assert bench.good(extract.argv(bench.dialect, bench.place, ONE, (expression,), to_stdout=True)).stdout == (
        b"data of re:.*"
    )


def test_hashes_and_part_of_a_tree(bench: Bench) -> None:
    argv = list_files.argv(bench.dialect, bench.place, TWO, (bench.stored(b"bad\xff\xfe"),), hashes=True)
    (found,) = (list_files.decode_hashed(line) for line in bench.good(argv).stdout.splitlines())
    assert found is not None
    entry, digest = found
    assert os.fsencode(unescaped(entry.path)).endswith(b"bad\xff\xfe")
    assert digest == hashlib.sha256(b"other").hexdigest()


def test_a_tar_stream_goes_out_and_in(bench: Bench, tmp_path: Path) -> None:
    wanted = tuple(bench.stored(name) for name in (b"new\nline", b"-dash"))
    stream = bench.good(export_tar.argv(bench.dialect, bench.place, TWO, wanted)).stdout
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        assert {Path(each.name).name for each in tar} == {"new\nline", "-dash"}
    other = bench.copy(tmp_path)
    made = create.parse(
        other.good(import_tar.argv(bench.dialect, other.place, "config.20261103T020000Z"), stdin=stream).stdout
    )
    assert made.facts.files == 2 and made.archive(other.repository).set == "config"


def test_the_difference(bench: Bench) -> None:
    result = bench.good(diff.argv(bench.dialect, bench.place, ONE, TWO))
    found = {change.path: change for line in result.stdout.splitlines() if (change := diff.decode(line))}
    assert found[bench.stored(b"new\nline")].kinds == ("modified",)
    exact = not bench.dialect.at_least(1, 4)  # 1.4 writes "?" for bytes that are no UTF-8
    assert set(found) == {bench.stored(b"new\nline"), bench.stored(b"bad\xff\xfe" if exact else b"bad??")}


def test_the_archives_and_their_comment(bench: Bench) -> None:
    found = list_archives.parse(bench.good(list_archives.argv(bench.dialect, bench.place)).stdout, bench.repository)
    assert [(each.name, each.comment) for each in found] == [(ONE, ""), (TWO, "window {MW-42}")]
    told = info.parse(bench.good(info.argv(bench.dialect, bench.place, TWO)).stdout)
    assert told.encryption == "repokey" and told.archives[0].files == len(HOSTILE)
    assert told.archives[0].archive(bench.repository).comment == "window {MW-42}"


def test_what_was_added_or_changed_is_told(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    other.good(create.argv(bench.dialect, other.place, "data.20261103T020000Z", (str(bench.tree),)))
    told = [each for each in other.events if isinstance(each, FileStatus)]
    assert len(told) == len(HOSTILE) and {each.status for each in told} <= set(create.STATUSES)


def test_prune_compact_check_and_settings(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    keep = Keep(daily=1, weekly=0, monthly=0)
    other.good(prune.argv(bench.dialect, other.place, "data", keep, dry_run=True))
    preview = prune.fates(other.events, (), bench.repository)
    assert [(each.archive.name, each.keep) for each in preview] == [(TWO, True), (ONE, False)]
    other.good(prune.argv(bench.dialect, other.place, "data", keep, dry_run=False))
    assert prune.fates(other.events, (), bench.repository)[1].archive.id == preview[1].archive.id
    other.good(config.argv(bench.dialect, other.place, config.APPEND_ONLY, "0"))
    other.good(compact.argv(bench.dialect, other.place, 0))
    assert compact.parse(other.events) is not None
    result = other.good(check.argv(bench.dialect, other.place, "data"))
    assert check.parse(result, other.events) == check.Findings(ok=True)
    other.good(delete.argv(bench.dialect, other.place, TWO))
    assert (
        list_archives.parse(other.good(list_archives.argv(bench.dialect, other.place)).stdout, bench.repository) == ()
    )


def test_a_dump_and_one_that_fails(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    name = "dump.20261103T020000Z"
    other.good(create.argv(bench.dialect, other.place, name, stdin_name="db/app.dump", command=("echo", "-n", "rows")))
    assert (
        other.good(extract.argv(bench.dialect, other.place, name, ("db/app.dump",), to_stdout=True)).stdout == b"rows"
    )
    failing = create.argv(
        bench.dialect, other.place, "dump.x", stdin_name="a", command=("sh", "-c", "echo half; exit 3")
    )
    state, cause = exits.judge("create", other.run(failing))
    assert state is JobState.FAILED and cause is not None and cause.code == "dump-failed"
    listed = other.good(list_archives.argv(bench.dialect, other.place, details=False)).stdout
    assert "dump.x" not in {each.name for each in list_archives.parse(listed, bench.repository)}


def test_the_key_leaves_and_comes_back(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    file = tmp_path / "key"
    file.write_bytes(other.good(key.export_argv(bench.dialect, other.place)).stdout)
    assert file.read_bytes().startswith(b"BORG_KEY ")
    other.good(key.import_argv(bench.dialect, other.place, str(file)))
    other.good(list_archives.argv(bench.dialect, other.place))


def test_served_to_exactly_one_repository(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    script = tmp_path / "rsh"
    for path, expected in ((other.place, ""), (str(tmp_path), "not-allowed")):
        words = serve.argv(None, path, program=bench.program, quota_bytes=10**10)
        script.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + "\n")
        script.chmod(0o755)
        argv = list_archives.argv(bench.dialect, f"ssh://backup@vault{other.place}", details=False)
        result = other.run((argv[0], "--rsh", str(script), *argv[1:]))
        _, cause = exits.judge("list", result)
        assert (cause.code if cause else "") == expected


def test_a_damaged_byte_is_found(bench: Bench, tmp_path: Path) -> None:
    other = bench.copy(tmp_path)
    segment = max(
        (each for each in Path(other.place, "data").rglob("*") if each.is_file()), key=lambda each: each.stat().st_size
    )
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    result = other.run(check.argv(Dialect(), other.place))
    state, cause = exits.judge("check", result)
    assert state is JobState.FAILED and cause is not None and cause.code == "damaged"
    assert not check.parse(result).ok
