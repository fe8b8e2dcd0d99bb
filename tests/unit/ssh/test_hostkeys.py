from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.ssh.hostkeys import HostKeys, Index, blob_kind, judge, matches, parse_line, preferred_kinds
from backends.ssh.trust import hashed_name
from tests.unit.ssh.keys import blob, host_certificate, public_line

NOW = 1_800_000_000.0


def index(*lines: str) -> Index:
    return Index("/kh", "\n".join(lines))


def verdict(name: str, shown: bytes, *lines: str) -> str:
    return judge(index(*lines).find(name), name, shown, NOW).kind


def test_a_recorded_key_is_known_and_another_one_is_changed() -> None:
    line = f"gpu01 {public_line('a')}"
    assert verdict("gpu01", blob("a"), line) == "known"
    assert verdict("gpu01", blob("b"), line) == "changed"
    assert verdict("gpu02", blob("a"), line) == "unknown"


def test_the_verdict_names_the_line() -> None:
    found = judge(index("# mine", f"gpu01 {public_line('a')}").find("gpu01"), "gpu01", blob("b"), NOW)
    assert found.entry is not None
    assert found.entry.place == "/kh:2"


@pytest.mark.parametrize(
    ("patterns", "name", "hit"),
    [
        ("gpu01,gpu02", "gpu02", True),
        ("*.lab", "gpu01.lab", True),
        ("*.lab", "gpu01.other", False),
        ("gpu0?", "gpu01", True),
        ("*,!gpu01", "gpu01", False),
        ("!gpu01,*", "gpu02", True),
        ("[10.0.0.1]:2222", "[10.0.0.1]:2222", True),
        ("[10.0.0.*]:2222", "[10.0.0.7]:2222", True),
        ("[10.0.0.*]:2222", "10.0.0.7", False),
        ("!gpu01", "gpu02", False),
    ],
)
def test_patterns_are_those_of_openssh(patterns: str, name: str, hit: bool) -> None:
    assert matches(tuple(patterns.split(",")), name) is hit
    assert verdict(name, blob("a"), f"{patterns} {public_line('a')}") == ("known" if hit else "unknown")


def test_names_are_compared_without_case() -> None:
    assert verdict("gpu01", blob("a"), f"GPU01 {public_line('a')}") == "known"


def test_hashed_names_are_found() -> None:
    line = f"{hashed_name('[10.0.0.1]:2222')} {public_line('a')}"
    assert verdict("[10.0.0.1]:2222", blob("a"), line) == "known"
    assert verdict("10.0.0.1", blob("a"), line) == "unknown"


def test_one_of_several_recorded_keys_is_enough() -> None:
    assert verdict("gpu01", blob("b"), f"gpu01 {public_line('a')}", f"gpu* {public_line('b')}") == "known"


def test_a_revoked_key_is_refused_even_when_it_is_recorded() -> None:
    lines = (f"gpu01 {public_line('a')}", f"@revoked * {public_line('a')}")
    assert verdict("gpu01", blob("a"), *lines) == "revoked"


def test_an_authority_vouches_for_its_certificates_alone() -> None:
    line = f"@cert-authority *.lab {public_line('ca')}"
    assert verdict("gpu01.lab", host_certificate("a", "ca", "gpu01.lab"), line) == "known"
    assert verdict("gpu01.lab", host_certificate("a", "other", "gpu01.lab"), line) == "unknown"
    assert verdict("gpu01.lab", blob("a"), line) == "unknown", "a plain key has nobody who vouches for it"


def test_a_certificate_of_a_recorded_plain_key_is_known_and_of_a_revoked_authority_is_not() -> None:
    shown = host_certificate("a", "ca", "gpu01")
    assert verdict("gpu01", shown, f"gpu01 {public_line('a')}") == "known"
    lines = (f"@cert-authority * {public_line('ca')}", f"@revoked * {public_line('ca')}")
    assert verdict("gpu01", shown, *lines) == "revoked"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("gpu01", "three fields"),
        ("gpu01 ssh-ed25519 !!!", "base64"),
        ("gpu01 ssh-rsa " + public_line("a").split()[1], "kind"),
        ("@what gpu01 " + public_line("a"), "marker"),
        ("gpu01 1024 35 1234567", "SSH-1"),
        (", " + public_line("a"), "no host name"),
        ("|1|x " + public_line("a"), "hashed"),
    ],
    ids=range(7),  # the keys are made anew in each process, so they cannot name the cases
)
def test_a_bad_line_is_a_warning_with_its_place_and_loses_nothing(line: str, word: str) -> None:
    found = index(line, f"gpu01 {public_line('a')}")
    assert len(found.find("gpu01")) == 1
    (warning,) = found.warnings
    assert warning.startswith("/kh:1: ")
    assert word in warning


@given(st.text(max_size=200), st.text(max_size=40))
@settings(max_examples=100)
def test_no_text_breaks_the_index(text: str, name: str) -> None:
    Index("/kh", text).find(name)


@given(st.text(min_size=1, max_size=120).filter(lambda text: bool(text.split())))
@settings(max_examples=100)
def test_no_line_breaks_the_parser(line: str) -> None:
    parse_line(line.strip() or "x", "/kh", 1)


@given(st.binary(max_size=100))
@settings(max_examples=100)
def test_no_shown_key_breaks_the_judgement(shown: bytes) -> None:
    entries = index(f"@cert-authority * {public_line('ca')}", f"gpu01 {public_line('a')}").find("gpu01")
    assert judge(entries, "gpu01", shown, NOW).kind == "changed"
    assert isinstance(blob_kind(shown), str)


def test_recorded_kinds_are_asked_for_first() -> None:
    entries = index(f"gpu01 {public_line('a')}").find("gpu01")
    assert preferred_kinds(entries) == ("ssh-ed25519",)
    entries = index(f"@cert-authority * {public_line('ca')}").find("gpu01")
    assert preferred_kinds(entries)[0] == "ssh-ed25519-cert-v01@openssh.com"
    assert preferred_kinds([]) == ()


def test_a_changed_file_is_read_again_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    path, keys = tmp_path / "known_hosts", HostKeys()
    files = (str(path),)
    assert keys.entries(files, "gpu01") == []
    path.write_text(f"gpu01 {public_line('a')}\n")
    assert len(keys.entries(files, "gpu01")) == 1
    path.write_text(f"gpu01 {public_line('a')}\ngpu01 {public_line('b')}\ngarbage\n")
    assert len(keys.entries(files, "gpu01")) == 2
    assert len(keys.warnings(files)) == 1


def test_a_directory_instead_of_a_file_is_a_warning(tmp_path: Path) -> None:
    (warning,) = HostKeys().warnings((str(tmp_path),))
    assert "cannot be read" in warning
