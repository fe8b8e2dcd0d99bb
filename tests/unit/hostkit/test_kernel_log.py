"""The kernel log: what messages become, who may speak in it, and that nothing is lost or told twice."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.bundle import source
from backends.hostkit.kernel_log import PARTS, Batch, KernelLogReader, Position, log_launch
from backends.hostkit.kernel_message import KernelEvent, Messages, number
from backends.hostkit.travel import MAGIC
from tests.unit.hostkit.journal import make, program

OUTPUTS = Path(__file__).parents[2] / "outputs/health"
BOOT, LATER = "a" * 32, "b" * 32
CASES = [line.split("\t", 1) for line in (OUTPUTS / "messages.txt").read_text().splitlines()]


def event(text: str, kind: str = "") -> KernelEvent | None:
    return Messages().event(text, kind, 100.0, BOOT, 1.0)


@pytest.mark.parametrize(("expected", "text"), CASES, ids=[f"{i}-{case[0].split()[0]}" for i, case in enumerate(CASES)])
def test_a_message_becomes_what_it_says(expected: str, text: str) -> None:
    found = event(text)
    assert found is not None
    seen = (found.kind, found.device, found.grade, found.code, found.pid)
    assert " ".join("-" if value in ("", None) else str(value) for value in seen) == expected


@pytest.mark.parametrize(("_", "text"), CASES, ids=range(len(CASES)))
def test_the_host_sends_every_message_that_the_console_understands(_: str, text: str) -> None:
    assert modules()["kit_log_sieve"].kind_of(text.encode())


@pytest.mark.parametrize("head", ["Command line: ", "Kernel command line: "])
def test_what_the_kernel_was_started_with_is_no_trouble(head: str) -> None:
    """Of a real machine."""
    words = "console=ttyS0 panic=1 rcupdate.rcu_cpu_stall_cputime=1 nvme_core.io_timeout=60"
    assert event(head + words, "hung") is None


def test_the_kill_names_the_victims_cgroup() -> None:
    """Real records of a kernel."""
    messages = Messages()
    records = [line.split(";", 1)[1] for line in (OUTPUTS / "kmsg-oom.txt").read_text().splitlines()]
    found = [e for text in records if (e := messages.event(text, "oom", 1.0, BOOT, 1.0)) is not None]
    assert [(e.kind, e.process, e.group.count("/") > 0, bool(e.pid)) for e in found] == [("oom", "python3", True, True)]


def test_the_sub_code_of_an_nvlink_error_is_in_its_first_number() -> None:
    found = event("NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x0)")
    assert found is not None and found.subcode == 4


def test_escape_sequences_do_no_harm() -> None:
    found = event("NVRM: Xid (PCI:0000:05:00): 79, pid=1, name=\x1b]0;owned\x07\x1b[2Jx, \u202egnihtyna")
    assert found is not None and found.code == 79
    assert not set(found.text + found.process) & set("\x1b\x07\u202e")


@given(st.text(max_size=400), st.sampled_from(["", "xid", "oom", "disk", "link"]))
def test_any_text_is_read(text: str, kind: str) -> None:
    found = event(text, kind)
    assert found is None or (found.kind and "\x1b" not in found.text)


@given(st.one_of(st.none(), st.text(max_size=30), st.floats(), st.integers(), st.lists(st.integers())))
def test_a_number_is_finite_or_none(value: Any) -> None:
    found = number(value)
    assert found is None or 0 <= found < 1e18


# the stream


def entry(text: str, microseconds: int, *, boot: str = BOOT, **more: Any) -> dict[str, Any]:
    values = {"_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "_BOOT_ID": boot, "MESSAGE": text}
    wall = microseconds + (2_000_000_000_000_000 if boot == LATER else 1_000_000_000_000_000)
    times = {"_SOURCE_MONOTONIC_TIMESTAMP": str(microseconds), "__REALTIME_TIMESTAMP": str(wall)}
    return {**values, **times, **more}


def xid(code: int, at: int, **more: Any) -> list[Any]:
    return ["e", "xid", entry(f"NVRM: Xid (PCI:0000:05:00): {code}, x", at, **more)]


def stream(*rows: list[Any], resumed: bool = True, way: str = "journal") -> bytes:
    head = {"ok": True, "way": way, "boot": BOOT, "resumed": resumed, "gap": "", "now": 5e6, "uptime": 4e6}
    lines = [json.dumps(head), *map(json.dumps, rows)]
    return b"Welcome!\n" + MAGIC + b"answer\n" + "\n".join(lines).encode() + b"\n"


def codes(batches: list[Batch]) -> list[int | None]:
    return [event.code for batch in batches for event in batch.events]


def test_events_are_told_with_the_position_after_them() -> None:
    reader = KernelLogReader(Position())
    batches = reader.feed(stream(xid(79, 5), ["p", "s=1", {"disk": 4}], ["end", ""]))
    assert codes(batches) == [79]
    assert batches[0].dropped == {"disk": 4}
    assert (reader.position.after, reader.position.monotonic, reader.ended) == ("s=1", 5e-6, "")


def test_what_has_no_position_yet_is_not_told_and_comes_again() -> None:
    reader = KernelLogReader(Position())
    told = codes(reader.feed(stream(xid(79, 5), ["p", "s=1", {}], xid(48, 6))))
    again = KernelLogReader(reader.position)
    assert told + codes(again.feed(stream(xid(48, 6), ["p", "s=2", {}]))) == [79, 48]


@given(st.integers(1, 4000), st.randoms(use_true_random=False))
def test_cut_anywhere_every_event_is_told_exactly_once(cut: int, chance: random.Random) -> None:
    """The host resends from the position that was stored; whichever byte was the last to arrive."""
    batches = [[xid(10 * n + m, 10 * n + m) for m in range(chance.randint(1, 4))] for n in range(5)]
    position, told = Position(), []
    for broken in (True, False):
        start = int(position.after or 0)
        rows = [row for n in range(start, 5) for row in [*batches[n], ["p", str(n + 1), {}]]]
        data = stream(*rows)
        reader = KernelLogReader(position)
        told += codes(reader.feed(data[:cut] if broken else data))
        position = reader.position
    assert told == [10 * n + m for n in range(5) for m in range(len(batches[n]))]


def test_when_reading_starts_anew_nothing_that_was_told_is_told_again() -> None:
    told = Position(way="kmsg", after="x 7", boot=BOOT, monotonic=6e-6, time=1_000_000_000.000006)
    reader = KernelLogReader(told)
    rows = (xid(1, 5), xid(2, 6), xid(3, 7), xid(4, 1, boot=LATER), ["p", "s=9", {}])
    assert codes(reader.feed(stream(*rows, resumed=False))) == [3, 4]


def test_messages_that_processors_stamped_out_of_order_are_all_told() -> None:
    reader = KernelLogReader(Position())
    batches = [reader.feed(stream(xid(1, 7), ["p", "s=1", {}], resumed=False))]
    batches += [reader.feed(json.dumps(row).encode() + b"\n") for row in (xid(2, 5), xid(3, 7), ["p", "s=3", {}])]
    assert codes([batch for found in batches for batch in found]) == [1, 2, 3]


def test_only_the_kernel_counts() -> None:
    reader = KernelLogReader(Position())
    forged = [xid(79, 5, _TRANSPORT="syslog"), xid(79, 5, SYSLOG_FACILITY="1"), xid(79, 5, _TRANSPORT="journal")]
    assert codes(reader.feed(stream(*forged, ["p", "s=1", {}]))) == []
    assert reader.bad_lines == 3


def test_bytes_that_are_no_text_are_read() -> None:
    rows = ["e", "xid", entry("", 5, MESSAGE=list(b"NVRM: Xid (PCI:0000:05:00): 79, \xff\xfe"))]
    assert codes(KernelLogReader(Position()).feed(stream(rows, ["p", "s=1", {}]))) == [79]


def test_no_permission_is_said() -> None:
    reader = KernelLogReader(Position())
    reader.feed(MAGIC + b'answer\n{"ok":false,"text":"no permission: dmesg"}\n')
    assert reader.refused == "no permission: dmesg"


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([b"[", b'["e","xid",{}]\n', b'["p",1,2]\n', b"\n"]))))
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    reader = KernelLogReader(Position())
    reader.feed(stream())
    for piece in pieces:
        reader.feed(piece)


def test_an_endless_line_is_dropped() -> None:
    reader = KernelLogReader(Position())
    reader.feed(stream())
    for _ in range(6):
        reader.feed(b"x" * 100_000)
    assert codes(reader.feed(b"\n" + json.dumps(xid(79, 1)).encode() + b'\n["p","s=1",{}]\n')) == [79]


# the program


@lru_cache(maxsize=1)
def modules() -> dict[str, Any]:
    """The parts as modules of this process."""
    before = {name: sys.modules.get(name) for name in PARTS}
    found = {}
    for name in PARTS:
        module = sys.modules[name] = ModuleType(name)
        exec(compile(source(name), name, "exec"), module.__dict__)
        found[name] = module
    for name, old in before.items():
        if old is None:
            del sys.modules[name]
        else:
            sys.modules[name] = old
    return found


@pytest.mark.parametrize("name", ["kernel_log", *PARTS[2:]])
def test_it_runs_on_old_pythons(name: str) -> None:
    ast.parse(source(name), feature_version=(3, 6))


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with a journal in a file, one JSON object a line, and a journalctl that reads it."""
    lines = make(tmp_path, BOOT)
    monkeypatch.setenv("ASKPATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HEALTHROOT", str(tmp_path))
    return lines


