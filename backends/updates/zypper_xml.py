"""Reads zypper's --xmlout. Pure; a killed zypper leaves half a document, of which everything whole is read.

Every text is made safe here, one by one: the document's lines are too long to be cut like other output.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from backends.metrics.sample import Record
from backends.text import clean, clean_lines
from backends.updates.rpm_version import shown

Kind = Literal["upgrade", "install", "remove", "downgrade"]
GROUPS: dict[str, Kind] = {
    "to-upgrade": "upgrade",
    "to-upgrade-change-arch": "upgrade",
    "to-install": "install",
    "to-remove": "remove",
    "to-downgrade": "downgrade",
    "to-downgrade-change-arch": "downgrade",
}
"""Parts of the summary → what happens to the packages in them."""
MOST_DIGITS = 15
_STEP = re.compile(r"\( *(\d{1,6})/(\d{1,6})\) (\w+): (\S+)")
_FETCHED = re.compile(r"(?:Retrieving: |In cache )\S+ (?:.*)\( *(\d{1,6})/(\d{1,6})\).*")
_SOLUTION = re.compile(r"\s*Solution \d+:.*", re.DOTALL)
_UNDECLARED = ("<!DOCTYPE", "<!ENTITY")


class Update(Record, frozen=True, kw_only=True):
    """One package that has a newer version, or one patch."""

    kind: str
    name: str
    version: str
    installed: str = ""
    architecture: str = ""
    repository: str = ""
    category: str = ""
    severity: str = ""
    interactive: bool = False
    reboot: bool = False
    cves: tuple[str, ...] = ()


class Row(Record, frozen=True, kw_only=True):
    """One package of a summary."""

    kind: Kind
    name: str
    architecture: str
    version: str
    installed: str = ""
    repository: str = ""


class Step(Record, frozen=True, kw_only=True):
    """One package being worked on."""

    build: str
    done: bool = False


class Document(Record, frozen=True, kw_only=True):
    """All that is used of what zypper wrote."""

    updates: tuple[Update, ...] = ()
    rows: tuple[Row, ...] = ()
    messages: tuple[str, ...] = ()
    """With line breaks."""
    errors: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Of the dependency solver, without its solutions."""
    locks: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    fetched: tuple[int, int] | None = None
    download_bytes: int | None = None
    disk_bytes: int | None = None
    concluded: bool = False
    """There is a summary, or zypper says that there is nothing to do."""

    @property
    def text(self) -> str:
        """Every message, as rpm and zypper wrote them."""
        return "\n".join((*self.messages, *self.errors))


def parse(text: str) -> Document:
    """What is whole in `text`; anything that declares a document type is not zypper's and is not read at all."""
    if any(word in text for word in _UNDECLARED):
        return Document(errors=("the answer is not zypper's",))
    found = tuple(_elements(text))
    said = [each for each in found if each.tag == "message"]
    errors = tuple(text for each in said if each.get("type") == "error" and (text := _lines(each)))
    messages = tuple(_lines(each) for each in said if each.get("type") != "error")
    summary = next((each for each in found if each.tag == "install-summary"), None)
    return Document(
        updates=tuple(_update(each) for each in found if each.tag == "update"),
        rows=tuple(_rows(summary)) if summary is not None else (),
        messages=messages,
        errors=errors,
        problems=tuple(_problems(found)),
        locks=tuple(_child(each, "name") for each in found if each.tag == "lock" and _child(each, "type") == "package"),
        steps=tuple(_steps(found)),
        fetched=_fetched(messages),
        download_bytes=_number(summary, "download-size"),
        disk_bytes=_number(summary, "space-usage-diff"),
        concluded=summary is not None or any("Nothing to do." in each for each in messages),
    )


def _elements(text: str) -> Iterator[Element]:
    """Every element that ends in `text`. Half a document, or text between: what came before is good."""
    parser: XMLPullParser[Element] = XMLPullParser(("end",))
    with contextlib.suppress(ParseError):
        parser.feed(text)
    with contextlib.suppress(ParseError):
        for event in parser.read_events():
            if isinstance(event[-1], Element):
                yield event[-1]


def _update(element: Element) -> Update:
    source = element.find("source")
    issues = element.iterfind("issue-list/issue[@type='cve']")
    return Update(
        kind=_attribute(element, "kind"),
        name=_attribute(element, "name"),
        version=shown(_attribute(element, "edition")),
        installed=shown(_attribute(element, "edition-old")),
        architecture=_attribute(element, "arch"),
        repository=_attribute(source, "alias") if source is not None else "",
        category=_attribute(element, "category"),
        severity=_attribute(element, "severity"),
        interactive=element.get("interactive") == "true",
        reboot=element.get("restart") == "true",
        cves=tuple(dict.fromkeys(_attribute(issue, "id") for issue in issues)),
    )


def _rows(summary: Element) -> Iterator[Row]:
    for group in summary:
        kind = GROUPS.get(str(group.tag))
        for each in group.iterfind("solvable[@type='package']") if kind else ():
            version, old = shown(_attribute(each, "edition")), shown(_attribute(each, "edition-old"))
            yield Row(
                kind=kind or "upgrade",
                name=_attribute(each, "name"),
                architecture=_attribute(each, "arch"),
                version="" if kind == "remove" else version,
                installed=version if kind == "remove" else old,
                repository=_attribute(each, "repository").removeprefix("@"),
            )


def _problems(found: tuple[Element, ...]) -> Iterator[str]:
    for each in found:
        text = (each.findtext("description") or "") if each.tag == "prompt" else ""
        if text.startswith("Problem"):
            yield clean(_SOLUTION.sub("", text).strip(), 500)


def _steps(found: tuple[Element, ...]) -> Iterator[Step]:
    for each in found:
        if each.tag == "progress" and each.get("id") in ("install-resolvable", "remove-resolvable"):
            step = _STEP.fullmatch(_attribute(each, "name"))
            if step:
                yield Step(build=step[4], done=each.get("done") == "1")


def _fetched(messages: tuple[str, ...]) -> tuple[int, int] | None:
    hits = [hit for each in messages if (hit := _FETCHED.fullmatch(each.strip()))]
    if not hits:
        return None
    return int(hits[-1][1]), int(hits[-1][2])


def _attribute(element: Element, name: str) -> str:
    return clean(element.get(name, ""), 400)


def _child(element: Element, name: str) -> str:
    return clean(element.findtext(name) or "", 400)


def _lines(element: Element) -> str:
    return clean_lines(element.text or "").strip("\n")


def _number(element: Element | None, name: str) -> int | None:
    text = element.get(name, "") if element is not None else ""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < MOST_DIGITS else None
