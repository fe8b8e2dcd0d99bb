"""The lab's apt repository is a real one: apt itself reads, checks and plans from it, without touching this machine."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import aptrepo
from tests.lab.aptrepo import IN_HOST, KEY_NAME, LISTED, SECRET, build, install, lab_packages, signing, source_lines
from tests.lab.commands import run

TOOLS = ("dpkg-deb", "gpg", "gpgconf")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)), reason=f"one of {', '.join(TOOLS)} is not installed here"
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both ages, one after the other, in one place."""
    place = tmp_path_factory.mktemp("apt")
    build(place, "v1")
    shutil.copyfile(place / KEY_NAME, place / "key-of-v1")
    return build(place, "v2")


def stanzas(text: str) -> list[dict[str, str]]:
    return [dict(line.split(": ", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]


def entries(place: Path, suite: str) -> list[dict[str, str]]:
    return stanzas(next((place / "dists" / suite / "main").glob("*/Packages")).read_text())


def versions(place: Path, suite: str, name: str) -> list[str]:
    return [entry["Version"] for entry in entries(place, suite) if entry["Package"] == name]


def deb(place: Path, name: str) -> Path:
    return next((place / "pool").glob(f"*/{name}_1.1-1_all.deb"))


def script(place: Path, name: str) -> str:
    return run(["dpkg-deb", "--info", str(deb(place, name)), "postinst"]).stdout


def test_every_entry_tells_size_and_sum_of_its_file(repository: Path) -> None:
    for suite in aptrepo.LABELS:
        for entry in entries(repository, suite):
            data = (repository / entry["Filename"]).read_bytes()
            assert (entry["Size"], entry["SHA256"]) == (str(len(data)), hashlib.sha256(data).hexdigest())


def test_the_release_files_tell_the_sums_of_their_indexes(repository: Path) -> None:
    for suite, label in aptrepo.LABELS.items():
        text = (repository / "dists" / suite / "Release").read_text()
        assert f"\nLabel: {label}\n" in text
        for digest, name in re.findall(r"^ ([0-9a-f]{64}) \d+ (\S+)$", text, re.MULTILINE):
            assert hashlib.sha256((repository / "dists" / suite / name).read_bytes()).hexdigest() == digest


def test_the_second_age_keeps_the_first_ones_packages_and_key(repository: Path) -> None:
    assert versions(repository, "lab", "lab-app") == ["1.0-1", "1.1-1"]
    assert versions(repository, "lab-security", "lab-lib") == ["1.0-1", "1.1-1"]
    assert (repository / KEY_NAME).read_text() == (repository / "key-of-v1").read_text()


def test_one_security_fix_lies_under_an_ordinary_update(repository: Path) -> None:
    assert versions(repository, "lab-security", "lab-hidden") == ["1.1-1"]
    assert versions(repository, "lab", "lab-hidden") == ["1.0-1", "1.2-1"]


def test_the_packages_that_hurt(repository: Path) -> None:
    assert "exit 1" in script(repository, "lab-broken")
    assert "sleep 1" in script(repository, "lab-slow")
    assert "/run/reboot-required" in script(repository, "linux-image-lab")
    assert run(["dpkg-deb", "--info", str(deb(repository, "lab-conf")), "conffiles"]).stdout == "/etc/lab.conf\n"
    assert {
        entry["Phased-Update-Percentage"] for entry in entries(repository, "lab") if "Phased-Update-Percentage" in entry
    } == {"0"}


def test_in_the_first_age_nothing_hurts() -> None:
    names = {each.name for each in lab_packages("v1")}
    assert {"lab-app", "lab-lib", "lab-conf", "lab-held", "lab-service", "linux-image-lab"} <= names
    assert not any("exit 1" in each.postinst or "sleep" in each.postinst for each in lab_packages("v1"))


def test_a_changelog_with_its_cves_travels_inside(repository: Path, tmp_path: Path) -> None:
    run(["dpkg-deb", "--extract", str(deb(repository, "lab-lib")), str(tmp_path)])
    text = run(["zcat", str(tmp_path / "usr/share/doc/lab-lib/changelog.Debian.gz")]).stdout
    assert text.index("CVE-2026-1001") < text.index("lab-lib (1.0-1)") < text.index("CVE-2025-0001")


def test_a_host_gets_everything_but_the_secret_key(repository: Path, tmp_path: Path) -> None:
    install(repository, tmp_path)
    assert (tmp_path / IN_HOST / KEY_NAME).exists()
    assert not (tmp_path / IN_HOST / SECRET).exists()
    assert (tmp_path / LISTED).read_text().splitlines()[0] == (
        "deb [signed-by=/srv/lab-repo/lab.asc] copy:/srv/lab-repo lab main"
    )


def test_a_key_of_another_time_has_expired(tmp_path: Path) -> None:
    with signing(tmp_path, made="20200101T000000", lasts="1y"):
        pass
    with signing(tmp_path) as gpg:
        listed = run([*gpg, "--list-keys", "--with-colons"]).stdout
    assert "pub:e:" in listed


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt here")
def test_apt_itself_takes_it(repository: Path, tmp_path: Path) -> None:
    apt = _private_apt(tmp_path, source_lines(f"copy:{repository}", str(repository / KEY_NAME)))
    run([*apt("apt-get"), "update", "-o", "APT::Update::Error-Mode=any"])
    offered = run([*apt("apt-cache"), "madison", "lab-hidden"]).stdout.splitlines()
    assert [line.split("|")[1].strip() for line in offered] == ["1.2-1", "1.1-1", "1.0-1"]
    assert "l=Debian-Security" in run([*apt("apt-cache"), "policy"]).stdout
    assert "Inst lab-meta" in run([*apt("apt-get"), "-s", "install", "lab-meta"]).stdout


def _private_apt(folder: Path, sources: str) -> Callable[[str], list[str]]:
    """An apt that knows only `sources` and keeps everything in `folder`."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "state/status").touch()
    (folder / "etc/sources.list").write_text(sources)
    places = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "state/status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc": folder / "etc",
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in places.items() for word in ("-o", f"{name}={value}")]
    return lambda program: [program, *options]
