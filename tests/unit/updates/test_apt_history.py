"""apt's log tells every transaction of a host, rotated files included, and which ones were ours."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from backends.updates.apt_history import ordered, parse, read, zone_of
from backends.updates.model import Change, HistoryEntry
from tests.unit.updates.apt_host import RecordedHost
from tests.unit.updates.apt_hostile import damaged


def entries(distro: str, limit: int = 20) -> tuple[HistoryEntry, ...]:
    return read(RecordedHost(f"{distro}-history"), limit)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_newest_stands_first_over_all_files(distro: str) -> None:
    found = entries(distro)
    assert [each.time for each in found] == sorted((each.time for each in found), reverse=True)
    assert len(found) >= 4


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_ours_are_known_by_their_tag_and_failures_by_their_error(distro: str) -> None:
    found = {each.plan: each for each in entries(distro)}
    assert {"run-42", "run-43", ""} == set(found)
    assert found["run-42"].ok is True
    assert (found["run-43"].ok, found["run-43"].error) == (
        False,
        "Sub-process /usr/bin/dpkg returned an error code (1)",
    )


def test_what_changed_has_both_versions() -> None:
    changes = next(each for each in entries("debian12") if each.plan == "run-42").changes
    assert Change(name="lab-hidden", architecture="amd64", installed="1.0-1", candidate="1.2-1") in changes
    assert [(each.name, each.candidate) for each in changes if each.kind == "install"] == [("lab-part-1.1", "1.1-1")]


def test_a_downgrade_is_one() -> None:
    newest = entries("debian12")[0]
    assert [(each.kind, each.installed, each.candidate) for each in newest.changes] == [("downgrade", "1.1-1", "1.0-1")]


def test_older_files_are_only_read_when_needed() -> None:
    host = RecordedHost("debian12-history")
    assert len(read(host, 1)) == 1
    assert not any(argv[-1].endswith(".gz") for argv in host.asked)


def test_the_order_of_rotated_files() -> None:
    files = ["/v/history.log.10.gz", "/v/history.log", "/v/history.log.2.gz", "/v/history.log.1", "/v/history.login"]
    assert ordered(files) == ["/v/history.log", "/v/history.log.1", "/v/history.log.2.gz", "/v/history.log.10.gz"]


def test_who_asked_and_what_was_removed() -> None:
    found = parse(
        "Start-Date: 2026-07-01  02:00:00\nCommandline: apt-get purge x\nRequested-By: anna (1000)\n"
        "Remove: x:amd64 (1.0-1)\nPurge: y:amd64 (2.0, automatic)\n",
        "gpu01",
    )[0]
    assert (found.actor, found.ok, found.id) == ("anna (1000)", None, "2026-07-01 02:00:00")
    assert [(each.name, each.kind, each.installed, each.candidate) for each in found.changes] == [
        ("x", "remove", "1.0-1", ""),
        ("y", "remove", "2.0", ""),
    ]


def test_times_follow_the_hosts_zone_across_daylight_saving() -> None:
    log = "Start-Date: 2026-01-15  12:00:00\n\nStart-Date: 2026-07-15  12:00:00\n"
    winter, summer = parse(log, "gpu01", ZoneInfo("Europe/Zurich"))
    plain_winter, plain_summer = parse(log, "gpu01", UTC)
    assert (plain_winter.time - winter.time, plain_summer.time - summer.time) == (3600, 7200)


@pytest.mark.parametrize(
    ("answer", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Zurich\n+0200\n", ZoneInfo("Europe/Zurich")),
        ("/etc/localtime\n-0330\n", timezone(-timedelta(hours=3, minutes=30))),
        ("/usr/share/zoneinfo/Mars/Olympus\n+0100\n", timezone(timedelta(hours=1))),
        ("/usr/share/zoneinfo/../../../etc/passwd\n+0000\n", UTC),
        ("", UTC),
        ("nonsense", UTC),
    ],
)
def test_the_zone_of_a_host(answer: str, zone: object) -> None:
    assert zone_of(answer) == zone


@given(damaged("debian12-history", "history.log.1.gz.out"))
def test_any_log_can_be_read(hostile: str) -> None:
    for entry in parse(hostile, "gpu01"):
        assert entry.id
        assert all(change.name for change in entry.changes)


@given(damaged("debian12-history", "zone.out"))
def test_any_zone_can_be_read(hostile: str) -> None:
    assert zone_of(hostile) is not None


def test_the_log_is_read_from_its_end() -> None:
    host = RecordedHost("debian12-history")
    read(host, 20)
    script = host.words("history.log.1.gz")[-3]
    assert script.startswith('zcat -f -- "$1" | tail -c ')
    assert host.words("history.log.1.gz")[-1] == "/var/log/apt/history.log.1.gz", "an argument, not part of the script"
