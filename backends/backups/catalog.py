"""What is known about every repository, in one sqlite file: archives, their files, proofs, checks, sizes and notes.

Everything about archives can be read again from the repositories; the file may be lost without losing a backup.
"""

from __future__ import annotations

from pathlib import Path

from backends.backups.catalog_archives import CatalogArchives
from backends.backups.catalog_browse import CatalogBrowse, Orders
from backends.backups.catalog_facts import CatalogFacts
from backends.backups.catalog_intake import CatalogIntake, Turns
from backends.backups.catalog_sample import CatalogSample
from backends.backups.catalog_search import CatalogSearch
from backends.backups.catalog_store import Store
from backends.clock import Clock


class Catalog(CatalogArchives, CatalogFacts, CatalogIntake, CatalogBrowse, CatalogSample, CatalogSearch):
    """May be used from any thread. Writers take turns; readers wait for nobody."""

    def __init__(self, file: Path, clock: Clock):
        """Open or make the file.

        Raises:
            Stop: it cannot be opened or written, or a newer version wrote it.
        """
        self._store = Store(file, clock)
        self._turns, self._orders = Turns(), Orders()

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._store.version

    @property
    def aside(self) -> Path | None:
        """Where a damaged predecessor of the file was moved since this began; None when there was none."""
        return self._store.aside

    def close(self) -> None:
        """Close the file; nothing works afterwards."""
        self._store.close()
