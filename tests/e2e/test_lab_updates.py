"""Updates of real hosts with a real apt, through a real engine, as an operator does them: whatever happens meanwhile.

Four hosts get everything at once. While a package of twenty seconds and more installs, a second console wants one of them, the client is
killed, the engine is killed, one host's sshd dies, and another's cable is pulled.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.updates.model import HistoryEntry, Plan, Stage
from backends.updates.runs import Board, BoardHost
from tests.e2e.enginerun import EngineRun, until
from tests.e2e.operating import Desk, Listing, Operator, opened, wait_live
from tests.lab import aptfield, faults
from tests.lab.fleet import Lab
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

FOUR = ("lab1", "lab2", "lab3", "lab4")
ALL_FOUR = "lab[1-4]"
SHORN, CUT_OFF, EDITED = "lab2", "lab3", "lab4"
"""Loses every sshd; loses its cable; has a configuration file that somebody changed."""
COMMON = ("lab-app", "lab-lib", "lab-conf", "lab-held", "lab-service", "lab-slow", "linux-image-lab")
FREE = tuple(name for name in COMMON if name != "lab-held")
OLD, NEW = "1.0-1", "1.1-1"
SLOW_SECONDS = 20.0
"""What lab-slow takes to install."""
CUT_SECONDS = 15.0
LATER = 300.0
"""Seconds within which everything has ended, on a loaded machine too."""


@dataclass(frozen=True)
class Story:
    """What was seen while four hosts were updated."""

    listed: Listing
    """Before, with what lab-held would do."""
    security: Plan
    everything: Plan
    said: str
    """What the client told before it was killed."""
    theirs: tuple[int, BoardHost]
    """The second operator's exit status and host."""
    went_on: dict[str, bool]
    """Whether dpkg was at work on each host while no engine was there."""
    board: Board
    """The run at its end, as the second engine tells it."""
    installed: dict[str, dict[str, str]]
    """Package → host → version, right after the end."""


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Hosts with the first age of the packages that are offered the second one, and an engine."""
    with opened(lab, tmp_path_factory, dict.fromkeys(FOUR, COMMON)) as found:
        (lab.host(EDITED).root / "etc/lab.conf").write_text("setting=mine\n")
        yield found


@pytest.fixture(scope="module")
def story(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Goes through it all once; the tests below tell what each had to show."""
    operator = desk.operator
    listed = operator.lists(ALL_FOUR, "--lists")
    assert operator.does("hold", ALL_FOUR, "lab-held").status == 0
    security, everything = operator.plans(ALL_FOUR, "--security"), operator.plans(ALL_FOUR)
    log = desk.place / "client.log"
    with EngineRun(tmp_path_factory.mktemp("other"), "--config", str(desk.lab.ground.config)) as second:
        other = Operator(desk.lab.ground.config, second.until_ready().socket)
        wait_live(other, ["lab1"])
        wanted = other.plans("lab1")
        aptfield.beside(aptfield.hold, hosts(desk.lab))
        client = operator.begins("apply", everything.id, "--hash", everything.hash, log=log)
        try:
            until(lambda: is_told(desk, log), LATER, "the slow package on all four")
            status, theirs = other.applies(wanted)
        finally:
            client.kill()
            client.wait(60)
    desk.lives[-1].stop(signal.SIGKILL)
    went_on = {host.name: aptfield.is_slow(host) for host in hosts(desk.lab)}
    desk.start()
    wait_live(desk.operator, FOUR)
    trouble_links(desk)
    aptfield.beside(aptfield.release, hosts(desk.lab))
    until(lambda: desk.boards()[0].finished, LATER, "the end of the run")
    assert client.returncode == -signal.SIGKILL
    return Story(
        listed=listed,
        security=security,
        everything=everything,
        said=log.read_text(),
        theirs=(status, theirs.hosts[0]),
        went_on=went_on,
        board=desk.boards()[0],
        installed={package: versions(desk.lab, package) for package in COMMON},
    )


def trouble_links(desk: Desk) -> None:
    """One host loses every connection, another its cable for a while."""
    shorn, cut = desk.lab.host(SHORN), desk.lab.host(CUT_OFF)
    faults.cut(cut)
    began = time.monotonic()
    try:
        shorn.does("systemctl", "restart", "ssh")
        shorn.does("pkill", "-KILL", "-f", "sshd: root")  # sessions outlive the restart
        time.sleep(max(0.0, CUT_SECONDS - (time.monotonic() - began)))
    finally:
        faults.join(cut)


def hosts(lab: Lab) -> list[LabHost]:
    return [lab.host(name) for name in FOUR]


def is_told(desk: Desk, log: Path) -> bool:
    """Whether all four are in the middle of the slow package, and the client has said so."""
    if not (desk.is_at("lab-slow") and all(map(aptfield.is_slow, hosts(desk.lab)))):
        return False
    said = log.read_text()
    return all(re.search(rf"^{name}: applying  [1-9]\d* of .*lab-slow", said, re.M) for name in FOUR)


def versions(lab: Lab, package: str) -> dict[str, str]:
    return {name: aptfield.version(lab.host(name), package) for name in FOUR}


