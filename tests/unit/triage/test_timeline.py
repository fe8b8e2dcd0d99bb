"""Lanes around an alert and its likely causes: the same host and near in time first, then what ill hosts share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.triage.timeline import LEAST, TimedEvent, around, causes, lane

ALERT = 1_778_490_000.0
FLEET = [f"gpu{number:03d}" for number in range(252)]


def event(minutes_before: float, kind: str, text: str = "x", *, host: str = "gpu000", ref: str = "") -> TimedEvent:
    return TimedEvent(time=ALERT - 60 * minutes_before, host=host, kind=kind, text=text, ref=ref)


def test_events_within_six_hours_are_put_into_lanes_in_the_order_of_time() -> None:
    events = [
        event(10, "xid", "XID 79"),
        event(30, "driver", "driver 550"),
        event(-5, "ack", "bob has it"),
        event(40, "backup.done"),
        event(0, "alert.fired"),
        event(7 * 60, "package", "too old"),
        event(-7 * 60, "package", "too late"),
        event(5, "package", "another host", host="gpu001"),
        event(20, "run.step", "for everybody", host=""),
        event(1, "who-knows"),
        event(50, "xid", "XID 13"),
    ]
    found = around("gpu000", ALERT, events)
    assert list(found.lanes) == ["alerts", "kernel", "changes", "runs", "backups", "people", "other"]
    assert [each.text for each in found.lanes["kernel"]] == ["XID 13", "XID 79"]
    assert [each.text for each in found.lanes["changes"]] == ["driver 550"]
    assert [each.text for each in found.lanes["runs"]] == ["for everybody"]


def test_too_many_events_keep_those_nearest_to_the_alert_and_say_how_many_are_left_out() -> None:
    found = around("gpu000", ALERT, [event(number / 10, "oom") for number in range(700)])
    assert found.left_out == 200
    assert max(ALERT - each.time for each in found.lanes["kernel"]) < 50 * 60


def test_a_change_on_the_same_host_within_two_hours_comes_before_what_a_batch_shares() -> None:
    events = [event(12, "config", "/etc/nvidia.conf written")]
    events += [event(300, "patch", "batch 7 patched", host=host, ref="batch 7") for host in FLEET[:12]]
    found = causes("gpu000", ALERT, events, ill=FLEET[:8], fleet=FLEET)
    assert [each.event.kind for each in found] == ["config", "patch"]
    assert found[0].text == "12m before on this host: /etc/nvidia.conf written"
    assert (
        found[1].text == "5h before on this host: batch 7 patched; 8 of 12 hosts with it show the same, 0 of 240 others"
    )


def test_a_driver_is_likelier_than_a_command_and_the_nearer_of_two_alike_counts() -> None:
    events = [event(5, "command", "ls"), event(30, "driver", "d", ref="d"), event(90, "driver", "d", ref="d")]
    found = causes("gpu000", ALERT, events)
    assert [(each.event.kind, each.seconds_before) for each in found] == [("driver", 1800.0), ("command", 300.0)]


def test_a_count_is_shown_only_when_three_hosts_have_both_and_it_speaks_for_the_change() -> None:
    patched = [event(60, "patch", host=host, ref="batch 7") for host in FLEET[:12]]
    two = causes("gpu000", ALERT, patched, ill=FLEET[:2], fleet=FLEET)
    assert [each.count for each in two] == [None]
    three = causes("gpu000", ALERT, patched, ill=FLEET[:3], fleet=FLEET)
    assert three[0].count is not None and three[0].count.changed_ill == LEAST
    everywhere = causes("gpu000", ALERT, patched, ill=FLEET, fleet=FLEET)
    assert [each.count for each in everywhere] == [None]


def test_what_came_after_the_alert_or_long_before_and_alone_is_no_cause() -> None:
    events = [
        event(-1, "driver"),
        event(200, "driver", ref="only here"),
        event(25 * 60, "kernel"),
        event(5, "ack"),
        event(5, "xid"),
    ]
    assert causes("gpu000", ALERT, events) == ()


def test_changes_of_other_hosts_alone_are_no_cause() -> None:
    patched = [event(60, "patch", host=host, ref="batch 7") for host in FLEET[1:12]]
    assert causes("gpu000", ALERT, patched, ill=FLEET[:8], fleet=FLEET) == ()


def test_events_with_nothing_in_common_are_no_batch() -> None:
    alone = [event(60, "patch", f"patch {host}", host=host) for host in FLEET[:12]]
    assert [each.count for each in causes("gpu000", ALERT, alone, ill=FLEET[:8], fleet=FLEET)] == [None]


EVENTS = st.lists(
    st.builds(
        event,
        st.floats(-500, 2000),
        st.sampled_from(["driver", "patch", "alert.fired", "xid", "odd", ""]),
        host=st.sampled_from([*FLEET[:6], ""]),
        ref=st.sampled_from(["", "a", "b"]),
    ),
    max_size=40,
)


@given(EVENTS, st.lists(st.sampled_from(FLEET[:6])))
def test_causes_are_ranked_near_ones_first_and_counts_add_up(events: list[TimedEvent], ill: list[str]) -> None:
    found = around("gpu000", ALERT, events, ill=ill)
    near = [each.seconds_before <= 7200 for each in found.causes]
    assert near == sorted(near, reverse=True)
    for cause in found.causes:
        assert cause.event.host == "gpu000" and cause.seconds_before >= 0
        if cause.count is not None:
            assert cause.count.changed + cause.count.others == len(
                {"gpu000", *ill, *(e.host for e in events if e.host)}
            )
            assert cause.count.changed_ill >= LEAST
    assert all(lane(each.kind) == name for name, row in found.lanes.items() for each in row)
