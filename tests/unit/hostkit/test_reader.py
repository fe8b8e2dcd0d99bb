"""One connection, from its first byte to its last: banners, refusals, facts, samples, pongs and the GPU child's fate."""

from __future__ import annotations

from typing import Any

import pytest

from backends.hostkit.events import GpuFound, KitEvent, Pong, Trouble
from backends.hostkit.reader import MAX_PREAMBLE_BYTES, KitReader
from backends.metrics.sample import GpuStatus, HostFacts, Sample
from tests.unit.hostkit.lines import (
    COUNTERS,
    GPU_FRAME,
    GPU_HELLO,
    HELLO,
    MAGIC,
    Listening,
    Steady,
    counters,
    wire,
)


def fresh() -> KitReader:
    return KitReader(lambda: 1.8e9, lambda: 50.0)


def troubles(events: list[KitEvent]) -> list[tuple[str, str]]:
    return [(event.kind, event.text) for event in events if isinstance(event, Trouble)]


class TestBefore:
    """What a login shell prints before the kit speaks."""

    @pytest.mark.parametrize(
        "banner", [b"", b"Welcome!\n", b"no newline", b"\xff\xfe\x00\r\n", b"swarm-kit 0 ready\n", b"[1,2]\n"]
    )
    def test_a_banner_is_skipped(self, banner: bytes) -> None:
        reader = fresh()
        assert reader.feed(banner) == []
        assert not reader.ready
        (facts,) = reader.feed(MAGIC + wire(HELLO))[:1]
        assert isinstance(facts, HostFacts)
        assert reader.ready and reader.garbage == 0

    def test_the_magic_may_come_in_pieces(self) -> None:
        reader = fresh()
        events = [event for byte in b"hi\n" + MAGIC + wire(COUNTERS) for event in reader.feed(bytes([byte]))]
        assert [type(event) for event in events] == [Sample]

    @pytest.mark.parametrize(
        ("line", "kind", "words"),
        [
            (b"NOPYTHON", "no-python", "no working python3"),
            (b"OLDPYTHON /usr/bin/python3 is Python 3.4.10;", "python-too-old", "3.4.10"),
            (b"NOSUDO sudo: a password is required", "no-sudo", "a password is required"),
            (b"\x1b[2Jwhat", "probe-error", "what"),
        ],
    )
    def test_a_refusal_says_why_and_ends_it(self, line: bytes, kind: str, words: str) -> None:
        reader = fresh()
        ((said, text),) = troubles(reader.feed(b"\nswarm-kit 1 " + line + b"\n"))
        assert said == kind
        assert words in text and "\x1b" not in text
        assert reader.feed(MAGIC + wire(COUNTERS)) == []
        assert reader.closed() == []

    def test_a_stream_that_ends_without_a_word_of_the_kits_shows_what_was_said(self) -> None:
        reader = fresh()
        reader.feed(b"bash: /bin/sh: \x1b[1mPermission denied\n")
        ((kind, text),) = troubles(reader.closed())
        assert (kind, text) == ("probe-error", "the kit did not start; the host said: bash: /bin/sh: Permission denied")
        assert troubles(fresh().closed()) == [("probe-error", "the kit did not start and said nothing")]

    def test_once_it_has_spoken_the_end_is_no_trouble(self) -> None:
        assert Listening(COUNTERS).reader.closed() == []

    def test_a_shell_that_prints_without_end_is_told_once_and_may_still_start_the_kit(self) -> None:
        reader = fresh()
        said = [trouble for _ in range(30) for trouble in troubles(reader.feed(b"y\n" * 10_000))]
        assert said == [("garbage", "the login shell prints without end before the kit starts")]
        assert [type(event) for event in reader.feed(MAGIC + wire(COUNTERS))] == [Sample]

    def test_an_endless_magic_line_is_not_kept(self) -> None:
        reader = fresh()
        reader.feed(MAGIC.rstrip())
        for _ in range(10):
            assert reader.feed(b"x" * MAX_PREAMBLE_BYTES) == []
        assert not reader.ready


