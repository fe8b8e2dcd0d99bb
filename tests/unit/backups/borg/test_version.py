"""Which Borg it is, and what is known against it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import version
from backends.backups.borg.dialect import Dialect
from backends.errors import SkipHost
from tests.unit.backups.borg.captured import VERSIONS, out


@pytest.mark.parametrize("text", VERSIONS)
def test_real_ones(text: str) -> None:
    found = version.parse(out(text, "version"))
    assert found.text == text and version.has_fuse(out(text, "debug-info")) is False


def test_fuse() -> None:
    assert version.has_fuse(b"Borg: 1.2.4  Python: CPython 3.11.2 msgpack: 1.0.3 fuse: pyfuse3 3.2.1 [pyfuse3,llfuse]")
    assert version.has_fuse(b"") is None


@pytest.mark.parametrize(("said", "text"), [(b"borg 1.4.0b2\n", "1.4.0"), (b"borg 1.2.8.dev1+g1a2b\n", "1.2.8")])
def test_unfinished_ones(said: bytes, text: str) -> None:
    assert version.parse(b"warning: something\n" + said).text == text


@pytest.mark.parametrize("said", [b"borg 1.1.17\n", b"borg 2.0.0b20\n", b"borg 0.30.0\n"])
def test_others_are_not_supported(said: bytes) -> None:
    with pytest.raises(SkipHost, match="not supported"):
        version.parse(said)


@pytest.mark.parametrize("said", [b"", b"borgmatic 2.1", b"\x1b[2Jborg", b"\xff" * 5000, b"borg one.two"])
def test_what_is_no_borg(said: bytes) -> None:
    with pytest.raises(SkipHost, match="not Borg") as caught:
        version.parse(said)
    assert "\x1b" not in str(caught.value)


def test_what_is_known_against_versions() -> None:
    def known(*numbers: int) -> list[str]:
        major, minor, patch = numbers
        return [each.split(":")[0] for each in version.problems(Dialect(major=major, minor=minor, patch=patch))]

    assert known(1, 2, 4) == ["CVE-2023-36811", "CVE-2026-62268"]
    assert known(1, 2, 5) == known(1, 4, 4) == ["CVE-2026-62268"]
    assert known(1, 4, 5) == known(1, 4, 6) == []


@given(st.binary(max_size=100))
def test_any_answer(said: bytes) -> None:
    for answer in (said, b"borg " + said, b"fuse: " + said):
        version.has_fuse(answer)
        with contextlib.suppress(SkipHost):
            version.parse(answer)
