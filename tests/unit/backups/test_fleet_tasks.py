"""Tasks are found by the keys that people name; a wrong one is told what there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.backups.fleet_tasks import FleetTasks
from backends.backups.model import BackupSet, Repository, Task
from backends.errors import BadInput

CONFIG, MODELS = BackupSet(name="config", kind="config"), BackupSet(name="models", paths=("/srv",))


def task(made: BackupSet, place: str, host: str) -> Task:
    return Task(set=made, repository=Repository(name=place, host=host, location=f"/r/{place}/{host}"))


EVERY = (
    task(CONFIG, "vault", "gpu01"),
    task(MODELS, "vault", "gpu01"),
    task(MODELS, "offsite", "gpu01"),
    task(CONFIG, "vault", "gpu02"),
)
TASKS = FleetTasks(lambda: EVERY)
NOBODY = FleetTasks(tuple)


def keys(found: tuple[Task, ...]) -> list[str]:
    return [each.key for each in found]


def test_without_names_everything_of_the_hosts_is_meant() -> None:
    assert TASKS.all() == EVERY
    assert keys(TASKS.of(["gpu01"])) == ["config vault/gpu01", "models vault/gpu01", "models offsite/gpu01"]
    assert TASKS.of([]) == ()


def test_sets_and_places_narrow_it() -> None:
    assert keys(TASKS.of(["gpu01"], ["models"], ["offsite"])) == ["models offsite/gpu01"]
    assert TASKS.of(["gpu02"], ["models"]) == (), "another host has it; that is no mistake"


def test_repositories_come_once_and_in_order() -> None:
    assert [each.key for each in TASKS.repositories()] == ["vault/gpu01", "offsite/gpu01", "vault/gpu02"]
    assert [each.key for each in TASKS.repositories(["gpu01"], ["vault"])] == ["vault/gpu01"]


def test_a_key_finds_its_repository_and_set() -> None:
    assert TASKS.repository("offsite/gpu01").location == "/r/offsite/gpu01"
    assert TASKS.task("vault/gpu01", "models") == EVERY[1]


@pytest.mark.parametrize(
    ("ask", "message", "hint"),
    [
        (lambda: TASKS.of(["gpu01"], ["modles"]), "no set 'modles'", "there are: config, models"),
        (lambda: TASKS.of(["gpu01"], (), ["valut"]), "no repository 'valut'", "there are: offsite, vault"),
        (lambda: TASKS.repositories(None, ["valut"]), "no repository 'valut'", "there are: offsite, vault"),
        (
            lambda: TASKS.repository("vault"),
            "no repository 'vault'",
            "there are: vault/gpu01, offsite/gpu01, vault/gpu02",
        ),
        (lambda: TASKS.task("offsite/gpu01", "config"), "no set 'config' in offsite/gpu01", "there are: models"),
        (lambda: NOBODY.of([], ["x"]), "no set 'x'", "there are: none"),
        (lambda: NOBODY.repository("x"), "no repository 'x'", "there are: none"),
    ],
)
def test_a_name_that_nobody_has_is_told_what_there_is(ask: Callable[[], object], message: str, hint: str) -> None:
    with pytest.raises(BadInput) as told:
        ask()
    assert (told.value.message, told.value.hint) == (message, hint)


def test_what_is_said_of_a_wrong_name_is_bounded_and_clean() -> None:
    with pytest.raises(BadInput) as told:
        TASKS.repository("\x1b[31m" + "x" * 5000)
    assert "\x1b" not in told.value.message and len(told.value.message) < 200


def test_a_configuration_that_is_read_again_counts_at_once() -> None:
    now = list(EVERY)
    tasks = FleetTasks(lambda: tuple(now))
    now.clear()
    assert tasks.all() == ()
