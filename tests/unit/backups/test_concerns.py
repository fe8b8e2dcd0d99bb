"""What somebody should know about the backups: each condition, from when on it holds, and what to do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.backups.alarms import Alarm
from backends.backups.catalog_model import Gone
from backends.backups.concerns import DAY, Facts, judge
from backends.backups.model import Archive, Cause, Check, Concern, Escrow, Proof, Transport
from backends.backups.views import LockReport, RepositoryStatus, SetStatus
from backends.states import Severity

NOW = 1000 * DAY
KEY = "vault/gpu01"


def archive(days_ago: float, name: str = "models.20261101T020000Z") -> Archive:
    return Archive(id="a" * 64, repository=KEY, name=name, set="models", host="gpu01", start=NOW - days_ago * DAY)


def check(days_ago: float, *, ok: bool = True, problems: tuple[str, ...] = ()) -> Check:
    return Check(repository=KEY, level="data", time=NOW - days_ago * DAY, ok=ok, problems=problems)


def proof(days_ago: float, *, ok: bool = True, problems: tuple[str, ...] = ()) -> Proof:
    return Proof(repository=KEY, set="models", archive="models.1", time=NOW - days_ago * DAY, ok=ok, problems=problems)


SET = SetStatus(
    set="models",
    kind="data",
    host="gpu01",
    repository=KEY,
    transport=Transport.RELAY,
    last=archive(0.5),
    archives=9,
    due=NOW + 0.5 * DAY,
    proof=proof(2),
    proof_stale=False,
)
REPOSITORY = RepositoryStatus(
    key=KEY,
    name="vault",
    host="gpu01",
    location="/srv/borg/gpu01",
    made=True,
    archives=9,
    escrow=Escrow(repository=KEY, fingerprint="f" * 16, time=NOW - 90 * DAY, who="anna"),
    check=check(0.5),
    verified=check(10),
    full_in_days=300.0,
)
WELL = Facts(now=NOW, sets=(SET,), repositories=(REPOSITORY,), every_seconds={"models": DAY})


def one(facts: Facts) -> Concern:
    (found,) = judge(facts)
    return found


def with_set(**values: object) -> Facts:
    return replace(WELL, sets=(replace(SET, **values),))


def with_repository(**values: object) -> Facts:
    return replace(WELL, repositories=(replace(REPOSITORY, **values),))


def test_when_all_is_well_there_is_nothing_to_say() -> None:
    assert judge(WELL) == ()


def test_a_backup_that_is_late_is_worse_the_later_it_is() -> None:
    found = one(with_set(last=archive(1.5), due=NOW - 0.5 * DAY, overdue=True))
    assert (found.code, found.severity, found.since) == ("overdue", Severity.WARNING, NOW - 0.5 * DAY)
    assert found.text == "the newest backup of models in vault/gpu01 is 1d12h old"
    assert found.next_step == "swarm-tui backup run gpu01 --set models"
    later = one(with_set(last=archive(4), due=NOW - 3 * DAY, overdue=True))
    assert later.severity is Severity.CRITICAL


def test_a_set_that_was_never_backed_up() -> None:
    found = one(with_set(last=None, archives=0, proof=None, due=NOW - DAY))
    assert (found.code, found.since) == ("never", NOW - DAY)


def test_a_set_that_is_only_made_on_demand_is_never_late() -> None:
    assert judge(with_set(last=None, archives=0, proof=None, due=None)) == ()


def test_the_last_try_failed() -> None:
    cause = Cause(code="no-space", text="there is no space left", next_step="make room")
    found = one(with_set(problem=cause))
    assert (found.code, found.next_step) == ("backup-failed", "make room")
    assert "there is no space left" in found.text


@pytest.mark.parametrize(
    ("known", "code", "severity", "since"),
    [
        (None, "proof-stale", Severity.WARNING, NOW - 0.5 * DAY),
        (proof(20), "proof-stale", Severity.WARNING, NOW - 13 * DAY),
        (proof(1, ok=False, problems=("srv/x: was not restored",)), "drill-failed", Severity.CRITICAL, NOW - DAY),
    ],
)
def test_what_was_not_proven_restorable(known: Proof | None, code: str, severity: Severity, since: float) -> None:
    found = one(with_set(proof=known))
    assert (found.code, found.severity, found.since) == (code, severity, since)


def test_a_drill_that_is_a_little_late_is_no_concern_yet() -> None:
    assert judge(with_set(proof=proof(8))) == ()


def test_a_key_that_nobody_keeps_elsewhere() -> None:
    found = one(with_repository(escrow=None))
    assert (found.code, found.next_step) == ("no-escrow", "swarm-tui backup key export vault/gpu01")
    assert found.since == NOW - 0.5 * DAY
    assert judge(with_repository(escrow=None, archives=0)) == (), "an empty one has nothing to lose"


def test_a_key_that_was_changed_since() -> None:
    found = one(with_repository(key_changed=True))
    assert (found.code, found.severity) == ("key-changed", Severity.CRITICAL)
    assert "anna" in found.text


def test_a_damaged_repository() -> None:
    bad = check(0.1, ok=False, problems=("Segment entry checksum mismatch",))
    found = one(with_repository(check=bad, verified=bad))
    assert (found.code, found.severity) == ("check-failed", Severity.CRITICAL)
    assert found.text == "vault/gpu01 is damaged: Segment entry checksum mismatch"
    assert found.next_step == "swarm-tui backup heal vault/gpu01"


def test_checks_that_were_not_made() -> None:
    found = judge(with_repository(check=check(40), verified=check(70)))
    assert [(each.code, each.text) for each in found] == [
        ("check-stale", "vault/gpu01 was last looked at 40d ago"),
        ("check-stale", "vault/gpu01 was last verified byte by byte 70d ago"),
    ]
    never = replace(with_repository(check=None, verified=None), sets=(replace(SET, last=archive(0.5)),))
    assert judge(never) == (), "it is new"


@pytest.mark.parametrize(
    ("days", "severity"), [(31.0, None), (30.0, Severity.WARNING), (7.0, Severity.CRITICAL), (0.2, Severity.CRITICAL)]
)
def test_a_repository_that_fills_up(days: float, severity: Severity | None) -> None:
    found = judge(with_repository(full_in_days=days, free_bytes=5 << 30))
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all("5.0G left" in each.text for each in found)


def test_alarms_freeze_and_say_how_to_go_on() -> None:
    alarms = (
        Alarm(code="anomaly", set="models", text="models of gpu01: files changed 1,010", since=NOW - DAY),
        Alarm(code="canary", set="models", text="canary of models on gpu01: /srv/.c is gone", since=NOW),
    )
    found = judge(replace(WELL, alarms={KEY: alarms}))
    assert [(each.code, each.set, each.severity) for each in found] == [
        ("anomaly", "models", Severity.CRITICAL),
        ("canary", "models", Severity.CRITICAL),
    ]
    assert found[0].text.endswith("; pruning is frozen")
    assert "swarm-tui backup release vault/gpu01" in found[0].next_step


def test_archives_that_nobody_here_removed() -> None:
    gone = tuple(
        Gone(archive=archive(9, f"models.{number}"), by=by, time=NOW - number)
        for number, by in enumerate(["", "", "prune job 7, root", "", ""])
    )
    found = one(replace(WELL, gone={KEY: gone}))
    assert (found.code, found.severity, found.since) == ("vanished", Severity.CRITICAL, NOW - 4)
    assert found.text.endswith("models.0, models.1, models.3 and 1 more")
    assert judge(replace(WELL, gone={KEY: gone[2:3]})) == ()


def test_a_lock_of_a_dead_borg() -> None:
    lock = LockReport(repository="vault/gpu01+secrets", holder="gpu01@1.77-0", dead=True, since=NOW - 5)
    found = one(replace(WELL, locks=(lock,)))
    assert (found.code, found.host, found.since) == ("lock-dead", "gpu01", NOW - 5)
    assert judge(replace(WELL, locks=(replace(lock, dead=None),))) == (), "it may live"


def test_a_borg_with_known_holes() -> None:
    found = judge(replace(WELL, borg={"": ("CVE-2023-36811: forged archives",), "gpu01": ("old",), "gpu02": ()}))
    assert [each.host for each in found] == ["", "gpu01"]
    assert found[0].text == "Borg beside the engine: CVE-2023-36811: forged archives"


def test_a_repository_that_cannot_be_used() -> None:
    found = one(with_repository(problem=Cause(code="relocated", text="it was moved", next_step="confirm it")))
    assert (found.code, found.severity, found.next_step) == ("repository", Severity.CRITICAL, "confirm it")


def test_the_worst_comes_first() -> None:
    facts = replace(with_set(proof=None), repositories=(replace(REPOSITORY, full_in_days=1.0),))
    assert [each.code for each in judge(facts)] == ["filling", "proof-stale"]
