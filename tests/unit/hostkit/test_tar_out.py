"""The program that sends a host's files as a tar stream, run as it runs there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from backends.backups.tarstream import tar_launch

PREFIX = b"\nswarm-kit 1 tar\n"


def sent(*paths: Path, exclude: tuple[str, ...] = ()) -> tuple[bytes, list[dict[str, object]]]:
    """The stream and what was told about it."""
    launch = tar_launch(tuple(map(str, paths)), exclude=exclude)
    done = subprocess.run(["/bin/sh", "-c", launch.command], input=launch.payload, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(PREFIX)
    return done.stdout[len(PREFIX) :], [json.loads(line) for line in done.stderr.splitlines()]


def names(stream: bytes, root: Path) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        return [os.path.relpath("/" + name, root) for name in tar.getnames()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "one").write_bytes(b"1" * 700)
    (root / "a" / "deep" / "two.tmp").write_bytes(b"2" * 1024)
    (root / "b").mkdir()
    (root / "b" / "empty").write_bytes(b"")
    return root


def test_everything_arrives_as_it_was(tree: Path) -> None:
    os.chmod(tree / "a" / "one", 0o4750)
    os.utime(tree / "a" / "one", ns=(1, 1_700_000_000_123_456_789))
    os.link(tree / "a" / "one", tree / "b" / "same")
    os.symlink("../a/one", tree / "b" / "link")
    os.mkfifo(tree / "b" / "pipe")
    hostile = os.fsencode(tree) + b"/\xff\x1b[31m\nname"
    with open(hostile, "wb") as file:
        file.write(b"x")
    (tree / ("long" * 60)).write_bytes(b"y")
    stream, told = sent(tree)
    with tarfile.open(fileobj=io.BytesIO(stream), errors="surrogateescape") as tar:
        found = {os.path.relpath("/" + info.name, tree): info for info in tar.getmembers()}
        one = found["a/one"]
        reader = tar.extractfile(one)
        assert reader is not None and reader.read() == b"1" * 700
    assert (one.mode, one.uid, one.gid) == (0o4750, os.getuid(), os.getgid())
    assert abs(one.mtime - 1_700_000_000.123456789) < 1e-6
    assert found["b/same"].islnk() and found["b/same"].linkname == one.name
    assert found["b/link"].linkname == "../a/one"
    assert found["b/pipe"].isfifo()
    assert os.fsdecode(b"\xff\x1b[31m\nname") in found
    assert "long" * 60 in found
    assert [each["levelname"] for each in told] == ["INFO"]
    assert stream.endswith(bytes(1024)) and len(stream) % 512 == 0


@pytest.mark.parametrize(
    ("exclude", "gone"),
    [
        ("*.tmp", {"a/deep/two.tmp"}),
        ("fm:*/deep", {"a/deep", "a/deep/two.tmp"}),
        ("fm:*/deep/", {"a/deep/two.tmp"}),
        ("sh:**/deep/*.tmp", {"a/deep/two.tmp"}),
        ("sh:*/deep", set()),
        ("re:/two", {"a/deep/two.tmp"}),
        ("pp:{root}/a", {"a", "a/one", "a/deep", "a/deep/two.tmp"}),
        ("pf:{root}/a/one", {"a/one"}),
        ("fm:*/[o-p]ne", {"a/one"}),
        ("fm:*/[!o]*", {".", "a", "a/one", "a/deep", "a/deep/two.tmp", "b", "b/empty"}),
        ("a:b", set()),
    ],
)
def test_borgs_patterns(tree: Path, exclude: str, gone: set[str]) -> None:
    stream, _ = sent(tree, exclude=(exclude.replace("{root}", str(tree)),))
    every = {".", "a", "a/one", "a/deep", "a/deep/two.tmp", "b", "b/empty"}
    assert set(names(stream, tree)) == every - gone


def test_caches_and_marked_directories_are_left_out(tree: Path) -> None:
    (tree / "a" / ".nobackup").touch()
    (tree / "b" / "CACHEDIR.TAG").write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert names(sent(tree)[0], tree) == ["."]


def test_what_cannot_be_read_is_told_and_the_rest_is_sent(tree: Path) -> None:
    stream, told = sent(tree / "b", tree / "nowhere")
    assert names(stream, tree) == ["b", "b/empty"]
    assert [each["path"] for each in told if each["type"] == "file_status"] == [str(tree / "nowhere")]
    assert told[-1]["message"] == "1 files, 0 bytes, 1 problems"


def test_a_file_that_shrinks_or_grows_leaves_the_stream_whole(tree: Path) -> None:
    big = tree / "a" / "big"
    big.write_bytes(b"x" * (8 << 20))
    (tree / "z").write_bytes(b"last")
    launch = tar_launch((str(tree),))
    process = subprocess.Popen(
        ["/bin/sh", "-c", launch.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin and process.stdout and process.stderr
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))  # type: ignore[union-attr]
    reader.start()
    process.stdin.write(launch.payload)
    process.stdin.close()
    begun = process.stdout.read(500_000)  # it stands in the middle of the file
    os.truncate(big, 1 << 20)
    stream = (begun + process.stdout.read())[len(PREFIX) :]
    reader.join()
    for pipe in (process.stdout, process.stderr):
        pipe.close()
    assert process.wait() == 0
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        assert tar.getmember(str(big).lstrip("/")).size == 8 << 20
    assert names(stream, tree)[-1] == "z"
    assert b'"status":"C"' in errors[0]


def test_a_reader_that_goes_away_ends_it(tree: Path) -> None:
    (tree / "big").write_bytes(bytes(4 << 20))
    launch = tar_launch((str(tree),))
    process = subprocess.Popen(
        ["/bin/sh", "-c", launch.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin and process.stdout
    process.stdin.write(launch.payload)
    process.stdin.close()
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(10) == 75
