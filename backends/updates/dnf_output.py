"""Reads what went wrong from what dnf wrote. Both generations, pure.

A failed %post is a line in the middle of the text: dnf 4 goes on to "Complete!" and status 0.
"""

from __future__ import annotations

import re

from backends.updates.rpm_version import nevra

_SCRIPTLET = re.compile(
    r"(?:warning|error): %(\w+)\((\S+)\) scriptlet failed.*"
    r"|error: lua script failed: \[string \"%(\w+)\((\S+)\)\"\].*"
    r"|>>> (?:Non-critical error|Error) in %(\w+) scriptlet: (\S+)"
)
_SCRIPTLET_NAMED = re.compile(r"Error in (\w+) scriptlet in rpm package (\S+)")
_STAYED = re.compile(r"(?:error:|>>> \[RPM\]) (\S+): install failed")
_SAVED = re.compile(r"(?:warning:|>>> \[RPM\]) (\S+) (?:created|saved) as (\S+)")
_TROUBLE = re.compile(
    r"(?:Error: |Transaction failed: |Failed to |OpenPGP check for )\S.*"
    r"|Package \S+ from local repository .*|Public key for \S+ is not installed.*|RPMDB already locked by .*"
    r"|at least \S+ more space needed on the .*|installing package \S+ needs .*"
)
_NO_KEY = "you do not have any GPG public keys installed"
NO_KEY = "no OpenPGP key of the repository is installed"
PASSED_ON = (
    "Failed to resolve the transaction:",
    "Error: Transaction failed",
    "Transaction failed: Rpm transaction failed.",
)
"""They only say that something was said before."""


def scriptlets(text: str) -> dict[str, str]:
    """Package name → what of it failed ("%post scriptlet")."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if hit := _SCRIPTLET.fullmatch(line.strip()):
            kind, build = next((hit[n], hit[n + 1]) for n in (1, 3, 5) if hit[n])
            parts = nevra(build)
            found.setdefault(parts.name if parts else build, f"%{kind} scriptlet")
        elif named := _SCRIPTLET_NAMED.fullmatch(line.strip()):
            found.setdefault(named[2], f"%{named[1].lower()} scriptlet")
    return found


def stayed(text: str) -> tuple[str, ...]:
    """Names of packages that rpm refused to install in the end."""
    parts = (nevra(build) for build in _STAYED.findall(text))
    return tuple(dict.fromkeys(each.name for each in parts if each))


def saved(text: str) -> tuple[str, ...]:
    """New configuration files beside changed ones: *.rpmnew, and *.rpmsave where the package's own was taken."""
    return tuple(dict.fromkeys(new for _, new in _SAVED.findall(text)))


def troubles(text: str) -> tuple[str, ...]:
    """What dnf says went wrong, one sentence each."""
    lines = (line.strip() for line in text.splitlines())
    found = [line.removeprefix("Error: ") for line in lines if _TROUBLE.fullmatch(line) and line not in PASSED_ON]
    key = [NO_KEY] if _NO_KEY in text else []
    return tuple(dict.fromkeys((*key, *found)))
