"""Every theme can be read: contrast as WCAG 2.1 asks for it, and colours that a colour-blind operator can tell apart."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from rich.color import Color
from rich.style import Style

from swarm_tui import theme
from swarm_tui.present.heat import FLAGS
from swarm_tui.theme import ROLES, Role, Theme
from swarm_tui.widgets.paint import Painter

OWN = [each for each in theme.THEMES.values() if not each.native]
NATIVE = [theme.ANSI, theme.MONO]

TEXT: tuple[Role, ...] = (
    "text", "strong", "accent", "title", "ok", "warn", "bad", "info", "head-sort", "key", "chip", "mark",
)  # fmt: skip
QUIET: tuple[Role, ...] = ("dim", "label", "head", "stale", "tab")
INVERTED: tuple[Role, ...] = ("flag", "flag-warn", "banner-warn", "banner-bad", "badge", "tab-on")
HEAT: tuple[Role, ...] = ("heat0", "heat1", "heat2", "heat3", "heat4")

Rgb = tuple[float, float, float]


def rgb(colour: Color | str) -> Rgb:
    """Linear red, green and blue, 0–1 (WCAG 2.1, relative luminance)."""
    parsed = Color.parse(colour) if isinstance(colour, str) else colour
    red, green, blue = (
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (part / 255 for part in parsed.get_truecolor())
    )
    return red, green, blue


def luminance(colour: Color | str) -> float:
    red, green, blue = rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color | str, two: Color | str) -> float:
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink(look: Theme, role: Role) -> Color:
    colour = Style.parse(look.roles[role]).color
    assert colour is not None, role
    return colour


def ground(spec: str) -> Color:
    colour = Style.parse(spec).bgcolor
    assert colour is not None, spec
    return colour


@pytest.mark.parametrize("look", [*OWN, *NATIVE], ids=lambda look: look.name)
def test_every_role_has_a_look(look: Theme) -> None:
    assert set(look.roles) == set(ROLES)
    assert set(Painter(look).styles) == set(ROLES)


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
@pytest.mark.parametrize("role", TEXT)
def test_what_must_be_read_can_be_read(look: Theme, role: Role) -> None:
    for background in (look.background, look.surface, ground(look.cursor), ground(look.marked)):
        assert contrast(ink(look, role), background) >= 4.5, background


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
@pytest.mark.parametrize("role", QUIET)
def test_what_is_quiet_can_still_be_read(look: Theme, role: Role) -> None:
    for background in (look.background, look.surface, ground(look.cursor), ground(look.marked)):
        assert contrast(ink(look, role), background) >= 3.0, background


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
@pytest.mark.parametrize("role", INVERTED)
def test_text_on_a_ground_of_its_own_can_be_read(look: Theme, role: Role) -> None:
    assert contrast(ink(look, role), ground(look.roles[role])) >= 4.5


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
def test_greyed_text_is_quieter_than_quiet_but_there(look: Theme) -> None:
    assert 2.0 <= contrast(ink(look, "faint"), look.background) < contrast(ink(look, "dim"), look.background)


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
def test_the_heat_ramp_only_rises(look: Theme) -> None:
    steps = [contrast(ink(look, role), look.background) for role in HEAT]
    assert all(lower < higher for lower, higher in pairwise(steps))
    assert steps[0] >= 1.5


@pytest.mark.parametrize("look", OWN, ids=lambda look: look.name)
def test_the_cursor_can_be_seen(look: Theme) -> None:
    assert contrast(ground(look.cursor), look.background) >= 1.2
    assert ground(look.cursor) != ground(look.marked)


Matrix = tuple[Rgb, Rgb, Rgb]
DEUTERANOPIA: Matrix = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))
PROTANOPIA: Matrix = ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052))
"""What somebody without green or red cones sees, in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0)."""


def seen(colour: Color, kind: Matrix) -> Rgb:
    channels = rgb(colour)
    mixed = [sum(weight * channel for weight, channel in zip(row, channels, strict=True)) for row in kind]
    red, green, blue = (min(1.0, max(0.0, part)) ** (1 / 2.2) for part in mixed)
    return red, green, blue


@pytest.mark.parametrize("kind", [DEUTERANOPIA, PROTANOPIA], ids=["no green", "no red"])
def test_ok_warning_and_critical_differ_for_the_colour_blind(kind: Matrix) -> None:
    colours = [seen(ink(theme.COLOUR_BLIND, role), kind) for role in ("ok", "warn", "bad")]
    distances = [math.dist(one, two) for at, one in enumerate(colours) for two in colours[at + 1 :]]
    assert min(distances) >= 0.2


def test_flags_do_not_rely_on_colour() -> None:
    assert len({letter for letter, _, _ in FLAGS.values()}) == len(FLAGS)


@pytest.mark.parametrize("role", ROLES)
def test_without_colour_there_is_no_colour(role: Role) -> None:
    style = Style.parse(theme.MONO.roles[role])
    assert style.color is None
    assert style.bgcolor is None


def test_without_colour_what_matters_still_stands_out() -> None:
    looks = {role: theme.MONO.roles[role] for role in ("text", "dim", "warn", "bad", "pick", "banner-bad")}
    assert len({looks["text"], looks["dim"], looks["warn"], looks["bad"], looks["pick"]}) == 5
    assert "reverse" in looks["banner-bad"]


@pytest.mark.parametrize("role", ROLES)
def test_the_ansi_theme_uses_the_terminals_sixteen_colours(role: Role) -> None:
    style = Style.parse(theme.ANSI.roles[role])
    for colour in (style.color, style.bgcolor):
        assert colour is None or colour.is_default or (colour.number is not None and colour.number < 16)
