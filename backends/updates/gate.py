""" "Will it boot, and will it have its GPUs?" Asked before every reboot, from preflight facts alone.

Measured (patching §3): apt ended with /boot/vmlinuz and /boot/initrd.img pointing at a kernel that had no initrd file. A red
gate disables the reboot until an operator overrides it with a typed reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from backends.errors import AskOperator
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates import gate_driver
from backends.updates.classes import classify
from backends.updates.gate_finding import Finding, amber, good, red, unknown
from backends.updates.model import PackageClass
from backends.updates.preflight_model import BootEntry, BootKernel, Loader, Preflight

INITRD_FRACTION = 0.5
"""A new initrd that is not even half as big as the old one lacks something."""
REASON_LETTERS = 10
"""An override needs at least this much of a reason."""
_ESSENTIAL = {"kernels": "the kernels in /boot", "next_kernel": "the next kernel", "kernel": "the running kernel"}
_BOOTING = {PackageClass.KERNEL, PackageClass.BOOT, PackageClass.GPU_DRIVER, PackageClass.CORE_LIB, PackageClass.FABRIC}


class Gate(Record, frozen=True, kw_only=True):
    """All findings, worst first."""

    next_kernel: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst; UNKNOWN when nothing could be looked at."""
        return max((each.severity for each in self.findings), key=lambda each: each.rank, default=Severity.UNKNOWN)

    @property
    def red(self) -> tuple[Finding, ...]:
        """What forbids the reboot."""
        return tuple(each for each in self.findings if each.blocks)


def judge(preflight: Preflight) -> Gate:
    """Every finding about the next boot of a host."""
    parts = (
        _readable(preflight),
        _initrd(preflight),
        gate_driver.modules(preflight),
        gate_driver.dkms(preflight),
        gate_driver.family(preflight),
        gate_driver.fabric_manager(preflight),
        _entries(preflight),
        _links(preflight),
        _half_done(preflight),
        _jobs(preflight),
    )
    findings = [finding for part in parts for finding in part]
    ordered = sorted(findings, key=lambda each: (not each.blocks, -each.severity.rank))
    return Gate(next_kernel=preflight.next_kernel, findings=tuple(ordered))


def require(gate: Gate, host: str, override: str = "") -> str:
    """The sentence for the journal, when the host may be rebooted. Raises AskOperator when it may not.

    Args:
        gate: the judgement.
        host: its name.
        override: why the operator reboots all the same; ignored when nothing forbids it.
    """
    if not gate.red:
        return f"gate passed ({gate.severity})"
    reasons = "; ".join(finding.text for finding in gate.red)
    if sum(letter.isalnum() for letter in override) < REASON_LETTERS:
        hint = "cure it, or override the gate with a typed reason of at least ten letters"
        raise AskOperator(f"must not be rebooted: {reasons}", host=host, action="reboot", hint=hint)
    return f"gate overridden: {override.strip()} (was red: {reasons})"


def _readable(preflight: Preflight) -> Iterator[Finding]:
    """Without these facts nothing can be said, so nobody reboots blindly."""
    for name, words in _ESSENTIAL.items():
        if name in preflight.missing:
            text = f"could not find out {words}"
            yield Finding(
                kind="unknown", severity=Severity.UNKNOWN, text=text, evidence=preflight.missing[name], blocks=True
            )
    if preflight.kernels == ():
        yield unknown("kernel", "no kernel in /boot: what boots this host is decided elsewhere")
    elif preflight.kernels and preflight.kernel and not preflight.next_kernel:
        text = "no kernel in /boot is of the running one's kind"
        yield unknown("kernel", text, f"running {preflight.kernel.running}")


