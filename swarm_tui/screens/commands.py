"""The `:` line: the words of the command line, for as far as they make sense inside the console."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from backends.engine.wire import EngineInfo
from swarm_tui import keymap, theme
from swarm_tui.screens.base import BaseScreen

MODES = ("fleet", "alerts", "updates", "backups", "runs", "events")


class Word(NamedTuple):
    """One command."""

    about: str
    run: Callable[[Any, Sequence[str]], object]
    arguments: str = ""
    """What its argument completes to: "host", "theme", "key" or ""."""


def run_line(app: Any, text: str) -> None:
    """Run one line; an unknown word says what is near."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        app.say(f"{error} in: {text}", "warning")
        return
    name = words[0]
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        app.say(f"unknown command {name}" + (f"; did you mean {near[0]}?" if near else "; ? lists the keys"), "warning")
        return
    COMMANDS[name].run(app, words[1:])


def complete(app: Any, text: str) -> list[str]:
    """Whole lines that continue `text`."""
    name, blank, rest = text.partition(" ")
    if not blank:
        return [word for word in COMMANDS if word.startswith(name)]
    kind = COMMANDS[name].arguments if name in COMMANDS else ""
    head, _, last = rest.rpartition(",") if kind == "host" else ("", "", rest)
    prefix = f"{name} {head}," if head else f"{name} "
    return [prefix + value for value in _values(app, kind) if value.startswith(last)][:50]


def _values(app: Any, kind: str) -> Sequence[str]:
    if kind == "host":
        return sorted(name for name in app.fleet().rows if name.isprintable())
    return {"theme": list(theme.THEMES), "mode": list(MODES)}.get(kind, [])


def _mode(name: str) -> Callable[[Any, Sequence[str]], object]:
    return lambda app, words: getattr(app, f"action_mode_{name}")()


def _needs_host(app: Any, words: Sequence[str], then: Callable[[str], object]) -> None:
    screen = app.screen
    subject = screen.subject() if isinstance(screen, BaseScreen) else ()
    host = words[0] if words else subject[0] if subject else ""
    if host in app.fleet().rows:
        then(host)
    else:
        app.say(f"no host {host!r}" if host else "which host?", "warning")


def _filter(app: Any, words: Sequence[str]) -> None:
    app.action_mode_fleet()
    wrong = app.screen.apply_filter(" ".join(words))
    if wrong:
        app.say(f"filter: {wrong[1]}", "warning")


def _exec(app: Any, words: Sequence[str]) -> None:
    """exec SEL -- COMMAND, as on the command line."""
    words = list(words)
    if "--" not in words or words.index("--") == 0 or words[-1] == "--":
        app.say("usage: exec SELECTOR -- COMMAND", "warning")
        return
    at = words.index("--")
    app.start_exec(" ".join(words[:at]), words[at + 1 :])


def _drift(app: Any, words: Sequence[str]) -> None:
    """drift HOST: what changed there since its last snapshot."""

    def show(host: str) -> None:
        from swarm_tui.screens.drift import DriftScreen  # late: only when it is looked at

        app.push_screen(DriftScreen((host,)))

    _needs_host(app, words, show)


def _triage(app: Any, words: Sequence[str]) -> None:
    """triage HOST: everything that an engineer on call asks first."""
    from swarm_tui.screens.triage import open_triage  # late, as above

    _needs_host(app, words, lambda host: open_triage(app, (host,)))


def _health(app: Any, words: Sequence[str]) -> None:
    """health: the fleet by checks; health HOST: all that was found there."""
    from swarm_tui.screens.health import HealthScreen  # late, as above
    from swarm_tui.screens.health_page import HealthPage

    if words:
        _needs_host(app, words, lambda host: app.push_screen(HealthPage(host)))
    else:
        app.push_screen(HealthScreen())


def _alerts(app: Any, words: Sequence[str]) -> None:
    """alerts: the list; alerts WORDS: filtered."""
    app.action_mode_alerts()
    if words:
        app.screen.apply_filter(" ".join(words))


def _silence(app: Any, words: Sequence[str]) -> None:
    """silence SEL [RULE]: alerts of these hosts, of rules that match; nothing: the alert under the cursor."""
    from swarm_tui.screens import alert_asked  # late, as above

    alert_asked.silence(app, words)


def _mute(app: Any, words: Sequence[str]) -> None:
    """mute SEL: the maintenance of these hosts begins."""
    from swarm_tui.screens import alert_asked  # late, as above

    alert_asked.mute(app, words)


def _outbox(app: Any, words: Sequence[str]) -> None:
    from swarm_tui.screens.alert_outbox import OutboxScreen  # late, as above

    app.action_mode_alerts()
    app.push_screen(OutboxScreen())


