"""What is left out of every backup of paths, and why: it can be made again, or was half written.

A rule that would leave out what somebody asked for by name (the path itself, or a directory on the way to it) is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.metrics.sample import Record

TAG = ".nobackup"
"""A directory with a file of this name is left out."""


class Exclude(Record, frozen=True, kw_only=True):
    """One rule."""

    pattern: str
    """As Borg takes it, with its style."""
    why: str


EXCLUDES = (
    Exclude(pattern="sh:**/*.tmp", why="half written"),
    Exclude(pattern="sh:**/*.partial", why="half written"),
    Exclude(pattern="sh:**/*.incomplete", why="half downloaded"),
    Exclude(pattern="sh:**/*.crdownload", why="half downloaded"),
    Exclude(pattern="sh:**/*.aria2", why="state of a download"),
    Exclude(pattern="sh:**/tmp-checkpoint-*", why="a checkpoint that a trainer is writing"),
    Exclude(pattern="sh:**/*.orbax-checkpoint-tmp-*", why="a checkpoint that a trainer is writing"),
    Exclude(pattern="sh:**/__pycache__", why="Python makes it again"),
    Exclude(pattern="sh:**/.cache/huggingface", why="can be downloaded again"),
    Exclude(pattern="sh:**/.cache/pip", why="can be downloaded again"),
    Exclude(pattern="sh:**/.cache/uv", why="can be downloaded again"),
    Exclude(pattern="sh:**/.cache/torch", why="can be downloaded again"),
    Exclude(pattern="sh:**/.cache/triton", why="is compiled again"),
    Exclude(pattern="sh:**/wandb", why="run logs that are kept by their server"),
    Exclude(pattern="re:(^|/)core(\\.[0-9]+)+$", why="a crashed process's memory"),
    Exclude(pattern="pp:var/lib/docker", why="images and layers that can be pulled again"),
    Exclude(pattern="pp:var/lib/containerd", why="images and layers that can be pulled again"),
    Exclude(pattern="pf:swapfile", why="swap"),
    Exclude(pattern="pf:swap.img", why="swap"),
)


def arguments(paths: Sequence[str]) -> tuple[str, ...]:
    """Options for a create of these paths (as on the host)."""
    rules = (f"--exclude={each.pattern}" for each in used(paths))
    return ("--exclude-caches", "--exclude-if-present", TAG, *rules)


def used(paths: Sequence[str]) -> tuple[Exclude, ...]:
    """The rules that leave out none of the paths themselves."""
    return tuple(each for each in EXCLUDES if not any(_covers(each.pattern, path.strip("/")) for path in paths))


def _covers(pattern: str, path: str) -> bool:
    """Whether the rule matches the path or a directory above it."""
    style, _, rest = pattern.partition(":")
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    if style in ("pp", "pf"):
        return rest in above
    expression = re.compile(rest if style == "re" else _expression(rest))
    return any(expression.search(each) for each in above)


def _expression(shell: str) -> str:
    """A pattern of `EXCLUDES` (only ** / at the front, and *) as a regular expression."""
    words = re.escape(shell.removeprefix("**/")).replace(r"\*", "[^/]*")
    return f"(?:^|/){words}$"
