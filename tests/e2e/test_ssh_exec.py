"""Running commands over open connections: quoting, limits, deadlines, refusals and many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from backends.errors import AskOperator, RetryLater
from backends.execution import Exec, Stream
from backends.sources.ssh import SshSource
from backends.states import HostState
from tests.e2e.sshwatch import Watcher
from tests.e2e.test_ssh_states import watching
from tests.lab.userlab import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def source(fleet: Fleet) -> Iterator[SshSource]:
    with watching(fleet.inventory(), fleet.ssh()) as (running, watcher):
        watcher.until_state("h1", HostState.UP)
        yield running


def way(source: SshSource, host: str = "h1") -> Exec:
    found = source.exec(host)
    assert found is not None
    return found


def test_output_errors_and_status_come_back(source: SshSource) -> None:
    result = way(source).run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"given\n")
    assert (result.stdout, result.stderr, result.exit_status, result.signal) == (b"given\n", b"oops\n", 3, None)


def test_a_signal_is_told_apart_from_a_status(source: SshSource) -> None:
    result = way(source).run(["sh", "-c", "kill -TERM $$"])
    assert (result.exit_status, result.signal) == (None, "TERM")


@pytest.mark.parametrize(
    "word", ["plain", "two words", "it's", "a\nb", "$HOME `id` \\n !! *", "~", "", 'q"q', "ünï", "%d"]
)
def test_arguments_arrive_as_they_are(source: SshSource, word: str) -> None:
    assert way(source).run(["printf", "%s", word]).stdout == word.encode()


def test_output_is_bounded_and_seen_as_it_comes(source: SshSource) -> None:
    seen: list[tuple[Stream, bytes]] = []
    result = way(source).run(
        ["sh", "-c", "head -c 300000 /dev/zero; echo done >&2"],
        limit_bytes=1000,
        on_output=lambda stream, data: seen.append((stream, data)),
    )
    assert len(result.stdout) == 1000
    assert result.truncated
    assert result.stderr == b"done\n"
    assert sum(len(data) for stream, data in seen if stream == "out") == 1000


def test_big_output_and_input_cross_whole(source: SshSource) -> None:
    data = bytes(range(256)) * 20_000
    result = way(source).run(["cat"], stdin=data, limit_bytes=1 << 24)
    assert result.stdout == data


def test_a_deadline_closes_the_channel_and_the_host_stays_up(source: SshSource) -> None:
    began = time.monotonic()
    with pytest.raises(RetryLater, match="no end within"):
        way(source).run(["sleep", "30"], timeout_seconds=0.5)
    assert time.monotonic() - began < 10
    assert way(source).run(["true"]).exit_status == 0


def test_an_endless_flood_ends_with_its_deadline(source: SshSource) -> None:
    with pytest.raises(RetryLater):
        way(source).run(["yes"], timeout_seconds=1.0, limit_bytes=1000)
    assert way(source).run(["true"]).exit_status == 0


def test_a_lost_host_ends_its_commands(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh(silence_seconds=1.0)) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        began: list[float] = []

        def hang(_stream: Stream, _data: bytes) -> None:
            began.append(time.monotonic())
            fleet["h1"].hang()

        with pytest.raises(RetryLater, match="lost"):
            way(source).run(["sh", "-c", "echo here; sleep 60"], timeout_seconds=50, on_output=hang)
        assert time.monotonic() - began[0] < 20
        with pytest.raises(RetryLater, match="not connected"):
            way(source).run(["true"])


def test_more_commands_than_channels_are_queued(fleet: Fleet) -> None:
    host = fleet.add()
    host.options.append("MaxSessions 3")
    host.start()
    with watching([host.host()], fleet.ssh()) as (source, watcher):
        watcher.until_state("h2", HostState.UP)
        outputs: list[bytes] = []
        threads = [
            threading.Thread(
                target=lambda: outputs.append(way(source, "h2").run(["sh", "-c", "sleep .2; echo x"]).stdout)
            )
            for _ in range(9)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert outputs == [b"x\n"] * 9


def test_an_sshd_with_room_for_the_probe_alone_says_what_to_raise(fleet: Fleet) -> None:
    host = fleet.add()
    host.options.append("MaxSessions 1")
    host.start()
    with watching([host.host()], fleet.ssh()) as (source, watcher):
        watcher.until_state("h2", HostState.UP)
        with pytest.raises(RetryLater) as refused:
            way(source, "h2").run(["true"], timeout_seconds=4)
        assert "MaxSessions" in (refused.value.hint or "")


def test_refused_sudo_asks_for_an_operator(fleet: Fleet) -> None:
    host = fleet["h1"]
    host.shim("id", "echo 1000")
    with watching([host.host(become="sudo")], fleet.ssh()) as (source, watcher):
        host.shim("sudo", 'shift 2; exec "$@"')
        watcher.until_state("h1", HostState.UP)
        assert way(source).run(["echo", "as root"]).stdout == b"as root\n"
        host.shim("sudo", "echo 'sudo: a password is required' >&2; exit 1")
        with pytest.raises(AskOperator, match="sudo refused: sudo: a password is required"):
            way(source).run(["echo", "as root"])
        assert way(source).run(["echo", "as me"], become=False).stdout == b"as me\n"


def test_a_command_on_a_host_that_was_never_up(fleet: Fleet) -> None:
    fleet["h1"].crash()
    source = SshSource(fleet.inventory(), fleet.ssh())
    source.start(Watcher())
    try:
        with pytest.raises(RetryLater, match="not connected"):
            way(source).run(["true"])
    finally:
        source.stop()
