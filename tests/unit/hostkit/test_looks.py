"""The program that looks at paths of a host, for real: names of any bytes, kinds, hashes within their bounds."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path

import pytest

from backends.backups import looks
from backends.backups.names import escaped
from backends.errors import BadInput, RetryLater, SkipHost
from backends.execution import ExecResult
from backends.sources.local_exec import LocalExec
from tests.unit.engine.parts import FakeExec

HERE = LocalExec("here")


@pytest.fixture(autouse=True)
def _python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def test_every_kind_is_seen_as_what_it_is_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    os.utime(tmp_path / "file", ns=(1, 1_700_000_000_123_456_789))
    (tmp_path / "file").chmod(0o4751)
    (tmp_path / "folder").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to("nowhere\n")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        names = ("file", "folder", "link", "pipe", "socket", "absent", "file/below")
        found = looks.look(HERE, "none", [f"{tmp_path}/{name}" for name in names])
    kinds = {Path(path).name: each.type for path, each in found.items()}
    assert kinds == {"file": "-", "folder": "d", "link": "l", "pipe": "p", "socket": "s"}
    file = found[f"{tmp_path}/file"]
    assert (file.mode, file.size, file.mtime_ns, file.sha256) == (0o4751, 5, 1_700_000_000_123_456_789, "")
    assert (file.uid, file.gid) == (os.getuid(), os.getgid())
    assert found[f"{tmp_path}/link"].target == "nowhere\\x0a"
    assert found["/dev/null" if "/dev/null" in found else f"{tmp_path}/folder"].mode == 0o750


def test_names_of_any_bytes_come_back_under_the_name_that_was_asked_for(tmp_path: Path) -> None:
    names = [os.fsdecode(bytes([letter])) + "x" for letter in range(1, 256) if letter != ord("/")]
    for name in names:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    paths = [escaped(f"{tmp_path}/{name}") for name in names]
    assert set(looks.look(HERE, "none", paths)) == set(paths)


def test_hashes_are_those_of_the_bytes_and_a_large_file_is_left_when_the_bound_is_reached(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * 1000)
    (tmp_path / "large").write_bytes(b"y" * 5000)
    (tmp_path / "link").symlink_to("small")
    paths = [f"{tmp_path}/{name}" for name in ("small", "large", "link")]
    found = looks.look(HERE, "none", paths, hashes=True, most_bytes=3000)
    assert found[paths[0]].sha256 == hashlib.sha256(b"x" * 1000).hexdigest()
    assert (found[paths[1]].sha256, found[paths[1]].note) == ("", "too large")
    assert (found[paths[2]].sha256, found[paths[2]].target) == ("", "small")


def test_no_time_means_no_hash_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    found = looks.look(HERE, "none", [f"{tmp_path}/file"], hashes=True, seconds=-1.0)
    assert found[f"{tmp_path}/file"].note == "no time left"


def test_the_filesystem_of_a_directory_that_is_to_be_made_is_that_of_the_nearest_one(tmp_path: Path) -> None:
    answer = looks.ask(HERE, "none", (), directory=f"{tmp_path}/to/be/made")
    assert answer.ground is not None
    assert answer.ground.directory == str(tmp_path.resolve())
    assert answer.ground.device == tmp_path.stat().st_dev
    assert answer.ground.free_bytes > 0 and not answer.ground.read_only
    assert answer.root is (os.geteuid() == 0)


@pytest.mark.parametrize("path", ["relative", "", "/a\\q"])
def test_what_is_no_absolute_path_is_never_asked(path: str) -> None:
    with pytest.raises(BadInput):
        looks.look(FakeExec("a", RetryLater("must not be asked")), "none", [path])


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"motd only\n", RetryLater),
        (b"swarm-kit 1 NOPYTHON\n", SkipHost),
        (b'swarm-kit 1 answer\n{"ok":true}\n[0,"-",1,0,0,1,1,1,"",""]\n', RetryLater),
        (b'swarm-kit 1 answer\n{"ok":true}\n[7,"-",1,0,0,1,1,1,"",""]\n{"end":{}}\n', RetryLater),
        (b'swarm-kit 1 answer\n{"ok":true}\nnonsense\n' + b'{"end":{"paths":1}}\n', RetryLater),
        (b'swarm-kit 1 answer\n{"ok":false,"text":"more than 100000 paths at once"}\n', SkipHost),
        (b"swarm-kit 1 answer\n" + b"[" * 100_000, RetryLater),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_never_a_missing_file(said: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        looks.look(FakeExec("a", ExecResult(exit_status=0, stdout=said)), "none", ["/etc/passwd"])


END = b'{"end":{"paths":1,"users":{"0":"ro\\u001b[2Jot"},"groups":{},"machine":"x","root":true}}\n'


def test_the_hosts_words_are_made_safe_and_an_index_out_of_range_is_refused() -> None:
    row = b'[0,"l",41471,0,0,4,1,1,"zz","\\u00ff\\u000a"]\n'
    answer = looks.decode(b'swarm-kit 1 answer\n{"ok":true}\n' + row + END, ["/x"])
    assert (answer.found["/x"].user, answer.found["/x"].target) == ("root", "\\xff\\x0a")
    assert (answer.found["/x"].mode, answer.found["/x"].sha256) == (0o777, "")
    with pytest.raises(ValueError, match="path 3"):
        looks.decode(b'swarm-kit 1 answer\n{"ok":true}\n' + row.replace(b"[0", b"[3") + END, ["/x"])
