"""A proof of a backup is enough when a drill of that set was good, lately, and a young archive is there; else it says what lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.maintenance.proof import Copy, Demand, demanded, judged, set_named
from backends.maintenance.steps_text import step

NOW = 1_800_000_000.0
DAY = 86400.0
WEEK = 7 * DAY
YOUNG = Copy(repository="vault", newest=NOW - 3600, proven=NOW - 2 * DAY, good=True)


@pytest.mark.parametrize(
    ("argument", "demand"),
    [
        ("models", Demand(set="models")),
        ("models:7d", Demand(set="models", seconds=WEEK)),
        ("a: 36h", Demand(set="a", seconds=1.5 * DAY)),
    ],
)
def test_a_step_names_the_set_and_may_say_how_old(argument: str, demand: Demand) -> None:
    assert demanded(argument) == demand


@pytest.mark.parametrize("argument", ["", ":7d", "models:", "models:0s", "models:soon", "models:400d"])
def test_what_names_no_set_or_no_age_is_refused_with_an_example(argument: str) -> None:
    with pytest.raises(BadInput) as caught:
        demanded(argument)
    assert "proof:" in (caught.value.hint or "")


@given(st.text(max_size=30))
def test_any_argument_is_a_demand_or_refused(argument: str) -> None:
    try:
        found = demanded(argument)
    except BadInput as error:
        assert error.hint
    else:
        assert found.set and (found.seconds is None or found.seconds > 0)


def test_only_backups_and_proofs_name_a_set() -> None:
    names = [set_named(step(text)) for text in ("backup:models", "proof:models:7d", "update", "command:models")]
    assert names == ["models", "models", "", ""]


def test_a_good_drill_and_a_young_archive_are_enough() -> None:
    found = judged("gpu1", "models", [YOUNG], WEEK, NOW)
    assert found.good and found.proven == NOW - 2 * DAY
    assert found.text == "models was restored from vault for a test 2d ago"


def test_one_repository_that_is_proven_is_enough() -> None:
    never = Copy(repository="cellar", newest=NOW)
    assert judged("gpu1", "models", [never, YOUNG], WEEK, NOW).good


@pytest.mark.parametrize(
    ("copy", "lack"),
    [
        (Copy(repository="v", newest=NOW - 3600), "never restored for a test"),
        (Copy(repository="v"), "no archive yet"),
        (Copy(repository="v", newest=NOW, proven=NOW - 8 * DAY, good=True), "last restored for a test 8d ago"),
        (Copy(repository="v", newest=NOW, proven=NOW - DAY, problem="3 files differ"), "failed (3 files differ)"),
        (Copy(repository="v", newest=NOW - 9 * DAY, proven=NOW - DAY, good=True), "newest archive is from 9d ago"),
        (Copy(repository="v", proven=NOW - DAY, good=True), "no archive is left"),
    ],
)
def test_what_lacks_is_said_with_the_command_that_brings_it(copy: Copy, lack: str) -> None:
    found = judged("gpu1", "models", [copy], WEEK, NOW)
    assert not found.good and "no proof of models within 7d" in found.text and lack in found.text
    assert found.hint.endswith("swarm-tui backup drill gpu1 --set models")
    young = copy.newest is not None and NOW - copy.newest <= WEEK
    assert ("swarm-tui backup run gpu1 --set models" in found.hint) is not young


def test_a_drill_that_failed_after_a_good_one_is_no_proof() -> None:
    assert not judged("gpu1", "models", [Copy(repository="v", newest=NOW, proven=NOW, good=False)], WEEK, NOW).good


def test_a_run_that_backs_up_first_needs_no_young_archive_but_a_proof() -> None:
    old = Copy(repository="v", newest=NOW - 9 * DAY, proven=NOW - DAY, good=True)
    assert judged("gpu1", "models", [old], WEEK, NOW, backed_up=True).good
    assert not judged("gpu1", "models", [Copy(repository="v", newest=NOW)], WEEK, NOW, backed_up=True).good


def test_many_repositories_are_told_by_the_first_few() -> None:
    copies = [Copy(repository=f"v{number}", newest=NOW) for number in range(5)]
    assert judged("gpu1", "models", copies, WEEK, NOW).text.endswith("and 2 more")