def test_what_waits_is_the_same_on_four_hosts_and_security_is_told_apart(story: Story) -> None:
    (group,) = story.listed.sets
    assert group.hosts == FOUR
    assert {change.name: change.security for change in group.changes} == {
        **dict.fromkeys(COMMON, False),
        "lab-lib": True,
        "linux-image-lab": True,
    }


def test_a_plan_has_what_was_chosen_and_names_what_it_leaves_and_what_follows(story: Story) -> None:
    for host in story.security.hosts:
        assert {change.name for change in host.changes} == {"lab-lib", "linux-image-lab"}
        assert host.reboot is True
    for host in story.everything.hosts:
        assert {(change.name, change.candidate) for change in host.changes} == {(name, NEW) for name in FREE}
        assert [(change.name, change.kept_back) for change in host.left_out] == [("lab-held", "held")]
        foreseen = [each.text for each in host.warnings if each.kind == "conffiles"]
        assert [("/etc/lab.conf" in text) for text in foreseen] == ([True] if host.host == EDITED else [])


def test_the_client_tells_package_by_package_how_far_each_host_is(story: Story) -> None:
    for name in FOUR:
        counts = [int(found) for found in re.findall(rf"^{name}: applying  (\d+) of {len(FREE)}", story.said, re.M)]
        assert counts == sorted(counts) and counts[-1] > 0
        assert re.search(rf"^{name}: applying .*lab-slow", story.said, re.M)


def test_neither_client_nor_engine_nor_link_is_needed_for_dpkg_to_finish(story: Story) -> None:
    assert story.went_on == dict.fromkeys(FOUR, True)
    for host in story.board.hosts:
        assert host.outcome is not None and host.stage is Stage.DONE, host
        assert host.outcome.problems == () and host.outcome.exit_status == 0
        assert {(result.name, result.found) for result in host.outcome.results} == {(name, NEW) for name in FREE}
    assert story.installed == {**dict.fromkeys(FREE, dict.fromkeys(FOUR, NEW)), "lab-held": dict.fromkeys(FOUR, OLD)}


def test_a_run_takes_as_long_as_its_slowest_host(story: Story) -> None:
    began, ended = ([getattr(host, edge) for host in story.board.hosts] for edge in ("began", "ended"))
    spans = [last - first for first, last in zip(began, ended, strict=True)]
    assert min(spans) > SLOW_SECONDS
    assert max(began) < min(ended), "one after the other"
    assert max(ended) - story.board.created < max(spans) + SLOW_SECONDS / 2


def test_a_second_console_is_refused_and_told_who_is_at_work_since_when(story: Story) -> None:
    status, host = story.theirs
    assert (status, host.stage) == (2, Stage.REFUSED)
    found = re.search(
        r"update 6 packages on lab1, started by (\S.*) (\d{4}-\d\d-\d\d \d\d:\d\d) UTC, run (\S+)$", host.text
    )
    assert found, host.text
    assert (found[1], found[3]) == (story.board.who, story.board.id)


def test_a_configuration_file_that_was_changed_by_hand_stays_and_the_new_one_is_named(desk: Desk, story: Story) -> None:
    outcomes = {host.host: host.outcome for host in story.board.hosts}
    assert {name: outcome.leftovers for name, outcome in outcomes.items() if outcome} == {
        **dict.fromkeys(FOUR, ()),
        EDITED: ("/etc/lab.conf.dpkg-dist",),
    }
    assert (desk.lab.host(EDITED).root / "etc/lab.conf").read_text() == "setting=mine\n"


def test_what_is_held_is_not_touched_until_it_is_released(desk: Desk, story: Story) -> None:
    assert [(row.pending, row.held) for row in desk.operator.lists("lab2", "--refresh").hosts] == [(0, 1)]
    assert desk.operator.does("hold", "lab2", "lab-held", "--release").status == 0
    (host,) = desk.operator.plans("lab2").hosts
    assert [(change.name, change.candidate) for change in host.changes] == [("lab-held", NEW)]


def test_a_new_kernel_is_told_as_a_reboot_that_is_needed(desk: Desk, story: Story) -> None:
    assert [row.reboot for row in story.listed.hosts] != [True] * 4
    assert [row.reboot for row in desk.operator.lists(ALL_FOUR, "--refresh").hosts] == [True] * 4


def test_one_package_goes_back_and_history_shows_both(desk: Desk, story: Story) -> None:
    operator = desk.operator
    newest = history(operator, "lab1")[0]
    assert (newest.plan, newest.ok, {change.name for change in newest.changes}) == (story.board.id, True, {*FREE})
    said = operator.does("rollback", "lab1", newest.id, "lab-app", "--json")
    assert said.status == 0
    back: Plan = said.json(Plan)
    assert [(c.name, c.kind, c.candidate) for c in back.hosts[0].changes] == [("lab-app", "downgrade", OLD)]
    status, board = operator.applies(back)
    assert (status, board.hosts[0].stage) == (0, Stage.DONE), board
    assert aptfield.version(desk.lab.host("lab1"), "lab-app") == OLD
    assert aptfield.version(desk.lab.host("lab1"), "lab-slow") == NEW
    assert [entry.plan for entry in history(operator, "lab1")[:2]] == [board.id, story.board.id]


def history(operator: Operator, host: str) -> list[HistoryEntry]:
    found: list[HistoryEntry] = operator.does("history", host, "--json").json(list[HistoryEntry])
    return found
