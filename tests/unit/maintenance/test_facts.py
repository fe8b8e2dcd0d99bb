"""What steps write down is read again as it was, whatever a host puts into it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.maintenance import facts


def test_every_key_has_its_own_name() -> None:
    assert {facts.PACKAGES, facts.CVES, facts.GATE, facts.BOOT_BEFORE, facts.RESUMED} <= facts.KNOWN
    assert len(facts.KNOWN) == len({key.lower() for key in facts.KNOWN}) > 25


def test_rows_are_read_as_they_were_written() -> None:
    value = facts.written([("bash", "5.1", "5.2", "applied"), ("libc6", None, "2.36", "failed")])
    assert facts.packages({facts.PACKAGES: value}) == (
        facts.Package(name="bash", before="5.1", after="5.2"),
        facts.Package(name="libc6", after="2.36", outcome="failed"),
    )
    archive = facts.written([("vault", "gpu1-config-1", 1024), ("vault", "gpu1-config-2", None)])
    assert [each.size_bytes for each in facts.archives({facts.ARCHIVE: archive})] == [1024, None]
    job = facts.written([("77", "bob", 90.0), ("78", "", None)])
    assert [each.seconds for each in facts.jobs({facts.JOBS_WAITED: job})] == [90.0, None]
    gate = facts.written([("GPUs", 8, 7, "critical"), ("kernel",)])
    assert [each.verdict for each in facts.differences({facts.GATE: gate})] == ["critical", "unknown"]


def test_what_is_not_there_is_nothing() -> None:
    assert (facts.packages({}), facts.archives({}), facts.jobs({}), facts.listed({}, facts.CVES)) == ((), (), (), ())


def test_a_list_without_end_is_cut_and_says_so() -> None:
    value = facts.written((f"p{at}",) for at in range(5000))
    assert len(value.split("\n")) == facts.MOST_LINES and value.endswith("3001 more")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=10))
def test_no_text_of_a_host_makes_a_row_or_a_part_more(rows: list[tuple[str, str]]) -> None:
    value = facts.written((name, version, "x", "applied") for name, version in rows)
    assert len(value.split("\n") if value else []) == len(rows)
    assert [each.outcome for each in facts.packages({facts.PACKAGES: value})] == ["applied"] * len(rows)


@given(st.text(max_size=200))
def test_any_value_can_be_read(value: str) -> None:
    for read in (facts.packages, facts.archives, facts.jobs, facts.differences):
        read(dict.fromkeys(facts.KNOWN, value))
