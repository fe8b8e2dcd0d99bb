"""Keeps the URLs of targets out of everything that is shown, written or logged.

What apprise calls private is not enough: it hides passwords, but neither the paths of webhooks nor the headers that are put
into an URL, and its results carry the same (reference/alerts.md §2, "Secrets"). So no URL of a result is ever taken over, and
every text from there goes through a `Redactor`.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from backends.text import clean

HIDDEN = "***"
REASON_CHARS = 300
PLAIN_HOSTS = frozenset(
    (
        "json",
        "form",
        "xml",
        "http",
        "https",
        "mailto",
        "rsyslog",
        "gotify",
        "apprise",
        "matrix",
        "mmost",
        "rocket",
        "mqtt",
    )
)
"""Schemes (without a final s) whose host is a machine. Elsewhere it may be the secret: pagerduty, slack, telegram …"""

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://\S*")
_PIECES = re.compile(r"[/?&=@:;,#]+")
_HARMLESS = ("yes", "no", "true", "false", "text", "html", "markdown", "post", "put", "get")
"""Values of parameters that are no secret, and that messages have to be able to say."""
_SHORT = 4
"""A secret that is shorter is hidden only where it is a word of its own."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,20}$")


class Secret:
    """A text that shows itself to nobody who does not ask. No encoder takes it."""

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def scheme_of(url: str) -> str:
    """ "json" of "json://…"; "" when there is none."""
    head, found, _ = url.partition("://")
    return head.lower() if found and _SCHEME.match(head.lower()) else ""


def place(url: str) -> str:
    """What may be shown of an URL: "json://gate.example:8080", "pagerduty://…"."""
    scheme = scheme_of(url)
    if not scheme:
        return HIDDEN
    host = _host(url) if _plain(scheme) else ""
    return f"{scheme}://{clean(host, 80) or '…'}"


class Redactor:
    """Takes the parts of one URL out of texts."""

    def __init__(self, url: Secret):
        self._url, self._place = url.reveal(), place(url.reveal())
        pieces = sorted(_secrets(url.reveal()), key=len, reverse=True)
        words = [re.escape(each) if len(each) >= _SHORT else rf"\b{re.escape(each)}\b" for each in pieces]
        self._words = re.compile("|".join(words), re.IGNORECASE) if words else None

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, said: object, limit: int = REASON_CHARS) -> str:
        """One safe line of whatever a library or a peer said."""
        raw = str(said)[: limit * 16]
        if self._url:
            raw = raw.replace(self._url, self._place)
        hidden = self._words.sub(HIDDEN, raw) if self._words is not None else raw
        return clean(_URL.sub(lambda found: place(found[0]), hidden), limit)


def _plain(scheme: str) -> bool:
    return scheme in PLAIN_HOSTS or scheme.removesuffix("s") in PLAIN_HOSTS


def _host(url: str) -> str:
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    return authority.rpartition("@")[2]


def _secrets(url: str) -> set[str]:
    """Everything of `url` that could tell how to send in somebody's name, as it stands and decoded."""
    rest = url.partition("://")[2] or url
    found = {url, rest}
    for text in (rest, unquote(rest)):
        head, _, query = text.partition("?")
        authority, slash, path = head.partition("/")
        user, _, host = authority.rpartition("@")
        found |= {user, *user.split(":"), slash + path if path else ""} | _worth(user) | _worth(path)
        values = {pair.partition("=")[2] for pair in query.split("&")}
        found |= {piece for each in values for piece in _worth(each) if piece.lower() not in _HARMLESS}
        if not _plain(scheme_of(url)):
            found |= _worth(host)
    return found - {""}


def _worth(text: str) -> set[str]:
    return {piece for piece in (text, *_PIECES.split(text)) if len(piece) > 2}


# what libraries log by themselves

_silent = threading.local()
_HTTP = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.poolmanager")


class _Quiet(logging.Filter):
    """Drops what urllib3 says of requests made by threads that carry a secret: their paths."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_silent, "on", False)


class _AtLeastInfo(logging.Filter):
    """Holds even when somebody lowers the level of the logger: below INFO, apprise tells bodies, paths and passwords."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


_quiet, _at_least_info = _Quiet(), _AtLeastInfo()


def quieten() -> None:
    """Pin apprise's logger: nothing of it reaches our logs; what matters of it comes back in results. Idempotent."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    if not any(isinstance(each, logging.NullHandler) for each in logger.handlers):
        logger.addHandler(logging.NullHandler())
    logger.addFilter(_at_least_info)
    for name in _HTTP:
        logging.getLogger(name).addFilter(_quiet)


@contextmanager
def hushed() -> Iterator[None]:
    """Within it, this thread's HTTP requests are logged by nobody."""
    _silent.on = True
    try:
        yield
    finally:
        _silent.on = False
