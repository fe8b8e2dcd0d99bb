"""Snapshots of this very machine and of planted trees: read back, compared, packed by real Borg, and never believed blindly."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.drift import compare, unified
from backends.backups.snapshot_model import Snapshot, decode, encode
from backends.backups.snapshots import CONTENT_LIMIT, launch, read
from backends.errors import BadInput, RetryLater
from backends.text import clean
from tests.unit.backups.snapshot_case import pieces, snapshot, taken, tar_of
from tests.unit.hostkit.parts import plant

UNSTEADY = {"fact:addresses", "fact:routes", "fact:sysctl", "fact:modules", "fact:mounts", "fact:repositories"}
"""What other tests may change on this machine meanwhile."""


def read_all(data: bytes) -> Snapshot:
    return read(pieces(data))


@pytest.fixture(scope="module")
def here() -> bytes:
    """This machine, for real."""
    return tar_of(facts="all")


@pytest.fixture(scope="module")
def again(here: bytes) -> bytes:
    """The same, right after it."""
    return tar_of(facts="all")


def test_this_machine_is_told_with_its_files_and_facts(here: bytes) -> None:
    found = read_all(here)
    assert found.meta.kind == "config" and found.meta.host == os.uname().nodename
    assert found.entries["etc/passwd"].type == "-" and b"root:" in found.contents["etc/passwd"]
    assert "etc/shadow" not in found.entries
    assert found.facts["kernel"].split()[1] == os.uname().release
    assert "vm.swappiness" in found.facts["sysctl"]
    assert found.meta.boot_id and found.meta.distribution
    assert set(found.meta.absent).isdisjoint(found.facts)


def test_twice_in_a_row_almost_nothing_differs(here: bytes, again: bytes) -> None:
    found = compare(read_all(here), read_all(again), against="then", time=0)
    assert {each.path for each in found.entries if each.path.startswith("fact:")} <= UNSTEADY
    assert len([each for each in found.entries if not each.path.startswith("fact:")]) <= 2
    assert found.same > 200


def test_a_change_is_seen_and_nothing_else(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/ssh/sshd_config": "PermitRootLogin no\n", "etc/motd": "x\n", "etc/hosts": "127.0.0.1 a\n"})
    before = taken(tmp_path)
    assert compare(before, taken(tmp_path), against="then", time=0).entries == ()
    plant(tmp_path, {"etc/ssh/sshd_config": "PermitRootLogin yes\n"})
    (tmp_path / "etc/motd").chmod(0o600)
    after = taken(tmp_path)
    found = compare(before, after, against="then", time=0)
    assert [(each.path, each.kind) for each in found.entries] == [
        ("etc/motd", "mode"),
        ("etc/ssh/sshd_config", "content"),
    ]
    shown = unified(before, after, "etc/ssh/sshd_config").splitlines()
    assert shown[2:] == ["@@ -1 +1 @@", "-PermitRootLogin no", "+PermitRootLogin yes"]


@pytest.mark.skipif(shutil.which("borg") is None, reason="no Borg on this machine")
def test_borg_packs_it_twice_for_the_price_of_once_and_gives_it_back(here: bytes, again: bytes, tmp_path: Path) -> None:
    def borg(*words: str, stdin: bytes = b"") -> bytes:
        environment = {
            **os.environ,
            "BORG_BASE_DIR": str(tmp_path / "base"),
            "BORG_REPO": str(tmp_path / "repo"),
            "TZ": "UTC",
        }
        environment["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"
        return subprocess.run(["borg", *words], input=stdin, env=environment, capture_output=True, timeout=60, check=True).stdout  # fmt: skip

    borg("init", "-e", "none")
    sizes = []
    for name, data in (("one", here), ("two", again)):
        stats = json.loads(borg("import-tar", "--json", f"::{name}", "-", stdin=data))["archive"]["stats"]
        sizes.append(stats["deduplicated_size"])
    assert sizes[1] < sizes[0] * 0.05
    assert read_all(borg("export-tar", "::one", "-")) == read_all(here)


def test_the_launch_is_for_a_channel_of_its_own() -> None:
    found = launch("config", ("/srv/models",), become="sudo")
    assert "2>&1 <" in found.command, "sudo's own words are caught"
    assert not found.command.rstrip("'").endswith("2>&1"), "stderr stays apart from the tar"
    assert len(found.payload) < 64 << 10


def test_large_and_binary_files_are_known_by_their_hash_alone(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/big": "x" * (CONTENT_LIMIT + 1), "etc/binary": b"a\0b", "etc/small": "x"})
    found = taken(tmp_path)
    assert set(found.contents) == {"etc/small"}
    assert len(found.entries["etc/big"].sha256) == 64


def test_secrets_are_never_held(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/shadow": "root:$6$x$hunter2:1:0:99999:7:::\n"})
    found = taken(tmp_path, "secrets")
    assert found.contents == {} and "hunter2" not in repr(found) and found.entries["etc/shadow"].sha256


def test_it_is_stored_compactly_and_comes_back_without_texts(here: bytes) -> None:
    found = read_all(here)
    stored = encode(found)
    assert len(stored) < len(here) // 10
    assert decode(stored) == found.bare


@given(st.binary(max_size=300))
def test_other_bytes_are_no_stored_snapshot(data: bytes) -> None:
    with pytest.raises(BadInput):
        decode(data)


def test_a_stored_one_that_is_cut_off_or_grows_without_end_is_refused() -> None:
    import zlib

    stored = encode(snapshot(files={"etc/x": "y"}))
    for place in (1, len(stored) // 2, len(stored) - 1):
        with pytest.raises(BadInput):
            decode(stored[:place])
    with pytest.raises(BadInput):
        decode(zlib.compress(b"\0" * (65 << 20)))


# hostile streams


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = plant(tmp_path_factory.mktemp("small"), {"etc/a": "1\n", "etc/b": "2\n"})
    return tar_of(top=str(root), facts=[{"name": "x", "steps": [["echo", "x"]]}])


Rewrite = Callable[[str, bytes], bytes | None]


def rewritten(data: bytes, change: Rewrite) -> bytes:
    """The tar with other contents; None leaves a member out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            content = old.extractfile(member)
            text = change(member.name, content.read() if content else b"")
            if text is not None:
                member.size = len(text)
                new.addfile(member, io.BytesIO(text))
    return out.getvalue()


