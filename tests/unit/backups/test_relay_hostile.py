"""Hosts and vaults that do not keep to the protocol: each ends with a clear word, in bounded time and memory."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import relay as relaying
from backends.backups.hosted import LINE_BYTES, Marked, Place
from backends.backups.model import BorgResult, Repository
from backends.backups.passphrases import Passphrases
from backends.backups.relay import RelayRunner
from backends.backups.runner import Cancel
from backends.clock import SystemClock
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.hostkit import travel
from tests.unit.backups.borgfield import BORG, command, dialect, needs_borg
from tests.unit.backups.fakehost import GREETING, FakeDuplex, FakeHost

CAT = ("cat",)
TOKEN = re.compile(rb"'token': '([0-9a-f]{16})'")
REPOSITORY = Repository(name="vault", host="gpu01", location="/srv/borg/gpu01")


def token(duplex: FakeDuplex) -> bytes:
    """The word that marks the program's own lines: it is in what the program was started with."""
    unpacker = zlib.decompressobj()
    found = TOKEN.search(unpacker.decompress(bytes(duplex.taken)))
    assert found
    return b"swarm-" + found[1] + b" "


def speaking(deed: Callable[[FakeDuplex], None]) -> Callable[[FakeDuplex], None]:
    """`deed` after the program was taken, ended whatever comes."""

    def act(duplex: FakeDuplex) -> None:
        while not duplex.taken:
            time.sleep(0.005)
        try:
            deed(duplex)
        finally:
            duplex.end(0)

    return act


def run(
    folder: Path,
    deed: Callable[[FakeDuplex], None],
    serve: tuple[str, ...] = CAT,
    cancel: Cancel | None = None,
    timeout_seconds: float | None = 20.0,
) -> BorgResult:
    host = FakeHost(speaking(deed))
    place = Place(host="gpu01", channels=host, way=host, become="none")
    runner = RelayRunner(place, lambda _: serve, Passphrases(folder / "p"), dialect, folder / "serve", SystemClock())
    return runner.run(REPOSITORY, command("list"), cancel=cancel, timeout_seconds=timeout_seconds)


def started(duplex: FakeDuplex) -> bytes:
    duplex.out(GREETING)
    mark = token(duplex)
    duplex.err(mark + b'{"type":"swarm_started","pid":4,"ticks":5,"launcher":3}\n')
    return mark


