"""Builds an rpm repository with advisories inside a host's root: small packages that behave like the ones that hurt.

rpmbuild and createrepo_c run in that root (the lab's `rpm` layer has them; Debian's machines rarely do). The second
age ("v2") still carries the first one's packages, so that a host can go back.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from tests.lab.commands import run

Age = Literal["v1", "v2"]

RELEASE = "1.el9"
VERSIONS: dict[Age, str] = {"v1": "1.0", "v2": "1.1"}
IN_HOST = Path("srv/lab-rpm")
"""Where `build` makes the repository in a host's root."""
WORK = Path("var/tmp/lab-rpmbuild")
BUILD_SECONDS = 300.0
SHELL_OWNER = "labr-base"
"""A Debian root has no rpm that owns /bin/sh; without one no scriptlet's dependency is met."""
SLOW = "i=0; while [ $i -lt 20 ]; do echo slow $i; sleep 1; i=$((i+1)); done"
BROKEN = 'echo "post fails on purpose" >&2; exit 1'

SETTINGS = {
    "usr/lib/os-release": 'ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4 (lab)"\n',
    "etc/rpm/macros": "%_dbpath /var/lib/rpm\n",  # Debian's rpm keeps root's database in root's home
    "etc/dnf/vars/releasever": "9\n",  # no rpm says which release this is
    "etc/dnf/plugins/local.conf": "[main]\nenabled=0\n",  # on in Debian, and broken without its folder
    "etc/dnf/plugins/versionlock.list": "",  # the plugin fails every command without it
    "etc/yum.repos.d/lab.repo": f"[lab]\nname=lab\nbaseurl=file:///{IN_HOST}\ngpgcheck=0\nmetadata_expire=1\n",
}
"""Path → text of what makes dnf work on a Debian, and the host call itself one of Red Hat's family."""


@dataclass(frozen=True)
class Rpm:
    """One package to build."""

    name: str
    version: str
    epoch: int = 0
    header: tuple[str, ...] = ()
    """More lines of the spec's head: "Requires: nothere >= 9"."""
    files: tuple[tuple[str, str], ...] = ()
    """(Absolute path, text); a file of its own version when empty."""
    config: tuple[str, ...] = ()
    """Paths that are configuration: kept as *.rpmsave or delivered as *.rpmnew."""
    sections: str = ""
    """More sections of the spec: "%post\\nexit 1"."""

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-{RELEASE}.noarch.rpm"

    @property
    def contents(self) -> tuple[tuple[str, str], ...]:
        return self.files or ((f"/usr/share/{self.name}/version", f"{self.version}\n"),)


@dataclass(frozen=True)
class Advisory:
    """One entry of updateinfo.xml."""

    id: str
    kind: Literal["security", "bugfix", "enhancement"]
    packages: tuple[Rpm, ...]
    severity: str = "None"
    cves: tuple[str, ...] = ()
    reboot: bool = False
    """The advisory says that a reboot is needed; zypper then calls its patch interactive."""


def lab_packages(age: Age) -> list[Rpm]:
    """The lab's packages as they are at `age`: at v2 with those of v1 still there."""
    base = Rpm(SHELL_OWNER, "1.0", header=("Provides: /bin/sh",))
    return [base, *_at("v1")] if age == "v1" else [base, *_at("v1"), *_at("v2")]


def lab_advisories(age: Age) -> list[Advisory]:
    """What the lab's security team has published at `age`."""
    if age == "v1":
        return []
    found = {rpm.name: rpm for rpm in _at("v2")}
    return [
        Advisory("RLSA-2026:0001", "security", (found["labr-lib"],), "Important", ("CVE-2026-0001", "CVE-2026-0002")),
        Advisory("RLBA-2026:0002", "bugfix", (found["labr-app"],)),
        Advisory("RLSA-2026:0003", "security", (found["kernel"],), "Moderate", ("CVE-2026-0003",), reboot=True),
    ]


