"""The board of a run: one row a host in lanes of batches, what needs a person first, and all about the host at the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from backends.clock import utc
from backends.inventory.ranges import fold
from backends.maintenance.model import HostPlan, HostRun, RunPlan, Stage
from backends.maintenance.worker import Look
from backends.units import span
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import run_text as text
from swarm_tui.present.host_line import Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, Piece, crop
from swarm_tui.present.updates import Row

WIDE = 120
STATE_CELLS, SHARE_CELLS, ETA_CELLS = 13, 4, 6
STEP_CELLS = 7
"""Of a step's column on a wide terminal, its name above its glyph; else one cell with its first letter above."""
LEAST_NAME, MOST_NAME = 6, 18
FOLD_FROM = 16
"""A lane with more quiet hosts (queued, done, skipped) shows them as one line until it is opened."""
QUIET = frozenset({Stage.QUEUED, Stage.DONE, Stage.SKIPPED})


class Scene(NamedTuple):
    """What the board is drawn from."""

    plan: RunPlan
    hosts: Mapping[str, HostRun]
    looks: Mapping[str, Look]
    batch: int
    now: float
    width: int
    glyphs: Glyphs
    open_lanes: Set[int] = frozenset()

    @property
    def wide(self) -> bool:
        """Whether steps have columns with their names."""
        return self.width >= WIDE and len(self.plan.steps) * (STEP_CELLS + 1) <= self.width // 2


def name_cells(plan: RunPlan) -> int:
    """Cells of the column of names."""
    longest = max((len(each.host) for each in plan.hosts), default=LEAST_NAME)
    return min(MOST_NAME, max(LEAST_NAME, longest))


def head(scene: Scene) -> Line:
    """The column titles."""
    titles = (
        f"  {'host':<{name_cells(scene.plan)}} {'state':<{STATE_CELLS}} {_step_titles(scene)} {'done':>4} {'ends':>6} "
    )
    return crop(line(Span(titles, "head")), scene.width)


def _step_titles(scene: Scene) -> str:
    names = [text.SHORT[step.kind] for step in scene.plan.steps]
    if scene.wide:
        return " ".join(f"{name:<{STEP_CELLS}}" for name in names)
    return f"{''.join(name[0].upper() for name in names):<{_strip_cells(scene)}}"


def _strip_cells(scene: Scene) -> int:
    return max(5, len(scene.plan.steps))


def rows(scene: Scene) -> list[Row]:
    """All lanes, canaries first."""
    lanes: dict[int, list[HostPlan]] = {}
    for host in scene.plan.hosts:
        lanes.setdefault(host.batch, []).append(host)
    cells = name_cells(scene.plan)
    return [row for batch in sorted(lanes) for row in _lane(scene, batch, lanes[batch], cells)]


def _lane(scene: Scene, batch: int, members: Sequence[HostPlan], cells: int) -> list[Row]:
    found = [scene.hosts.get(each.host, HostRun(host=each.host)) for each in members]
    place = {each.host: index for index, each in enumerate(members)}
    found.sort(key=lambda host: (text.RANK[host.stage], place[host.host]))
    quiet = [host for host in found if host.stage in QUIET]
    foldable = len(quiet) > FOLD_FROM
    folded = foldable and batch not in scene.open_lanes
    shown = [host for host in found if not (folded and host.stage in QUIET)]
    names = tuple(host.host for host in quiet) if folded else ()
    title = Row(("lane", batch) if foldable else None, _lane_title(scene, batch, members, found, names), names)
    return [title, *(_host_row(scene, host, cells) for host in shown)]


def _lane_title(
    scene: Scene, batch: int, members: Sequence[HostPlan], found: Sequence[HostRun], folded: Sequence[str]
) -> Line:
    name = "Canaries" if members[0].canary else f"Batch {batch + 1}"
    words = [f"{sum(host.stage is stage for host in found)} {text.STAGE_WORDS[stage]}" for stage in text.RANK]
    counted = ", ".join(word for word in words if not word.startswith("0 "))
    later = "  not yet" if batch > scene.batch and any(host.stage is Stage.QUEUED for host in found) else ""
    more = f"  Enter shows {fold(folded)}" if folded else ""
    return crop(heading(name, f"{text.hosts(len(found))}: {counted}{later}{more}", scene.width), scene.width)


def _host_row(scene: Scene, host: HostRun, cells: int) -> Row:
    look = scene.looks.get(host.host)
    role = text.STAGE_ROLES[host.stage]
    share = look.done if look and host.stage is Stage.WORKING else None
    pieces: list[Piece | str] = [
        text.stage_glyph(host.stage, scene.glyphs),
        " ",
        cell(host.host, cells, "dim" if host.stage in QUIET else "strong"),
        " ",
        cell(text.state_words(scene.plan, host, look), STATE_CELLS, role),
        " ",
        *_steps(scene, host),
        " ",
        cell("" if share is None else f"{100 * share:.0f}%", SHARE_CELLS, "text", "right"),
        " ",
        cell(_ends(scene, host, look), ETA_CELLS, "dim", "right"),
        "  ",
        Span(_said(scene, host, look), role if host.stage in (Stage.FAILED, Stage.ASKING) else "dim"),
    ]
    return Row(("host", host.host), crop(line(*pieces), scene.width), (host.host,))


