"""Judges a refresh of dnf's lists by its text: with skip_if_unavailable a dead mirror is left out with status 0. Pure."""

from __future__ import annotations

import re

_DEAD = re.compile(r"Failed to download metadata (?:\(.*\) )?for repo(?:sitory)? ['\"](\S+)['\"]:? ?(.*)")
_IGNORED = re.compile(r"^Ignoring repositories: (.*)$", re.MULTILINE)
_FAILED_5 = re.compile(r"^ (\S.*?) +\?\?\?% \|.*\n((?:>>> .*\n?)+)", re.MULTILINE)
_ERROR = re.compile(r"^(?:Error: )(.*)$", re.MULTILINE)


def judge(text: str, exit_status: int | None) -> tuple[str, ...]:
    """Problems of a refresh, one sentence each; none: every repository answered."""
    dead = {name: f"repository {name} cannot be read: {reason}" for name, reason in _DEAD.findall(text)}
    for names in _IGNORED.findall(text):
        for name in (each.strip() for each in names.split(",")):
            dead.setdefault(name, f"repository {name} was left out")
    for name, reasons in _FAILED_5.findall(text):
        if name not in dead:
            dead[name] = f"repository {name} cannot be read: {reasons.splitlines()[0].removeprefix('>>> ')}"
    found = list(dead.values()) or _ERROR.findall(text)
    return tuple(found) or (() if exit_status == 0 else (f"dnf ended with status {exit_status}",))
