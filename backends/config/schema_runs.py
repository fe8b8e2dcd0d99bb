"""The tables about maintenance: named runs, and how hosts are taken out of service and given back."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from backends.config.schema_schedules import BlackoutConfig
from backends.config.sections import AMOUNT, NAME, Argv, Section, Selector, Span

Name = Annotated[str, Meta(pattern=NAME, max_length=41, examples=["monthly-patch"])]
Amount = Annotated[str, Meta(pattern=AMOUNT, examples=["20%"])]
Amounts = Annotated[tuple[Amount, ...], Meta(min_length=1, max_length=100, examples=[["1", "10%", "50%"]])]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Steps = Annotated[
    tuple[Text, ...],
    Meta(min_length=1, max_length=40, examples=[["drain", "snapshot", "backup:config", "update:security",
                                                 "reboot-if-needed", "check", "resume"]]),
]  # fmt: skip
Globs = Annotated[tuple[Text, ...], Meta(max_length=500, examples=[["linux-*", "nvidia-*"]])]
Place = Annotated[str, Meta(max_length=4096)]
Zone = Annotated[str, Meta(max_length=64, examples=["Europe/Zurich"])]


class WindowConfig(Section, frozen=True, kw_only=True):
    """When a run may change hosts. At its end no host is begun; what is in work comes to its end."""

    cron: Annotated[str, Meta(max_length=200, examples=["0 22 * * sat"])] = ""
    """When a window opens, in five fields; "": the run has no window."""
    timezone: Zone = ""
    """IANA name of the zone that this is meant in; default: that of this machine."""
    hours: Annotated[float, Meta(gt=0, le=168)] = 8.0
    """How long it is open: hours that really pass, also when the clocks change meanwhile."""


class RunConfig(Section, frozen=True, kw_only=True):
    """A maintenance run that has a name. Nothing starts by itself; a schedule may name it (`run:NAME`)."""

    name: Name
    """What it is called: `swarm-tui run plan NAME`."""
    hosts: Selector = ""
    """A selector; default: every host."""
    steps: Steps = ("drain", "snapshot", "update", "reboot-if-needed", "check", "resume")
    """What is done to each host, in this order: drain, snapshot, backup:SET, proof:SET (or
    proof:SET:7d; asks where no restore drill of that set was good within so long), update (also update:security, or a class of
    packages like update:gpu-driver), reboot, reboot-if-needed, check, command:NAME, gate:QUESTION, resume."""
    batches: Amounts = ("1", "10%", "50%")
    """How many hosts are taken together, one after the other: numbers, or per cent of the hosts of the run (rounded up).
    The last one repeats until no host is left."""
    canary: bool = True
    """One host of each kind (GPUs, system, kernel) goes first, before the batches."""
    canaries: Annotated[tuple[Text, ...], Meta(max_length=1000, examples=[["gpu001"]])] = ()
    """Names of hosts that are the canaries of their kind; default: chosen, the one with the least work to lose."""
    soak_minutes: Annotated[float, Meta(ge=0, le=10080)] = 10.0
    """What passes between the end of a batch and the next one, in which alerts of its hosts count."""
    promote: Literal["auto", "key"] = "auto"
    """"key": after the canaries it waits until somebody says go on."""
    max_unavailable: Amount = "10%"
    """How many hosts may be away at once, those that are down anyway included: a number, or per cent of the hosts of the
    run (rounded up)."""
    max_unavailable_per_domain: Annotated[str, Meta(pattern=AMOUNT, examples=["1"])] | None = None
    """The same within what fails together (the parents of hosts: racks, switches); default: no limit there."""
    max_failed: Annotated[int, Meta(ge=1, le=100000)] = 1
    """When so many hosts have failed, unreachable ones included, no other is begun."""
    window: WindowConfig = WindowConfig()
    """When it may happen."""
    timeouts: Annotated[dict[str, Span], Meta(examples=[{"drain": "12h"}])] = {}
    """What steps may take: a kind of step, or a whole one ("backup:models"), and a duration. What runs on a host is never
    killed, but the host has failed then. Default: drain 24h, backup 8h, proof 5m, update 2h, reboot 45m, check 15m,
    command 30m."""
    approvals: Annotated[int, Meta(ge=0, le=9)] = 0
    """How many others must say yes to exactly the plan before it starts. See also `maintenance.approval_tags`."""
    packages: Globs = ()
    """Patterns (* and ?) of the packages that update steps take; default: all that their argument means."""
    exclude_packages: Annotated[tuple[Text, ...], Meta(max_length=500, examples=[["docker-*"]])] = ()
    """Patterns of the packages that they leave alone."""
    minimum_age_days: Annotated[float, Meta(ge=0, le=365)] = 0.0
    """An update is taken only when it was first seen so many days ago."""


class CommandConfig(Section, frozen=True, kw_only=True):
    """A command that runs may have as a step (`command:NAME`)."""

    name: Name
    """What steps call it."""
    argv: Annotated[Argv, Meta(examples=[["/usr/local/bin/warm-cache", "--all"]])]
    """Run on the host without a shell, by the account that maintenance uses there; its end must not depend on our link."""
    timeout: Span = "30m"
    """After this the step has failed."""


class DrainConfig(Section, frozen=True, kw_only=True):
    """How hosts are taken out of service and given back. The first table that means a host counts."""

    hosts: Selector = ""
    """A selector; default: every host."""
    scheduler: Annotated[Literal["slurm", "kubernetes", "ray", "command", "none"], Meta(examples=["slurm"])]
    """Who gives work to these hosts; "command": what the three commands here say; "none": nobody."""
    controller: Annotated[str, Meta(max_length=256, examples=["login1"])] = ""
    """Host of the fleet on which scontrol, kubectl or ray is asked; "": this machine for kubernetes, the host itself for
    the others."""
    node: Annotated[str, Meta(min_length=1, max_length=256, examples=["{host}.cluster.example"])] = "{host}"
    """What the scheduler calls a host."""
    kubeconfig: Annotated[Place, Meta(examples=["/etc/kubernetes/admin.conf"])] = ""
    """File that kubectl takes on the controller; default: its own."""
    context: Annotated[str, Meta(max_length=256, examples=["prod"])] = ""
    """Context of that file; default: the current one."""
    delete_emptydir: bool = False
    """Kubernetes: evict pods with emptyDir volumes, too, whose data are lost then."""
    force: bool = False
    """Kubernetes: delete pods that nothing would start elsewhere."""
    address: Annotated[str, Meta(max_length=256, examples=["10.0.0.5:6379"])] = ""
    """Ray: address of the head; default: what ray finds by itself."""
    status: Annotated[tuple[Text, ...], Meta(max_length=100, examples=[["/usr/local/bin/node-busy", "{node}"]])] = ()
    """Command: asks how it stands; exit status 0: in service, 1: drained, 2: draining, anything else: not known. Its first
    line is shown."""
    drain: Annotated[tuple[Text, ...], Meta(max_length=100, examples=[["/usr/local/bin/node-drain", "{node}"]])] = ()
    """Command: takes it out of service; {host}, {node}, {run} and {reason} are replaced, without a shell."""
    resume: Annotated[tuple[Text, ...], Meta(max_length=100, examples=[["/usr/local/bin/node-resume", "{node}"]])] = ()
    """Command: gives it back."""


class MaintenanceConfig(Section, frozen=True, kw_only=True):
    """What holds for every run."""

    commands: tuple[CommandConfig, ...] = ()
    """Commands as steps."""
    drains: tuple[DrainConfig, ...] = ()
    """Schedulers."""
    approval_tags: Annotated[tuple[Text, ...], Meta(max_length=100, examples=[["production"]])] = ()
    """A run with a host that has one of these tags needs the approval of somebody besides its author."""
    drift: Literal["tell", "ask"] = "tell"
    """A file of the configuration that differs from the run's snapshot after its updates, and that these do not explain:
    "tell" says so in the step and in the report, "ask" keeps the host until somebody has looked (also where it could not be
    compared)."""
    drift_allowed: Annotated[tuple[Text, ...], Meta(max_length=500, examples=[["/etc/motd", "/etc/resolv.conf"]])] = ()
    """Patterns (* and ?) of files that may differ at any time; facts are "fact:NAME" as in `swarm-tui drift`."""
    notice_hours: Annotated[float, Meta(ge=0, le=720)] = 24.0
    """So long before a scheduled run everybody is told of it; 0: not at all."""
    blackouts: tuple[BlackoutConfig, ...] = ()
    """Days on which nothing that changes a host begins by itself."""
