"""`swarm-tui alerts show|history|rules`: one alert with all that is known of it, what happened, what is watched."""

from __future__ import annotations

import fnmatch

import click

from backends.alerts.model import Edge, EdgeKind
from backends.alerts.views import RuleRow
from backends.config.problem import nearest
from backends.engine.wire_alerts import AlertDetail
from backends.errors import BadInput
from backends.states import Severity
from backends.text import clean
from swarm_tui.cli.alert_names import looks_known, named
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.until import since_option
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import alert_text, rule_text

MOST_EDGES = 10_000
"""That are asked for when only some of them will be shown."""


@click.command()
@click.argument("alert", metavar="ALERT")
@json_option
@pass_options
def show(options: ConsoleOptions, alert: str, as_json: bool) -> int:
    """Show one alert: evidence, advice, likely causes, who was told, what happened around it.

    ALERT is its first digits, or rule@host[:object]. Exit status: 0 it is over, 1 a warning, 2 critical.
    """
    with open_engine(options) as client:
        detail = _detail(client, alert)
    if as_json:
        write_json(detail)
    else:
        click.echo("\n".join(alert_text.detail_lines(detail)))
    if not alert_text.stands(detail.row):
        return OK
    return FAILED if detail.row.severity is Severity.CRITICAL else WARNING


def _detail(client: EngineClient, word: str) -> AlertDetail:
    """Of an alert that the list shows; digits of an older one are the engine's to find."""
    try:
        (row,) = named(client.alerts.view().alerts or (), (word,))
    except BadInput as error:
        if "\n" in error.message or not looks_known(word):
            raise
        return client.alerts.get(word.lower())
    return client.alerts.get(row.fingerprint)


@click.command()
@since_option("24h")
@click.option("--host", metavar="NAME", default="", help="Only this host.")
@click.option("--rule", metavar="GLOB", default="", help="Only these rules.")
@click.option(
    "--kind", type=click.Choice([kind.value for kind in EdgeKind]), default=None, help="Only what is of this kind."
)
@click.option("--audit", is_flag=True, help="Only what people did.")
@click.option("-n", "--limit", type=click.IntRange(1, MOST_EDGES), default=200, show_default=True)
@json_option
@pass_options
def history(
    options: ConsoleOptions,
    since: float,
    host: str,
    rule: str,
    kind: str | None,
    audit: bool,
    limit: int,
    as_json: bool,
) -> int:
    """What happened to alerts and what was done about them; the oldest comes first."""
    with open_engine(options) as client:
        edges = past(client, since, host, rule, limit, kind=kind or "", audit=audit)
    if as_json:
        write_json(edges)
    else:
        click.echo("\n".join(map(alert_text.edge_words, edges)) or "nothing happened")
    return OK


def past(
    client: EngineClient, since: float, host: str, rule: str, limit: int, *, kind: str = "", audit: bool = False
) -> list[Edge]:
    """The newest `limit` edges of the last `since` seconds, the oldest first."""
    most = MOST_EDGES if rule else limit
    edges = client.alerts.history(seconds=since, host=host, kind=kind, audit=audit, limit=most)
    return [edge for edge in edges if not rule or fnmatch.fnmatchcase(edge.rule, rule)][:limit][::-1]


@click.command()
@click.argument("glob", metavar="[GLOB]", default="*")
@json_option
@pass_options
def rules(options: ConsoleOptions, glob: str, as_json: bool) -> int:
    """What is watched, with limits, waits and where they come from; one rule by its name with its advice."""
    with open_engine(options) as client:
        every = client.alerts.rules()
    found = _meant(every, glob)
    if as_json:
        write_json(found)
    elif len(found) == 1:
        click.echo("\n".join(rule_text.rule_lines(found[0])))
    else:
        write_table(rule_text.RULE_HEAD, [rule_text.rule_cells(rule) for rule in found], (1,))
    return OK


def _meant(every: tuple[RuleRow, ...], glob: str) -> list[RuleRow]:
    """Raises BadInput: no rule is of that name, though there are some."""
    found = [rule for rule in every if fnmatch.fnmatchcase(rule.id, glob)]
    if every and not found:
        near = nearest(glob, [rule.id for rule in every])
        raise BadInput(f'no rule is called "{clean(glob, 80)}"', hint=near or "swarm-tui alerts rules")
    return found


COMMANDS = (show, history, rules)
