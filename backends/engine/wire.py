"""The types and method names of the engine's API: plain frozen data that the console, subcommands and tests share.

JSON-RPC 2.0, one object a line, UTF-8. Requests `{"jsonrpc","id","method","params":{…}}`; the engine pushes
notifications `{"jsonrpc","method","params"}` to clients that asked for them. `METHODS` lists every method.
"""

from __future__ import annotations

from typing import Literal

from backends.checks.verdict import Verdict as Verdict
from backends.metrics.sample import HostFacts, Record, Sample
from backends.sources.base import LinkInfo, OfferedKey
from backends.states import HostState, Severity

API_VERSION = 1
"""Raised when a change would break an older client; both sides refuse a different one with a clear sentence."""

MAX_LINE_BYTES = 64 << 20
"""Longest accepted line; a longer one ends the connection."""

MAX_REQUEST_BYTES = 4 << 20
"""Longest line that the engine accepts from a client; results may be as long as `MAX_LINE_BYTES`."""


class GpuCell(Record, frozen=True, kw_only=True):
    """One GPU as far as the fleet table and the heat map show it."""

    utilisation_percent: float | None = None
    memory_percent: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    flag: str = ""
    """"" or the worst thing about it: "lost", "hung", "ecc", "remap", "nvlink", "hw-slow", "thermal", "power-brake", "pcie"."""


class HostRow(Record, frozen=True, kw_only=True):
    """One host as far as the fleet table shows it."""

    name: str
    state: HostState
    version: int = 0
    """The fleet version in which this row last changed."""
    reason: str = ""
    hint: str = ""
    since: float = 0.0
    """Epoch seconds of the last state change."""
    retry_at: float | None = None
    sample_time: float | None = None
    """Epoch seconds of the newest sample; None before the first."""
    tags: tuple[str, ...] = ()
    severity: Severity = Severity.UNKNOWN
    worst: str = ""
    """The worst thing about the host in a few words; "" when nothing is."""
    verdict: str = ""
    """The bottleneck verdict in a few words; "" when there is none."""
    gpus: tuple[GpuCell, ...] = ()
    gpu_model: str = ""
    gpu_percent: float | None = None
    """Mean utilisation over the GPUs that have a value."""
    gpu_memory_percent: float | None = None
    gpu_temperature_celsius: float | None = None
    """The hottest."""
    gpu_power_watts: float | None = None
    """All together."""
    cpu_percent: float | None = None
    iowait_percent: float | None = None
    load_1: float | None = None
    cpu_count: int | None = None
    memory_percent: float | None = None
    memory_total_bytes: int | None = None
    swap_percent: float | None = None
    disk_percent: float | None = None
    """The fullest filesystem."""
    disk_mount: str = ""
    disk_read_bytes_per_second: float | None = None
    disk_write_bytes_per_second: float | None = None
    disk_busy_percent: float | None = None
    net_rx_bytes_per_second: float | None = None
    net_tx_bytes_per_second: float | None = None
    process_count: int | None = None
    uptime_seconds: float | None = None
    kernel: str = ""
    system: str = ""
    round_trip_seconds: float | None = None
    alerts: int | None = None
    """Open alerts; None: alerts are not evaluated (yet), shown as n/a. The same for the next two."""
    updates_pending: int | None = None
    backup_time: float | None = None
    """Of the set and repository that is behind most: a host is backed up as well as its oldest copy."""
    run: str = ""
    """The maintenance run that has the host, with its name: "r-20261126-1 monthly-patch"; "" when none has."""
    run_stage: str = ""
    """What that run does there, in a word: a kind of step ("drain"), or "queued", "asks", "failed"."""


class FleetSummary(Record, frozen=True, kw_only=True):
    """The header line."""

    total: int = 0
    up: int = 0
    by_state: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    worst: Severity = Severity.OK
    gpus: int = 0
    gpu_percent: float | None = None
    gpu_power_watts: float | None = None
    interval_seconds: float = 1.0


