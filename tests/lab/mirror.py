"""Which Debian the lab's hosts run and where its packages come from: this machine's own apt sources, filtered.

No mirror is written into the project: what apt on this machine may use (a mirror, a proxy, an old snapshot) is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FALLBACK_SUITE = "bookworm"
FALLBACK_SOURCES = f"deb http://deb.debian.org/debian {FALLBACK_SUITE} main\n"
KEPT_OPTIONS = ("Acquire::Check-", "Acquire::http", "Acquire::https", "Acquire::Retries")
"""apt settings without which this machine's mirrors may not answer (snapshots, proxies)."""


@dataclass(frozen=True)
class Mirror:
    """A Debian suite and where to fetch it."""

    suite: str
    sources: str
    """Lines for sources.list."""


def mirror(os_release: str, lists: Iterable[tuple[str, str]]) -> Mirror:
    """The suite and the sources for it, from /etc/os-release and apt's source files as (name, text)."""
    facts = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    suite = facts.get("VERSION_CODENAME", "").strip('"')
    if facts.get("ID", "").strip('"') != "debian" or not suite:
        return Mirror(FALLBACK_SUITE, FALLBACK_SOURCES)
    lines = [line for name, text in lists for line in _lines(name, text, suite)]
    return Mirror(suite, "".join(f"{line}\n" for line in lines) or FALLBACK_SOURCES.replace(FALLBACK_SUITE, suite))


def this_machine(root: Path = Path("/")) -> Mirror:
    """The mirror that this machine's apt uses."""
    apt = root / "etc/apt"
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    lists = [(path.name, path.read_text()) for path in files if path.is_file() and path.suffix in (".list", ".sources")]
    return mirror((root / "etc/os-release").read_text(), lists)


def kept_options(dump: str) -> list[str]:
    """The lines of `apt-config dump` that the lab's own apt needs."""
    return [line for line in dump.splitlines() if line.startswith(KEPT_OPTIONS) and '""' not in line]


def _lines(name: str, text: str, suite: str) -> list[str]:
    if name.endswith(".sources"):
        return [line for stanza in re.split(r"\n\s*\n", text) for line in _from_stanza(stanza, suite)]
    return [line for line in text.splitlines() if _is_wanted(line, suite)]


def _is_wanted(line: str, suite: str) -> bool:
    found = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)\s+(.+)", line.strip())
    return bool(found) and _of_suite(found[1], suite) and "main" in found[2].split() if found else False


def _from_stanza(stanza: str, suite: str) -> list[str]:
    fields: dict[str, str] = {}
    for line in stanza.splitlines():
        key, colon, value = line.partition(":")
        if colon and not line.startswith(("#", " ", "\t")):
            fields[key.strip().lower()] = value.strip()
    if "deb" not in fields.get("types", "").split() or "main" not in fields.get("components", "").split():
        return []
    if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return []
    signed = f"[signed-by={fields['signed-by']}] " if fields.get("signed-by", "").startswith("/") else ""
    suites = [each for each in fields.get("suites", "").split() if _of_suite(each, suite)]
    return [f"deb {signed}{uri} {each} main" for uri in fields.get("uris", "").split() for each in suites]


def _of_suite(found: str, suite: str) -> bool:
    return found in {suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates"}