def test_a_good_end(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        mark = started(duplex)
        duplex.err(b'{"type":"log_message","levelname":"WARNING","message":"w","name":"n","msgid":"X"}\n')
        duplex.err(mark + b'{"type":"swarm_out","data":"aGVsbG8="}\n' + mark[:4])
        duplex.err(mark[4:] + b'{"type":"swarm_exit","rc":1}\n')

    result = run(tmp_path, deed)
    assert (result.exit_status, result.stdout, result.lost) == (1, b"hello", "")
    assert [each["msgid"] for each in result.messages] == ["X"]


def test_the_passphrase_follows_the_program_and_is_not_in_it(tmp_path: Path) -> None:
    secret = Passphrases(tmp_path / "p").of(REPOSITORY)
    seen: list[bytes] = []

    def deed(duplex: FakeDuplex) -> None:
        seen.append(bytes(duplex.taken))
        duplex.err(started(duplex) + b'{"type":"swarm_exit","rc":0}\n')

    run(tmp_path, deed)
    unpacker = zlib.decompressobj()
    program = unpacker.decompress(seen[0])
    assert secret not in program
    assert unpacker.unused_data == b"%d\n%b" % (len(secret), secret)


def test_only_the_program_itself_can_report_an_end(tmp_path: Path) -> None:
    """A file name or a hook's words on stderr look the same, but do not know the word of this run."""

    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.err(b'{"type":"swarm_exit","rc":0}\nswarm-0123456789abcdef {"type":"swarm_exit","rc":0}\n')

    result = run(tmp_path, deed)
    assert result.exit_status is None
    assert result.lost.startswith("the program on the host ended with 0 before Borg did")


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"\nswarm-kit 1 NOPYTHON\n", SkipHost, "no working python3"),
        (b"Welcome!\n\nswarm-kit 1 NOSUDO a password is required\n", AskOperator, "sudo refused"),
        (
            b"This account is \x1b[31mclosed\n",
            RetryLater,
            "the program did not begin; the host said: This account is closed",
        ),
        (b"", RetryLater, "the program did not begin"),
        (b"y\n" * 100_000, RetryLater, "the login shell prints without an end"),
        (b"\nswarm-kit 1 " + b"x" * 100_000, RetryLater, "the login shell prints without an end"),
    ],
)
def test_a_program_that_does_not_begin(tmp_path: Path, said: bytes, error: type[SwarmError], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        run(tmp_path, lambda duplex: duplex.out(said))


def test_no_borg_there(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        duplex.out(GREETING)
        duplex.err(
            token(duplex) + b'{"type":"swarm_failed","kind":"missing","text":"cannot start borg: No such file"}\n'
        )

    with pytest.raises(SkipHost, match="cannot start borg") as refused:
        run(tmp_path, deed)
    assert "install" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "line",
    [b"{", b'{"type":1}', b'{"type":"swarm_out","data":"%"}', b'{"type":"swarm_exit","rc":"x"}', b"[" * 5000, b"\xff"],
)
def test_a_report_that_is_not_understood(tmp_path: Path, line: bytes) -> None:
    result = run(tmp_path, lambda duplex: duplex.err(started(duplex) + line + b"\n"))
    assert result.exit_status is None
    assert result.lost.startswith("the program on the host says what is not understood")


def test_an_endless_line_is_bounded(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        mark = started(duplex)
        for _ in range(200):
            duplex.err(b"x" * 10_000)
        duplex.err(b"\n" + mark + b'{"type":"swarm_exit","rc":0}\n')

    result = run(tmp_path, deed)
    assert result.exit_status == 0 and len(result.text) <= 4000


def test_a_host_that_ends_early(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.end(None)

    assert run(tmp_path, deed).lost == "the link to the host was lost"


def test_a_host_that_takes_nothing_any_more(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.deaf = True
        duplex.out(b"echo")
        duplex.closed.wait(10)

    assert run(tmp_path, deed).lost == f"the host hangs: it took nothing for {relaying.STALL_SECONDS:g} s"


def test_a_vault_that_takes_nothing_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(relaying, "SERVE_SECONDS", 0.5)

    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        for _ in range(64):
            duplex.out(bytes(1 << 16))
        duplex.closed.wait(10)

    result = run(tmp_path, deed, serve=("sleep", "60"))
    assert result.lost == "the repository's end hangs: nothing was taken for 0.5 s"


def test_a_vault_that_ends(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.closed.wait(10)

    result = run(tmp_path, deed, serve=("/bin/sh", "-c", "echo 'disk \x1b[31mgone' >&2; exit 3"))
    assert result.lost == "the repository's end closed the connection (status 3): disk gone"
    assert "disk gone" in result.text


def test_a_host_that_hangs_ends_with_the_time_limit(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.closed.wait(30)

    began = time.monotonic()
    result = run(tmp_path, deed, timeout_seconds=0.5)
    assert result.lost == "it did not end in time" and result.cancelled
    assert time.monotonic() - began < 10


def test_a_cancel_that_cannot_be_delivered_lets_go_of_the_host(tmp_path: Path) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.closed.wait(30)

    cancel = Cancel()
    cancel.ask("root")
    result = run(tmp_path, deed, cancel=cancel)
    assert result.cancelled and result.lost == ""


def test_a_vault_that_does_not_understand_the_last_words_of_a_borg_that_is_ended(tmp_path: Path) -> None:
    """SIGTERM may meet Borg while it writes; what it then says again is nobody's fault."""

    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.closed.wait(30)

    cancel = Cancel()
    cancel.ask("root", force=True)
    result = run(tmp_path, deed, serve=("/bin/sh", "-c", "sleep 0.5; exit 2"), cancel=cancel)
    assert result.cancelled and result.lost == ""


@needs_borg
@pytest.mark.parametrize(
    "garbage",
    [
        bytes(range(256)) * 400,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xdb\xff\xff\xff\xff" + b"x" * 1000,  # a msgpack text of 4 GiB begins
        b"\x81\xa1i\x01" * 1000,
        b"\x91" * 100_000,  # nested without an end
        bytes(100_000),
    ],
)
def test_garbage_to_the_real_serving_borg(tmp_path: Path, garbage: bytes) -> None:
    def deed(duplex: FakeDuplex) -> None:
        started(duplex)
        duplex.out(garbage)
        duplex.closed.wait(3)

    serve = (BORG, "serve", "--append-only", f"--restrict-to-repository={tmp_path}")
    result = run(tmp_path, deed, serve=serve)
    assert result.exit_status is None and result.lost


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"swarm-t x\n", b"swarm-t ", b"\n", b"y" * 70_000])))
)
def test_lines_are_told_apart_however_they_are_cut(pieces: list[bytes]) -> None:
    own: list[bytes] = []
    others = bytearray()
    marked = Marked("t", own.append, others.extend)
    for piece in pieces:
        marked.feed(piece)
        assert len(marked._rest) <= LINE_BYTES
    marked.close()
    whole = b"".join(pieces)
    lines = whole.split(b"\n")
    if max(map(len, lines)) <= LINE_BYTES:
        assert own == [line[8:] for line in lines[:-1] if line.startswith(b"swarm-t ")]
        rest = [line + b"\n" for line in lines[:-1] if not line.startswith(b"swarm-t ")]
        assert bytes(others) == b"".join(rest) + (lines[-1] + b"\n" if lines[-1] else b"")


def test_a_program_whose_stderr_is_apart_has_the_same_launcher_otherwise() -> None:
    together, apart = travel.command(10, "sudo"), travel.command(10, "sudo", apart=True)
    assert together.replace('" 2>&1; done', '"; done') == apart