def _steps(scene: Scene, host: HostRun) -> list[Piece | str]:
    drawn = [text.step_glyph(host, number, scene.glyphs) for number in range(len(scene.plan.steps))]
    if not scene.wide:
        return [*drawn, " " * (_strip_cells(scene) - len(drawn))]
    spaced = [cell(each.text, STEP_CELLS + 1, each.role) for each in drawn]
    return [*spaced[:-1], cell(drawn[-1].text, STEP_CELLS, drawn[-1].role)] if drawn else []


def _ends(scene: Scene, host: HostRun, look: Look | None) -> str:
    """Until its step ends, or how long the whole host took."""
    if host.stage is Stage.WORKING and look and look.eta is not None:
        return span(max(0.0, look.eta - scene.now))
    return text.took(host, scene.now) if host.ended is not None else ""


def _said(scene: Scene, host: HostRun, look: Look | None) -> str:
    words = text.said_of(host, look)
    step = text.step_of(scene.plan, host)
    if host.stage in (Stage.FAILED, Stage.ASKING) and step is not None:
        where = str(step.kind) if step.argument and step.argument in words else step.text  # a gate asks its own text
        return f"{where}: {words}"
    return words


def about(scene: Scene, name: str, width: int) -> list[Line]:
    """All that is known of one host."""
    host = scene.hosts.get(name)
    planned = next((each for each in scene.plan.hosts if each.host == name), None)
    if host is None or planned is None:
        return []
    look = scene.looks.get(name)
    parts = [planned.kind, f"in {', '.join(planned.domains)}" if planned.domains else "", text.took(host, scene.now)]
    lines: list[Line] = [
        crop(line(Span(name, "title"), Span("  " + "  ".join(each for each in parts if each), "dim")), width)
    ]
    if said := _said(scene, host, look):
        lines += wrap(said, width, 2, text.STAGE_ROLES[host.stage])
    if hint := text.hint_of(host, look):
        lines += wrap(f"→ {hint}", width, 2, "accent")
    return lines + _results(scene, host, width)


def brief(scene: Scene, host: HostRun) -> Line:
    """The one thing about a host that its row has no room for: what helps, else what is said of it, else its kind."""
    look = scene.looks.get(host.host)
    if hint := text.hint_of(host, look):
        return line(Span(f"{host.host} ", "dim"), Span(f"→ {hint}", "accent"))
    planned = next((each for each in scene.plan.hosts if each.host == host.host), None)
    return line(Span(f"{host.host}  {_said(scene, host, look) or (planned.kind if planned else '')}", "dim"))


def _results(scene: Scene, host: HostRun, width: int) -> list[Line]:
    lines: list[Line] = []
    for result in reversed(host.results):
        step = scene.plan.steps[result.step].text if 0 <= result.step < len(scene.plan.steps) else "?"
        mark = Span(scene.glyphs.ok, "ok") if result.good else Span(scene.glyphs.down, "bad")
        lasted = span(max(0.0, result.ended - result.began))
        told = f"{utc(result.ended):%H:%M}Z  {lasted:>6}  {result.text}"
        lines.append(crop(line(mark, f" {step:<18} ", Span(told, "dim")), width))
        for name, value in result.facts.items():
            first, *others = value.splitlines() or [""]
            more = f"  (+{len(others)} lines)" if others else ""
            lines.append(crop(line(Span(f"    {name}: {first}{more}", "faint")), width))
    return lines


def attention(scene: Scene) -> list[str]:
    """Hosts that need a person, in the order of the board."""
    waiting = (Stage.FAILED, Stage.ASKING)
    return [str(row.hosts[0]) for row in rows(scene) if row.key and row.hosts and _stage(scene, row) in waiting]


def _stage(scene: Scene, row: Row) -> Stage | None:
    host = scene.hosts.get(row.hosts[0])
    return host.stage if host and isinstance(row.key, tuple) and row.key[0] == "host" else None


def plain_lines(scene: Scene) -> list[str]:
    """The board for the clipboard: a line a host."""
    found = []
    for each in scene.plan.hosts:
        host = scene.hosts.get(each.host, HostRun(host=each.host))
        look = scene.looks.get(each.host)
        said = _said(scene, host, look)
        words = f"{each.host}: {text.state_words(scene.plan, host, look)}"
        found.append(f"{words}  {said}" if said else words)
    return found
