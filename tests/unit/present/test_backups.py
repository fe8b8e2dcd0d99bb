"""The views of the Backups screen: what an operator reads off a row, in exactly the room that there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.backups.model import Cause, JobState
from backends.backups.views import BackupView
from swarm_tui.glyphs import ASCII, UNICODE
from swarm_tui.present import backups
from swarm_tui.present.backup_rows import Side, Sight
from swarm_tui.present.backups import SIDES
from swarm_tui.present.host_line import to_ascii
from swarm_tui.present.line import plain, width
from tests.unit.present import backup_data as data

NARROW, WIDE = Sight(79, UNICODE, data.NOW), Sight(139, UNICODE, data.NOW)


def rows(side: Side, sight: Sight = WIDE, needle: str = "", view: BackupView | None = None) -> list[str]:
    return [plain(row.text).rstrip() for row in backups.rows(side, view or data.view(), needle, sight)]


def row(side: Side, *words: str, sight: Sight = WIDE) -> str:
    (found,) = [each for each in rows(side, sight) if all(word in each for word in words)]
    return found


def test_sets_come_worst_first_broken_then_late_then_unproven() -> None:
    assert [each.split()[:3] for each in rows("sets")] == [
        ["✖", "models", "gpu3"],
        ["✖", "config", "web1"],
        ["▲", "config", "gpu2"],
        ["▲", "models", "gpu2"],
        ["▲", "models", "web1"],
        ["●", "config", "gpu1"],
        ["◌", "models", "gpu1"],
    ]


def test_a_row_says_age_size_growth_and_proof() -> None:
    words = row("sets", "config", "gpu1").split()
    assert words[3:10] == ["vault", "5h", "52G", "+1.2G/d", "12", "6d", "41M/s"]
    assert row("sets", "config", "gpu1").endswith("relay due in 19h")


def test_what_was_never_backed_up_shows_no_zero() -> None:
    words = row("sets", "config", "gpu2").split()
    assert words[4:7] == ["never", "?", "?"]
    assert row("sets", "config", "gpu2").endswith("never backed up")


def test_a_running_job_shows_percent_speed_and_an_honest_range() -> None:
    assert row("sets", "models", "gpu1", sight=NARROW).endswith("42%  81M/s  3m–5m left")


def test_a_late_set_says_by_how_much_and_a_failed_drill_why() -> None:
    assert row("sets", "models", "gpu2").endswith("overdue 6h")
    assert row("sets", "config", "web1").endswith("drill failed 6d ago: etc/fstab: other bytes")


def test_a_repository_says_room_forecast_key_and_checks() -> None:
    words = row("repositories", "vault/gpu2").split()
    assert words[2:9] == ["60G", "400G", "+2.0G/d", "23d", "24", "CHANGED", "1d"]
    assert "frozen: 62 % of the files changed" in row("repositories", "vault/gpu2")
    assert "BAD 1h" in row("repositories", "vault/gpu3")
    assert row("repositories", "vault/gpu1").endswith("3 archives pruned, U brings back for 6d more")
    assert row("repositories", "vault/web1").endswith("not made yet: I")


def test_jobs_in_flight_come_first_and_ended_ones_say_what_came_of_them() -> None:
    shown = rows("jobs")
    assert "reading  srv/models/opt.bin" in shown[0]
    assert "waiting  vault/gpu1 is held by j1" in shown[1]
    assert shown[2].endswith("done: 1 of 20,004 files was new")
    assert "failed: the passphrase does not open" in shown[3]


def test_the_severest_concern_comes_first() -> None:
    assert [each.split()[:2] for each in rows("concerns")] == [["✖", "anomaly"], ["▲", "no-escrow"]]


@pytest.mark.parametrize(
    ("side", "needle", "found"),
    [
        ("sets", "GPU2", 2),
        ("sets", "overdue", 1),
        ("sets", "never proven", 2),
        ("repositories", "ssh://backup@vault/srv/borg/gpu1", 1),
        ("repositories", "full in 23 d", 1),
        ("repositories", "config", 3),
        ("jobs", "j3", 1),
        ("jobs", "[/x]", 0),
        ("concerns", "ends the freeze", 1),
    ],
)
def test_the_filter_looks_through_what_is_shown_and_what_had_no_room(side: Side, needle: str, found: int) -> None:
    assert len(rows(side, NARROW, needle)) == found


def test_marks_are_shown() -> None:
    sight = NARROW._replace(marks=frozenset([("set", "models", "vault/gpu3")]))
    assert next(each for each in rows("sets", sight) if each.startswith("◆")).split()[2:4] == ["models", "gpu3"]


def test_the_summary_counts_and_misses_borg() -> None:
    said = plain(backups.summary(data.view()))
    assert said == "7 sets  2 broken  2 late  1 not proven  1 critical concern  2 running"
    assert plain(backups.summary(data.view(borg=""))).startswith("no Borg beside the engine")


@pytest.mark.parametrize(
    ("side", "view", "needle", "said"),
    [
        ("sets", None, "", "asking the engine…"),
        ("sets", data.view(), "zz", "Nothing matches /zz"),
        ("sets", data.view(sets=()), "", "Nothing is to be backed up."),
        ("jobs", data.view(jobs=()), "", "No job yet."),
        ("concerns", data.view(concerns=()), "", "Nothing to worry about."),
    ],
)
def test_an_empty_view_says_which_kind_of_empty_it_is(
    side: Side, view: BackupView | None, needle: str, said: str
) -> None:
    assert said in "\n".join(map(plain, backups.nothing(side, view, needle, 79)))


def test_the_first_backup_is_taught_once() -> None:
    first = data.view(sets=(data.status("a", **data.NEVER),), jobs=())
    assert "b makes the first one" in "\n".join(map(plain, backups.teach("sets", first, 79)))
    assert backups.teach("sets", data.view(), 79) == []
    assert backups.teach("repositories", first, 79) == []


def test_the_views_stand_in_one_line_the_present_one_in_brackets() -> None:
    for side in SIDES:
        shown = plain(backups.tabs(side))
        assert f"[{backups.TITLES[side]}]" in shown
        assert shown.count("[") == 1


@pytest.mark.parametrize("cells", [59, 79, 99, 139, 200])
@pytest.mark.parametrize("side", SIDES)
def test_rows_and_titles_line_up_in_the_room_that_there_is(side: Side, cells: int) -> None:
    made = [each.text for each in backups.rows(side, data.view(), "", Sight(cells, UNICODE, data.NOW))]
    (used,) = {width(text) for text in (backups.head(side, cells), *made)}
    assert used in (cells - 1, cells)


HOSTILE = st.text(min_size=1, max_size=60)


@given(HOSTILE, HOSTILE, HOSTILE, st.integers(40, 200))
@settings(max_examples=60, deadline=None)
def test_whatever_hosts_call_things_rows_keep_their_width(name: str, host: str, said: str, cells: int) -> None:
    odd = data.status(host, name, problem=Cause(code=name, text=said), trust=said, proof=None)
    running = data.job(9, JobState.WAITING, text=said, repository=f"{name}/{host}", set=name)
    concern = replace(data.concerns()[0], text=said, code=name, host=host)
    place = data.place(host, key=f"{name}/{host}", frozen=said)
    view = data.view(sets=(odd,), repositories=(place,), jobs=(running,), concerns=(concern,))
    for side in SIDES:
        for each in backups.rows(side, view, "", Sight(cells, UNICODE, data.NOW)):
            assert width(each.text) <= cells


def test_ascii_draws_nothing_else() -> None:
    for side in SIDES:
        for each in backups.rows(side, data.view(), "", Sight(79, ASCII, data.NOW)):
            drawn = plain(to_ascii(each.text))
            assert drawn.isascii()
            assert drawn.count("?") == plain(each.text).count("?"), "a glyph of ours has no plain form"


def test_an_engine_that_backs_nothing_up_says_why() -> None:
    view = BackupView(version=0, sets=(), nothing="A demo has no data.")
    shown = "\n".join(plain(each) for each in backups.nothing("sets", view, "", 80))
    assert "Nothing is backed up here." in shown and "A demo has no data." in shown
    assert backups.teach("sets", view, 80) == []
    assert "no Borg" not in plain(backups.summary(view))