def build(
    root: Path, age: Age, packages: Iterable[Rpm] | None = None, advisories: Iterable[Advisory] | None = None
) -> Path:
    """Build or renew the repository in `root`/srv/lab-rpm and return that place.

    Raises Stop when `root` lacks rpmbuild or createrepo_c, or when one of them fails.
    """
    wanted = lab_packages(age) if packages is None else list(packages)
    place, work = root / IN_HOST, root / WORK
    for old in (place, work):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir(parents=True)
    for number, rpm in enumerate(wanted):
        (work / f"{number}.spec").write_text(spec(rpm))
    _build_all(root, [f"/{WORK}/{number}.spec" for number in range(len(wanted))])
    run(["chroot", str(root), "createrepo_c", "--quiet", f"/{IN_HOST}"], timeout_seconds=BUILD_SECONDS)
    told = lab_advisories(age) if advisories is None else list(advisories)
    if told:
        (work / "updateinfo.xml").write_text(updateinfo(told))
        run(["chroot", str(root), "modifyrepo_c", f"/{WORK}/updateinfo.xml", f"/{IN_HOST}/repodata"])
    shutil.rmtree(work)
    return place


def install(root: Path) -> None:
    """Make the repository dnf's only source in `root`, and dnf usable there."""
    for name, text in SETTINGS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def spec(rpm: Rpm) -> str:
    """The spec file of a package."""
    head = ["Summary: lab", "License: MIT", "BuildArch: noarch", *rpm.header]
    head = [f"Name: {rpm.name}", f"Version: {rpm.version}", f"Release: {RELEASE}", f"Epoch: {rpm.epoch}", *head]
    made = [line for path, text in rpm.contents for line in _making(path, text)]
    owned = [f"%config(noreplace) {path}" if path in rpm.config else path for path, _ in rpm.contents]
    about = ["%description", f"lab package {rpm.name}"]
    return "\n".join([*head, *about, "%install", *made, "%files", *owned, rpm.sections, ""])


def updateinfo(advisories: Iterable[Advisory]) -> str:
    """updateinfo.xml as Red Hat's family publishes it."""
    inside = "\n".join(_advisory(each) for each in advisories)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n{inside}\n</updates>\n'


def _at(age: Age) -> list[Rpm]:
    version, second = VERSIONS[age], age == "v2"
    conf = ("/etc/labr.conf", f"setting={version}\n")
    image = (f"/boot/vmlinuz-{version}-{RELEASE}.lab", "not a kernel\n")
    return [
        Rpm("labr-app", version),
        Rpm("labr-lib", version),
        Rpm("labr-conf", version, files=(conf,), config=(conf[0],)),
        Rpm("labr-post", version, sections=f"%post\n{BROKEN}" if second else ""),
        Rpm("labr-slow", version, sections=f"%post\n{SLOW}" if second else ""),
        Rpm("labr-needy", version, header=("Requires: labr-nothere >= 9",) if second else ()),
        Rpm("kernel", version, files=(image,)),  # dnf keeps several kernels and asks for a reboot after a new one
    ]


def _build_all(root: Path, specs: list[str]) -> None:
    places = {
        "_topdir": f"/{WORK}",
        "_rpmdir": f"/{IN_HOST}",
        "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    }
    defines = [word for name, value in places.items() for word in ("--define", f"{name} {value}")]
    argv = ["chroot", str(root), "rpmbuild", "-bb", "--nodeps", *defines, *specs]
    run(argv, timeout_seconds=BUILD_SECONDS, action="build the lab's rpm packages")


def _making(path: str, text: str) -> list[str]:
    target = f"%{{buildroot}}{path}"
    return [f"mkdir -p $(dirname {target})", f"cat > {target} <<'END'", text.rstrip("\n"), "END"]


def _advisory(told: Advisory) -> str:
    references = "".join(
        f"<reference href={quoteattr(f'https://example.invalid/{cve}')} id={quoteattr(cve)} type='cve' title={quoteattr(cve)}/>"
        for cve in told.cves
    )
    reboot = "<reboot_suggested>True</reboot_suggested>" if told.reboot else ""
    packages = "".join(
        f"<package name={quoteattr(rpm.name)} version={quoteattr(rpm.version)} release={quoteattr(RELEASE)}"
        f" epoch='{rpm.epoch}' arch='noarch' src={quoteattr(rpm.file_name.replace('noarch', 'src'))}>"
        f"<filename>{escape(rpm.file_name)}</filename>{reboot}</package>"
        for rpm in told.packages
    )
    return (
        f"<update from='lab@example.invalid' status='final' type='{told.kind}' version='1'><id>{escape(told.id)}</id>"
        f"<title>{escape(told.id)} for the lab</title><severity>{escape(told.severity)}</severity>"
        "<issued date='2026-11-02 00:00:00'/><updated date='2026-11-02 00:00:00'/><description>A lab fix.</description>"
        f"<references>{references}</references>"
        f"<pkglist><collection short='lab'><name>lab</name>{packages}</collection></pkglist></update>"
    )
