"""The live filter shows what was asked for, takes half-typed texts calmly and never mistakes a missing value for zero."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.engine.wire import GpuCell, HostRow
from backends.inventory.fields import FIELDS, WORDS
from backends.inventory.filter import Filter, FilterError, parse
from backends.states import HostState, Severity

NOW = 1_000_000.0
ROW = HostRow(
    name="gpu01",
    state=HostState.UP,
    severity=Severity.WARNING,
    tags=("a100", "rack1"),
    gpus=(GpuCell(utilisation_percent=95, flag="thermal"), GpuCell(utilisation_percent=15), GpuCell()),
    gpu_model="NVIDIA A100-SXM4-80GB",
    gpu_percent=55.4,
    gpu_temperature_celsius=81,
    gpu_power_watts=640,
    cpu_percent=0.0,
    load_1=64.5,
    memory_percent=None,
    memory_total_bytes=512 << 30,
    disk_percent=95.2,
    net_rx_bytes_per_second=1.5 * (1 << 30),
    round_trip_seconds=0.25,
    sample_time=NOW - 12,
    since=NOW - 3600,
    uptime_seconds=86400.0 * 3,
    kernel="6.1.0-13-amd64",
    verdict="waiting for the data loader",
    alerts=None,
)
DOWN = HostRow(name="gpu02", state=HostState.UNREACHABLE, reason="No route to host (Firewall?)", since=NOW)


def shows(text: str, row: HostRow = ROW) -> bool:
    found = parse(text)
    assert isinstance(found, Filter), found
    return found.matches(row, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "gpu", "GPU01", "a100-sxm", "gpu>50", "gpu > 50", "gpu>=55", "gpu=55", "gpu!=54", "gpu<100%", "gpu.max>90", "gpu.min<20",
        "gpus=3", "temp>80", "temp>80C", "power<0.65kW", "power>=640W", "load>64", "cpu=0", "cpu<1", "mem.total>500G", "mem.total>=512GiB", "disk>=95%",
        "net.rx>1G", "net.rx>1G/s", "age>10", "age>10s", "age<1m", "since>=1h", "uptime>2d12h", "rtt>200ms", "tag:a100", "tag:rack*", "tag:A100",
        "state:up", "state:u", "state=up", "state!=stale", "severity:warning", "model:a100", "kernel:6.1.", "flag:thermal", "verdict:loader",
        "gpu>50 & tag:a100", "gpu>50 tag:a100", "gpu>99 , tag:a100", "gpu>99|tag:a100", "!state:down", "!gpu>99", "!(gpu>99 & tag:a100)",
        'gpu01 sxm4', '"A100-SXM4"', "gpu?1", "gpu0*", "!mem>90", "NOT-THERE,gpu01",
    ],
)  # fmt: skip
def test_what_is_shown(text: str) -> None:
    assert shows(text)


@pytest.mark.parametrize(
    "text",
    [
        "nope", "gpu>56", "gpu=56", "gpu!=55", "gpus>3", "temp>81", "load>64.5", "cpu>0", "tag:a10", "tag:b*", "state:down", "state!=up", "flag:ecc",
        "!gpu01", "gpu01 nope", "gpu>50 & nope", "age>1m", "severity:critical", '"gpu>50"', "gpu02*",
    ],
)  # fmt: skip
def test_what_is_hidden(text: str) -> None:
    assert not shows(text)


@pytest.mark.parametrize("sign", [">", ">=", "<", "<=", "=", "!="])
@pytest.mark.parametrize("field", ["mem", "swap", "alerts", "iowait", "backup"])
def test_a_value_that_was_not_measured_matches_no_comparison(field: str, sign: str) -> None:
    assert not shows(f"{field}{sign}0")


def test_a_host_without_a_sample_has_no_age() -> None:
    assert not shows("age>0", DOWN)
    assert not shows("age<999d", DOWN)


def test_down_is_everything_but_up() -> None:
    assert shows("state:down", DOWN)
    assert shows("state:unreach", DOWN)
    assert not shows("state:down")


def test_plain_text_looks_into_the_reason() -> None:
    assert shows("firewall", DOWN)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("gpu>", 4, "a number is missing"),
        ("gpu > ", 5, "a number is missing"),
        ("gpu>x", 4, '"x" is no percentage'),
        ("tag:a100 & gpu>80q", 15, '"80q" is no percentage'),
        ("age>10x", 4, "is no duration (30s"),
        ("net.rx>fast", 7, "is no rate"),
        ("cpu>٣", 4, "is no percentage"),
        ("gqu>1", 0, 'unknown field "gqu"; did you mean "gpu"?'),
        ("sate:up", 0, 'did you mean "state"?'),
        ("state:", 6, "what should state be?"),
        ("state=", 6, "what should state be?"),
        ("state:upp", 6, 'did you mean "up"?'),
        ("gpu>1 &", 7, "something is missing at the end"),
        ("(gpu>1", 6, '")" is missing'),
        (")", 0, "something is missing"),
        ('"a', 0, "quotation mark"),
        ("!", 1, "something is missing at the end"),
        ("name>3", 0, 'unknown field "name"'),
    ],
)
def test_a_text_that_is_no_filter_yet_says_where_and_what(text: str, column: int, message: str) -> None:
    found = parse(text)
    assert isinstance(found, FilterError), found
    assert message in found.text
    assert found.column == column


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("run:*", "ab"), ("run:monthly", "a"), ("run:r-20261126-2", "b"), ("run:drain", "b"), ("!run:*", "c")],
)
def test_hosts_that_a_run_has_are_found_by_it(text: str, wanted: str) -> None:
    up = HostState.UP
    rows = (
        HostRow(name="a", state=up, run="r-20261126-1 monthly", run_stage="update"),
        HostRow(name="b", state=up, run="r-20261126-2", run_stage="drain"),
        HostRow(name="c", state=up),
    )
    found = parse(text)
    assert isinstance(found, Filter)
    assert "".join(row.name for row in rows if found.matches(row, NOW)) == wanted


def test_every_field_is_explained_and_can_be_used() -> None:
    for name, field in FIELDS.items():
        assert field.description
        example = field.example.split(",")[0]
        assert isinstance(parse(f"{name}>{example}"), Filter), name
    for name, words in WORDS.items():
        assert words.description
        assert isinstance(parse(f"{name}:{(words.choices or ('x',))[0]}"), Filter), name


def test_every_field_reads_a_value_that_rows_have() -> None:
    missing = {name for name, field in FIELDS.items() if field.read(ROW, NOW) is None}
    assert missing == {
        "gpumem",
        "cores",
        "iowait",
        "mem",
        "swap",
        "disk.busy",
        "disk.read",
        "disk.write",
        "net.tx",
        "procs",
        "alerts",
        "updates",
        "backup",
    }
    full = HostRow(
        name="x", state=HostState.UP, gpu_memory_percent=1, cpu_count=1, iowait_percent=1, memory_percent=1, swap_percent=1, disk_busy_percent=1,
        disk_read_bytes_per_second=1, disk_write_bytes_per_second=1, net_tx_bytes_per_second=1, process_count=1, alerts=1, updates_pending=1, backup_time=1,
    )  # fmt: skip
    assert {name for name in missing if FIELDS[name].read(full, NOW) is None} == set()


@settings(max_examples=100)
@given(st.text(alphabet="gpu tag:state>=<!&,|()\"'*?[]0189.%Gs٣\x1b", max_size=30))
def test_any_text_is_a_filter_or_a_reason(text: str) -> None:
    found = parse(text)
    if isinstance(found, Filter):
        assert isinstance(found.matches(ROW, NOW), bool)
        assert isinstance(found.matches(DOWN, NOW), bool)
    else:
        assert 0 <= found.column <= len(text)
        assert "\x1b" not in found.text


@settings(max_examples=60)
@given(st.sampled_from(["gpu>80 & tag:a100", "state:down, !(mem>90)", 'net.rx>1G "two words"']), st.integers(0, 40))
def test_every_beginning_of_a_filter_is_taken_calmly(text: str, length: int) -> None:
    assert parse(text[:length]) is not None
