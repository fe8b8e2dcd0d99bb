"""A maintenance window on eight real hosts, two of them nodes of a real Slurm: the site, its configuration, its troubles.

Nothing is judged in here. What a host says of itself (its command's log, dpkg's log, its firmware's log) is read from its
disk, past the engine, so that nothing that was done twice stays hidden.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from backends.maintenance.model import HostRun, RunStatus, Stage
from backends.maintenance.views import RunView
from backends.states import HostState
from swarm_tui.client import EngineClient
from tests.conftest import standing
from tests.e2e.backing import Keeper
from tests.e2e.enginerun import EngineRun, until
from tests.lab import aptfield, aptrepo, attach, gpus, slurm
from tests.lab.fleet import Lab
from tests.lab.host import LabHost
from tests.lab.slurm import Cluster
from tests.unit.alerts.receivers import Web, web_server

CONTROLLER, NODES = "lab1", ("lab2", "lab3")
FAILING, GONE, SHORT = "lab5", "lab6", "lab7"
"""A package fails; it never comes back from its reboot; it comes back without one of its GPUs."""
WELL = (CONTROLLER, *NODES, "lab4", "lab8")
TROUBLED = (FAILING, GONE, SHORT)
GPU_HOSTS = (SHORT, "lab8")
CANARIES = (CONTROLLER, "lab8")
HOSTS = 8
WANTED = {**dict.fromkeys((*WELL, GONE, SHORT), ("lab-app",)), FAILING: ("lab-app", "lab-broken")}
LOG = "var/lib/swarm-warm.log"
"""A line for each time the run's own command was done on a host."""
OWN_NOTICE = re.compile(r"\bmaintenance (window|r-[0-9-]+): ")
LOST_AT_BOOT = """[Unit]
DefaultDependencies=no
Before=ssh.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "6 lost 1" > {state}'
[Install]
WantedBy=sysinit.target
"""
WARM = ["/bin/sh", "-c", f"cat /proc/sys/kernel/random/boot_id >> /{LOG}; sleep 2"]
REST = ["/bin/sh", "-c", f"sleep 4; while [ -e {aptrepo.HOLD} ]; do sleep 0.2; done"]
"""Four seconds, and as long as a test holds the host (aptfield.hold)."""
SETTINGS = """
[updates]
ask_hours = 0
[checks]
every_minutes = 0
light_seconds = 10
[backups]
config_hosts = "lab*"
config_every_hours = 0
[[backups.repositories]]
name = "vault"
location = "{vault}/{{host}}"
reserve_bytes = 0
[[maintenance.drains]]
hosts = "{nodes}"
scheduler = "slurm"
controller = "{controller}"
[[maintenance.commands]]
name = "warm"
argv = {warm}
timeout = "5m"
[[maintenance.commands]]
name = "rest"
argv = {rest}
timeout = "5m"
[[runs]]
name = "window"
hosts = "lab*"
steps = ["drain", "snapshot", "command:warm", "update", "reboot", "check", "resume"]
canaries = {canaries}
batches = ["1", "5"]
soak_minutes = 0.1
max_unavailable = "4"
max_failed = 4
timeouts = {{ reboot = "90s" }}
[alerts]
test_day = "none"
off = ["check.h22", "cpu.*", "backup.no-escrow", "backup.proof-stale"]
[alerts.policy]
group_wait_seconds = 0
group_wait_critical_seconds = 0
group_interval_seconds = 0
dependency_wait_seconds = 0
settle_seconds = 3
[[alerts.targets]]
name = "receiver"
url = "{url}"
"""
"""Off is what hosts have from this machine (limits of a session, the load), and what new repositories lack."""


