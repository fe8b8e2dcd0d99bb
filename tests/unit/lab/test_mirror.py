"""The lab's packages come from this machine's own apt sources: the Debian ones, of its own release."""

from __future__ import annotations

from pathlib import Path

from tests.lab.mirror import FALLBACK_SUITE, kept_options, mirror, this_machine

DEBIAN = 'ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian"\n'
STANZAS = """Types: deb deb-src
# a comment
URIs: http://mirror.example/debian http://second.example/debian
Suites: trixie trixie-updates trixie-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb
URIs: https://vendor.example/tools
Suites: nodistro
Components: main
"""


def test_stanzas_become_lines_for_this_release_only() -> None:
    found = mirror(DEBIAN, [("debian.sources", STANZAS)])
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert found.suite == "trixie"
    assert found.sources.splitlines() == [
        f"deb {signed} http://mirror.example/debian trixie main",
        f"deb {signed} http://mirror.example/debian trixie-updates main",
        f"deb {signed} http://second.example/debian trixie main",
        f"deb {signed} http://second.example/debian trixie-updates main",
    ]


def test_one_line_sources_keep_their_options_and_others_are_left_out() -> None:
    text = (
        "# deb http://commented.example/debian trixie main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie-security main non-free\n"
        "deb-src http://a.example/debian trixie main\n"
        "deb https://vendor.example/sdk cloud-sdk-trixie main\n"
        "deb http://a.example/debian trixie contrib\n"
    )
    found = mirror(DEBIAN, [("sources.list", text)])
    assert found.sources == "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie-security main non-free\n"


def test_another_distribution_gets_the_default_debian() -> None:
    ubuntu = mirror("ID=ubuntu\nVERSION_CODENAME=noble\n", [("ubuntu.sources", STANZAS)])
    assert ubuntu.suite == FALLBACK_SUITE
    assert "deb.debian.org" in ubuntu.sources


def test_a_debian_without_usable_sources_gets_its_own_release_from_the_public_mirror() -> None:
    assert mirror(DEBIAN, []).sources == "deb http://deb.debian.org/debian trixie main\n"


def test_only_files_that_apt_reads_are_read(tmp_path: Path) -> None:
    lists = tmp_path / "etc/apt/sources.list.d"
    lists.mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text(DEBIAN)
    (lists / "debian.list").write_text("deb http://on.example/debian trixie main\n")
    (lists / "debian.list.disabled").write_text("deb http://off.example/debian trixie main\n")
    assert this_machine(tmp_path).sources == "deb http://on.example/debian trixie main\n"


def test_settings_without_which_a_mirror_may_not_answer_are_kept() -> None:
    dump = 'Acquire::Check-Date "false";\nAcquire::http "";\nAPT::Architecture "amd64";\nAcquire::http::Proxy "http://p";\n'
    assert kept_options(dump) == ['Acquire::Check-Date "false";', 'Acquire::http::Proxy "http://p";']
