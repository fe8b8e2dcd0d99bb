"""The GPU program: runs on a host as a child of its own, prints one JSON line an interval, ends when stdin does.

It is apart from the probe because a wedged driver blocks its caller in the kernel: this program then falls silent
and everything else goes on. Python 3.6, standard library only (pynvml's source comes along for NVIDIA).

Control lines on stdin: "interval SECONDS", "poll" (sample now), "release" (close the driver, so that a GPU reset or a
driver upgrade is not refused because of us), "hold" (open it again).
"""

import os
import sys
import threading
import time

from backends.hostkit.programs import gpu_fields as fields

REOPEN_SECONDS = 30.0
BEAT_SECONDS = 2.0  # a parent that hears nothing for five takes the driver for hung


def encode(value):
    """JSON text. By hand: Debian's python3-minimal has no json module, and importing it costs more than this."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if -1e300 < value < 1e300 else "null"
    if isinstance(value, dict):
        return "{" + ",".join(_string(str(key)) + ":" + encode(item) for key, item in value.items()) + "}"
    return "[" + ",".join([encode(item) for item in value]) + "]"


def _string(text):
    if text.isalnum() and len(text) == len(text.encode("utf-8", "replace")):
        return '"' + text + '"'
    out = []
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif 0x20 <= code < 0x7F:
            out.append(char)
        elif 0xD800 <= code < 0xE000:
            out.append("\\ufffd")
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)))
    return '"' + "".join(out) + '"'


class Control(object):
    """What stdin says. Read in a thread, because the main thread may be stuck in the driver when stdin ends."""

    def __init__(self, interval=1.0):
        self.interval = interval
        self.released = False
        self.wake = threading.Event()
        self.at_end = []

    def start(self):
        thread = threading.Thread(target=self._read, name="control")
        thread.daemon = True
        thread.start()

    def _read(self):
        rest = b""
        while True:
            try:
                data = os.read(0, 4096)
            except OSError:
                data = b""
            if not data:
                break
            lines = (rest + data)[-65536:].split(b"\n")
            rest = lines.pop()
            for line in lines:
                self.obey(line.decode("ascii", "replace").split())
        for end in self.at_end:
            end()
        os._exit(0)

    def obey(self, words):
        if not words:
            return
        if words[0] == "interval" and len(words) == 2:
            try:
                self.interval = min(3600.0, max(0.2, float(words[1])))
            except ValueError:
                return
        elif words[0] in ("release", "hold"):
            self.released = words[0] == "release"
        self.wake.set()

    def pause(self, seconds):
        self.wake.wait(max(0.0, seconds))
        self.wake.clear()


def write(message):
    data = (encode(message) + "\n").encode("ascii")
    while data:
        data = data[os.write(1, data) :]


class Beat(object):
    """A sign of life during long work, at most every other second."""

    def __init__(self):
        self.at = time.monotonic()

    def __call__(self):
        now = time.monotonic()
        if now - self.at >= BEAT_SECONDS:
            self.at = now
            write({"t": now})


def open_reader(vendor, beat):
    """A reader for the vendor's GPUs, or (None, why not). The library first, the vendor's own program second."""
    if vendor == "amd":
        from backends.hostkit.programs import gpu_amd

        return gpu_amd.open_reader(beat)
    from backends.hostkit.programs import gpu_nvml

    reader, reason = gpu_nvml.open_reader(beat)
    if reader is not None:
        return reader, None
    from backends.hostkit.programs import gpu_smi

    reader, second = gpu_smi.open_reader(beat, reason)
    return reader, None if reader is not None else reason + "; " + second


class Loop(object):
    """Opens a reader, prints its frames, opens it again when it breaks."""

    def __init__(self, vendor, control):
        self.vendor = vendor
        self.control = control
        self.beat = Beat()
        self.reader = None
        self.reason = None
        self.open_at = 0.0
        self.hello_at = 0.0

    def step(self):
        """Print what is due; returns when the next step is."""
        now = time.monotonic()
        if self.control.released:
            self.close("released for maintenance")
            self.open_at = 0.0
        elif self.reader is None and now >= self.open_at:
            self.open(now)
        if self.reader is None:
            absent = {"t": now, "reason": self.reason}
            if fields.NO_ANSWER in self.reason:
                absent["hung"] = 1
            self.say(absent)
            return now + self.control.interval
        if now >= self.hello_at:
            self.hello(now)
        frame = self.reader.frame(now, self.control)
        frame["t"] = now
        self.say(frame)
        if self.reader.broken:
            self.close(self.reader.broken)
            self.open_at = time.monotonic() + min(REOPEN_SECONDS, 5 * self.control.interval)
            return time.monotonic() + self.control.interval
        return time.monotonic() if self.reader.paced else now + self.control.interval

    def say(self, frame):
        times = os.times()
        frame["c"] = round(times[0] + times[1] + times[2] + times[3], 3)
        write(frame)
        self.beat.at = time.monotonic()

    def open(self, now):
        self.open_at = now + REOPEN_SECONDS
        self.reader, self.reason = open_reader(self.vendor, self.beat)
        self.hello_at = 0.0
        if self.reader is None:
            if fields.NO_ANSWER not in self.reason:  # else the GPUs are still there, for all that is known
                write({"hello": 1, "way": "none", "driver": "", "cuda": "", "reason": self.reason, "gpus": []})
        else:
            self.control.at_end[:] = [self.reader.close]

    def hello(self, now):
        self.hello_at = now + fields.HELLO_SECONDS
        write(dict(self.reader.hello(), hello=1))

    def close(self, reason):
        self.reason = reason
        if self.reader is not None:
            reader, self.reader = self.reader, None
            self.control.at_end[:] = []
            reader.close()


def main(vendor, interval=1.0):
    """Run until stdin ends or nobody reads stdout any more."""
    control = Control(interval)
    control.start()
    loop = Loop(vendor, control)
    try:
        while True:
            due = loop.step()
            behind = time.monotonic() - due
            control.pause(control.interval if behind > control.interval else -behind)
    except (BrokenPipeError, KeyboardInterrupt):
        loop.close("ended")
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "nvidia")
