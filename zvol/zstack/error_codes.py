"""The error codes that prove that nothing was executed, for reads, PUTs and jobs; `answer_errors.py` has hints."""

from __future__ import annotations

import re
from typing import Final

_CERTAIN: Final = re.compile(r"ID\.[0-9]{1,6}|SYS\.(?:1003|1006|1007|1018|1019)")
"""`ID.*` is about sessions, accounts, permissions and quotas; SYS.1003 not found, 1006 not allowed, 1007 not valid; on
ZSphere 1018 not accessible and 1019 denied, both before anything is queued."""


def is_certain(code: str) -> bool:
    """Tell whether a code means that nothing was executed and that a retry is useless.

    All other codes may be transient: SYS.1000, 1001, 1009, 1011 and 1012 are internal errors, timeouts and lost
    messages; 1017 (since 4.1.3) is a cancellation, which does not say whether the work had begun; and what an unknown
    code means is not known.
    """
    return _CERTAIN.fullmatch(code) is not None
