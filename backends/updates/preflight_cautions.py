"""What the operator must know before anything is changed on a host: the failure table of the reference, as sentences.

Thresholds are of the reference (patching §3) unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.clock import utc
from backends.hostkit.job_report import JobMeta
from backends.states import Severity
from backends.units import size, span
from backends.updates.model import Caution, HostPlan, PackageClass
from backends.updates.preflight_model import Preflight, Space

SKEW_SECONDS = 300.0
"""A clock that is further off makes good signatures look invalid (also the limit of Kerberos)."""
STALE_SECONDS = 8 * 86400.0
"""Lists are refreshed weekly."""
RESERVE_BYTES = 500_000_000
UNPACKED_FACTOR = 1.2
"""/var must hold the download, 1.2 times what is unpacked and the reserve."""
DOWNLOAD_GUESS = 4
"""Unpacked bytes for each byte downloaded, where the plan does not know."""
FEW_INODES = 10_000
"""Our own choice: a kernel's headers and modules are about 20000 files, of which most replace others."""
KERNEL_GUESS_BYTES = 150_000_000
"""A kernel with its initrd, where none is there to be measured."""
NAMES = 6
DPKG = "/var/lib/dpkg/"
"""Whoever holds a lock in here changes packages; the others only fetch or read lists."""
UNREAD = {"kernels", "space", "dpkg_rows", "dpkg_updates", "locks", "jobs", "loader", "modules", "failed_units"}
"""Facts whose absence itself is worth a sentence."""


def cautions(preflight: Preflight, now: float, plan: HostPlan | None = None) -> tuple[Caution, ...]:
    """Every caution about a host, those that block first.

    Args:
        preflight: what was found there.
        now: the host's time, epoch seconds; for ages.
        plan: what is to be applied, for judging the room that it takes.
    """
    parts = (
        _job(preflight),
        _packages(preflight),
        _lock(preflight, now),
        _room(preflight, plan),
        _clock(preflight),
        _lists(preflight, now),
        _holds(preflight),
        _company(preflight),
        _unknown(preflight),
    )
    found = [caution for part in parts for caution in part]
    return tuple(sorted(found, key=lambda each: (not each.blocks, -each.severity.rank)))


def listed(names: Iterable[str]) -> str:
    """At most NAMES of them, then how many more."""
    every = list(names)
    more = f" and {len(every) - NAMES} more" if len(every) > NAMES else ""
    return ", ".join(every[:NAMES]) + more


def _blocking(kind: str, text: str, repair: str = "") -> Caution:
    return Caution(kind=kind, text=text, severity=Severity.CRITICAL, blocks=True, repair=repair)


def _job(preflight: Preflight) -> Iterator[Caution]:
    for name, job in preflight.jobs.items():
        if job.state == "running":
            who = _started(job.meta) if job.meta else "unknown work"
            yield _blocking("job-running", f"{name} runs: {who}{f' ({job.reason})' if job.reason else ''}")
        elif job.state == "vanished":
            title = f"{job.meta.title}: " if job.meta else ""
            yield Caution(kind="job-vanished", text=f"{name} did not end properly: {title}{job.reason}")


def _started(meta: JobMeta) -> str:
    return f"{meta.title}, started by {meta.who} {utc(meta.started):%Y-%m-%d %H:%M} UTC, run {meta.run}"


def _packages(preflight: Preflight) -> Iterator[Caution]:
    """Half-done packages are damage only when nobody is at work on them."""
    rows, journal = preflight.dpkg_rows or (), preflight.dpkg_updates or ()
    if not (rows or journal) or any(job.state == "running" for job in preflight.jobs.values()):
        return
    what = listed(f"{name} ({state})" for name, state in rows) or f"{len(journal)} journal entries"
    worker = next((each for each in preflight.locks or () if each.path.startswith(DPKG)), None)
    if worker is None:
        yield _blocking("dirty-dpkg", f"dpkg was interrupted: {what}", "apt-configure")
    else:
        yield _blocking("half-done", f"{worker.command} is in the middle of {what}: wait for it")


def _lock(preflight: Preflight, now: float) -> Iterator[Caution]:
    for holder in preflight.locks or ():
        age = f", for {span(max(0.0, now - holder.since))}" if holder.since else ""
        yield Caution(kind="lock-held", text=f"{holder.path} is held by process {holder.pid} ({holder.command}){age}")
    lock = preflight.pacman_lock
    if lock is not None and lock.users == 0:
        age = span(max(0.0, now - lock.since))
        yield _blocking("stale-lock", f"/var/lib/pacman/db.lck is {age} old and no pacman runs", "pacman-lock")
    elif lock is not None:
        yield Caution(kind="lock-held", text="pacman is running")


