"""What counts as an event in a kernel log: the kernel's own messages, nothing that a user could make it hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.text import clean_lines
from backends.triage.kernel_lines import bus_id, events
from tests.unit.triage.samples import output


def test_an_xid_is_read_with_its_gpu_its_process_and_its_time() -> None:
    lost, off_bus, cleanup = events(output("kernel-xid79.txt"))
    assert (lost.kind, lost.number, lost.device) == ("xid", 79, "0000:5d:00")
    assert (lost.process, lost.pid) == ("python3", 48113)
    assert lost.time == 1778490131.00453
    assert (off_bus.kind, off_bus.device) == ("off-bus", "0000:5d:00")
    assert (cleanup.number, cleanup.device) == (45, "0000:43:00")


def test_every_kind_of_trouble_is_recognised() -> None:
    found = [(each.kind, each.number, each.device, each.process) for each in events(output("kernel-trouble.txt"))]
    assert found == [
        ("xid", 13, "0000:05:00", "a b"),
        ("sxid", 12020, "0000:07:00", ""),
        ("off-bus", None, "0000:1b:00", ""),
        ("oom", None, "", "java"),
        ("hung-task", 120, "", "nvidia-smi"),
        ("lockup", 3, "", ""),
        ("read-only", None, "sda1", ""),
        ("fs-error", None, "sda1", ""),
        ("disk", None, "nvme1n1", ""),
        ("disk", None, "nvme2", ""),
        ("disk", None, "md0", ""),
        ("memory-error", 1, "MC0", ""),
        ("machine-check", None, "", ""),
        ("pcie", None, "0000:3a:00.0", ""),
        ("link", None, "ens5np0", ""),
        ("link", None, "", ""),
        ("nfs", None, "filer1", ""),
    ]


def test_forged_lines_are_no_events() -> None:
    assert events(clean_lines(output("kernel-forged.txt"))) == ()


def test_a_log_that_counts_from_the_boot_gets_the_time_of_the_boot() -> None:
    text = "# dmesg: 5 lines, 1 shown\n[  12.500000] NVRM: Xid (PCI:0000:05:00): 48, pid=7, name=x"
    assert [each.time for each in events(text, 1000.0)] == [1012.5]
    assert [each.time for each in events(text)] == [None]


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert {bus_id(text) for text in ("00000000:1B:00.0", "0000:1b:00", "0000:1b:00.0")} == {"0000:1b:00"}


@given(st.text(max_size=300))
def test_whatever_a_user_writes_after_another_name_is_no_event(text: str) -> None:
    line = f"2026-05-11T08:00:00.000001+0000 h logger[9]: {text}".replace("\n", " ")
    assert events(f"# journalctl: 1 lines, 1 shown\n{line}") == ()


@given(st.text(), st.sampled_from(["# journalctl\n", "# dmesg\n", ""]), st.none() | st.floats(0, 1e10))
def test_any_text_is_read_without_an_error(text: str, head: str, boot: float | None) -> None:
    events(head + text, boot)


@given(
    st.from_regex(
        r"\A(NVRM: Xid \(PCI:[0-9a-f:]{0,20}\): [0-9]{0,9}, .{0,50}|\[ *[0-9]{0,12}\.[0-9]{0,12}\] .{0,50})\Z"
    )
)
def test_what_looks_nearly_like_an_event_is_read_without_an_error(said: str) -> None:
    events(f"# journalctl\n2026-05-11T08:00:00+0000 h kernel: {said}\n{said}", 5.0)
