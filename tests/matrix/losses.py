"""Recoveries in which something is lost: a PUT, an answer, the server itself; zvol's clock runs faster in them."""

from __future__ import annotations

import re
import threading
import time

from tests.matrix.site import Site
from tests.support.fault_proxy import Rule
from tests.support.process import PG_DATA, wait_for
from tests.support.profiles import API, RATE, SETTLE
from zvol.journal.request import DEFAULT_API_TIMEOUT
from zvol.recovery.quiet_period import MARGIN

LONG, SHORT = "20m", "100s"
"""--timeout on zvol's clock; both are shorter than the half hour for which a PUT may act where nothing bounds it."""

LONG_RATE = 40
"""How much faster the clock runs that waits for that half hour, with the --timeout that users have."""

BUSY, QUICK = ("--job-time", "30"), ("--job-time", "0.1")


def lost_put(site: Site) -> None:
    """It never arrives: sent again after one quiet period, by `resume` where that is longer than --timeout."""
    site.break_(Rule("put", "drop"))
    _sent_again_or_unknown(site, accepted=1, apart=SETTLE + API + MARGIN)


def crash(site: Site) -> None:
    """The server dies after its 202 and before it executes; its job stays open for ever."""
    other = threading.Thread(target=_crash, args=(site, "accepted"))
    other.start()
    try:
        _sent_again_or_unknown(site, accepted=2, apart=API + MARGIN)
    finally:
        other.join()


def _sent_again_or_unknown(site: Site, *, accepted: int, apart: float) -> None:
    """`apart` is how many seconds of zvol's clock there are at least between two PUTs."""
    if site.expected.resends:
        site.recovered(
            site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG), PG_DATA, puts=2, accepted=accepted
        )
        first, second = site.between.puts()
        assert (second.time - first.time) * RATE >= apart
        return
    ran = site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", SHORT)
    assert (ran.code, site.outcomes(ran)) == (3, {PG_DATA: "unknown"}), ran
    assert (site.puts(PG_DATA), site.ledger(PG_DATA), site.cloud.status(PG_DATA)) == (1, (accepted - 1, 0), "Deleted")
    run = re.search(r"zvol resume (\S+)", ran.err)
    assert run is not None, ran
    site.break_()
    ran = site.fast("resume", run[1], "--same-account", "-o", "ndjson", rate=LONG_RATE)
    assert (ran.code, site.outcomes(ran)) == (0, {PG_DATA: "recovered"}), ran
    assert (site.puts(PG_DATA), site.ledger(PG_DATA)) == (2, (accepted, 1)), ran
    first, second = site.between.puts()
    assert (second.time - first.time) * LONG_RATE >= SETTLE + DEFAULT_API_TIMEOUT + MARGIN


def crash_done(site: Site) -> None:
    """The server dies after it has executed and before its job says so: the volume is what counts."""
    other = threading.Thread(target=_crash, args=(site, "ended"))
    other.start()
    ran = site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG)
    other.join()
    site.recovered(ran, PG_DATA)


def _crash(site: Site, event: str) -> None:
    wait_for(lambda: site.cloud.count(event, PG_DATA) == 1)
    site.restart(*QUICK)


def lost_answer(site: Site) -> None:
    """It is executed and its answer is lost: reading tells, nothing is sent again."""
    site.break_(Rule("put", "lose"))
    site.recovered(site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG), PG_DATA)


def lost_insert(site: Site) -> None:
    """The server could not save the job and runs it all the same: its job is unknown, the volume is what counts."""
    site.recovered(site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG), PG_DATA)


def two_nodes(site: Site) -> None:
    """One of two nodes does not learn of the end of the job: its answers differ in turns."""
    site.recovered(site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG), PG_DATA)


def doubled(site: Site) -> None:
    """A proxy sends it twice, one after the other, and returns the second answer: whatever it is, the word is true."""
    site.break_(Rule("put", "again"))
    ran = site.fast("recover", PG_DATA, "-o", "ndjson", "--timeout", LONG)
    assert (ran.code, site.outcomes(ran)) == (0, {PG_DATA: "recovered"}), ran
    assert site.puts(PG_DATA) == 1, ran
    assert site.ledger(PG_DATA)[0] == 1 + site.expected.copies, ran


# ---- with the waits that users have ----------------------------------------------------------------------------------
FULL = 240


def lost_put_at_full_length(site: Site) -> str:
    """Lose a PUT of a zvol with default settings; returns how long it took."""
    site.break_(Rule("put", "drop"))
    began = time.monotonic()
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", "--timeout", f"{FULL}s", limit=2 * FULL)
    ended = time.monotonic() - began
    first, *later = site.between.puts()
    second = f"{later[0].time - first.time:.0f} s" if later else "never"
    word = site.outcomes(ran)[PG_DATA]
    assert (word, len(later)) == (("recovered", 1) if site.expected.resends else ("unknown", 0)), ran
    return f"second PUT after {second}; {word} (exit {ran.code}) after {ended:.0f} s"
