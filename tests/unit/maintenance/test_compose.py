"""What is wanted becomes a plan, and everything against it is told before anything starts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.errors import BadInput
from backends.maintenance.compose import compose
from backends.maintenance.dry_run import DryRun
from backends.maintenance.fleet import Blackout, FleetHost, Site, Standing
from backends.maintenance.plan_hash import intact
from backends.maintenance.proof import Copy
from backends.maintenance.request import Request, Window
from backends.states import HostState, Severity
from backends.updates.model import Caution, HostPlan, Selection
from backends.updates.plan import build
from tests.unit.maintenance.planning import BASH, LIBC, NOW, earlier, fleet, host, of_kind, site

WIDE = Request(name="patch", max_unavailable="50%")


def told(request: Request, *hosts: FleetHost, at: Site | None = None, names: tuple[str, ...] = ()) -> DryRun:
    known = fleet(*hosts)
    return compose(request, names or tuple(known), known, at or site(history=(earlier(),)))


def healthy(count: int) -> list[FleetHost]:
    return [host(f"gpu{number}", parents=(f"rack{number % 2}",)) for number in range(1, count + 1)]


def test_a_healthy_fleet_has_a_plan_that_nothing_is_against() -> None:
    run = told(WIDE, *healthy(4))
    assert (run.red, run.findings) == (False, ())
    assert [row.host for row in run.rows] == ["gpu1", "gpu2", "gpu3", "gpu4"]
    assert [(row.batch, row.canary) for row in run.rows] == [(0, True), (1, False), (2, False), (3, False)]
    assert run.drained == ("gpu1", "gpu2", "gpu3", "gpu4")
    assert (run.plan.budget.fleet, run.plan.batches, run.headroom) == (2, 4, 2)
    assert intact(run.plan) and run.plan.who == "anna" and run.plan.created == NOW


def test_the_eta_counts_batches_one_after_the_other_and_their_soaks() -> None:
    run = told(WIDE, *healthy(4))
    assert [row.begins for row in run.rows] == [0.0, 1100.0, 2200.0, 3300.0]
    assert (run.total_p50, run.total_p90) == (3800.0, 3800.0)
    assert [(row.estimate_p50, row.estimate_p90) for row in run.rows] == [(500.0, 500.0)] * 4
    assert {each.estimate_seconds for each in run.plan.hosts} == {500.0}


def test_without_an_earlier_run_no_time_is_told_and_why() -> None:
    run = told(WIDE, *healthy(2), at=site())
    assert (run.total_p50, run.rows[0].begins, run.rows[0].estimate_p90) == (None, None, None)
    assert of_kind(run, "estimate").severity is Severity.UNKNOWN
    assert "snapshot, update" in of_kind(run, "estimate").text


AWAY: dict[str, Any] = {"state": HostState.UNREACHABLE, "reason": "no route"}


def test_hosts_that_cannot_work_have_no_time_but_a_reason() -> None:
    gone, able = host("gpu1", **AWAY), host("gpu2")
    run = told(replace(WIDE, max_unavailable="2"), gone, able)
    rows = {row.host: row for row in run.rows}
    assert (rows["gpu1"].out, rows["gpu1"].begins, rows["gpu1"].estimate_p50) == ("unreachable: no route", None, None)
    assert (rows["gpu2"].out, rows["gpu2"].estimate_p50) == ("", 500.0)
    assert (run.idle, run.total_p50) == ("", 500.0)


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        ((host("gpu1", **AWAY), host("gpu2", **AWAY)), "unreachable: no route"),
        ((host("gpu1", **AWAY), host("gpu2", held_by="run r-1 of bob")), "unreachable: no route; in run r-1 of bob"),
        ((host("gpu1", state=HostState.NO_PYTHON),), "it would fail: has no python3"),
        ((host("gpu1", **AWAY), host("gpu2"), host("gpu3")), "no room in the budget; unreachable: no route"),
    ],
)
def test_a_run_that_could_do_no_host_takes_no_time_and_says_why(hosts: tuple[FleetHost, ...], why: str) -> None:
    run = told(replace(WIDE, max_unavailable="1", window_end=NOW + 7200), *hosts)
    assert run.idle.startswith(why)
    assert (run.total_p50, run.total_p90, run.fits) == (None, None, None)
    assert not [each for each in run.findings if each.kind in ("estimate", "window")]


def test_a_domain_without_room_says_so_on_its_hosts() -> None:
    rack = [host(f"gpu{number}", parents=("rack1",)) for number in (1, 2)] + [host("gpu3", parents=("rack2",))]
    rack[0] = replace(rack[0], **AWAY)
    run = told(replace(WIDE, max_unavailable="3", max_unavailable_per_domain="1"), *rack)
    assert {row.host: row.out for row in run.rows} == {
        "gpu1": "unreachable: no route",
        "gpu2": "no room in rack1",
        "gpu3": "",
    }
    assert run.total_p50 == 500.0


def test_a_reboot_that_is_wanted_is_told_whether_it_is_needed_or_not() -> None:
    run = told(replace(WIDE, steps=("reboot",)), host("gpu1", reboot=False), host("gpu2"))
    assert [row.reboot for row in run.rows] == [True, True]


def test_the_same_is_composed_of_the_same_whatever_order_the_hosts_come_in() -> None:
    hosts = healthy(6)
    assert told(WIDE, *hosts).plan.hash == told(WIDE, *reversed(hosts)).plan.hash
    assert told(WIDE, *hosts).plan.hash != told(replace(WIDE, max_failed=2), *hosts).plan.hash


def test_hosts_with_the_same_updates_stand_together() -> None:
    run = told(WIDE, *healthy(2), host("gpu3", pending=(BASH, LIBC)))
    assert [(each.hosts, len(each.changes)) for each in run.sets] == [(("gpu1", "gpu2"), 1), (("gpu3",), 2)]


def test_a_simulated_plan_counts_more_than_what_waits_and_is_named_in_the_plan() -> None:
    plans = [HostPlan(host="gpu1", manager="apt", changes=(LIBC,), reboot=True), HostPlan(host="gpu2", manager="apt")]
    updates = build("u1", NOW, "anna", Selection(), plans)
    run = told(WIDE, *healthy(2), at=site(updates=updates, history=(earlier(),)))
    assert [(row.host, row.changes, row.reboot) for row in run.rows] == [("gpu1", 1, True), ("gpu2", 0, None)]
    assert (run.plan.update_plan, run.plan.update_hash) == ("u1", updates.hash)
    assert [each.hosts for each in run.sets] == [("gpu1",)]


def test_no_update_step_needs_no_plan_of_updates() -> None:
    request = replace(WIDE, steps=("drain", "check", "resume"))
    run = told(request, *healthy(2), at=site(updates=build("u1", NOW, "anna", Selection(), [])))
    assert (run.plan.update_plan, run.sets, run.rows[0].changes) == ("", (), None)


def test_when_nothing_waits_anywhere_that_is_told() -> None:
    run = told(WIDE, host("gpu1", pending=()), host("gpu2", pending=()))
    assert of_kind(run, "updates").text == "no update waits on any of these hosts"
    assert not run.red


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ("drian",)}, "there is no step"),
        ({"batches": ("0",)}, "nobody"),
        ({"batches": ("x",)}, "no number of hosts"),
        ({"max_unavailable": "many"}, "no number of hosts"),
        ({"timeouts": {"drain": "soon"}}, "no duration"),
    ],
)
def test_what_cannot_be_read_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        told(replace(WIDE, **changes), *healthy(2))


# what is red before anything starts


def red(run: DryRun, kind: str, text: str) -> None:
    assert run.red
    found = [each for each in run.findings if each.kind == kind and each.severity is Severity.CRITICAL]
    assert any(text in each.text for each in found), run.findings
    assert all(each.hint for each in found)


def test_a_budget_of_nobody_is_red() -> None:
    red(told(replace(WIDE, max_unavailable="0"), *healthy(2)), "budget", "max_unavailable is 0")
    red(told(replace(WIDE, max_unavailable_per_domain="0"), *healthy(2)), "budget", "max_unavailable_per_domain is 0")


def test_hosts_that_are_down_already_eat_the_budget() -> None:
    down = host("gpu9", state=HostState.UNREACHABLE, reason="no route")
    run = told(replace(WIDE, max_unavailable="1"), *healthy(3), down)
    red(run, "budget", "1 host is out of service already and max_unavailable is 1")
    assert (run.headroom, run.unavailable) == (0, ("gpu9",))


def test_a_host_that_is_down_outside_the_run_eats_the_budget_of_its_rack() -> None:
    down = host("other", state=HostState.UNREACHABLE, parents=("rack1",))
    run = told(replace(WIDE, max_unavailable_per_domain="1"), *healthy(4), down, names=("gpu1", "gpu2", "gpu3", "gpu4"))
    red(run, "budget", "rack1: other out of service already")
    assert run.headroom == 2


def test_a_rack_that_would_be_empty_is_told() -> None:
    run = told(replace(WIDE, max_unavailable_per_domain="1"), host("gpu1", parents=("r1",)), *healthy(4)[1:])
    assert "nothing would be left of r1" in of_kind(run, "budget").text
    assert not run.red


def test_a_fleet_that_may_be_away_as_a_whole_is_told() -> None:
    assert (
        "all 2 hosts may be away at once"
        in of_kind(told(replace(WIDE, max_unavailable="2"), *healthy(2)), "budget").text
    )


def test_nobody_is_meant() -> None:
    red(compose(WIDE, (), {}, site()), "hosts", "no host is meant")


def test_a_read_only_engine() -> None:
    red(told(WIDE, *healthy(2), at=site(read_only=True)), "read-only", "changes nothing")


def test_a_window_that_is_too_short_for_one_host() -> None:
    run = told(replace(WIDE, window_end=NOW + 400.0), *healthy(4))
    red(run, "window", "too short for one host: the quickest takes 8m20s")
    assert run.fits == 0


def test_a_window_that_is_too_short_for_all() -> None:
    run = told(replace(WIDE, window_end=NOW + 2000.0), *healthy(4))
    assert (run.fits, run.red) == (2, False)
    assert "only 2 of 4 hosts would begin" in of_kind(run, "window").text


def test_a_window_that_is_over() -> None:
    red(told(replace(WIDE, window_end=NOW - 1.0), *healthy(2)), "window", "over before it begins")


def test_a_window_that_opens_later_is_counted_from_then_on() -> None:
    window = Window(cron="0 22 * * sat", timezone="Europe/Zurich", hours=6)
    request = replace(WIDE, window=window, window_start=NOW + 3600.0, window_end=NOW + 3600.0 + 21600.0)
    run = told(request, *healthy(4))
    assert (run.window, run.fits) == ("0 22 * * sat (Europe/Zurich), 6 h", 4)
    assert of_kind(run, "window").severity is Severity.OK and "begins in 1h" in of_kind(run, "window").text
    assert (run.plan.window_start, run.plan.window_end) == (request.window_start, request.window_end)


def test_nobody_knows_whether_it_fits() -> None:
    run = told(replace(WIDE, window_end=NOW + 400.0), *healthy(2), at=site())
    assert (of_kind(run, "window").severity, run.fits) == (Severity.UNKNOWN, None)


def test_a_blackout_now_is_red_and_one_that_comes_is_told() -> None:
    now = Blackout(start=NOW - 10, end=NOW + 3600, text="end of the year")
    red(told(WIDE, *healthy(2), at=site(blackouts=(now,))), "blackout", "end of the year")
    soon = Blackout(start=NOW + 600, end=NOW + 3600)
    run = told(WIDE, *healthy(4), at=site(blackouts=(soon,), history=(earlier(),)))
    assert (of_kind(run, "blackout").severity, run.red) == (Severity.WARNING, False)
    past = Blackout(start=NOW - 20, end=NOW - 10)
    elsewhere = Blackout(start=NOW - 10, end=NOW + 10, hosts=("login1",))
    assert told(WIDE, *healthy(2), at=site(blackouts=(past, elsewhere), history=(earlier(),))).findings == ()


def test_a_host_that_somebody_else_has_drained_is_named_and_left_out() -> None:
    standing = Standing(scheduler="slurm", drained=True, by="alice", reason="fan", jobs=0)
    run = told(WIDE, *healthy(3), host("gpu9", standing=standing))
    found = of_kind(run, "drained")
    assert (found.text, found.hosts) == ("is drained by alice: fan", ("gpu9",))
    assert (run.rows[-1].prior, run.rows[-1].drains) == ("alice: fan", False)
    assert (run.unavailable, run.headroom, run.red) == (("gpu9",), 1, False)


def test_a_scheduler_that_is_down_fails_its_hosts() -> None:
    silent = Standing(scheduler="slurm", controller="login1", asked=False, problem="connection refused")
    run = told(WIDE, *healthy(3), host("gpu9", standing=silent))
    red(run, "scheduler", "slurm on login1 does not say how it stands: connection refused")
    red(run, "budget", "1 host would fail as things are, and at 1 failed the run stops")
    patient = told(replace(WIDE, max_failed=2), *healthy(3), host("gpu9", standing=silent))
    assert not patient.red and of_kind(patient, "scheduler").severity is Severity.WARNING


def test_a_scheduler_counts_only_where_somebody_wants_to_drain() -> None:
    silent = host("gpu1", standing=Standing(scheduler="slurm", asked=False))
    assert told(replace(WIDE, steps=("snapshot", "check")), silent).findings == ()


@pytest.mark.parametrize(
    ("state", "kind", "text"),
    [
        (HostState.UNREACHABLE, "unreachable", "does not answer: no route"),
        (HostState.AUTH_FAILED, "unreachable", "refuses the login"),
        (HostState.HOST_KEY_CHANGED, "unreachable", "another host key"),
    ],
)
def test_a_host_that_is_not_there_is_named_and_left_out(state: HostState, kind: str, text: str) -> None:
    run = told(WIDE, *healthy(3), host("gpu9", state=state, reason="no route"))
    found = of_kind(run, kind)
    assert text in found.text and found.hosts == ("gpu9",) and found.hint
    assert (run.rows[-1].host, run.rows[-1].begins, run.red) == ("gpu9", None, False)


def test_when_nobody_is_there_it_may_not_start() -> None:
    red(told(WIDE, host("gpu1", state=HostState.UNREACHABLE)), "hosts", "no host could begin")


@pytest.mark.parametrize(("state", "kind"), [(HostState.NO_PYTHON, "python"), (HostState.NO_SUDO, "sudo")])
def test_a_host_on_which_nothing_can_be_done_would_fail(state: HostState, kind: str) -> None:
    red(told(WIDE, *healthy(3), host("gpu9", state=state)), kind, "")


def test_a_host_of_another_run_is_told() -> None:
    run = told(WIDE, *healthy(3), host("gpu9", held_by="run r-1 of bob"))
    assert of_kind(run, "held").text == "is held by run r-1 of bob"


def test_a_step_that_names_nothing_is_red() -> None:
    red(told(replace(WIDE, steps=("backup:modles", "check")), *healthy(2)), "plan", 'no backup set "modles"')
    red(told(replace(WIDE, steps=("command:warm", "check")), *healthy(2)), "plan", 'no command "warm"')


def test_a_host_without_a_repository_would_fail_its_backup() -> None:
    request = replace(WIDE, steps=("backup:config", "check"))
    run = told(request, *healthy(2), host("gpu9"))
    red(run, "backup", "has no repository for the backup set config")
    assert [each.hosts for each in run.findings if each.kind == "backup"] == [("gpu9",)]


def test_a_change_without_any_backup_is_told() -> None:
    run = told(WIDE, *healthy(2), host("gpu3", backup_age={}), host("gpu4", backup_age={"config": 10 * 86400.0}))
    assert {(each.text, each.hosts) for each in run.findings if each.kind == "backup"} == {
        ("has no backup, and the run makes none", ("gpu3",)),
        ("has a newest backup of 10d ago, and the run makes none", ("gpu4",)),
    }


def test_a_proof_that_is_not_there_is_told_once_for_all_hosts_and_with_the_next_step() -> None:
    never = [
        host(name, copies={"config": (Copy(repository=f"vault/{name}", newest=NOW - 60),)}) for name in ("gpu1", "gpu2")
    ]
    proven = Copy(repository="vault/gpu3", newest=NOW - 60, proven=NOW - 86400, good=True)
    at = site(sets={"config": ("gpu1", "gpu2", "gpu3")})
    run = told(
        replace(WIDE, steps=("proof:config", "check")), *never, host("gpu3", copies={"config": (proven,)}), at=at
    )
    (found,) = [each for each in run.findings if each.kind == "proof"]
    assert found.text == "has no proof of config within 7d: vault: never restored for a test"
    assert found.hosts == ("gpu1", "gpu2") and found.severity is Severity.WARNING
    assert found.hint.startswith("swarm-tui backup drill HOST --set config") and "the run asks there" in found.hint


def test_a_backup_in_the_run_makes_the_archive_that_a_proof_wants_but_not_the_proof() -> None:
    old = Copy(repository="vault/gpu1", newest=NOW - 9 * 86400, proven=NOW - 86400, good=True)
    one, at = host("gpu1", copies={"config": (old,)}), site(sets={"config": ("gpu1",)})

    def kinds(*steps: str) -> list[str]:
        return [each.kind for each in told(replace(WIDE, steps=steps), one, at=at).findings]

    assert "proof" in kinds("proof:config", "check") and "proof" not in kinds("backup:config", "proof:config", "check")
    assert "proof" not in kinds("snapshot", "proof:config", "check")
    assert "proof" in kinds("backup:config", "proof:config:6h", "check")


def test_a_proof_of_a_set_that_is_nowhere_is_red() -> None:
    red(told(replace(WIDE, steps=("proof:modles:7d", "check")), *healthy(2)), "plan", 'no backup set "modles"')


def test_steps_in_an_order_that_cannot_be_right_are_red() -> None:
    red(told(replace(WIDE, steps=("update", "check", "resume")), *healthy(2)), "plan", '"resume" without a "drain"')


def test_what_the_updates_warn_of_is_told_once_for_all_hosts() -> None:
    split = Caution(kind="family-split", text="nvidia-driver would move without libnvidia")
    run = told(WIDE, *healthy(2), host("gpu3", cautions=(split,)), host("gpu4", cautions=(split,)))
    assert (of_kind(run, "updates").text, of_kind(run, "updates").hosts) == (split.text, ("gpu3", "gpu4"))
    blocked = told(WIDE, *healthy(2), host("gpu3", cautions=(replace(split, blocks=True),)))
    red(blocked, "updates", split.text)


def test_a_host_whose_updates_cannot_be_planned_would_fail() -> None:
    plans = [
        HostPlan(host="gpu1", manager="apt", changes=(BASH,)),
        HostPlan(host="gpu2", manager="", error="dpkg broken"),
    ]
    run = told(WIDE, *healthy(2), at=site(updates=build("u1", NOW, "anna", Selection(), plans)))
    red(run, "updates", "cannot be planned: dpkg broken")


def test_a_gate_that_is_red_now_is_told_and_forbids_nothing_yet() -> None:
    run = told(WIDE, *healthy(2), host("gpu3", gate=("no initrd for 6.1.0-21",)))
    assert "may not reboot now: no initrd" in of_kind(run, "gate").text and not run.red


def test_alerts_and_illness_are_told() -> None:
    run = told(WIDE, *healthy(2), host("gpu3", alerts=2, ill=True))
    assert [each.text for each in run.findings if each.kind == "alerts"] == [
        "was critical in its last health check",
        "2 alerts fire there",
    ]
    assert run.rows[-1].severity is Severity.WARNING and len(run.rows[-1].findings) == 2


def test_a_tag_asks_for_an_approval_and_nobody_there_is_red() -> None:
    hosts = [replace(each, tags=("production",)) for each in healthy(2)]
    run = told(WIDE, *hosts, at=site(approval_tags=("production",), history=(earlier(),)))
    assert (run.plan.approvals, run.approvals_by, run.red) == (1, ("production",), False)
    assert "somebody else must approve exactly this plan (tag production)" in of_kind(run, "approvals").text
    alone = told(WIDE, *hosts, at=site(approval_tags=("production",), operators=1))
    red(alone, "approvals", "there is 1 in all")


def test_nobody_is_there_for_a_gate_of_a_schedule() -> None:
    request = replace(WIDE, scheduled=True, promote="key", steps=("gate:look", "check"))
    texts = [each.text for each in told(request, *healthy(2)).findings if each.kind == "plan"]
    assert any("nobody is there for gate:look" in text for text in texts)
    assert any("promote the canaries" in text for text in texts)


def test_the_worst_is_told_first() -> None:
    run = told(replace(WIDE, max_unavailable="0"), host("gpu1", alerts=1, cautions=()), at=site())
    ranks = [each.severity.rank for each in run.findings]
    assert ranks == sorted(ranks, reverse=True) and run.red


def test_a_canary_that_is_not_in_the_run_is_told() -> None:
    run = told(replace(WIDE, canaries=("gpu3", "login1")), *healthy(4))
    assert "login1: named as canary and not part of the run" in of_kind(run, "hosts").text
    assert [row.host for row in run.rows if row.canary] == ["gpu3"]


def test_a_thousand_hosts_are_composed_at_once() -> None:
    hosts = [host(f"gpu{at:04}", model=f"H{at % 3}", parents=(f"rack{at % 40}",)) for at in range(1000)]
    request = replace(WIDE, max_unavailable="10%", max_unavailable_per_domain="3")
    began = time.perf_counter()
    run = told(request, *hosts)
    assert len(run.rows) == 1000 and sum(row.canary for row in run.rows) == 3
    assert time.perf_counter() - began < 5.0


_HOSTS = st.lists(
    st.builds(
        host,
        st.integers(1, 40).map("gpu{}".format),
        model=st.sampled_from(["A", "B"]),
        jobs=st.sampled_from([None, 0, 2]),
        state=st.sampled_from(HostState),
        parents=st.sampled_from([(), ("r1",), ("r2",)]),
        pending=st.sampled_from([None, (), (BASH,)]),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60)
@given(_HOSTS, st.sampled_from(["0", "1", "30%"]), st.sampled_from(["", "0", "1"]), st.booleans())
def test_any_fleet_has_a_dry_run_with_every_host_once(
    hosts: list[FleetHost], most: str, domain: str, canary: bool
) -> None:
    known = {each.host: each for each in hosts}
    request = replace(
        WIDE, max_unavailable=most, max_unavailable_per_domain=domain, canary=canary, window_end=NOW + 900
    )
    run = compose(request, tuple(known), known, site(history=(earlier(),)))
    assert sorted(row.host for row in run.rows) == sorted(known)
    assert intact(run.plan)
    assert all(each.text and (each.hint or each.severity is Severity.OK) for each in run.findings)
    if canary:
        assert {row.kind for row in run.rows if row.canary} == {row.kind for row in run.rows}
    if not run.red:
        assert run.headroom > 0 or all(row.begins is None for row in run.rows)
