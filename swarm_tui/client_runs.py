"""The calls about maintenance runs: `EngineClient.runs`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import RunState
from backends.maintenance.views import Held, NamedRun, RunList, RunView
from swarm_tui.rpc import Connection

COMPOSE_SECONDS = 400.0
"""An update step is simulated on every host, side by side; the slowest may take minutes."""
START_SECONDS = 60.0
ReportFormat = Literal["markdown", "jsonl"]


class _Held(msgspec.Struct):
    held: tuple[Held, ...] = ()


class _Names(msgspec.Struct):
    runs: tuple[NamedRun, ...] = ()


class _Text(msgspec.Struct):
    text: str = ""


class RunCalls:
    """Maintenance runs. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    # Before it starts

    def compose(self, name: str = "", select: str | None = None, **wanted: Any) -> DryRun:
        """Work a plan out and start nothing.

        Args:
            name: of `[[runs]]`; "": only what is given here.
            select: which hosts; None: those of `name`.
            wanted: the fields of `backends.maintenance.request.Request` that are meant otherwise (steps, batches,
                max_unavailable, max_failed, window_end …).
        """
        given = {"name": name or None, "select": select, **wanted}
        params = {key: value for key, value in given.items() if value is not None}
        return self.call("runs.compose", params, DryRun, COMPOSE_SECONDS)

    def create(self, hash: str) -> RunState:
        """Write a composed plan down as a run that waits. `hash`: of its dry run, at least 12 digits."""
        return self.call("runs.create", {"hash": hash}, RunState, START_SECONDS)

    def start(self, run: str, hash: str) -> RunState:
        """Start a run; `hash` names the plan that is meant."""
        return self.call("runs.start", {"run": run, "hash": hash}, RunState, START_SECONDS)

    def approve(self, run: str, hash: str) -> RunState:
        """Say yes to exactly this plan of somebody else."""
        return self.call("runs.approve", {"run": run, "hash": hash}, RunState)

    # Looking

    def list(self, limit: int = 50) -> RunList:
        """All runs, the newest first."""
        return self.call("runs.list", {"limit": limit}, RunList)

    def view(self, run: str, since: int | None = None) -> RunView:
        """One run; its plan and hosts are None when nothing changed since a version."""
        params: dict[str, Any] = {"run": run}
        if since is not None:
            params["since"] = since
        return self.call("runs.view", params, RunView)

    def output(self, run: str, host: str) -> str:
        """What the step at hand has printed on a host so far."""
        return self.call("runs.output", {"run": run, "host": host}, _Text, START_SECONDS).text

    def report(self, run: str, format: ReportFormat = "markdown") -> str:
        """The record of a run, also while it goes on."""
        return self.call("runs.report", {"run": run, "format": format}, _Text, START_SECONDS).text

    def names(self) -> tuple[NamedRun, ...]:
        """[[runs]] of the configuration."""
        return self.call("runs.names", {}, _Names).runs

    def held(self) -> tuple[Held, ...]:
        """Which hosts which runs have now."""
        return self.call("runs.held", {}, _Held).held

    # Acting

    def pause(self, run: str, text: str = "") -> RunState:
        """Begin nothing more; what is in work comes to the end of its step."""
        return self._do("pause", run=run, text=text)

    def resume(self, run: str, text: str = "") -> RunState:
        """Go on after a pause or a stop."""
        return self._do("resume", run=run, text=text)

    def abort(self, run: str, text: str = "") -> RunState:
        """End it for good: hosts in work are finished, the others skipped."""
        return self._do("abort", run=run, text=text)

    def promote(self, run: str) -> RunState:
        """The canaries are fine: go on with the next batch."""
        return self._do("promote", run=run)

    def skip(self, run: str, host: str, text: str = "") -> RunState:
        """Leave a host out that did not begin, failed, or asks."""
        return self._do("skip", run=run, host=host, text=text)

    def retry(self, run: str, host: str, text: str = "") -> RunState:
        """Try the step of a failed host once more."""
        return self._do("retry", run=run, host=host, text=text)

    def answer(self, run: str, host: str, text: str) -> RunState:
        """Answer what a host asks; for a red gate the text is the reason that overrules it."""
        return self._do("answer", run=run, host=host, text=text)

    def note(self, run: str, text: str, host: str = "") -> RunState:
        """Write a note into the record of a run."""
        return self._do("note", run=run, text=text, host=host)

    def _do(self, what: str, **params: str) -> RunState:
        return self.call(f"runs.{what}", params, RunState, START_SECONDS)
