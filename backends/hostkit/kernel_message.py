"""One kernel message → an event: what it is about, with the numbers in it. The text is cleaned, never believed further."""

from __future__ import annotations

import math
import re
from typing import Any

from backends.metrics.sample import Record
from backends.text import clean

TEXT = 500


class KernelEvent(Record, frozen=True, kw_only=True):
    """Something that the kernel itself said."""

    kind: str
    """ "xid", "sxid", "gpu-lost", "oom", "hung-task", "lockup", "panic", "machine-check", "pcie", "filesystem", "disk",
    "nvme", "link", "nfs", "mlx5", "peermem", "gpu-log"."""
    time: float
    """Epoch seconds on the host's clock."""
    boot: str = ""
    """Boot id, 32 hex digits."""
    monotonic: float = 0.0
    """Seconds since boot."""
    text: str = ""
    """The message, cleaned."""
    code: int | None = None
    """Of an XID or SXid."""
    subcode: int | None = None
    """Bits 20–25 of an NVLink 5 XID's first number."""
    grade: str = ""
    """ "corrected", "uncorrected", "fatal", "nonfatal", "read-only", "up", "down", "ok", "silent"."""
    device: str = ""
    """PCI address ("0000:05:00"), disk, interface, server, memory module."""
    pid: int | None = None
    process: str = ""
    """Of the victim."""
    group: str = ""
    """The victim's cgroup."""

    @property
    def identity(self) -> tuple[str, float, str]:
        """The same message, however it was read."""
        return self.boot, self.monotonic, self.text


_PCI = r"(?P<device>[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?)"
_XID = re.compile(rf"NVRM: Xid \(PCI:{_PCI}\): (?P<code>\d{{1,4}})(?P<rest>.*)")
_SXID = re.compile(rf"nvidia-nvswitch\d*: SXid \(PCI:{_PCI}\): (?P<code>\d{{1,6}}),?\s*(?P<rest>.*)")
_LOST = re.compile(rf"NVRM: .*?{_PCI}.*(?:fallen off the bus|GPU is lost)")
_LOST_PLAIN = re.compile(r"NVRM: .*(?:fallen off the bus|GPU (?:is|has been) lost)")
_PID = re.compile(r"pid='?(\d{1,10})'?")
_NAME = re.compile(r"name=([^,]{1,64})")
_FATAL = re.compile(r"\b(Non-?fatal|Fatal)\b", re.IGNORECASE)
_INFO = re.compile(r"\(0x([0-9a-fA-F]{1,16})")
_KILLED = re.compile(
    r"(?:Memory cgroup out of memory|Out of memory)[^:]*: Killed process (?P<pid>\d{1,10}) \((?P<process>.{1,64}?)\)"
)
_OOM = re.compile(r"oom-kill:.*?task_memcg=(?P<group>[^,]{1,300}),.*?pid=(?P<pid>\d{1,10})")
_HUNG = re.compile(r"INFO: task (?P<process>.{1,64}):(?P<pid>\d{1,10}) blocked for more than \d+ seconds")
_LOCKUP = re.compile(r".*(?:soft|hard) (?:lockup|LOCKUP)[^\[]*(?:\[(?P<process>.{1,64}?):(?P<pid>\d{1,10})\])?")
_STALL = re.compile(r"rcu: ?(?:INFO: )?.*(?:self-)?detected (?:expedited )?stall")
_PANIC = re.compile(r"Kernel panic|BUG: unable to handle|Oops: |general protection fault|kernel BUG at")
_EDAC = re.compile(r"EDAC (?P<mc>MC\d+): (?P<count>\d{1,9}) (?P<what>CE|UE) .*?(?: on (?P<device>\S{1,80}))?(?: \(|$)")
_MACHINE = re.compile(r"(?:mce: )?.*\[Hardware Error\]|mce: ")
_GRADE = re.compile(r"\b(fatal|uncorrected|uncorrectable|deferred|recoverable|corrected)\b", re.IGNORECASE)
_AER = re.compile(rf"(?P<port>\S+ )?{_PCI}: (?:AER: |PCIe Bus Error: )(?P<rest>.*)")
_SOURCE = re.compile(rf"received: {_PCI}")
_SLOT = re.compile(
    rf"pciehp .*?{_PCI}?.*(?:Link Down|Surprise Down)|pcieport {_PCI.replace('device', 'port')}.*(?:Link Down|Surprise Down)"
)
_EXT = re.compile(
    r"(?:EXT4-fs|EXT3-fs|EXT2-fs) (?P<word>error )?\((?:device )?(?P<device>[^):\s]{1,64})\)?:?(?P<rest>.*)"
)
_XFS = re.compile(r"XFS \((?P<device>[^)]{1,64})\): (?P<rest>.*)")
_BTRFS = re.compile(r"BTRFS.*\(device (?P<device>[^):]{1,64})")
_ABORT = re.compile(r"Aborting journal on device (?P<device>\S{1,64}?)[-.:]?(?:\d+)?\.?$")
_DISK = re.compile(
    r".*(?:I/O error,? (?:on )?(?:dev |device )|on dev |beyond end of device|Medium Error|device offlined)"
)
_DEVICE = re.compile(r"(?:dev(?:ice)? |\[)(?P<device>(?:sd|vd|xvd|nvme|md|dm-|hd)[\w\-]{0,32})")
_ARRAY = re.compile(
    r"md/raid\S*:(?P<array>\S{1,32}?):? .*(?:Disk failure on (?P<device>\S{1,32}?),|Operation continuing on)"
)
_NO_PATH = re.compile(r".*no available path")
_NVME = re.compile(r"nvme (?P<device>nvme\d+)(?:n\d+)?: (?P<rest>.*)")
_LINK = re.compile(r".*?(?P<device>[\w.@\-]{1,32}):? (?:NIC )?[Ll]ink (?:is )?(?P<grade>[Dd]own|[Uu]p)\b")
_BOND = re.compile(r"(?P<bond>\S{1,32}): \(slave (?P<device>[^)]{1,32})\): link status definitely (?P<grade>down|up)")
_CARRIER = re.compile(r"(?P<device>\S{1,32}): [Ll]ost carrier")
_READY = re.compile(r"ADDRCONF\(NETDEV_CHANGE\): (?P<device>\S{1,32}): link becomes ready")
_IB = re.compile(
    r"(?P<device>mlx\d_\w+|mlx\d_core)[^:]*: (?:.*[Pp]ort:? ?(?P<port>\d+)) [Ll]ink (?P<grade>DOWN|UP|ACTIVE|[Dd]own|[Uu]p)"
)
_NFS = re.compile(r"nfs4?: server (?P<device>\S{1,128}) (?P<word>not responding|OK|is not responding)")
_MLX = re.compile(rf"mlx5_core {_PCI}")


