"""Reads NVIDIA GPUs through one long-lived `nvidia-smi -l`, where NVML cannot be loaded (no ctypes, broken library).

Starting nvidia-smi costs up to seconds on a big host, so one child loops; the fields are those that its own help
names, since they differ from driver to driver. Every wait has a deadline: a wedged driver blocks nvidia-smi as well.
Python 3.6, standard library only.
"""

import os
import re
import select
import subprocess
import time

from backends.hostkit.programs import gpu_fields as fields

START_SECONDS = 30.0  # without persistence the first call initialises every GPU
HUNG_SECONDS = 15.0
APPS_SECONDS = 10.0
LAST_SECONDS = 0.5  # for a child that was killed or has closed its output; one that is stuck in the kernel stays
LOST_LINE = re.compile(r"(?:GPU\s*)?([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])")
EXPLAINED = (
    ("not supported", "not supported"),
    ("n/a", "not supported"),
    ("insufficient permissions", "no permission"),
    ("gpu is lost", "GPU is lost"),
    ("requires reset", "GPU needs a reset"),
    ("unknown error", "unknown driver error"),
    ("function not found", "not in this driver version"),
    ("deprecated", "not in this driver version"),
)


def number(text):
    value = float(text)
    if not -1e300 < value < 1e300:
        raise ValueError(text)
    return value


def integer(text):
    return int(number(text))


def mebibytes(text):
    return integer(text) << 20


def mask(text):
    return int(text, 16)


def enabled(text):
    return {"enabled": True, "disabled": False}[text.strip().lower()]


def yes(text):
    return {"yes": True, "no": False, "1": True, "0": False}[text.strip().lower()]


def p_state(text):
    return int(text.strip().upper().lstrip("P"))


# our field, names that nvidia-smi gives it (newest first), how to read it
WANTED = (
    ("index", ("index",), integer),
    ("uuid", ("uuid", "gpu_uuid"), str),
    ("name", ("name", "gpu_name"), str),
    ("bus_id", ("pci.bus_id", "gpu_bus_id"), str),
    ("driver", ("driver_version",), str),
    ("utilisation_percent", ("utilization.gpu",), number),
    ("memory_utilisation_percent", ("utilization.memory",), number),
    ("memory_used_bytes", ("memory.used",), mebibytes),
    ("memory_total_bytes", ("memory.total",), mebibytes),
    ("temperature_celsius", ("temperature.gpu",), number),
    ("temperature_margin_celsius", ("temperature.gpu.tlimit",), number),
    ("memory_temperature_celsius", ("temperature.memory",), number),
    ("power_watts", ("power.draw",), number),
    ("power_limit_watts", ("enforced.power.limit", "power.limit"), number),
    ("sm_clock_mhz", ("clocks.current.sm", "clocks.sm"), number),
    ("sm_clock_max_mhz", ("clocks.max.sm",), number),
    ("memory_clock_mhz", ("clocks.current.memory", "clocks.mem"), number),
    ("throttle_bits", ("clocks_event_reasons.active", "clocks_throttle_reasons.active"), mask),
    ("performance_state", ("pstate",), p_state),
    ("persistence", ("persistence_mode",), enabled),
    ("ecc_enabled", ("ecc.mode.current",), enabled),
    ("ecc_corrected_volatile", ("ecc.errors.corrected.volatile.total",), integer),
    ("ecc_uncorrected_volatile", ("ecc.errors.uncorrected.volatile.total",), integer),
    ("ecc_corrected_aggregate", ("ecc.errors.corrected.aggregate.total",), integer),
    ("ecc_uncorrected_aggregate", ("ecc.errors.uncorrected.aggregate.total",), integer),
    ("remapped_rows_corrected", ("remapped_rows.correctable",), integer),
    ("remapped_rows_uncorrected", ("remapped_rows.uncorrectable",), integer),
    ("remap_pending", ("remapped_rows.pending",), yes),
    ("remap_failed", ("remapped_rows.failure",), yes),
    ("pcie_generation", ("pcie.link.gen.gpucurrent", "pcie.link.gen.current"), integer),
    ("pcie_generation_max", ("pcie.link.gen.max",), integer),
    ("pcie_width", ("pcie.link.width.current",), integer),
    ("pcie_width_max", ("pcie.link.width.max",), integer),
    ("mig_enabled", ("mig.mode.current",), enabled),
    ("fan_percent", ("fan.speed",), number),
)


def supported(help_text):
    """The query names that `nvidia-smi --help-query-gpu` lists in quotes."""
    return set(re.findall(r'"([a-z0-9_.]+)"', help_text))


