"""`updates …`: what the engine knows as text and as JSON, and an exit status that a script can trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backends.errors import BadInput, RetryLater, Stop
from backends.updates import plan as plans
from backends.updates.extras_model import FirmwareUpdate, PythonEnvironment, Vulnerability
from backends.updates.inventories import HostUpdates
from backends.updates.model import (
    Caution,
    Change,
    HistoryEntry,
    Holder,
    HostPlan,
    Inventory,
    Outcome,
    PackageResult,
    Plan,
    Progress,
    Repair,
    Selection,
    Stage,
)
from backends.updates.pivots import HostSummary
from backends.updates.repairs import RepairRun
from backends.updates.runs import Board, BoardHost
from backends.updates.service import View
from swarm_tui.cli import updates as command
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine

BASH = Change(name="bash", installed="5.2-1", candidate="5.2-2", security=False)
LIBC = Change(name="libc6", installed="2.36-9", candidate="2.36-10", security=True, cves=("CVE-2026-1",))
ROW = HostSummary(
    host="gpu01", manager="apt", pending=2, security=1, held=0, download_bytes=2048, reboot=True, lists_age_seconds=60.0
)
IDLE = HostSummary(host="gpu02", manager="apt", pending=0, security=0, held=1, download_bytes=0, reboot=False)
SILENT = HostSummary(host="gpu03", problems=("not connected",), hint="see its state")


def host_plan(name: str, *changes: Change, **more: Any) -> HostPlan:
    return HostPlan(host=name, manager="apt", changes=changes, download_bytes=2048, reboot=True, **more)


def plan_of(*hosts: HostPlan) -> Plan:
    return plans.build("p1", 1.0, "anna", Selection(), hosts)


PLAN = plan_of(host_plan("gpu01", BASH, LIBC), host_plan("gpu02", BASH, LIBC))


def ended(stage: Stage, *problems: str, **more: Any) -> BoardHost:
    result = PackageResult(name="bash", planned="5.2-2", found="5.2-2", outcome="applied")
    outcome = Outcome(host="gpu01", stage=stage, problems=problems, results=(result,), **more)
    return BoardHost(
        host="gpu01", stage=stage, progress=Progress(host="gpu01", stage=stage), outcome=outcome, ended=9.0
    )


def going(stage: Stage, **values: Any) -> BoardHost:
    progress = Progress(host="gpu01", stage=stage, planned=2, **values)
    return BoardHost(host="gpu01", stage=stage, progress=progress)


def board(*hosts: BoardHost) -> Board:
    finished = all(host.ended is not None for host in hosts)
    return Board(
        id="r1",
        title="1 changes on 1 hosts",
        plan_id="p1",
        plan_hash=PLAN.hash,
        who="anna",
        created=1.0,
        finished=finished,
        version=1,
        hosts=hosts,
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "POLL_SECONDS", 0.001)


def in_turn(*answers: object) -> Callable[[dict[str, Any]], object]:
    """One answer after the other; the last one for ever."""
    left = list(answers)
    return lambda params: left.pop(0) if len(left) > 1 else left[0]


# list ---------------------------------------------------------------------------------------------------------------


def test_the_list_shows_numbers_and_what_is_not_known_is_no_number(run: Run, serve: Serve) -> None:
    engine = serve(updates__view=View(version=1, hosts=(ROW, IDLE, SILENT)), updates__refresh={"hosts": ["gpu03"]})
    ran = run("updates", "list")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["HOST", "PENDING", "SECURITY", "HELD", "FETCH", "REBOOT", "LISTS", "WHAT"]
    assert lines[1][:7] == ["gpu01", "2", "1", "0", "2.0K", "yes", "1m"]
    assert lines[2][1:4] == ["0", "0", "1"]
    assert lines[3][1:4] == ["?", "?", "?"] and "not connected · see its state" in ran.out
    assert ran.status == 3
    assert engine.params_of("updates.refresh") == [{"select": "gpu03", "lists": False, "wait_seconds": 600}]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ((), 0),
        ((IDLE,), 0),
        ((IDLE, ROW), 1),
        ((replace(IDLE, problems=("the mirror is dead",)),), 1),
        ((IDLE, ROW, SILENT), 3),
    ],
)
def test_the_status_of_a_list_is_that_of_its_worst_host(
    rows: tuple[HostSummary, ...], status: int, run: Run, serve: Serve
) -> None:
    serve(updates__view=View(version=1, hosts=rows), updates__refresh={"hosts": []})
    assert run("updates", "list").status == status


def test_the_list_is_asked_for_anew_on_demand(run: Run, serve: Serve) -> None:
    engine = serve(updates__view=View(version=1, hosts=(IDLE,)), updates__refresh={"hosts": ["gpu02"]})
    run("updates", "list", "gpu02")
    assert engine.params_of("updates.refresh") == []
    run("updates", "list", "gpu02", "--refresh")
    run("updates", "list", "gpu02", "--lists")
    assert [params["lists"] for params in engine.params_of("updates.refresh")] == [False, True]
    assert {params["select"] for params in engine.params_of("updates.view")} == {"gpu02"}


def test_the_list_as_json_has_hosts_and_groups(run: Run, serve: Serve) -> None:
    serve(updates__view=View(version=1, hosts=(ROW,)))
    found = run("updates", "list", "--json").json()
    assert (found["hosts"][0]["host"], found["hosts"][0]["security"], found["sets"]) == ("gpu01", 1, [])
    assert found["hosts"][0]["services"] is None


def test_firmware_and_python_environments_stand_below_the_list_and_in_the_json(run: Run, serve: Serve) -> None:
    device = FirmwareUpdate(device="0" * 40, name="BIOS", installed="1", candidate="2", reboot=True)
    flaw = Vulnerability(package="idna", installed="3.4", id="GHSA-1", fixed="3.7")
    python = (
        PythonEnvironment(path="/srv/a", packages=3, outdated=(), vulnerable=(flaw,)),
        PythonEnvironment(path="/srv/b"),
    )
    found = Inventory(host="gpu01", manager="apt", firmware=(device,), python=python, missing={"python /srv/b": "gone"})
    row = replace(ROW, firmware=1, python_environments=2, python_vulnerable=1)
    serve(updates__view=View(version=1, hosts=(row, IDLE)), updates__host=HostUpdates(host="gpu01", inventory=found))
    text = run("updates", "list").out
    assert "1 firmware updates · 1 vulnerable Python packages" in text
    assert text.splitlines()[-3:] == [
        "gpu01: firmware of BIOS: 1 → 2, reboot afterwards",
        "gpu01: /srv/a: 3 packages, 0 outdated, 1 vulnerable: GHSA-1 (idna)",
        "gpu01: /srv/b: ? packages, outdated unknown, vulnerable unknown (gone)",
    ]
    (extras,) = run("updates", "list", "--json").json()["extras"]
    assert (extras["host"], extras["firmware"][0]["candidate"]) == ("gpu01", "2")
    assert extras["python"][0]["vulnerable"][0]["fixed"] == "3.7" and extras["python"][1]["outdated"] is None


# plan ---------------------------------------------------------------------------------------------------------------


def test_a_plan_is_read_by_groups_and_ends_with_the_command_that_approves_it(run: Run, serve: Serve) -> None:
    warned = host_plan("gpu01", BASH, LIBC, warnings=(Caution(kind="held", text="cuda is held"),))
    made = plan_of(warned, host_plan("gpu02", BASH, LIBC), host_plan("gpu03"))
    serve(updates__plan=made)
    ran = run("updates", "plan", "gpu[01-03]")
    assert ran.status == 1
    assert "gpu[01-02] (2): 2 changes, 2.0K to fetch, reboot" in ran.out
    assert "5.2-1 → 5.2-2" in ran.out and "[security, CVE-2026-1]" in ran.out
    assert "  ! cuda is held" in ran.out and "gpu03: nothing to do" in ran.out
    assert ran.out.endswith(f"swarm-tui updates apply p1 --hash {made.hash[:12]}\n")


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (plan_of(host_plan("gpu01")), 0),
        (PLAN, 1),
        (plan_of(host_plan("gpu01", BASH), HostPlan(host="gpu02", manager="", error="not connected")), 3),
    ],
)
def test_the_status_of_a_plan_tells_whether_there_is_something_to_do(
    made: Plan, status: int, run: Run, serve: Serve
) -> None:
    serve(updates__plan=made)
    ran = run("updates", "plan", "*")
    assert ran.status == status
    assert ("updates apply" in ran.out) == (status != 0)
    assert ("gpu02: cannot be planned: not connected" in ran.out) == (status == 3)


def test_every_option_of_a_selection_reaches_the_engine(run: Run, serve: Serve) -> None:
    engine = serve(updates__plan=PLAN)
    words = ["--security", "--class", "kernel", "--class", "boot", "--package", "linux-*", "--cve", "CVE-2026-1"]
    run("updates", "plan", "tag:a100", *words, "--exclude", "cuda*", "--older-than", "3d")
    assert engine.params_of("updates.plan") == [
        {
            "select": "tag:a100",
            "selection": {
                "security_only": True,
                "classes": ["kernel", "boot"],
                "packages": ["linux-*"],
                "cves": ["CVE-2026-1"],
                "exclude": ["cuda*"],
                "minimum_age_seconds": 259200.0,
            },
        }
    ]


def test_a_plan_is_kept_as_a_file_that_is_a_plan(run: Run, serve: Serve, tmp_path: Path) -> None:
    serve(updates__plan=PLAN)
    assert run("updates", "plan", "*", "--out", str(tmp_path / "plan.json"), "--json").json()["hash"] == PLAN.hash
    assert plans.decode((tmp_path / "plan.json").read_bytes(), "") == PLAN
    ran = run("updates", "plan", "*", "--out", str(tmp_path / "no" / "plan.json"))
    assert (ran.status, "cannot write" in ran.err) == (64, True)


# show ---------------------------------------------------------------------------------------------------------------


def test_a_plan_a_run_and_a_log_are_shown_again(run: Run, serve: Serve) -> None:
    def no_run(params: dict[str, Any]) -> Board:
        if params["run"] == "p1":
            raise BadInput("no such run: p1")
        return board(ended(Stage.DONE))

    serve(updates__run=no_run, updates__get_plan=PLAN, updates__log={"text": "Setting up bash"})
    assert run("updates", "show", "p1").out.startswith(f"plan p1  hash {PLAN.hash[:12]}  by anna")
    assert run("updates", "show", "p1", "--json").json()["id"] == "p1"
    assert run("updates", "show", "r1", "--json").json()["id"] == "r1"
    assert "gpu01: done: 1 of 1 applied" in run("updates", "show", "r1").out
    assert run("updates", "show", "r1", "--log", "gpu01").out == "Setting up bash\n"


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ((ended(Stage.DONE),), 0),
        ((ended(Stage.DONE), going(Stage.APPLYING)), 1),
        ((ended(Stage.PARTIAL), going(Stage.APPLYING)), 2),
        ((ended(Stage.FAILED),), 2),
        ((ended(Stage.REFUSED),), 2),
        ((ended(Stage.CANCELLED),), 2),
    ],
)
def test_the_status_of_a_run_is_good_only_when_everything_is_there(
    hosts: tuple[BoardHost, ...], status: int, run: Run, serve: Serve
) -> None:
    serve(updates__run=board(*hosts))
    assert run("updates", "show", "r1").status == status


# apply --------------------------------------------------------------------------------------------------------------


def applied(serve: Serve, *boards: Board) -> FakeEngine:
    return serve(updates__start=boards[0], updates__run=in_turn(*boards[1:] or boards))


def test_applying_tells_each_step_on_stderr_and_the_result_on_stdout(run: Run, serve: Serve) -> None:
    holder = Holder(pid=7, command="apt-get")
    engine = applied(
        serve,
        board(going(Stage.QUEUED)),
        board(going(Stage.PREFETCHING, download_percent=40.0)),
        board(going(Stage.WAITING_FOR_LOCK, holder=holder)),
        board(going(Stage.APPLYING, done=1, current="libc6")),
        board(going(Stage.APPLYING, done=1, current="libc6")),
        board(ended(Stage.DONE)),
    )
    ran = run("updates", "apply", "p1", "--hash", PLAN.hash)
    assert ran.err.splitlines() == [
        "run r1 began; it goes on without this terminal",
        "gpu01: queued",
        "gpu01: prefetching  40%",
        "gpu01: waiting for lock  lock held by apt-get (7)",
        "gpu01: applying  1 of 2  libc6",
        "gpu01: done: 1 of 1 applied",
    ]
    assert (ran.status, ran.out) == (0, "r1  1 changes on 1 hosts  by anna: 1 done\ngpu01: done: 1 of 1 applied\n")
    assert engine.params_of("updates.start") == [{"plan": "p1", "hash": PLAN.hash}]


def test_what_was_not_applied_is_told_with_its_reason_and_its_cure(run: Run, serve: Serve) -> None:
    broken = PackageResult(name="libc6", planned="2", found="1", outcome="half-configured", reason="its script failed")
    host = ended(Stage.PARTIAL, "libc6 is half-configured", leftovers=("/etc/a.dpkg-dist",), repairs=("apt-configure",))
    assert host.outcome is not None
    host = replace(host, outcome=replace(host.outcome, results=(*host.outcome.results, broken)))
    applied(serve, board(host))
    ran = run("updates", "apply", "p1", "--hash", PLAN.hash)
    assert ran.status == 2
    assert "gpu01: partial: 1 of 2 applied — libc6 is half-configured" in ran.out
    assert "half-configured  planned 2, found 1  (its script failed)" in ran.out
    assert "kept, look at: /etc/a.dpkg-dist" in ran.out and "repair offered: apt-configure" in ran.out


def test_a_detached_apply_does_not_wait(run: Run, serve: Serve) -> None:
    engine = applied(serve, board(going(Stage.QUEUED)))
    ran = run("updates", "apply", "p1", "--hash", PLAN.hash, "--detach", "--json")
    assert (ran.status, ran.json()["id"], ran.json()["finished"]) == (0, "r1", False)
    assert run("updates", "apply", "p1", "--hash", PLAN.hash, "--detach").out == ""
    assert "run r1 began" in ran.err and engine.params_of("updates.run") == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadInput("the approval names another hash"), 64),
        (Stop("this engine keeps no state"), 2),
        (RetryLater("no answer"), 3),
    ],
)
def test_an_apply_that_does_not_begin_says_why(error: Exception, status: int, run: Run, serve: Serve) -> None:
    def refuse(params: object) -> None:
        raise error

    serve(updates__start=refuse)
    ran = run("updates", "apply", "p1", "--hash", PLAN.hash)
    assert (ran.status, ran.out) == (status, "")
    assert str(error) in ran.err


# runs, cancel -------------------------------------------------------------------------------------------------------


def test_runs_are_listed_one_a_line(run: Run, serve: Serve) -> None:
    serve(updates__runs=in_turn({"runs": [board(ended(Stage.DONE)), board(going(Stage.APPLYING))]}, {"runs": []}))
    assert run("updates", "runs").out.splitlines() == [
        "r1  1 changes on 1 hosts  by anna: 1 done",
        "r1  1 changes on 1 hosts  by anna: 0 done, 1 to go",
    ]
    assert run("updates", "runs").out == "no run yet\n"
    assert run("updates", "runs", "--json").json() == []


def test_cancelling_tells_what_came_of_it_on_each_host(run: Run, serve: Serve) -> None:
    engine = serve(updates__cancel=in_turn({"hosts": {"gpu01": "told step prefetch to end"}}, {"hosts": {}}))
    assert run("updates", "cancel", "r1").out == "gpu01: told step prefetch to end\n"
    assert run("updates", "cancel", "r1", "gpu01", "gpu02").out == "nothing runs any more\n"
    assert engine.params_of("updates.cancel") == [{"run": "r1"}, {"run": "r1", "hosts": ["gpu01", "gpu02"]}]


# hold, history, rollback --------------------------------------------------------------------------------------------


def test_holding_and_releasing_answer_for_each_host(run: Run, serve: Serve) -> None:
    engine = serve(
        updates__hold=in_turn({"hosts": {"gpu01": "held bash"}}, {"hosts": {"gpu01": "released bash", "gpu02": "x"}})
    )
    ran = run("updates", "hold", "gpu01", "bash")
    assert (ran.status, ran.out) == (0, "gpu01: held bash\n")
    ran = run("updates", "hold", "*", "bash", "--release", "--json")
    assert (ran.status, ran.json()) == (2, {"gpu01": "released bash", "gpu02": "x"})
    assert [params["hold"] for params in engine.params_of("updates.hold")] == [True, False]


def test_history_names_what_when_who_and_whether_it_failed(run: Run, serve: Serve) -> None:
    ours = HistoryEntry(host="gpu01", id="8", time=0.0, changes=(LIBC,), actor="anna (0)", plan="r1", ok=True)
    theirs = HistoryEntry(host="gpu01", id="7", time=0.0, changes=(BASH,) * 5, ok=False, error="disk full")
    engine = serve(updates__history={"entries": [ours, theirs]})
    ran = run("updates", "history", "gpu01", "--limit", "2")
    assert ran.status == 0
    assert ran.out.splitlines()[1] == "8   1970-01-01 00:00  libc6 2.36-9 → 2.36-10  by anna (0)  run r1"
    assert "+2" in ran.out and "FAILED: disk full" in ran.out
    assert engine.params_of("updates.history") == [{"host": "gpu01", "limit": 2}]
    assert [entry["id"] for entry in run("updates", "history", "gpu01", "--json").json()] == ["8", "7"]


def test_the_way_back_is_a_plan_to_be_approved_and_none_is_a_failure(run: Run, serve: Serve) -> None:
    back = Change(name="bash", kind="downgrade", installed="5.2-2", candidate="5.2-1", security=False)
    gone = HostPlan(host="gpu01", manager="apt", error="its old version is in no source")
    made = plan_of(host_plan("gpu01", back))
    engine = serve(updates__rollback=in_turn(made, made, plan_of(gone)))
    ran = run("updates", "rollback", "gpu01", "2026-11-25 10:00:00", "bash")
    assert ran.status == 0 and "5.2-2 → 5.2-1" in ran.out and "updates apply p1 --hash" in ran.out
    assert run("updates", "rollback", "gpu01", "8", "--json").json()["hash"] == made.hash
    ran = run("updates", "rollback", "gpu01", "8")
    assert ran.status == 2 and "its old version is in no source" in ran.out and "updates apply" not in ran.out
    assert engine.params_of("updates.rollback")[0] == {
        "host": "gpu01",
        "entry": "2026-11-25 10:00:00",
        "packages": ["bash"],
    }


# repair -------------------------------------------------------------------------------------------------------------

REPAIR = Repair(id="apt-configure", text="finish what was interrupted", command=("dpkg", "--configure", "-a"))
STARTED = RepairRun(host="gpu01", repair="apt-configure", run="c1")


def test_repairs_are_listed_with_their_commands(run: Run, serve: Serve) -> None:
    engine = serve(updates__repairs={"repairs": [REPAIR]})
    ran = run("updates", "repair", "gpu01")
    assert ran.status == 0
    assert ran.out.splitlines()[1] == "apt-configure  finish what was interrupted  dpkg --configure -a"
    assert engine.params_of("updates.repair") == []


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (replace(STARTED, state="done", tail="Setting up bash\n"), 0, "gpu01: apt-configure done\n"),
        (
            replace(STARTED, state="failed", text="ended with 1: oh"),
            2,
            "gpu01: apt-configure failed: ended with 1: oh\n",
        ),
    ],
)
def test_a_repair_is_followed_to_its_end(end: RepairRun, status: int, said: str, run: Run, serve: Serve) -> None:
    engine = serve(updates__repair=STARTED, updates__repaired=in_turn(STARTED, end))
    ran = run("updates", "repair", "gpu01", "apt-configure")
    assert (ran.status, ran.out.splitlines(keepends=True)[-1]) == (status, said)
    assert "started as job c1" in ran.err
    assert engine.params_of("updates.repaired") == [{"run": "c1"}, {"run": "c1"}]


# usage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "*", "--class", "colour"],
        ["plan", "*", "--older-than", "soon"],
        ["apply", "p1"],
        ["apply", "--hash", "x"],
        ["hold", "gpu01"],
        ["history"],
        ["history", "gpu01", "--limit", "0"],
        ["rollback", "gpu01"],
        ["show"],
        ["cancel"],
        ["repair"],
        ["upgrade"],
    ],
)
def test_what_is_not_understood_asks_nobody(words: list[str], run: Run, serve: Serve) -> None:
    engine = serve(updates__plan=PLAN)
    assert run("updates", *words).status == 64
    assert all(not method.startswith("updates.") for method, _ in engine.calls)


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "p1", "--hash", "f" * 64],
        ["cancel", "r1"],
        ["hold", "gpu01", "bash"],
        ["repair", "gpu01", "apt-configure"],
        ["list", "--lists"],
    ],
)
def test_read_only_changes_nothing(words: list[str], run: Run, serve: Serve) -> None:
    engine = serve()
    ran = run("--read-only", "updates", *words)
    assert (ran.status, "--read-only" in ran.err) == (64, True)
    assert all(not method.startswith("updates.") for method, _ in engine.calls)