def say(lines: Path, cursor: int, text: str, **more: Any) -> None:
    with lines.open("a") as file:
        file.write(json.dumps({"__CURSOR": f"s={cursor}", **entry(text, cursor, **more)}, separators=(",", ":")) + "\n")


def read(position: Position) -> tuple[KernelLogReader, list[Batch]]:
    launch = log_launch(position, "none", follow=False)
    done = subprocess.run(["/bin/sh", "-c", launch.command], input=launch.payload, capture_output=True, timeout=30)
    reader = KernelLogReader(position)
    return reader, reader.feed(done.stdout)


def test_reconnects_and_reboots_lose_nothing_and_repeat_nothing(journal: Path) -> None:
    say(journal, 1, "NVRM: Xid (PCI:0000:05:00): 31, x")
    say(journal, 2, "usb 1-1: new device")
    reader, first = read(Position())
    say(journal, 3, "NVRM: Xid (PCI:0000:05:00): 79, just before the crash")
    say(journal, 4, "NVRM: Xid (PCI:0000:05:00): 13, after it", boot=LATER)
    reader, second = read(reader.position)
    reader, third = read(reader.position)
    assert [codes(first), codes(second), codes(third)] == [[31], [79, 13], []]
    assert (reader.position.after, reader.ended, reader.gap) == ("s=4", "", "")