def number(value: Any) -> float | None:
    """A finite number of 0 or more, from a number or its text; None of anything else."""
    if isinstance(value, str) and len(value) > 24:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and 0 <= found < 1e18 else None


_ECHOES = ("Command line: ", "Kernel command line: ", "Unknown kernel command line parameters")


class Messages:
    """Knows the messages that belong together: the line before an OOM kill names the victim's cgroup."""

    def __init__(self) -> None:
        self._groups: dict[int, str] = {}

    def event(self, message: str, kind: str, time: float, boot: str, monotonic: float) -> KernelEvent | None:
        """The event behind a message; None where it adds nothing to another.

        Args:
            message: as the host sent it.
            kind: what the host took it for; used where the message is of no known form.
            time: epoch seconds, of the host's clock.
            boot: boot id.
            monotonic: seconds since boot.
        """
        text = clean(message, TEXT)
        found = self._parsed(text, kind)
        if found is None:
            return None
        return KernelEvent(time=time, boot=boot, monotonic=monotonic, text=text, **found)

    def _parsed(self, text: str, kind: str) -> dict[str, Any] | None:
        if text.startswith(_ECHOES):
            return None  # words that somebody gave the kernel, among them names of what it can do ("rcu_cpu_stall…")
        if match := _OOM.match(text):
            self._groups[int(match["pid"])] = match["group"]
            while len(self._groups) > 64:
                del self._groups[next(iter(self._groups))]
            return None
        if match := _KILLED.match(text):
            pid = int(match["pid"])
            return {"kind": "oom", "pid": pid, "process": match["process"], "group": self._groups.pop(pid, "")}
        if "invoked oom-killer" in text:
            return None  # the kill itself follows
        for parse in (_gpu, _tasks, _machine, _pcie, _storage, _network):
            found = parse(text)
            if found is not None:
                return found
        return {"kind": _FALLBACK.get(kind, "other")}


_FALLBACK = {
    "xid": "gpu-log",
    "sxid": "gpu-log",
    "oom": "oom-log",
    "hung": "lockup",
    "panic": "panic",
    "machine-check": "machine-check",
    "pcie": "pcie",
    "filesystem": "filesystem-log",
    "disk": "disk",
    "nvme": "nvme-log",
    "link": "link-log",
    "nfs": "nfs-log",
    "mlx5": "mlx5",
    "peermem": "peermem",
}


