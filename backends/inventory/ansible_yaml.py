"""Reads Ansible's YAML inventories and variable files from the node tree, so that nothing is ever constructed from a tag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from backends.config.problem import Problem
from backends.errors import BadInput
from backends.inventory import ansible_ini
from backends.inventory.ansible import MAX_BYTES, VAULTED, Inventory
from backends.text import clean

if TYPE_CHECKING:
    import yaml

MAX_NODES = 2_000_000
"""Aliases can make a small file enormous; beyond this it is refused."""

MAX_DEPTH = 64
"""Of groups in groups."""


def parse(text: str) -> Inventory:
    """What the file says; what cannot be understood stands in `problems`, with its line.

    Raises:
        BadInput: not YAML, or a plugin's configuration instead of an inventory.
    """
    import yaml

    inventory = Inventory()
    top = _compose(text)
    if top is None:
        return inventory
    if not isinstance(top, yaml.MappingNode):
        raise BadInput("not an Ansible inventory: a table of groups is expected", hint="all:\n  hosts: …")
    if any(key.value == "plugin" for key, _ in top.value if isinstance(key, yaml.ScalarNode)):
        raise BadInput(
            "a dynamic inventory (a plugin's configuration); only static ones are read",
            hint="make it static: ansible-inventory -i FILE --list --yaml > static.yaml",
        )
    reader = _Reader(inventory)
    for name, node in reader.items(top, "groups"):
        reader.group(name, node, 0)
    return inventory


def variables_in(folder: Path, name: str, problems: list[Problem]) -> dict[str, str]:
    """The variables of a group or host from group_vars/NAME, NAME.yml or NAME.yaml, or the files in a folder NAME."""
    found: dict[str, str] = {}
    for file in _variable_files(folder, name):
        try:
            found |= _variables_of(file)
        except (OSError, BadInput) as error:
            message = error.message if isinstance(error, BadInput) else f"cannot be read: {error.strerror}"
            problems.append(Problem(file=str(file), message=message, severity="warning"))
    return found


def _variable_files(folder: Path, name: str) -> Iterator[Path]:
    if not folder.is_dir() or "/" in name or name.startswith("."):
        return
    for candidate in (folder / name, folder / f"{name}.yml", folder / f"{name}.yaml"):
        if candidate.is_dir():
            yield from sorted(
                path for path in candidate.iterdir() if path.suffix in ("", ".yml", ".yaml") and path.is_file()
            )
        elif candidate.is_file():
            yield candidate


def _variables_of(file: Path) -> dict[str, str]:
    import yaml

    if file.stat().st_size > MAX_BYTES:
        raise BadInput("too large")
    text = file.read_text("utf-8", "replace")
    if text.startswith("$ANSIBLE_VAULT"):
        raise BadInput("encrypted with Ansible Vault; its variables are not known")
    top = _compose(text)
    return _Reader(Inventory()).variables(top) if isinstance(top, yaml.MappingNode) else {}


def _compose(text: str) -> yaml.Node | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise BadInput(f"not valid YAML: {clean(str(getattr(error, 'problem', None) or error), 160)}{place}") from error
    except RecursionError as error:
        raise BadInput("nested too deeply to be an inventory") from error
    return node


class _Reader:
    """Walks the node tree, counting nodes."""

    def __init__(self, inventory: Inventory):
        self._inventory = inventory
        self._nodes = 0

    def items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
        """Key and value of a table; nothing for an empty value, a problem for anything else."""
        import yaml

        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
            return
        if not isinstance(node, yaml.MappingNode):
            self._inventory.wrong(_line(node), f"a table of {what} is expected here", "NAME: on a line of its own")
            return
        for key, value in node.value:
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise BadInput("too large: its aliases unfold into millions of entries")
            if isinstance(key, yaml.ScalarNode):
                yield key.value, value

    def group(self, name: str, node: yaml.Node, depth: int) -> None:
        """One group with its hosts, variables and children."""
        if depth > MAX_DEPTH:
            raise BadInput("groups are nested too deeply")
        group = self._inventory.group(name)
        for key, value in self.items(node, "hosts, children and vars"):
            if key == "hosts":
                for pattern, variables in self.items(value, "hosts"):
                    self._hosts(name, pattern, variables)
            elif key == "children":
                for child, content in self.items(value, "groups"):
                    group.children.append(child)
                    self.group(child, content, depth + 1)
            elif key == "vars":
                group.variables |= self.variables(value)
            else:
                self._inventory.wrong(
                    _line(value),
                    f'unknown key "{clean(key, 80)}" in group "{clean(name, 80)}"',
                    "hosts, children or vars",
                )

    def _hosts(self, group: str, pattern: str, node: yaml.Node) -> None:
        variables = self.variables(node)
        try:
            for name in ansible_ini.expand(pattern):
                self._inventory.group(group).hosts.append(name)
                self._inventory.host(name, _line(node), variables)
        except BadInput as error:
            self._inventory.wrong(_line(node), error.message, error.hint or "")

    def variables(self, node: yaml.Node) -> dict[str, str]:
        """The variables with plain values; lists and tables are of no interest here."""
        import yaml

        found: dict[str, str] = {}
        for name, value in self.items(node, "variables"):
            if value.tag in ("!vault", "!vault-encrypted"):
                found[name] = VAULTED
            elif isinstance(value, yaml.ScalarNode) and not value.tag.endswith(":null"):
                found[name] = value.value
        return found


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
