"""What is known about a host before it is patched or rebooted: one frozen record, each part absent with a reason or there.

Text is sanitised at decoding; times are epoch seconds of the host's clock unless they say otherwise.
"""

from __future__ import annotations

from backends.hostkit.job_report import JobSummary
from backends.metrics.sample import Record


class System(Record, frozen=True, kw_only=True):
    """os-release."""

    id: str = ""
    id_like: str = ""
    version_id: str = ""
    pretty_name: str = ""


class Kernel(Record, frozen=True, kw_only=True):
    """What runs."""

    running: str
    machine: str = ""
    boot_id: str = ""
    uptime: float | None = None
    """Seconds since boot."""


class LockHolder(Record, frozen=True, kw_only=True):
    """A process that holds a package manager's lock."""

    path: str
    pid: int
    command: str = ""
    since: float | None = None


class PacmanLock(Record, frozen=True, kw_only=True):
    """/var/lib/pacman/db.lck."""

    since: float
    users: int
    """pacman processes; 0: the lock is a leftover."""


class Space(Record, frozen=True, kw_only=True):
    """Room on the file system of a path."""

    path: str
    device: int
    """Paths with the same number share their room."""
    free_bytes: int
    total_bytes: int
    free_inodes: int | None = None
    """None where the file system has no fixed number of them."""
    total_inodes: int | None = None
    read_only: bool = False


class BootKernel(Record, frozen=True, kw_only=True):
    """A kernel that could be booted; None for a file that is not there."""

    version: str
    flavour: str = ""
    image_bytes: int | None = None
    initrd_bytes: int | None = None
    map_bytes: int | None = None
    modules: bool = False
    """Its module tree exists."""

    @property
    def total_bytes(self) -> int:
        """What it takes in /boot."""
        return (self.image_bytes or 0) + (self.initrd_bytes or 0) + (self.map_bytes or 0)


class BootEntry(Record, frozen=True, kw_only=True):
    """One entry of the boot menu."""

    title: str = ""
    id: str = ""
    place: str = ""
    """Position in the menu, "1>2" in a submenu."""
    linux: str = ""
    linux_exists: bool | None = None
    initrds: tuple[str, ...] = ()
    initrds_exist: tuple[bool, ...] = ()


class Loader(Record, frozen=True, kw_only=True):
    """The boot loader's choice."""

    kind: str
    """"grub" or "systemd-boot"."""
    default: str = "0"
    once: str = ""
    """Entry for the next boot alone."""
    entries: tuple[BootEntry, ...] = ()


class Link(Record, frozen=True, kw_only=True):
    """A symbolic link to a kernel or an initrd."""

    path: str
    target: str = ""
    exists: bool = False


class Module(Record, frozen=True, kw_only=True):
    """Whether a kernel would find a module."""

    kernel: str
    name: str
    present: bool
    version: str = ""
    error: str = ""


class Loaded(Record, frozen=True, kw_only=True):
    """What is loaded now."""

    modules: tuple[str, ...] = ()
    nvidia: str = ""
    """Version of the loaded driver; "" when there is none."""


class Devices(Record, frozen=True, kw_only=True):
    """What the PCI bus shows, driver or not."""

    nvidia: int = 0
    nvswitch: int = 0
    mellanox: int = 0


class CommandAnswer(Record, frozen=True, kw_only=True):
    """What a command on the host said."""

    status: int | None = None
    lines: tuple[str, ...] = ()
    error: str = ""
    """stderr, in one line."""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class RebootFiles(Record, frozen=True, kw_only=True):
    """The notice that packages leave."""

    path: str
    packages: tuple[str, ...] = ()


class Timer(Record, frozen=True, kw_only=True):
    """An active timer that starts a package manager by itself."""

    unit: str
    next: str = ""
    """As systemd prints it, in the host's own zone."""


class StaleUnit(Record, frozen=True, kw_only=True):
    """A unit whose processes have code mapped that was replaced on disk."""

    unit: str
    processes: int = 1
    path: str = ""
    """One of the replaced files."""


class Stale(Record, frozen=True, kw_only=True):
    """All of them, and how many processes could not be looked at."""

    units: tuple[StaleUnit, ...] = ()
    unseen: int = 0


class Preflight(Record, frozen=True, kw_only=True):
    """Everything that one round trip brought. What could not be had is None (or empty) and stands in `missing`."""

    host: str
    asked: float = 0.0
    """Our clock, epoch seconds, when the question left."""
    clock_skew_seconds: float | None = None
    """How far the host's clock is ahead of ours."""
    clock_error_seconds: float = 0.0
    """How wrong that may be: half of what the way there and back took."""
    root: bool = False
    """Whether the facts were collected as root."""
    missing: dict[str, str] = {}
    """Fact → why it could not be read."""
    system: System | None = None
    kernel: Kernel | None = None
    managers: tuple[str, ...] | None = None
    jobs: dict[str, JobSummary] = {}
    locks: tuple[LockHolder, ...] | None = None
    dpkg_rows: tuple[tuple[str, str], ...] | None = None
    """(package, state) of those that are neither installed nor held: "iF", "iU" …; None without dpkg."""
    dpkg_updates: tuple[str, ...] | None = None
    """Journal entries of an interrupted dpkg."""
    pacman_lock: PacmanLock | None = None
    space: tuple[Space, ...] | None = None
    kernels: tuple[BootKernel, ...] | None = None
    """Oldest first."""
    next_kernel: str = ""
    """The newest of the running kernel's flavour; "" when /boot has none."""
    loader: Loader | None = None
    links: tuple[Link, ...] = ()
    modules: tuple[Module, ...] | None = None
    """None without modinfo."""
    loaded: Loaded | None = None
    devices: Devices | None = None
    dkms: CommandAnswer | None = None
    family: tuple[tuple[str, str, str], ...] | None = None
    """(package, version, state) of the NVIDIA driver family."""
    fabric_manager: CommandAnswer | None = None
    nvml: CommandAnswer | None = None
    holds: dict[str, tuple[str, ...]] = {}
    """Manager → what is held, as it prints it."""
    reboot_files: RebootFiles | None = None
    lists_time: float | None = None
    timers: tuple[Timer, ...] | None = None
    failed_units: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None
    """Lines of `who`."""
    stale: Stale | None = None
    module_tree_gone: bool | None = None
    needrestart: CommandAnswer | None = None
    dnf_reboot: CommandAnswer | None = None
    dnf_services: CommandAnswer | None = None
    zypper_reboot: CommandAnswer | None = None
    zypper_services: CommandAnswer | None = None

    def kernel_named(self, version: str) -> BootKernel | None:
        """The bootable kernel of that version."""
        return next((each for each in self.kernels or () if each.version == version), None)

    def module(self, kernel: str, name: str) -> Module | None:
        """What is known about a module of a kernel."""
        return next((each for each in self.modules or () if (each.kernel, each.name) == (kernel, name)), None)
