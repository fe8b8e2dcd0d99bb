"""Everything that is wrong with what the configuration says of maintenance runs, as far as can be told without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from backends.backups.model import CONFIG, SECRETS
from backends.clock import utc
from backends.config.problem import Problem, nearest
from backends.config.schema import Config, DrainConfig, RunConfig
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.maintenance.amounts import amount
from backends.maintenance.batches import sizes
from backends.maintenance.model import Step, StepKind
from backends.maintenance.proof import set_named
from backends.maintenance.steps_text import seconds, slips, step
from backends.text import clean

KUBERNETES = ("kubeconfig", "context", "delete_emptydir", "force")
COMMANDS = ("status", "drain", "resume")
CRON = '"0 22 * * sat" is Saturdays at ten in the evening'


def problems(config: Config, hosts: Sequence[Host] | None) -> list[Problem]:
    """Errors, and warnings about what is probably not meant.

    Args:
        hosts: the fleet; None when the inventory itself is wrong, then no selector and no name of a host is judged.
    """
    return [
        *(found for at, run in enumerate(config.runs) for found in _run(f"runs.{at}", run, config, hosts)),
        *_twice("runs", [run.name for run in config.runs]),
        *_twice("maintenance.commands", [each.name for each in config.maintenance.commands]),
        *(found for at in range(len(config.maintenance.commands)) for found in _command(at, config)),
        *(found for at, each in enumerate(config.maintenance.drains) for found in _drain(at, each, hosts)),
        *_tags(config, hosts),
    ]


def _run(key: str, run: RunConfig, config: Config, hosts: Sequence[Host] | None) -> Iterator[Problem]:
    yield from _steps(key, run, config)
    yield from _told(f"{key}.batches", lambda: sizes(run.batches, 100, 100))
    yield from _amounts(key, run)
    yield from _timeouts(f"{key}.timeouts", run)
    yield from _window(f"{key}.window", run)
    if hosts is not None:
        yield from _told(f"{key}.hosts", lambda: select_names(run.hosts, hosts, lambda name: None))
        yield from _canaries(f"{key}.canaries", run, hosts)


def _steps(key: str, run: RunConfig, config: Config) -> Iterator[Problem]:
    found: list[Step] = []
    for text in run.steps:
        try:
            found.append(step(text))
        except BadInput as error:
            yield Problem(key=f"{key}.steps", message=error.message, hint=error.hint or "")
    sets = [CONFIG, SECRETS, *(each.name for each in config.backups.sets)]
    commands = [each.name for each in config.maintenance.commands]
    for each in found:
        known, what, named = commands, "command", each.argument
        if set_name := set_named(each):
            known, what, named = sets, "backup set", set_name
        elif each.kind is not StepKind.COMMAND:
            continue
        if named not in known:
            hint = nearest(named, known) or f"known here: {', '.join(known) or 'none'}"
            message = f'"{each.text}": there is no {what} "{named}"'
            yield Problem(key=f"{key}.steps", message=message, hint=hint)
    if len(found) == len(run.steps):
        for slip in slips(found):
            yield Problem(
                key=f"{key}.steps",
                message=slip.text,
                hint=slip.hint,
                severity="error" if slip.wrong else "warning",
            )


def _amounts(key: str, run: RunConfig) -> Iterator[Problem]:
    """100 hosts stand for any fleet: of those 1 % is one host."""
    for name in ("max_unavailable", "max_unavailable_per_domain"):
        text: str | None = getattr(run, name)
        if text is None:
            continue
        wrong = list(_told(f"{key}.{name}", partial(amount, text, 100)))
        yield from wrong
        if not wrong and amount(text, 100) < 1:
            yield Problem(key=f"{key}.{name}", message=f'"{text}": no host could ever be taken', hint='at least "1"')


def _timeouts(key: str, run: RunConfig) -> Iterator[Problem]:
    known = [*StepKind, *(text for text in run.steps if ":" in text)]
    for name, text in run.timeouts.items():
        if name not in known:
            hint = nearest(name, known) or f"a kind of step, or one of {', '.join(run.steps)}"
            yield Problem(key=f"{key}.{name}", message=f'there is no step "{clean(name, 60)}" in this run', hint=hint)
        yield from _told(f"{key}.{name}", partial(seconds, text))


def _window(key: str, run: RunConfig) -> Iterator[Problem]:
    window = run.window
    if window.timezone and window.timezone not in available_timezones():
        hint = nearest(window.timezone, available_timezones()) or '"Europe/Zurich" or "UTC"'
        yield Problem(key=f"{key}.timezone", message=f'no such time zone: "{clean(window.timezone, 60)}"', hint=hint)
    if not window.cron:
        if window != type(window)():
            yield Problem(key=key, message="a window without cron never opens", hint=CRON, severity="warning")
        return
    try:
        if len(window.cron.split()) != 5:
            raise CronSimError
        next(CronSim(window.cron, utc(0.0)))
    except (CronSimError, StopIteration, ValueError, IndexError, TypeError, AssertionError):
        message = f'"{clean(window.cron, 60)}" is no rule of when it opens'
        yield Problem(key=f"{key}.cron", message=message, hint=CRON)


def _canaries(key: str, run: RunConfig, hosts: Sequence[Host]) -> Iterator[Problem]:
    names = [host.name for host in hosts]
    for name in run.canaries:
        if name not in names:
            yield Problem(key=key, message=f'there is no host "{clean(name, 60)}"', hint=nearest(name, names))
    if run.canaries and not run.canary:
        hint = "canary = true, or no canaries"
        yield Problem(key=key, message="canary = false: these do not go first", hint=hint, severity="warning")


def _command(at: int, config: Config) -> Iterator[Problem]:
    command = config.maintenance.commands[at]
    yield from _told(f"maintenance.commands.{at}.timeout", lambda: seconds(command.timeout))


def _drain(at: int, drain: DrainConfig, hosts: Sequence[Host] | None) -> Iterator[Problem]:
    key = f"maintenance.drains.{at}"
    if hosts is not None:
        yield from _told(f"{key}.hosts", lambda: select_names(drain.hosts, hosts, lambda name: None))
        names = [host.name for host in hosts]
        if drain.controller and drain.controller not in names:
            hint = nearest(drain.controller, names) or "a host of the fleet"
            message = f'there is no host "{clean(drain.controller, 60)}"'
            yield Problem(key=f"{key}.controller", message=message, hint=hint)
    if "{" in drain.node.replace("{host}", "") or "}" in drain.node.replace("{host}", ""):
        yield Problem(key=f"{key}.node", message="only {host} can be replaced here", hint='node = "{host}.cluster"')
    missing = [name for name in COMMANDS if not getattr(drain, name)]
    if drain.scheduler == "command" and missing:
        message = f'scheduler = "command" needs {", ".join(missing)}'
        yield Problem(key=key, message=message, hint='drain = ["/usr/local/bin/node-drain", "{node}"]')
    yield from _without_effect(key, drain, "kubernetes", KUBERNETES)
    yield from _without_effect(key, drain, "command", COMMANDS)
    yield from _without_effect(key, drain, "ray", ("address",))


def _without_effect(key: str, drain: DrainConfig, scheduler: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names if drain.scheduler != scheduler else ():
        if getattr(drain, name):
            message = f'only scheduler = "{scheduler}" reads it'
            yield Problem(key=f"{key}.{name}", message=message, hint="leave it out", severity="warning")


def _tags(config: Config, hosts: Sequence[Host] | None) -> Iterator[Problem]:
    known = {tag for host in hosts or () for tag in host.tags}
    for tag in config.maintenance.approval_tags if hosts is not None else ():
        if tag not in known:
            message = f'no host has the tag "{clean(tag, 60)}"'
            hint = nearest(tag, known) or (f"tags: {', '.join(sorted(known)[:12])}" if known else "no host has a tag")
            yield Problem(key="maintenance.approval_tags", message=message, hint=hint, severity="warning")


def _twice(key: str, names: Sequence[str]) -> Iterator[Problem]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield Problem(key=f"{key}.{at}.name", message=f'"{name}" stands here twice', hint="give it another name")


def _told(key: str, read: Callable[[], object]) -> Iterator[Problem]:
    """What reading something raises, as a problem."""
    try:
        read()
    except BadInput as error:
        yield Problem(key=key, message=error.message, hint=error.hint or "")
