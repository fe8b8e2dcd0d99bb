"""Field names are a public contract (`status --json`): whoever renames one meets this list first.

`sample_fields.txt` holds every field as `Record.field  type  unit`. A new field is a new line there.
"""

from __future__ import annotations

import types
import typing
from pathlib import Path

import msgspec
import pytest

from backends.metrics import sample
from backends.metrics.sample import Cpu, Gpu, HostFacts, Record, Sample

GOLDEN = Path(__file__).with_name("sample_fields.txt")
ENDINGS = {
    "_bytes_per_second": "bytes/s",
    "_bits_per_second": "bits/s",
    "_per_second": "1/s",
    "_percent": "percent",
    "_bytes": "bytes",
    "_seconds": "seconds",
    "celsius": "degrees Celsius",
    "_watts": "watts",
    "_mhz": "MHz",
    "_ticks": "clock ticks",
}
PLAIN = {"time": "epoch seconds", "cores": "percent", "queue_length": "requests", "missing": "reasons"} | {
    f"load_{minutes}": "tasks" for minutes in (1, 5, 15)
}
RECORDS = {
    name: kind
    for name, kind in vars(sample).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}


def unit(field: str, kind: str) -> str:
    """What a field counts in; a fraction must say it in its name."""
    if field in PLAIN:
        return PLAIN[field]
    found = next((text for ending, text in ENDINGS.items() if field.endswith(ending)), "")
    return found or ("number" if "int" in kind else "")


def spelled(kind: object) -> str:
    """A type as it stands in the source."""
    if isinstance(kind, types.UnionType):
        return " | ".join(spelled(item) for item in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return f"tuple[{', '.join(spelled(item) for item in typing.get_args(kind) if item is not ...)}, ...]"
    if typing.get_origin(kind) in (dict, typing.Literal):
        return str(kind).replace("typing.", "")
    return "None" if kind is type(None) else getattr(kind, "__name__", str(kind))


def lines() -> list[str]:
    """The contract as the source has it."""
    found = []
    for name, record in RECORDS.items():
        for field in msgspec.structs.fields(record):
            kind = spelled(field.type)
            found.append(f"{name}.{field.name}  {kind}  {unit(field.name, kind)}".rstrip())
    return found


def test_no_field_was_renamed_retyped_or_removed() -> None:
    assert lines() == GOLDEN.read_text().splitlines()


def test_every_fraction_says_its_unit_in_its_name() -> None:
    unnamed = [line for line in lines() if "float" in line.split("  ")[1] and len(line.split("  ")) < 3]
    assert unnamed == []


def test_what_is_unknown_is_left_out_and_read_back_as_unknown() -> None:
    empty = Sample(time=5.0)
    assert msgspec.json.encode(empty) == b'{"time":5.0}'
    assert msgspec.json.decode(b'{"time":5.0}', type=Sample) == empty


def test_zero_is_not_unknown() -> None:
    assert b'"busy_percent":0.0' in msgspec.json.encode(Sample(time=5.0, cpu=Cpu(busy_percent=0.0)))


def test_a_client_that_knows_fewer_fields_still_reads_what_it_knows() -> None:
    newer = b'{"time":5.0,"cpu":{"busy_percent":1.0,"new_percent":2.0},"new_group":[1]}'
    found = msgspec.json.decode(newer, type=Sample)
    assert found.cpu is not None and found.cpu.busy_percent == 1.0


@pytest.mark.parametrize("record", [Sample(time=1.0), Gpu(index=0), HostFacts()])
def test_a_sample_cannot_be_changed(record: Record) -> None:
    with pytest.raises(AttributeError):
        setattr(record, record.__struct_fields__[0], 7)
