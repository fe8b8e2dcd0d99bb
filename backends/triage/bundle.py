"""A bundle as bytes: compact for keeping, a tar for sending away. Both hold only what was masked when it was made."""

from __future__ import annotations

import io
import re
import tarfile
import zlib

import msgspec

from backends import decoding
from backends.clock import utc
from backends.errors import BadInput
from backends.hostkit.triage_answer import Section
from backends.triage.markdown import markdown
from backends.triage.masking import masked
from backends.triage.model import TITLES, Bundle

LARGEST = 16 << 20
"""Bytes that a kept bundle may grow to when it is read; an honest one has at most nine steps of some 64 kB sections."""
_LEVEL = 6
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def encode(bundle: Bundle) -> bytes:
    """Compact bytes."""
    return zlib.compress(msgspec.msgpack.encode(bundle), _LEVEL)


def decode(data: bytes) -> Bundle:
    """The bundle in the bytes of `encode`.

    Raises:
        BadInput: they are none.
    """
    try:
        reader = zlib.decompressobj()
        plain = reader.decompress(data, LARGEST)
        if not reader.eof:
            raise BadInput("the bundle is too large or cut off", action="read a triage bundle")
        return decoding.msgpack(plain, type=Bundle)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"not a triage bundle: {error}", action="read a triage bundle") from error


def file_name(bundle: Bundle) -> str:
    """What its tar is called: "triage-gpu01-20260511T091402Z.tar.gz"."""
    return f"{_stem(bundle)}.tar.gz"


def tar(bundle: Bundle) -> bytes:
    """The tar.gz: README.md with the verdict, bundle.json, and one text file a section.

    Everything is masked once more, so that a bundle that was kept by an older version is sent away as clean as a new one.
    """
    stem, modified = _stem(bundle), int(max(0.0, min(bundle.time, 4e9)))
    files = {f"{stem}/README.md": masked(markdown(bundle))}
    files |= {f"{stem}/{_section_name(each)}": _section_text(each) for each in bundle.sections}
    files[f"{stem}/bundle.json"] = _json(bundle)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name, text in files.items():
            data = text.encode("utf-8", "replace")
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), modified, 0o600
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _json(bundle: Bundle) -> str:
    """Verdict and steps; the sections are files of their own."""
    bare = msgspec.structs.replace(bundle, sections=())
    plain = msgspec.to_builtins(bare)
    return msgspec.json.format(msgspec.json.encode(_masked(plain)), indent=2).decode()


def _masked(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list | tuple) else value


def _stem(bundle: Bundle) -> str:
    host = _UNSAFE.sub("_", bundle.host).strip(".")[:80] or "host"
    return f"triage-{host}-{utc(bundle.time):%Y%m%dT%H%M%SZ}"


def _section_name(section: Section) -> str:
    title = TITLES[section.step - 1].replace(" ", "-")
    return f"{section.step}-{title}/{_UNSAFE.sub('_', section.name).strip('.') or 'section'}.txt"


def _section_text(section: Section) -> str:
    head = [f"# {section.kind}, status {section.status}, {section.seconds:g} s"]
    head += [f"# {word}: {text}" for word, text in (("command", section.command), ("note", section.note)) if text]
    head += [f"# stderr: {section.error}"] if section.error else []
    head += ["# there was more"] if section.cut else []
    return masked("\n".join([*head, section.text])) + "\n"
