"""rpm's order of versions agrees with rpm itself, and full package names come apart as rpm wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.rpm_version import by_version, compare, nevra, shown
from tests.unit.updates.captured_host import OUTPUTS

VECTORS = OUTPUTS / "dnf/rpm-4.18/vercmp.tsv"
"""left, right, rpm.vercmp(left, right), as rpm 4.18 answered."""
ANY = st.text(alphabet="0123456789abz.~^_+:-", max_size=12)


def test_every_order_that_rpm_gave_is_ours() -> None:
    rows = [line.split("\t") for line in VECTORS.read_text().splitlines()]
    assert len(rows) > 1000
    assert [row for row in rows if compare(row[0], row[1]) != int(row[2])] == []


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0.1-1"],
        ["5.14.0-427.el9", "5.14.0-427.13.1.el9_4", "5.14.0-503.el9"],
        ["9.9-1", "1:0.1-1", "3:550.90.07-1", "3:560.35.03-1"],
        ["1.0", "1.0-1"],
    ],
)
def test_the_usual_suspects(ordered: list[str]) -> None:
    backwards = ordered[::-1]
    assert sorted(backwards, key=by_version) == ordered


@given(ANY, ANY)
def test_turning_the_question_round_turns_the_answer_round(left: str, right: str) -> None:
    assert compare(left, right) == -compare(right, left)


@given(st.lists(ANY, max_size=6))
def test_any_texts_sort_without_contradiction(texts: list[str]) -> None:
    ordered = sorted(texts, key=by_version)
    assert all(compare(a, b) <= 0 for place, a in enumerate(ordered) for b in ordered[place:])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("labr-app-0:1.1-1.el9.noarch", ("labr-app", "1.1-1.el9", "noarch")),
        ("nvidia-driver-3:560.35.03-1.el9.x86_64", ("nvidia-driver", "3:560.35.03-1.el9", "x86_64")),
        ("java-17-openjdk-1:17.0.9.0.9-2.el9.x86_64", ("java-17-openjdk", "1:17.0.9.0.9-2.el9", "x86_64")),
        ("glibc-0:2.34-1.el9.*", ("glibc", "2.34-1.el9", "*")),
        ("no-release", None),
        ("", None),
        ("a b-1-1.noarch", None),
    ],
)
def test_a_full_name_comes_apart(text: str, parts: tuple[str, str, str] | None) -> None:
    found = nevra(text)
    assert (found and (found.name, found.version, found.architecture)) == parts


@given(
    st.from_regex(r"[a-z][a-z0-9+]{0,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True),
    st.from_regex(r"([1-9]:)?[0-9a-z.~^]{1,6}-[0-9a-z_]{1,4}", fullmatch=True),
    st.sampled_from(["noarch", "x86_64"]),
)
def test_a_name_put_together_comes_apart_again(name: str, version: str, architecture: str) -> None:
    found = nevra(f"{name}-{version}.{architecture}")
    assert found is not None
    assert (found.name, found.version, found.architecture) == (name, version, architecture)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_none(text: str) -> None:
    found = nevra(text)
    assert found is None or found.name


def test_an_epoch_of_zero_is_not_shown() -> None:
    assert [shown("0:1-1"), shown("00:1-1"), shown("1:1-1"), shown("1-1")] == ["1-1", "1-1", "1:1-1", "1-1"]
