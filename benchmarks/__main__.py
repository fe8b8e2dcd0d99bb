"""`make bench`: runs every table, prints it, and writes it into `docs/benchmarks.md`.

make bench                      all tables
make bench ARGS="probe start"   only these, printed and not written
make bench ARGS="--keep probe"  only these, written in the place of their last ones
make bench ARGS="--quick"       smaller fleets, fewer repetitions
make bench ARGS="--no-peers"    installs nothing to compare with; what is there is still used
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks import peers

TABLES = {
    "start": "Start of the subcommands",
    "probe": "Cost of the host kit on a host",
    "gpu": "Cost of reading eight GPUs",
    "ssh": "SSH: connecting, streaming, fan-out, dead hosts",
    "engine": "Engine: fleet view, memory, API",
    "fleet": "The engine with real SSH hosts",
    "updates": "Updates: planning and listing a fleet",
    "backups": "Backups: what a transport costs beside Borg by hand",
    "catalog": "Backups: indexing, browsing and searching a million files",
    "alerts": "Alerts: evaluation, latency, targets that hang",
    "maintenance": "Maintenance runs: cost of a run, deciding, critical path",
    "console": "Console: first content, bytes to the terminal, key to paint",
}
"""Module of this package → heading of its table."""

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
MARK = "<!-- measured: below this line everything is written by `make bench` -->"


def machine() -> str:
    """The machine in one line, so that numbers are read against it."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}, load {load:.1f} at start"


def section(name: str) -> list[str]:
    """The heading and the table of one module, with the machine and its load; a failure ends the run, it is not hidden."""
    began, where = time.monotonic(), machine()
    lines = list(importlib.import_module(f"benchmarks.{name}").run())
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return [f"## {TABLES[name]}", "", *lines, "", f"_{where}. {when} UTC, {time.monotonic() - began:.0f} s._", ""]


def merged(document: str, measured: dict[str, list[str]]) -> str:
    """The document with these sections (name of a table → lines) in the place of their last ones, in the tables' order."""
    head, _, old = document.partition(MARK)
    sections = {text.partition("\n")[0]: text for text in old.split("\n## ")[1:]}
    sections |= {TABLES[name]: "\n".join(lines).removeprefix("## ") for name, lines in measured.items()}
    found = [sections[heading].strip() for heading in TABLES.values() if heading in sections]
    return head + MARK + "\n" + "".join(f"\n## {text}\n" for text in found)


def main(arguments: list[str]) -> int:
    """Run the wanted tables; print them; a full run is kept in the document, table by table."""
    if "--quick" in arguments:
        os.environ["SWARM_BENCH_QUICK"] = "1"
    wanted = [name for name in arguments if not name.startswith("-")]
    unknown = [name for name in wanted if name not in TABLES]
    if unknown:
        print(f"unknown table {unknown[0]!r}; there are: {', '.join(TABLES)}", file=sys.stderr)
        return 64
    if "--no-peers" not in arguments:
        peers.prepare()
    keep = "--quick" not in arguments and ("--keep" in arguments or not wanted)
    for name in wanted or TABLES:
        lines = section(name)
        print("\n".join(lines), flush=True)
        if keep:
            DOCUMENT.write_text(merged(DOCUMENT.read_text(), {name: lines}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
