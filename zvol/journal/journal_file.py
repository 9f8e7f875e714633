"""The journal during one command: opened when first needed, pruned and closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zvol.clock import Clock

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import Identity


class JournalFile:
    """The journal of one command, opened when first needed.

    `place` returns the path, and may raise UsageProblem.  `stack` ends the command: old runs are pruned after
    everything was printed, unless `interrupted`: the user wants the command to end.
    """

    def __init__(
        self, place: Callable[[], Path], clock: Clock, stack: ExitStack, interrupted: Callable[[], bool]
    ) -> None:
        self._place, self._clock, self._stack, self._interrupted = place, clock, stack, interrupted

    @cached_property
    def path(self) -> Path:
        return self._place()

    @property
    def exists(self) -> bool:
        """Tell whether there is a journal, or something in its place or on the way to it that opening it reports."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            pass
        return True

    def open(self) -> Journal:
        """Open the journal for a new run, or to change what is in it; raises LocalState."""
        journal = self._open(read_only_ok=False)
        self.prune_at_end(journal)
        return journal

    @cached_property
    def view(self) -> Journal:
        """Open a journal that exists; one that cannot be written is good enough to read it.  Raises LocalState."""
        return self._open(read_only_ok=True)

    def prune_at_end(self, journal: Journal) -> None:
        """Delete old runs at the end of the command."""
        self._stack.callback(self._prune, journal)

    def sent_elsewhere(self, identity: Identity, uuid: str) -> bool:
        """Tell whether runs of another server or account have sent something for a volume that may still act."""
        return self.exists and self.view.has_foreign_intent(identity, uuid)

    def _open(self, *, read_only_ok: bool) -> Journal:
        from zvol.files import private_dir, refuse_owner
        from zvol.journal.journal import Journal

        private_dir(self.path.parent)
        refuse_owner(self.path)
        journal = Journal(self.path, read_only_ok=read_only_ok)
        self._stack.callback(journal.close)
        return journal

    def _prune(self, journal: Journal) -> None:
        if not self._interrupted():
            journal.prune(self._clock.wall())


def close_runs_on(path: Path, bases: Sequence[str], wall: float) -> None:
    """Close what all runs of a journal have open on servers that no longer exist; raises LocalState."""
    from zvol.journal.journal import Journal

    if path.exists():
        with closing(Journal(path)) as journal:
            journal.close_runs_on(bases, wall)
