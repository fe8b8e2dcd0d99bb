"""Which way each host's data take into each repository, and which Borg runs where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.backups.borg.dialect import Dialect
from backends.backups.model import BackupSet, Dump, Repository, Task, Transport
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.push import PushRunner
from backends.backups.relay import RelayRunner
from backends.backups.vault import Vaults, plain_ssh
from backends.backups.ways import FOUND_SECONDS, SNAPSHOT_COMPRESSION, Ways, _sizes
from backends.clock import ManualClock
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Channels, Exec, ExecResult, OnOutput
from tests.unit.backups.fakehost import FakeDuplex, FakeHost

VAULT = Repository(name="vault", host="gpu01", location="ssh://backup@vault/srv/gpu01")
MODELS = BackupSet(name="models", paths=("/srv",))
TASK = Task(set=MODELS, repository=VAULT)


class Host:
    """A host that may have Borg, and files. Implements `Exec`."""

    def __init__(self, name: str):
        self.host = name
        self.version: ExecResult | SwarmError = ExecResult(exit_status=0, stdout=b"borg 1.2.4\n")
        self.files: ExecResult | SwarmError = ExecResult(exit_status=0)
        self.asked: list[str] = []
        self.found: list[tuple[str, ...]] = []
        self.ran: list[tuple[tuple[str, ...], bool]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.ran.append((tuple(argv), become))
        if argv[0] == "find":
            self.found.append(tuple(argv))
            answer = self.files
        elif argv[-1] == "--version":
            self.asked.append(argv[-1])
            answer = self.version
        else:
            answer = ExecResult(exit_status=1)
        if isinstance(answer, SwarmError):
            raise answer
        return answer


class Case:
    """Ways to two hosts, of which "here" is the engine's own machine."""

    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.hosts = {name: Host(name) for name in ("gpu01", "here")}
        self.streams: list[str] = []
        passphrases = Passphrases(folder / "passphrases")
        vaults = Vaults(plain_ssh, self.hosts["here"])
        local = LocalRunner(passphrases, folder / "borg", vaults.rsh, Dialect, self.clock)
        self.ways = Ways(
            execs=self._exec,
            channels=self._channels,
            become=lambda host: "sudo" if host == "gpu01" else "none",
            here=lambda host: host == "here",
            local=local,
            passphrases=passphrases,
            vaults=vaults,
            folder=folder,
            clock=self.clock,
        )

    @property
    def gpu(self) -> Host:
        return self.hosts["gpu01"]

    def _exec(self, host: str) -> Exec:
        return self.hosts[host]

    def _channels(self, host: str) -> Channels:
        self.streams.append(host)

        def act(duplex: FakeDuplex) -> None:
            duplex.out(b"\nswarm-kit 1 tar\nfiles")
            duplex.end(0)

        return FakeHost(act)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


NO_BORG = ExecResult(exit_status=127, stderr=b"env: 'borg': No such file or directory")


# Transports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "transport"),
    [
        (TASK, Transport.RELAY),
        (replace(TASK, repository=replace(VAULT, transport="push")), Transport.PUSH),
        (replace(TASK, repository=replace(VAULT, transport="tar")), Transport.TAR),
        (replace(TASK, repository=replace(VAULT, transport="relay")), Transport.RELAY),
        (replace(TASK, repository=replace(VAULT, host="here", transport="push")), Transport.LOCAL),
        (Task(set=BackupSet(name="config", kind="config"), repository=VAULT), Transport.TAR),
        (
            Task(set=BackupSet(name="secrets", kind="secrets"), repository=replace(VAULT, transport="push")),
            Transport.TAR,
        ),
        (Task(set=BackupSet(name="config", kind="config"), repository=replace(VAULT, host="here")), Transport.TAR),
    ],
)
def test_what_is_set_or_follows_from_the_set_is_taken(case: Case, task: Task, transport: Transport) -> None:
    assert case.ways.expected(task) is transport
    assert case.ways.transport(task) is transport


