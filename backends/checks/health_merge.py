"""Facts and results of which only a part is new: the rest stays as it was last seen. Pure."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Literal

import msgspec

from backends.checks.health_catalogue import NOT_ASKED, HealthResult
from backends.hostkit.health_model import HealthFacts

Asked = Literal["all", "quick", "light"]
"""How much a host was asked: everything, what takes no seconds, or only what changes from one minute to the next."""
_MAPS: dict[str, str] = {"smart": "smart ", "optics": "optics ", "runtimes": "runtime ", "names": "name "}
"""Facts of which there is one a device, and how their names begin in `missing`."""
_NOT_ASKED: dict[Asked, tuple[str, ...]] = {"all": (), "quick": ("smart", "optics"), "light": tuple(_MAPS)}


def carried(new: HealthFacts, old: HealthFacts | None, asked: Asked) -> HealthFacts:
    """`new` with what was not asked now as `old` has it; nothing is taken over a reboot.

    Args:
        new: what the host answered now.
        old: what it answered to the last full question; None when there is none, or it is too old to count.
        asked: what `new` is the answer to.
    """
    if old is None or new.boot is None or old.boot is None or new.boot.boot_id != old.boot.boot_id:
        return new
    skipped = [name for name, reason in new.missing.items() if reason == NOT_ASKED]
    missing = {name: reason for name, reason in new.missing.items() if reason != NOT_ASKED}
    missing |= {name: old.missing[name] for name in skipped if name in old.missing}
    values = {name: getattr(old, name) for name in skipped if name not in old.missing}
    for field in _NOT_ASKED[asked]:
        values[field] = getattr(old, field)
        missing |= {name: reason for name, reason in old.missing.items() if name.startswith(_MAPS[field])}
    if asked == "light" and new.clock is None and "clock" not in new.missing:
        values["clock"] = old.clock  # only chrony was asked, and it is not there
    return msgspec.structs.replace(new, missing=missing, **values)


def renewed(old: HealthResult, new: HealthResult, checks: Collection[str]) -> HealthResult:
    """`old` with what `new` says of these checks. It keeps its time: that of the last full look."""
    kept = tuple(finding for finding in old.findings if finding.check not in checks)
    skipped = {check: reason for check, reason in old.skipped.items() if check not in checks}
    return msgspec.structs.replace(old, findings=kept + new.findings, skipped=skipped | new.skipped)


def digest(result: HealthResult) -> bytes:
    """The same for two results that differ in numbers and words only: of boot, checks, things and how bad they are."""
    stands = sorted((one.check, one.object, str(one.severity)) for one in result.findings)
    return blake2b(msgspec.msgpack.encode((result.boot, stands)), digest_size=16).digest()
