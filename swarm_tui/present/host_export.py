"""What key y copies from the Host screen, as plain text."""

from __future__ import annotations

import msgspec

from backends.engine.wire import HostDetail
from swarm_tui.present.line import Line, plain


def copied(key: str, host: str, detail: HostDetail | None, row: str) -> tuple[str, str]:
    """Text and what it is: h the host's name, s an ssh command, r the row under the cursor, j everything as JSON."""
    if key == "s":
        return _ssh(host, detail), "the ssh line"
    if key == "r":
        return row or host, "the row" if row else "the host's name"
    if key == "j" and detail is not None:
        return msgspec.json.format(msgspec.json.encode(detail), indent=2).decode(), "JSON"
    return host, "the host's name"


def _ssh(host: str, detail: HostDetail | None) -> str:
    link = detail.link if detail else None
    if link is None or not link.address:
        return f"ssh {host}"
    name, colon, port = link.address.rpartition(":")
    bare = name if colon and port.isdecimal() and "]" not in port else link.address
    parts = ["ssh"]
    parts += ["-J", ",".join(link.via)] if link.via else []
    parts += ["-p", port] if bare == name and port not in ("", "22") else []
    return " ".join([*parts, f"{link.user}@{bare.strip('[]')}" if link.user else bare.strip("[]")])


def row_text(row: tuple[object, Line] | None) -> str:
    """A row of a list without its padding."""
    return " ".join(plain(row[1]).split()) if row else ""
