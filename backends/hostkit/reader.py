"""Reads what the probe writes: bytes in, facts, samples and troubles out. Pure: no socket, no thread, no clock of its own.

Nothing that a host sends makes it raise: lines are bounded, garbage is counted and reported, a group of wrong type is
absent with a reason while the others go on. One reader serves one connection; a new connection gets a new reader.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from backends import decoding
from backends.errors import SwarmError
from backends.hostkit import frames
from backends.hostkit.answer import INSTALL, refusal
from backends.hostkit.assembly import Assembly
from backends.hostkit.events import GpuFound, KitEvent, Trouble, TroubleKind
from backends.hostkit.facts import driverless_gpus, gpu_vendors, host_facts
from backends.hostkit.flow import Budget
from backends.hostkit.pings import Pings
from backends.hostkit.travel import MAGIC
from backends.metrics.sample import GpuStatus
from backends.text import clean, decode

MAX_LINE_BYTES = 1 << 20
MAX_PREAMBLE_BYTES = 1 << 16
"""What a login shell may print before the kit speaks."""
_GROUPS = {"t": "processes", "f": "filesystems", "l": "links", "i": "infiniband", "x": "temperatures", "h": "facts"}
_REFUSALS: dict[bytes, TroubleKind] = {b"NOPYTHON": "no-python", b"OLDPYTHON": "python-too-old", b"NOSUDO": "no-sudo"}


class KitReader:
    """One probe's output, from its first byte to its last.

    Args:
        now: epoch seconds on our clock, stamped on samples.
        monotonic: steady seconds, for round trips.
    """

    def __init__(self, now: Callable[[], float], monotonic: Callable[[], float] = time.monotonic):
        self._now = now
        self._monotonic = monotonic
        self._left = b""
        self._ready = False
        self._refused = False
        self._skipping = False
        self._said = b""
        self._preamble = 0
        self._budget = Budget(monotonic())
        self._flooding = False
        self._assembly = Assembly()
        self._pings = Pings()
        self._greeted = False
        self._hung = False
        self.garbage = 0
        """Lines that could not be read so far."""

    # bytes in

    def feed(self, data: bytes) -> list[KitEvent]:
        """What the next bytes of the stream mean, in order. Never raises."""
        events: list[KitEvent] = []
        if not self._ready:
            data = self._before_magic(data, events)
            if not self._ready:
                return events
        self._budget.refill(self._monotonic())
        lines = (self._left + data).split(b"\n")
        self._left = lines.pop()
        for line in lines:
            self._line(line, events)
        if len(self._left) > MAX_LINE_BYTES:
            self._left = b""
            if not self._skipping:
                self._skipping = True
                self._garbage(b"an endless line", events)
        return events

    def closed(self) -> list[KitEvent]:
        """The stream has ended: why, if it never said a word of the kit's."""
        if self._ready or self._refused:
            return []
        said = decode(self._said[-300:], 300).strip()
        text = f"the kit did not start; the host said: {said}" if said else "the kit did not start and said nothing"
        return [Trouble(kind="probe-error", text=text, hint="log in and run: python3 -I -S -c 'print(1)'")]

    @property
    def ready(self) -> bool:
        """True once the kit has spoken."""
        return self._ready

    def _before_magic(self, data: bytes, events: list[KitEvent]) -> bytes:
        """Skip banners and the like; the bytes behind the magic line once it has come."""
        if self._refused:
            return b""
        self._preamble += len(data)
        self._said += data
        place = self._said.find(MAGIC)
        end = self._said.find(b"\n", place) if place >= 0 else -1
        if end < 0:
            if self._preamble > MAX_PREAMBLE_BYTES and place < 0:
                self._said = self._said[-512:]
                if self._preamble - len(data) <= MAX_PREAMBLE_BYTES:
                    text = "the login shell prints without end before the kit starts"
                    events.append(Trouble(kind="garbage", text=text, hint="look at its start-up files (.bashrc)"))
            elif len(self._said) > 2 * MAX_PREAMBLE_BYTES:
                self._said = self._said[:512]  # an endless magic line
            return b""
        word, _, rest = self._said[place + len(MAGIC) : end].partition(b" ")
        if word == b"ready":
            self._ready = True
            behind, self._said = self._said[end + 1 :], b""
            return behind
        self._refuse(word, rest + b" " + self._said[end + 1 :], events)
        return b""

    def _refuse(self, word: bytes, detail: bytes, events: list[KitEvent]) -> None:
        self._refused = True
        kind = _REFUSALS.get(word, "probe-error")
        error: SwarmError = refusal(f"{decode(word, 40)} {decode(detail, 300)}")
        events.append(Trouble(kind=kind, text=clean(error.message, 400), hint=error.hint or INSTALL))

    # lines

    def _line(self, line: bytes, events: list[KitEvent]) -> None:
        if self._skipping:  # the rest of an endless line
            self._skipping = False
            return
        if not self._budget.spend(len(line)):
            self._surplus(events)
            return
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            self._garbage(line, events)
            return
        try:
            frame = frames.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._salvage(line, events)
            return
        self._frame(line, frame, events)

    def _frame(self, line: bytes, frame: frames.AnyFrame, events: list[KitEvent]) -> None:
        kind = type(frame)
        if kind is frames.Counters:
            self._counters(frame, events)  # type: ignore[arg-type]  # the exact type was just compared
        elif isinstance(frame, frames.PongFrame):
            self._pong(frame, events)
        elif isinstance(frame, frames.Hello):
            self._hello(line, frame, events)
        elif isinstance(frame, frames.GpuState):
            self._gpu_state(frame, events)
        elif isinstance(frame, frames.Failure):
            self._tell(Trouble(kind="probe-error", text=clean(frame.text, 2000)), events)
        else:
            self._assembly.take(frame)
            if kind is frames.GpuLine and self._hung:
                self._gpu_back(events)

    def _counters(self, frame: frames.Counters, events: list[KitEvent], whole: bool = True) -> None:
        sample = self._assembly.sample(frame, self._now(), whole)
        if sample is not None:
            self._flooding = self._flooding and not self._budget.calm
            events.append(sample)

    def _salvage(self, line: bytes, events: list[KitEvent]) -> None:
        """A line that does not fit its type: keep what can be kept, report the rest."""
        try:
            fields: Any = decoding.json(line, type=object)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            fields = None
        if isinstance(fields, list) and fields and isinstance(fields[0], str):
            if fields[0] == "s":
                frame = self._assembly.salvage(fields)
                if frame is not None:
                    self._counters(frame, events, whole=False)
            elif fields[0] == "a":
                self._assembly.salvage_reasons(fields[1:])
            elif fields[0] in _GROUPS:
                self._assembly.malformed(_GROUPS[fields[0]])
        self._garbage(line, events)

    def _garbage(self, line: bytes, events: list[KitEvent]) -> None:
        """Count; report the 1st, 10th, 100th …, so that a broken host does not flood the timeline."""
        self.garbage += 1
        if str(self.garbage).strip("0") == "1":
            text = f"{self.garbage} unreadable line(s) from the host, as: {decode(line[:200], 80)}"
            events.append(Trouble(kind="garbage", text=text))

    def _surplus(self, events: list[KitEvent]) -> None:
        """Something is dropped: said once, until the host has been calm for a while."""
        if not self._flooding:
            self._flooding = True
            text = "the host sends far more than it should; the surplus is dropped"
            events.append(Trouble(kind="flood", text=text))

    def _tell(self, trouble: Trouble, events: list[KitEvent]) -> None:
        if self._budget.speak():
            events.append(trouble)
        else:
            self._surplus(events)

    # frames with an event of their own

    def _hello(self, line: bytes, frame: frames.Hello, events: list[KitEvent]) -> None:
        """Said once in a probe's life; each GPU found costs the host's link a program of 60 KiB."""
        if self._greeted:
            self._garbage(line, events)
            return
        self._greeted = True
        self._assembly.fine("facts")
        facts = host_facts(frame.facts)
        self._assembly.boot_id = facts.boot_id
        events.append(facts)
        vendors = gpu_vendors(frame.facts)
        events.extend(GpuFound(vendor=vendor) for vendor in vendors[:1])
        lonely = driverless_gpus(frame.facts)
        if lonely:
            reason = f"{lonely} NVIDIA device(s) on the PCI bus, but the driver is not loaded"
            self._assembly.status = GpuStatus(reason=reason)
        elif not vendors:
            self._assembly.status = GpuStatus()

    def _pong(self, frame: frames.PongFrame, events: list[KitEvent]) -> None:
        measured = self._pings.answered(frame.token, frame.wall, self._now(), self._monotonic())
        if measured is not None:
            self._assembly.clock_offset = measured.clock_offset_seconds
            events.append(measured)

    def _gpu_state(self, frame: frames.GpuState, events: list[KitEvent]) -> None:
        text = clean(frame.text, 300)
        if frame.state == "hung":
            text = text or "the GPU driver does not answer"
            self._assembly.status, _ = self._assembly.gpu.stalled(text)
            if not self._hung:
                hint = "look for Xid lines in the kernel log; a reboot usually cures it"
                self._tell(Trouble(kind="gpu-hung", text=text, hint=hint), events)
            self._hung = True
        else:
            reason = f"the GPU reader ended: {text}" if text else "the GPU reader ended without a word"
            self._assembly.status, _ = self._assembly.gpu.feed({"reason": reason})
            self._tell(Trouble(kind="gpu-ended", text=reason), events)

    def _gpu_back(self, events: list[KitEvent]) -> None:
        """A line came after all; a mere sign of life does not mean that the driver answers."""
        status = self._assembly.status
        if status is None or not status.hung:
            self._hung = False
            self._tell(Trouble(kind="gpu-back", text="the GPU driver answers again"), events)

    # bytes out

    def interval(self, seconds: float) -> bytes:
        """To write: sample every `seconds` from now on."""
        return b"interval %.3f\n" % seconds

    def poll(self) -> bytes:
        """To write: sample now."""
        return b"poll\n"

    def focus(self, watched: bool) -> bytes:
        """To write: somebody looks (processes every 2 s) or not (5 s)."""
        return b"focus %d\n" % watched

    def ping(self) -> bytes:
        """To write: answered at once with a `Pong`."""
        return b"ping %d\n" % self._pings.sent(self._now(), self._monotonic())

    def gpu(self, payload: bytes) -> bytes:
        """To write: the GPU program, as the answer to `GpuFound`."""
        return b"gpu %d\n" % len(payload) + payload

    def stop(self) -> bytes:
        """To write: end now. Closing the channel does the same."""
        return b"stop\n"
