"""One plugin of apprise, tamed: what it would do by itself is taken from it (reference/alerts.md §2).

Not async and without a service time-out, so that apprise uses none of its shared, non-daemon threads; no redirects (a captive
portal would count as delivered); no retries and no throttle of its own (the outbox and the rate do that); time-outs in the URL.
"""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from backends.alerts import body as bodies
from backends.alerts.incidents import INCIDENTS, Action
from backends.alerts.redact import Redactor, Secret, hushed, quieten, scheme_of
from backends.alerts.targets import Target
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.states import Severity

OURS = frozenset(("cto", "rto", "redirect", "retry", "wait", "optional", "tag", "overflow", "emojis"))
"""Parameters of apprise's URLs that are not the configuration's to choose."""
_NOTHING_TO_CLOSE = "nothing to"
_loading = threading.Lock()


class Sent(Record, frozen=True, kw_only=True):
    """What became of one attempt."""

    ok: bool
    reason: str = ""
    """Why not, without any part of the URL."""
    seconds: float = 0.0


class Channel:
    """One plugin of apprise, tamed. Raises BadInput when the URL is none that it takes."""

    def __init__(self, target: Target, url: Secret, storage: Path | None):
        self._name = target.name
        self._scheme = scheme_of(url.reveal())
        self._redactor = Redactor(url)
        self._incident = _incident(target, self._scheme)
        with hushed():
            self._apprise, self._plugin = self._load(bounded(url, target.timeout_seconds), storage)
        self._plugin.request_rate_per_sec = 0
        self._plugin.redirects, self._plugin.optional, self._plugin.retry = False, False, 0

    def send(self, title: str, body: str, severity: Severity, dedup: str, action: Action) -> Sent:
        if self._incident and dedup:
            self._aim(dedup, action)
        fitted = bodies.fit(title, body, self._limits(), chat=self._scheme in bodies.CHATS)
        kind = "success" if action == "resolve" or severity == Severity.OK else _KINDS[severity]
        with hushed():
            result = self._apprise.notify(
                title=fitted.title, body=fitted.body, notify_type=kind, body_format="text", log_level=_INFO
            )
        said = [entry.message for each in result for attempt in each.attempts for entry in attempt.logs]
        reason = "" if result and not _nothing_to_close(said) else self._reason(said)
        return Sent(ok=bool(result), reason=reason)

    def _load(self, url: Secret, storage: Path | None) -> tuple[Any, Any]:
        with _loading:
            apprise = _loaded()
            kept: Any = {"storage_path": str(storage), "storage_mode": "flush"} if storage else {}
            asset = apprise.AppriseAsset(
                async_mode=False,
                service_timeout=0,
                http_redirects=False,
                app_id="swarm-tui",
                app_desc="swarm-tui",
                **kept,
            )
            plugin = self._plugin_of(apprise, url, asset)
        service = apprise.Apprise(asset=asset)
        service.add(plugin)
        if len(service) != 1:
            raise self._bad("apprise does not take it", "see the page of the service in apprise's documentation")
        return service, plugin

    def _plugin_of(self, apprise: Any, url: Secret, asset: Any) -> Any:
        try:
            plugin = apprise.Apprise.instantiate(url.reveal(), asset=asset, suppress_exceptions=False)
        except Exception as error:  # noqa: BLE001  # plugins raise whatever they meet, with the secret in the message
            said = re.sub(r"\([^)]*\)", "(…)", self._redactor.text(error))
            raise self._bad(f"its URL is not right: {said}", "see the page of the service") from None
        if plugin is None:
            known = self._scheme in apprise.NotificationManager()
            why = f"cannot read its {self._scheme}:// URL" if known else f"no service takes its {self._scheme}:// URL"
            raise self._bad(why, "apprise -l lists the services, or a package that the service needs is missing")
        if (count := _recipients(plugin)) > 1:
            raise self._bad(
                f"its URL names {count} recipients: when one of them fails, all of them would get everything again",
                "make one target for each of them",
            )
        return plugin

    def _bad(self, why: str, hint: str) -> BadInput:
        return BadInput(f"alerts target {self._name!r}: {why}", action="open the target", hint=hint)

    def _aim(self, dedup: str, action: Action) -> None:
        """Point the plugin at one incident. Its ids are the plugin's own attributes: there is no other way per message."""
        if self._incident == "pagerduty":
            self._plugin.dedup, self._plugin.action = dedup, action or "trigger"
        else:
            self._plugin.alias, self._plugin.entity = dedup, None
            self._plugin.action = "close" if action == "resolve" else "new"

    def _limits(self) -> bodies.Limits:
        own = bodies.Limits(title=int(self._plugin.title_maxlen), body=int(self._plugin.body_maxlen))
        return bodies.narrower(own, self._scheme)

    def _reason(self, said: list[str]) -> str:
        texts = [self._redactor.text(each) for each in said]
        return texts[-1] if texts else "apprise does not say why"


def _loaded() -> Any:
    """Apprise with its plugins: 0.3 s and 44 MB, so not before somebody is told something; for one thread at a time."""
    quieten()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what some of 183 plugins import is deprecated: not our callers' business
        import apprise

        plugins: Any = apprise.manager_plugins
        plugins.NotificationManager().load_modules()
    return apprise


_INFO = 20
_KINDS = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.UNKNOWN: "warning"}


def bounded(url: Secret, seconds: float) -> Secret:
    """`url` with our time-outs (seconds to connect, seconds for each answer) and without what would defeat the outbox."""
    head, _, query = url.reveal().partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0].lower() not in OURS]
    asked = [f"cto={_least(query, 'cto', seconds):g}", f"rto={_least(query, 'rto', seconds):g}"]
    return Secret(head + "?" + "&".join([*kept, *asked, "redirect=no"]))


def _least(query: str, name: str, seconds: float) -> float:
    """A shorter time-out of the URL's own stands."""
    for key, value in parse_qsl(query):
        if key.lower() == name:
            with suppress(ValueError):  # what is no number does not count
                return min(seconds, float(value)) if float(value) > 0 else seconds
    return seconds


def _incident(target: Target, scheme: str) -> str:
    if target.incident == "none":
        return ""
    if target.incident == "auto":
        return scheme if scheme in INCIDENTS else ""
    if target.incident != scheme:
        raise BadInput(
            f"alerts target {target.name!r}: incident is {target.incident!r}, but its URL is {scheme}://",
            hint='incident = "auto"',
        )
    return scheme


def _recipients(plugin: Any) -> int:
    copies = sum(len(getattr(plugin, each, None) or ()) for each in ("cc", "bcc"))
    return len(plugin) + copies if hasattr(plugin, "__len__") else 1 + copies


def _nothing_to_close(said: list[str]) -> bool:
    return any(_NOTHING_TO_CLOSE in each for each in said)
