"""The Updates tab: what waits on one host, what stands in the way, what still runs old code, and which versions must agree."""

from __future__ import annotations

from backends import units
from backends.updates import pivots
from backends.updates.inventories import HostUpdates
from backends.updates.model import Caution, Inventory
from swarm_tui.present.extras_text import firmware_words, python_words
from swarm_tui.present.host_line import Frame, Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.present.update_changes import LEGEND, caution_lines, change_lines
from swarm_tui.theme import Role

LABEL = 18


def updates_panel(state: HostUpdates | None, now: float, frame: Frame) -> list[Line]:
    """The whole tab; `now` in epoch seconds, for ages."""
    if state is None:
        return [(), line(Span("asking the engine…", "dim"))]
    rows = [*_head(state, now, frame.width), *_problems(state, frame.width)]
    found = state.inventory
    if found is None:
        return rows
    blocked = any(caution.blocks for caution in found.warnings)
    rows += _cautions(found, frame.width) if blocked else []
    rows += _running(found, frame.width)
    rows += _family(found, frame.width)
    rows += [] if blocked else _cautions(found, frame.width)
    rows += _changes(found, frame.width)
    rows += _firmware(found, frame.width)
    rows += _python(found, now, frame.width)
    return rows + _missing(found, frame.width)


def _head(state: HostUpdates, now: float, width: int) -> list[Line]:
    """The numbers, and how old they are."""
    row = pivots.summary(state)
    if state.inventory is None:
        said = "asking the host…" if state.busy else "" if state.error else "This host was not asked yet. r asks now."
        return wrap(said, width, 0, "accent" if state.busy else "strong") if said else []
    security = "security unknown" if row.security is None else f"{row.security} security fixes"
    first = line(
        Span(f"{row.pending} updates" if row.pending else "up to date", "strong" if row.pending else "ok"),
        Span(f"  {security}" if row.pending else "", "bad" if row.security else "dim"),
        Span(f"  {row.held} held" if row.held else "", "warn"),
        Span(f"  {units.size(row.download_bytes)} to fetch" if row.pending else "", "dim"),
    )
    lists = (
        "age of the lists unknown"
        if row.lists_age_seconds is None
        else f"lists {units.span(row.lists_age_seconds)} old"
    )
    asked = f"asked {units.span(max(0.0, now - state.inventory.taken))} ago"
    busy = "  asking again…" if state.busy else ""
    second = f"{state.inventory.system}  {row.manager}  {lists}, {asked}"
    return [crop(first, width), crop(line(Span(second, "dim"), Span(busy, "accent")), width)]


def _problems(state: HostUpdates, width: int) -> list[Line]:
    """Why the newest try failed and what is wrong with the sources, with the next step."""
    rows: list[Line] = []
    if state.error:
        when = "" if state.inventory is None else "; below is the last that was known"
        rows += wrap(f"✖ {state.error}{when}", width, 2, "bad")
        rows += wrap(f"→ {state.hint}", width, 2, "accent") if state.hint else []
        rows += [] if state.busy else wrap("→ r asks again", width, 2, "accent")
    for problem in state.problems:
        rows += wrap(f"▲ {problem}", width, 2, "warn")
    if state.problems:
        rows += wrap("→ mend the source, then L on the Updates screen renews the lists", width, 2, "accent")
    return rows


def _running(found: Inventory, width: int) -> list[Line]:
    """What still runs old code."""
    need = found.reboot
    words: dict[bool | None, tuple[str, Role]] = {
        True: ("needed", "warn"),
        False: ("not needed", "ok"),
        None: ("unknown", "dim"),
    }
    said, role = words[need.needed]
    rows: list[Line] = [(), heading("running", f"as {need.source} tells" if need.source else "", width)]
    rows += _pair("reboot", "; ".join((said, *need.reasons)), width, role)
    if need.running_kernel:
        same = need.expected_kernel in ("", need.running_kernel)
        after = "" if same else f", {need.expected_kernel} after a reboot"
        rows += _pair("kernel", f"{need.running_kernel}{after}", width)
    now = [each.unit for each in found.services if not each.deferred]
    later = [each.unit for each in found.services if each.deferred]
    rows += _pair("services", f"restart: {', '.join(now)}", width, "warn") if now else []
    rows += _pair("" if now else "services", f"with care: {', '.join(later)}", width) if later else []
    return rows


def _pair(label: str, words: str, width: int, role: Role = "text") -> list[Line]:
    rows = wrap(words, max(1, width - LABEL), 0, role)
    return [line(cell(label if not at else "", LABEL, "dim"), *row) for at, row in enumerate(rows)]


def _family(found: Inventory, width: int) -> list[Line]:
    """The versions of the GPU driver that must be one."""
    if not found.family:
        return []
    known = {each.version for each in found.family if each.version}
    agree = "they agree" if len(known) == 1 else "they differ" if known else "none could be read"
    rows: list[Line] = [(), heading("GPU driver family", agree, width)]
    for each in found.family:
        role: Role = "dim" if not each.version else "text" if len(known) == 1 else "warn"
        rows += _pair(each.part, each.version or f"n/a: {each.reason or 'not read'}", width, role)
    held = sorted(set(found.family_packages) & set(found.holds))
    rows += (
        _pair("held", "the whole family" if len(held) == len(found.family_packages) else ", ".join(held), width)
        if held
        else []
    )
    return rows


def _cautions(found: Inventory, width: int) -> list[Line]:
    if not found.warnings:
        return []
    rows: list[Line] = [(), heading("before a change", "", width), *caution_lines(found.warnings, width)]
    return rows + _cure(found.warnings, width)


def _cure(warnings: tuple[Caution, ...], width: int) -> list[Line]:
    if not any(caution.repair for caution in warnings):
        return []
    return wrap("→ 3 goes to Updates, x there shows the repair step and runs it", width, 2, "accent")


def _changes(found: Inventory, width: int) -> list[Line]:
    if not found.changes:
        return []
    order = sorted(found.changes, key=lambda each: (each.held, bool(each.kept_back), not each.security))
    return [(), heading("what waits", LEGEND, width), *change_lines(order, width, 0)]


def _firmware(found: Inventory, width: int) -> list[Line]:
    """Devices with a newer firmware; what could not be asked stands below, with what else is not readable."""
    if not found.firmware:
        return []
    rows: list[Line] = [(), heading("firmware", f"{len(found.firmware)} newer, as fwupd tells", width)]
    for each in found.firmware:
        rows += _pair(each.name, firmware_words(each), width, "warn" if each.cves else "text")
    return rows


def _python(found: Inventory, now: float, width: int) -> list[Line]:
    """The configured environments, each with what is outdated and what is vulnerable."""
    if not found.python:
        return []
    rows: list[Line] = [(), heading("Python environments", "as configured", width)]
    for each in found.python:
        role: Role = "bad" if each.vulnerable else "text" if each.packages is not None else "dim"
        rows += [*wrap(each.path, width, 0, "strong"), *_pair("", python_words(each, now), width, role)]
    return rows


def _missing(found: Inventory, width: int) -> list[Line]:
    """Absent is not zero: what could not be read, and why."""
    if not found.missing:
        return []
    rows: list[Line] = [(), heading("not readable", "unknown is not OK", width)]
    for part, reason in sorted(found.missing.items()):
        fits = len(part) < LABEL
        rows += _pair(part if fits else "", reason if fits else f"{part}: {reason}", width, "dim")
    return rows
