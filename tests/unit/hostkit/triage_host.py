"""The triage program on this machine, as a host runs it, with programs and files that a test puts in place."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from backends.hostkit.triage_answer import Section, TriageAnswer, read_triage, triage_launch

TOOLS = ("sh", "cat", "sleep", "env")


class TriageHost:
    """A folder of programs, one of output and the roots of its files."""

    def __init__(self, folder: Path):
        self.tools, self.output, self.root = folder / "tools", folder / "output", folder / "root"
        for each in (self.tools, self.output, self.root):
            each.mkdir()
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ASKPATH": str(self.tools),
            "TRIAGEPLACES": str(self.output),
            "TRIAGEROOT": str(self.root),
        }
        self.seconds = 0.0
        self.output_bytes = 0

    def program(self, name: str, script: str) -> Path:
        """Put a shell script in place of a program."""
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def ask(self, sections: Sequence[str] = (), *, scale: float = 1.0) -> TriageAnswer:
        """Run it; decoded."""
        return read_triage(self.raw(sections, scale=scale), "here")

    def raw(self, sections: Sequence[str] = (), *, scale: float = 1.0) -> bytes:
        """What it writes; `seconds` is how long that took until its stdout was closed by everybody who held it."""
        launch = triage_launch("none", sections, scale=scale)
        began = time.monotonic()
        done = subprocess.run(
            ["/bin/sh", "-c", launch.command],
            input=launch.payload,
            capture_output=True,
            env=self.environment,
            timeout=50,
        )
        self.seconds, self.output_bytes = time.monotonic() - began, len(done.stdout)
        return done.stdout

    def one(self, name: str, *, scale: float = 1.0) -> Section:
        """One section."""
        return next(each for each in self.ask([name], scale=scale).sections if each.name == name)
