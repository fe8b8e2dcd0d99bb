"""`run …`: a dry run before anything, a start that names exactly that, and an exit status that a script can trust."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from backends.errors import BadInput, RetryLater
from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import HostRun, RunStatus, Stage
from backends.maintenance.views import Held, NamedRun, RunList, RunView
from backends.maintenance.worker import Look, Told
from swarm_tui.cli import run_watch
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine
from tests.unit.run_samples import (
    ASKING,
    DONE,
    FAILED,
    GOING,
    HASH,
    LINE,
    NOW,
    PLAN,
    QUEUED,
    RED,
    RUN,
    WORKING,
    YELLOW,
    dry,
    shown,
    state,
)

SHORT = HASH[:12]
WAITING = state(QUEUED, status=RunStatus.WAITING)
BEGAN = state(QUEUED)
LISTED = RunList(runs=(LINE,))
WAITS = RunList(runs=(replace(LINE, status=RunStatus.WAITING, hash=HASH),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "POLL_SECONDS", 0.001)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)


def types(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A person at a terminal."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)


def in_turn(*answers: object) -> Callable[[dict[str, Any]], object]:
    """One answer after the other; the last one for ever."""
    left = list(answers)
    return lambda params: left.pop(0) if len(left) > 1 else left[0]


def changed(engine: FakeEngine) -> list[str]:
    """Calls that change something."""
    looking = {"runs.list", "runs.view", "runs.compose", "runs.output", "runs.report", "runs.held", "runs.names"}
    return [method for method, _ in engine.calls if method.startswith("runs.") and method not in looking]


# plan ---------------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_everything_and_ends_with_the_command_that_starts_it(run: Run, serve: Serve) -> None:
    engine = serve(runs__compose=dry(YELLOW))
    ran = run("run", "plan", "monthly-patch")
    lines = ran.out.splitlines()
    assert lines[0] == f"monthly-patch  plan {SHORT}: it may start, 1 worth a look"
    assert "warn  gpu03: it never ran here" in lines
    assert [line.split()[:3] for line in lines if line.lstrip()[:1].isdigit()] == [
        ["1", "gpu01", "canary"],
        ["2", "gpu02", "2"],
        ["3", "gpu03", "2"],
    ]
    assert "gpu[01-02] (2): 10 changes, 2.0K to fetch" in lines
    assert lines[-1] == f"to do exactly this: swarm-tui run start {SHORT}"
    assert engine.params_of("runs.compose") == [{"name": "monthly-patch"}]
    assert changed(engine) == []


@pytest.mark.parametrize(("found", "status"), [(dry(), 0), (dry(YELLOW), 1), (dry(RED, YELLOW), 2)])
def test_the_status_of_a_dry_run_is_that_of_the_worst_against_it(
    found: DryRun, status: int, run: Run, serve: Serve
) -> None:
    serve(runs__compose=found)
    ran = run("run", "plan", "monthly-patch")
    assert ran.status == status
    assert ("swarm-tui run start" in ran.out) == (status < 2)


def test_every_option_reaches_the_engine(run: Run, serve: Serve) -> None:
    engine = serve(runs__compose=dry())
    words = ["--hosts", "tag:a100", "--steps", "drain, update:security,resume", "--batches", "1,10%"]
    words += ["--max-unavailable", "20%", "--max-unavailable-per-domain", "1", "--max-failed", "3"]
    words += ["--canary", "gpu01", "--canary", "gpu07", "--soak", "5m", "--promote", "key", "--approvals", "1"]
    words += ["--timeout", "drain=12h", "--package", "linux-*", "--exclude", "docker-*"]
    assert run("run", "plan", *words).status == 0
    assert engine.params_of("runs.compose") == [
        {
            "select": "tag:a100",
            "steps": ["drain", "update:security", "resume"],
            "batches": ["1", "10%"],
            "max_unavailable": "20%",
            "max_unavailable_per_domain": "1",
            "max_failed": 3,
            "canaries": ["gpu01", "gpu07"],
            "soak_seconds": 300.0,
            "promote": "key",
            "approvals": 1,
            "timeouts": {"drain": "12h"},
            "packages": ["linux-*"],
            "exclude_packages": ["docker-*"],
        }
    ]


def test_no_canary_and_no_soak_are_said_to_the_engine(run: Run, serve: Serve) -> None:
    engine = serve(runs__compose=dry())
    run("run", "plan", "monthly-patch", "--no-canary", "--soak", "0")
    assert engine.params_of("runs.compose") == [{"name": "monthly-patch", "canary": False, "soak_seconds": 0.0}]


def test_a_window_is_given_by_its_end_or_by_its_length(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_tui.cli.run_plan.time.time", lambda: NOW)
    engine = serve(runs__compose=dry())
    run("run", "plan", "p", "--for", "4h")
    run("run", "plan", "p", "--window-start", "2026-11-26T20:00Z", "--for", "2h")
    run("run", "plan", "p", "--window-end", "2026-11-26T20:00Z")
    eight = NOW + 6 * 3600 + 26 * 60 + 40
    assert [(each.get("window_start"), each["window_end"]) for each in engine.params_of("runs.compose")] == [
        (None, NOW + 4 * 3600),
        (eight, eight + 7200),
        (None, eight),
    ]
    before = ["--window-start", "2026-11-26T20:00Z", "--window-end", "2026-11-26T19:00Z"]
    assert run("run", "plan", "p", *before).status == 64


def test_a_dry_run_as_json_has_plan_rows_findings_and_sets(run: Run, serve: Serve) -> None:
    serve(runs__compose=dry(YELLOW))
    found = run("run", "plan", "monthly-patch", "--json").json()
    assert (found["plan"]["hash"], found["plan"]["budget"]) == (HASH, {"fleet": 2, "domain": None, "failed": 2})
    assert [(row["host"], row["batch"], row["begins"]) for row in found["rows"]] == [
        ("gpu01", 0, 0.0),
        ("gpu02", 1, None),
        ("gpu03", 1, None),
    ]
    assert (found["findings"][0]["severity"], found["sets"][0]["hosts"]) == ("warning", ["gpu01", "gpu02"])


# start --------------------------------------------------------------------------------------------------------------


def test_a_script_starts_exactly_the_plan_that_it_was_shown(run: Run, serve: Serve) -> None:
    engine = serve(runs__list=RunList(), runs__create=WAITING, runs__start=BEGAN)
    ran = run("run", "start", SHORT, "--yes")
    assert (ran.status, ran.out) == (0, f"{RUN}: running, 1 queued\n")
    assert "  budget     at most 2 away at once" in ran.err and f"run {RUN} began" in ran.err
    assert engine.params_of("runs.create") == [{"hash": SHORT}]
    assert engine.params_of("runs.start") == [{"run": RUN, "hash": HASH}]


@pytest.mark.parametrize("word", [RUN, SHORT, HASH, "last"])
def test_a_run_that_waits_is_started_and_not_made_twice(word: str, run: Run, serve: Serve) -> None:
    engine = serve(runs__list=WAITS, runs__view=shown(QUEUED, status=RunStatus.WAITING), runs__start=BEGAN)
    assert run("run", "start", word, "--yes").status == 0
    assert changed(engine) == ["runs.start"]


def test_a_run_that_waits_for_others_is_not_begun(run: Run, serve: Serve) -> None:
    asked = replace(WAITING, plan=replace(PLAN, approvals=1))
    engine = serve(runs__list=RunList(), runs__create=asked)
    ran = run("run", "start", SHORT, "--yes")
    assert ran.status == 1
    assert f"somebody else said: swarm-tui run approve {RUN} --hash {SHORT}" in ran.err
    assert changed(engine) == ["runs.create"]


@pytest.mark.parametrize(("answer", "status", "calls"), [("y", 0, ["runs.start"]), ("n", 130, [])])
def test_a_person_is_asked_before_it_begins(
    answer: str, status: int, calls: list[str], run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = serve(runs__list=WAITS, runs__view=shown(QUEUED, status=RunStatus.WAITING), runs__start=BEGAN)
    types(monkeypatch, answer)
    ran = run("run", "start", RUN)
    assert (ran.status, changed(engine)) == (status, calls)
    assert "monthly-patch" in ran.err


def test_without_a_terminal_nothing_is_started_nor_written_down(run: Run, serve: Serve) -> None:
    engine = serve(runs__list=RunList(), runs__create=WAITING)
    ran = run("run", "start", SHORT)
    assert ran.status == 2 and "--yes" in ran.err
    assert engine.calls == []


@pytest.mark.parametrize(("word", "said"), [("monthly-patch", "swarm-tui run plan NAME"), (RUN, "began already")])
def test_what_cannot_be_started_says_what_to_do(word: str, said: str, run: Run, serve: Serve) -> None:
    engine = serve(runs__list=LISTED)
    ran = run("run", "start", word, "--yes")
    assert ran.status == 64 and said in ran.err
    assert changed(engine) == []


def test_a_followed_start_ends_with_the_board(run: Run, serve: Serve) -> None:
    serve(
        runs__list=RunList(),
        runs__create=WAITING,
        runs__start=BEGAN,
        events__subscribe={},
        runs__view=in_turn(shown(QUEUED), shown(DONE, status=RunStatus.ENDED)),
    )
    ran = run("run", "start", SHORT, "--yes", "--follow")
    assert ran.status == 0
    assert "13:33:20Z  gpu01: done  proven healthy" in ran.err.splitlines()
    assert ran.out.startswith(f"{RUN}  monthly-patch  by anna: ended, 1 done\n")


# approve ------------------------------------------------------------------------------------------------------------


def test_a_second_person_approves_exactly_what_was_shown(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = serve(runs__view=shown(QUEUED, status=RunStatus.WAITING), runs__approve=WAITING)
    types(monkeypatch, "y")
    ran = run("run", "approve", RUN)
    assert (ran.status, ran.out) == (0, f"{RUN}: approved; to begin: swarm-tui run start {RUN}\n")
    assert "  hosts      gpu[01-03] (3)" in ran.err
    assert engine.params_of("runs.approve") == [{"run": RUN, "hash": HASH}]


def test_a_script_names_what_it_approves(run: Run, serve: Serve) -> None:
    asked = replace(WAITING, plan=replace(PLAN, approvals=2))
    engine = serve(runs__view=shown(QUEUED, status=RunStatus.WAITING), runs__approve=asked)
    assert run("run", "approve", RUN, "--yes").status == 64
    assert run("run", "approve", RUN).status == 2
    assert changed(engine) == []
    assert "2 more needed" in run("run", "approve", RUN, "--hash", SHORT, "--yes").out
    assert engine.params_of("runs.approve") == [{"run": RUN, "hash": SHORT}]


# list, show ---------------------------------------------------------------------------------------------------------


def test_named_runs_are_listed_with_whom_they_mean_now(run: Run, serve: Serve) -> None:
    good = NamedRun(name="monthly", selector="tag:a100", hosts=2, steps=("drain", "update"), window="0 22 * * sat, 6 h")
    lost = NamedRun(name="lost", selector="tag:b100", problem='no host has the tag "b100"')
    serve(runs__names=in_turn({"runs": [good]}, {"runs": [good, lost]}, {"runs": []}, {"runs": [good]}))
    ran = run("run", "list", "--configured")
    assert ran.status == 0
    assert ran.out.splitlines()[1].split("  ")[0] == "monthly"
    assert "drain, update" in ran.out and "0 22 * * sat, 6 h" in ran.out
    ran = run("run", "list", "--configured")
    assert ran.status == 1 and 'tag:b100: no host has the tag "b100"' in ran.out
    ran = run("run", "list", "--configured")
    assert ran.status == 0 and "[[runs]]" in ran.out
    assert run("run", "list", "--configured", "--json").json()[0]["steps"] == ["drain", "update"]


def test_runs_are_listed_the_newest_first(run: Run, serve: Serve) -> None:
    serve(runs__list=in_turn(LISTED, RunList(), LISTED))
    lines = run("run", "list").out.splitlines()
    assert lines[0].split() == ["RUN", "NAME", "STATE", "HOSTS", "DONE", "FAILED", "BY", "BEGAN", "WHAT"]
    assert lines[1].split()[:6] == [RUN, "monthly-patch", "running", "3", "1", "0"]
    assert "no run yet" in run("run", "list").out
    found = run("run", "list", "--json").json()
    assert (found["runs"][0]["run"], found["damaged"]) == (RUN, {})


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (LISTED, 0),
        (RunList(runs=(replace(LINE, status=RunStatus.STOPPED),)), 1),
        (RunList(runs=(replace(LINE, stages={"needs-operator": 1}),)), 1),
        (RunList(runs=(replace(LINE, status=RunStatus.ENDED, stages={"needs-operator": 1}),)), 0),
        (RunList(damaged={"r-9": "line 4 is not what line 3 says"}), 2),
    ],
)
def test_the_status_of_the_list_tells_whether_somebody_must_look(
    found: RunList, status: int, run: Run, serve: Serve
) -> None:
    serve(runs__list=found)
    ran = run("run", "list")
    assert ran.status == status
    assert ("r-9: held, its journal is damaged: line 4" in ran.err) == bool(found.damaged)


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (GOING, 1),
        (shown(DONE, status=RunStatus.ENDED), 0),
        (shown(DONE, replace(QUEUED, stage=Stage.SKIPPED), status=RunStatus.ENDED), 1),
        (shown(DONE, FAILED, status=RunStatus.ENDED), 2),
        (shown(DONE, FAILED), 2),
        (shown(DONE, ASKING), 1),
        (shown(DONE, QUEUED, status=RunStatus.STOPPED), 2),
    ],
)
def test_the_status_of_a_run_is_good_only_when_every_host_is_done(
    view: RunView, status: int, run: Run, serve: Serve
) -> None:
    serve(runs__view=view)
    assert run("run", "show", RUN).status == status
    assert run("run", "show", RUN, "--json").status == status


def test_the_board_has_its_hosts_and_notes(run: Run, serve: Serve) -> None:
    serve(runs__view=GOING, runs__list=LISTED)
    out = run("run", "show", "last").out
    assert "draining  1/4 drain" in out and out.endswith("bob: gpu02: fan is loud\n")
    found = run("run", "show", RUN, "--json").json()
    assert (found["hosts"]["gpu02"]["stage"], found["looks"]["gpu02"]["state"]) == ("working", "draining")
    assert (found["headroom"]["free"], found["window_left"]) == (1, None)


def test_without_any_run_last_means_nothing(run: Run, serve: Serve) -> None:
    serve(runs__list=RunList())
    ran = run("run", "show", "last")
    assert ran.status == 64 and "there is no run yet" in ran.err and "swarm-tui run plan" in ran.err


def test_text_of_a_host_is_shown_as_it_is(run: Run, serve: Serve) -> None:
    serve(runs__view=shown(replace(FAILED, text="[red]gone[/red] %s {x}")))
    assert "[red]gone[/red] %s {x}" in run("run", "show", RUN).out


# watch --------------------------------------------------------------------------------------------------------------


def looked(words: str) -> dict[str, Look]:
    return {"gpu02": Look(told=Told.GOING, state="updating", text=words)}


def test_who_waits_long_enough_gives_up_with_a_status_of_its_own_and_the_run_goes_on(run: Run, serve: Serve) -> None:
    engine = serve(events__subscribe={}, runs__view=in_turn(shown(ASKING), shown(ASKING, FAILED), shown(ASKING)))
    ran = run("run", "watch", RUN, "--timeout", "20ms")
    assert ran.status == 3
    assert "not over yet, and it goes on" in ran.err
    assert "gpu03" in ran.out and changed(engine) == []
    ran = run("run", "watch", RUN, "--timeout", "20ms", "--json")
    last = msgspec.json.decode(ran.out.splitlines()[-1])
    assert (ran.status, last["kind"], last["state"]) == (3, "end", "running")


def test_a_run_that_ends_in_time_has_the_status_of_its_hosts(run: Run, serve: Serve) -> None:
    serve(events__subscribe={}, runs__view=shown(DONE, status=RunStatus.ENDED))
    assert run("run", "watch", RUN, "--timeout", "2h").status == 0


@pytest.mark.parametrize(
    "words",
    [("watch", RUN, "--timeout", "soon"), ("watch", RUN, "--timeout", "0"), ("start", SHORT, "--timeout", "2h")],
)
def test_a_patience_that_makes_no_sense_is_refused(words: tuple[str, ...], run: Run, serve: Serve) -> None:
    engine = serve()
    assert run("run", *words).status == 64 and engine.calls == []


def test_a_run_is_followed_to_its_end_one_line_for_each_change(run: Run, serve: Serve) -> None:
    updating = replace(WORKING, step=1)
    stuck = replace(updating, stage=Stage.FAILED, text="dpkg was interrupted", hint="swarm-tui updates repair gpu02")
    engine = serve(
        events__subscribe={},
        runs__view=in_turn(
            shown(QUEUED, status=RunStatus.WAITING),
            shown(QUEUED, updating, looks=looked("1 of 9")),
            shown(QUEUED, updating, looks=looked("2 of 9"), since=7),
            shown(QUEUED, stuck),
            shown(DONE, stuck, status=RunStatus.ENDED),
        ),
    )
    ran = run("run", "watch", RUN)
    assert ran.status == 2
    assert ran.out.splitlines()[:6] == [
        f"13:33:20Z  waiting  → swarm-tui run start {RUN}",
        "13:33:20Z  running  batch 1 (canaries)",
        "13:33:20Z  gpu02: updating  2/4 update:security  1 of 9",
        "13:33:20Z  gpu02: FAILED  2/4 update:security  dpkg was interrupted  → swarm-tui updates repair gpu02",
        "13:33:20Z  ended",
        "13:33:20Z  gpu01: done  proven healthy",
    ]
    assert f"{RUN}  monthly-patch  by anna: ended, 1 FAILED, 1 done" in ran.out
    assert [params.get("since") for params in engine.params_of("runs.view")] == [None, 7, 7, 7, 7]


def test_what_counts_up_is_told_again_after_a_while(run: Run, serve: Serve) -> None:
    later = replace(shown(WORKING, looks=looked("5 of 9")), now=NOW + 11)
    views = [shown(WORKING, looks=looked("1 of 9")), shown(WORKING, looks=looked("2 of 9")), later]
    serve(events__subscribe={}, runs__view=in_turn(*views, shown(DONE, status=RunStatus.ENDED)))
    out = run("run", "watch", RUN).out
    assert "1 of 9" in out and "2 of 9" not in out and "13:33:31Z  gpu02: updating  1/4 drain  5 of 9" in out


@pytest.mark.parametrize(
    ("hosts", "status"), [((DONE,), 0), ((DONE, HostRun(host="x", stage=Stage.SKIPPED)), 1), ((DONE, FAILED), 2)]
)
def test_the_end_of_a_run_is_the_status_of_who_followed_it(
    hosts: tuple[HostRun, ...], status: int, run: Run, serve: Serve
) -> None:
    serve(events__subscribe={}, runs__view=shown(*hosts, status=RunStatus.ENDED))
    ran = run("run", "watch", RUN, "--json")
    assert ran.status == status
    lines = [msgspec.json.decode(line) for line in ran.out.splitlines()]
    assert [line["kind"] for line in lines] == ["run", *["host"] * len(hosts), "end"]
    assert lines[1] == {
        "time": NOW,
        "run": RUN,
        "kind": "host",
        "state": "done",
        "host": "gpu01",
        "doing": "done",
        "step": "",
        "text": "proven healthy",
    }


def test_a_lost_engine_is_no_end_of_the_run(run: Run, serve: Serve) -> None:
    engine = serve(events__subscribe={})

    def last(params: object) -> RunView:
        engine.close_soon()
        return shown(QUEUED)

    engine.handlers["runs.view"] = last
    assert run("run", "watch", RUN).status == 3


# stepping in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "method", "params"),
    [
        (["pause", RUN, "--note", "lunch"], "pause", {"text": "lunch"}),
        (["resume", RUN], "resume", {"text": ""}),
        (["abort", RUN, "--yes", "--note", "storm"], "abort", {"text": "storm"}),
        (["promote", RUN], "promote", {}),
        (["skip", RUN, "gpu02", "--note", "later"], "skip", {"host": "gpu02", "text": "later"}),
        (["retry", RUN, "gpu02"], "retry", {"host": "gpu02", "text": ""}),
        (["answer", RUN, "gpu02", "the vendor said so"], "answer", {"host": "gpu02", "text": "the vendor said so"}),
        (["note", RUN, "fan is loud", "--host", "gpu02"], "note", {"text": "fan is loud", "host": "gpu02"}),
    ],
)
def test_every_act_reaches_the_engine_and_tells_how_the_run_stands(
    words: list[str], method: str, params: dict[str, str], run: Run, serve: Serve
) -> None:
    engine = serve(**{f"runs__{method}": state(DONE, FAILED), "runs__list": LISTED})
    ran = run("run", *words)
    assert (ran.status, ran.out.splitlines()[0]) == (0, f"{RUN}: running, 1 FAILED, 1 done")
    assert engine.params_of(f"runs.{method}") == [{"run": RUN, **params}]
    words[1] = "last"
    assert run("run", *words, "--json").json()["plan"]["id"] == RUN


def test_an_act_on_a_host_tells_how_the_host_stands(run: Run, serve: Serve) -> None:
    serve(runs__skip=state(DONE, FAILED))
    assert run("run", "skip", RUN, "gpu02").out.splitlines()[1] == "gpu02: FAILED  3/4 check  7 of 8 GPUs came back"


def test_an_abort_is_asked_for(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = serve(runs__abort=state(DONE))
    ran = run("run", "abort", RUN)
    assert ran.status == 2 and "--yes" in ran.err
    types(monkeypatch, "n")
    assert run("run", "abort", RUN).status == 130
    assert changed(engine) == []
    types(monkeypatch, "y")
    assert run("run", "abort", RUN).status == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadInput("no such run: r-9", hint="swarm-tui run list"), 64),
        (RetryLater("its journal cannot be written: No space left on device"), 3),
    ],
)
def test_a_refusal_says_why_and_what_to_do(error: Exception, status: int, run: Run, serve: Serve) -> None:
    def refuse(params: object) -> None:
        raise error

    serve(runs__pause=refuse)
    ran = run("run", "pause", "r-9")
    assert (ran.status, ran.out) == (status, "")
    assert str(error).split("\n")[0] in ran.err


# output, report, held -----------------------------------------------------------------------------------------------


def test_output_of_a_step(run: Run, serve: Serve) -> None:
    engine = serve(runs__output=in_turn({"text": "Setting up bash\n"}, {"text": ""}, {"text": "x"}))
    assert run("run", "output", RUN, "gpu02").out == "Setting up bash\n"
    ran = run("run", "output", RUN, "gpu02")
    assert (ran.status, ran.out, ran.err) == (0, "", "gpu02: nothing was printed\n")
    assert run("run", "output", RUN, "gpu02", "--json").json() == {"run": RUN, "host": "gpu02", "text": "x"}
    assert engine.params_of("runs.output")[0] == {"run": RUN, "host": "gpu02"}


def test_a_report_goes_to_stdout_or_into_a_new_file(run: Run, serve: Serve, tmp_path: Path) -> None:
    engine = serve(runs__report={"text": "# monthly-patch\n"})
    assert run("run", "report", RUN).out == "# monthly-patch\n"
    run("run", "report", RUN, "--json")
    file = tmp_path / "report.md"
    assert run("run", "report", RUN, "--format", "jsonl", "-o", str(file)).out == ""
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("# monthly-patch\n", 0o600)
    again = run("run", "report", RUN, "-o", str(file))
    assert again.status == 64 and "cannot write" in again.err
    formats = [params["format"] for params in engine.params_of("runs.report")]
    assert formats == ["markdown", "jsonl", "jsonl", "markdown"]


def test_who_has_which_host(run: Run, serve: Serve) -> None:
    mine = Held(host="gpu02", run=RUN, name="monthly-patch", who="anna", stage=Stage.WORKING, text="drains")
    serve(runs__held=in_turn({"held": [mine]}, {"held": []}, {"held": [mine]}))
    assert run("run", "held").out.splitlines()[1].split() == [
        "gpu02",
        RUN,
        "monthly-patch",
        "anna",
        "working",
        "drains",
    ]
    assert run("run", "held").out == "no run has a host\n"
    assert run("run", "held", "--json").json()[0]["who"] == "anna"


# usage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "p", "--steps", ","],
        ["plan", "p", "--max-failed", "0"],
        ["plan", "p", "--soak", "soon"],
        ["plan", "p", "--promote", "maybe"],
        ["plan", "p", "--for", "4h", "--window-end", "18:00"],
        ["plan", "p", "--window-end", "never"],
        ["plan", "p", "--canary", "gpu01", "--no-canary"],
        ["plan", "p", "--timeout", "drain"],
        ["plan", "p", "--timeout", "=3h"],
        ["start"],
        ["show"],
        ["watch"],
        ["skip", RUN],
        ["answer", RUN, "gpu01"],
        ["answer", RUN, "gpu01", " "],
        ["note", RUN, ""],
        ["report", RUN, "--format", "pdf"],
        ["begin"],
    ],
)
def test_what_is_not_understood_asks_nobody(words: list[str], run: Run, serve: Serve) -> None:
    engine = serve(runs__compose=dry(), runs__list=LISTED)
    assert run("run", *words).status == 64
    assert all(not method.startswith("runs.") for method, _ in engine.calls)


@pytest.mark.parametrize(
    "words",
    [
        ["start", SHORT, "--yes"],
        ["approve", RUN, "--hash", SHORT, "--yes"],
        ["pause", RUN],
        ["resume", RUN],
        ["abort", RUN, "--yes"],
        ["promote", RUN],
        ["skip", RUN, "gpu01"],
        ["retry", RUN, "gpu01"],
        ["answer", RUN, "gpu01", "yes"],
        ["note", RUN, "x"],
    ],
)
def test_read_only_changes_nothing(words: list[str], run: Run, serve: Serve) -> None:
    engine = serve()
    ran = run("--read-only", "run", *words)
    assert (ran.status, "--read-only" in ran.err) == (64, True)
    assert engine.calls == []