class TestHello:
    """The facts, said once."""

    def test_facts_and_what_to_send_for_the_gpus(self) -> None:
        facts, found = Listening().said(HELLO)
        assert isinstance(facts, HostFacts) and facts.hostname == "gpu01"
        assert found == GpuFound(vendor="nvidia")

    def test_a_host_with_both_vendors_is_read_as_one(self) -> None:
        events = Listening().said(["h", {"gpus": ["amd", "nvidia"]}])
        assert [event for event in events if isinstance(event, GpuFound)] == [GpuFound(vendor="nvidia")]

    def test_a_second_one_is_garbage(self) -> None:
        host = Listening(HELLO)
        assert [type(event) for event in host.said(HELLO)] == [Trouble]
        assert host.reader.garbage == 1

    def test_one_of_the_wrong_type_is_missing_until_a_right_one_comes(self) -> None:
        host = Listening(["h", "gpu01"])
        assert "facts" in host.sample(COUNTERS).missing
        assert "facts" not in host.sample(HELLO, counters(monotonic=101.0)).missing

    def test_gpus_without_a_driver_are_told_as_such(self) -> None:
        host = Listening(["h", {"gpus": [], "nvidia_pci": 8}])
        status = host.sample(COUNTERS).gpu_status
        assert status is not None and status.reason is not None and "8 NVIDIA device(s)" in status.reason

    def test_a_host_without_gpus_is_known_to_have_none(self) -> None:
        assert Listening(["h", {"gpus": [], "nvidia_pci": 0}]).sample(COUNTERS).gpu_status == GpuStatus()

    def test_before_the_gpu_program_speaks_nothing_is_known(self) -> None:
        assert Listening(HELLO).sample(COUNTERS).gpu_status is None


class TestPings:
    """Round trip and clock."""

    def test_a_pong_tells_the_round_trip_and_shifts_the_next_samples(self) -> None:
        host = Listening()
        token = int(host.reader.ping().split()[1])
        host.clock.pass_(0.25)
        (pong,) = host.said(["p", token, host.clock.wall + 30.0])
        assert isinstance(pong, Pong) and pong.round_trip_seconds == 0.25
        assert host.sample(COUNTERS).clock_offset_seconds == pytest.approx(30.125)

    @pytest.mark.parametrize("token", [0, -1, 99, 10**30])
    def test_one_that_nobody_asked_for_is_not_believed(self, token: int) -> None:
        host = Listening()
        host.reader.ping()
        assert host.said(["p", token, 1.0]) == []
        assert host.sample(COUNTERS).clock_offset_seconds is None


class TestGpuChild:
    """The GPU program runs apart, and may hang, end and come back."""

    def status(self, host: Listening, monotonic: float = 200.0) -> GpuStatus:
        status = host.sample(counters(monotonic=monotonic)).gpu_status
        assert status is not None
        return status

    def test_a_hung_driver_is_told_once_and_its_gpus_stay(self) -> None:
        host = Listening(HELLO, GPU_HELLO, GPU_FRAME)
        hung = ["G", "hung", "the GPU driver does not answer"]
        assert troubles(host.said(hung, hung)) == [("gpu-hung", "the GPU driver does not answer")]
        sample = host.sample(COUNTERS)
        assert sample.gpu_status is not None and sample.gpu_status.hung
        assert sample.gpus[0].power_watts == 640.0

    def test_one_that_says_nothing_more_is_still_told_in_words(self) -> None:
        assert troubles(Listening().said(["G", "hung"])) == [("gpu-hung", "the GPU driver does not answer")]

    def test_it_is_back_with_the_next_values(self) -> None:
        host = Listening(HELLO, GPU_HELLO, GPU_FRAME, ["G", "hung", ""])
        assert troubles(host.said(GPU_FRAME)) == [("gpu-back", "the GPU driver answers again")]
        assert not self.status(host).hung

    def test_a_mere_sign_of_life_does_not_bring_it_back(self) -> None:
        host = Listening(HELLO, GPU_HELLO, GPU_FRAME, ["G", "hung", ""])
        assert troubles(host.said(["g", {"t": 5.0}])) == []
        assert self.status(host).hung

    def test_a_child_that_ended_says_why(self) -> None:
        host = Listening(HELLO, GPU_HELLO, GPU_FRAME)
        ((kind, text),) = troubles(host.said(["G", "ended", "cannot open \x1b[31mlibnvidia-ml.so.1"]))
        assert (kind, text) == ("gpu-ended", "the GPU reader ended: cannot open libnvidia-ml.so.1")
        assert self.status(host).reason == text
        assert troubles(host.said(["G", "ended", ""])) == [("gpu-ended", "the GPU reader ended without a word")]

    def test_a_state_nobody_knows_counts_as_ended(self) -> None:
        assert troubles(Listening().said(["G", "dancing", ""]))[0][0] == "gpu-ended"


