"""What explains an alert: parents, parents that nobody watches, this machine's own link (rule 9)."""

from __future__ import annotations

import pytest

from backends.alerts.dependency import DOWN, OWN_LINK, Fleet
from backends.alerts.model import NoticeKind, Phase, Reading, Truth
from backends.inventory.host import Host
from tests.unit.alerts.desk import C, Desk, W, hosts, reading

K = NoticeKind
RACK = [f"n{number:02}" for number in range(12)]
OTHERS = [f"m{number:02}" for number in range(30)]


def down(desk: Desk, *names: str, well: tuple[str, ...] = ()) -> list[Reading]:
    at = desk.now + 10
    return [reading(C, at, rule=DOWN, host=name) for name in names] + [
        reading(Truth.FALSE, at, rule=DOWN, host=name) for name in well
    ]


def away(desk: Desk, seconds: float, *names: str, well: tuple[str, ...] = ()) -> None:
    for _ in range(int(seconds // 10)):
        desk.step(*down(desk, *names, well=well))


def rack() -> list[Host]:
    return [*hosts("jump", *OTHERS), *hosts(*RACK, parents=("jump",))]


def test_ancestors_are_all_that_a_host_hangs_on_and_rings_end() -> None:
    fleet = Fleet([*hosts("a", parents=["b"]), *hosts("b", parents=["c"]), *hosts("c", parents=["a"])])
    assert fleet.ancestors("a") == ("b", "c")


def test_twelve_hosts_behind_a_watched_parent_are_one_alert() -> None:
    desk = Desk(rack())
    away(desk, 600, "jump", *RACK)
    assert [notice.hosts for notice in desk.said] == [("jump",)]
    assert desk.alert(DOWN, "n03").inhibited == desk.name(DOWN, "jump")
    assert desk.phase(DOWN, "n03") is Phase.FIRING  # shown all the same


def test_twelve_hosts_behind_a_switch_that_nobody_watches_are_one_alert_and_one_end() -> None:
    desk = Desk([*hosts(*OTHERS), *hosts(*RACK, parents=("switch",))])
    away(desk, 600, *RACK)
    assert [notice.hosts for notice in desk.said] == [("switch",)]
    assert "all 12 hosts behind switch are away" in desk.said[0].title
    away(desk, 600, well=tuple(RACK))
    assert desk.kinds() == [K.FIRING, K.RESOLVED]


def test_a_child_waits_for_its_parent_to_be_judged() -> None:
    desk = Desk(rack())
    away(desk, 90, "n00")
    assert desk.said == []
    away(desk, 20, "n00")
    assert [notice.hosts for notice in desk.said] == [("n00",)]


def test_after_the_parent_is_well_a_child_needs_two_new_evaluations() -> None:
    desk = Desk(rack())
    away(desk, 200, "jump", "n00")
    away(desk, 70, "n00", well=("jump",))
    assert desk.phase(DOWN, "jump") is Phase.RESOLVED and desk.alert(DOWN, "n00").clocks.again == 2
    desk.rest(100)
    assert [notice.hosts for notice in desk.said if notice.kind is K.FIRING] == [("jump",)]
    away(desk, 10, "n00")
    assert desk.said[-1].hosts == ("jump",)
    away(desk, 10, "n00")
    assert desk.said[-1].kind is K.FIRING and desk.said[-1].hosts == ("n00",)


def test_what_a_host_reports_itself_does_not_wait_and_is_explained_by_its_absence() -> None:
    desk = Desk(rack())
    desk.step(reading(C, desk.now + 10, host="n00"))
    assert [notice.kind for notice in desk.step()] == [K.FIRING]
    away(desk, 20, "n01")
    desk.step(reading(C, desk.now + 10, rule="backup.overdue", host="n01"), *down(desk, "n01"))
    assert desk.alert("backup.overdue", "n01").inhibited == desk.name(DOWN, "n01")


def test_a_parent_of_which_nothing_is_known_explains_nothing() -> None:
    desk = Desk(rack())
    away(desk, 20, "jump")
    for _ in range(40):
        desk.step(*down(desk, "n00"), reading(Truth.NODATA, desk.now + 10, rule=DOWN, host="jump"))
    assert [notice.hosts for notice in desk.said] == [("n00",)]


def test_the_end_of_what_was_told_is_told_though_its_parent_is_away_by_then() -> None:
    desk = Desk(rack())
    desk.hold(W, 40, host="n00")
    away(desk, 20, "jump", "n00")
    desk.step(reading(Truth.FALSE, desk.now + 10, host="n00"), *down(desk, "jump", "n00"))
    away(desk, 40, "jump", "n00")
    assert [notice.only for notice in desk.said if notice.kind is K.RESOLVED] == [("mail",)]


def test_half_of_the_hosts_within_a_minute_are_our_own_link_and_one_line() -> None:
    desk = Desk(hosts(*OTHERS))
    lost, left = OTHERS[:15], tuple(OTHERS[15:])
    away(desk, 900, *lost, well=left)
    assert desk.kinds() == [K.OWN_LINK] and "15 hosts" in desk.said[0].title
    assert desk.alert(DOWN, lost[0]).inhibited == OWN_LINK
    away(desk, 900, well=tuple(OTHERS))
    assert desk.kinds() == [K.OWN_LINK, K.RESOLVED]


def test_who_stays_away_after_our_link_is_back_is_told() -> None:
    desk = Desk(hosts(*OTHERS))
    away(desk, 300, *OTHERS)
    away(desk, 200, "m00", well=tuple(OTHERS[1:]))
    assert sorted((notice.kind, notice.hosts) for notice in desk.said) == [
        (K.FIRING, ("m00",)),
        (K.OWN_LINK, ()),
        (K.RESOLVED, ()),
    ]


@pytest.mark.parametrize(
    ("fleet", "gone", "own"), [(4, 2, False), (6, 3, True), (10, 4, False), (3, 3, True), (2, 2, False)]
)
def test_three_hosts_and_half_of_them_are_needed(fleet: int, gone: int, own: bool) -> None:
    desk = Desk(hosts(*OTHERS[:fleet]))
    away(desk, 120, *OTHERS[:gone])
    assert (K.OWN_LINK in desk.kinds()) is own


def test_hosts_that_go_away_one_after_the_other_are_not_our_link() -> None:
    desk = Desk(hosts(*OTHERS[:6]))
    for count in (1, 2, 3, 4):
        away(desk, 90, *OTHERS[:count])
    assert K.OWN_LINK not in desk.kinds()


def test_this_machine_itself_does_not_count() -> None:
    desk = Desk([Host(name="here", source="local"), *hosts("a", "b", "c", "d", "e", "f")])
    away(desk, 120, "a", "b", "c")
    assert desk.kinds() == [K.OWN_LINK]


def test_half_of_the_fleet_behind_one_switch_is_the_switch() -> None:
    desk = Desk([*hosts("x", "y"), *hosts(*RACK, parents=("switch",))])
    away(desk, 300, *RACK, well=("x", "y"))
    assert [(notice.kind, notice.hosts) for notice in desk.said] == [(K.FIRING, ("switch",))]


def test_hosts_that_were_away_before_do_not_count_as_there() -> None:
    desk = Desk(hosts(*OTHERS[:10]))
    for count in (1, 2, 3, 4):
        away(desk, 90, *OTHERS[:count])
    away(desk, 120, *OTHERS[:7])  # three of the six that were left
    assert K.OWN_LINK in desk.kinds()


def test_our_link_is_back_once_most_of_what_it_took_answers() -> None:
    desk = Desk(hosts(*OTHERS))
    away(desk, 120, *OTHERS[:20])
    away(desk, 120, *OTHERS[:12], well=tuple(OTHERS[12:]))
    assert desk.kinds() == [K.OWN_LINK]
    away(desk, 30, *OTHERS[:9], well=tuple(OTHERS[9:]))
    assert {(notice.kind, len(notice.hosts)) for notice in desk.said[1:]} == {(K.RESOLVED, 0), (K.FIRING, 9)}
