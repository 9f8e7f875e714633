"""When a PUT can no longer act: the quiet period, computed from times that are passed in.

It rests on two assumptions of docs/internals/protocol.md.  A1: no request stays in a proxy longer than
`settle_wait`.  A2: a message that the server accepted has left its queue after `apiTimeout`, while the server answers
reads.  So an answered PUT needs one part (apiTimeout and a margin), an unanswered one both, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 15.0
"""Seconds added to the server's timeout."""

SILENCE = 10.0
"""Seconds without any answer after which the quiet period starts again: a server that stands still keeps its queue."""

SILENT = 60.0
"""Seconds without any answer after which zvol does not wait for a quiet period beyond the deadline."""

LONG = 10.0
"""Seconds of a wait after which zvol sends a request to find out whether the wait may be shorter."""


@dataclass(slots=True)
class AssumedTimeout:
    """The seconds that the server may take for a PUT, as far as known now; all quiet periods of a run share it.

    It may turn out to be as short as `requested`.  `doubted`: a quiet period has lasted so long that this matters.
    """

    seconds: float
    requested: float
    doubted: bool = False

    def shorten(self) -> None:
        """Record that the server honours the requested timeout."""
        self.seconds, self.doubted = self.requested, False

    def replace(self, seconds: float) -> None:
        """Record that the server reported another timeout."""
        self.seconds = seconds

    def doubt(self) -> None:
        """Record that a quiet period lasts so long that it matters whether the server honours the timeout."""
        self.doubted = True


@dataclass(slots=True)
class QuietPeriod:
    """The quiet period after one PUT; all values are seconds of the monotonic clock.

    `answered_at` is the last time the server answered anything; the PUT's own end counts as that.  `spent` seconds of
    it were over before it began.  With `assumed` the last part follows what is known of the server's timeout.
    """

    parts: tuple[float, ...]
    answered_at: float
    part: int = 0
    began: float | None = None
    spent: float = 0.0
    assumed: AssumedTimeout | None = None

    @property
    def over(self) -> bool:
        return self.part >= len(self.parts)

    def end_since(self, start: float) -> float:
        """Return when it was over, or will be over if it began then and the server always answers."""
        if self.over and self.began is not None:
            return self.began
        self._update()
        return start + sum(self.parts)

    def answering(self, now: float) -> bool:
        """Tell whether the server answers, so that it comes to an end."""
        return self.began is not None and now - self.answered_at < SILENT

    def note(self, asked: float, answered: float) -> None:
        """Count a read that was sent at `asked` and answered at `answered`."""
        if self.over:
            return
        if answered - self.answered_at > SILENCE:
            self.part, self.began, self.spent = 0, None, 0.0
        self.answered_at = answered
        self._update()
        if self.began is None:
            self.began = answered
        elif asked - self.began >= self._length():
            self.part += 1
            self.began = answered
        elif (
            self.assumed is not None
            and self.assumed.requested < self.assumed.seconds
            and asked - self.began >= min(LONG, self._length(self.assumed.requested))
        ):
            self.assumed.doubt()

    def remaining(self, now: float) -> float:
        """Return how long it takes at least, if the server keeps answering."""
        if self.over:
            return 0.0
        self._update()
        begun = now if self.began is None else self.began
        left = max(0.0, self.spent - sum(self.parts[: self.part + 1]))
        later = max(0.0, sum(self.parts[self.part + 1 :]) - left)
        return max(0.0, begun + self._length() - now) + later

    def _update(self) -> None:
        if self.assumed is not None:
            self.parts = (*self.parts[:-1], self.assumed.seconds + MARGIN)

    def _length(self, api_timeout: float | None = None) -> float:
        """Return how long the present part takes, or would take with this timeout of the server."""
        parts = self.parts if api_timeout is None else (*self.parts[:-1], api_timeout + MARGIN)
        return max(0.0, parts[self.part] - max(0.0, self.spent - sum(parts[: self.part])))


def after_accepted(now: float, api_timeout: float, assumed: AssumedTimeout | None = None) -> QuietPeriod:
    """Return the quiet period of a PUT that was answered 202; `assumed` where the answer named no timeout."""
    return QuietPeriod((api_timeout + MARGIN,), answered_at=now, assumed=assumed)


def after_silence(
    now: float, settle_wait: float, api_timeout: float, spent: float = 0.0, assumed: AssumedTimeout | None = None
) -> QuietPeriod:
    """Return the quiet period of a PUT without an answer: the sum of both parts, the model breaks with the larger one.

    `spent` seconds of it are over.
    """
    return QuietPeriod((settle_wait, api_timeout + MARGIN), answered_at=now, spent=spent, assumed=assumed)
