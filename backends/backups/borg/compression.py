"""Which compression suits which files, measured: plain zstd,3 takes 22 % off tensors, and nothing takes anything off what is
packed already. Never "auto,zstd": its probe takes bf16 for incompressible and stores it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.errors import BadInput
from backends.metrics.sample import Record

DENSE, PACKED = "zstd,3", "lz4"
AUTO = "auto"
"""In the configuration: to be chosen by what the files are."""
_PACKED_ABOVE = 0.9
"""Share of bytes that are packed already, from which zstd would be wasted time."""
_ENDINGS = frozenset(
    {
        *("gguf", "ggml", "parquet", "orc", "avro", "npz"),
        *("jpg", "jpeg", "png", "gif", "webp", "heic", "avif", "mp4", "mkv", "webm", "mov", "avi"),
        *("mp3", "ogg", "opus", "flac", "m4a"),
        *("gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "tzst", "lz4", "7z", "zip", "rar", "br"),
        *("whl", "jar", "deb", "rpm", "apk", "snap", "squashfs", "sqfs", "qcow2"),
    }
)
_QUANTISED = re.compile(
    r"(?<![a-z0-9])(?:int[48]|[iu]?q[2-8](?:_[0-9a-z]+)*|awq|gptq|nf4|exl[23]|w[48]a(?:8|16)|bnb)(?![a-z0-9])"
)
_TENSORS = frozenset({"safetensors", "bin", "pt", "pth", "ckpt", "onnx", "engine"})
_BORG = re.compile(
    r"(?:obfuscate,\d{1,3},)?(?:auto,)?(?:none|lz4|zstd(?:,(?:1\d|2[0-2]|[1-9]))?|zlib(?:,\d)?|lzma(?:,\d)?)"
)


class Advice(Record, frozen=True, kw_only=True):
    """A compression, and why."""

    compression: str
    why: str
    packed_bytes: int = 0
    all_bytes: int = 0


def advise(names_and_sizes: Iterable[tuple[str, int]]) -> str:
    """The compression for files (name or path, size in bytes)."""
    return explained(names_and_sizes).compression


def explained(names_and_sizes: Iterable[tuple[str, int]]) -> Advice:
    """The same, with the reason in a sentence."""
    packed = every = 0
    for name, size in names_and_sizes:
        every += max(0, size)
        packed += max(0, size) if is_packed(name) else 0
    if not every:
        return Advice(compression=DENSE, why="nothing is known of the files: zstd,3 suits tensors and text")
    share = packed / every
    if share >= _PACKED_ABOVE:
        why = f"{share:.0%} of the bytes are packed already (quantised, images, archives): zstd would only cost time"
        return Advice(compression=PACKED, why=why, packed_bytes=packed, all_bytes=every)
    why = f"{1 - share:.0%} of the bytes are tensors, text or unknown: zstd,3 makes them smaller"
    return Advice(compression=DENSE, why=why, packed_bytes=packed, all_bytes=every)


def is_packed(name: str) -> bool:
    """Whether a file's bytes cannot be made smaller, by its name."""
    base = name.rpartition("/")[2].lower()
    ending = base.rpartition(".")[2] if "." in base else ""
    return ending in _ENDINGS or (ending in _TENSORS and _QUANTISED.search(name.lower()) is not None)


def checked(compression: str) -> str:
    """What Borg takes; "auto" becomes the choice for files of unknown kind. Raises BadInput."""
    if compression == AUTO:
        return DENSE
    if not _BORG.fullmatch(compression):
        raise BadInput(f"not a compression: {compression[:60]!r}", hint='compression = "zstd,3"')
    return compression