@dataclass
class Site:
    """The hosts, Slurm, the receiver of alerts, and the engine with all its lives."""

    lab: Lab
    cluster: Cluster
    web: Web
    place: Path
    config: Path
    lives: list[EngineRun] = field(default_factory=list)

    @property
    def keeper(self) -> Keeper:
        """An operator at a terminal."""
        return Keeper(self.config, self.lives[-1])

    def client(self) -> EngineClient:
        return EngineClient.connect(self.lives[-1].socket)

    def start(self) -> None:
        """A new engine over the same state."""
        running = EngineRun(self.place, "--config", str(self.config))
        self.lives.append(running)
        running.until_ready()

    def view(self, run: str) -> RunView:
        with self.client() as client:
            return client.runs.view(run)

    def hosts(self, run: str) -> Mapping[str, HostRun]:
        found = self.view(run).hosts
        assert found is not None
        return found

    def has_ended(self, run: str) -> bool:
        return self.view(run).status is RunStatus.ENDED

    def up(self, *names: str, seconds: float = 180.0) -> None:
        """Wait until the engine has a way to each of these hosts."""

        def live() -> bool:
            with self.client() as client:
                return {row.name for row in client.fleet_view().rows if row.state is HostState.UP} >= {*names}

        until(live, seconds, f"{', '.join(names)} up")

    def titles(self) -> list[str]:
        """What the receiver was told, but for what runs say of themselves."""
        return [title for title in self.web.titles if not OWN_NOTICE.search(title)]


@contextmanager
def site(temporary: pytest.TempPathFactory) -> Iterator[Site]:
    """All of it, up and with the second age of the packages offered."""
    place = temporary.mktemp("window")
    with ExitStack() as stack:
        layers = dict.fromkeys((CONTROLLER, *NODES), "slurm")
        lab = stack.enter_context(standing(HOSTS, layers=layers, with_gpus=GPU_HOSTS))
        web = stack.enter_context(web_server())
        cluster = slurm.bring_up(lab.host(CONTROLLER), [lab.host(name) for name in NODES])
        hosts = {name: lab.host(name) for name in WANTED}
        stack.enter_context(aptfield.offering(temporary.mktemp("repository"), WANTED, hosts))
        found = Site(lab, cluster, web, place, _configuration(lab, web, place))
        try:
            found.start()
            found.up(*hosts)
            found.keeper.done("backup", "init", "lab*")  # a window does not begin with the first backups ever
            yield found
        finally:
            for life in found.lives:
                life.__exit__()
            for host in lab.hosts():
                if not host.is_on():
                    lab.start(host.name)


def lose_a_gpu_at_boot(host: LabHost) -> None:
    """From its next boot on it has seven GPUs of eight."""
    unit = host.root / "etc/systemd/system/lose-gpu.service"
    unit.write_text(LOST_AT_BOOT.format(state=gpus.STATE))
    host.does("systemctl", "enable", "lose-gpu.service")


def commands(host: LabHost) -> int:
    """How often the command was done there."""
    file = host.root / LOG
    return len(file.read_text().splitlines()) if file.exists() else 0


def upgrades(host: LabHost) -> Mapping[str, int]:
    """Package → how often dpkg has begun to upgrade it."""
    lines = (line.split() for line in (host.root / "var/log/dpkg.log").read_text().splitlines())
    return Counter(words[3].partition(":")[0] for words in lines if len(words) > 3 and words[2] == "upgrade")


def reboots(host: LabHost) -> int:
    """How often its firmware has seen it go down for a reboot."""
    return (host.place / "console.log").read_text().count("firmware: the host ended with 133")


def at_work(view: RunView) -> list[str]:
    """Hosts that the run itself has taken away from their work."""
    away = (Stage.WORKING, Stage.ASKING, Stage.FAILED)
    return [name for name, host in (view.hosts or {}).items() if host.stage in away]


def _configuration(lab: Lab, web: Web, place: Path) -> Path:
    settings = SETTINGS.format(
        vault=place / "vault",
        nodes=",".join(NODES),
        controller=CONTROLLER,
        canaries=msgspec.json.encode(CANARIES).decode(),
        rest=msgspec.json.encode(REST).decode(),
        warm=msgspec.json.encode(WARM).decode(),
        url=web.url("ok/window"),
    )
    file = place / "config.toml"
    file.write_text(attach.configuration(lab.ground, lab.hosts()) + settings)
    return file