class TestGarbage:
    """Counted, and told ever more seldom."""

    def test_the_first_tenth_and_hundredth_are_told(self) -> None:
        host = Listening()
        said = [text for _ in range(150) for _, text in troubles(host.said(["nope"]))]
        assert [text.split()[0] for text in said] == ["1", "10", "100"]
        assert host.reader.garbage == 150

    def test_what_is_shown_of_it_cannot_drive_a_terminal(self) -> None:
        ((_, text),) = troubles(Listening().reader.feed(b"\x1b]0;x\x07\x1b[2J[/b]<not json>\n"))
        assert text == "1 unreadable line(s) from the host, as: [/b]<not json>"

    def test_words_between_frames_do_not_disturb_them(self) -> None:
        host = Listening()
        events = host.reader.feed(b"wall: the system is going down\n" + wire(COUNTERS) + b"\n\n  \n" + wire(COUNTERS))
        assert sum(isinstance(event, Sample) for event in events) == 2


def test_a_traceback_of_the_probe_is_shown_on_one_line() -> None:
    ((kind, text),) = troubles(Listening().said(["e", "Traceback:\n  File x\n\x1b[31mOSError\x1b[0m" + "y" * 9000]))
    assert kind == "probe-error"
    assert text.startswith("Traceback:   File x OSErroryy") and len(text) == 2000


def test_a_sample_is_stamped_with_our_clock() -> None:
    assert Listening().sample(counters(wall=5.0)).time == 1.8e9


def test_after_a_reboot_the_next_reader_starts_without_rates() -> None:
    before, after = Listening(HELLO, COUNTERS), Listening(["h", {**HELLO[1], "boot_id": "another"}])
    assert before.sample(counters(monotonic=101.0)).interval_seconds == 1.0
    assert after.sample(counters(monotonic=1.0)).interval_seconds is None


WRITES: tuple[tuple[Any, bytes], ...] = (
    (lambda reader: reader.interval(2), b"interval 2.000\n"),
    (lambda reader: reader.poll(), b"poll\n"),
    (lambda reader: reader.focus(True), b"focus 1\n"),
    (lambda reader: reader.focus(False), b"focus 0\n"),
    (lambda reader: reader.ping(), b"ping 1\n"),
    (lambda reader: reader.gpu(b"\x00\n\xff"), b"gpu 3\n\x00\n\xff"),
    (lambda reader: reader.stop(), b"stop\n"),
)


@pytest.mark.parametrize(("write", "line"), WRITES, ids=[line.split()[0].decode() for _, line in WRITES])
def test_control_lines_are_what_the_probe_reads(write: Any, line: bytes) -> None:
    assert write(fresh()) == line


def test_clocks_of_a_test_move_together() -> None:
    clock = Steady()
    clock.pass_(3)
    assert (clock.wall - 1.8e9, clock.monotonic - 1000.0) == (3.0, 3.0)