def choose(names):
    """[(field, query name, reader)] of what this nvidia-smi knows; without any help text the oldest names."""
    chosen = []
    for field, offers, read in WANTED:
        match = [offer for offer in offers if offer in names]
        if match:
            chosen.append((field, match[0], read))
    return chosen


def parse_row(line, chosen):
    """({field: value}, {field: reason}) of one CSV line, or None when it is not a row of this query."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(chosen):
        return None
    values, missing = {}, {}
    for (field, _, read), cell in zip(chosen, cells):
        try:
            values[field] = read(cell)
        except (ValueError, KeyError):
            missing[field] = explain(cell)
    return None if not isinstance(values.get("index"), int) else (values, missing)


def explain(cell):
    low = cell.lower()
    for piece, reason in EXPLAINED:
        if piece in low:
            return reason
    return ("not understood: " + cell[:40]) if cell else "empty"


def start(arguments):
    environment = dict(os.environ, LC_ALL="C")
    return subprocess.Popen(
        ["nvidia-smi", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        close_fds=True,
    )


def run(arguments, seconds, beat):
    """(exit code, text); exit code None: no answer in time. A child that cannot be killed is left to the kernel."""
    child, end = start(arguments), time.monotonic() + seconds
    try:
        data = output(child, end, beat)
    finally:
        child.stdout.close()
    code = None if data is None else ended(child, max(0.0, end - time.monotonic()))
    if code is None:
        child.kill()
        ended(child, LAST_SECONDS)
    return code, (data or b"").decode("utf-8", "replace")


def output(child, end, beat):
    """All that it writes, at most 1 MiB; None when that had not ended at `end`."""
    data = b""
    number = child.stdout.fileno()
    while len(data) < 1 << 20:
        beat()
        left = end - time.monotonic()
        if left <= 0:
            return None
        if not select.select([number], [], [], min(1.0, left))[0]:
            continue
        piece = os.read(number, 65536)
        if not piece:
            break
        data += piece
    return data


def open_reader(beat, reason):
    """(reader, None) or (None, why not); `reason` says why NVML is not used, `beat` that we are alive."""
    try:
        code, text = run(["--help-query-gpu"], START_SECONDS, beat)
    except OSError as error:
        return None, "nvidia-smi: " + (error.strerror or str(error))
    if code is None:
        return None, no_answer()
    chosen = choose(supported(text))
    if not any(field == "index" for field, _, _ in chosen):
        return None, "nvidia-smi: " + failure(text, code)
    query = ["--query-gpu=" + ",".join(name for _, name, _ in chosen), "--format=csv,noheader,nounits"]
    code, text = run(query, START_SECONDS, beat)
    rows = [row for row in (parse_row(line, chosen) for line in text.splitlines()) if row]
    if code is None:
        return None, no_answer()
    if not rows:
        return None, "nvidia-smi: " + failure(text, code)
    return SmiReader(beat, chosen, query, rows, lost_of(text), reason), None


def no_answer():
    return "nvidia-smi %s within %d s" % (fields.NO_ANSWER, START_SECONDS)


def failure(text, code):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:160] if lines else "exit status %s" % code


def lost_of(text):
    """Bus ids of GPUs that nvidia-smi calls lost or cannot open."""
    lost = []
    for line in text.splitlines():
        match = LOST_LINE.search(line)
        if match and ("lost" in line.lower() or "unable to determine" in line.lower()):
            lost.append(match.group(1).lower())
    return lost


def same_bus(one, other):
    """Bus ids are written with a domain of four or of eight digits."""
    first, second = one.lower().split(":"), other.lower().split(":")
    return first[1:] == second[1:] and first[0].lstrip("0") == second[0].lstrip("0")


def ended(child, seconds):
    """The exit status of a child that should end by itself; None when it still runs after `seconds`."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


