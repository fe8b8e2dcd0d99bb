"""Configuration files out of an archive, read by what they are for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.config_parse import LARGEST, Parsed, parse

needs_visudo = pytest.mark.skipif(shutil.which("visudo") is None, reason="no visudo here")
needs_sshd = pytest.mark.skipif(shutil.which("sshd") is None, reason="no sshd here")


def read(path: str, content: str, folder: Path) -> Parsed:
    found = parse(path, content.encode(), folder)
    assert found is not None
    assert list(folder.iterdir()) == [], "the copy is gone"
    return found


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n# comment\n", "root:x:0:root:/root:/bin/sh\n"),
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", "root:x:zero:0:root:/root:/bin/sh\n"),
        ("etc/group", "root:x:0:\n", ""),
        ("etc/shadow", "root:!:19000:0:99999:7:::\n", "root:!\n"),
        ("etc/docker/daemon.json", '{"a": 1}', '{"a": 1,}'),
        ("etc/containerd/config.toml", "version = 2\n", "version =\n"),
        ("etc/netplan/50-cloud.yaml", "network: {version: 2}\n", "network: {version\n"),
        ("etc/grafana/grafana.ini", "[a]\nb = 1\n", "b = 1\n"),
        ("etc/cron.daily/x", "#!/bin/sh\nif true; then :; fi\n", "#!/bin/sh\nif true\n"),
        ("usr/local/bin/y", "#!/usr/bin/env bash\nx=(1)\n", "#!/usr/bin/env bash\nx=(\n"),
    ],
)
def test_a_good_file_is_accepted_and_a_bad_one_is_not(path: str, good: str, bad: str, tmp_path: Path) -> None:
    assert read(path, good, tmp_path).ok
    refused = read(path, bad, tmp_path)
    assert refused.ok is False
    assert refused.said


@needs_visudo
def test_sudoers_are_read_by_visudo_alone_without_what_they_include(tmp_path: Path) -> None:
    assert read("etc/sudoers", "root ALL=(ALL) ALL\n@includedir /nowhere\n#include /dev/zero\n", tmp_path).ok
    refused = read("etc/sudoers.d/x", "root ALL=(ALL) ALX:\n", tmp_path)
    assert refused.ok is False
    assert "etc/sudoers.d/x:1" in refused.said
    assert str(tmp_path) not in refused.said


@needs_sshd
def test_sshd_judges_the_file_and_not_this_machine(tmp_path: Path) -> None:
    assert read("etc/ssh/sshd_config", "Include /nowhere/*\nHostKey /nowhere/key\nPort 22\n", tmp_path).ok in (
        True,
        None,
    )
    refused = read("etc/ssh/sshd_config", "Port 22\nBogus yes\n", tmp_path)
    assert refused.ok is False
    assert "line 2" in refused.said


def test_a_program_that_fails_without_naming_the_file_says_nothing_about_it(tmp_path: Path) -> None:
    def run(argv: Sequence[str], seconds: float) -> tuple[int, str]:
        return 255, "Missing privilege separation directory: /run/sshd"

    found = parse("etc/cron.daily/x", b"#!/bin/sh\n", tmp_path, run)
    assert found is not None
    assert found.ok is None


def test_a_program_that_hangs_says_nothing_either(tmp_path: Path) -> None:
    def run(argv: Sequence[str], seconds: float) -> tuple[int, str]:
        raise TimeoutError("sh took more than 10 s")

    found = parse("etc/cron.daily/x", b"#!/bin/sh\n", tmp_path, run)
    assert found is not None
    assert (found.ok, found.said) == (None, "sh took more than 10 s")
    assert list(tmp_path.iterdir()) == []


def test_what_no_parser_knows_is_left_alone(tmp_path: Path) -> None:
    assert parse("etc/hostname", b"gpu01\n", tmp_path) is None
    assert parse("etc/big.json", b" " * (LARGEST + 1), tmp_path) is None


@given(
    st.sampled_from(["etc/passwd", "etc/group", "x.json", "x.toml", "x.yaml", "x.ini"]),
    st.binary(max_size=300),
)
def test_hostile_files_are_judged_without_fail(path: str, content: bytes) -> None:
    found = parse(path, content, Path("/nowhere"))
    assert found is not None
    assert found.ok in (True, False, None)


def test_yaml_that_would_take_long_is_not_judged(tmp_path: Path) -> None:
    assert read("x.yaml", "[" * 5_000, tmp_path).ok is None
    assert read("x.yaml", "a: b\n" * 20_000, tmp_path).ok is None


def test_deep_nesting_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    assert read("x.json", "[" * 100_000, tmp_path).ok is False
    assert read("x.yaml", "[" * 200, tmp_path).ok is False
    assert read("x.toml", "a = " + "[" * 20_000, tmp_path).ok is False