class FleetView(Record, frozen=True, kw_only=True):
    """Result of `fleet.view`: everything, or what changed since the version that the client has."""

    version: int
    now: float
    """The engine's wall time, for ages."""
    full: bool
    """True: `rows` is the whole fleet, forget what you had. False: rows replace by name."""
    rows: tuple[HostRow, ...] = ()
    removed: tuple[str, ...] = ()
    summary: FleetSummary = FleetSummary()


class HostDetail(Record, frozen=True, kw_only=True):
    """Result of `host.get`: everything known about one host."""

    row: HostRow
    now: float
    facts: HostFacts | None = None
    sample: Sample | None = None
    link: LinkInfo | None = None
    verdicts: tuple[Verdict, ...] = ()
    offered_key: OfferedKey | None = None
    parents: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    """Names that `host.history` can give for this host."""


class Series(Record, frozen=True, kw_only=True):
    """One number over time."""

    name: str
    """As "cpu.busy_percent", "gpu.0.utilisation_percent", "net.eth0.rx_bytes_per_second"."""
    unit: str
    """"percent", "bytes", "bytes_per_second", "celsius", "watts", "seconds", "count"."""
    points: tuple[float | None, ...] = ()
    """Oldest first, evenly spaced; None where nothing was measured."""


class History(Record, frozen=True, kw_only=True):
    """Result of `host.history`."""

    host: str
    start: float
    """Epoch seconds of the first point."""
    interval_seconds: float
    series: tuple[Series, ...] = ()


class Event(Record, frozen=True, kw_only=True):
    """One line of the timeline and of the audit."""

    id: int
    time: float
    kind: str
    """"state", "reboot", "reconnected", "facts-changed", "action", "exec", "key-accepted", "config-reloaded", "engine", …"""
    text: str
    host: str = ""
    actor: str = ""
    """OS user and SSH client for what a person did; "" for what the engine saw."""
    severity: Severity = Severity.OK


class EngineInfo(Record, frozen=True, kw_only=True):
    """Result of `engine.info`."""

    api_version: int
    version: str
    pid: int
    started: float
    label: str = ""
    """"" or "DEMO" or "REPLAY file": shown in the header, always."""
    config_path: str = ""
    config_error: str = ""
    """Why the newest configuration is not in use; "" when it is."""
    fleet_name: str = ""
    user: str = ""
    read_only: bool = False
    hosts: int = 0
    interval_seconds: float = 1.0
    in_flight: tuple[str, ...] = ()
    """What goes on when the console quits, one phrase each."""
    replay: ReplayPosition | None = None
    recording: str = ""
    """Path of the recording being written; "" when none is."""


class ReplayPosition(Record, frozen=True, kw_only=True):
    """Where a replay stands."""

    start: float
    end: float
    position: float
    speed: float
    paused: bool


class ExecStarted(Record, frozen=True, kw_only=True):
    """Result of `exec.start`."""

    id: int
    hosts: tuple[str, ...]


class ExecOutput(Record, frozen=True, kw_only=True):
    """Notification `exec.output`: a piece of one host's output, already sanitised per line by the reader of it."""

    id: int
    host: str
    stream: Literal["out", "err"]
    text: str


class ExecDone(Record, frozen=True, kw_only=True):
    """Notification `exec.done`: one host is finished."""

    id: int
    host: str
    exit_status: int | None = None
    signal: str | None = None
    error: str = ""
    """Why the command could not be run; "" when it ran."""
    truncated: bool = False
    duration_seconds: float = 0.0
    left: int = 0
    """Hosts that are still running it."""