def _initrd(preflight: Preflight) -> Iterator[Finding]:
    coming, old = _pair(preflight)
    if coming is None:
        return
    if not coming.image_bytes:
        yield red("kernel", f"the image of kernel {coming.version} is missing or empty")
    if not coming.modules:
        yield red("kernel", f"kernel {coming.version} has no modules", f"no /lib/modules/{coming.version}")
    had = old.initrd_bytes if old else None
    if not coming.initrd_bytes:
        if had is None and old is not None:
            yield good("initrd", f"kernel {coming.version} needs no initrd, as the running one")
        else:
            yield red("initrd", f"kernel {coming.version} has no initrd: it would very likely panic")
    elif had and coming.initrd_bytes <= had * INITRD_FRACTION:
        evidence = f"{coming.initrd_bytes} bytes, {had} for {old.version if old else ''}"
        yield red("initrd", f"the initrd of kernel {coming.version} is less than half as big as the old one", evidence)
    else:
        yield good("initrd", f"kernel {coming.version} has its initrd", f"{coming.initrd_bytes} bytes")


def _pair(preflight: Preflight) -> tuple[BootKernel | None, BootKernel | None]:
    """The next kernel, and the one to compare it with: the running one, else the newest other one."""
    coming = preflight.kernel_named(preflight.next_kernel)
    running = preflight.kernel_named(preflight.kernel.running) if preflight.kernel else None
    if coming is None or (running is not None and running.version != coming.version):
        return coming, running
    others = [each for each in preflight.kernels or () if each.version != coming.version and each.initrd_bytes]
    return coming, others[-1] if others else None


def _entries(preflight: Preflight) -> Iterator[Finding]:
    """The entry that boots must lead to files, and to the kernel that is expected."""
    if preflight.loader is None:
        if preflight.kernels:
            yield unknown("boot-entry", "no known boot loader", preflight.missing.get("loader", ""))
        return
    chosen = default_entry(preflight.loader)
    if chosen is None:
        wanted = preflight.loader.once or preflight.loader.default
        yield unknown("boot-entry", "which boot entry is the default could not be told", wanted)
        return
    gone = [path for path, there in zip(chosen.initrds, chosen.initrds_exist, strict=False) if not there]
    gone += [chosen.linux] if not chosen.linux_exists else []
    if gone:
        yield red("boot-entry", f"the boot entry leads to nothing: {', '.join(gone)}", chosen.title)
    elif (
        preflight.next_kernel and not _names(chosen.linux, preflight.next_kernel) and _names_a_kernel(preflight, chosen)
    ):
        text = f"the boot entry is for another kernel than {preflight.next_kernel}"
        yield amber("boot-entry", text, f"{chosen.title}: {chosen.linux}")
    else:
        yield good("boot-entry", "the boot entry leads to a kernel", f"{chosen.title}: {chosen.linux}")


def default_entry(loader: Loader) -> BootEntry | None:
    """The entry that the next boot takes; None when that cannot be told.

    grub names one by position ("0", "1>2"), title or id, each perhaps behind its submenu's; systemd-boot by a pattern.
    """
    wanted = loader.once or loader.default or "0"
    last = wanted.rpartition(">")[2]
    for entry in loader.entries:
        if wanted == entry.place or last in (entry.id, entry.title, f"{entry.id}.conf"):
            return entry
    if loader.kind == "systemd-boot":
        return next((each for each in loader.entries if fnmatchcase(f"{each.id}.conf", wanted)), None)
    return None


def _names(path: str, version: str) -> bool:
    return path.endswith(f"-{version}") or f"/{version}/" in path


def _names_a_kernel(preflight: Preflight, entry: BootEntry) -> bool:
    """Whether the path tells a version at all (Arch's does not)."""
    return any(_names(entry.linux, kernel.version) for kernel in preflight.kernels or ())


def _links(preflight: Preflight) -> Iterator[Finding]:
    for link in preflight.links:
        if not link.exists:
            yield amber("boot-entry", f"{link.path} leads to nothing", link.target)


def _half_done(preflight: Preflight) -> Iterator[Finding]:
    """Packages between two states; those that take part in booting forbid it."""
    for name, state in preflight.dpkg_rows or ():
        make = red if classify(name.partition(":")[0]) in _BOOTING else amber
        yield make("packages", f"package {name} is half installed", state)
    if preflight.dpkg_updates:
        yield red("packages", "dpkg was interrupted and has not finished", f"{len(preflight.dpkg_updates)} entries")


def _jobs(preflight: Preflight) -> Iterator[Finding]:
    for name, job in preflight.jobs.items():
        if job.state == "running":
            yield red("job", f"job {name} is still at work", job.meta.title if job.meta else "")