def _silences(app: Any, words: Sequence[str]) -> None:
    from swarm_tui.screens.alert_silences import SilencesScreen  # late, as above

    app.action_mode_alerts()
    app.push_screen(SilencesScreen())


def _handover(app: Any, words: Sequence[str]) -> None:
    from swarm_tui.screens.alert_handover import HandoverScreen  # late, as above

    app.action_mode_alerts()
    app.push_screen(HandoverScreen())


def _maintain(app: Any, words: Sequence[str]) -> None:
    """maintain SEL: compose a run of these hosts."""
    from swarm_tui.screens.run_compose import compose_for  # late, as above

    screen = app.screen
    subject = screen.subject() if isinstance(screen, BaseScreen) else ()
    compose_for(app, " ".join(words) or ",".join(subject))


def _find(app: Any, words: Sequence[str]) -> None:
    """find TEXT: a part of a path in the archives of every host."""
    from swarm_tui.screens.backup_hits import HitsScreen  # late, as above

    if words:
        app.push_screen(HitsScreen(" ".join(words)))
    else:
        app.say("usage: find PART-OF-A-PATH", "warning")


def _theme(app: Any, words: Sequence[str]) -> None:
    if words and words[0] in theme.THEMES:
        app.set_look(words[0])
    else:
        app.say("themes: " + ", ".join(theme.THEMES), "warning")


def _interval(app: Any, words: Sequence[str]) -> None:
    try:
        seconds = float(words[0].removesuffix("s"))
    except (IndexError, ValueError):
        app.say("usage: interval SECONDS", "warning")
        return
    app.sample_each(seconds)


def _speed(app: Any, words: Sequence[str]) -> None:
    try:
        speed = float(words[0].removesuffix("x").removesuffix("×"))
    except (IndexError, ValueError):
        app.say("usage: speed 2 (twice as fast)", "warning")
        return
    app.steer(speed=speed)


def _reload(app: Any, words: Sequence[str]) -> None:
    def done(info: EngineInfo) -> None:
        app.say(info.config_error or "configuration read again", "error" if info.config_error else "information")

    app.link.request("engine.reload", {}, EngineInfo, done, app.failed)


def _do(action: str) -> Callable[[Any, Sequence[str]], object]:
    return lambda app, words: app.call_later(app.action_do, keymap.BY_ID[action].id)


COMMANDS: dict[str, Word] = {
    **{name: Word(f"Go to {name}.", _mode(name)) for name in MODES},
    "status": Word("The fleet, filtered: status state:down", _filter),
    "filter": Word("Filter the fleet: filter gpu>80 & tag:a100", _filter),
    "host": Word("Open a host.", lambda app, words: _needs_host(app, words, app.open_host), "host"),
    "ssh": Word("A shell on a host.", lambda app, words: _needs_host(app, words, app.open_ssh), "host"),
    "exec": Word("Run a command: exec SEL -- COMMAND", _exec, "host"),
    "drift": Word("What changed on a host since its last snapshot.", _drift, "host"),
    "triage": Word("What ails a host: a verdict within 15 s.", _triage, "host"),
    "health": Word("Hosts by checks; with a host: all that was found there.", _health, "host"),
    "check": Word("The same.", _health, "host"),
    "maintain": Word("Compose a maintenance run: maintain tag:rack1", _maintain, "host"),
    "find": Word("A file in the archives of every host: find sshd_config", _find),
    "heatmap": Word("Every GPU in one picture.", lambda app, words: app.open_heatmap()),
    "alerts": Word("Go to the alerts, filtered: alerts gpu01 critical", _alerts),
    "silence": Word("Tell nobody of hosts, or of rules on them: silence gpu01 disk.*", _silence, "host"),
    "mute": Word("Begin a maintenance of hosts: mute tag:rack1", _mute, "host"),
    "outbox": Word("What became of each notice at each target.", _outbox),
    "silences": Word("Silences and maintenances.", _silences),
    "handover": Word("The shift's hand-over as Markdown.", _handover),
    "theme": Word("Change the colours.", _theme, "theme"),
    "interval": Word("Seconds between two samples.", _interval),
    "seek": Word("A replay: seek 1:30, seek +30, seek -1:00, seek 14:05:30", lambda app, words: app.seek(words)),
    "speed": Word("A replay: how fast it plays, 0.1 to 120.", _speed),
    "pause": Word("A replay: hold it.", lambda app, words: app.steer(paused=True)),
    "play": Word("A replay: let it go on.", lambda app, words: app.steer(paused=False)),
    "reload": Word("Read the configuration again.", _reload),
    "poll": Word("Sample now.", _do("app.poll")),
    "freeze": Word("Hold the picture still, or let it go on.", _do("app.freeze")),
    "help": Word("All keys.", _do("app.help")),
    "quit": Word("Leave.", _do("app.quit")),
}