METHODS: dict[str, str] = {
    "hello": "{client?: str, api_version?: int} → EngineInfo; client: where the person sits ($SSH_CONNECTION), for the audit",
    "engine.info": "{} → EngineInfo",
    "engine.stop": "{} → {}",
    "engine.reload": "{} → EngineInfo (config_error says what is wrong)",
    "engine.set_interval": "{seconds} → {}",
    "fleet.view": "{since?: int, select?: str} → FleetView",
    "fleet.poll": "{hosts?: [str]} → {}",
    "host.get": "{host, watch?: bool} → HostDetail (watch: read its processes more often for the next 10 s)",
    "host.history": "{host, series: [str], seconds: float, points?: int} → History",
    "host.signal": "{host, pid, start_ticks, signal: 'TERM'} → {text}",
    "host.renice": "{host, pid, start_ticks, nice: int} → {text}",
    "hosts.select": "{select: str} → {hosts: [str]}",
    "hosts.keys": "{} → {keys: [OfferedKey]}",
    "hosts.accept_key": "{host, fingerprint} → {}",
    "events.list": "{since_id?: int, before_id?: int, host?: str, limit?: int} → {events: [Event]} newest first",
    "events.subscribe": "{} → {}; then notifications `event` with an Event",
    "exec.start": "{select, argv: [str], timeout_seconds?: float, become?: bool} → ExecStarted; then exec.output, exec.done",
    "exec.cancel": "{id} → {}",
    "record.start": "{path} → {}",
    "record.stop": "{} → {path, frames}",
    "updates.view": "{since?: int, select?: str} → updates View (hosts null: nothing new since that version)",
    "updates.host": "{host} → HostUpdates with its inventory",
    "updates.refresh": "{select, lists?: bool, wait_seconds?: float} → {hosts}; lists renews the package lists first",
    "updates.plan": "{select, selection?: Selection} → Plan, simulated on every host; changes nothing",
    "updates.get_plan": "{plan} → Plan",
    "updates.start": "{plan, hash, fetch_only?: bool} → Board; fetch_only changes nothing; hash: the approved plan's, at least 12 digits of it",
    "updates.runs": "{limit?: int} → {runs: [Board]} newest first; those of one maintenance run are one",
    "updates.run": "{run} → Board; run: also the id of a maintenance run, for the updates that it began",
    "updates.log": "{run, host} → {text}",
    "updates.cancel": "{run, hosts?: [str]} → {hosts: {host: what came of it}}",
    "updates.hold": "{select, packages: [str], hold: bool} → {hosts: {host: what was done}}",
    "updates.history": "{host, limit?: int} → {entries: [HistoryEntry]} newest first",
    "updates.rollback": "{host, entry, packages?: [str]} → Plan that undoes that transaction",
    "updates.repairs": "{host} → {repairs: [Repair]}",
    "updates.repair": "{host, repair} → RepairRun, begun",
    "updates.repaired": "{run} → RepairRun",
    "updates.services": "{host} → Services: the units that run old code, asked now",
    "updates.restart": "{select, units?: [str]} → {restarts: [RestartRecord]}; no units: those restarted without asking",
    "updates.restarts": "{limit?: int} → {restarts: [RestartRecord]} newest first",
    "updates.gate": "{host} → HostGate: would it come back from a reboot, asked now",
    "updates.reboot": "{select, override?: str, soak_seconds?: float} → {reboots: [RebootRecord]}; override: why a red gate",
    "updates.reboots": "{limit?: int} → {reboots: [RebootRecord]} newest first",
    "backups.view": "{since?: int, select?: str} → BackupView (sets null: nothing new since that version)",
    "backups.start": "{action: backup|check|drill|index, select?, sets?: [str], repositories?: [str], level?: quick|archives|data} → {jobs: [Job]}",
    "backups.init": "{select?, repositories?: [str], confirm?: [str]} → {jobs: [Job]}; confirm: questions of Borg to be answered with yes",
    "backups.job": "{job} → Job",
    "backups.log": "{job} → {text}",
    "backups.cancel": "{job, force?: bool} → Job; what a backup has so far stays, force ends at once",
    "backups.archives": "{select?, set?, repository?} → {archives: [Archive]} newest first",
    "backups.files": "{repository, archive, path?, offset?, limit?} → Listing; RetryLater while it is being indexed",
    "backups.search": "{text, select?, limit?} → {hits: [Hit]}",
    "backups.history": "{host, path} → {versions: [Version]} newest first",
    "backups.diff": "{repository, a, b, path?} → {changes: [Change]}",
    "backups.file_diff": "{repository, a, b, path} → {text}: unified, secrets masked",
    "backups.line": "{action, repository, set?} → {lines: [str]}: the exact borg command lines",
    "backups.refresh": "{} → {}; every repository is asked anew what it holds",
    "backups.prune_preview": "{repository, set} → PrunePreview",
    "backups.prune": "{repository, set, token} → Job; can be undone until the compaction",
    "backups.undo": "{repository, lose?: [str], aside?: bool} → Job; lose: newer archives that may be lost; aside: readable beside it instead",
    "backups.mount": "{repository, archive} → Mounted: the archive as a directory of the engine's machine",
    "backups.mounts": "{} → {mounts: [Mounted], problem}: problem says why nothing can be mounted",
    "backups.umount": "{directory} → {}",
    "backups.compact_preview": "{repository} → CompactPreview",
    "backups.compact": "{repository, token, accept?: [str]} → Job; accept: archives that nobody here removed",
    "backups.restore_plan": "{request: RestoreRequest} → RestorePlan; changes nothing",
    "backups.restore": "{plan, hash} → Job",
    "backups.restore_confirm": "{job} → Job: its timed rollback is called off",
    "backups.restore_undo": "{job} → Job: the saved copies are back",
    "backups.restore_file": "{host, path, against?} → RestorePlan that undoes one drift",
    "backups.heal_plan": "{repository} → HealPreview",
    "backups.heal": "{plan, hash} → Job",
    "backups.lock": "{repository} → LockReport",
    "backups.break_lock": "{repository, token} → {}; only when the holder is proven dead",
    "backups.key_export": "{repository, form?: text|paper|qr} → {text}: key and passphrase",
    "backups.escrow": "{repository, note?} → Escrow",
    "backups.release": "{repository} → {}; ends the freeze of pruning",
    "backups.drift": "{select?, against?: last|pin|HOST} → {reports: [DriftReport]}",
    "backups.drift_diff": "{host, path, against?} → {text}",
    "backups.drift_matrix": "{select?} → DriftMatrix",
    "backups.pin": "{host, archive?} → {archive: Archive}: the baseline now",
    "alerts.view": "{since?: int, select?: str} → AlertView (alerts null: nothing new since that version)",
    "alerts.get": "{fingerprint} → AlertDetail; its first digits will do",
    "alerts.history": "{seconds?, host?, fingerprint?, kind?, audit?: bool, limit?: int} → {edges: [Edge]} newest first",
    "alerts.rules": "{} → {rules: [RuleRow]}",
    "alerts.outbox": "{target?, limit?: int, finished?: bool} → OutboxView newest first",
    "alerts.targets": "{} → {targets: [TargetState]}",
    "alerts.ack": "{fingerprints: [str], seconds?: float, note?, snooze?: bool} → {}",
    "alerts.unack": "{fingerprints: [str]} → {}",
    "alerts.escalate": "{fingerprints: [str]} → {}; the next level is told at once",
    "alerts.resolve": "{fingerprint} → {}; ends by hand what is about something that happened",
    "alerts.silence_preview": "{rule?, select?, object?, seconds?} → Preview: what it would hide",
    "alerts.silence": "{rule?, select?, object?, seconds, comment, with_alert?: bool} → Silence",
    "alerts.unsilence": "{id} → {}",
    "alerts.silences": "{} → {silences: [Silence], hints: [str]}",
    "alerts.mute": "{select, seconds, comment} → Mute: a maintenance, with a digest afterwards",
    "alerts.end_mute": "{id} → {}",
    "alerts.mutes": "{} → {mutes: [Mute]}",
    "alerts.test": "{target} → {text}; a notice through the real path",
    "alerts.again": "{number} → {text}; a notice that was given up is sent at once",
    "alerts.backtest": "{rule?, expression?, for_seconds?, select?, seconds?, recording?} → Backtest",
    "alerts.handover": "{seconds?, target?} → Handover: Markdown, also sent to a target",
    "triage.start": "{select, reason?} → Round: hosts are asked side by side, triage.round tells how it goes on",
    "triage.round": "{id} → Round",
    "triage.run": "{select, reason?} → Round, after 17 s at most; hosts beyond 16 may go on then",
    "triage.get": "{number} → Bundle with its sections",
    "triage.list": "{host?, limit?} → {bundles: [Kept]} newest first",
    "triage.difference": "{number, against?: peer|peer-now|last-good|NUMBER|HOST} → Compared; peer-now asks one, 17 s at most",
    "checks.view": "{since?: int, select?} → HealthView: all rows, or those that changed since that version",
    "checks.host": "{host} → HostChecks: every finding",
    "checks.catalogue": "{} → {checks: [CheckRow]} in the order of the matrix",
    "checks.run": "{select, slow?: bool} → {hosts: [str]} begun; checks.view tells when they are not busy any more",
    "checks.ack": "{host, check, object?, note?} → {}; in hand until it is well again",
    "checks.clear": "{host, check, object?, note?} → {}; what happened up to now counts no more",
    "checks.difference": "{host, before?: float, rebooted?: bool} → DifferenceView: the gate after maintenance",
    "checks.active": "{host, test, drained} → {}; loads the hardware; drained is the host's name once more",
    "runs.compose": "{name?, select?, steps?: [str], batches?: [str], canary?: bool, canaries?: [str], soak_seconds?: float, "
    "promote?: auto|key, max_unavailable?, max_unavailable_per_domain?, max_failed?: int, window_start?: float, "
    "window_end?: float, timeouts?: by step, approvals?: int, packages?: [str], exclude_packages?: [str], "
    "minimum_age_days?: float} → DryRun; starts nothing",
    "runs.create": "{hash} → RunState: a composed plan, written down, waiting",
    "runs.start": "{run, hash} → RunState; hash: of the plan, at least 12 digits of it",
    "runs.list": "{limit?: int} → RunList newest first",
    "runs.view": "{run, since?: int} → RunView (plan and hosts null: nothing new since that version)",
    "runs.pause": "{run, text?} → RunState; what is in work comes to the end of its step",
    "runs.resume": "{run, text?} → RunState; after a pause or a stop",
    "runs.abort": "{run, text?} → RunState; hosts in work are finished, the others skipped",
    "runs.approve": "{run, hash} → RunState; by somebody else than the author",
    "runs.promote": "{run} → RunState; the canaries are fine",
    "runs.skip": "{run, host, text?} → RunState",
    "runs.retry": "{run, host, text?} → RunState; the failed step once more",
    "runs.answer": "{run, host, text} → RunState; what a host asks: for a red gate the reason that overrules it",
    "runs.note": "{run, text, host?} → RunState",
    "runs.output": "{run, host} → {text}: what its step printed so far",
    "runs.report": "{run, format?: markdown|jsonl} → {text}",
    "runs.names": "{} → {runs: [NamedRun]}: [[runs]] of the configuration, with the hosts that each means now",
    "runs.held": "{} → {held: [Held]}: which hosts which runs have",
    "schedules.list": "{} → SchedulesView",
    "schedules.due": "{at_once?} → SchedulesView; what is due is begun now, began says what that was",
    "schedules.run": "{name} → SchedulesView; now, whatever its time is",
    "replay.seek": "{position?: float, speed?: float, paused?: bool} → ReplayPosition",
}
"""Every method, its parameters and its result. Unknown methods answer error -32601, bad parameters -32602;
a SwarmError answers -32000 with data {kind, message, host, action, hint}, kind being the branch's class name."""
