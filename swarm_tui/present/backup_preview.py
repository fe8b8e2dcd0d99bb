"""What a prune, a compaction or a healing would do, as a person reads it before it is approved."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from backends.backups.views import CompactPreview, Fate, HealPreview, PrunePreview, Vanishing
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_about import pair
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.host_line import Span, cell, line, wrap
from swarm_tui.present.line import Line, crop


def removed(preview: PrunePreview) -> list[Fate]:
    """What the prune takes away."""
    return [fate for fate in preview.fates if not fate.keep]


def prune_head(preview: PrunePreview, width: int) -> list[Line]:
    """What the prune is about, and why it may be refused."""
    gone = removed(preview)
    said = (
        f"{text.some(len(gone), 'archive')} of {len(preview.fates)} would go; nothing is freed before the compaction."
    )
    rows = wrap(said, width, 0, "strong" if gone else "ok")
    if preview.frozen:
        rows += wrap(f"✖ frozen: {preview.frozen}. F on the repository ends it.", width, 2, "bad")
    return [*rows, *pair("command", preview.command, width, "dim"), ()]


def fate_rows(preview: PrunePreview, now: float, width: int) -> list[Row]:
    """One row an archive, those that go first."""
    rows = []
    for fate in sorted(preview.fates, key=lambda each: (each.keep, -each.archive.start)):
        made = line(
            cell("keep" if fate.keep else "REMOVE", 8, "ok" if fate.keep else "bad"),
            cell(fate.archive.name, 32, "text" if fate.keep else "strong"),
            cell(text.ago(fate.archive.start, now), 10, "dim"),
            Span(fate.rule, "dim"),
        )
        rows.append(Row(("fate", fate.archive.id), crop(made, width), (fate.archive.host,)))
    return rows


def prune_question(preview: PrunePreview, width: int) -> list[Line]:
    """What the last question shows."""
    names = ", ".join(fate.archive.name for fate in removed(preview))
    rows = wrap(names, width, 2, "strong")
    rows += [(), *wrap(f"$ {preview.command}", width, 2, "dim")] if preview.command else []
    return [*rows[:14], (), *wrap("U brings them back until the repository is compacted.", width, 0, "dim")]


def stranger(row: Vanishing) -> bool:
    """Whether nobody here removed it."""
    return not row.by


def vanishing_key(row: Vanishing) -> Hashable:
    """Names a row of the compaction."""
    return ("vanishing", row.archive.id)


def compact_head(preview: CompactPreview, width: int) -> list[Line]:
    """What becomes final, and why it may be refused."""
    strange = sum(map(stranger, preview.vanishing))
    said = f"{text.some(len(preview.vanishing), 'archive')} can no longer be brought back afterwards."
    rows = wrap(said if preview.vanishing else "No archive is lost by it; only space is freed.", width, 0, "strong")
    if preview.refused:
        rows += wrap(f"✖ {preview.refused}", width, 2, "bad")
    if strange:
        rows += wrap(
            f"▲ {text.some(strange, 'archive')} removed by nobody here: Space accepts the loss of one by name; "
            "U on the repository brings them back instead.",
            width,
            2,
            "warn",
        )
    return [*rows, *pair("command", preview.command, width, "dim"), ()]


def vanishing_rows(
    preview: CompactPreview, accepted: frozenset[str], now: float, width: int, glyphs: Glyphs
) -> list[Row]:
    """One row an archive that becomes final, those that nobody here removed first."""
    rows = []
    for each in sorted(preview.vanishing, key=lambda row: (bool(row.by), -row.archive.start)):
        role = "text" if each.by else "bad"
        made = line(
            Span(f"{glyphs.mark} " if each.archive.id in accepted else "  ", "mark"),
            cell(each.archive.name, 32, "strong"),
            cell(text.ago(each.archive.start, now), 10, "dim"),
            cell(each.by or "NOBODY HERE", 22, "dim" if role == "text" else "bad"),
            Span(f"also in {', '.join(each.elsewhere)}" if each.elsewhere else "nowhere else", "dim"),
        )
        rows.append(Row(vanishing_key(each), crop(made, width), (each.archive.host,)))
    return rows


def compact_question(preview: CompactPreview, width: int) -> list[Line]:
    """What the last question shows."""
    lost = [each for each in preview.vanishing if not each.elsewhere]
    rows = wrap(", ".join(each.archive.name for each in preview.vanishing) or "no archive is lost", width, 2, "strong")
    if lost:
        rows += wrap(f"▲ {text.some(len(lost), 'archive')} of these in no other repository", width, 2, "warn")
    rows += wrap(f"$ {preview.command}", width, 2, "dim") if preview.command else []
    return [*rows[:14], (), *wrap("This cannot be undone.", width, 0, "bad")]


def heal_lines(plan: HealPreview, width: int) -> list[Line]:
    """The whole plan of a healing: what is damaged and where it is intact, then the steps with their exact commands."""
    rows = wrap(f"✖ {plan.problem}", width, 2, "bad") if plan.problem else []
    if plan.files:
        rows += wrap(f"{text.some(len(plan.files), 'damaged file')}:", width, 0, "strong")
        rows += [crop(line("  ", Span(each, "bad")), width) for each in plan.files[:200]]
    for number, each in enumerate(plan.lines, start=1):
        words, _, command = each.strip().partition(": borg ")
        rows += [(), *wrap(f"{number}. {words}", width, 3)]
        rows += _indented(f"$ borg {command}", width) if command else []
    return rows


def _indented(command: str, width: int) -> list[Line]:
    return [line("   ", *each) for each in wrap(command, max(20, width - 3), 2, "dim")]


def start_question(
    tasks: Sequence[tuple[str, str, str]], command: str, trusts: Sequence[str], width: int
) -> list[Line]:
    """What the question before a backup shows: sets, hosts and repositories by name, one exact command, what it trusts."""
    rows: list[Line] = []
    for set_name, host, repository in tasks[:12]:
        rows.append(crop(line(cell(set_name, 14, "strong"), cell(host, 20, "strong"), Span(repository, "text")), width))
    if len(tasks) > 12:
        rows += wrap(f"and {len(tasks) - 12} more", width, 0, "dim")
    if command:
        first = wrap("the first command; the others differ in names only:", width, 0, "dim") if len(tasks) > 1 else []
        rows += [(), *first, *wrap(f"$ {command}", width, 2, "dim")[:6], ()]
    for trust in dict.fromkeys(trust for trust in trusts if trust):
        rows += wrap(trust, width, 0, "dim")
    return rows
