"""A bundle as bytes, as a tar and as Markdown: nothing is lost, no secret goes along, no text of a host becomes markup."""

from __future__ import annotations

import io
import tarfile

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.triage import bundle as bundles
from backends.triage.difference import differences
from backends.triage.markdown import markdown, plain
from tests.unit.triage.samples import OUTPUTS, bundle, output, section

SECRET = "Zq7-s3cretV4lue"
WITH_SECRETS = {
    "sudo": "2026-05-11T09:00:00+0000 h sudo[1]:    bob : TTY=pts/0 ; PWD=/ ; USER=root ; "
    f"COMMAND=/usr/bin/login --token {SECRET}\n",
    "processes": f"1 0 root S - 0.0 1 1 env HF_TOKEN={SECRET} python\n",
    "units.failed": "a.service loaded failed failed A\n",
    "kernel.log": output("kernel-xid79.txt").replace("name=python3", f"name=--token={SECRET}"),
}


def _files(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: archive.extractfile(info).read().decode() for info in archive}  # type: ignore[union-attr]


def test_a_bundle_comes_back_as_it_was_and_is_small() -> None:
    made = bundle({"kernel.log": output("kernel-xid79.txt")})
    data = bundles.encode(made)
    assert bundles.decode(data) == made
    assert len(data) < 4000


@pytest.mark.parametrize("data", [b"", b"x", bundles.encode(bundle())[:-4]])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        bundles.decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        bundles.decode(data)


def test_a_bundle_that_would_grow_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bundles.encode(bundle({"kernel.log": "x" * 60_000}))
    monkeypatch.setattr(bundles, "LARGEST", 1000)
    with pytest.raises(BadInput, match="too large"):
        bundles.decode(data)


def test_the_tar_holds_the_verdict_every_section_and_no_secret() -> None:
    made = bundle(WITH_SECRETS)
    files = _files(bundles.tar(made))
    stem = "triage-gpu07-20260511T091411Z"
    assert bundles.file_name(made) == f"{stem}.tar.gz"
    assert set(files) >= {f"{stem}/README.md", f"{stem}/bundle.json", f"{stem}/2-kernel-log/kernel.log.txt"}
    assert len(files) == 2 + len(made.sections)
    assert all(SECRET not in text for text in files.values())
    assert "[masked]" in files[f"{stem}/9-changes/sudo.txt"]
    assert msgspec.json.decode(files[f"{stem}/bundle.json"])["strip"]["severity"] == "critical"


def test_no_secret_is_in_the_kept_bytes_the_strip_or_the_markdown() -> None:
    made = bundle(WITH_SECRETS)
    assert SECRET not in repr(made)
    assert SECRET not in markdown(made)


def test_names_of_hosts_and_sections_cannot_leave_the_folder_of_the_tar() -> None:
    made = bundle(host="../../etc/x y")
    names = list(_files(bundles.tar(made)))
    assert all(name.startswith("triage-_.._etc_x_y-") for name in names)
    odd = msgspec.structs.replace(
        made, sections=(section("system"), msgspec.structs.replace(section("system"), name="../x"))
    )
    assert all("/../" not in name for name in _files(bundles.tar(odd)))


def test_markdown_tells_verdict_steps_evidence_and_differences() -> None:
    made = bundle({"kernel.log": output("kernel-xid79.txt")})
    text = markdown(made, differences(made, bundle({"nics": "eth0 operstate=down speed=1\n"}, host="gpu08")), "gpu08")
    assert text.startswith("## Triage of gpu07, 2026-05-11 09:14:11 UTC\n")
    assert "| 2 kernel log | FAIL | XID 79 \\(fell off the bus\\) on GPU 3" in text
    assert "Next: power-cycle the host; do not reset the GPU (confidence: high)" in text
    assert "### Different from gpu08" in text
    assert "| link eth0 | up 100000 Mb/s | down |" in text
    assert "NVRM: Xid (PCI:0000:5d:00): 79, pid=48113" in text


def test_text_of_a_host_becomes_no_markup() -> None:
    evil = "`x` [a](http://b) <img src=x> @all | **y** $z$"
    assert plain(evil) == "\\`x\\` \\[a\\]\\(http:&#47;/b\\) \\<img src=x\\> &#64;all \\| \\*\\*y\\*\\* \\$z\\$"
    made = bundle({"units.failed": "a.service loaded failed failed A\n```\n# not a heading\n````\n"})
    assert "`````\na.service" in markdown(made)


def test_the_real_answer_of_a_machine_without_journal_and_systemd_is_judged() -> None:
    from backends.hostkit.triage_answer import read_triage
    from backends.triage.ask import judge
    from backends.triage.context import Context

    compact = msgspec.json.encode(msgspec.json.decode((OUTPUTS / "debian12-container.json").read_bytes()))
    answer = read_triage(b"motd\nswarm-kit 1 answer\n" + compact + b"\n")
    made = judge(answer, "here", Context(), time=answer.begin)
    assert [each.kind for each in made.strip.findings] == ["oom", "reboot"]
    assert made.steps[6].text.startswith("cannot tell: units.failed: System has not been booted with systemd")
