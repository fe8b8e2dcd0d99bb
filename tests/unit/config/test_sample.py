"""The manual follows the schema: the sample means the defaults, every key is explained, the page is up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backends.config import sample
from backends.config.check import check
from backends.config.schema import Config

PAGE = Path(__file__).parents[3] / "docs" / "config.md"


def test_the_sample_means_the_defaults() -> None:
    assert check(sample.sample(), "sample") == (Config(), [])


def test_every_commented_line_of_the_sample_is_valid() -> None:
    uncommented = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", sample.sample())
    assert check(uncommented, "sample")[1] == []
    assert uncommented.count("\n# ") == sample.HEAD.count("\n# ")


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == sample.page(), "run: python -m backends.config.sample > docs/config.md"


@pytest.mark.parametrize("entry", sample.entries(), ids=lambda entry: f"{entry.table}.{entry.key}")
def test_every_key_is_explained(entry: sample.Entry) -> None:
    assert len(entry.text) > 10
    assert entry.type
    assert entry.example


def test_keys_and_tables_stand_in_the_manual_as_they_are_written() -> None:
    written = {(entry.table, entry.key) for entry in sample.entries()}
    assert {("[alerts.rules]", "for"), ("hosts.NAME.expect", "gpus"), ("alerts.policy", "ack_hours")} <= written
    assert "\n# [hosts.gpu01.expect]\n" in sample.sample() and "\n[alerts.policy]\n" in sample.sample()
