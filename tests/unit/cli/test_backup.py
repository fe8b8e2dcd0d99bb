"""`backup …` and `drift …`: what the engine knows as text and as JSON, and an exit status that a script can trust."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backends.backups.model import Job, JobState, Outcome
from backends.backups.views import BackupView, HealPreview, LockReport
from backends.errors import RetryLater
from backends.states import Severity
from swarm_tui.cli import backup_follow
from tests.unit import backup_samples as samples
from tests.unit.backup_samples import KEY
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine


@pytest.fixture
def engine(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(backup_follow, "POLL_SECONDS", 0.0)
    return serve(
        hosts__select={"hosts": ["gpu01"]},
        **{name.replace(".", "__"): answer for name, answer in samples.ANSWERS.items()},
    )


def but(serve: Serve, **answers: Any) -> FakeEngine:
    """The same engine with other answers to some calls."""
    return serve(**{**{name.replace(".", "__"): each for name, each in samples.ANSWERS.items()}, **answers})


def test_the_list_shows_age_size_and_proof(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "list", "gpu01")
    assert ran.status == 0
    for word in ("gpu01", "config", KEY, "5.0M", "39M/s"):
        assert word in ran.out
    assert engine.params_of("backups.view")[-1] == {"select": "gpu01"}


def test_repositories_show_forecast_and_escrow(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "list", "--repositories")
    assert "23 d" in ran.out and KEY in ran.out


@pytest.mark.parametrize(("severity", "status"), [(Severity.WARNING, 1), (Severity.CRITICAL, 2)])
def test_a_concern_is_told_with_its_next_step_and_in_the_status(
    severity: Severity, status: int, run: Run, serve: Serve
) -> None:
    concern = msgspec.structs.replace(samples.CONCERN, severity=severity)
    but(serve, backups__view=msgspec.structs.replace(samples.VIEW, concerns=(concern,)))
    ran = run("backup", "list")
    assert ran.status == status
    assert "no backup for 3 d" in ran.out and "→ swarm-tui backup run gpu01" in ran.out


def test_the_list_as_json_has_every_field(run: Run, engine: FakeEngine) -> None:
    found = run("backup", "list", "--json").json()
    assert found["sets"][0]["proof"]["bytes_per_second"] == 41e6
    assert found["repositories"][0]["problem"] is None


def test_asking_anew_comes_first(run: Run, engine: FakeEngine) -> None:
    run("backup", "list", "--refresh")
    assert engine.params_of("backups.refresh") == [{}]


def test_a_run_is_followed_to_its_end(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "run", "gpu01", "--set", "models", "--to", "vault")
    assert ran.status == 0
    assert "40%" in ran.err and "$ borg create" in ran.out and "12 files, 1 MB new" in ran.out
    assert engine.params_of("backups.start")[-1] == {
        "action": "backup",
        "select": "gpu01",
        "sets": ["models"],
        "repositories": ["vault"],
        "level": "quick",
    }


def test_a_failed_run_tells_cause_evidence_and_next_step(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_follow, "POLL_SECONDS", 0.0)
    but(serve, backups__job=samples.FAILED)
    ran = run("backup", "run")
    assert ran.status == 2
    for words in ("another Borg holds the repository", "pid 4711", f"→ swarm-tui backup lock {KEY}"):
        assert words in ran.out


@pytest.mark.parametrize(
    ("state", "status"),
    [(JobState.DONE, 0), (JobState.WARNING, 1), (JobState.FAILED, 2), (JobState.CANCELLED, 2), (JobState.RUNNING, 1)],
)
def test_a_job_is_shown_with_its_state_as_status(state: JobState, status: int, run: Run, serve: Serve) -> None:
    job = msgspec.structs.replace(samples.JOB, state=state, outcome=Outcome(state=state))
    but(serve, backups__job=job)
    assert run("backup", "show", "j1").status == status


def test_nothing_to_do_is_unknown(run: Run, serve: Serve) -> None:
    but(serve, backups__start={"jobs": []})
    ran = run("backup", "run", "nowhere")
    assert (ran.status, ran.out) == (3, "nothing to do\n")


def test_detached_it_does_not_wait(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "drill", "--detach").status == 0
    assert engine.params_of("backups.job") == []


def test_jobs_and_logs(run: Run, engine: FakeEngine) -> None:
    assert "models vault/gpu01: running" in run("backup", "jobs").out
    assert run("backup", "show", "j1", "--log").out == "reading\n"
    assert run("backup", "cancel", "j1", "--force").status == 0
    assert engine.params_of("backups.cancel")[-1] == {"job": "j1", "force": True}


def test_archives_and_files(run: Run, engine: FakeEngine) -> None:
    assert samples.OLDER.name in run("backup", "archives", "gpu01", "--set", "config").out
    ran = run("backup", "files", KEY, samples.ARCHIVE.name, "/etc/")
    assert "ssh/" in ran.out and "-rw-r--r--" in ran.out
    assert engine.params_of("backups.files")[-1]["path"] == "etc"


def test_the_next_page_is_named(run: Run, serve: Serve) -> None:
    but(serve, backups__files=msgspec.structs.replace(samples.LISTING, total=900))
    assert "--offset 2" in run("backup", "files", KEY, "a").err


def test_no_archive_is_unknown(run: Run, serve: Serve) -> None:
    but(serve, backups__archives={"archives": []})
    assert run("backup", "archives").status == 3


def test_finding_and_history(run: Run, engine: FakeEngine) -> None:
    assert "etc/hosts  2 archives" in run("backup", "find", "hosts").out
    assert "changed" in run("backup", "history", "gpu01", "/etc/hosts").out
    assert engine.params_of("backups.history")[-1]["path"] == "etc/hosts"


def test_what_is_in_no_archive_is_a_warning(run: Run, serve: Serve) -> None:
    but(serve, backups__search={"hits": []}, backups__history={"versions": []})
    assert run("backup", "find", "x").status == 1
    assert run("backup", "history", "gpu01", "x").status == 1


def test_differences(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "diff", KEY, "a", "b")
    assert ran.status == 1 and "modified   etc/hosts +10B −4B" in ran.out
    assert run("backup", "diff", KEY, "a", "b", "etc/hosts", "--text").out == "-a\n+b\n"
    assert run("backup", "diff", KEY, "a", "b", "--text").status == 64


def test_the_exact_line(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "line", "backup", KEY, "config").out == "borg create …\n"


def test_a_restore_is_planned_shown_and_then_done(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "restore", KEY, "a", "/etc/hosts", "--to", "/tmp/x", "--conflict", "replace", "--yes")
    assert ran.status == 0
    assert "put back by itself after 5m" in ran.err and "sshd -t" in ran.err
    asked = engine.params_of("backups.restore_plan")[-1]["request"]
    assert (asked["paths"], asked["directory"], asked["conflict"]) == (["etc/hosts"], "/tmp/x", "replace")
    assert engine.params_of("backups.restore")[-1] == {"plan": "p1", "hash": "f" * 64}


def test_without_a_terminal_only_yes_is_an_answer(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "restore", KEY, "a")
    assert ran.status == 2 and "--yes" in ran.err
    assert engine.params_of("backups.restore") == []


def test_only_the_plan(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "restore", KEY, "a", "--plan", "--json").json()["hash"] == "f" * 64
    assert engine.params_of("backups.restore") == []


def test_keeping_and_putting_back(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "confirm", "j1").status == 0
    assert run("backup", "put-back", "j1", "--yes").status == 0


def test_a_prune_repeats_the_token_of_what_was_shown(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "prune", KEY, "config", "--yes")
    assert ran.status == 0
    assert f"REMOVE  {samples.OLDER.name}" in ran.err
    assert engine.params_of("backups.prune")[-1]["token"] == "t1"


def test_a_preview_prunes_nothing(run: Run, engine: FakeEngine) -> None:
    assert "1 of 2 archives" in run("backup", "prune", KEY, "config", "--preview").out
    assert engine.params_of("backups.prune") == []


def test_undo_and_compaction(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "undo", KEY, "--yes").status == 0
    ran = run("backup", "compact", KEY, "--accept", "x", "--yes")
    assert "also in offsite/gpu01" in ran.err
    assert engine.params_of("backups.compact")[-1] == {"repository": KEY, "token": "t2", "accept": ["x"]}


def test_checks_have_levels(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "check", "--level", "data").status == 0
    assert engine.params_of("backups.start")[-1]["level"] == "data"


def test_healing_is_planned_first(run: Run, engine: FakeEngine) -> None:
    assert "srv/a: offsite" in run("backup", "heal", KEY, "--plan").out
    assert run("backup", "heal", KEY, "--yes").status == 0
    assert engine.params_of("backups.heal")[-1] == {"plan": "h1", "hash": "e" * 64}


def test_keys_are_shown_and_their_keeping_is_recorded(run: Run, engine: FakeEngine) -> None:
    ran = run("backup", "key", "export", KEY, "--form", "paper")
    assert "BORG PAPER KEY" in ran.out and "key escrow" in ran.err
    assert "0123456789abcdef" in run("backup", "key", "escrow", KEY, "--note", "safe").out


def test_a_dead_lock_is_broken_with_its_evidence(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "lock", KEY).status == 1
    assert run("backup", "lock", KEY, "--break", "--yes").status == 0
    assert engine.params_of("backups.break_lock")[-1] == {"repository": KEY, "token": "t3"}


def test_a_lock_that_may_be_alive_is_not_broken(run: Run, serve: Serve) -> None:
    report: LockReport = msgspec.structs.replace(samples.LOCK, dead=None)
    engine = but(serve, backups__lock=report)
    ran = run("backup", "lock", KEY, "--break", "--yes")
    assert ran.status == 2 and "not proven dead" in ran.err
    assert engine.params_of("backups.break_lock") == []


def test_nobody_holds_it(run: Run, serve: Serve) -> None:
    but(serve, backups__lock=LockReport(repository=KEY))
    assert run("backup", "lock", KEY).status == 0


def test_a_freeze_is_ended(run: Run, engine: FakeEngine) -> None:
    assert "may be pruned again" in run("backup", "release", KEY).out


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "run"),
        ("backup", "restore", KEY, "a"),
        ("backup", "prune", KEY, "config", "--yes"),
        ("backup", "key", "export", KEY),
        ("drift", "gpu01", "--pin"),
    ],
)
def test_read_only_changes_nothing(words: tuple[str, ...], run: Run, engine: FakeEngine) -> None:
    ran = run("--read-only", *words)
    assert ran.status != 0 and "read-only" in ran.err


def test_an_engine_that_is_busy_leaves_it_unknown(run: Run, serve: Serve) -> None:
    def busy(params: Any) -> Any:
        raise RetryLater("it is being indexed", hint="try again shortly")

    but(serve, backups__files=busy)
    assert run("backup", "files", KEY, "a").status == 3


def test_drift_is_listed(run: Run, engine: FakeEngine) -> None:
    ran = run("drift", "gpu01")
    assert ran.status == 1
    assert "1 differ from the snapshot of yesterday, 1199 are the same" in ran.out and "etc/hosts" in ran.out


def test_a_host_that_cannot_be_compared_is_unknown(run: Run, serve: Serve) -> None:
    report = msgspec.structs.replace(samples.REPORT, entries=(), problem="not connected")
    but(serve, backups__drift={"reports": [report]})
    ran = run("drift")
    assert ran.status == 3 and "not connected" in ran.out


def test_drift_of_one_file_and_its_cure(run: Run, engine: FakeEngine) -> None:
    assert run("drift", "gpu01", "--diff", "/etc/hosts").out == "-a\n+b\n"
    assert run("drift", "gpu01", "--restore", "/etc/hosts", "--yes").status == 0
    assert engine.params_of("backups.restore_file")[-1] == {"host": "gpu01", "path": "etc/hosts", "against": "last"}


def test_the_matrix_and_the_pin(run: Run, engine: FakeEngine) -> None:
    ran = run("drift", "--matrix")
    assert ran.status == 1 and "driver" in ran.out and "535" in ran.out
    assert "is the baseline" in run("drift", "gpu01", "--pin").out
    assert run("drift", "--pin", "--matrix").status == 64


def test_an_empty_fleet_is_well(run: Run, serve: Serve) -> None:
    but(serve, backups__view=BackupView(version=1, sets=()))
    assert run("backup", "list").status == 0


def test_the_key_of_a_repository_selects_host_and_place(run: Run, engine: FakeEngine) -> None:
    run("backup", "check", "vault/gpu01+secrets", "--level", "data")
    sent = engine.params_of("backups.start")[-1]
    assert (sent["select"], sent["repositories"]) == ("gpu01", ["vault"])


def test_a_question_of_borg_is_confirmed_once(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "init", KEY, "--confirm", "BORG_RELOCATED_REPO_ACCESS_IS_OK").status == 0
    assert engine.params_of("backups.init")[-1]["confirm"] == ["BORG_RELOCATED_REPO_ACCESS_IS_OK"]


def test_archives_are_mounted_listed_and_taken_off(run: Run, engine: FakeEngine) -> None:
    assert run("backup", "mount", KEY, "a").out == "/run/mounts/a\n"
    assert "/run/mounts/a" in run("backup", "mount").out
    assert run("backup", "mount", "--off", "/run/mounts/a").status == 0
    assert run("backup", "mount", KEY).status == 64


def test_where_nothing_can_be_mounted_it_says_why(run: Run, serve: Serve) -> None:
    but(serve, backups__mounts={"mounts": [], "problem": "this machine has no /dev/fuse"})
    ran = run("backup", "mount")
    assert ran.status == 3 and "/dev/fuse" in ran.err


def test_an_undo_may_cost_what_is_named(run: Run, engine: FakeEngine) -> None:
    run("backup", "undo", KEY, "--lose", "x", "--yes")
    assert engine.params_of("backups.undo")[-1] == {"repository": KEY, "lose": ["x"]}
    run("backup", "undo", KEY, "--aside", "--yes")
    assert engine.params_of("backups.undo")[-1] == {"repository": KEY, "aside": True}


def test_a_prune_that_removes_nothing_ends_well_and_is_json_all_the_same(run: Run, serve: Serve) -> None:
    kept = tuple(msgspec.structs.replace(fate, keep=True) for fate in samples.PRUNE.fates)
    engine = but(serve, backups__prune_preview=msgspec.structs.replace(samples.PRUNE, fates=kept))
    assert run("backup", "prune", KEY, "config", "--yes").status == 0
    ran = run("backup", "prune", KEY, "config", "--yes", "--json")
    assert (ran.status, ran.json()) == (0, [])
    assert engine.params_of("backups.prune") == []


@pytest.mark.parametrize(("words", "said"), [((), "nothing is damaged\n"), (("--json",), "[]\n")])
def test_where_nothing_is_damaged_nothing_is_healed(words: tuple[str, ...], said: str, run: Run, serve: Serve) -> None:
    engine = but(serve, backups__heal_plan=HealPreview(id="", hash="", repository=KEY))
    ran = run("backup", "heal", KEY, "--yes", *words)
    assert (ran.status, ran.out) == (0, said)
    assert engine.params_of("backups.heal") == []
    assert run("backup", "heal", KEY, "--plan").status == 0


def test_previews_tell_in_their_status_that_it_is_refused_now(run: Run, serve: Serve) -> None:
    but(
        serve,
        backups__prune_preview=msgspec.structs.replace(samples.PRUNE, frozen="a canary changed"),
        backups__compact_preview=msgspec.structs.replace(samples.COMPACT, refused="held until tomorrow"),
        backups__heal_plan=msgspec.structs.replace(samples.HEAL, files=(), problem="it cannot be read"),
    )
    ran = run("backup", "prune", KEY, "config", "--preview")
    assert ran.status == 1 and "frozen: a canary changed" in ran.out
    ran = run("backup", "compact", KEY, "--preview", "--json")
    assert (ran.status, ran.json()["refused"]) == (1, "held until tomorrow")
    ran = run("backup", "heal", KEY, "--plan")
    assert ran.status == 1 and "problem: it cannot be read" in ran.out


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("backup", "files", KEY, "a"), "entries"),
        (("backup", "lock", KEY), "holder"),
        (("backup", "show", "j1"), "outcome"),
        (("backup", "key", "escrow", KEY), "fingerprint"),
        (("backup", "restore", KEY, "a", "etc/hosts", "--plan"), "validators"),
        (("backup", "prune", KEY, "config", "--preview"), "fates"),
        (("backup", "heal", KEY, "--plan"), "lines"),
        (("backup", "mount", KEY, "a"), "directory"),
        (("backup", "mount"), "mounts"),
    ],
)
def test_one_answer_is_one_document(words: tuple[str, ...], field: str, run: Run, engine: FakeEngine) -> None:
    assert field in run(*words, "--json").json()


@pytest.mark.parametrize(
    "words",
    [
        ("archives",),
        ("find", "hosts"),
        ("history", "gpu01", "etc/hosts"),
        ("diff", KEY, "a", "b"),
        ("jobs",),
        ("run", "gpu01"),
        ("init", "gpu01"),
        ("check", "gpu01", "--detach"),
    ],
)
def test_several_answers_are_one_list(words: tuple[str, ...], run: Run, engine: FakeEngine) -> None:
    assert len(run("backup", *words, "--json").json()) >= 1


def test_nothing_differs_and_nothing_is_said_of_a_diff_of_a_text(run: Run, serve: Serve) -> None:
    but(serve, backups__diff={"changes": []}, backups__file_diff={"text": ""})
    ran = run("backup", "diff", KEY, "a", "b")
    assert (ran.status, ran.out) == (0, "no difference\n")
    assert run("backup", "diff", KEY, "a", "b", "etc/hosts", "--text").status == 0


WARNED = msgspec.structs.replace(samples.DONE, id="w", state=JobState.WARNING)
BAD = msgspec.structs.replace(samples.FAILED, id="f")


@pytest.mark.parametrize(
    ("jobs", "status"), [([samples.DONE], 0), ([samples.DONE, WARNED], 1), ([samples.DONE, WARNED, BAD], 2)]
)
def test_jobs_that_go_well_and_badly_make_the_worse_status(
    jobs: list[Job], status: int, run: Run, serve: Serve
) -> None:
    but(serve, backups__start={"jobs": jobs})
    assert run("backup", "run").status == status
