"""Drift: exactly what differs, nothing that only seems to; between moments and between hosts."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.drift import compare, unified
from backends.backups.masking import MASK
from backends.backups.snapshot_model import Snapshot
from backends.backups.views import DriftEntry, DriftReport
from backends.errors import BadInput
from tests.unit.backups.snapshot_case import entry, snapshot

BEFORE = snapshot(files={"etc/motd": "hello\n", "etc/hosts": "127.0.0.1 localhost\n"}, facts={"packages": "a 1\nb 2\n"})


def drift(before: Snapshot, after: Snapshot, *, peers: bool = False) -> DriftReport:
    return compare(before, after, against="then", time=5.0, peers=peers)


def changed(report: DriftReport) -> list[tuple[str, str]]:
    return [(each.path, each.kind) for each in report.entries]


def test_nothing_differs() -> None:
    found = drift(BEFORE, BEFORE)
    assert found == DriftReport(host="gpu01", against="then", time=5.0, entries=(), same=3)


def test_a_file_that_changed_came_and_went() -> None:
    after = snapshot(files={"etc/motd": "bye\n", "etc/new": "x\n"}, facts={"packages": "a 1\nb 2\n"})
    found = drift(BEFORE, after)
    assert changed(found) == [("etc/hosts", "removed"), ("etc/motd", "content"), ("etc/new", "added")]
    assert found.entries[1].before.startswith("6B ") and found.entries[1].after.startswith("4B ")
    assert all(each.text for each in found.entries) and found.same == 1


def test_mode_owner_link_and_type_each_count() -> None:
    def one(path: str, **more: object) -> Snapshot:
        return snapshot(entries=(entry(path, b"x", **more),))

    link = entry("a", None)
    link = msgspec.structs.replace(link, type="l", target="b")
    assert changed(drift(one("a"), one("a", mode=0o600))) == [("a", "mode")]
    assert changed(drift(one("a"), one("a", uid=7, user="bob", mode=0o600))) == [("a", "mode"), ("a", "owner")]
    assert changed(drift(one("a"), one("a", xattrs={"security.capability": "0100"}))) == [("a", "mode")]
    assert changed(drift(one("a"), snapshot(entries=(link,)))) == [("a", "type")]
    other = msgspec.structs.replace(link, target="c")
    (found,) = drift(snapshot(entries=(link,)), snapshot(entries=(other,))).entries
    assert found == DriftEntry(path="a", kind="link", before="b", after="c", text=False)


def test_a_time_alone_is_no_drift() -> None:
    assert (
        changed(drift(snapshot(entries=(entry("a", b"", mtime=1),)), snapshot(entries=(entry("a", b"", mtime=2),))))
        == []
    )


def test_running_state_that_is_kept_is_no_drift() -> None:
    old, new = (snapshot(files={"var/spool/slurmctld/job_state": text}) for text in ("1", "2"))
    assert changed(drift(old, new)) == []


def test_what_one_side_could_not_read_says_nothing() -> None:
    blind = snapshot(files={"etc/motd": "hello\n"}, facts={"packages": "a 1\nb 2\n"}, left_out=(("/etc/hosts", "no"),))
    assert changed(drift(BEFORE, blind)) == []
    deep = snapshot(files={"etc/x/y/z": "1"})
    assert changed(drift(deep, snapshot(left_out=(("/etc/x", "no"),)))) == []


def test_a_fact_is_a_set_of_lines() -> None:
    after = snapshot(
        files={"etc/motd": "hello\n", "etc/hosts": "127.0.0.1 localhost\n"}, facts={"packages": "b 3\na 1\nc 1\n"}
    )
    (found,) = drift(BEFORE, after).entries
    assert found == DriftEntry(path="fact:packages", kind="content", before="−1 line", after="+2 lines")
    other = snapshot(facts={"packages": "b 2\na 1\n"})
    assert changed(drift(snapshot(facts={"packages": "a 1\nb 2\n"}), other)) == []


def test_a_command_that_gave_no_answer_says_nothing_and_one_that_is_gone_does() -> None:
    old = snapshot(facts={"gpu-list": "GPU 0\n"})
    assert changed(drift(old, snapshot(failed={"gpu-list": "no answer within 20 s"}))) == []
    assert changed(drift(old, snapshot())) == [("fact:gpu-list", "removed")]
    assert changed(drift(snapshot(), old)) == [("fact:gpu-list", "added")]


def test_secrets_are_told_to_differ_and_never_shown() -> None:
    old, new = (snapshot(files={"etc/shadow": text}, kind="secrets") for text in ("a", "b"))
    (found,) = drift(old, new).entries
    assert found.secret and not found.text
    with pytest.raises(BadInput, match="no text of etc/shadow was kept"):
        unified(old, new, "etc/shadow")


def test_the_diff_of_a_file_and_of_a_fact() -> None:
    after = snapshot(files={"etc/motd": "hello\npassword=x\n"}, facts={"packages": "a 2\nb 2\n"}, time=1_800_003_600.0)
    found = unified(BEFORE, after, "etc/motd")
    assert found.splitlines()[0] == "--- /etc/motd (gpu01 2027-01-15 08:00 UTC)"
    assert found.splitlines()[3:] == [" hello", f"+password={MASK}"]
    assert "-a 1\n+a 2\n" in unified(BEFORE, after, "fact:packages")
    assert "+password=x" in unified(BEFORE, after, "etc/motd", mask=False)


def test_a_text_that_one_side_does_not_have_is_not_shown_as_new() -> None:
    grown = snapshot(entries=(entry("etc/motd", b"x" * 300_000),))
    (found,) = (each for each in drift(BEFORE, grown).entries if each.path == "etc/motd")
    assert found.kind == "content" and not found.text
    for path in ("etc/motd", "etc/nowhere", "fact:nothing"):
        with pytest.raises(BadInput, match="no text"):
            unified(BEFORE, grown, path)
    with pytest.raises(BadInput):
        unified(BEFORE, snapshot(failed={"packages": "no answer"}), "fact:packages")
    assert "-hello" in unified(BEFORE, snapshot(), "etc/motd")


SMALL = st.sampled_from(["", "a", "b", "a\nb", "b\na", "password=x"])
ENTRIES = st.builds(
    lambda path, content, mode, uid: entry(path, content, mode=mode, uid=uid),
    st.sampled_from(["etc/a", "etc/b", "etc/mtab", "etc/hostname"]),
    st.one_of(st.none(), st.binary(max_size=2)),
    st.sampled_from([0o600, 0o644]),
    st.sampled_from([0, 7]),
)
SNAPSHOTS = st.builds(
    lambda files, facts, entries: snapshot(files=files, facts=facts, entries=tuple(entries)),
    st.dictionaries(st.sampled_from(["etc/a", "etc/c", "root/x"]), SMALL),
    st.dictionaries(st.sampled_from(["packages", "addresses", "sysctl"]), SMALL),
    st.lists(ENTRIES, max_size=3),
)
BACK = {"added": "removed", "removed": "added"}


@given(SNAPSHOTS, SNAPSHOTS, st.booleans())
def test_there_and_back_is_the_same_and_nothing_differs_from_itself(
    one: Snapshot, other: Snapshot, peers: bool
) -> None:
    there, back = drift(one, other, peers=peers), drift(other, one, peers=peers)
    assert [(each.path, BACK.get(each.kind, each.kind), each.after, each.before) for each in back.entries if each.path[:4] != "fact"] == [
        (each.path, each.kind, each.before, each.after) for each in there.entries if each.path[:4] != "fact"
    ]  # fmt: skip
    assert (there.same, len(there.entries)) == (back.same, len(back.entries))
    assert drift(one, one, peers=peers).entries == ()
    for each in there.entries:
        if each.text and not peers:
            assert unified(one, other, each.path, mask=False) != "" or _empty(one, other, each.path)


def _empty(one: Snapshot, other: Snapshot, path: str) -> bool:
    """A file that came or went without a line in it."""
    return not any(side.contents.get(path) or side.facts.get(path.removeprefix("fact:")) for side in (one, other))


# host against host


def addresses(*given: str) -> str:
    return json.dumps([{"ifname": "eth0", "addr_info": [{"local": each} for each in given]}])


def host(name: str, address: str, uuid: str, **more: str) -> Snapshot:
    files = {
        "etc/hostname": f"{name}\n",
        "etc/machine-id": f"{uuid.replace('-', '')}\n",
        "etc/ssh/ssh_host_rsa_key.pub": f"ssh-rsa {name}",
        "etc/fstab": f"UUID={uuid} / ext4 defaults 0 1\n",
        "etc/hosts": f"127.0.0.1 localhost\n{address} {name}.lab {name}\n",
        "etc/slurm/slurm.conf": "ClusterName=lab\n",
        "etc/exporter.conf": f"listen={address}:9100\nlabel={name}\n",
    }
    facts = {"addresses": addresses(address), "sysctl": f"kernel.hostname = {name}\nvm.swappiness = 10\n"}
    return snapshot(f"{name}.lab", files | more, facts)


FIRST = host("gpu01", "10.0.0.1", "11111111-1111-1111-1111-111111111111")
SECOND = host("gpu02", "10.0.0.2", "22222222-2222-2222-2222-222222222222")


def test_hosts_of_the_same_role_do_not_differ_in_what_must_differ() -> None:
    assert changed(drift(FIRST, SECOND, peers=True)) == []
    assert len(drift(FIRST, SECOND).entries) == 8, "asked for everything, everything is told"


def test_what_should_be_equal_on_both_is_told() -> None:
    odd = host(
        "gpu02",
        "10.0.0.2",
        "22222222-2222-2222-2222-222222222222",
        **{"etc/slurm/slurm.conf": "ClusterName=lab\nX=1\n"},
    )
    assert changed(drift(FIRST, odd, peers=True)) == [("etc/slurm/slurm.conf", "content")]


def test_one_hosts_name_in_the_place_of_anothers_address_is_told() -> None:
    odd = host(
        "gpu02",
        "10.0.0.2",
        "22222222-2222-2222-2222-222222222222",
        **{"etc/exporter.conf": "listen=10.0.0.1:9100\nlabel=gpu02\n"},
    )
    assert changed(drift(FIRST, odd, peers=True)) == [("etc/exporter.conf", "content")]


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[1, 2]", '{"a": 1}', '[{"addr_info": 3}]', '[{"addr_info": [{"local": {}}]}]', "[" * 10_000],
)
def test_addresses_in_any_form_are_no_obstacle(text: str) -> None:
    odd = snapshot("gpu03", {"etc/x": "gpu03"}, {"addresses": text})
    assert changed(drift(snapshot("gpu04", {"etc/x": "gpu04"}, {"addresses": text}), odd, peers=True)) == []
