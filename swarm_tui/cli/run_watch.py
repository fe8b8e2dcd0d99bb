"""`swarm-tui run watch`: what happens to a run and its hosts, as it happens, until no host is left."""

from __future__ import annotations

import queue
import time
from typing import NamedTuple

import click

from backends.clock import utc
from backends.errors import RetryLater
from backends.maintenance.model import HostRun, RunStatus, Stage
from backends.maintenance.views import RunView
from backends.metrics.sample import Record
from swarm_tui.cli.exec import seconds
from swarm_tui.cli.output import json_option, pass_options, write_json_line, write_table
from swarm_tui.cli.run_names import run_argument, run_id
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import run_lines as text

POLL_SECONDS = 0.5
"""What the engine does not announce is seen after so long."""
SAY_SECONDS, WAIT_SECONDS = 10.0, 60.0
"""Between two lines about one host whose state and step are the same, and about the run: what counts is not a line each."""


class Told(Record, frozen=True, kw_only=True):
    """One line of `run watch --json`; a public contract."""

    time: float
    run: str
    kind: str
    """"run", "host", or "end" for the last one."""
    state: str
    """Of the run ("ended" in the last line, unless --timeout was over before), or of the host; its detail ("draining") is `doing`."""
    host: str = ""
    doing: str = ""
    step: str = ""
    text: str = ""


def _patience(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    return None if value is None else seconds(ctx, param, value)


timeout_option = click.option(
    "--timeout",
    callback=_patience,
    metavar="TIME",
    help="Give up looking after so long (30m, 2h): exit status 3, and the run goes on.",
)


@click.command()
@run_argument
@timeout_option
@json_option
@pass_options
def watch(options: ConsoleOptions, run: str, timeout: float | None, as_json: bool) -> int:
    """Follow a run to its end; Ctrl-C stops looking, not the run. With --json: one object a line.

    Exit status: 0 every host is done, 1 some were skipped, 2 some failed, 3 it was not over within --timeout.
    """
    with open_engine(options) as client:
        return ended(follow(client, run_id(client, run), as_json, timeout=timeout), as_json)


def follow(client: EngineClient, run: str, as_json: bool, err: bool = False, timeout: float | None = None) -> RunView:
    """Lines as things change, until the run has ended or `timeout` seconds are over; how it stands then.

    Raises:
        RetryLater: the engine has ended; the run goes on when it is back.
    """
    deadline = time.monotonic() + timeout if timeout is not None else float("inf")
    client.subscribe_events()
    said: dict[str, Said] = {}
    view = client.runs.view(run)
    while True:
        for line in news(view, said):
            _say(line, as_json, err)
        left = deadline - time.monotonic()
        if view.status is RunStatus.ENDED or left <= 0:
            if as_json:
                _say(_end(view), as_json)
            return view
        _wait(client, min(left, POLL_SECONDS))
        view = text.merged(view, client.runs.view(run, view.version))


class Said(NamedTuple):
    """What was last told of a host, or (under "") of the run."""

    state: str
    words: str
    time: float


NOTHING = Said("", "", 0.0)


def news(view: RunView, said: dict[str, Said]) -> list[Told]:
    """What is different from what was said, which is brought up to date."""
    found: list[Told] = []
    run = Said(text.run_key(view), text.run_words(view), view.now)
    if _is_news(said.get("", NOTHING), run, WAIT_SECONDS):
        said[""] = run
        found.append(Told(time=view.now, run=view.run, kind="run", state=str(view.status), text=run.words))
    for name, host in (view.hosts or {}).items():
        doing = text.state(host, view.looks.get(name))
        now = Said(f"{host.stage} {host.step} {host.attempt} {doing}", text.host_words(host, view), view.now)
        begun = name in said or host.stage is not Stage.QUEUED
        if begun and _is_news(said.get(name, NOTHING), now, SAY_SECONDS):
            said[name] = now
            found.append(_told(host, view, doing))
    return found


def _is_news(before: Said, now: Said, seconds: float) -> bool:
    """Another state at once; other words about the same state only after so long."""
    if before.state == now.state and now.time - before.time < seconds:
        return False
    return before.words != now.words


def _told(host: HostRun, view: RunView, doing: str) -> Told:
    look = view.looks.get(host.host)
    return Told(
        time=view.now,
        run=view.run,
        kind="host",
        state=str(host.stage),
        host=host.host,
        doing=doing,
        step=text.step(view.plan, host),
        text="  ".join(part for part in (text.text(host, look), text.hint(host, look)) if part),
    )


def _end(view: RunView) -> Told:
    words = text.counts(view.hosts or {})
    return Told(time=view.now, run=view.run, kind="end", state=str(view.status), text=words)


def _say(line: Told, as_json: bool, err: bool = False) -> None:
    if as_json:
        write_json_line(line)
    else:
        place = f"{line.host}: " if line.host else ""
        words = "  ".join(part for part in (line.doing, line.step, line.text) if part)
        click.echo(f"{utc(line.time):%H:%M:%S}Z  {place}{words}", err=err)


def _wait(client: EngineClient, seconds: float) -> None:
    """Until the engine announces something, at most so long."""
    try:
        note = client.notifications.get(timeout=seconds)
        while note is not None:
            note = client.notifications.get_nowait()
    except queue.Empty:
        return
    raise RetryLater("the engine has ended", hint="start it: swarm-tui engine; the run goes on where it was")


def ended(view: RunView, as_json: bool) -> int:
    """The end of what was followed, on stdout and as an exit status: UNKNOWN when the run goes on."""
    if not as_json:
        show(view)
    if view.status is RunStatus.ENDED:
        return result(view)
    click.echo(f"not over yet, and it goes on: swarm-tui run watch {view.run}", err=True)
    return UNKNOWN


def show(view: RunView) -> None:
    """The board on stdout."""
    click.echo("\n".join(text.board_lines(view)))
    order = text.in_order(view)
    if order:
        click.echo()
        write_table(text.HOST_HEAD, text.host_rows(view), (4,), lambda at: text.COLOURS.get(order[at].stage, ""))
    if notes := text.note_lines(view):
        click.echo("\n" + "\n".join(notes))


def result(view: RunView) -> int:
    """0 all hosts are done, 1 some were skipped or are not through, 2 some failed or the run stopped by itself."""
    stages = {host.stage for host in (view.hosts or {}).values()}
    if Stage.FAILED in stages or view.status is RunStatus.STOPPED:
        return FAILED
    return OK if view.status is RunStatus.ENDED and stages <= {Stage.DONE} else WARNING


COMMANDS = (watch,)
