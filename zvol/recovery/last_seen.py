"""What was last seen of a volume, as text: the answer to its request, its job, and the volume itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zvol.model import stamp
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.model import Volume
    from zvol.recovery.task import VolumeTask


def with_last(text: str, task: VolumeTask) -> str:
    """Return a sentence with what was seen last, and when; what the sentence contains already is not repeated."""
    places = (("the request", task.put_seen), ("its job", task.job_seen), ("the volume", task.read_seen))
    seen = [(what, one) for what, one in places if one is not None]
    repeated = [one.at for _, one in seen if one.text == text]
    more = [f"of {what}: {one.text} ({clock_time(one.at)})" for what, one in seen if one.text != text]
    text += f" ({clock_time(max(repeated))})" if repeated else ""
    return f"{text}; last seen {', '.join(more)}" if more else text


def clock_time(instant: float) -> str:
    """Return the time of day of an instant (seconds since 1970), UTC, such as `14:03:22Z`."""
    return (stamp(instant) or "").partition("T")[2]


def answer(seen: object) -> str:
    """Return an answer to a change, or about its job, as text."""
    match seen:
        case answers.Accepted():
            return "accepted"
        case answers.Duplicate():
            return "it has arrived before"
        case answers.Running():
            return "not done yet"
        case answers.Done():
            return "done"
        case answers.NoRecord():
            return "the server has no record of it"
        case answers.Failed(fault=fault):
            return fault.innermost.summary
        case answers.Refusal(status=status, text=text):
            return f"HTTP {status}: {text}"
        case answers.Redirected(target=target):
            return f"a redirect to {target or 'another address'}"
        case answers.Unrecognized(reason=reason):
            return reason
        case _:
            return "an answer that is not clear"


def volume(seen: Volume | None) -> str:
    """Return the state of a volume when it was read, as text."""
    if seen is None:
        return "not there"
    return "deleted" if seen.deleted else f"status {seen.status}"
