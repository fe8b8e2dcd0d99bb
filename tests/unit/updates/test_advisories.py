"""The operator's advisories: wherever they lie, read once, read again when they change, told when they cannot be read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from backends.errors import BadInput
from backends.updates import advisories
from backends.updates.advisories import LOOK_SECONDS, Advisories
from tests.unit.updates.fleet import BriefClock

OUTPUTS = Path(__file__).parents[2] / "outputs/osv"
ONE = (OUTPUTS / "GHSA-jjg7-2v4v-x38h.json").read_bytes()
ALL = {"idna", "requests", "urllib3"}


def names(path: Path) -> set[str]:
    known = Advisories(lambda: str(path), BriefClock()).known()
    assert known is not None
    return set(known.packages)


def zipped(path: Path, *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in OUTPUTS.glob("*.json"):
            archive.write(file, file.name)
        archive.writestr("LICENSE", "not an advisory")
    return path


def test_a_folder_a_file_and_the_zip_of_an_export_are_read(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/one.json").write_bytes(ONE)
    (tmp_path / "README").write_text("not an advisory")
    assert names(OUTPUTS) == ALL == names(zipped(tmp_path / "all.zip"))
    assert names(tmp_path) == {"idna"} == names(tmp_path / "below/one.json")


def test_none_are_configured() -> None:
    assert Advisories(lambda: "", BriefClock()).known() is None


def test_files_are_read_again_when_they_changed_and_not_before_a_while(tmp_path: Path) -> None:
    clock = BriefClock()
    (tmp_path / "one.json").write_bytes(ONE)
    source = Advisories(lambda: str(tmp_path), clock)
    first = source.known()
    (tmp_path / "two.json").write_bytes((OUTPUTS / "GHSA-9wx4-h78v-vm56.json").read_bytes())
    assert source.known() is first
    clock.advance(LOOK_SECONDS + 1)
    later = source.known()
    assert later is not None and set(later.packages) == {"idna", "requests"}
    clock.advance(LOOK_SECONDS + 1)
    assert source.known() is later


def test_another_path_counts_at_once(tmp_path: Path) -> None:
    paths = [str(OUTPUTS)]
    source = Advisories(lambda: paths[-1], BriefClock())
    source.known()
    (tmp_path / "one.json").write_bytes(ONE)
    paths.append(str(tmp_path))
    found = source.known()
    assert found is not None and set(found.packages) == {"idna"}


def test_what_is_no_advisory_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "FILE_BYTES", 2000)
    (tmp_path / "good.json").write_bytes(ONE)
    (tmp_path / "bad.json").write_text("{nonsense")
    (tmp_path / "long.json").write_bytes(ONE + b" " * 2000)
    known = Advisories(lambda: str(tmp_path), BriefClock()).known()
    assert known is not None and (set(known.packages), known.unread) == ({"idna"}, 2)


@pytest.mark.parametrize("bad", ["missing", "empty", "no-zip", "cut", "damaged", "many"])
def test_what_cannot_be_read_is_an_error_and_not_a_clean_bill(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.zip"
    if bad == "empty":
        file.mkdir()
    elif bad == "no-zip":
        file.write_text("no zip")
    elif bad == "cut":
        file.write_bytes(zipped(file).read_bytes()[:-200])
    elif bad == "damaged":
        data = bytearray(zipped(file).read_bytes())
        data[60:120] = bytes(60)
        file.write_bytes(data)
    elif bad == "many":
        monkeypatch.setattr(advisories, "MOST_FILES", 2)
        zipped(file)
    source = Advisories(lambda: str(file), BriefClock())
    for _ in range(2):
        with pytest.raises(BadInput, match=r"all\.zip"):
            source.known()