def test_a_journal_that_forgot_the_place_is_read_anew_and_says_so(journal: Path) -> None:
    say(journal, 1, "NVRM: Xid (PCI:0000:05:00): 31, told")
    say(journal, 2, "NVRM: Xid (PCI:0000:05:00): 79, new")
    told = Position(way="journal", after="gone", boot=BOOT, monotonic=1e-6, time=1e9)
    reader, batches = read(told)
    assert codes(batches) == [79]
    assert "no longer knows" in reader.gap


def test_a_flood_of_one_kind_hides_no_other_and_is_counted(journal: Path) -> None:
    with journal.open("a") as file:
        for n in range(5000):
            values = entry("I/O error, dev sdb, sector 1", n + 1)
            file.write(json.dumps({"__CURSOR": f"s={n}", **values}, separators=(",", ":")) + "\n")
    say(journal, 9000, "NVRM: Xid (PCI:0000:05:00): 79, x")
    _reader, batches = read(Position())
    kinds = [event.kind for batch in batches for event in batch.events]
    dropped = sum(batch.dropped.get("disk", 0) for batch in batches)
    assert kinds[-1] == "xid"
    assert kinds.count("disk") + dropped == 5000
    assert 100 <= kinds.count("disk") < 200


def test_a_backlog_is_no_flood_and_comes_in_pages(journal: Path) -> None:
    """Hours of messages, ten seconds apart: none is thrown away, and what does not fit comes with the next reading."""
    with journal.open("a") as file:
        for n in range(4000):
            values = entry(f"NVRM: Xid (PCI:0000:05:00): {n}, x", n * 10_000_000)
            file.write(json.dumps({"__CURSOR": f"s={n}", **values}, separators=(",", ":")) + "\n")
    reader, first = read(Position())
    reader, second = read(reader.position)
    assert codes(first) + codes(second) == list(range(4000))
    assert 2000 <= len(codes(first)) < 4000
    assert not any(batch.dropped for batch in first + second)


