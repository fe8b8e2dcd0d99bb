"""The facts that the health checks judge, as frozen data. Times are seconds, sizes as named; texts are sanitised."""

from __future__ import annotations

from backends.metrics.sample import Record


class Unit(Record, frozen=True, kw_only=True):
    """A systemd service that failed, was restarted, or on which others lean."""

    unit: str
    active: str = ""
    sub: str = ""
    result: str = ""
    restarts: int | None = None
    """Automatic ones since it was started by hand."""
    age: float | None = None
    """Seconds since it changed state."""


class Mounted(Record, frozen=True, kw_only=True):
    """A real file system."""

    device: str
    mount: str
    kind: str = ""
    read_only: bool = False


class Wanted(Record, frozen=True, kw_only=True):
    """A line of fstab."""

    mount: str
    kind: str = ""
    options: str = ""
    mounted: bool = False


class Mounts(Record, frozen=True, kw_only=True):
    mounted: tuple[Mounted, ...] = ()
    wanted: tuple[Wanted, ...] = ()


class Raid(Record, frozen=True, kw_only=True):
    """Software RAID."""

    lines: tuple[str, ...] = ()
    """/proc/mdstat."""
    mismatches: dict[str, int] = {}
    """Array → sectors that differed at the last check."""


class MemoryErrors(Record, frozen=True, kw_only=True):
    """EDAC's counters since boot, of a controller or of a module."""

    name: str
    corrected: int | None = None
    uncorrected: int | None = None
    module: bool = False


class Said(Record, frozen=True, kw_only=True):
    """What a command answered."""

    status: int | None = None
    """None: it did not end in time."""
    lines: tuple[str, ...] = ()
    error: str = ""
    stuck: str = ""
    """Why there is no answer: it hangs in the GPU driver."""


class ClockFacts(Record, frozen=True, kw_only=True):
    chrony: Said | None = None
    """`chronyc -c tracking`."""
    systemd: Said | None = None
    """`timedatectl show`."""
    uptime: float | None = None


class Limits(Record, frozen=True, kw_only=True):
    files: int | None = None
    files_max: int | None = None
    tasks: int | None = None
    pid_max: int | None = None
    threads_max: int | None = None


class MemoryFacts(Record, frozen=True, kw_only=True):
    info: dict[str, int] = {}
    """meminfo, kB."""
    events: dict[str, int] = {}
    """vmstat: pgmajfault, oom_kill, since boot."""
    large_blocks: int | None = None
    """Free blocks of order 8 and larger."""


class Boot(Record, frozen=True, kw_only=True):
    boot_id: str = ""
    kernel: str = ""
    uptime: float | None = None
    options: tuple[str, ...] = ()
    """Words of the kernel's command line about the IOMMU."""
    panics: tuple[str, ...] | None = ()
    """Files in pstore; None where they may not be seen."""


class Extras(Record, frozen=True, kw_only=True):
    shm_total: int | None = None
    """Bytes."""
    shm_free: int | None = None
    locked_memory: int | None = None
    """Bytes that a session may lock; None: no limit."""
    open_files: int | None = None
    cgroup: int | None = None
    variables: tuple[str, ...] = ()
    """Names in /etc/environment that slow CUDA down or hijack it."""


class Fan(Record, frozen=True, kw_only=True):
    name: str
    rpm: int | None = None
    low: int | None = None
    alarm: int | None = None


class Board(Record, frozen=True, kw_only=True):
    """Through IPMI."""

    log: Said | None = None
    fans: Said | None = None
    supplies: Said | None = None


class Above(Record, frozen=True, kw_only=True):
    """The narrowest port between a device and the root."""

    speed_max: float | None = None
    width_max: int | None = None


class PciDevice(Record, frozen=True, kw_only=True):
    address: str
    kind: str = ""
    """ "display", "accelerator", "bridge" (NVSwitch), "network", "nvme"."""
    maker: str = ""
    """ "nvidia", "amd", "mellanox" or ""."""
    device: str = ""
    speed: float | None = None
    """GT/s of the link."""
    speed_max: float | None = None
    width: int | None = None
    width_max: int | None = None
    above: Above = Above()
    errors: dict[str, int] | None = None
    """AER totals since boot: correctable, nonfatal, fatal."""
    read_request: int | None = None
    """Bytes; None where it cannot be read without root."""


class AccessControl(Record, frozen=True, kw_only=True):
    redirecting: tuple[str, ...] = ()
    """Bridges on which ACS sends traffic between devices through the root."""
    unread: int = 0
    """Bridges whose configuration needs root."""
    translation: tuple[str, ...] = ()
    """Kinds of IOMMU domains: "DMA", "identity"."""


