"""What `zvol doctor` checks of the journal: whether it can be written, and whether runs in it are pending."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zvol.errors import LocalState, ZvolError
from zvol.model import Check

if TYPE_CHECKING:
    from zvol.journal.journal_file import JournalFile

PLACE = "Set XDG_STATE_HOME to a folder of your own."


def unwritable(journal: Path) -> tuple[str, str] | None:
    """Return why a recovery could not write its journal, and what to do; None when it could.

    A folder that is created for this check is removed at once.
    """
    from zvol.files import refuse_others

    there = next(path for path in (journal.parent, *journal.parents) if os.path.lexists(path))
    hint = "No recovery can begin without its journal: set XDG_STATE_HOME to a folder of your own."
    spare = there / f".zvol.{os.urandom(6).hex()}"
    try:
        refuse_others(there)
        spare.mkdir(mode=0o700)
        spare.rmdir()
    except LocalState as exc:
        return f"the journal cannot be written in {journal.parent}: {exc.message}", exc.hint
    except OSError as exc:
        return f"the journal cannot be written in {journal.parent}: {exc.strerror}", hint
    if journal.exists() and not os.access(journal, os.W_OK):
        return f"the journal {journal} cannot be written", hint
    return None


def open_runs(file: JournalFile, bases: Sequence[str]) -> Check:
    """Check whether dead runs have left anything pending on the server, which the journal calls one of `bases`."""
    if not file.exists:
        return Check("runs", True, "none yet")
    try:
        runs = [run for run in file.view.runs() if run.identity.base in bases]
    except ZvolError as exc:
        return Check("runs", False, exc.message, exc.hint or PLACE)
    left = [run for run in runs if run.unfinished and not run.alive]
    return Check("runs", not left, f"{len(runs)} recorded, {len(left) or 'none'} pending", "Run `zvol resume`.")
