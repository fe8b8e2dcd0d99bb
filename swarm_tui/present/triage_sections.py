"""What a host said in one step: its sections one after the other, searchable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import chop_cells

from backends.hostkit.triage_answer import Section
from backends.triage.model import Bundle
from swarm_tui.present import triage_text as text
from swarm_tui.present.host_line import Span, heading, line
from swarm_tui.present.line import Line, crop, width
from swarm_tui.theme import Role

LEAST_CELLS = 10
_KINDS: dict[str, tuple[str, Role]] = {
    "done": ("", "dim"),
    "absent": ("not there", "dim"),
    "noperm": ("no permission", "info"),
    "failed": ("failed", "bad"),
    "stuck": ("stuck", "bad"),
    "skipped": ("not asked", "warn"),
}


class Found(NamedTuple):
    """The lines, and the numbers of those with the searched text."""

    lines: list[Line]
    hits: list[int]


def section_lines(bundle: Bundle, step: int, needle: str, cells: int) -> Found:
    """Every section of a step; the searched text (any case) is marked where it stands."""
    lines: list[Line] = []
    sections = [each for each in bundle.sections if each.step == step]
    for section in sections:
        lines += [*_head(section, cells), *_body(section, cells), ()]
    if not sections:
        lines = [(), ((" Nothing was asked in this step.", "dim"),)]
    if not needle:
        return Found(lines, [])
    marked = [_marked(each, needle) for each in lines]
    return Found(marked, [at for at, (old, new) in enumerate(zip(lines, marked, strict=True)) if old != new])


def preview(bundle: Bundle, step: int, cells: int, rows: int) -> list[Line]:
    """The beginning of a step's sections, for a pane of so many rows."""
    return section_lines(bundle, step, "", cells).lines[:rows]


def raw(bundle: Bundle, step: int) -> str:
    """The step as plain text, to copy."""
    parts = [
        "\n".join([f"# {each.command or each.name}{f'  ({note})' if (note := _note(each)) else ''}", each.text])
        for each in bundle.sections
        if each.step == step
    ]
    return "\n\n".join(parts)


def _head(section: Section, cells: int) -> list[Line]:
    title = f"{section.name}: {section.command}" if section.command else section.name
    word, role = _KINDS[section.kind]
    lines = [heading(title[: max(LEAST_CELLS, cells - 20)], _note(section), cells)]
    if word or section.note:
        said = ": ".join(part for part in (word, section.note) if part)
        lines.append(crop(line(Span(f" {said}", role)), cells))
    return lines


def _note(section: Section) -> str:
    status = f"status {section.status}" if section.status else ""
    took = f"{section.seconds:.1f} s" if section.seconds >= 0.05 else ""
    return ", ".join(part for part in (status, took, "there was more" if section.cut else "") if part)


def _body(section: Section, cells: int) -> list[Line]:
    rows: list[Line] = [
        ((f" {each}", "dim" if each.startswith("#") else "text"),) for each in section.text.split("\n") if each
    ]
    if section.error:
        rows.append(((f" stderr: {section.error}", "warn"),))
    if not rows and section.kind == "done":
        rows.append(((" it said nothing", "dim"),))
    return [part for each in rows for part in folded(each, cells)]


def folded(row: Line, cells: int) -> list[Line]:
    """A row of one role in pieces of at most `cells`."""
    if width(row) <= cells:
        return [row]
    written, role = row[0]
    return [((each, role),) for each in chop_cells(written, max(LEAST_CELLS, cells))]


def _marked(row: Line, needle: str) -> Line:
    return tuple(piece for written, role in row for piece in _split(written, role, needle))


def _split(written: str, role: Role, needle: str) -> list[tuple[str, Role]]:
    """The piece cut at every place where the needle stands."""
    plain, wanted = written.lower(), needle.lower()
    if not wanted or len(plain) != len(written):  # a letter whose small form has another length
        return [(written, role)]
    pieces: list[tuple[str, Role]] = []
    at = 0
    while (found := plain.find(wanted, at)) >= 0:
        pieces += [(written[at:found], role), (written[found : found + len(wanted)], "pick")]
        at = found + len(wanted)
    return [piece for piece in (*pieces, (written[at:], role)) if piece[0]]


def next_hit(hits: Sequence[int], row: int, step: int) -> int | None:
    """The hit after (1) or before (-1) a row; beyond the last one comes the first."""
    if not hits:
        return None
    if step > 0:
        return next((hit for hit in hits if hit > row), hits[0])
    return next((hit for hit in reversed(hits) if hit < row), hits[-1])


def title(bundle: Bundle, step: int) -> str:
    """ "4 GPUs STUCK"."""
    found = next((each for each in bundle.steps if each.number == step), None)
    return f"{step} {found.title} {text.state_word(found.state)}" if found is not None else f"step {step}"
