"""Reads a journal without changing it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from zvol.journal import deletions, history, queries
from zvol.journal.records import Identity, RunTarget, UnfinishedVolume

if TYPE_CHECKING:
    import sqlite3


class JournalReads(ABC):
    """The journal as a reader sees it; each method raises LocalState."""

    _db: sqlite3.Connection

    @abstractmethod
    def _local(self) -> AbstractContextManager[None]:
        """Turn every failure of the file into LocalState."""

    def unfinished_volumes(self, run: str) -> list[UnfinishedVolume]:
        """Return the unfinished volumes of a run, in the order of the arguments."""
        with self._local():
            return queries.unfinished_volumes(self._db, run)

    def targets(self, run: str) -> list[RunTarget]:
        """Return all volumes and VMs of a run, in the order of the arguments."""
        with self._local():
            return history.targets(self._db, run)

    @property
    def set_aside_at(self) -> float | None:
        """Return when (seconds since 1970) a damaged journal was set aside for this one; None when none was."""
        with self._local():
            return queries.set_aside_at(self._db)

    def undone_deletion(self, base: str, uuid: str, last_op: str | None) -> str | None:
        """Return the lastOpDate of the deletion that a run undid, if the volume's lastOpDate has not changed since."""
        with self._local():
            return deletions.undone_deletion(self._db, base, uuid, last_op)

    def destruction(self, base: str, uuid: str) -> str | None:
        """Return the lastOpDate of the last destruction of a VM that a run sent its recovery for."""
        with self._local():
            return deletions.destruction(self._db, base, uuid)

    def has_foreign_intent(self, identity: Identity, uuid: str) -> bool:
        """Tell whether a run of another server or account has sent a request for a volume that may still act."""
        with self._local():
            return queries.sent_by_others(self._db, identity, uuid)
