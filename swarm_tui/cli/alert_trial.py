"""`swarm-tui alerts backtest`: a rule, tried on history before anybody is woken by it."""

from __future__ import annotations

from pathlib import Path

import click

from backends.alerts.backtest import Backtest
from backends.errors import BadInput
from swarm_tui.cli.output import json_option, pass_options, plain, write_json, write_table
from swarm_tui.cli.until import for_option, since_option
from swarm_tui.client import open_engine
from swarm_tui.exits import OK, UNKNOWN
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import rule_text as text


@click.command()
@click.argument("rule", metavar="[RULE]", default="")
@click.option("--expression", metavar="TEXT", default="", help="A rule that does not exist yet: 'gpu>80 & tag:h100'.")
@for_option("With another wait than the rule's own")
@click.option("--hosts", "select", metavar="SELECTOR", default="", help="Only these hosts.")
@since_option("7d")
@click.option("--recording", metavar="FILE", default="", help="On a recording instead of the history.")
@click.option("-n", "--limit", type=click.IntRange(0, 10_000), default=50, show_default=True, help="Firings to list.")
@json_option
@pass_options
def backtest(
    options: ConsoleOptions,
    rule: str,
    expression: str,
    duration: float | None,
    select: str,
    since: float,
    recording: str,
    limit: int,
    as_json: bool,
) -> int:
    """Tell how often a rule would have fired, and how often with more patience. Nobody is told.

    With --attach the recording is read where the engine runs. Exit status: 0 it was tried, 3 there is no history.
    """
    if bool(rule) is bool(expression):
        raise click.UsageError("give a RULE or --expression, one of them")
    file = _file(options, recording)
    with open_engine(options) as client:
        found = client.alerts.backtest(
            rule=rule, expression=expression, for_seconds=duration, select=select, seconds=since, recording=file
        )
    if as_json:
        write_json({**plain(found), "sentence": found.sentence})
    else:
        _told(found, limit)
    return UNKNOWN if found.start is None or found.reason else OK


def _file(options: ConsoleOptions, recording: str) -> str:
    """The recording as the engine finds it. Raises BadInput."""
    if not recording or options.attach:
        return recording
    path = Path(recording).expanduser().resolve()
    if not path.is_file():
        raise BadInput(f"there is no recording {path}", action="try a rule", hint="swarm-tui record FILE makes one")
    return str(path)


def _told(found: Backtest, limit: int) -> None:
    click.echo(found.sentence)
    if words := text.covered(found):
        click.echo(words)
    for caution in found.cautions:
        click.echo(f"but: {caution}")
    firings, left = found.trial.firings[:limit], found.trial.count - min(limit, len(found.trial.firings))
    if firings:
        click.echo()
        write_table(text.FIRING_HEAD, [text.firing_cells(each) for each in firings], (1,))
        if left:
            click.echo(f"and {left} more")
    if found.others:
        click.echo()
        rows = [text.trial_cells(each) for each in (found.trial, *found.others)]
        write_table(text.TRIAL_HEAD, rows, range(5))


COMMANDS = (backtest,)
