from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.ssh.configfiles import scan, split


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config"
    path.write_text(text)
    return str(path)


def test_hosts_are_alike_when_the_same_lines_match(tmp_path: Path) -> None:
    found = scan(write(tmp_path, "Host gpu*\n User a\nHost gpu01\n User b\nHost * !login\n User c\n"))
    assert found.alike("gpu02") == found.alike("GPU03") == (0, 2)
    assert found.alike("gpu01") == (0, 1, 2)
    assert found.alike("login") == ()


def test_includes_are_followed_watched_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "extra.d").mkdir()
    (tmp_path / "extra.d" / "one").write_text("Host one\n")
    loop = write(tmp_path, f"Include {tmp_path}/extra.d/*\nInclude {tmp_path}/config\n")
    found = scan(loop)
    assert ("one",) in found.hosts
    assert str(tmp_path / "extra.d" / "one") in {stamp.path for stamp in found.stamps}
    assert len(found.stamps) < 50


def test_what_may_differ_between_hosts_is_seen(tmp_path: Path) -> None:
    assert not scan(write(tmp_path, "Match all\n User a\nHost x\n HostName y\n")).personal
    assert scan(write(tmp_path, "Host *\n HostName %h.lab\n")).personal
    assert scan(write(tmp_path, "CanonicalizeHostname yes\n")).personal
    assert scan(write(tmp_path, "Match host gpu01\n")).personal
    volatile = scan(write(tmp_path, 'Match exec "true"\n'))
    assert volatile.personal
    assert volatile.volatile


def test_none_reads_nothing_and_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert scan("none").stamps == ()
    (stamp,) = scan(str(tmp_path / "missing")).stamps
    assert stamp.mtime_ns is None


def test_lines_are_split_as_openssh_splits_them() -> None:
    assert split("  Host  a b # comment") == ["Host", "a", "b"]
    assert split("Port=22") == ["Port", "22"]
    assert split("Port = 22") == ["Port", "22"]
    assert split('IdentityFile "a b"') == ["IdentityFile", "a b"]
    assert split("# Host x") == split("") == []


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_no_line_breaks_the_reader(line: str) -> None:
    split(line)
