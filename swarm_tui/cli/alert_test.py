"""`swarm-tui alerts test`: a notice through the real path, and whether it arrived."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import click

from backends.alerts.model import NoticeKind
from backends.alerts.views import DeliveryRow
from backends.errors import AskOperator
from backends.metrics.sample import Record
from swarm_tui.cli.alert_act import refuse_read_only
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.until import lasting
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN
from swarm_tui.options import ConsoleOptions
from swarm_tui.present.delivery_text import took

POLL_SECONDS = 0.25
SEEN = 20
"""Of the newest notices of a target, the test is among these."""


class Outcome(Record, frozen=True, kw_only=True):
    """What became of one test; a line of `alerts test --json`."""

    target: str
    state: Literal["waiting", "sent", "failed"] = "waiting"
    text: str = ""
    """What the engine said when it was put in."""
    number: int | None = None
    """Of the notice in the outbox."""
    reason: str = ""
    seconds: float = 0.0
    """That the attempt took."""


@click.command()
@click.argument("target", metavar="[TARGET]", default="")
@click.option("--all", "every", is_flag=True, help="Every target.")
@click.option("--wait", is_flag=True, help="Wait until it was sent or failed, and say which.")
@click.option(
    "--timeout",
    metavar="TIME",
    default="90s",
    show_default=True,
    callback=lasting,
    help="How long --wait waits.",
)
@json_option
@pass_options
def test(options: ConsoleOptions, target: str, every: bool, wait: bool, timeout: float, as_json: bool) -> int:
    """Send a test to a target, through the real path.

    Exit status: 0 it is on its way, or with --wait was taken; 2 the first try failed; 3 nothing is known in time.
    """
    refuse_read_only(options, "test a target")
    if bool(target) is every:
        raise click.UsageError("give a TARGET or --all, one of them")
    with open_engine(options) as client:
        outcomes = [_begun(client, name) for name in (_names(client) if every else (target,))]
        if wait:
            outcomes = _followed(client, outcomes, timeout)
    if as_json:
        write_json(outcomes)
    else:
        click.echo("\n".join(words(each, wait) for each in outcomes))
    return status_of(outcomes) if wait else OK


def _names(client: EngineClient) -> list[str]:
    names = [state.name for state in client.alerts.targets()]
    if not names:
        raise AskOperator("no target is configured", action="test the targets", hint="add one: [[alerts.targets]]")
    return names


def _begun(client: EngineClient, target: str) -> Outcome:
    """Put a test in; the outbox numbers what is put in later higher."""
    newest = max((row.number for row in client.alerts.outbox(target, 1).rows), default=0)
    said = client.alerts.test(target)
    return Outcome(target=target, text=said, number=_number(client, target, newest))


def _number(client: EngineClient, target: str, newest: int) -> int | None:
    numbers = [
        row.number
        for row in client.alerts.outbox(target, SEEN).rows
        if row.kind == NoticeKind.TEST and row.number > newest
    ]
    return min(numbers, default=None)


def _followed(client: EngineClient, begun: Sequence[Outcome], timeout: float) -> list[Outcome]:
    """Ask until each was sent or failed, or the time is over; how it goes is told on stderr."""
    deadline, outcomes = time.monotonic() + timeout, list(begun)
    while True:
        for at, each in enumerate(outcomes):
            if each.state == "waiting":
                outcomes[at] = _looked(client, each)
                if outcomes[at].state != "waiting" and len(outcomes) > 1:
                    click.echo(words(outcomes[at], wait=True), err=True)
        if all(each.state != "waiting" for each in outcomes) or time.monotonic() >= deadline:
            return outcomes
        time.sleep(POLL_SECONDS)


def _looked(client: EngineClient, outcome: Outcome) -> Outcome:
    rows = [row for row in client.alerts.outbox(outcome.target, SEEN).rows if row.number == outcome.number]
    return after(outcome, rows[0]) if rows else outcome


def after(outcome: Outcome, row: DeliveryRow) -> Outcome:
    """The outcome by how its notice stands; a first try that failed is a failure, whatever comes of the next ones."""
    if row.state in ("queued", "leased"):
        return outcome
    sent = row.state in ("sent", "collapsed")
    return Outcome(
        target=outcome.target,
        state="sent" if sent else "failed",
        text=outcome.text,
        number=outcome.number,
        reason=row.reason,
        seconds=row.seconds,
    )


def words(outcome: Outcome, wait: bool) -> str:
    """What became of it, in one line."""
    if outcome.state == "sent":
        time_taken = took(outcome.seconds)
        note = f": {outcome.reason}" if outcome.reason else ""
        return f"{outcome.target}: sent" + (f" in {time_taken}" if time_taken else "") + note
    if outcome.state == "failed":
        return f"{outcome.target}: FAILED: {outcome.reason or 'no reason is known'}"
    if not wait:
        return f"{outcome.target}: {outcome.text}"
    return f"{outcome.target}: neither sent nor failed yet; swarm-tui alerts outbox --target {outcome.target}"


def status_of(outcomes: Sequence[Outcome]) -> int:
    """The worst: failed, then what is not known."""
    states = {each.state for each in outcomes}
    return FAILED if "failed" in states else UNKNOWN if "waiting" in states else OK
