"""The fleet follows from the configuration; what is declared twice or goes round in circles is told with both places."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from backends.config.check import check
from backends.config.problem import Problem
from backends.errors import BadInput
from backends.inventory.build import build, survey
from backends.inventory.host import Expect, Host


def fleet(text: str, folder: Path) -> tuple[dict[str, Host], list[Problem]]:
    config, found = check(text, "c.toml")
    assert config is not None, found
    result = survey(config, folder / "c.toml")
    return {host.name: host for host in result.hosts}, list(result.problems)


def test_without_hosts_the_fleet_is_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu01.example.com")
    hosts, problems = fleet("", tmp_path)
    assert problems == []
    assert hosts == {"gpu01": Host(name="gpu01", source="local", origin="this machine")}


def test_a_machine_with_an_impossible_name_is_localhost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "(none)")
    assert list(fleet("", tmp_path)[0]) == ["localhost"]


def test_hosts_take_what_they_do_not_say_from_the_defaults(tmp_path: Path) -> None:
    text = '[ssh]\nuser = "ops"\nbecome = "sudo"\nidentity_files = ["k"]\n[hosts.a]\n[hosts.b]\nuser = "me"\nbecome = "none"\nidentity_files = ["m"]\n'
    hosts, _ = fleet(text, tmp_path)
    assert (hosts["a"].user, hosts["a"].become, hosts["a"].identity_files) == ("ops", "sudo", ("k",))
    assert (hosts["b"].user, hosts["b"].become, hosts["b"].identity_files) == ("me", "none", ("m",))


def test_groups_unfold_ranges_and_address_patterns(tmp_path: Path) -> None:
    hosts, _ = fleet('[groups.dgx]\nnodes = "gpu[001-003],login"\naddress = "{name}.mgmt"\ntags = ["h100"]\n', tmp_path)
    assert list(hosts) == ["gpu001", "gpu002", "gpu003", "login"]
    assert hosts["gpu002"].address == "gpu002.mgmt"
    assert (hosts["login"].groups, hosts["login"].tags) == (("dgx",), ("h100",))
    assert hosts["login"].origin == "c.toml [groups.dgx]"


def test_what_must_be_there_is_carried_by_each_host_in_plain_units(tmp_path: Path) -> None:
    hosts, _ = fleet(
        '[hosts.a]\nexpect = { memory = "1.5TiB", infiniband_gbit = 400, key_units = ["slurmd*"] }\n[hosts.b]\n'
        '[groups.g]\nnodes = "c[1-2]"\nexpect = { gpus = 8, nics = ["eth0"], nvlinks = 18 }\n',
        tmp_path,
    )
    assert hosts["a"].expect == Expect(memory_bytes=3 << 39, infiniband_bits_per_second=4e11, key_units=("slurmd*",))
    assert hosts["b"].expect == Expect()
    assert hosts["c1"].expect == hosts["c2"].expect == Expect(gpus=8, nics=("eth0",), nvlinks=18)


def test_a_parent_that_is_part_of_its_group_does_not_hang_on_itself(tmp_path: Path) -> None:
    hosts, problems = fleet('[groups.g]\nnodes = "gw,a"\nparents = ["gw"]\n', tmp_path)
    assert problems == []
    assert (hosts["gw"].parents, hosts["a"].parents) == ((), ("gw",))


def test_a_parent_outside_the_inventory_is_fine(tmp_path: Path) -> None:
    assert fleet('[hosts.a]\nparents = ["switch1"]\n', tmp_path)[1] == []


def test_one_address_for_many_hosts_is_an_error(tmp_path: Path) -> None:
    _, problems = fleet('[groups.g]\nnodes = "a[1-2]"\naddress = "10.0.0.1"\n', tmp_path)
    assert "one address for 2 hosts" in problems[0].message
    assert "{name}" in problems[0].hint


def test_duplicates_name_both_places_and_are_folded(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("[x]\ngpu[1:3]\n")
    hosts, problems = fleet(
        '[hosts.gpu1]\n[groups.g]\nnodes = "gpu[1-2]"\n[inventory]\nansible = ["hosts.ini"]\n', tmp_path
    )
    texts = [problem.message for problem in problems]
    assert texts == [
        "gpu1 declared twice: in c.toml [hosts.gpu1] and in c.toml [groups.g]",
        "gpu1 declared twice: in c.toml [hosts.gpu1] and in hosts.ini:2",
        "gpu2 declared twice: in c.toml [groups.g] and in hosts.ini:2",
    ]
    assert hosts["gpu1"].origin == "c.toml [hosts.gpu1]"


@pytest.mark.parametrize(
    ("text", "ring"),
    [
        ('[hosts.a]\nparents = ["b"]\n[hosts.b]\nparents = ["c"]\n[hosts.c]\nparents = ["a"]\n', "a → b → c → a"),
        ('[hosts.x]\nparents = ["a"]\n[hosts.a]\nparents = ["b"]\n[hosts.b]\nparents = ["a"]\n', "a → b → a"),
    ],
)
def test_parents_in_a_circle_are_told(tmp_path: Path, text: str, ring: str) -> None:
    assert [problem.message for problem in fleet(text, tmp_path)[1]] == [f"parents go round in a circle: {ring}"]


def test_two_ways_up_are_no_circle(tmp_path: Path) -> None:
    text = '[hosts.a]\nparents = ["b", "c"]\n[hosts.b]\nparents = ["d"]\n[hosts.c]\nparents = ["d"]\n[hosts.d]\n'
    assert fleet(text, tmp_path)[1] == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[hosts."a b"]\n', "hosts.a b"),
        ('[hosts."gpu[1-4]"]\n', "hosts.gpu[1-4]"),
        ('[hosts."-oProxyCommand=x"]\n', "hosts.-oProxyCommand=x"),
        ('[groups."g h"]\nnodes = "a"\n', "groups.g h"),
        ('[groups.g]\nnodes = "a["\n', "groups.g.nodes"),
        ('[groups.g]\nnodes = "a[1-999999999]"\n', "groups.g.nodes"),
        ('[groups.g]\nnodes = "-x"\n', "groups.g.nodes"),
    ],
)
def test_impossible_names_and_ranges_are_told(tmp_path: Path, text: str, key: str) -> None:
    assert [problem.key for problem in fleet(text, tmp_path)[1]] == [key]


def test_hosts_from_the_openssh_configuration_never_clash(tmp_path: Path) -> None:
    (tmp_path / "ssh_config").write_text("Host a b\nHost *.x !c\n")
    text = f'[ssh]\nconfig_file = "{tmp_path}/ssh_config"\nuser = "ops"\n[hosts.a]\nport = 1\n[inventory]\nssh_config = true\n'
    hosts, problems = fleet(text, tmp_path)
    assert problems == []
    assert (list(hosts), hosts["a"].port, hosts["b"].user) == (["a", "b"], 1, "ops")


def test_wanting_hosts_from_no_openssh_configuration_is_an_error(tmp_path: Path) -> None:
    _, problems = fleet('[ssh]\nconfig_file = "none"\n[inventory]\nssh_config = true\n', tmp_path)
    assert problems[0].key == "inventory.ssh_config"


def test_an_empty_inventory_is_not_replaced_by_this_machine(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("")
    assert fleet('[inventory]\nansible = ["hosts.ini"]\n', tmp_path) == ({}, [])


def test_a_selector_that_means_no_host_is_told_with_its_place(tmp_path: Path) -> None:
    wrong = '[updates]\npython_environments = ["/a", { path = "/b", hosts = "tag:b200" }]\n'
    hosts, problems = fleet(f'[hosts.a]\ntags = ["a100"]\n{wrong}', tmp_path)
    assert list(hosts) == ["a"] and [problem.key for problem in problems] == ["updates.python_environments.1.hosts"]
    assert 'unknown tag "b200"' in problems[0].message and "a100" in problems[0].hint
    assert fleet(f'[hosts.a]\ntags = ["b200"]\n{wrong}', tmp_path)[1] == []


def test_a_wrong_inventory_is_told_before_the_selectors_that_need_it(tmp_path: Path) -> None:
    text = '[hosts."a b"]\n[updates]\npython_environments = [{ path = "/b", hosts = "c" }]\n'
    assert [problem.key for problem in fleet(text, tmp_path)[1]] == ["hosts.a b"]


def test_build_raises_everything_that_is_wrong(tmp_path: Path) -> None:
    config, _ = check('[hosts."a b"]\n[hosts."c d"]\n', "c.toml")
    assert config is not None
    with pytest.raises(BadInput, match="2 problems"):
        build(config, tmp_path / "c.toml")
