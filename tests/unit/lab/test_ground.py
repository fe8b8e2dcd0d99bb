"""Names and addresses of the lab: nothing of the machine's is touched, nothing ambiguous accepted."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from backends.errors import BadInput, Stop
from tests.lab.__main__ import main
from tests.lab.ground import Ground, host_name, number_of
from tests.lab.network import free_prefix


def test_a_host_has_a_number_a_name_and_an_address(tmp_path: Path) -> None:
    ground = Ground("x", tmp_path)
    ground.fleet.mkdir(parents=True)
    ground.prefix_file.write_text("10.99.7\n")
    assert [(host_name(n), ground.address(host_name(n))) for n in (1, 12)] == [
        ("lab1", "10.99.7.11"),
        ("lab12", "10.99.7.22"),
    ]


@pytest.mark.parametrize("name", ["lab0", "lab01", "lab201", "lab", "host1", "lab1/../x", "lab-1", "lab²"])
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="no host of the lab"):
        number_of(name)


@pytest.mark.parametrize("name", ["", "a/b", "..", "much-too-long", "waytoolong", "a b"])
def test_a_lab_name_fits_an_interface_name(name: str) -> None:
    with pytest.raises(BadInput):
        Ground(name)


def test_hosts_are_listed_in_order_of_their_numbers(tmp_path: Path) -> None:
    ground = Ground("x", tmp_path)
    for number in (10, 2, 1):
        (ground.hosts / host_name(number)).mkdir(parents=True)
    assert ground.host_names() == ["lab1", "lab2", "lab10"]


def test_a_network_that_this_machine_knows_is_never_taken() -> None:
    assert free_prefix([]) == "10.99.0"
    assert free_prefix([IPv4Network("10.99.0.0/23"), IPv4Network("10.99.2.5/32")]) == "10.99.3"
    with pytest.raises(Stop, match="no free network"):
        free_prefix([IPv4Network("10.0.0.0/8")])


def test_bad_use_is_told_and_ends_with_64(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--name", "not a name", "status"]) == 64
    assert main(["--name", "nosuch", "cut", "lab1"]) == 64
    told = capsys.readouterr().err
    assert "cannot name a lab" in told
    assert "no host 'lab1' in lab 'nosuch'" in told