class SmiReader(object):
    """One looping nvidia-smi and what it said last."""

    paced = True  # nvidia-smi keeps the pace; frame() waits for it

    def __init__(self, beat, chosen, query, rows, lost, reason):
        self.beat = beat
        self.chosen = chosen
        self.query = query
        self.reason = reason
        self.broken = None
        self.driver = rows[0][0].get("driver", "")
        self.gpus = [dict(values) for values, _ in rows[: fields.MAX_GPUS]]
        taken = {gpu["index"] for gpu in self.gpus}
        for bus in lost[: fields.MAX_GPUS - len(self.gpus)]:
            index = next(number for number in range(fields.MAX_GPUS + 1) if number not in taken)
            taken.add(index)
            self.gpus.append({"index": index, "bus_id": bus})
        self.count = len(rows)
        self.child = None
        self.pace = 0
        self.rest = b""
        self.said = ""
        self.batch = []
        self.lost = set(lost)
        self.heard = time.monotonic()
        self.apps = None
        self.apps_at = self.slow_at = 0.0

    def hello(self):
        gpus = []
        for gpu in self.gpus:
            one = {"index": 0, "vendor": "nvidia", "uuid": "", "name": "", "bus_id": ""}
            one.update((name, gpu[name]) for name in one if name in gpu)
            gpus.append([one[name] for name in fields.STATIC])
        return {"way": "nvidia-smi", "driver": self.driver, "cuda": "", "reason": self.reason, "gpus": gpus}

    def frame(self, now, control):
        """The next batch, or a sign of life when there is none within an interval; hung: 1 past the deadline."""
        pace = max(1, round(control.interval))
        if self.child is None or pace != self.pace:
            self.close()
            self.pace = pace
            self.child = start([*self.query, "-l", str(pace)])
            self.heard = time.monotonic()
        rows = self.wait(now + max(1.0, control.interval))
        if rows is None:
            if self.broken is None and time.monotonic() - self.heard > max(HUNG_SECONDS, 3 * pace):
                self.broken = "nvidia-smi " + fields.NO_ANSWER
                return {"hung": 1, "reason": self.broken}
            return {}
        return self.made(rows, time.monotonic())

    def wait(self, end):
        """The rows of one whole batch, or None at `end`."""
        number = self.child.stdout.fileno()
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([number], [], [], left)[0]:
                return None
            data = os.read(number, 65536)
            if not data:
                said = self.rest.decode("utf-8", "replace").strip() or self.said
                self.broken = "nvidia-smi ended with status %s: %s" % (ended(self.child, LAST_SECONDS), said[:120])
                return None
            rows = self.take(data)
            if rows is not None:
                self.heard = time.monotonic()
                return rows

    def take(self, data):
        """Feed output; the rows of the newest batch that it completes, or None."""
        lines = (self.rest + data)[-(1 << 20) :].split(b"\n")
        self.rest, done = lines.pop(), None
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            row = parse_row(line, self.chosen)
            if row is None:
                self.said = line.strip() or self.said
                if len(self.lost) < fields.MAX_GPUS:
                    self.lost.update(lost_of(line))
                continue
            if self.batch and row[0]["index"] <= self.batch[-1][0]["index"]:
                done, self.batch = self.batch, []
            self.batch.append(row)
            if len(self.batch) >= self.count:
                done, self.batch = self.batch, []
        return done

    def made(self, rows, now):
        by_index = {values["index"]: (values, missing) for values, missing in rows}
        asked = {field for field, _, _ in self.chosen}
        slow = now >= self.slow_at
        frame = {"f": [], "m": []}
        if slow:
            self.slow_at = now + fields.SLOW_SECONDS - 0.5
            frame["s"] = []
        lost = []
        for place, gpu in enumerate(self.gpus):
            values, missing = by_index.get(gpu["index"], ({}, {}))
            if not values or "GPU is lost" in missing.values() or self.is_lost(gpu):
                lost.append(place)
            frame["f"].append([values.get(name) for name in fields.FAST])
            if slow:
                frame["s"].append([values.get(name) for name in fields.SLOW])
            reasons = {name: "not offered by nvidia-smi" for name in fields.FAST + fields.SLOW if name not in asked}
            reasons.update(missing)
            frame["m"].append(reasons)
        if lost:
            frame["l"] = lost
        if now >= self.apps_at:
            self.apps_at = now + APPS_SECONDS
            frame["p"] = self.processes()
            frame["pids"] = sorted({item[0] for row in frame["p"] for item in row or ()})
        return frame

    def is_lost(self, gpu):
        return any(same_bus(bus, gpu.get("bus_id", "")) for bus in self.lost) if gpu.get("bus_id") else False

    def processes(self):
        """Rows of [pid, bytes, kind] for each GPU; None where nvidia-smi would not say."""
        query = ["--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader,nounits"]
        code, text = run(query, 3.0, self.beat)
        if code != 0:
            return [None] * len(self.gpus)
        found = {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.split(",")]
            if len(cells) == 3 and cells[1].isdigit():
                used = mebibytes(cells[2]) if cells[2].isdigit() else None
                found.setdefault(cells[0], []).append([int(cells[1]), used, fields.COMPUTE])
        return [found.get(gpu.get("uuid"), [])[: fields.MAX_PROCESSES] for gpu in self.gpus]

    def close(self):
        if self.child is not None:
            child, self.child = self.child, None
            child.kill()
            child.stdout.close()
            ended(child, LAST_SECONDS)
        self.rest, self.batch = b"", []
