"""`swarm-tui backup archives|files|find|history|diff|line`: looking into backups without changing anything."""

from __future__ import annotations

import click

from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.client import open_engine
from swarm_tui.exits import OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import backup_lines as text


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--set", "set_name", metavar="SET", default="", help="Only of this set.")
@click.option("--repository", metavar="KEY", default="", help='Only in this one ("vault/gpu01").')
@json_option
@pass_options
def archives(options: ConsoleOptions, select: str, set_name: str, repository: str, as_json: bool) -> int:
    """Every archive, newest first. Exit status 3: there is none."""
    with open_engine(options) as client:
        found = client.backups.archives(select, set_name, repository)
    if as_json:
        write_json(found)
    else:
        write_table(text.ARCHIVE_HEAD, [text.archive_cells(each) for each in found], (3, 4, 5))
    return OK if found else UNKNOWN


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.argument("archive", metavar="ARCHIVE")
@click.argument("path", metavar="[PATH]", default="")
@click.option("--offset", type=int, default=0, help="Begin with the Nth entry.")
@click.option("--limit", type=int, default=500, help="At most so many entries.")
@json_option
@pass_options
def files(
    options: ConsoleOptions, repository: str, archive: str, path: str, offset: int, limit: int, as_json: bool
) -> int:
    """What a directory of an archive holds."""
    with open_engine(options) as client:
        found = client.backups.files(repository, archive, path.strip("/"), offset, limit)
    if as_json:
        write_json(found)
        return OK
    write_table(text.FILE_HEAD, [text.file_cells(entry) for entry in found.entries], (2,))
    if found.total > offset + len(found.entries):
        click.echo(f"{found.total} entries; the next: --offset {offset + len(found.entries)}", err=True)
    return OK


@click.command("find")
@click.argument("words", metavar="TEXT")
@click.option("--hosts", "select", metavar="SELECTOR", default="", help="Only of these hosts.")
@click.option("--limit", type=int, default=100, help="At most so many paths.")
@json_option
@pass_options
def find(options: ConsoleOptions, words: str, select: str, limit: int, as_json: bool) -> int:
    """Paths in any archive that contain TEXT (* and ? stand for letters). Exit status 1: none."""
    with open_engine(options) as client:
        hits = client.backups.search(words, select, limit)
    if as_json:
        write_json(hits)
    else:
        for hit in hits:
            newest = hit.newest.archive
            click.echo(f"{hit.host}: {hit.path}  {hit.archives} archives, newest {newest.name} in {newest.repository}")
    return OK if hits else WARNING


@click.command()
@click.argument("host")
@click.argument("path")
@json_option
@pass_options
def history(options: ConsoleOptions, host: str, path: str, as_json: bool) -> int:
    """One file over all archives and repositories, newest first. Exit status 1: in none."""
    with open_engine(options) as client:
        versions = client.backups.history(host, path.strip("/"))
    if as_json:
        write_json(versions)
    else:
        for each in versions:
            mode, owner, size, changed, _ = text.file_cells(each.entry)
            where = f"{each.archive.repository} {each.archive.name}"
            click.echo(f"{text.when(each.archive.start)}  {each.change:<8} {mode} {owner} {size} {changed}  {where}")
    return OK if versions else WARNING


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.argument("a", metavar="ARCHIVE")
@click.argument("b", metavar="ARCHIVE")
@click.argument("path", metavar="[PATH]", default="")
@click.option("--text", "unified", is_flag=True, help="The content of PATH as a unified diff, secrets masked.")
@json_option
@pass_options
def diff(options: ConsoleOptions, repository: str, a: str, b: str, path: str, unified: bool, as_json: bool) -> int:
    """What differs between two archives. Exit status: 0 nothing, 1 something."""
    if unified and not path:
        raise click.UsageError("--text needs a PATH")
    with open_engine(options) as client:
        if unified:
            shown = client.backups.file_diff(repository, a, b, path.strip("/"))
            click.echo(shown)
            return WARNING if shown else OK
        changes = client.backups.diff(repository, a, b, path.strip("/"))
    if as_json:
        write_json(changes)
    else:
        click.echo("\n".join(map(text.change_words, changes)) or "no difference")
    return WARNING if changes else OK


@click.command("line")
@click.argument("action")
@click.argument("repository", metavar="REPOSITORY")
@click.argument("set_name", metavar="[SET]", default="")
@pass_options
def line(options: ConsoleOptions, action: str, repository: str, set_name: str) -> int:
    """Print the exact Borg command lines of an action (backup, prune, compact, check, list …)."""
    with open_engine(options) as client:
        click.echo("\n".join(client.backups.lines(action, repository, set_name)))
    return OK


@click.command("mount")
@click.argument("repository", metavar="[REPOSITORY]", default="")
@click.argument("archive", metavar="[ARCHIVE]", default="")
@click.option("--off", metavar="DIRECTORY", default="", help="Take this one off again.")
@json_option
@pass_options
def mount(options: ConsoleOptions, repository: str, archive: str, off: str, as_json: bool) -> int:
    """Make an archive a directory of the engine's machine; without arguments: what is mounted.

    Exit status 3: nothing can be mounted there.
    """
    if bool(repository) != bool(archive):
        raise click.UsageError("name a repository and an archive, or nothing")
    with open_engine(options) as client:
        if off:
            client.backups.umount(off)
            return OK
        if repository:
            made = client.backups.mount(repository, archive)
            write_json(made) if as_json else click.echo(made.directory)
            return OK
        mounts, problem = client.backups.mounts()
    if as_json:
        write_json({"mounts": mounts, "problem": problem})
    else:
        for each in mounts:
            click.echo(f"{each.directory}  {each.repository} {each.archive}".rstrip())
        if problem:
            click.echo(problem, err=True)
    return UNKNOWN if problem else OK


COMMANDS = (mount, archives, files, find, history, diff, line)
