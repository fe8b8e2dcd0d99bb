"""Static inventories mean what Ansible says they mean: compared with the output of `ansible-inventory --list` (core 2.19)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.config.problem import Problem
from backends.errors import BadInput
from backends.inventory import ansible, ansible_ini, ansible_yaml
from backends.inventory.host import Host

OUTPUTS = Path(__file__).parents[2] / "outputs" / "ansible"


def read(file: Path) -> tuple[list[Host], list[Problem]]:
    problems: list[Problem] = []
    return ansible.read(file, problems), problems


def from_text(folder: Path, text: str, name: str = "hosts.ini") -> tuple[dict[str, Host], list[Problem]]:
    (folder / name).write_text(text)
    hosts, problems = read(folder / name)
    return {host.name: host for host in hosts}, problems


def groups_of(expected: dict[str, Any], host: str) -> set[str]:
    """All groups above a host in Ansible's own answer."""
    direct = {name for name, group in expected.items() if name != "_meta" and host in group.get("hosts", ())}
    while above := {name for name, group in expected.items() if direct & set(group.get("children", ()))} - direct:
        direct |= above
    return direct - {"all", "ungrouped"}


@pytest.mark.parametrize(
    ("inventory", "output"),
    [("static.ini", "static.ini"), ("static.yaml", "static.yaml"), ("beside/hosts", "beside-hosts")],
)
def test_hosts_variables_and_groups_are_those_that_ansible_sees(inventory: str, output: str) -> None:
    expected = json.loads((OUTPUTS / f"{output}.expected.json").read_text())
    hosts, problems = read(OUTPUTS / inventory)
    assert problems == []
    everywhere = {name for key, group in expected.items() if key != "_meta" for name in group.get("hosts", ())}
    assert {host.name for host in hosts} == everywhere
    for host in hosts:
        variables = expected["_meta"]["hostvars"].get(host.name, {})
        key = variables.get("ansible_ssh_private_key_file")
        assert host.address == variables.get("ansible_host"), host
        assert host.port == variables.get("ansible_port"), host
        assert host.user == variables.get("ansible_user"), host
        assert host.identity_files == ((key,) if key else ()), host
        assert host.become == ("sudo" if str(variables.get("ansible_become")).lower() in ("true", "yes") else "none"), (
            host
        )
        assert set(host.tags) == groups_of(expected, host.name), host
        assert host.groups == host.tags


def test_a_host_knows_the_line_that_declares_it(tmp_path: Path) -> None:
    hosts, _ = from_text(tmp_path, "# first\n[gpu]\ngpu1\n")
    assert hosts["gpu1"].origin == "hosts.ini:3"


