"""The console: wires keys, themes and the link to the engine. What screens do stands in the screens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.theme import Theme as TextualTheme

from backends.config.load import load
from backends.config.schema import Config, ConsoleConfig
from backends.errors import BadInput
from swarm_tui import keymap, theme
from swarm_tui.alarm import Alarm
from swarm_tui.bridge import Link, connector
from swarm_tui.glyphs import glyphs
from swarm_tui.keymap import Danger, Key, Keymap
from swarm_tui.options import ConsoleOptions
from swarm_tui.places import Places
from swarm_tui.playback import NO_REPLAY
from swarm_tui.present.line import Line
from swarm_tui.screens import commands
from swarm_tui.screens.base import BaseScreen, perform
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.help import HelpScreen
from swarm_tui.widgets.paint import Painter

INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""The sampling intervals that + and - walk through."""
ALARM_SECONDS = 1.0
"""Between two looks at what is still to be said of critical alerts."""


class SwarmApp(Places, inherit_bindings=False):
    """One console on one engine."""

    CSS_PATH = "app.tcss"
    TITLE = "swarm-tui"
    BINDINGS = [
        *(
            Binding(",".join(key.keys), f"do('{key.id}')", key.label, show=False, id=key.id)
            for key in keymap.for_scope("app")
        ),
        Binding("ctrl+c", "do('app.quit')", "quit", show=False),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f12"
    """Textual insists on a key of its own; ours stands in the key table."""

    def __init__(
        self,
        link: Link,
        options: ConsoleOptions,
        config: ConsoleConfig,
        *,
        no_color: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        super().__init__(ansi_color=True if no_color else None, watch_css=False)
        self.link = link
        self.options = options
        self.keys = Keymap(config.keys)
        self.ascii = config.ascii if options.ascii is None else options.ascii
        self.glyphs = glyphs(self.ascii)
        self.history: list[str] = []
        """Lines of the `:` prompt, oldest first."""
        self._hz = min(4.0, max(0.2, config.refresh_hz))
        self._monotonic = monotonic
        self._no_color = no_color
        chosen = theme.THEMES.get(options.theme or config.theme, theme.DARK)
        self.painter = Painter(theme.MONO if no_color else chosen, self.ascii)
        for look in (*theme.THEMES.values(), theme.MONO):
            self.register_theme(_textual_theme(look))
        self.theme = self.painter.theme.name
        self.set_keymap(self.keys.overrides)

    # Life -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.set_class(self.ascii, "-ascii")
        self.link.start(self._wake, self.refresh_screen)
        self.set_interval(1.0 / self._hz, self.refresh_screen)
        alarm = Alarm(
            self, lambda: self.current_mode == "alerts", lambda: self.keys.first("app.mode_alerts") or ":alerts"
        )
        self.link.listen(alarm.heard)
        self.set_interval(ALARM_SECONDS, alarm.tick)

    def _wake(self, call: Callable[[], None]) -> None:
        """Run on the loop, from any thread; a loop that has ended needs nothing any more."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(self._guarded, call)
        except RuntimeError:  # closed in between
            return

    def _guarded(self, call: Callable[[], None]) -> None:
        if self.is_running:
            with self._context():
                call()

    async def on_key(self, event: events.Key) -> None:
        """Keys travel through the focused widget before they come here, so those typed right behind `/` meet an open prompt.
        Those that its field left over (arrows, Tab, Escape) go on to its bindings."""
        prompt = self.screen.open_prompt if isinstance(self.screen, BaseScreen) else None
        if prompt is not None and (event.is_printable or not prompt.has_focus_within):
            event.prevent_default()
            await prompt.take(event)

    # Actions everywhere -----------------------------------------------------------------------------------------

    async def action_do(self, action_id: str) -> None:
        """Run an action of the key table, or say why not. A screen's own version of it comes first."""
        screen, key = self.screen, keymap.BY_ID[action_id]
        if not isinstance(screen, BaseScreen):
            return
        owner: Any = screen if hasattr(screen, f"action_{key.action}") else self
        await perform(owner, action_id, screen.reason_against)

    def refusal(self, key: Key) -> str:
        if key.action.startswith("replay_") and self.replay() is None:
            return NO_REPLAY
        if self.read_only and key.danger >= Danger.CHANGING:
            return "read-only"
        return ""

    def freeze_key(self) -> str:
        return self.keys.first("app.freeze") or ":freeze"

    def action_poll(self) -> None:
        screen = self.screen
        self.poll(screen.subject() if isinstance(screen, BaseScreen) else ())

    def action_faster(self) -> None:
        if self.replay() is None:
            self._step_interval(-1)
        else:
            self.step_speed(1)

    def action_slower(self) -> None:
        if self.replay() is None:
            self._step_interval(1)
        else:
            self.step_speed(-1)

    def _step_interval(self, step: int) -> None:
        now = self.link.fleet.summary.interval_seconds
        nearest = min(range(len(INTERVALS)), key=lambda index: abs(INTERVALS[index] - now))
        self.sample_each(INTERVALS[min(len(INTERVALS) - 1, max(0, nearest + step))])

    def sample_each(self, seconds: float) -> None:
        """Change the sampling interval of all hosts."""
        done = f"every host is sampled each {seconds:g} s"
        self.link.request("engine.set_interval", {"seconds": seconds}, dict, lambda _: self.say(done), self.failed)

    def action_next_theme(self) -> None:
        names = list(theme.THEMES)
        at = names.index(self.painter.theme.name) if self.painter.theme.name in names else 0
        self.set_look(names[(at + 1) % len(names)])

    def set_look(self, name: str) -> None:
        """Change the theme and paint everything anew."""
        if self._no_color:
            self.say("NO_COLOR is set", "warning")
            return
        self.painter = Painter(theme.THEMES[name], self.ascii)
        self.theme = name
        self.refresh_screen()
        self.screen.refresh(layout=True)
        self.say(f"theme {name}")

    def action_help(self) -> None:
        screen = self.screen
        if isinstance(screen, BaseScreen):
            self.push_screen(HelpScreen((*screen.SCOPES, "app"), screen.reason_against))

    def action_command_line(self) -> None:
        screen = self.screen
        if isinstance(screen, BaseScreen):
            screen.ask(
                ":", "", self.run_command, complete=lambda text: commands.complete(self, text), history=self.history
            )

    def run_command(self, text: str) -> None:
        if text.strip():
            self.history.append(text.strip())
            commands.run_line(self, text.strip())

    async def action_quit(self) -> None:
        flying = self.link.info.in_flight if self.link.info and self.link.status.connected else ()
        if not flying:
            self.exit(0)
            return
        lines: list[Line] = [((f"  {text}", "text"),) for text in flying]
        lines += [(), (("It goes on without this console; the engine keeps running.", "dim"),)]
        dialog = Confirm("Quit while something is in flight?", lines)
        self.push_screen(dialog, lambda yes: self.exit(0) if yes else None)

    # Palette ----------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette lists the key table of the place where it was opened."""
        scopes = (*screen.SCOPES, "app") if isinstance(screen, BaseScreen) else ("app",)
        for key in keymap.for_scopes(scopes):
            if key.scope != "list" and key.id != "app.command_palette":
                about = f"{self.keys.first(key.id)}  {key.help or key.label}"
                # Textual reads this as markup; an unescaped bracket ends the console
                yield SystemCommand(key.label.capitalize(), about.replace("[", r"\["), self._performer(key))

    def _performer(self, key: Key) -> Callable[[], Any]:
        return lambda: self.call_later(self.action_do, key.id)


def _textual_theme(look: theme.Theme) -> TextualTheme:
    plain = "ansi_default" if look.native else look.surface
    return TextualTheme(
        name=look.name,
        primary=look.accent,
        secondary=look.accent,
        accent=look.accent,
        warning=look.warning,
        error=look.error,
        success=look.success,
        foreground=look.foreground,
        background=look.background,
        surface=look.surface,
        panel=plain,
        boost=plain,
        dark=look.dark,
        ansi=look.native,
        # Textual's own style sheets use these two with ANSI themes; black would be unreadable on a light terminal
        variables={"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"} if look.native else {},
    )


def run_console(options: ConsoleOptions) -> int:
    """Open the console and stay until the operator leaves; returns the exit status.

    Raises:
        BadInput: the configuration is wrong, or standard error is no terminal (the screen is drawn there).
    """
    if not sys.stderr.isatty():
        raise BadInput("the screen is drawn on standard error, which is not a terminal", hint="leave out `2>`")
    config = Config() if options.attach else load(options.config_path)
    link = Link(connector(options), hz=config.console.refresh_hz)
    app = SwarmApp(link, options, config.console, no_color=bool(os.environ.get("NO_COLOR")))
    try:
        status = app.run(mouse=config.console.mouse if options.mouse is None else options.mouse)
    finally:
        link.stop()
    return status or 0
