"""The one key table: complete, without clashes, reachable in every terminal, and remappable with errors that help."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.content import Content

import swarm_tui.screens
from backends.errors import BadInput
from swarm_tui import keymap
from swarm_tui.app import SwarmApp
from swarm_tui.keymap import KEYS, Danger, Key, Keymap
from swarm_tui.screens.base import BaseScreen


def screens() -> list[type[BaseScreen]]:
    """Every screen that can be opened: those that nothing else is made of."""
    for module in pkgutil.iter_modules(swarm_tui.screens.__path__):
        importlib.import_module(f"swarm_tui.screens.{module.name}")
    found, waiting = [], [BaseScreen]
    while waiting:
        screen = waiting.pop()
        waiting += screen.__subclasses__()
        if not screen.__subclasses__() and screen.__module__.startswith("swarm_tui."):
            found.append(screen)
    return found


SCREENS = screens()


def owner(key: Key) -> tuple[type, ...]:
    """Who has the key's method: the screens of its scope, or the app."""
    if key.scope == "app":
        return (SwarmApp,)
    return tuple(screen for screen in SCREENS if key.scope in screen.SCOPES)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_every_key_reaches_a_method(key: Key) -> None:
    owners = owner(key)
    assert owners
    for each in owners:
        assert callable(getattr(each, f"action_{key.action}", None)), f"{each.__name__} cannot {key.action}"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_every_key_can_be_pressed_in_every_terminal(key: Key) -> None:
    assert key.keys, "an action without a key"
    assert not keymap._FORBIDDEN & set(key.keys)
    assert not any(name.startswith("alt+") for name in key.keys)
    assert len(key.label) <= 16
    functions = [name for name in key.keys if re.fullmatch(r"f\d+", name)]
    assert len(functions) < len(key.keys), "a function key without a letter twin"


def test_ids_are_unique_and_say_their_scope() -> None:
    assert len(keymap.BY_ID) == len(KEYS)
    assert all(key.id == f"{key.scope}.{key.action}" for key in KEYS)


def test_what_changes_hosts_is_marked_as_dangerous() -> None:
    changing = {key.id for key in KEYS if key.danger >= Danger.CHANGING}
    assert changing >= {"host.signal", "host.renice", "host.accept_key", "exec.again"}


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("slash", "/"),
        ("ctrl+p", "^P"),
        ("f1", "F1"),
        ("escape", "Esc"),
        ("j", "j"),
        ("G", "G"),
        ("f", "f"),
        ("fa", "fa"),
    ],
)
def test_keys_are_shown_as_people_write_them(key: str, written: str) -> None:
    assert keymap.shown(key) == written


def test_the_footer_keeps_help_and_quit() -> None:
    for screen in SCREENS:
        shown = keymap.footer(keymap.for_scopes((*screen.SCOPES, "app")))
        assert len(shown) <= 8
        assert [key.id for key in shown[-2:]] == ["app.help", "app.quit"]


def test_a_remapped_action_has_its_new_keys_only() -> None:
    keys = Keymap({"fleet.heatmap": "f8, H", "app.help": "?", "host.window": ""})
    assert keys.keys("fleet.heatmap") == ("f8", "H")
    assert keys.keys("app.help") == ("question_mark",)
    assert keys.first("fleet.heatmap") == "F8"
    assert keys.all_shown("fleet.heatmap") == "F8 H"
    assert (keys.keys("host.window"), keys.first("host.window")) == ((), "")
    assert keys.overrides == {"fleet.heatmap": "f8,H", "app.help": "question_mark", "host.window": keymap.NO_KEY}


def test_two_actions_may_swap_their_keys() -> None:
    keys = Keymap({"fleet.heatmap": "s", "fleet.ssh": "h"})
    assert (keys.first("fleet.heatmap"), keys.first("fleet.ssh")) == ("s", "h")


def test_the_same_key_may_mean_two_things_on_two_screens() -> None:
    assert Keymap({"events.follow": "h"}).first("events.follow") == "h"


@pytest.mark.parametrize(
    ("overrides", "message", "hint"),
    [
        ({"fleet.heatmop": "h"}, "unknown action 'fleet.heatmop'", "did you mean 'fleet.heatmap'?"),
        ({"zzz": "h"}, "unknown action 'zzz'", "`swarm-tui config keys` lists the ids"),
        ({"fleet.heatmap": "ctrl+m"}, "'ctrl+m' cannot be used for fleet.heatmap", "choose another"),
        ({"fleet.heatmap": "alt+h"}, "'alt+h' cannot be used for fleet.heatmap", "choose another"),
        ({"fleet.heatmap": "x"}, "key 'x' is bound to both", "give one of them another key"),
        ({"fleet.heatmap": "/"}, "key '/' is bound to both", "give one of them another key"),
    ],
)
def test_a_mapping_that_cannot_work_says_which_and_what_helps(
    overrides: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        Keymap(overrides)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@given(st.dictionaries(st.sampled_from(sorted(keymap.BY_ID)) | st.text(max_size=10), st.text(max_size=12), max_size=3))
@settings(max_examples=100)
def test_any_mapping_works_or_is_refused(overrides: dict[str, str]) -> None:
    try:
        keys = Keymap(overrides)
    except BadInput:
        return
    assert all(isinstance(keys.all_shown(action), str) for action in overrides)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_the_palettes_text_of_every_key_is_read_back_as_it_was_written(key: Key) -> None:
    about = f"{Keymap().first(key.id)}  {key.help or key.label}"
    assert Content.from_markup(about.replace("[", r"\[")).plain == about
