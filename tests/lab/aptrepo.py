"""Builds a signed apt repository of small packages that behave like the ones that hurt: two suites, two ages.

Pure Python with dpkg-deb and gpg. The second age ("v2") still carries the first one's packages, so that a host can go
back. What a suite is to apt is in its Release file: `lab-security` calls itself Debian-Security, as the real one does.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Literal

from tests.lab.commands import attempt, run

Age = Literal["v1", "v2"]

LABELS = {"lab": "Debian", "lab-security": "Debian-Security"}
"""Suite → label, by which security updates are told apart."""
VERSIONS: dict[Age, str] = {"v1": "1.0-1", "v2": "1.1-1"}
KEY_NAME = "lab.asc"
"""The public key, beside dists/ and pool/."""
IN_HOST = Path("srv/lab-repo")
"""Where `install` lays the repository in a host's root."""
LISTED = Path("etc/apt/sources.list.d/lab.list")
SECRET = "secret.asc"

BOOT_FILES = """
mkdir -p /boot
for kind in vmlinuz initrd.img; do head -c 3000000 /dev/zero > /boot/$kind-$DPKG_MAINTSCRIPT_PACKAGE; done
touch /run/reboot-required
echo "$DPKG_MAINTSCRIPT_PACKAGE" >> /run/reboot-required.pkgs
"""
HOLD = "/run/lab-hold"
SLOW = f"i=0; while [ $i -lt 20 ] || [ -e {HOLD} ]; do echo slow $i; sleep 1; i=$((i+1)); done"
"""Twenty seconds, and as long as a test holds it."""
RESTART = "if [ -d /run/systemd/system ]; then systemctl daemon-reload; systemctl restart lab.service; fi"
BROKEN = 'echo "postinst fails on purpose" >&2; exit 1'
UNIT = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"


@dataclass(frozen=True)
class Deb:
    """One package to build."""

    name: str
    version: str
    suite: str = "lab"
    control: Mapping[str, str] = field(default_factory=dict)
    """More control fields: Depends, Conflicts …"""
    index: Mapping[str, str] = field(default_factory=dict)
    """Fields that only the repository's index has: Phased-Update-Percentage."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path without the leading slash → text."""
    conffiles: tuple[str, ...] = ()
    postinst: str = ""
    """Body of a shell script; "" for none."""
    changes: tuple[str, ...] = ()
    """Lines of this version's changelog stanza."""

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version.partition(':')[2] or self.version}_all.deb"

    @property
    def fields(self) -> dict[str, str]:
        """The control file."""
        given = {"Package": self.name, "Version": self.version, "Architecture": "all", "Section": "admin"}
        about = {"Maintainer": "lab <lab@example.invalid>", "Description": f"lab package {self.name}"}
        return {**given, **about, **self.control}


def lab_packages(age: Age) -> list[Deb]:
    """The lab's packages as they are at `age`: at v2 with those of v1 still there."""
    return _at("v1") if age == "v1" else [*_at("v1"), *_at("v2"), *_hidden()]


def build(place: Path, age: Age, packages: Iterable[Deb] | None = None) -> Path:
    """Build or renew the repository in `place`; what is there is replaced, but for the key.

    Raises Stop when dpkg-deb or gpg is missing or fails.
    """
    wanted = lab_packages(age) if packages is None else list(packages)
    for old in (place / "pool", place / "dists"):
        shutil.rmtree(old, ignore_errors=True)
    indexes = {suite: [_pack(place, deb) for deb in wanted if deb.suite == suite] for suite in LABELS}
    with signing(place) as home:
        for suite, entries in indexes.items():
            release(place, suite, entries, home)
    return place


def install(place: Path, root: Path, scheme: str = "copy") -> None:
    """Copy the repository into a host's root and make it a source there.

    `copy:` lets apt fetch into its cache as from a mirror; `file:` would not.
    """
    target = root / IN_HOST
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(place, target, ignore=shutil.ignore_patterns(SECRET))
    target.chmod(0o755)  # whatever `place` is: apt reads as a user of its own
    listed = root / LISTED
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text(source_lines(f"{scheme}:/{IN_HOST}", f"/{IN_HOST}/{KEY_NAME}"))


def source_lines(uri: str, key: str) -> str:
    """Lines for sources.list: both suites, signed by `key` (a path on the host)."""
    return "".join(f"deb [signed-by={key}] {uri} {suite} main\n" for suite in LABELS)


