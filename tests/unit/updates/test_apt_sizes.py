"""What is to be fetched is added up from the list of files; what disk it takes is apt's own sentence."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_sizes import parse
from tests.unit.updates.apt_host import text
from tests.unit.updates.apt_hostile import damaged


def test_files_are_known_by_package_and_version() -> None:
    found = parse(text("debian12-plan-all", "sizes-install.out"))
    assert found.files["libssl3", "3.0.22-1~deb12u2"] == 2039888
    assert found.download_bytes == sum(found.files.values()) > 80_000_000
    assert found.disk_bytes == 413_000_000


def test_the_colon_of_an_epoch_and_the_hash_of_ubuntu() -> None:
    line = "'http://m/pool/o/openssh/x.deb' openssh-server_1%3a8.9p1-3_amd64.deb 434722 MD5Sum:0123456789abcdef"
    assert parse(line).files == {("openssh-server", "1:8.9p1-3"): 434722}


@pytest.mark.parametrize(
    ("sentence", "amount"),
    [
        ("After this operation, 410 MB of additional disk space will be used.", 410_000_000),
        ("After this operation, 19.5 kB of additional disk space will be used.", 19_500),
        ("After this operation, 1,024 B disk space will be freed.", -1024),
        ("After this operation, 2.1 GB disk space will be freed.", -2_100_000_000),
        ("After this operation, some disk space will be used.", None),
    ],
)
def test_disk_space(sentence: str, amount: int | None) -> None:
    assert parse(sentence).disk_bytes == amount


def test_nothing_to_fetch_is_zero_and_unsaid_disk_is_unknown() -> None:
    assert (parse("").download_bytes, parse("").disk_bytes) == (0, None)


@given(damaged("debian12-plan-all", "sizes-install.out"))
def test_any_text_can_be_read(hostile: str) -> None:
    found = parse(hostile)
    assert all(size >= 0 for size in found.files.values())
    assert found.disk_bytes is None or abs(found.disk_bytes) < 10**28
