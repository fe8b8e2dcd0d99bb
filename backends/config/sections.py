"""What every table of the configuration is made of: the base of the tables and the kinds of values that several share."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file; an unknown key is an error."""


NAME = r"^[a-z0-9][a-z0-9_-]{0,40}\Z"
HOURS = r"^\Z|^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]\Z"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z"
AMOUNT = r"^[0-9]{1,6}%?\Z"
SPAN = r"^([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d|w)){1,6}\Z"
SIZE = r"^[0-9]{1,15}(\.[0-9]{1,9})? ?[kKmMgGtTpP]?i?[bB]?\Z"
ABSOLUTE, LOCAL = r"^/[^\x00-\x1f]*$", r"^[/~][^\x00-\x1f]*$"

Become = Literal["none", "sudo"]
User = Annotated[str, Meta(min_length=1, max_length=256, examples=["root"])]
Port = Annotated[int, Meta(ge=1, le=65535, examples=[22])]
Path = Annotated[str, Meta(min_length=1)]
Absolute = Annotated[str, Meta(pattern=ABSOLUTE, max_length=4096)]
Local = Annotated[str, Meta(pattern=LOCAL, examples=["~/advisories/pypi"])]
Tag = Annotated[str, Meta(pattern=r"^[^\s,&|!()\[\]:@*?\"]+$")]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Days = Annotated[float, Meta(gt=0, le=36500)]
Argv = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
Span = Annotated[str, Meta(pattern=SPAN, examples=["5m"])]
"""A duration; `backends.units.parse_span` reads it."""
Selector = Annotated[str, Meta(max_length=4096, examples=["tag:a100"])]
SECRET = {"secret": True}
"""Marks a value that no message may repeat: Meta(extra=SECRET)."""