class NicFacts(Record, frozen=True, kw_only=True):
    """A physical interface; counters since boot."""

    name: str
    state: str = ""
    speed: int | None = None
    """Mb/s; −1 where there is none."""
    driver: str = ""
    mtu: int | None = None
    down_count: int | None = None
    rx_packets: int | None = None
    tx_packets: int | None = None
    rx_errors: int | None = None
    tx_errors: int | None = None
    rx_dropped: int | None = None
    tx_dropped: int | None = None
    rx_fifo_errors: int | None = None
    tx_fifo_errors: int | None = None


class IbPortFacts(Record, frozen=True, kw_only=True):
    port: str
    state: str = ""
    phys_state: str = ""
    rate: str = ""
    link_layer: str = ""
    keys: tuple[str, ...] = ()


class IbDevice(Record, frozen=True, kw_only=True):
    device: str
    firmware: str = ""
    board: str = ""
    address: str = ""
    ports: tuple[IbPortFacts, ...] = ()


class Sockets(Record, frozen=True, kw_only=True):
    """Counters since boot; connection tracking now."""

    listen_overflows: int | None = None
    listen_drops: int | None = None
    retransmitted: int | None = None
    backlog_dropped: int | None = None
    squeezed: int | None = None
    tracked: int | None = None
    tracked_max: int | None = None


class Waiting(Record, frozen=True, kw_only=True):
    """A process that waits in the kernel."""

    pid: int
    ticks: int
    parent: int = 0
    name: str = ""
    state: str = ""
    age: float = 0.0
    """Seconds since the process started (how long it waits, no file tells)."""
    where: str = ""
    """The kernel function."""


class DeadParent(Record, frozen=True, kw_only=True):
    """A process that does not collect its dead children."""

    pid: int
    count: int
    oldest: float = 0.0
    name: str = ""


class Processes(Record, frozen=True, kw_only=True):
    waiting: tuple[Waiting, ...] = ()
    waiting_total: int = 0
    dead: int = 0
    parents: tuple[DeadParent, ...] = ()


class Driver(Record, frozen=True, kw_only=True):
    """NVIDIA's versions."""

    module: str = ""
    """Loaded; "" when none is."""
    library: str = ""
    """On disk."""
    fabric_manager: Said | None = None
    device_nodes: int | None = None
    """/dev/nvidia0 …"""


class Gateway(Record, frozen=True, kw_only=True):
    address: str = ""
    interface: str = ""
    answers: bool | None = None
    """None: there is no ping."""


class Holder(Record, frozen=True, kw_only=True):
    """A process that holds GPU memory."""

    pid: int
    uuid: str = ""
    mebibytes: int | None = None
    alive: bool = True


class Smart(Record, frozen=True, kw_only=True):
    tool: str = ""
    status: int = 0
    text: str = ""
    """JSON."""
    error: str = ""


class Resolved(Record, frozen=True, kw_only=True):
    found: bool
    seconds: float = 0.0


class HealthFacts(Record, frozen=True, kw_only=True):
    """One look at a host. None: the host has no such thing; what could not be had is in `missing`."""

    time: float
    """Epoch seconds of our clock, when the answer came."""
    root: bool = False
    missing: dict[str, str] = {}
    """Fact → why it could not be had ("no permission: …", "no answer within 10 s", "not asked")."""
    boot: Boot | None = None
    units: tuple[Unit, ...] | None = None
    mounts: Mounts | None = None
    raid: Raid | None = None
    edac: tuple[MemoryErrors, ...] | None = None
    clock: ClockFacts | None = None
    limits: Limits | None = None
    memory: MemoryFacts | None = None
    modules: dict[str, str] | None = None
    governors: dict[str, int] | None = None
    extras: Extras | None = None
    fans: tuple[Fan, ...] | None = None
    board: Board | None = None
    pci: tuple[PciDevice, ...] | None = None
    access_control: AccessControl | None = None
    nics: tuple[NicFacts, ...] | None = None
    bonds: dict[str, tuple[str, ...]] | None = None
    infiniband: tuple[IbDevice, ...] | None = None
    sockets: Sockets | None = None
    processes: Processes | None = None
    driver: Driver | None = None
    gateway: Gateway | None = None
    smi: Said | None = None
    """`nvidia-smi -q`, the lines that are judged."""
    nvlink: Said | None = None
    nvlink_errors: Said | None = None
    holders: tuple[Holder, ...] | None = None
    imex: Said | None = None
    smart: dict[str, Smart] = {}
    optics: dict[str, Said] = {}
    runtimes: dict[str, float] = {}
    """Runtime → seconds until it answered."""
    names: dict[str, Resolved] = {}