def test_only_where_borg_decides_is_the_host_asked(case: Case) -> None:
    case.ways.transport(replace(TASK, repository=replace(VAULT, transport="push")))
    case.ways.expected(TASK)
    assert case.gpu.asked == []
    case.ways.transport(TASK)
    assert case.gpu.asked == ["--version"]


def test_a_host_without_borg_sends_a_stream(case: Case) -> None:
    case.gpu.version = NO_BORG
    assert case.ways.expected(TASK) is Transport.RELAY, "nothing is known yet"
    assert case.ways.transport(TASK) is Transport.TAR
    assert case.ways.expected(TASK) is Transport.TAR


def test_a_host_that_is_not_connected_is_no_host_without_borg(case: Case) -> None:
    case.gpu.version = RetryLater("not connected", host="gpu01")
    with pytest.raises(RetryLater):
        case.ways.transport(TASK)
    assert case.ways.expected(TASK) is Transport.RELAY
    case.gpu.version = ExecResult(exit_status=0, stdout=b"borg 1.4.1\n")
    assert case.ways.transport(TASK) is Transport.RELAY


def test_what_a_host_has_is_believed_for_a_while(case: Case) -> None:
    case.gpu.version = NO_BORG
    for _ in range(3):
        with pytest.raises(SkipHost, match="there is no borg"):
            case.ways.borg("gpu01")
    assert len(case.gpu.asked) == 1
    case.gpu.version = ExecResult(exit_status=0, stdout=b"borg 1.4.1\n")
    case.clock.advance(FOUND_SECONDS + 1)
    assert case.ways.borg("gpu01").minor == 4
    case.gpu.version = NO_BORG
    assert case.ways.borg("gpu01").minor == 4


def test_who_makes_the_archive(case: Case) -> None:
    assert isinstance(case.ways.runner(TASK, Transport.RELAY), RelayRunner)
    assert isinstance(case.ways.runner(TASK, Transport.PUSH), PushRunner)
    assert case.ways.runner(TASK, Transport.TAR) is case.ways.runner(TASK, Transport.LOCAL) is case.ways.local


def test_the_borg_of_a_runner_is_that_of_its_host(case: Case) -> None:
    case.gpu.version = ExecResult(exit_status=0, stdout=b"borg 1.4.1\n")
    assert case.ways.relay("gpu01").dialect.minor == 4
    assert case.ways.push("gpu01").dialect.minor == 4
    case.gpu.version = NO_BORG
    case.clock.advance(FOUND_SECONDS + 1)
    with pytest.raises(SkipHost):
        _ = case.ways.relay("gpu01").dialect


def test_ways_to_hosts(case: Case) -> None:
    assert case.ways.way("gpu01") is case.gpu
    assert (case.ways.become("gpu01"), case.ways.become("here")) == ("sudo", "none")
    assert case.ways.here("here") and not case.ways.here("gpu01")


# Snapshots -----------------------------------------------------------------------------------------------------------

SNAPPED = replace(TASK, set=replace(MODELS, snapshot="auto"))


@pytest.mark.parametrize(
    ("task", "transport", "note"),
    [
        (TASK, Transport.RELAY, ""),
        (SNAPPED, Transport.TAR, "a tar stream reads files as they are"),
        (replace(SNAPPED, set=replace(SNAPPED.set, one_file_system=False)), Transport.RELAY, "other filesystems"),
    ],
)
def test_where_no_snapshot_is_wanted_or_can_help_nothing_is_asked(
    case: Case, task: Task, transport: Transport, note: str
) -> None:
    with case.ways.snapshots(task, transport) as held:
        assert held.prefix == () and held.warnings == []
        assert note in " ".join(held.notes) and len(held.notes) == bool(note)
    assert case.gpu.ran == []


@pytest.mark.parametrize(
    ("host", "transport", "become"), [("gpu01", Transport.RELAY, True), ("here", Transport.LOCAL, False)]
)
def test_snapshots_are_made_with_the_rights_that_borg_has(
    case: Case, host: str, transport: Transport, become: bool
) -> None:
    task = replace(SNAPPED, repository=replace(VAULT, host=host))
    with case.ways.snapshots(task, transport) as held:
        assert held.prefix == ()
    assert {each for _, each in case.hosts[host].ran} == {become}


