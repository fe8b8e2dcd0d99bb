"""Which compression suits which files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.compression import advise, checked, explained, is_packed
from backends.errors import BadInput


@pytest.mark.parametrize(
    "name",
    [
        "model-q4_k_m.gguf",
        "x.parquet",
        "a/b.tar.gz",
        "p.JPG",
        "m.int8.safetensors",
        "llama-awq/model.safetensors",
        "w.zst",
    ],
)
def test_packed(name: str) -> None:
    assert is_packed(name)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "data.jsonl", "README", "tar", "qwen2/model.safetensors", "pytorch_model.bin", "a.gz/b"],
)
def test_dense(name: str) -> None:
    assert not is_packed(name)


def test_tensors_get_zstd_and_never_a_probe() -> None:
    found = explained([("model.safetensors", 800 << 20), ("tokenizer.json", 1 << 20)])
    assert found.compression == "zstd,3" and "100%" in found.why


def test_what_is_packed_gets_lz4() -> None:
    found = explained([("a.gguf", 900), ("config.json", 10)])
    assert found.compression == "lz4" and found.packed_bytes == 900


def test_a_mixture_is_decided_by_bytes() -> None:
    assert advise([("a.gguf", 100), ("b.safetensors", 100)]) == "zstd,3"
    assert advise([("a.parquet", 10**9), *((f"{n}.json", 1000) for n in range(1000))]) == "lz4"


def test_nothing_known() -> None:
    assert advise([]) == "zstd,3" and advise([("a.gguf", 0)]) == "zstd,3"


@pytest.mark.parametrize(
    "word", ["none", "lz4", "zstd", "zstd,19", "zlib,6", "lzma", "auto,zstd,3", "obfuscate,110,lz4"]
)
def test_what_borg_takes(word: str) -> None:
    assert checked(word) == word


@pytest.mark.parametrize("word", ["", "zstd,99", "gzip", "lz4 -x", "--rsh=x", "auto,"])
def test_what_borg_refuses(word: str) -> None:
    with pytest.raises(BadInput):
        checked(word)


def test_auto_is_never_borgs_auto() -> None:
    assert checked("auto") == "zstd,3"


@given(st.lists(st.tuples(st.text(), st.integers())))
def test_any_names(files: list[tuple[str, int]]) -> None:
    assert advise(files) in ("zstd,3", "lz4")
