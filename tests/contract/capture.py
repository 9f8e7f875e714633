"""Exchanges captured from running servers, and what is compared of an answer: everything but its values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOBS = "/v1/api-jobs/"


@dataclass(frozen=True)
class Answer:
    """An answer; `headers` are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON, None when it is text or empty."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def kind(self) -> str:
        if not self.body:
            return "empty"
        return "text" if self.json is None else "json"

    @property
    def error(self) -> dict[str, Any]:
        found = self.json
        error = found.get("error", {}) if isinstance(found, dict) else {}
        assert isinstance(error, dict)
        return error

    @property
    def codes(self) -> tuple[str | None, str | None]:
        """Return the code of the error and that of its cause."""
        return self.error.get("code"), self.error.get("cause", {}).get("code")

    @property
    def job(self) -> str | None:
        """Return the job that the answer names, None when it names none."""
        found = self.json
        location = found.get("location") if isinstance(found, dict) else None
        return str(location).rpartition("/")[2] if location else None


@dataclass(frozen=True)
class Exchange:
    """A request and the answer it got."""

    name: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    answer: Answer

    @property
    def polled(self) -> str | None:
        """Return the job that is polled, None when this is no poll."""
        return self.target.removeprefix(JOBS) if self.target.startswith(JOBS) else None


def names(wire: str) -> list[str]:
    """Return the names of the fixtures in a directory, in the order they were captured."""
    return (Path(__file__).with_name(wire) / "LIST").read_text("utf-8").split()


def exchange(wire: str, name: str) -> Exchange:
    """Return one fixture."""
    data = (Path(__file__).with_name(wire) / f"{name}.http").read_bytes()
    sent, mark, received = data.partition(b"\n\nHTTP/1.1 ")
    assert mark, name
    head, _, body = sent.partition(b"\n\n")
    line, *fields = head.decode().split("\n")
    method, _, target = line.partition(" ")
    first, _, answer = received.partition(b"\n\n")
    status, *answer_fields = first.decode().split("\n")
    length = int(_headers(answer_fields).get("content-length", "0"))
    return Exchange(
        name,
        method,
        target,
        _headers(fields),
        body.strip(b"\n"),
        Answer(int(status.split()[0]), _headers(answer_fields), answer[:length]),
    )


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.removeprefix(" ") for name, _, value in pairs}


def shape(value: Any) -> Any:
    """Return keys and types at every level; numbers in keys and the length of lists do not count."""
    if isinstance(value, dict):
        return {re.sub(r"\[\d+\]", "[]", key): shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item), sort_keys=True) for item in value})
    return type(value).__name__


_CHANCE = re.compile(r"location|installPath|\w+Date|heartBeat|cost|Seconds|MillionSeconds|availableCapacity|id")
"""Fields whose values differ from one time, machine or database to the next."""

_NAMED = {"tag", "expiredDate", "heartBeat", "identityUuid"}
"""Fields of what gets a UUID by chance: tags, sessions, management nodes and quotas."""


def values(value: Any) -> Any:
    """Return a body without the values that are by chance, and the sandbox's own words on configurations; lists are
    sorted."""
    if isinstance(value, list):
        return sorted((values(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if not isinstance(value, dict):
        return value
    left_out = {"uuid"} if _NAMED & value.keys() else {"description"} if "category" in value else set()
    return {key: values(item) for key, item in value.items() if not _CHANCE.fullmatch(key) and key not in left_out}
