"""What one version of Borg understands. Every argv builder asks a Dialect, so that Borg 2 can be added as another one."""

from __future__ import annotations

from backends.metrics.sample import Record


class Dialect(Record, frozen=True, kw_only=True):
    """One Borg."""

    major: int = 1
    minor: int = 2
    patch: int = 4
    fuse: bool | None = None
    """Whether it can mount; None: not asked."""

    @property
    def text(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def at_least(self, *version: int) -> bool:
        """Whether it is that version or newer."""
        return (self.major, self.minor, self.patch) >= version