def test_each_runner_takes_what_goes_before_borg(case: Case) -> None:
    local = case.ways.runner(SNAPPED, Transport.LOCAL, ("unshare", "--"))
    assert isinstance(local, LocalRunner) and local is not case.ways.local
    assert isinstance(case.ways.runner(SNAPPED, Transport.RELAY, ("unshare", "--")), RelayRunner)
    assert isinstance(case.ways.runner(SNAPPED, Transport.PUSH, ("unshare", "--")), PushRunner)


# Streams -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["data", "config", "secrets"])
def test_each_kind_of_set_can_be_sent(case: Case, kind: str) -> None:
    made = MODELS if kind == "data" else BackupSet(name=kind, kind="config" if kind == "config" else "secrets")
    source = case.ways.source(Task(set=made, repository=VAULT), lambda _: None)
    assert b"".join(iter(source, b"")) == b"files"
    assert case.streams == ["gpu01"]


# Limits and compression ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("from_hours", "to_hours", "limited"), [(-1, 1, True), (1, 2, False)])
def test_a_limit_counts_in_its_hours_only(case: Case, from_hours: int, to_hours: int, limited: bool) -> None:
    now = datetime.fromtimestamp(case.clock.now()).astimezone()
    hours = "-".join(f"{now + timedelta(hours=each):%H:%M}" for each in (from_hours, to_hours))
    task = replace(TASK, repository=replace(VAULT, upload_kib_per_second=400, quiet_hours=hours))
    assert case.ways.upload_kib(task) == (400 if limited else 0)


def test_without_hours_a_limit_counts_always_and_without_a_limit_there_is_none(case: Case) -> None:
    assert case.ways.upload_kib(replace(TASK, repository=replace(VAULT, upload_kib_per_second=400))) == 400
    assert case.ways.upload_kib(TASK) == 0


def test_a_compression_that_is_set_is_taken(case: Case) -> None:
    assert case.ways.compression(replace(TASK, set=replace(MODELS, compression="lz4"))) == "lz4"
    built_in = Task(set=BackupSet(name="config", kind="config"), repository=VAULT)
    assert case.ways.compression(built_in) == SNAPSHOT_COMPRESSION
    assert case.gpu.found == []


@pytest.mark.parametrize(
    ("files", "compression"),
    [
        (b"4000000 llama-q4_k_m.gguf\x00200 README.md\x00", "lz4"),
        (b"4000000 model-00001.safetensors\x00200 README.md\x00", "zstd,3"),
        (b"", "zstd,3"),
        (b"no size\x00-5 x\x00 \x00\x1b[31m", "zstd,3"),
    ],
)
def test_the_files_choose_the_compression(case: Case, files: bytes, compression: str) -> None:
    case.gpu.files = ExecResult(exit_status=1, stdout=files)
    assert case.ways.compression(TASK) == compression
    assert case.gpu.found[0][:2] == ("find", "/srv")


def test_a_host_that_does_not_tell_its_files_costs_no_backup(case: Case) -> None:
    case.gpu.files = RetryLater("not finished after 30 s", host="gpu01")
    assert case.ways.compression(TASK) == "zstd,3"


def test_a_set_of_dumps_alone_looks_at_no_files(case: Case) -> None:
    """`find` without a path would look at whatever directory it is in."""
    dumps = BackupSet(name="db", dumps=(Dump(name="app", command=("pg_dump",)),))
    assert case.ways.compression(replace(TASK, set=dumps)) == "zstd,3"
    assert case.gpu.found == []


@given(st.binary(max_size=200))
def test_whatever_a_host_lists_is_read(data: bytes) -> None:
    assert all(size >= 0 and name and "\n" not in name for name, size in _sizes(data))


def test_names_keep_their_spaces() -> None:
    assert _sizes(b"12 a b\n\x00") == [("a b\\x0a", 12)]