def test_a_reboot_without_a_journal_is_a_gap_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = modules()["kit_log_ring"]
    monkeypatch.setattr(ring, "boot_id", lambda: LATER)
    monkeypatch.setattr(ring, "opened", lambda: os.open(os.devnull, os.O_RDONLY))
    logs = [ring.Ring(after, False) for after in ("", f"{BOOT} 5", f"{LATER} 5")]
    for log in logs:
        log.close()
    assert [log.rebooted for log in logs] == [False, True, False]


def test_forged_lines_do_not_use_up_the_real_ones_share(journal: Path) -> None:
    for n in range(300):
        say(journal, n + 1, "NVRM: Xid (PCI:0000:05:00): 79, \x1b[2J forged", SYSLOG_FACILITY="1")
    say(journal, 1000, "NVRM: Xid (PCI:0000:05:00): 48, real")
    _, batches = read(Position())
    assert codes(batches) == [48]


def test_without_a_journal_and_a_ring_dmesg_is_read(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = journal.parent
    (root / "var/log/journal/m/system.journal").unlink()
    monkeypatch.setenv("KMSG", "/nonexistent")
    text = "<3>[   12.000001] NVRM: Xid (PCI:0000:05:00): 79, x\n<14>[   13.5] NVRM: Xid (PCI:0000:05:00): 48, forged\n"
    (root / "ring").write_text(text)
    program(root, "dmesg", f"#!/bin/sh\nexec cat {root}/ring\n")
    reader, first = read(Position())
    (root / "ring").write_text(text + "<3>[   20.000000] NVRM: Xid (PCI:0000:05:00): 31, x\n")
    reader, second = read(reader.position)
    assert [codes(first), codes(second), reader.position.way] == [[79], [31], "dmesg"]


def test_a_log_that_may_not_be_read_is_no_clean_log(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = journal.parent
    (root / "var/log/journal/m/system.journal").unlink()
    monkeypatch.setenv("KMSG", "/nonexistent")
    program(root, "dmesg", "#!/bin/sh\necho 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1\n")
    reader, batches = read(Position())
    assert (batches, reader.refused) == ([], "no permission: dmesg")


def test_a_journal_without_kernel_messages_is_no_clean_log(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container journald runs, but hears nothing of the kernel."""
    monkeypatch.setenv("KMSG", "/dev/null")
    program(journal.parent, "journalctl", "#!/bin/sh\nexit 0\n")
    reader, batches = read(Position())
    assert (batches, reader.refused) == ([], "neither the journal nor /dev/kmsg nor dmesg is there")


def test_records_that_were_overwritten_are_counted_and_user_space_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = modules()["kit_log_ring"]
    monkeypatch.setattr(ring, "boot_id", lambda: BOOT)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        monkeypatch.setattr(ring, "opened", lambda: os.dup(ours.fileno()))
        log = ring.Ring(f"{BOOT} 10", False)
        for place, priority, text in ((9, 3, "79, old"), (15, 3, "48, real"), (16, 11, "79, forged")):
            theirs.send(f"{priority},{place},5,-;NVRM: Xid (PCI:0000:05:00): {text}\n SUBSYSTEM=pci\n".encode())
        rows = [json.loads(line)["MESSAGE"][-8:] for _, line, _ in log.read()]
        log.close()
    assert (rows, log.overwritten, log.position) == (["48, real"], 4, f"{BOOT} 16")


@contextlib.contextmanager
def following(position: Position) -> Iterator[Callable[[int], list[int | None]]]:
    """A program that follows; called with a number, it gives the codes of so many events, as soon as they are told."""
    launch = log_launch(position, "none", follow=True)
    with subprocess.Popen(
        ["/bin/sh", "-c", launch.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(launch.payload)
        reader, told, out = KernelLogReader(position), list[int | None](), child.stdout.fileno()

        def take(count: int) -> list[int | None]:
            while len(told) < count:
                told.extend(codes(reader.feed(os.read(out, 65536))))
            found, told[:] = list(told), []
            return found

        yield take
        child.stdin.close()
        assert child.wait(10) == 0


def test_a_follower_tells_at_once_and_ends_with_the_link(journal: Path) -> None:
    say(journal, 1, "NVRM: Xid (PCI:0000:05:00): 31, x")
    with following(Position()) as take:
        assert take(1) == [31]
        for code in (79, 48):
            say(journal, code, f"NVRM: Xid (PCI:0000:05:00): {code}, x")
            assert take(1) == [code]


def test_a_name_that_cannot_be_printed_hides_no_message(journal: Path) -> None:
    """Whoever names a process chooses a part of the kernel's lines; journalctl writes such a message as a list of bytes."""
    said = "NVRM: Xid (PCI:0000:05:00): 79, name=\x1b]0;owned\x07, GPU has fallen off the bus."
    say(journal, 1, "", MESSAGE=list(said.encode()))
    say(journal, 2, "", MESSAGE=list(b"nothing \xff of interest"))
    say(journal, 3, "", MESSAGE=list(b"Out of memory: Killed process 7 (\xff\xfe) total-vm:1kB"))
    events = [event for batch in read(Position())[1] for event in batch.events]
    assert [(each.kind, each.code) for each in events] == [("xid", 79), ("oom", None)]
    assert not set("".join(each.text for each in events)) & set("\x1b\x07")


def test_after_a_reboot_a_follower_tells_the_last_words_and_the_first(journal: Path) -> None:
    say(journal, 1, "NVRM: Xid (PCI:0000:05:00): 31, told")
    reader, _ = read(Position())
    say(journal, 2, "NVRM: Xid (PCI:0000:05:00): 79, just before the crash")
    (journal.parent / "proc/sys/kernel/random/boot_id").write_text(LATER)
    with following(reader.position) as take:
        assert take(1) == [79]
        say(journal, 3, "NVRM: Xid (PCI:0000:05:00): 13, the first of this boot", boot=LATER)
        assert take(1) == [13]


def test_when_the_message_that_was_told_last_is_gone_none_after_it_is_left_out(journal: Path) -> None:
    """Journals are bounded: a host that talked much has thrown it away."""
    say(journal, 2, "NVRM: Xid (PCI:0000:05:00): 79, x")
    say(journal, 3, "NVRM: Xid (PCI:0000:05:00): 48, x")
    told = Position(way="journal", after="s=1", boot=BOOT, monotonic=1e-6, time=1e9)
    assert codes(read(told)[1]) == [79, 48]
    with following(told) as take:
        assert take(2) == [79, 48]


def test_a_message_that_was_moved_to_another_file_is_the_same(journal: Path) -> None:
    """At boot journald moves what it had in memory to the disk, under other numbers."""
    place = f"i=7;b={BOOT};m=1f;t=5a;x=99"
    with journal.open("a") as file:
        for cursor, code in ((f"s=2;{place}", 31), (f"s=2;i=8;b={BOOT};m=20;t=5b;x=1", 79)):
            values = entry(f"NVRM: Xid (PCI:0000:05:00): {code}, x", code)
            file.write(json.dumps({"__CURSOR": cursor, **values}) + "\n")
    told = Position(way="journal", after=f"s=1;{place}", boot=BOOT, monotonic=31e-6, time=1e9)
    assert codes(read(told)[1]) == [79]


def test_this_machines_own_log_is_read_or_refused() -> None:
    reader, _ = read(Position())
    assert reader.refused or (reader.position.way and reader.ended == "")
