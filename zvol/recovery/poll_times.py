"""The waits between two polls."""

from __future__ import annotations

from typing import Final

FIRST_POLL: Final = 0.1
"""Seconds from the answer of a PUT to the first read; a recovery takes 120-160 ms on a running 5.2.1."""

FIRST_QUICK_POLL: Final = 0.01
"""Seconds from the answer of a PUT to the first poll of its job in a small run."""

QUIET_SERVER: Final = 0.042
"""Seconds from the answer of a PUT to the second of these polls: a quiet 5.2.1 takes 39 ms for a recovery."""

QUICK_POLL: Final = 0.02
"""Seconds between two of these polls, at least."""

QUICK_SHARE: Final = 1 / 16
"""The wait for the next poll of a job in a small run, as a part of the time since its PUT: about 50 polls in 3 s."""

LONGEST_POLL: Final = 2.0
"""Seconds between two reads of a volume, at most; more where very many volumes are polled."""

BACKOFF: Final = 1.6

SHARE: Final = 0.2
"""The wait for the next read of a volume of a large run, as a part of the time since its PUT, at least."""

ROUND: Final = 0.2
"""Seconds between two reads of a large run that are not full."""

FIRST_JOB_POLL: Final = 5.0
"""Seconds between the first two polls of the job of a volume that does not come back; doubled each time."""

LONGEST_JOB_POLL: Final = 60.0

JOB_PAUSE: Final = 1.0
"""Seconds for which no job of a large run is polled after one was still running: the others probably are, too."""

FIRST_ALONE: Final = 0.5
LONGEST_ALONE: Final = 20.0
"""Seconds between two reads of a volume that cannot be read while others can, at first and later."""

GRACE_PERIOD: Final = 10.0
"""Seconds for which is read again after the server reported that a change is done."""

GRACE_WAITS: Final = (0.01, 0.05, 0.18)
"""Seconds before each of the polls of the job of a volume that is back, to find out whether our own request did it."""

GRACE_POLLS: Final = len(GRACE_WAITS)
