"""A small Slurm cluster on lab hosts of the layer "slurm": one controller, some nodes, one partition, no accounting.

Processes are found without cgroups (proctrack/linuxproc) and bound to nothing (task/none): a container of this lab has no
cgroups to give away. What that changes is inside a job; states, drains and reboots are Slurm's own.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass

from backends.errors import RetryLater, Stop
from tests.lab.fleet import until
from tests.lab.host import LabHost

START_SECONDS = 180.0
KEY_BYTES = 128

CONFIG = """ClusterName=lab
SlurmctldHost={controller}
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SchedulerType=sched/backfill
MpiDefault=none
ReturnToService=1
SlurmdTimeout=20
ResumeTimeout=120
RebootProgram=/sbin/reboot
NodeName={nodes} CPUs=2 RealMemory=100 State=UNKNOWN
PartitionName=lab Nodes={nodes} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


@dataclass(frozen=True)
class Cluster:
    """A running one."""

    controller: LabHost
    nodes: tuple[LabHost, ...]

    def scontrol(self, *words: str) -> str:
        """Ask or tell the controller, as its root does. Raises Stop when Slurm refuses."""
        return self._run("scontrol", *words)

    def state(self, node: LabHost) -> str:
        """State and flags as sinfo and scontrol write them ("IDLE+DRAIN")."""
        words = self.scontrol("-o", "show", "node", node.name).split()
        return next(word.removeprefix("State=") for word in words if word.startswith("State="))

    def submit_script(self, node: LabHost, script: str, *, minutes: int = 10) -> str:
        """A job on that node that is a line of sh, with a time limit; its number."""
        return self._run("sbatch", "--parsable", "-w", node.name, f"--time={minutes}", "--wrap", script).strip()

    def job_state(self, job: str) -> str:
        """As scontrol names it ("RUNNING")."""
        words = self.scontrol("-o", "show", "job", job).split()
        return next(word.removeprefix("JobState=") for word in words if word.startswith("JobState="))

    def cancel_all(self) -> None:
        """End every job."""
        self._run("scancel", "--user=root")

    def stop_controller(self) -> None:
        _systemctl(self.controller, "stop", "slurmctld.service")

    def start_controller(self) -> None:
        _systemctl(self.controller, "start", "slurmctld.service")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until slurmctld answers and every node has registered. Raises RetryLater when that does not come."""
        if not until(self._ready, START_SECONDS):
            raise RetryLater("Slurm does not come up", host=self.controller.name, hint="see /var/log/slurm there")

    def _ready(self) -> bool:
        done = self.controller.inside(["sinfo", "-h", "-N", "-o", "%N %T"])
        lines = [line.split() for line in done.stdout.splitlines()]
        fine = [words for words in lines if len(words) == 2 and not words[1].endswith("*") and words[1] != "unknown"]
        return done.returncode == 0 and len(fine) == len(self.nodes)

    def _run(self, *argv: str) -> str:
        done = self.controller.inside(argv)  # not through runuser: its login session ends with it, and more than itself
        if done.returncode != 0:
            raise Stop(f"`{' '.join(argv)}` ended with {done.returncode}: {done.stderr.strip()}", action=argv[0])
        return done.stdout


def bring_up(controller: LabHost, nodes: Sequence[LabHost]) -> Cluster:
    """Configure and start Slurm on running hosts of the layer "slurm" (the controller may be one of the nodes)."""
    key = os.urandom(KEY_BYTES)
    text = CONFIG.format(controller=controller.name, nodes=",".join(node.name for node in nodes))
    everywhere = {host.name: host for host in (controller, *nodes)}
    for host in everywhere.values():
        _configure(host, key, text)
        _systemctl(host, "enable", "munge.service")
        _systemctl(host, "restart", "munge.service")
    for host in everywhere.values():  # each has the packages of both; with a configuration both would begin at boot
        idle = [] if host is controller else ["slurmctld.service"]
        _systemctl(host, "disable", "--now", *idle, *([] if host in nodes else ["slurmd.service"]))
    _systemctl(controller, "enable", "--now", "slurmctld.service")
    for node in nodes:
        _systemctl(node, "enable", "--now", "slurmd.service")
    cluster = Cluster(controller, tuple(nodes))
    cluster.wait_ready()
    return cluster


def _configure(host: LabHost, key: bytes, text: str) -> None:
    """Write the shared key (as munge's own, as it insists) and the configuration."""
    (host.root / "etc/slurm/slurm.conf").write_text(text)
    secret = base64.b64encode(key).decode()
    script = (
        f"echo {secret} | base64 -d > /etc/munge/munge.key; chown munge: /etc/munge/munge.key; chmod 400 /etc/munge/munge.key;"
        " install -d -o slurm -g slurm /var/lib/slurm/slurmctld /var/lib/slurm/slurmd /var/log/slurm"
    )
    host.does("sh", "-c", script)


def _systemctl(host: LabHost, *words: str) -> None:
    host.does("systemctl", *words, timeout_seconds=START_SECONDS)
