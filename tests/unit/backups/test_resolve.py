"""From the configuration to what can be backed up: which set of which host goes where."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.backups.model import Task
from backends.backups.resolve import tasks
from backends.config.schema import BackupsConfig, KeepConfig, RepositoryConfig, SetConfig
from backends.errors import BadInput

HOME = Path("/state/backups")
VAULT = RepositoryConfig(name="vault", location="ssh://backup@vault/srv/borg/{host}")
OFFSITE = RepositoryConfig(name="offsite", location="ssh://u1@box.example:23/home/swarm", quota_bytes=5)


def resolved(config: BackupsConfig, hosts: tuple[str, ...] = ("gpu1", "gpu2")) -> tuple[Task, ...]:
    return tasks(config, hosts, lambda selector: [name for name in hosts if name in selector], HOME)


def test_without_a_configuration_the_config_of_every_host_goes_to_this_machine() -> None:
    found = resolved(BackupsConfig())
    assert [task.key for task in found] == [
        "config local/gpu1",
        "config local/gpu2",
        "secrets local/gpu1+secrets",
        "secrets local/gpu2+secrets",
    ]
    assert [task.repository.location for task in found if task.host == "gpu1"] == [
        "/state/backups/repositories/gpu1",
        "/state/backups/repositories/gpu1-secrets",
    ]
    assert not any(task.repository.remote for task in found)


def test_a_set_goes_to_its_hosts_and_repositories_only() -> None:
    models = SetConfig(name="models", paths=("/srv/models",), hosts="gpu2", repositories=("offsite",))
    found = [
        t for t in resolved(BackupsConfig(repositories=(VAULT, OFFSITE), sets=(models,))) if t.set.name == "models"
    ]
    assert [task.key for task in found] == ["models offsite/gpu2"]
    assert found[0].repository.location == "ssh://u1@box.example:23/home/swarm/gpu2"
    assert (found[0].repository.quota_bytes, found[0].repository.remote) == (5, True)


def test_by_default_a_set_goes_everywhere() -> None:
    models = SetConfig(name="models", paths=("/srv/models",), keep=KeepConfig(daily=3), every_hours=0)
    found = [
        t for t in resolved(BackupsConfig(repositories=(VAULT, OFFSITE), sets=(models,))) if t.set.name == "models"
    ]
    assert len(found) == 4
    assert {task.set.keep.daily for task in found} == {3}
    assert {task.set.every_seconds for task in found} == {0.0}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (BackupsConfig(repositories=(VAULT, VAULT)), "'vault' is there twice"),
        (BackupsConfig(repositories=(RepositoryConfig(name="a", location="vault:/srv"),)), "not a location"),
        (BackupsConfig(repositories=(RepositoryConfig(name="a", location="ssh://u@h/./srv"),)), "not a location"),
        (BackupsConfig(sets=(SetConfig(name="config", paths=("/x",)),)), "built in"),
        (BackupsConfig(sets=(SetConfig(name="m", paths=("/x",), repositories=("nowhere",)),)), "'nowhere'"),
        (BackupsConfig(sets=(SetConfig(name="m"),)), "neither paths nor dumps"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(config: BackupsConfig, words: str) -> None:
    with pytest.raises(BadInput, match="backups") as caught:
        resolved(config)
    assert words in caught.value.message