def test_the_default_for_become_holds_where_the_inventory_is_silent(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("a\nb ansible_become=no\n")
    hosts = ansible.read(tmp_path / "h", [], "sudo")
    assert [host.become for host in hosts] == ["sudo", "none"]


def test_local_connections_are_this_machine(tmp_path: Path) -> None:
    hosts, _ = from_text(tmp_path, "here ansible_connection=local\n")
    assert hosts["here"].source == "local"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[gpu\na\n", 1, "not a section"),
        ("[gpu:what]\n", 1, "not a section"),
        ("a b\n", 1, 'not a variable: "b"'),
        ("[g:vars]\nnothing\n", 2, "not a variable"),
        ('a x="1\n', 1, "quotation mark"),
        ("web[1-3]\n", 1, "not a range"),
        ("web[3:1]\n", 1, "is empty"),
        ("web[1:c]\n", 1, "not a range"),
        ("web[1:999999999]\n", 1, "more than 100000 names"),
        ("a[1:999][1:999]\n", 1, "more than 100000 names"),
        ("[a:children]\nb\n", None, 'undefined child "b"'),
        ("[a:children]\nb\n[b:children]\na\n", None, "groups contain each other: a → b → a"),
        ("a ansible_port=ssh\n", 1, 'ansible_port is "ssh"'),
        ("a ansible_port=0\n", 1, 'ansible_port is "0"'),
        ("a ansible_host={{x}}\n", 1, "is a template"),
        ("a/b\n", 1, "cannot be a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    _, problems = from_text(tmp_path, text)
    assert [problem.severity for problem in problems] == ["error"]
    assert (problems[0].line, problems[0].file) == (line, str(tmp_path / "hosts.ini"))
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("inv", "#!/usr/bin/env python3\n", "dynamic inventory"),
        ("inv", "$ANSIBLE_VAULT;1.1;AES256\n6162\n", "Ansible Vault"),
        ("aws.yaml", "plugin: amazon.aws.aws_ec2\n", "dynamic inventory"),
        ("h.yaml", "- a\n", "a table of groups is expected"),
        ("h.yaml", "a: [\n", "not valid YAML"),
        ("h.yaml", "a: \x07\n", "not valid YAML"),
        ("h.yaml", "all:\n  hosts: [a, b]\n", "a table of hosts is expected"),
        ("h.yaml", "all:\n  host: {a: }\n", 'unknown key "host"'),
        ("h.yaml", "all:\n  hosts:\n    a: {ansible_host: !vault x}\n", "encrypted"),
        ("h.yaml", "all:\n  hosts:\n    'a[3:1]': \n", "is empty"),
    ],
)
def test_what_only_ansible_could_read_is_refused_with_the_reason(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    hosts, problems = from_text(tmp_path, text, name)
    assert message in problems[0].message
    assert problems[0].severity == "error"
    assert hosts.keys() <= {"a"}


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_files_that_are_none_are_told(tmp_path: Path, name: str) -> None:
    assert read(tmp_path / name)[1][0].severity == "error"


def test_text_in_other_encodings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"caf\xe9\n")
    assert read(tmp_path / "h")[1][0].message == "not UTF-8 text"


def test_what_is_not_honoured_is_a_warning_told_once_and_never_shows_secrets(tmp_path: Path) -> None:
    text = "[g]\na\nb\nc ansible_connection=winrm\nd ansible_become=1 ansible_become_method=su\n[g:vars]\nansible_password=hunter2\nansible_ssh_common_args=-J bastion\n"
    hosts, problems = from_text(tmp_path, text)
    assert {problem.severity for problem in problems} == {"warning"}
    assert sorted(hosts) == ["a", "b", "d"]
    assert len(problems) == 4
    assert "hunter2" not in str(problems)


def test_a_vaulted_variable_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
    hosts, problems = from_text(tmp_path, "a\n")
    assert "Ansible Vault" in problems[0].message
    assert problems[0].severity == "warning"
    assert list(hosts) == ["a"]


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    rows = ["a0: &a0 {hosts: {x: }}"]
    rows += [f"a{n}: &a{n} {{children: {{{', '.join(f'c{m}: *a{n - 1}' for m in range(9))}}}}}" for n in range(1, 12)]
    _, problems = from_text(tmp_path, "\n".join(rows), "bomb.yaml")
    assert "too large" in problems[0].message


def test_thousands_of_hosts_in_many_groups_are_read_quickly(tmp_path: Path) -> None:
    text = "[gpu]\ngpu[0001:5000]\n" + "".join(f"[g{n}]\ngpu[{n * 10 + 1:04d}:{n * 10 + 9:04d}]\n" for n in range(400))
    hosts, problems = from_text(tmp_path, text)
    assert problems == []
    assert len(hosts) == 5000
    assert hosts["gpu0015"].tags == ("g1", "gpu")


@settings(max_examples=100)
@given(st.text(alphabet="ab[]:;#=\"' \n019{}.,\\", max_size=60))
def test_any_ini_text_gives_hosts_or_problems(text: str) -> None:
    inventory = ansible_ini.parse(text)
    assert set(inventory.lines) == set(inventory.variables)


@settings(max_examples=100)
@given(st.text(alphabet="ab:-{}[]&*!|>?,\n 01#\"'", max_size=60))
def test_any_yaml_text_gives_hosts_or_problems(text: str) -> None:
    try:
        inventory = ansible_yaml.parse(text)
    except BadInput:
        return
    assert set(inventory.lines) == set(inventory.variables)