@contextmanager
def signing(place: Path, *, made: str = "", lasts: str = "never") -> Iterator[list[str]]:
    """A gpg that holds the repository's key, as the beginning of an argv; the key is made when there is none.

    Args:
        place: where the key is kept between ages.
        made: gpg's clock while it works ("20200101T000000"), for keys and signatures of another time.
        lasts: until when a new key is valid ("1y").
    """
    place.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp(prefix="lab-gpg-")  # short: the agent's socket lies in it
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
    gpg += ["--faked-system-time", made] if made else []
    secret = place / SECRET
    try:
        if secret.exists():
            run([*gpg, "--import", str(secret)])
        else:
            run([*gpg, "--quick-gen-key", "lab repository <lab@example.invalid>", "ed25519", "sign", lasts])
            secret.write_text(run([*gpg, "--armor", "--export-secret-keys"]).stdout)
            (place / KEY_NAME).write_text(run([*gpg, "--armor", "--export"]).stdout)
        yield gpg
    finally:
        attempt(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


def release(place: Path, suite: str, entries: Iterable[str], gpg: list[str], *, date: float | None = None) -> None:
    """Write a suite's index and its signed Release file, dated `date` (epoch seconds; now when None)."""
    architecture = run(["dpkg", "--print-architecture"]).stdout.strip()
    top, index = place / "dists" / suite, Path("main") / f"binary-{architecture}" / "Packages"
    (top / index).parent.mkdir(parents=True, exist_ok=True)
    plain = "".join(f"{entry}\n" for entry in entries).encode()
    contents = {index: plain, index.with_suffix(".gz"): gzip.compress(plain, mtime=0)}
    for name, data in contents.items():
        (top / name).write_bytes(data)
    facts = {"Origin": "Debian", "Label": LABELS[suite], "Suite": suite, "Codename": suite}
    facts |= {"Date": formatdate(time.time() if date is None else date, usegmt=True).replace("GMT", "UTC")}
    facts |= {"Architectures": architecture, "Components": "main"}
    sums = "".join(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in contents.items())
    (top / "Release").write_text(_stanza(facts) + "SHA256:\n" + sums)
    run([*gpg, "--clearsign", "--output", str(top / "InRelease"), str(top / "Release")])


def _at(age: Age) -> list[Deb]:
    version, second = VERSIONS[age], age == "v2"
    fixes = ("* SECURITY UPDATE: a lab overflow", "  - CVE-2026-1001, CVE-2026-1002") if second else ("* Lab.",)
    return [
        Deb("lab-app", version),
        Deb("lab-lib", version, "lab-security", changes=fixes),
        Deb("lab-conf", version, files={"etc/lab.conf": f"setting={version}\n"}, conffiles=("/etc/lab.conf",)),
        Deb("lab-held", version),
        Deb("lab-service", version, files={"lib/systemd/system/lab.service": UNIT}, postinst=RESTART),
        Deb("linux-image-lab", version, "lab-security", postinst=BOOT_FILES if second else "", changes=fixes),
        Deb("lab-slow", version, postinst=SLOW if second else ""),
        Deb("lab-broken", version, postinst=BROKEN if second else ""),
        Deb("lab-meta", version, control={"Depends": f"lab-part-{version[:3]}"}),
        Deb(f"lab-part-{version[:3]}", version),
        Deb("lab-phased", version, index={"Phased-Update-Percentage": "0"} if second else {}),
        Deb("lab-evictor", version, control={"Conflicts": "lab-bystander"} if second else {}),
        *([] if second else [Deb("lab-bystander", version), Deb("lab-hidden", version)]),
    ]


def _hidden() -> list[Deb]:
    """A security fix under a newer build that has nothing to do with security: the case most tools miss."""
    fix = ("* SECURITY UPDATE", "  - CVE-2026-1003")
    return [
        Deb("lab-hidden", VERSIONS["v2"], "lab-security", changes=fix),
        Deb("lab-hidden", "1.2-1", changes=("* More.",)),
    ]


def _pack(place: Path, deb: Deb) -> str:
    """Build one package into the pool; its entry for the index."""
    path = Path("pool") / deb.suite / deb.file_name
    (place / path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lab-deb-") as folder:
        _lay(Path(folder), deb)
        run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", folder, str(place / path)])
    data = (place / path).read_bytes()
    facts = {"Filename": str(path), "Size": str(len(data)), "SHA256": hashlib.sha256(data).hexdigest()}
    return _stanza({**deb.fields, **deb.index, **facts})


def _lay(folder: Path, deb: Deb) -> None:
    folder.chmod(0o755)
    texts = {"DEBIAN/control": _stanza(deb.fields), f"usr/share/{deb.name}/version": f"{deb.version}\n", **deb.files}
    if deb.conffiles:
        texts["DEBIAN/conffiles"] = "".join(f"{each}\n" for each in deb.conffiles)
    if deb.postinst:
        texts["DEBIAN/postinst"] = f"#!/bin/sh\nset -e\n{deb.postinst}\n"
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if deb.postinst:
        (folder / "DEBIAN/postinst").chmod(0o755)
    changelog = folder / f"usr/share/doc/{deb.name}/changelog.Debian.gz"
    changelog.parent.mkdir(parents=True, exist_ok=True)
    changelog.write_bytes(gzip.compress(_changelog(deb).encode(), mtime=0))


def _changelog(deb: Deb) -> str:
    first = deb.version == VERSIONS["v1"]
    older = "" if first else _changelog(Deb(deb.name, VERSIONS["v1"], changes=("* First, fixes CVE-2025-0001.",)))
    lines = "".join(f"  {line}\n" for line in deb.changes or ("* Lab.",))
    signed = " -- lab <lab@example.invalid>  Mon, 02 Nov 2026 10:00:00 +0000"
    return f"{deb.name} ({deb.version}) {deb.suite}; urgency=medium\n\n{lines}\n{signed}\n\n{older}"


def _stanza(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items())
