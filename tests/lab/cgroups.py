"""One control group per host, on cgroup v1, v2 and the hybrid of both: freeze, slow down, bound memory, account.

Each kind of control is looked up on its own, since on a hybrid machine the freezer may be v1 while the unified tree
is mounted beside it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from backends.errors import SkipHost, Stop

CONTROLLERS = ("cpu", "cpuacct", "memory", "freezer", "pids", "name=systemd")
PERIOD_US = 100_000
FREEZE_SECONDS = 30.0


@dataclass(frozen=True)
class Mounts:
    """Where this machine keeps its control groups."""

    v1: dict[str, Path]
    unified: Path | None
    unified_controllers: frozenset[str] = frozenset()


def mounts(mountinfo: str) -> Mounts:
    """Read /proc/self/mountinfo (controllers of the unified tree are read from the tree itself)."""
    v1: dict[str, Path] = {}
    unified = None
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2) if right.count(" ") >= 2 else ("", "", "")
        place = Path(left.split(" ")[4]) if left.count(" ") >= 4 else Path()
        if kind == "cgroup":
            v1.update({name: place for name in options.split(",") if name in CONTROLLERS})
        elif kind == "cgroup2" and unified is None:
            unified = place
    known = (unified / "cgroup.controllers") if unified else None
    return Mounts(v1, unified, frozenset(known.read_text().split()) if known and known.exists() else frozenset())


def this_machine() -> Mounts:
    """The control groups of this machine."""
    return mounts(Path("/proc/self/mountinfo").read_text())


@dataclass(frozen=True)
class Groups:
    """The control groups of one host of one lab."""

    mounts: Mounts
    lab: str
    host: str

    def create(self) -> list[Path]:
        """Make the groups; returns the files into which the host's first process writes its id."""
        places = self._places()
        for place in places:
            self._enable(place)
            place.mkdir(parents=True, exist_ok=True)
        return [place / "cgroup.procs" for place in places]

    def freeze(self) -> None:
        """Stop every process of the host at once; its kernel still answers. Raises Stop when it does not stop."""
        self._set_frozen(True)

    def thaw(self) -> None:
        """Let the host go on."""
        self._set_frozen(False)

    def limit_cpu(self, percent: float | None) -> None:
        """Give the host `percent` of one core; None: as much as it likes."""
        quota = None if percent is None else max(1000, int(percent / 100 * PERIOD_US))
        if (old := self._v1("cpu")) is not None:
            (old / "cpu.cfs_quota_us").write_text(f"{-1 if quota is None else quota}\n")
        else:
            (self._v2("cpu") / "cpu.max").write_text(f"{'max' if quota is None else quota} {PERIOD_US}\n")

    def limit_memory(self, mebibytes: int | None) -> None:
        """Let the host use that much memory; None: all of it."""
        if (old := self._v1("memory")) is not None:
            (old / "memory.limit_in_bytes").write_text(f"{-1 if mebibytes is None else mebibytes << 20}\n")
        else:
            (self._v2("memory") / "memory.max").write_text(f"{'max' if mebibytes is None else mebibytes << 20}\n")

    def memory_bytes(self) -> int | None:
        """What the host uses now; None where nobody counts."""
        return _number(self._v1("memory"), "memory.usage_in_bytes", self._unified(), "memory.current")

    def cpu_seconds(self) -> float | None:
        """What the host has used since it was started; None where nobody counts."""
        if (old := self._v1("cpuacct")) is not None and (old / "cpuacct.usage").exists():
            return int((old / "cpuacct.usage").read_text()) / 1e9
        new = self._unified()
        lines = (new / "cpu.stat").read_text().split() if new is not None and (new / "cpu.stat").exists() else []
        return int(lines[lines.index("usage_usec") + 1]) / 1e6 if "usage_usec" in lines else None

    def remove(self) -> None:
        """Remove the groups of a host that has no process left."""
        for place in self._places():
            for path in sorted(place.rglob("*"), key=lambda each: len(each.parts), reverse=True):
                if path.is_dir():
                    path.rmdir()
            if place.is_dir():
                place.rmdir()
            if place.parent.is_dir() and not any(path.is_dir() for path in place.parent.iterdir()):
                place.parent.rmdir()

    def _places(self) -> list[Path]:
        old = [root / f"swarm-{self.lab}" / self.host for root in dict.fromkeys(self.mounts.v1.values())]
        new = self._unified()
        return old if new is None else [*old, new]

    def _v1(self, controller: str) -> Path | None:
        root = self.mounts.v1.get(controller)
        return None if root is None else root / f"swarm-{self.lab}" / self.host

    def _v2(self, controller: str) -> Path:
        new = self._unified()
        if new is None or (controller != "freezer" and controller not in self.mounts.unified_controllers):
            raise SkipHost(f"this machine has no control over {controller}", host=self.host, action="set a limit")
        return new

    def _unified(self) -> Path | None:
        root = self.mounts.unified
        return None if root is None else root / f"swarm-{self.lab}" / self.host

    def _enable(self, place: Path) -> None:
        """On v2 a group has only the controls that every group above it hands down."""
        root = self.mounts.unified
        if root is None or root not in place.parents:
            return
        place.parent.mkdir(exist_ok=True)
        for name in sorted(self.mounts.unified_controllers & set(CONTROLLERS)):
            for above in (root, place.parent):
                (above / "cgroup.subtree_control").write_text(f"+{name}")

    def _set_frozen(self, frozen: bool) -> None:
        if (old := self._v1("freezer")) is not None:
            knob, wanted, answer = old / "freezer.state", "FROZEN" if frozen else "THAWED", old / "freezer.state"
        else:
            new = self._v2("freezer")
            knob, wanted, answer = new / "cgroup.freeze", str(int(frozen)), new / "cgroup.events"
        knob.write_text(f"{wanted}\n")
        deadline = time.monotonic() + FREEZE_SECONDS
        while _is_frozen(answer.read_text()) != frozen:
            if time.monotonic() > deadline:
                raise Stop(f"did not become {wanted} in {FREEZE_SECONDS:.0f} s", host=self.host, action="freeze")
            time.sleep(0.02)


def _is_frozen(text: str) -> bool:
    """From freezer.state (v1) or cgroup.events (v2)."""
    return text.strip() == "FROZEN" or "frozen 1" in text


def _number(old: Path | None, old_name: str, new: Path | None, new_name: str) -> int | None:
    for place, name in ((old, old_name), (new, new_name)):
        if place is not None and (place / name).exists():
            return int((place / name).read_text())
    return None
