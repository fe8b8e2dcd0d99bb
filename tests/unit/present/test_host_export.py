"""What y copies."""

from __future__ import annotations

import msgspec
import pytest

from backends.engine.wire import HostDetail
from backends.sources.base import LinkInfo
from swarm_tui.present.host_export import copied, row_text
from swarm_tui.present.host_line import line
from tests.unit.present.host_samples import detail


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (LinkInfo(user="root", address="10.0.0.11:22", via=("bastion",)), "ssh -J bastion root@10.0.0.11"),
        (LinkInfo(address="gpu01:2222"), "ssh -p 2222 gpu01"),
        (LinkInfo(user="a", address="[fe80::1]:22"), "ssh a@fe80::1"),
        (None, "ssh dgx04"),
    ],
)
def test_the_ssh_line_reaches_the_same_place(link: LinkInfo | None, expected: str) -> None:
    assert copied("s", "dgx04", detail(link=link), "")[0] == expected


def test_json_can_be_read_back() -> None:
    assert msgspec.json.decode(copied("j", "dgx04", detail(), "")[0], type=HostDetail) == detail()


def test_name_and_row() -> None:
    assert copied("h", "dgx04", None, "") == ("dgx04", "the host's name")
    assert copied("r", "dgx04", None, row_text((1, line("a   b  "))))[0] == "a b"
    assert copied("j", "dgx04", None, "")[0] == "dgx04"
