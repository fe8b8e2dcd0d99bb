"""Which host belongs to which batch. Batch 0 is the canaries where there are any; the rest is cut into what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from backends.errors import BadInput
from backends.maintenance.amounts import amount
from backends.text import clean


def sizes(batches: Sequence[str], total: int, hosts: int) -> tuple[int, ...]:
    """How many hosts are in each batch.

    Args:
        batches: numbers or per cent; the last one repeats.
        total: of which the per cent are meant.
        hosts: how many are to be divided.

    Raises:
        BadInput: no batch, one of nobody, or no number.
    """
    if not batches:
        raise BadInput("there is no batch", hint='for example batches = ["1", "10%", "50%"]')
    wanted = [_size(text, total) for text in batches]
    found: list[int] = []
    left = hosts
    while left > 0:
        size = min(left, wanted[min(len(found), len(wanted) - 1)])
        found.append(size)
        left -= size
    return tuple(found)


def canaries(order: Sequence[str], kinds: Mapping[str, str], chosen: Collection[str] = ()) -> tuple[str, ...]:
    """One host of each kind, in the order of `order`: the chosen ones, else the first of its kind.

    Args:
        order: hosts as they are taken.
        kinds: host → what it has in common with others.
        chosen: hosts that somebody named; they all are canaries. Those that are not in `order` are ignored.
    """
    named = [host for host in order if host in set(chosen)]
    served = {kinds[host] for host in named}
    found = set(named)
    for host in order:
        if kinds[host] not in served:
            served.add(kinds[host])
            found.add(host)
    return tuple(host for host in order if host in found)


def numbered(order: Sequence[str], first: Collection[str], batches: Sequence[str]) -> dict[str, int]:
    """Host → number of its batch, every host once, in the order in which they are taken.

    Args:
        order: hosts as they are taken.
        first: the canaries; they are batch 0. Empty: there are none.
        batches: as the configuration writes them; per cent of all hosts of the run.
    """
    early = [host for host in order if host in set(first)]
    late = [host for host in order if host not in set(first)]
    found = dict.fromkeys(early, 0)
    at, number = 0, 1 if early else 0
    for size in sizes(batches, len(order), len(late)):
        found.update(dict.fromkeys(late[at : at + size], number))
        at, number = at + size, number + 1
    return found


def _size(text: str, total: int) -> int:
    size = amount(text, max(1, total))
    if size < 1:
        raise BadInput(f'a batch of "{clean(text, 40)}" is nobody', hint='at least "1" or "1%"')
    return size
