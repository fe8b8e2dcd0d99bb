"""Takes hosts from static Ansible inventories. Group variables flow to hosts as Ansible lets them; groups become tags.

Only what says how a host is reached is read. What cannot be known without running Ansible (scripts, plugins, templates,
vaults) is an error or a warning that says so, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backends.config.problem import Problem, nearest
from backends.config.schema import Become
from backends.errors import BadInput
from backends.inventory import ranges
from backends.inventory.host import Host
from backends.text import clean

MAX_BYTES = 64 << 20
"""Larger inventories are refused unread."""

BUILT_IN = ("all", "ungrouped")
"""Groups that every inventory has; they say nothing, so they become no tags."""

VAULTED = "\0vault"
"""Stands for an encrypted value."""

_TAG = re.compile(r"[A-Za-z0-9_.-]+")
_TRUE = {"true", "yes", "on", "1", "y", "t"}
_SSH = {"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh"}
_SECRETS = (
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_sudo_pass",
)
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")


@dataclass
class Group:
    """One group while a file is being read."""

    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass
class Inventory:
    """What one file says, before variables are handed down."""

    groups: dict[str, Group] = field(default_factory=lambda: {"all": Group()})
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """Host → its own variables."""
    lines: dict[str, int] = field(default_factory=dict)
    """Host → the line on which it first stands."""
    problems: list[tuple[int | None, str, str]] = field(default_factory=list)
    """Line, message, hint."""

    def group(self, name: str) -> Group:
        """The group, made when it is new."""
        return self.groups.setdefault(name, Group())

    def host(self, name: str, line: int, variables: Mapping[str, str]) -> None:
        """Note a host and its own variables."""
        self.lines.setdefault(name, line)
        self.variables.setdefault(name, {}).update(variables)

    def wrong(self, line: int | None, message: str, hint: str = "") -> None:
        """Note an error."""
        self.problems.append((line, message, hint))


def read(file: Path, problems: list[Problem], become: Become = "none") -> list[Host]:
    """The hosts of one inventory file, in its order; findings are added to `problems`.

    Args:
        file: INI or YAML, told apart by suffix and content.
        problems: takes errors (then the file gives no hosts) and warnings.
        become: what holds for hosts for which the inventory says nothing.
    """
    try:
        text = _text(file)
        inventory = _parsed(file, text)
    except BadInput as error:
        problems.append(Problem(file=str(file), key="inventory.ansible", message=error.message, hint=error.hint or ""))
        return []
    errors = [
        Problem(file=str(file), line=line, message=message, hint=hint) for line, message, hint in inventory.problems
    ]
    problems += errors
    if errors or _unknown_children(inventory, file, problems):
        return []
    _beside(file, inventory, problems)
    lineage = _lineage(inventory)
    return [
        host
        for name in inventory.lines
        if (host := _host(name, lineage[name], inventory, _Notes(file, inventory.lines[name], name, problems), become))
    ]


def _text(file: Path) -> str:
    try:
        if file.is_dir():
            raise BadInput("is a directory", hint="name the inventory files in it one by one")
        if file.stat().st_size > MAX_BYTES:
            raise BadInput(f"larger than {MAX_BYTES >> 20} MiB")
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput("no such file", hint="paths are relative to the configuration file") from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", hint=f"ls -l {file}") from error
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8 text") from error
    if text.startswith("#!"):
        raise BadInput(
            "a dynamic inventory (a program); only static ones are read",
            hint=f"make it static: ansible-inventory -i {file.name} --list --yaml > static.yaml",
        )
    if text.startswith("$ANSIBLE_VAULT"):
        raise BadInput(
            "encrypted with Ansible Vault", hint="ansible-vault decrypt it, or keep only the secrets in the vault"
        )
    return text


def _parsed(file: Path, text: str) -> Inventory:
    from backends.inventory import ansible_ini, ansible_yaml

    if file.suffix in (".yml", ".yaml", ".json") or re.match(r"\s*(?:#[^\n]*\n\s*)*(?:---|all\s*:|\{)", text):
        return ansible_yaml.parse(text)
    return ansible_ini.parse(text)


def _unknown_children(inventory: Inventory, file: Path, problems: list[Problem]) -> bool:
    """Add a problem for each child group that is not defined, and for rings; True when there was one."""
    before = len(problems)
    for name, group in inventory.groups.items():
        for child in group.children:
            if child not in inventory.groups:
                message = f'group "{clean(name, 80)}" has the undefined child "{clean(child, 80)}"'
                problems.append(Problem(file=str(file), message=message, hint=nearest(child, inventory.groups)))
    if len(problems) == before and (ring := _ring(inventory)):
        problems.append(Problem(file=str(file), message=f"groups contain each other: {' → '.join(ring)}"))
    return len(problems) > before


def _ring(inventory: Inventory) -> list[str]:
    """A chain of groups that ends where it began; [] when there is none."""
    free = {name: set(group.children) for name, group in inventory.groups.items()}
    while leaves := [name for name, children in free.items() if not children & free.keys()]:
        for name in leaves:
            del free[name]
    chain = [next(iter(free))] if free else []
    while chain and chain.index(chain[-1]) == len(chain) - 1:
        chain.append(sorted(free[chain[-1]] & free.keys())[0])
    return chain[chain.index(chain[-1]) :] if chain else []


def _beside(file: Path, inventory: Inventory, problems: list[Problem]) -> None:
    """Read group_vars/ and host_vars/ beside the inventory, as Ansible does; they win over the file itself."""
    from backends.inventory import ansible_yaml

    for name, group in inventory.groups.items():
        group.variables |= ansible_yaml.variables_in(file.parent / "group_vars", name, problems)
    if (file.parent / "host_vars").is_dir():
        for name, variables in inventory.variables.items():
            variables |= ansible_yaml.variables_in(file.parent / "host_vars", name, problems)


def _host(name: str, groups: list[str], inventory: Inventory, notes: _Notes, become: Become) -> Host | None:
    values: dict[str, str] = {}
    for group in groups:
        values |= inventory.groups[group].variables
    values |= inventory.variables.get(name, {})
    if not ranges.NAME.fullmatch(name):
        notes.error(
            f'"{clean(name, 80)}" cannot be a name', "letters, digits, - _ and . only; use ansible_host for addresses"
        )
        return None
    connection = values.get("ansible_connection", "ssh")
    if connection not in _SSH and connection != "local":
        notes.warning(f'left out: ansible_connection "{clean(connection, 40)}" is not SSH')
        return None
    tags = tuple(group for group in groups if group not in BUILT_IN and _TAG.fullmatch(group))
    return Host(
        name=name,
        address=_first(values, notes, "ansible_host", "ansible_ssh_host"),
        port=_port(_first(values, notes, "ansible_port", "ansible_ssh_port"), notes),
        user=_first(values, notes, "ansible_user", "ansible_ssh_user"),
        become=_become(values, notes, become),
        identity_files=_files(_first(values, notes, "ansible_ssh_private_key_file", "ansible_private_key_file")),
        tags=tags,
        groups=tags,
        source="local" if connection == "local" else "ssh",
        origin=f"{notes.file.name}:{notes.line}",
    )


def _lineage(inventory: Inventory) -> dict[str, list[str]]:
    """Host → all its groups, from "all" down to the nearest, so that later variables win; same depth by name."""
    depths = _depths(inventory)
    parents: dict[str, set[str]] = {}
    for group, content in inventory.groups.items():
        for child in content.children:
            parents.setdefault(child, set()).add(group)
    above: dict[str, set[str]] = {}
    for group in sorted(inventory.groups, key=depths.__getitem__):
        above[group] = {group}.union(*(above[parent] for parent in parents.get(group, ())))
    groups: dict[str, set[str]] = {name: {"all"} for name in inventory.lines}
    for group, content in inventory.groups.items():
        for name in content.hosts:
            groups[name] |= above[group]
    return {name: sorted(own, key=lambda group: (group != "all", depths[group], group)) for name, own in groups.items()}


def _depths(inventory: Inventory) -> dict[str, int]:
    """The longest way from the top to each group; there are no rings any more."""
    depths = dict.fromkeys(inventory.groups, 0)
    changed = True
    while changed:
        changed = False
        for group, content in inventory.groups.items():
            for child in content.children:
                if depths[child] <= depths[group]:
                    depths[child], changed = depths[group] + 1, True
    return depths


@dataclass
class _Notes:
    """Where findings about one host go; the same finding about many hosts of a file is told once."""

    file: Path
    line: int
    host: str
    problems: list[Problem]

    def error(self, message: str, hint: str = "") -> None:
        self.problems.append(
            Problem(file=str(self.file), line=self.line, key=clean(self.host, 80), message=message, hint=hint)
        )

    def warning(self, message: str, hint: str = "") -> None:
        self.problems.append(
            Problem(
                file=str(self.file),
                line=self.line,
                key=clean(self.host, 80),
                message=message,
                hint=hint,
                severity="warning",
            )
        )

    def once(self, message: str, hint: str) -> None:
        known = {(problem.file, problem.message) for problem in self.problems}
        if (str(self.file), message) not in known:
            self.problems.append(Problem(file=str(self.file), message=message, hint=hint, severity="warning"))


def _first(values: Mapping[str, str], notes: _Notes, *names: str) -> str | None:
    """The first of the variables that is set; templates and vaults cannot be read and are errors."""
    name = next((name for name in names if values.get(name)), None)
    if name is None:
        return None
    if values[name] == VAULTED:
        notes.error(f"{name} is encrypted with Ansible Vault", "give it in clear: it is no secret")
        return None
    if "{{" in values[name] or "{%" in values[name]:
        notes.error(f"{name} is a template that only Ansible can fill in", "write the value itself")
        return None
    return values[name]


def _port(text: str | None, notes: _Notes) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535:
        return int(text)
    notes.error(f'ansible_port is "{clean(text, 40)}", expected a whole number from 1 to 65535')
    return None


def _become(values: Mapping[str, str], notes: _Notes, default: Become) -> Become:
    if any(values.get(name) for name in _SECRETS):
        notes.once("passwords in the inventory are not used", "use keys or the agent, and sudo without a password")
    if any(values.get(name) for name in _ARGUMENTS):
        notes.once(
            "ansible_ssh_common_args and ansible_ssh_extra_args are not honoured",
            "put ProxyJump and the like into ~/.ssh/config",
        )
    if not values.get("ansible_become"):
        return default
    if values["ansible_become"].lower() not in _TRUE:
        return "none"
    method = values.get("ansible_become_method", "sudo").removeprefix("ansible.builtin.")
    if method != "sudo":
        notes.warning(f'ansible_become_method "{clean(method, 40)}" is not supported', "only sudo is")
        return "none"
    return "sudo"


def _files(text: str | None) -> tuple[str, ...]:
    return (text,) if text else ()
