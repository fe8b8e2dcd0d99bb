"""A run while it is composed: what is chosen so far, the rows that show it, and what the engine is asked to work out.

What nobody chose is not sent: then a named run keeps what the configuration says, and any other takes the usual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from backends.maintenance.amounts import HINT as AMOUNT_HINT
from backends.maintenance.request import DEFAULT_STEPS, Request
from backends.maintenance.views import NamedRun
from backends.units import parse_span, span
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, crop
from swarm_tui.present.updates import Row

_AMOUNT = re.compile(r"[0-9]{1,6}%?")
OFFERED = (
    ("drain", True),
    ("snapshot", True),
    ("backup:config", False),
    ("proof:config", False),
    ("update", True),
    ("reboot-if-needed", True),
    ("check", True),
    ("gate:go on?", False),
    ("resume", True),
)
"""Steps that a new run offers, and whether they are in it."""
TURNS: tuple[tuple[str, ...], ...] = (("update", "update:security"), ("reboot-if-needed", "reboot"))
"""Steps that Left and Right turn into each other."""
LABEL_CELLS = 14


class Chosen(NamedTuple):
    """One step, in the run or only offered."""

    text: str
    on: bool = True


class Field(NamedTuple):
    """One thing that can be set."""

    name: str
    """Of `Request`; "window" is how long from now."""
    label: str
    about: str
    presets: tuple[Any, ...]
    parse: Callable[[str], Any]
    """What was typed → its value; raises ValueError with the reason."""
    show: Callable[[Any], str]


def _sizes(text: str) -> tuple[str, ...]:
    found = tuple(text.replace(",", " ").split())
    if not found or not all(_AMOUNT.fullmatch(each) for each in found):
        raise ValueError("sizes, the last repeats: 1 10% 50%")
    return found


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text.strip()):
        raise ValueError(AMOUNT_HINT)
    return text.strip()


def _amount_or_none(text: str) -> str:
    return "" if text.strip() in ("", "none") else _amount(text)


def _count(text: str) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= 100_000:
        raise ValueError("a number from 1 on")
    return int(text)


def _few(text: str) -> int:
    if not text.strip().isdecimal() or int(text) > 9:
        raise ValueError("a number from 0 to 9")
    return int(text)


def _window(text: str) -> float:
    return 0.0 if text.strip() in ("", "none") else parse_span(text)


def _yes(text: str) -> bool:
    if text.strip() not in ("yes", "no"):
        raise ValueError("yes or no")
    return text.strip() == "yes"


def _promote(text: str) -> str:
    if text.strip() not in ("auto", "key"):
        raise ValueError("auto or key")
    return text.strip()


FIELDS = (
    Field("batches", "batches", "sizes in turn; the last repeats", (("1", "10%", "50%"), ("1",), ("25%",), ("100%",)), _sizes, " ".join),
    Field("canary", "canaries", "one host of each kind goes first", (True, False), _yes, lambda on: "yes" if on else "no"),
    Field("soak_seconds", "soak", "between a batch and the next", (600.0, 1800.0, 3600.0, 0.0), parse_span, span),
    Field("promote", "after canaries", "auto: goes on by itself; key: somebody says so", ("auto", "key"), _promote, str),
    Field("max_unavailable", "away at once", "those down anyway count", ("10%", "1", "20%", "50%"), _amount, str),
    Field("max_unavailable_per_domain", "per domain", "the same in each rack or switch", ("", "1", "20%", "50%"), _amount_or_none, lambda text: text or "no limit"),
    Field("max_failed", "stop at failed", "begins no other host from here on", (1, 2, 3, 5), _count, str),
    Field("window", "window", "from now; no host begins that would not be done", (0.0, 3600.0, 7200.0, 14400.0, 28800.0), _window, lambda seconds: f"{span(seconds)} from now" if seconds else "no end"),
    Field("approvals", "approvals", "of others, before it starts", (0, 1, 2), _few, str),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}
_USUAL = Request()


def usual(name: str) -> Any:
    """What a run without a name takes."""
    return 0.0 if name == "window" else getattr(_USUAL, name)


class Draft(NamedTuple):
    """What is chosen so far."""

    base: str = ""
    """Of `[[runs]]`; "": a run of its own."""
    base_select: str = ""
    """Which hosts that means; "": every host."""
    base_steps: tuple[str, ...] = DEFAULT_STEPS
    select: str | None = None
    """Which hosts; None: those of the named run."""
    steps: tuple[Chosen, ...] | None = None
    """None: those of the named run."""
    values: Mapping[str, Any] = {}
    """Name of a field → what was chosen."""

    def value(self, name: str) -> Any:
        """What stands for a field; None: what the named run says."""
        return self.values.get(name, None if self.base else usual(name))

    def with_value(self, name: str, value: Any) -> Draft:
        """The same with one field chosen."""
        return self._replace(values={**self.values, name: value})

    def turned(self, name: str, step: int) -> Draft:
        """With the next preset of a field, or the one before."""
        presets, now = BY_NAME[name].presets, self.value(name)
        at = presets.index(now) + step if now in presets else 0
        return self.with_value(name, presets[at % len(presets)])

    # Steps ------------------------------------------------------------------------------------------------------

    def opened(self) -> tuple[Chosen, ...]:
        """The steps; those of a named run are there to be changed, too."""
        return self.steps if self.steps is not None else tuple(Chosen(text) for text in self.base_steps)

    @property
    def selector(self) -> str:
        """Which hosts are meant, by whoever says it."""
        return self.select if self.select is not None else (self.base_select or "*") if self.base else ""

    def toggled(self, at: int) -> Draft:
        """With a step put in or left out."""
        return self._changed(at, lambda each: each._replace(on=not each.on))

    def renamed(self, at: int, text: str) -> Draft:
        """With another text for a step, which then is in."""
        return self._changed(at, lambda each: Chosen(text))

    def turned_step(self, at: int, step: int) -> Draft:
        """With what a step turns into; others are put in or left out."""
        steps = self.opened()
        for turns in TURNS:
            if steps[at].text in turns:
                return self.renamed(at, turns[(turns.index(steps[at].text) + step) % len(turns)])
        return self.toggled(at)

    def moved(self, at: int, delta: int) -> Draft:
        """With a step before or after its neighbour."""
        steps, to = list(self.opened()), at + delta
        if not 0 <= to < len(steps):
            return self
        steps[at], steps[to] = steps[to], steps[at]
        return self._replace(steps=tuple(steps))

    def inserted(self, at: int, text: str) -> Draft:
        """With a further step after this one."""
        steps = list(self.opened())
        steps.insert(at + 1, Chosen(text))
        return self._replace(steps=tuple(steps))

    def _changed(self, at: int, change: Callable[[Chosen], Chosen]) -> Draft:
        steps = list(self.opened())
        steps[at] = change(steps[at])
        return self._replace(steps=tuple(steps))

    # The question -----------------------------------------------------------------------------------------------

    def against(self) -> str:
        """Why nothing can be worked out; "" when it can."""
        if not self.base and not (self.select or "").strip():
            return "no host is meant: Enter on hosts"
        if self.steps is not None and not any(each.on for each in self.steps):
            return "no step is in it: Space puts one in"
        return ""

    def params(self, now: float) -> dict[str, Any]:
        """Of `runs.compose`."""
        found: dict[str, Any] = {"name": self.base} if self.base else {}
        if self.select is not None:
            found["select"] = self.select
        if self.steps is not None:
            found["steps"] = [each.text for each in self.steps if each.on]
        for name, value in self.values.items():
            if name != "window":
                found[name] = list(value) if isinstance(value, tuple) else value
            elif value:
                found["window_end"] = now + value
        return found


def fresh(select: str) -> Draft:
    """A run of its own on these hosts, with the usual steps."""
    return Draft(select=select, steps=tuple(Chosen(text, on) for text, on in OFFERED))


def named(run: NamedRun) -> Draft:
    """A run of the configuration, as it is written there."""
    return Draft(base=run.name, base_select=run.selector, base_steps=run.steps)


# Rows -------------------------------------------------------------------------------------------------------------


def rows(draft: Draft, width: int, names: Sequence[str] = ()) -> list[Row]:
    """The whole draft; `names`: the hosts that the selector means, as far as they are known."""
    found = [Row(None, _section("Hosts", width))]
    if draft.base:
        found.append(
            _row(("base", ""), "from", draft.base, "of [[runs]]; what is not changed here is as it says", width)
        )
    found.append(
        _row(("select", ""), "hosts", draft.selector or "none", _meant(names), width, draft.select is not None)
    )
    found += [Row(None, ()), Row(None, _section("Steps, in this order", width))]
    found += _steps(draft, width)
    found += [Row(None, ()), Row(None, _section("Limits", width))]
    return found + [_field(draft, field, width) for field in FIELDS]


def _meant(names: Sequence[str]) -> str:
    return f"{len(names)} hosts: {' '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else ""


def _section(title: str, width: int) -> Line:
    return crop(line(Span(title, "title")), width)


def _row(key: tuple[str, object], label: str, value: str, about: str, width: int, set_here: bool = True) -> Row:
    text = line(
        Span(f"  {label:<{LABEL_CELLS}}  ", "dim"),
        Span(f"{value:<22}", "strong" if set_here else "text"),
        Span(f"  {about}" if about else "", "faint"),
    )
    return Row(key, crop(text, width))


def _steps(draft: Draft, width: int) -> list[Row]:
    if draft.steps is None:
        told = [line(Span(f"      {at}. ", "dim"), Span(text, "text")) for at, text in enumerate(draft.base_steps, 1)]
        change = _row(("step", -1), "steps", "as it says", "Enter changes them", width, False)
        return [change, *(Row(None, crop(text, width)) for text in told)]
    found, number = [], 0
    for at, each in enumerate(draft.steps):
        number += each.on
        box = f"[x] {number}." if each.on else "[ ]   "
        text = line(Span(f"  {box} ", "accent" if each.on else "dim"), Span(each.text, "strong" if each.on else "dim"))
        found.append(Row(("step", at), crop(text, width)))
    return found


def _field(draft: Draft, field: Field, width: int) -> Row:
    value = draft.value(field.name)
    shown = "as it says" if value is None else field.show(value)
    return _row(("field", field.name), field.label, shown, field.about, width, field.name in draft.values)
