"""What is sent: the most important line first, never longer than the target takes, plain text and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.alerts.body import BODY_CHARS, SYSLOG_CHARS, Limits, compose, defused, digest, fit, late, narrower
from backends.alerts.incidents import action_of, apart, dedup_key, keeps
from backends.alerts.model import NoticeKind
from backends.states import Severity
from tests.unit.alerts.receivers import notice, target


def test_title_and_body_of_an_alert() -> None:
    message = compose(notice(), target())
    assert message.title == "CRITICAL gpu01: / is 97 % full"
    assert message.body.split("\n") == [
        "97 % of 400 GiB are used",
        "df -h /",
        "disk.space · gpu01 · 2027-01-15 08:00:00 UTC",
    ]


def test_the_end_and_a_test_say_what_they_are() -> None:
    assert compose(notice(kind=NoticeKind.RESOLVED), target()).title == "RESOLVED gpu01: / is 97 % full"
    assert compose(notice(kind=NoticeKind.TEST, hosts=(), title="a test"), target()).title == "TEST a test"


def test_what_is_no_trouble_is_information_and_nothing_is_said_twice() -> None:
    said = notice(kind=NoticeKind.DIGEST, severity=Severity.OK, hosts=(), title="a digest", lines=("x", "disk.space"))
    message = compose(said, target())
    assert message.title == "INFO a digest"
    assert message.body == "x\ndisk.space\n2027-01-15 08:00:00 UTC"


def test_many_hosts_are_folded() -> None:
    many = notice(hosts=tuple(f"gpu{number:03}" for number in range(1, 65)), title="64 hosts are down")
    assert compose(many, target()).title == "CRITICAL gpu[001-064]: 64 hosts are down"


def test_templates_replace_words_once() -> None:
    hostile = notice(title="{lines} {severity} \x1b[2J", hosts=("gpu01",))
    message = compose(hostile, target(title="[{severity}] {host}: {title}", body="{lines}\n{nonsense} {rule} {time}"))
    assert message.title == "[critical] gpu01: {lines} {severity} "
    assert message.body.startswith("97 % of 400 GiB are used\ndf -h /\n{nonsense} disk.space 2027")


def test_an_empty_template_still_says_something() -> None:
    assert compose(notice(lines=()), target(body="{lines}")).body == "CRITICAL gpu01: / is 97 % full"


def test_what_does_not_fit_is_left_out_at_the_end_and_counted() -> None:
    message = fit("/ is full", "\n".join(f"line {number}" for number in range(100)), Limits(title=250, body=60))
    assert message.body.startswith("line 0\nline 1\n") and message.body.endswith(" more")
    lines = message.body.split("\n")
    assert lines[-1] == f"… and {100 - (len(lines) - 1)} more"


def test_a_service_without_titles_gets_it_as_the_first_line() -> None:
    message = fit("/ is full", "/ is full\n97 %", Limits(title=0, body=1024))
    assert (message.title, message.body) == ("", "/ is full\n97 %")


def test_a_short_message_is_cut_within_its_most_important_line() -> None:
    message = fit("x" * 500, "y" * 500, Limits(title=0, body=160))
    assert len(message.body) == 160 and message.body.startswith("xxx") and message.body.endswith("…")


def test_a_datagram_stays_one() -> None:
    assert narrower(Limits(title=250, body=32768), "rsyslog").body == SYSLOG_CHARS
    assert narrower(Limits(title=250, body=32768), "json").body == 32768


def test_what_a_host_writes_mentions_and_links_nobody_in_a_chat() -> None:
    said = defused("<!channel> @everyone <https://evil|click> [x](http://evil) `rm` *b* @Here a@b.org")
    assert not any(sign in said for sign in ("<", ">", "`", "[", "*", "|", "@everyone", "@Here"))
    assert "a@b.org" in said
    message = fit("@all", "<x>", Limits(title=9, body=9), chat=True)
    assert (message.title, message.body) == ("＠all", "‹x›")
    assert fit("@all", "<x>", Limits(title=9, body=9)).body == "<x>"


def test_a_digest_leaves_none_out_and_tells_the_worst_first() -> None:
    many = [notice(f"n{number}", severity=Severity.WARNING, title=f"w{number}") for number in range(5)]
    message = digest([*many, notice(title="the worst")], target())
    assert message.title == "6 notices at once, the worst: CRITICAL gpu01: the worst"
    lines = message.body.split("\n")
    assert len(lines) == 6 and lines[0] == "08:00:00 CRITICAL gpu01: the worst"


def test_a_huge_digest_counts_what_it_cannot_name() -> None:
    message = digest([notice(f"n{number}", title="x" * 240) for number in range(2000)], target())
    assert message.title.startswith("2000 notices at once")
    assert len(message.body) <= BODY_CHARS and message.body.endswith(" more")
    named = message.body.count("\n")
    assert message.body.split("\n")[-1] == f"… and {2000 - named} more"


def test_an_end_whose_beginning_was_never_told_tells_both() -> None:
    title, lines = late([notice(time=1_800_000_000.0)], notice(kind=NoticeKind.RESOLVED, time=1_800_000_060.0))
    assert title == "happened while unreachable: / is 97 % full"
    assert lines[0] == "it began at 2027-01-15 08:00:00 UTC and ended at 2027-01-15 08:01:00 UTC"


_TEXT = st.text(max_size=80)


@given(_TEXT, st.lists(_TEXT, max_size=8), st.integers(0, 250), st.integers(1, 500), st.booleans())
def test_nothing_is_longer_than_the_target_takes(
    title: str, lines: list[str], title_limit: int, body_limit: int, chat: bool
) -> None:
    composed = compose(notice(title=title, lines=tuple(lines)), target())
    message = fit(composed.title, composed.body, Limits(title=title_limit, body=body_limit), chat=chat)
    assert len(message.body) <= body_limit
    assert len(message.title) <= title_limit
    assert message.body
    assert "\x1b" not in message.title + message.body and "\n" not in message.title


# incidents


def test_one_episode_is_one_incident_whatever_is_said_of_it() -> None:
    words = [NoticeKind.FIRING, NoticeKind.UPGRADE, NoticeKind.REPEAT, NoticeKind.RESOLVED]
    keys = {dedup_key(notice(kind=kind, title=str(kind), severity=Severity.WARNING)) for kind in words}
    assert keys == {f"{notice().fingerprints[0]}-1"}
    assert dedup_key(notice(episode=2)) not in keys
    assert [action_of(notice(kind=kind)) for kind in words] == ["trigger", "trigger", "trigger", "resolve"]


def test_alerts_of_one_notice_are_incidents_of_their_own() -> None:
    three = notice(fingerprints=("a", "b", "c"))
    parts = apart(three)
    assert [each.fingerprints for each in parts] == [("a",), ("b",), ("c",)]
    assert len({each.key for each in parts}) == 3
    assert [dedup_key(each) for each in parts] == ["a-1", "b-1", "c-1"]
    assert apart(notice()) == (notice(),)
    own = apart(notice(fingerprints=("a", "b"), episodes=(3, 7)))
    assert [dedup_key(each) for each in own] == ["a-3", "b-7"]


def test_a_test_opens_an_incident_and_closes_it_again() -> None:
    opening, closing = apart(notice(kind=NoticeKind.TEST, fingerprints=(), episode=0))
    assert dedup_key(opening) == dedup_key(closing)
    assert (action_of(opening), action_of(closing)) == ("trigger", "resolve")


def test_which_targets_keep_incidents() -> None:
    assert keeps(target("pagerduty://a@b"))
    assert not keeps(target("json://gate"))
    assert not keeps(target("pagerduty://a@b", incident="none"))
    assert not keeps(target("pass show x", way="url_command"))
    assert keeps(target("pass show x", way="url_command", incident="opsgenie"))