def put(path: str, text: bytes | None) -> Rewrite:
    return lambda name, data: text if name == path else data


def test_it_is_whole(small: bytes) -> None:
    assert read_all(rewritten(small, lambda _, data: data)) == read_all(small)
    assert read_all(small).facts == {"x": "x\n"}


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("swarm/manifest.jsonl", None, "before its own list"),
        ("swarm/meta.json", None, "before its own list"),
        ("swarm/meta.json", b"{", "about itself"),
        ("swarm/meta.json", b'{"kind":"other"}', "about itself"),
        ("swarm/meta.json", b"\xff", "about itself"),
        ("swarm/manifest.jsonl", b"[]\n", "list is not understood"),
        (
            "swarm/manifest.jsonl",
            b'{"path":"\\u001b[2J","type":"-","mode":0,"uid":0,"gid":0}\n',
            "list is not understood",
        ),
        ("swarm/manifest.jsonl", b"", "4 files, but its list has 0|3 files, but its list has 0"),
        ("etc/a", b"other\n", "etc/a is not what its list says"),
        ("etc/a", None, "etc/a is on its list and not there"),
    ],
)
def test_one_that_contradicts_itself_is_refused(small: bytes, path: str, text: bytes | None, why: str) -> None:
    with pytest.raises(RetryLater, match=why):
        read_all(rewritten(small, put(path, text)))


@given(data=st.data())
def test_one_that_breaks_off_is_refused(small: bytes, data: st.DataObject) -> None:
    whole = len(small.rstrip(b"\0"))
    with pytest.raises(RetryLater):
        read_all(small[: data.draw(st.integers(0, whole))])


@given(data=st.data())
def test_a_flipped_byte_is_noticed_or_harmless(small: bytes, data: st.DataObject) -> None:
    spoiled = bytearray(small)
    place = data.draw(st.integers(0, len(spoiled) - 1))
    spoiled[place] ^= data.draw(st.integers(1, 255))
    try:
        found = read_all(bytes(spoiled))
    except RetryLater:
        return
    assert {path: each.sha256 for path, each in found.entries.items()}.keys() <= {"etc", "etc/a", "etc/b"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_host_says_of_itself_comes_out_clean(host: str, why: str) -> None:
    meta = {"kind": "config", "host": host, "left_out": [[host, why]], "facts": {why: {"error": host}}, "absent": [why]}
    data = _tar({"swarm/meta.json": _json(meta), "swarm/manifest.jsonl": b""})
    found = read_all(data)
    said = [
        found.meta.host,
        *found.meta.absent,
        *found.meta.facts,
        *(text for row in found.meta.left_out for text in row),
    ]
    assert all(text == clean(text) for text in said)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