def _gpu(text: str) -> dict[str, Any] | None:
    if match := _XID.match(text):
        return _xid("xid", match)
    if match := _SXID.match(text):
        return _xid("sxid", match)
    if match := _LOST.match(text) or _LOST_PLAIN.match(text):
        device = match.groupdict().get("device") or ""
        return {"kind": "gpu-lost", "device": device.lower()}
    return None


def _xid(kind: str, match: re.Match[str]) -> dict[str, Any]:
    rest, code = match["rest"], int(match["code"])
    pid, name, fatal = _PID.search(rest), _NAME.search(rest), _FATAL.search(rest)
    info = _INFO.search(rest) if kind == "xid" and 144 <= code <= 150 else None
    return {
        "kind": kind,
        "code": code,
        "device": match["device"].lower(),
        "pid": int(pid[1]) if pid else None,
        "process": name[1].strip() if name else "",
        "grade": fatal[1].lower().replace("-", "") if fatal else "",
        "subcode": (int(info[1], 16) >> 20) & 0x3F if info else None,
    }


def _tasks(text: str) -> dict[str, Any] | None:
    if match := _HUNG.match(text):
        return {"kind": "hung-task", "process": match["process"], "pid": int(match["pid"])}
    if match := _LOCKUP.match(text):
        pid = match["pid"]
        return {"kind": "lockup", "process": match["process"] or "", "pid": int(pid) if pid else None}
    if _STALL.match(text):
        return {"kind": "lockup"}
    return {"kind": "panic"} if _PANIC.search(text) else None


def _machine(text: str) -> dict[str, Any] | None:
    if match := _EDAC.match(text):
        grade = "corrected" if match["what"] == "CE" else "uncorrected"
        return {"kind": "machine-check", "grade": grade, "device": match["device"] or match["mc"]}
    if _MACHINE.match(text):
        word = _GRADE.search(text)
        return {"kind": "machine-check", "grade": _grade(word[1]) if word else ""}
    return None


def _grade(word: str) -> str:
    low = word.lower()
    return "uncorrected" if low in ("uncorrectable", "deferred", "recoverable") else low


def _pcie(text: str) -> dict[str, Any] | None:
    if match := _AER.match(text):
        rest = match["rest"].lower()
        grade = "fatal" if "(fatal)" in rest or ("fatal error" in rest and "non-fatal" not in rest) else ""
        grade = grade or (
            "uncorrected" if "uncorrect" in rest or "non-fatal" in rest else "corrected" if "correct" in rest else ""
        )
        source = _SOURCE.search(match["rest"])
        return {"kind": "pcie", "grade": grade, "device": (source or match)["device"].lower()}
    if match := _SLOT.match(text):
        return {"kind": "pcie", "grade": "down", "device": (match["device"] or match["port"] or "").lower()}
    return None


def _storage(text: str) -> dict[str, Any] | None:
    if match := _EXT.match(text):
        read_only = "emounting filesystem read-only" in match["rest"]
        if not read_only and not match["word"]:
            return None
        return {"kind": "filesystem", "grade": "read-only" if read_only else "", "device": match["device"]}
    if match := _XFS.match(text):
        down = "hutting down" in match["rest"] or "Shutdown" in match["rest"]
        return {"kind": "filesystem", "grade": "read-only" if down else "", "device": match["device"]}
    if match := _BTRFS.match(text):
        return {
            "kind": "filesystem",
            "grade": "read-only" if "forced readonly" in text else "",
            "device": match["device"],
        }
    if match := _ABORT.match(text):
        return {"kind": "filesystem", "grade": "", "device": match["device"]}
    if match := _ARRAY.match(text):
        return {"kind": "disk", "device": match["device"] or match["array"]}
    if match := _NVME.match(text):
        return {"kind": "nvme", "device": match["device"]}
    if _DISK.match(text) or _NO_PATH.match(text):
        device = _DEVICE.search(text)
        return {"kind": "disk", "device": device["device"] if device else ""}
    return None


def _network(text: str) -> dict[str, Any] | None:
    if match := _NFS.match(text):
        return {"kind": "nfs", "device": match["device"], "grade": "ok" if match["word"] == "OK" else "silent"}
    for pattern in (_BOND, _IB, _LINK):
        if match := pattern.match(text):
            grade = "down" if match["grade"].lower() == "down" else "up"
            return {"kind": "link", "device": match["device"], "grade": grade}
    if match := _CARRIER.match(text):
        return {"kind": "link", "device": match["device"], "grade": "down"}
    if match := _READY.match(text):
        return {"kind": "link", "device": match["device"], "grade": "up"}
    if match := _MLX.match(text):
        return {"kind": "mlx5", "device": match["device"].lower()}
    return {"kind": "peermem"} if "ERROR detected invalid context" in text else None
