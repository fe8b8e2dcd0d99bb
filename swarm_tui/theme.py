"""What each role of a piece of text looks like, per theme.

Presentation code names roles ("warn", "dim", "heat3"), never colours; this table is the only place where colours stand.
No role means something by its colour alone: a glyph, a letter or a word always goes with it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Role = Literal[
    "",
    "text",
    "strong",
    "dim",
    "faint",
    "accent",
    "title",
    "ok",
    "warn",
    "bad",
    "stale",
    "info",
    "heat0",
    "heat1",
    "heat2",
    "heat3",
    "heat4",
    "flag",
    "flag-warn",
    "pick",
    "mark",
    "head",
    "head-sort",
    "key",
    "chip",
    "banner-warn",
    "banner-bad",
    "label",
    "badge",
    "cursor",
    "tab",
    "tab-on",
    "spark",
    "gauge",
    "rule",
]

ROLES: tuple[Role, ...] = get_args(Role)


class Theme(NamedTuple):
    """One look: the surfaces that Textual's style sheet uses, and a Rich style for each role."""

    name: str
    dark: bool
    background: str
    surface: str
    """Header, footer, panels."""
    foreground: str
    accent: str
    warning: str
    error: str
    success: str
    cursor: str
    """Rich style laid over the row under the cursor."""
    marked: str
    """Rich style laid over marked rows."""
    roles: dict[Role, str]
    native: bool = False
    """Uses the terminal's own sixteen colours."""


def _roles(
    text: str,
    strong: str,
    dim: str,
    faint: str,
    accent: str,
    ok: str,
    warn: str,
    bad: str,
    heat: tuple[str, str, str, str, str],
    surface: str,
    on_bad: str,
) -> dict[Role, str]:
    return {
        "": text,
        "text": text,
        "strong": f"bold {strong}",
        "dim": dim,
        "faint": faint,
        "accent": accent,
        "title": f"bold {accent}",
        "ok": ok,
        "warn": warn,
        "bad": f"bold {bad}",
        "stale": f"italic {dim}",
        "info": accent,
        "heat0": heat[0],
        "heat1": heat[1],
        "heat2": heat[2],
        "heat3": heat[3],
        "heat4": heat[4],
        "flag": f"bold {on_bad} on {bad}",
        "flag-warn": f"bold {on_bad} on {warn}",
        "pick": "bold reverse",
        "mark": f"bold {warn}",
        "head": f"bold {dim}",
        "head-sort": f"bold {accent}",
        "key": f"bold {accent}",
        "chip": f"bold {accent}",
        "banner-warn": f"bold {on_bad} on {warn}",
        "banner-bad": f"bold {on_bad} on {bad}",
        "label": dim,
        "badge": f"bold {on_bad} on {accent}",
        "cursor": f"bold {strong}",
        "tab": dim,
        "tab-on": f"bold {strong} on {surface}",
        "spark": heat[3],
        "gauge": heat[3],
        "rule": faint,
    }


DARK = Theme(
    name="swarm-dark",
    dark=True,
    background="#0d1117",
    surface="#161b22",
    foreground="#c9d1d9",
    accent="#58a6ff",
    warning="#e3b341",
    error="#ff7b72",
    success="#56d364",
    cursor="on #1f3350",
    marked="on #2a2413",
    roles=_roles(
        "#c9d1d9",
        "#f0f6fc",
        "#7d8590",
        "#484f58",
        "#58a6ff",
        "#56d364",
        "#e3b341",
        "#ff7b72",
        ("#3d444d", "#2f6f8f", "#3793b5", "#4fb8cf", "#8be3e0"),
        "#21262d",
        "#0d1117",
    ),
)

LIGHT = Theme(
    name="swarm-light",
    dark=False,
    background="#ffffff",
    surface="#f2f4f7",
    foreground="#24292f",
    accent="#0550ae",
    warning="#8a5a00",
    error="#b3261e",
    success="#116329",
    cursor="on #d3e5fb",
    marked="on #fdf0cf",
    roles=_roles(
        "#24292f",
        "#0b0f14",
        "#59636e",
        "#a0a8b1",
        "#0550ae",
        "#116329",
        "#8a5a00",
        "#b3261e",
        ("#b6bec7", "#86b6d1", "#4f93bb", "#1f6f9f", "#0b4a75"),
        "#dfe4ea",
        "#ffffff",
    ),
)

CONTRAST = Theme(
    name="high-contrast",
    dark=True,
    background="#000000",
    surface="#000000",
    foreground="#ffffff",
    accent="#66d9ff",
    warning="#ffe600",
    error="#ff6b6b",
    success="#5dff5d",
    cursor="on #002f6c",
    marked="on #332c00",
    roles=_roles(
        "#ffffff",
        "#ffffff",
        "#d0d0d0",
        "#a0a0a0",
        "#66d9ff",
        "#5dff5d",
        "#ffe600",
        "#ff6b6b",
        ("#8a8a8a", "#9fd8ff", "#bfe6ff", "#e0f3ff", "#ffffff"),
        "#303030",
        "#000000",
    ),
)

COLOUR_BLIND = Theme(
    name="colour-blind",
    dark=True,
    background="#10131a",
    surface="#181c25",
    foreground="#d5d8de",
    accent="#56b4e9",
    warning="#f0c24b",
    error="#e8743b",
    success="#56b4e9",
    cursor="on #162d45",
    marked="on #2e2b17",
    roles=_roles(
        # Okabe and Ito's palette (blue, yellow, vermilion); the heat ramp is cividis, which reads the same to everybody.
        "#d5d8de",
        "#f4f5f7",
        "#8a909b",
        "#505662",
        "#56b4e9",
        "#56b4e9",
        "#f0c24b",
        "#e8743b",
        ("#414652", "#35567d", "#66717f", "#a59c74", "#e9d25a"),
        "#262b36",
        "#10131a",
    ),
)

ANSI = Theme(
    name="ansi",
    dark=True,
    background="ansi_default",
    surface="ansi_default",
    foreground="ansi_default",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    cursor="reverse",
    marked="underline",
    native=True,
    roles={
        **_roles(
            "default",
            "default",
            "bright_black",
            "bright_black",
            "cyan",
            "green",
            "yellow",
            "red",
            ("bright_black", "blue", "cyan", "bright_cyan", "bright_white"),
            "default",
            "black",
        ),
        "tab-on": "bold reverse",
    },
)

MONO = ANSI._replace(
    name="mono",
    accent="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    success="ansi_default",
    roles={
        **dict.fromkeys(ROLES, "none"),
        "strong": "bold",
        "title": "bold",
        "dim": "dim",
        "faint": "dim",
        "warn": "bold",
        "bad": "bold underline",
        "stale": "dim italic",
        "flag": "bold reverse",
        "flag-warn": "bold reverse",
        "pick": "bold reverse",
        "mark": "bold",
        "head": "bold",
        "head-sort": "bold underline",
        "key": "bold",
        "chip": "bold",
        "banner-warn": "bold reverse",
        "banner-bad": "bold reverse",
        "badge": "bold reverse",
        "cursor": "reverse",
        "tab-on": "bold reverse",
    },
)
"""Used when NO_COLOR is set: attributes only."""

THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST, COLOUR_BLIND, ANSI)}
