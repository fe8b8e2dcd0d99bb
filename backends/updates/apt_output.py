"""Reads what went wrong out of the text of apt and dpkg: what an exit status cannot tell, or tells wrongly."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from backends.updates.apt_simulate import error_lines, split_name

_SCRIPT = re.compile(r"dpkg: error processing (?:package|archive) (\S+) \(--[a-z-]+\):")
_KEPT_CONFFILE = "==> Keeping old config file as default."
_CONFFILE = re.compile(r"Configuration file '([^']+)'")
_TELLING = (
    (re.compile(r"update-initramfs: failed|run-parts: .*/initramfs.*exited with"), "building the initrd failed"),
    (re.compile(r"No space left on device"), "a file system is full"),
    (re.compile(r"You don't have enough free space in (\S+?)\.?$"), "there is not enough free space in {}"),
    (re.compile(r"Error! Bad return status for module build"), "a DKMS module could not be built"),
    (re.compile(r"end of file on stdin at conffile prompt"), "dpkg asked about a configuration file and got no answer"),
    (re.compile(r"dpkg was interrupted, you must manually run"), "dpkg was interrupted before"),
    (re.compile(r"Hash Sum mismatch"), "a download is damaged, or the mirror was out of sync"),
    (re.compile(r"^Version '([^']+)' for '([^']+)' was not found"), "version {} of {} is no longer in any source"),
)
TAIL_LINES = 20
MOST_PROBLEMS = 50


def problems(output: str, known: Iterable[str] = ()) -> tuple[str, ...]:
    """One sentence for each thing that went wrong, as the text tells; not for packages that `known` is about."""
    named = {line.partition(":")[0] for line in known}
    told = [sentence for line in output.splitlines() if (sentence := _sentence(line.strip(), named))]
    return tuple(dict.fromkeys((*told, *error_lines(output))))[:MOST_PROBLEMS]


def kept_conffiles(output: str) -> tuple[str, ...]:
    """Configuration files of which the host's own version was kept although the package brought a new one."""
    found: list[str] = []
    asked = ""
    for line in output.splitlines():
        if named := _CONFFILE.match(line.strip()):
            asked = named[1]
        elif line.strip() == _KEPT_CONFFILE and asked:
            found.append(asked)
    return tuple(dict.fromkeys(found))


def tail(output: str) -> str:
    """The last lines, for the person who must decide what to do."""
    return "\n".join(output.rstrip().splitlines()[-TAIL_LINES:])


def _sentence(line: str, named: Collection[str]) -> str:
    if failed := _SCRIPT.match(line):
        return "" if split_name(failed[1])[0] in named else f"dpkg failed on {failed[1]}"
    plain = line.removeprefix("E: ")
    for pattern, words in _TELLING:
        if found := pattern.search(plain):
            return words.format(*found.groups())
    return ""
