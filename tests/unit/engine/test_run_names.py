"""Named runs of the configuration as they are offered."""

from __future__ import annotations

from backends.config.schema_runs import RunConfig, WindowConfig
from backends.engine.run_names import named_run
from backends.errors import BadInput

RUN = RunConfig(name="monthly", hosts="tag:a100", steps=("drain", "resume"))


def test_a_run_is_offered_with_the_hosts_that_it_means_now() -> None:
    run = named_run(RUN, {"tag:a100": ["a", "b"]}.__getitem__)
    assert (run.name, run.selector, run.hosts, run.steps, run.problem) == ("monthly", "tag:a100", 2, RUN.steps, "")


def test_its_window_stands_there_in_words() -> None:
    run = RunConfig(name="x", window=WindowConfig(cron="0 22 * * sat", timezone="Europe/Zurich", hours=6))
    assert named_run(run, lambda _: ["a"]).window == "0 22 * * sat (Europe/Zurich), 6 h"


def test_one_that_means_no_host_any_more_says_why_in_one_line() -> None:
    def gone(selector: str) -> list[str]:
        raise BadInput('unknown tag "a100" (column 1)\n    tag:a100\n    ^')

    run = named_run(RUN, gone)
    assert (run.hosts, run.problem) == (0, 'unknown tag "a100" (column 1)')
