"""Numbers of hosts as people write them: "2", or "10%" of how many there are. Per cent is rounded up."""

from __future__ import annotations

import re

from backends.errors import BadInput
from backends.text import clean

_AMOUNT = re.compile(r"([0-9]{1,6})(%?)", re.ASCII)
HINT = 'a number like "2", or per cent like "20%"'


def amount(text: str, total: int) -> int:
    """How many of `total` that is; may be more than `total` when it is a number.

    Raises:
        BadInput: neither, or more than 100 per cent.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadInput(f'"{clean(text, 40)}" is no number of hosts', hint=HINT)
    number = int(match[1])
    if not match[2]:
        return number
    if number > 100:
        raise BadInput(f'"{text}" is more than all hosts', hint='at most "100%"')
    return -(-number * total // 100)