def _room(preflight: Preflight, plan: HostPlan | None) -> Iterator[Caution]:
    places = {space.path: space for space in preflight.space or ()}
    for space in places.values():
        if space.read_only:
            yield _blocking("read-only", f"{space.path} is mounted read-only")
        elif space.free_inodes is not None and space.free_inodes < FEW_INODES and space.path in ("/", "/var"):
            yield _blocking("inodes", f"{space.path} has only {space.free_inodes} inodes left")
    yield from _var(places.get("/var") or places.get("/"), plan)
    yield from _boot(preflight, places.get("/boot"), plan)


def _var(space: Space | None, plan: HostPlan | None) -> Iterator[Caution]:
    if space is None:
        return
    download = (plan.download_bytes or 0) if plan else 0
    unpacked = plan.disk_bytes if plan and plan.disk_bytes is not None else download * DOWNLOAD_GUESS
    needed = int(download + UNPACKED_FACTOR * max(0, unpacked)) + RESERVE_BYTES
    if space.free_bytes < needed:
        text = f"{space.path} has {size(space.free_bytes)} free, {size(needed)} are needed"
        yield _blocking("var-space", text, "apt-clean")


def _boot(preflight: Preflight, space: Space | None, plan: HostPlan | None) -> Iterator[Caution]:
    """Room for the plan's new kernels, or for one, with what the running one takes."""
    kernel = preflight.kernel_named(preflight.kernel.running) if preflight.kernel else None
    kernels = preflight.kernels or ()
    if space is None or not kernels:
        return
    one = (kernel or max(kernels, key=lambda each: each.total_bytes)).total_bytes or KERNEL_GUESS_BYTES
    coming = _new_kernels(plan)
    needed = one * max(1, coming)
    if space.free_bytes >= needed:
        return
    text = f"{space.path} has {size(space.free_bytes)} free, a new kernel takes {size(one)}"
    yield Caution(
        kind="boot-space",
        text=text,
        severity=Severity.CRITICAL if coming else Severity.WARNING,
        blocks=coming > 0,
    )


def _new_kernels(plan: HostPlan | None) -> int:
    """How many kernel images the plan brings beside those that are there."""
    changes = plan.changes if plan else ()
    images = ("linux-image-", "kernel-core", "kernel-default", "kernel")
    return sum(
        1
        for change in changes
        if change.package_class is PackageClass.KERNEL
        and (change.kind == "install" or change.name.startswith("kernel"))
        and change.name.startswith(images)
    )


def _clock(preflight: Preflight) -> Iterator[Caution]:
    skew = preflight.clock_skew_seconds
    if skew is None or abs(skew) <= SKEW_SECONDS + preflight.clock_error_seconds:
        return
    side = "ahead of" if skew > 0 else "behind"
    text = f"its clock is {span(abs(skew))} {side} ours: signatures may look invalid or too good; set the time first"
    yield Caution(kind="clock-skew", text=text, severity=Severity.CRITICAL, blocks=abs(skew) > 86400.0)


def _lists(preflight: Preflight, now: float) -> Iterator[Caution]:
    if preflight.managers and preflight.lists_time is None and "lists_time" not in preflight.missing:
        yield Caution(kind="stale-lists", text="there are no package lists; refresh them first")
    elif preflight.lists_time is not None and now - preflight.lists_time > STALE_SECONDS:
        text = f"the package lists are of {utc(preflight.lists_time):%Y-%m-%d}; refresh them first"
        yield Caution(kind="stale-lists", text=text)


def _holds(preflight: Preflight) -> Iterator[Caution]:
    for manager, names in preflight.holds.items():
        if names:
            yield Caution(kind="held", text=f"held back ({manager}): {listed(names)}", severity=Severity.OK)


def _company(preflight: Preflight) -> Iterator[Caution]:
    """Who and what else is at work on the host."""
    if preflight.failed_units:
        yield Caution(kind="failed-units", text=f"failed already before: {listed(preflight.failed_units)}")
    if preflight.users:
        names = dict.fromkeys(line.split()[0] for line in preflight.users if line.split())
        yield Caution(kind="users", text=f"logged in: {listed(names)}")
    if preflight.timers:
        words = listed(f"{timer.unit} (next {timer.next or 'unknown'})" for timer in preflight.timers)
        text = f"starts the package manager by itself: {words}"
        yield Caution(kind="timers", text=text, severity=Severity.OK)


def _unknown(preflight: Preflight) -> Iterator[Caution]:
    for name in sorted(UNREAD & preflight.missing.keys()):
        text = f"could not find out: {name.replace('_', ' ')} ({preflight.missing[name]})"
        yield Caution(kind="unknown", text=text, severity=Severity.UNKNOWN)
    if not preflight.root:
        text = "asked without root: locks, services and the dpkg journal may be incomplete"
        yield Caution(kind="unknown", text=text, severity=Severity.UNKNOWN)
