"""Borg is looked for on a machine; what is no Borg that we know is said so, with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest

from backends.backups.borg.dialect import Dialect
from backends.backups.discovery import find
from backends.errors import RetryLater, SkipHost
from backends.execution import ExecResult, OnOutput
from tests.borgs import borg_12

INFO = b"Platform: Linux\nBorg: 1.4.5  Python: CPython 3.11.7 msgpack: 1.2.1 fuse: %s [pyfuse3,llfuse]\n"


class Machine:
    """Answers by the last words of a command."""

    host = "gpu01"

    def __init__(self, **answers: ExecResult):
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.asked.append(tuple(argv))
        key = {"--version": "version", "info": "info", "/dev/fuse": "fuse"}[argv[-1]]
        return self.answers.get(key, ExecResult(exit_status=1))


class Real:
    """This machine, no more than is needed here."""

    host = "here"

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        done = subprocess.run(list(argv), capture_output=True, input=stdin, timeout=timeout_seconds)
        return ExecResult(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)


def said(text: bytes, status: int = 0, err: bytes = b"") -> ExecResult:
    return ExecResult(exit_status=status, stdout=text, stderr=err)


def test_a_borg_that_can_mount() -> None:
    machine = Machine(version=said(b"borg 1.4.5\n"), info=said(INFO % b"pyfuse3 3.2.1"), fuse=said(b""))
    assert find(machine, "/opt/borg") == Dialect(major=1, minor=4, patch=5, fuse=True)
    assert all("/opt/borg" in argv for argv in machine.asked[:2])
    assert {"LC_ALL=C.UTF-8", "TZ=UTC"} <= set(machine.asked[0])


def test_without_the_device_or_the_module_it_cannot() -> None:
    assert find(Machine(version=said(b"borg 1.4.5\n"), info=said(INFO % b"pyfuse3 3.2.1"))).fuse is False
    assert find(Machine(version=said(b"borg 1.4.5\n"), info=said(INFO % b"None"))).fuse is False
    assert find(Machine(version=said(b"borg 1.4.5\n"))).fuse is None


def test_none() -> None:
    with pytest.raises(SkipHost, match="there is no borg") as caught:
        find(Machine(version=said(b"", 127, b"env: 'borg': No such file or directory\n")))
    assert caught.value.host == "gpu01" and caught.value.hint and "tar" in caught.value.hint


def test_a_broken_one_is_quoted_safely() -> None:
    with pytest.raises(SkipHost, match="does not start: ImportError"):
        find(Machine(version=said(b"", 1, b"ImportError: libcrypto\x1b[2J")))


@pytest.mark.parametrize("text", [b"borg 1.1.17\n", b"borg 2.0.0b20\n", b"hello\n"])
def test_one_that_is_not_known_is_named_with_its_host(text: bytes) -> None:
    with pytest.raises(SkipHost) as caught:
        find(Machine(version=said(text)))
    assert caught.value.host == "gpu01"


def test_a_machine_that_is_away_is_not_one_without_borg() -> None:
    class Away(Machine):
        def run(self, *arguments: object, **more: object) -> ExecResult:
            raise RetryLater("not connected", host=self.host)

    with pytest.raises(RetryLater):
        find(Away())


def test_the_real_one_here() -> None:
    found = find(Real(), borg_12())
    assert found.major == 1 and found.fuse is not None
