from __future__ import annotations

import pytest

from backends.ssh.target import Target


@pytest.mark.parametrize(
    ("address", "port", "alias", "place", "key_name"),
    [
        ("10.0.0.1", 22, "", "10.0.0.1:22", "10.0.0.1"),
        ("GPU01.lab", 2222, "", "GPU01.lab:2222", "[gpu01.lab]:2222"),
        ("fe80::1", 22, "", "[fe80::1]:22", "fe80::1"),
        ("10.0.0.1", 2222, "Farm", "10.0.0.1:2222", "farm"),
    ],
)
def test_a_target_is_written_as_people_and_as_known_hosts_write_it(
    address: str, port: int, alias: str, place: str, key_name: str
) -> None:
    target = Target(name="x", address=address, port=port, user="u", host_key_alias=alias)
    assert (target.place, target.key_name) == (place, key_name)


def test_the_way_names_the_first_hop_first() -> None:
    outer = Target(name="outer", address="o", user="u")
    inner = Target(name="inner", address="i", user="u", jump=outer)
    assert Target(name="x", address="x", user="u", jump=inner).via == ("outer", "inner")
    assert outer.via == ()
