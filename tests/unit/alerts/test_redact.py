"""No part of an URL that could be used to send in somebody's name is ever shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.alerts.redact import HIDDEN, Redactor, Secret, hushed, place, quieten, scheme_of
from tests.unit.alerts.receivers import target


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://user:pass@gate.example:8080/T0KEN?+X-Token=abc123", "json://gate.example:8080"),
        ("jsons://gate.example/T0KEN", "jsons://gate.example"),
        ("https://watch.example/ping/3f1c", "https://watch.example"),
        ("mailto://user:pass@mail.example?to=ops@x.org", "mailto://mail.example"),
        ("pagerduty://INTEGRATION@APIKEY", "pagerduty://…"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnl", "slack://…"),
        ("ntfy://secret-topic", "ntfy://…"),
        ("json://gate\x1b[2J/x", "json://gate"),
        ("no url at all", HIDDEN),
        ("://x", HIDDEN),
    ],
)
def test_scheme_and_machine_are_all_that_is_shown(url: str, shown: str) -> None:
    assert place(url) == shown


def test_the_scheme_of_an_url() -> None:
    assert scheme_of("JSON://x") == "json"
    assert scheme_of("x") == scheme_of("a b://x") == ""


@pytest.mark.parametrize(
    "said",
    [
        "POST /T0KEN/deep failed",
        "Failed: json://me:hunter2@gate/T0KEN/deep?+X-Token=abc123",
        "user me:hunter2 refused",
        "password hunter2",
        "header abc123",
        "decoded pass word!",
        "upper HUNTER2",
    ],
)
def test_every_part_of_the_url_is_hidden(said: str) -> None:
    url = "json://me:hunter2@gate/T0KEN/deep?+X-Token=abc123&key=pass%20word%21&rto=4"
    shown = Redactor(Secret(url)).text(said).lower()
    for secret in ("hunter2", "t0ken", "abc123", "pass word!", "pass%20word"):
        assert secret not in shown
    assert "…" not in shown or "gate" in shown


def test_the_machine_stays_readable() -> None:
    redactor = Redactor(Secret("json://me:hunter2@gate.example:8080/T0KEN"))
    assert (
        redactor.text("connection to gate.example refused, error=500.")
        == "connection to gate.example refused, error=500."
    )


def test_what_a_library_says_is_bounded_and_cleaned() -> None:
    said = Redactor(Secret("json://gate/T0KEN")).text("\x1b[2J" + "x" * 100_000)
    assert len(said) <= 300 and "\x1b" not in said


def test_other_urls_in_it_lose_their_secrets_too() -> None:
    said = Redactor(Secret("json://gate/x")).text("redirected to https://other.example/private?token=1 now")
    assert said == "redirected to https://other.example now"


def test_a_secret_shows_and_sends_itself_to_nobody() -> None:
    secret = Secret("json://gate/T0KEN")
    assert "T0KEN" not in f"{secret} {secret!r} {[secret]}"
    assert "T0KEN" not in repr(target("json://gate/T0KEN"))
    with pytest.raises(TypeError):
        msgspec.json.encode(target("json://gate/T0KEN"))
    assert secret == Secret("json://gate/T0KEN") and secret and not Secret("")


_WORD = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?&=@:;,#%+-"),
    min_size=4,
    max_size=20,
)


@given(_WORD, _WORD, _WORD)
def test_whatever_the_token_is_it_is_hidden(user: str, password: str, token: str) -> None:
    url = f"json://{user}:{password}@gate/{token}"
    shown = Redactor(Secret(url)).text(f"could not send {url}: {password} {token}", 10_000)
    rest = shown.replace(HIDDEN, "").replace("could not send", "").replace("json://gate", "").lower()
    assert password.lower() not in rest and token.lower() not in rest


class Heard(logging.Handler):
    """Everything, whatever its level."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def heard_at(logger: logging.Logger) -> Iterator[list[str]]:
    """What reaches a handler of `logger`, with every level let through."""
    handler, level = Heard(), logger.level
    logger.addHandler(handler)
    logger.setLevel(1)
    try:
        yield handler.said
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def test_apprises_logger_says_nothing_below_info_and_nothing_to_ours() -> None:
    quieten()
    quieten()
    logger = logging.getLogger("apprise")
    with heard_at(logging.getLogger()) as ours, heard_at(logger) as theirs:
        logger.debug("POST /T0KEN")
        logger.log(5, "password hunter2")
        logger.warning("failed")
    assert (theirs, ours) == (["failed"], [])


def test_requests_with_a_secret_are_logged_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    quieten()
    logger = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG):
        with hushed():
            logger.debug("POST /T0KEN")
        logger.debug("GET /metrics")
    assert [record.getMessage() for record in caplog.records] == ["GET /metrics"]
