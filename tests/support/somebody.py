"""zvol as a user who is not root, for tests that run as root.

It is for tests.support.warm: this user could not even start a Python that is below /root.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

SOMEBODY: Final = (sys.executable, "-m", __name__)
USER: Final = 65534
LATER: Final = (
    *("binascii", "difflib", "email.utils", "encodings.idna", "encodings.utf_8_sig", "grp", "pwd", "queue", "resource"),
    *("select", "sqlite3", "textwrap", "traceback", "zoneinfo"),
)
"""What zvol imports when it is needed; this user may not be able to read it."""

_DUMPABLE = 4
"""PR_SET_DUMPABLE: without it, /proc/self belongs to root until the next program is started."""


def main(arguments: Sequence[str]) -> None:
    """Run zvol with the other arguments; the first is the group."""
    group, *more = arguments
    for name in LATER:
        importlib.import_module(name)
    os.setgroups([])
    os.setresgid(int(group), int(group), int(group))
    os.setresuid(USER, USER, USER)
    ctypes.CDLL(None).prctl(_DUMPABLE, 1, 0, 0, 0)
    importlib.import_module("zvol.cli").main(more)
