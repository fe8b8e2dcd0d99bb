"""An engine whose alerts a test switches on and off, and one who types `swarm-tui alerts …` at it.

What is ill is a matter of tags: the rules of the site are true of a host that is measured and has the tag, so a reload of
the configuration begins and ends them at once. The rules of the pack are off, except those that a test asks for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from backends.alerts.model import Edge
from backends.alerts.pack import pack
from backends.alerts.views import AlertRow, AlertView, DeliveryRow, OutboxView
from swarm_tui.client import EngineClient
from tests.e2e.enginerun import WAIT_SECONDS, EngineRun, until
from tests.e2e.operating import Said
from tests.unit.alerts.receivers import Web

PROGRAM = Path(sys.executable).with_name("swarm-tui")
COMMAND_SECONDS = 180.0
WARNING, CRITICAL = "own.ill", "own.bad"
"""Rules of the site: true of a host with the tag "ill", and of one with the tag "bad"."""
RULES = """
[[alerts.rules]]
name = "ill"
expression = "mem>0 & tag:ill"
title = "it is ill"

[[alerts.rules]]
name = "bad"
expression = "mem>0 & tag:bad"
severity = "critical"
title = "it is bad"
advice = "Look at it"
"""
AT_ONCE = {
    "group_wait_seconds": 0,
    "group_wait_critical_seconds": 0,
    "group_interval_seconds": 0,
    "dependency_wait_seconds": 1,
    "settle_seconds": 1,
}
"""A policy without patience."""
QUIET = "[updates]\nask_hours = 0\n[backups]\nconfig_every_hours = 0\n[checks]\nevery_minutes = 0\n"
"""Nothing but alerts."""


def target(name: str, url: str, **more: object) -> str:
    """A table [[alerts.targets]]."""
    return table("[[alerts.targets]]", {"name": name, "url": url, **more})


def table(head: str, values: Mapping[str, object]) -> str:
    """A table of TOML."""
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items()]
    return "\n".join([head, *lines, ""])


class AlertDesk:
    """One engine with all its lives, over one state directory."""

    def __init__(
        self,
        place: Path,
        *tables: str,
        hosts: Iterable[str] = ("a",),
        keep: Iterable[str] = (),
        alerts: Mapping[str, object] | None = None,
        policy: Mapping[str, object] = AT_ONCE,
        state: Path | None = None,
    ):
        """
        Args:
            place: an own directory.
            tables: further tables of the configuration: targets, rules.
            hosts: names of hosts that all are this machine.
            keep: rules of the pack that are on.
            alerts: further keys of [alerts].
            policy: of [alerts.policy].
            state: where the engine keeps what it keeps; default: in `place`.
        """
        self.config, self.state = place / "fleet.toml", state or place / "state"
        self.place, self.tables, self.hosts = place, list(tables), list(hosts)
        self.alerts: dict[str, object] = {
            "off": [rule.id for rule in pack() if rule.id not in set(keep)],
            "test_day": "none",
        }
        self.alerts |= alerts or {}
        self.policy, self.lives = dict(policy), list[EngineRun]()
        self.said: list[Said] = []
        """What subcommands wrote, in their order."""
        self.ill: dict[str, set[str]] = {}
        place.mkdir(exist_ok=True)
        self.write()

    # life

    @property
    def engine(self) -> EngineRun:
        """The one that runs."""
        return self.lives[-1]

    def start(self) -> AlertDesk:
        """A new engine."""
        arguments = ("--config", str(self.config), "engine", "--foreground")
        engine = EngineRun(self.place, *arguments, state=self.state, program=(str(PROGRAM),))
        self.lives.append(engine)
        engine.until_ready()
        return self

    def kill(self) -> None:
        """The engine is gone from one moment to the next."""
        self.engine.stop(signal.SIGKILL)

    def __enter__(self) -> AlertDesk:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for life in self.lives:
            life.__exit__()

    # what happens

    def write(self) -> None:
        """The configuration, as everything stands."""
        hosts = [
            table(f"[hosts.{name}]", {"source": "local", "tags": sorted(self.ill.get(name, ()))}) for name in self.hosts
        ]
        own = table("[alerts]", self.alerts), table("[alerts.policy]", self.policy)
        self.config.write_text("\n".join([QUIET, *hosts, *own, RULES, *self.tables]))

    def becomes(self, host: str, *tags: str) -> None:
        """From now on `host` is just that: "ill", "bad", or well."""
        self.ill[host] = set(tags)
        self.write()
        self.reload()

    def reload(self) -> str:
        """Let the engine read its configuration; why it does not take it, or ""."""
        with self.engine.client() as client:
            client.call("engine.reload")
            return str(client.call("engine.info").get("config_error", ""))

    # who types

    def does(self, *words: str) -> Said:
        """Run `swarm-tui WORDS` to its end."""
        argv = [str(PROGRAM), "--config", str(self.config), "--socket", str(self.engine.socket), *words]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SWARM_TUI_"))}
        environment = {**kept, "HOME": str(self.place), "XDG_STATE_HOME": str(self.state)}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_SECONDS, env=environment)
        assert "Traceback" not in done.stderr and "bug in" not in done.stderr, done.stderr
        said = Said(done.returncode, done.stdout, done.stderr)
        self.said.append(said)
        return said

    def well(self, *words: str) -> Said:
        """`swarm-tui alerts WORDS`; it must go well."""
        said = self.does("alerts", *words)
        assert said.status == 0, f"{words}: {said}"
        return said

    def json(self, *words: str) -> Any:
        """The same with --json; what it wrote."""
        return self.well(*words, "--json").json()

    # what is to be seen

    def view(self) -> AlertView:
        """All alerts."""
        with EngineClient.connect(self.engine.socket) as client:
            return client.alerts.view()

    def row(self, rule: str, host: str) -> AlertRow | None:
        """One alert, if there is one."""
        rows = self.view().alerts or ()
        return next((row for row in rows if (row.rule, row.host) == (rule, host)), None)

    def edges(self, kind: str = "") -> tuple[Edge, ...]:
        """What happened, the newest first."""
        with EngineClient.connect(self.engine.socket) as client:
            return client.alerts.history(kind=kind, limit=1000)

    def outbox(self, name: str = "") -> OutboxView:
        """What became of notices, the newest first."""
        with EngineClient.connect(self.engine.socket) as client:
            return client.alerts.outbox(name, 1000)

    def delivery(self, name: str, title: str) -> DeliveryRow:
        """The newest notice to a target with this in its title."""
        return next(row for row in self.outbox(name).rows if title in row.title)

    def until_measured(self) -> None:
        """Wait until every host has a sample: whatever befalls them now befalls all at once."""
        with self.engine.client() as client:
            until(lambda: all(row.get("sample_time") for row in client.call("fleet.view")["rows"]), what="samples")

    def until_fires(self, rule: str, host: str) -> AlertRow:
        """Wait until an alert fires."""
        found: list[AlertRow | None] = []

        def fires() -> bool:
            found.append(self.row(rule, host))
            return found[-1] is not None and found[-1].phase == "firing"

        until(fires, what=f"{rule}@{host} to fire")
        assert found[-1] is not None
        return found[-1]

    def until_over(self, rule: str, host: str) -> None:
        """Wait until an alert is resolved."""
        until(
            lambda: (row := self.row(rule, host)) is not None and row.phase == "resolved", what=f"{rule}@{host} to end"
        )

    def rests(self, seconds: float) -> None:
        """Let two full evaluations and so many seconds of the engine pass: what would be said by then was said."""
        began = self.view()
        until(
            lambda: (now := self.view()).now >= began.now + seconds and now.pulse.count >= began.pulse.count + 2,
            seconds + WAIT_SECONDS,
            "evaluations",
        )


def heard(web: Web, *parts: str) -> list[str]:
    """Titles of what a receiver got that hold all these parts."""
    return [title for title in web.titles if all(part in title for part in parts)]


def hears(web: Web, *parts: str, times: int = 1, seconds: float = WAIT_SECONDS) -> list[str]:
    """Wait until a receiver got a title with all these parts so often; just so often."""
    until(lambda: len(heard(web, *parts)) >= times, seconds, f"{parts}, {times} times; there is {web.titles}")
    found = heard(web, *parts)
    assert len(found) == times, found
    return found
