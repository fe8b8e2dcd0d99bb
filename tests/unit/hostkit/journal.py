"""A host's journal as a file with one JSON object a line, and a journalctl that reads it as systemd's does."""

from __future__ import annotations

from pathlib import Path

JOURNALCTL = r"""#!/bin/sh
for word; do case $word in
  --after-cursor=*) knows=${word#*=};; --cursor=*) at=${word#*=};; _BOOT_ID=*) boot=${word#*=};;
  -f) follow=1;; -n) n=1;; 0|1) [ "$n" ] && ask=$word;;
esac; done
[ "$knows" = gone ] && { echo "Failed to seek to cursor: Invalid argument"; exit 1; }
[ "$ask" = 0 ] && exit 0
[ "$ask" = 1 ] && { echo '{"_TRANSPORT":"kernel"}'; exit 0; }
place() { grep -nE "\"$1\": ?\"$2\"" "$LINES" | head -n 1 | cut -d: -f1; }
from=$(place __CURSOR "${at:-none}"); from=${from:-1}
[ "$follow" ] || exec tail -n "+$from" "$LINES"
first=$(place _BOOT_ID "$boot"); first=${first:-$(($(wc -l < "$LINES") + 1))}
[ "$first" -gt "$from" ] && from=$first
exec tail -n "+$from" -f "$LINES"
"""
"""Where the message of a cursor is gone the next one is the first; following shows the present boot only (systemd 251)."""


def make(root: Path, boot: str) -> Path:
    """A machine below `root`, for HEALTHROOT, with its programs in `bin`, for ASKPATH; its journal's file."""
    for folder in ("bin", "var/log/journal/m", "proc/sys/kernel/random"):
        (root / folder).mkdir(parents=True)
    (root / "var/log/journal/m/system.journal").touch()
    (root / "proc/sys/kernel/random/boot_id").write_text(boot)
    (root / "proc/uptime").write_text("100.0 1.0")
    lines = root / "lines"
    lines.touch()
    program(root, "journalctl", JOURNALCTL.replace("$LINES", str(lines)))
    return lines


def program(root: Path, name: str, text: str) -> None:
    """One of the machine's programs."""
    path = root / "bin" / name
    path.write_text(text)
    path.chmod(0o755)
