"""Lets hosts of the lab see only the lab's apt repository, for as long as a test takes, and leaves them as they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from backends.hostkit.job_plan import PACKAGES
from tests.lab import aptrepo
from tests.lab.commands import run
from tests.lab.host import LabHost

SOURCES = "/etc/apt/sources.list"
APT_SECONDS = 300.0
NONINTERACTIVE = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
LEFT_BY_PACKAGES = (
    aptrepo.HOLD,
    "/run/reboot-required",
    "/run/reboot-required.pkgs",
    "/etc/lab.conf*",
    "/boot/*-linux-image-lab",
)
LEFT_BY_APT = ("/var/lib/apt/lists/*_*", "/var/cache/apt/archives/*.deb")
PURGE = "dpkg-query -W -f '${Package}\\n' 'lab-*' linux-image-lab 2>/dev/null | xargs -r dpkg --force-all --purge"
PARTED = Path("srv/lab-pool-away")
JOB = f"{PACKAGES}.service"


@contextmanager
def offering(place: Path, wanted: Mapping[str, Sequence[str]], hosts: Mapping[str, LabHost]) -> Iterator[None]:
    """Hosts with the first age of their packages installed and the second one offered.

    Args:
        place: where the repository is built.
        wanted: host → the packages that it has.
        hosts: the hosts by name.
    """
    mine = [hosts[name] for name in wanted]
    aptrepo.build(place, "v1")
    try:
        beside(lambda host: _enter(host, place, wanted[host.name]), mine)
        aptrepo.build(place, "v2")
        beside(lambda host: _offer(host, place), mine)
        yield
    finally:
        beside(_leave, mine)


def version(host: LabHost, package: str) -> str:
    """What dpkg has of a package, with its state when that is not sound: "1.1-1", "1.1-1 iF"; "" when it has none."""
    said = host.inside(["dpkg-query", "-W", "-f", "${Version} ${db:Status-Abbrev}", package]).stdout.strip()
    return said.removesuffix(" ii").removesuffix(" hi")


def hold(host: LabHost) -> None:
    """From now on lab-slow does not come to the end of its installation."""
    host.does("touch", aptrepo.HOLD)


def release(host: LabHost) -> None:
    """Undo `hold`."""
    host.does("rm", "-f", aptrepo.HOLD)


def is_slow(host: LabHost) -> bool:
    """Whether the script of lab-slow runs: it is unpacked, and not yet configured."""
    return host.inside(["pgrep", "-f", "lab-slow.postinst"]).returncode == 0


def part(host: LabHost) -> None:
    """The mirror still has its lists but no package any more."""
    (host.root / aptrepo.IN_HOST / "pool").rename(host.root / PARTED)


def join(host: LabHost) -> None:
    """Undo `part`."""
    (host.root / PARTED).rename(host.root / aptrepo.IN_HOST / "pool")


def list_more(host: LabHost, line: str) -> None:
    """One more line in the host's list of sources; "" takes it away again."""
    (host.root / "etc/apt/sources.list.d/more.list").write_text(line)


def beside(work: Callable[[LabHost], None], hosts: Iterable[LabHost]) -> None:
    """Do the same on many hosts at a time. Raises what the first one raised."""
    every = list(hosts)
    with ThreadPoolExecutor(len(every)) as crew:
        for done in [crew.submit(work, host) for host in every]:
            done.result()


def _enter(host: LabHost, place: Path, packages: Sequence[str]) -> None:
    (host.root / SOURCES.lstrip("/")).rename(host.root / f"{SOURCES}.away".lstrip("/"))
    _offer(host, place)
    _demand(host, [*NONINTERACTIVE, "apt-get", "-qq", "-y", "install", *packages])


def _offer(host: LabHost, place: Path) -> None:
    aptrepo.install(place, host.root)
    _demand(host, [*NONINTERACTIVE, "apt-get", "-qq", "update"])


def _leave(host: LabHost) -> None:
    host.inside(["systemctl", "kill", "--kill-who=all", "--signal=KILL", JOB])  # of a test that failed
    host.inside(["systemctl", "stop", "lab.service"])  # where it is installed
    host.does("sh", "-c", PURGE, timeout_seconds=APT_SECONDS)
    host.does("systemctl", "daemon-reload")
    host.does("systemctl", "reset-failed")
    host.does("sh", "-c", f"rm -f {' '.join((*LEFT_BY_PACKAGES, *LEFT_BY_APT))}")
    for path in (aptrepo.IN_HOST, PARTED):
        shutil.rmtree(host.root / path, ignore_errors=True)
    for name in (aptrepo.LISTED, Path("etc/apt/sources.list.d/more.list")):
        (host.root / name).unlink(missing_ok=True)
    away = host.root / f"{SOURCES}.away".lstrip("/")
    if away.exists():
        away.rename(host.root / SOURCES.lstrip("/"))


def _demand(host: LabHost, argv: Sequence[str]) -> None:
    pid = host.leader()
    run(["nsenter", "-t", str(pid), "-a", *argv], timeout_seconds=APT_SECONDS, action=f"prepare {host.name}")
