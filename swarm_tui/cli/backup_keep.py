"""`swarm-tui backup prune|undo|compact|check|heal|drill|key|lock|release`: keeping backups small, whole and proven."""

from __future__ import annotations

import click

from backends.errors import AskOperator
from swarm_tui.cli.backup_follow import detach_option, finished, meant
from swarm_tui.cli.backup_restore import agreed, yes_option
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.update_reboot import refuse_read_only
from swarm_tui.client import open_engine
from swarm_tui.client_backups import KeyForm, Level
from swarm_tui.exits import OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import backup_lines as text


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.argument("set_name", metavar="SET")
@click.option("--preview", is_flag=True, help="Only show what would be removed.")
@yes_option
@detach_option
@json_option
@pass_options
def prune(
    options: ConsoleOptions, repository: str, set_name: str, preview: bool, yes: bool, detach: bool, as_json: bool
) -> int:
    """Remove archives that the retention does not keep. `backup undo` brings them back until the compaction."""
    with open_engine(options) as client:
        shown = client.backups.prune_preview(repository, set_name)
        if preview:
            write_json(shown) if as_json else click.echo("\n".join(text.prune_lines(shown)))
            return WARNING if shown.frozen else OK
        refuse_read_only(options, "prune")
        click.echo("\n".join(text.prune_lines(shown)), err=True)
        if all(fate.keep for fate in shown.fates):
            write_json(()) if as_json else None
            return OK
        agreed("remove these archives", yes)
        return finished(client, (client.backups.prune(repository, set_name, shown.token),), as_json, detach)


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.option("--lose", multiple=True, metavar="ARCHIVE", help="This newer archive may be lost for it (repeatable).")
@click.option("--aside", is_flag=True, help="Make the earlier state readable beside the repository; nothing is lost.")
@yes_option
@detach_option
@json_option
@pass_options
def undo(
    options: ConsoleOptions,
    repository: str,
    lose: tuple[str, ...],
    aside: bool,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Bring back what was pruned or deleted since the last compaction."""
    refuse_read_only(options, "undo a prune")
    agreed(f"bring back what was removed from {repository}", yes)
    with open_engine(options) as client:
        return finished(client, (client.backups.undo(repository, lose, aside),), as_json, detach)


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.option("--preview", is_flag=True, help="Only show what becomes final.")
@click.option("--accept", multiple=True, metavar="ID", help="This archive, which nobody here removed, may go.")
@yes_option
@detach_option
@json_option
@pass_options
def compact(
    options: ConsoleOptions,
    repository: str,
    preview: bool,
    accept: tuple[str, ...],
    yes: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Free the space of pruned archives; after this they are gone for good."""
    with open_engine(options) as client:
        shown = client.backups.compact_preview(repository)
        if preview:
            write_json(shown) if as_json else click.echo("\n".join(text.compact_lines(shown)))
            return WARNING if shown.refused else OK
        refuse_read_only(options, "compact")
        click.echo("\n".join(text.compact_lines(shown)), err=True)
        agreed("make this final", yes)
        return finished(client, (client.backups.compact(repository, shown.token, accept),), as_json, detach)


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--to", "repositories", multiple=True, metavar="NAME", help="Only this repository (repeatable).")
@click.option(
    "--level",
    type=click.Choice(["quick", "archives", "data"]),
    default="quick",
    show_default=True,
    help="quick: the structure; archives: their lists; data: every byte.",
)
@detach_option
@json_option
@pass_options
def check(
    options: ConsoleOptions, select: str, repositories: tuple[str, ...], level: Level, detach: bool, as_json: bool
) -> int:
    """Look whether repositories are whole. Exit status 2: one is damaged (`backup heal`)."""
    select, repositories = meant(select, repositories)
    with open_engine(options) as client:
        return finished(client, client.backups.start("check", select, (), repositories, level), as_json, detach)


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--set", "sets", multiple=True, metavar="SET", help="Only this set (repeatable).")
@click.option("--from", "repositories", multiple=True, metavar="NAME", help="Only from this repository (repeatable).")
@detach_option
@json_option
@pass_options
def drill(
    options: ConsoleOptions,
    select: str,
    sets: tuple[str, ...],
    repositories: tuple[str, ...],
    detach: bool,
    as_json: bool,
) -> int:
    """Prove that backups can be restored: sample files come back and are compared."""
    select, repositories = meant(select, repositories)
    with open_engine(options) as client:
        return finished(client, client.backups.start("drill", select, sets, repositories), as_json, detach)


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done.")
@yes_option
@detach_option
@json_option
@pass_options
def heal(options: ConsoleOptions, repository: str, only_plan: bool, yes: bool, detach: bool, as_json: bool) -> int:
    """Mend a damaged repository from intact copies, and prove it."""
    with open_engine(options) as client:
        plan = client.backups.heal_plan(repository)
        lines = [*plan.files, *plan.lines, *([f"problem: {plan.problem}"] if plan.problem else [])]
        if only_plan:
            write_json(plan) if as_json else click.echo("\n".join(lines) or "nothing is damaged")
            return WARNING if plan.files or plan.problem else OK
        if not plan.id:
            write_json(()) if as_json else click.echo("nothing is damaged")
            return OK
        refuse_read_only(options, "heal a repository")
        click.echo("\n".join(lines), err=True)
        agreed(f"heal {repository}", yes)
        return finished(client, (client.backups.heal(plan.id, plan.hash),), as_json, detach)


@click.group()
def key() -> None:
    """Keep the key elsewhere: without it and the passphrase no backup can be read."""


@key.command("export")
@click.argument("repository", metavar="REPOSITORY")
@click.option("--form", type=click.Choice(["text", "paper", "qr"]), default="paper", show_default=True)
@pass_options
def export_key(options: ConsoleOptions, repository: str, form: KeyForm) -> int:
    """Print key and passphrase. Whoever has this sheet and the repository can read everything."""
    refuse_read_only(options, "show a key")
    with open_engine(options) as client:
        click.echo(client.backups.key_export(repository, form))
    click.echo(f"when it is in a safe place: swarm-tui backup key escrow {repository} --note WHERE", err=True)
    return OK


@key.command("escrow")
@click.argument("repository", metavar="REPOSITORY")
@click.option("--note", default="", help="Where it is.")
@json_option
@pass_options
def record_escrow(options: ConsoleOptions, repository: str, note: str, as_json: bool) -> int:
    """Record that the key is kept elsewhere; until then an alarm stands."""
    refuse_read_only(options, "record an escrow")
    with open_engine(options) as client:
        found = client.backups.escrow(repository, note)
    write_json(found) if as_json else click.echo(f"recorded: key {found.fingerprint} of {repository} is kept elsewhere")
    return OK


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.option("--break", "broken", is_flag=True, help="Break it, when its holder is proven dead.")
@yes_option
@json_option
@pass_options
def lock(options: ConsoleOptions, repository: str, broken: bool, yes: bool, as_json: bool) -> int:
    """Who holds a repository, and whether that can still be true. Exit status: 0 nobody, 1 somebody."""
    with open_engine(options) as client:
        report = client.backups.lock(repository)
        if not broken:
            write_json(report) if as_json else click.echo("\n".join(text.lock_lines(report)))
            return WARNING if report.holder else OK
        refuse_read_only(options, "break a lock")
        click.echo("\n".join(text.lock_lines(report)), err=True)
        if report.dead is not True:
            raise AskOperator("the holder is not proven dead", action="break a lock", hint="end that Borg first")
        agreed(f"break the lock of {repository}", yes)
        client.backups.break_lock(repository, report.token)
    click.echo(f"the lock of {repository} is broken")
    return OK


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@pass_options
def release(options: ConsoleOptions, repository: str) -> int:
    """End the freeze that an anomaly put on pruning a repository."""
    refuse_read_only(options, "release a repository")
    with open_engine(options) as client:
        client.backups.release(repository)
    click.echo(f"{repository} may be pruned again")
    return OK


COMMANDS = (prune, undo, compact, check, drill, heal, key, lock, release)
