"""Better words for what differs in single messages, where the names in the source say little to a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Words = Mapping[str, str]
"""What is written for each word of a hole."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a message, found as rows are, and those of its hints where they differ."""

    error: str
    words: Words
    hints: Words | None = None

    @property
    def of_hints(self) -> Words:
        return self.words if self.hints is None else self.hints


NO_WORDS: Final[Words] = {}
PLAINLY: Final = Reading("", NO_WORDS)
"""The reading of all other messages."""


TIME: Final = {"year": "2026", "month": "11", "day": "23", "hour": "10", "minute": "00", "second": "00", "zone": "Z"}
PROXY: Final = {"name": "PROXY"}
HOST: Final = {"place": "HOST"}
READINGS: Final = (
    # ---- the command line
    Reading("'{text}' is more than 3650 days", TIME),
    Reading("'{text}' is neither a duration nor a date", TIME),
    Reading("{text} has no unit", {"text": "5", "number": "5s, 5m, 5h, 5d"}, TIME),
    Reading("a {what} is empty, holds a control", {"what": "VOLUME"}),
    Reading("more than 100,000 {what}s", {"what": "VOLUME"}),
    Reading("list takes no names", {"names": "NAME"}),
    Reading("these settings are of {what}", {"what": "account", "own": "NAME", "value": "OTHER-NAME"}),
    Reading("there is no {name} {value}", {"name": "status"}),
    Reading("{place} ('", {"what": "REASON"}),
    Reading("standard input is {what}, not a list", {"what": "FORMAT"}),
    Reading("…has a control character in it; nothing was sent", {"name": "OPTION"}),
    Reading("no column {", {"key": "COLUMN"}),
    Reading("completion needs bash", {"text": "VERSION"}),
    # ---- configuration
    Reading("must be one of {", {"…": "VALUES"}),
    Reading("cannot write the journal", {}, {"remedy": "Make room, or make the folder writable"}),
    # ---- network
    Reading("{name} cannot be reached", PROXY),
    Reading("{name} cannot reach", PROXY),
    Reading("cannot resolve {name}", PROXY),
    Reading("{name} does not allow connections to {host} (", PROXY),
    Reading("{name} does not allow connections to {host}: it closed", PROXY),
    Reading("{name} does not answer", PROXY),
    Reading("{name} does not answer the request to connect", PROXY),
    Reading("{name} does not know CONNECT", PROXY),
    Reading("{name} does not speak TLS", PROXY),
    Reading("{name} refuses the connection", PROXY),
    Reading("{name} {does not accept the user", PROXY),
    Reading("the certificate of {name} is not trusted", PROXY),
    Reading("{place} does not finish the TLS handshake", HOST),
    Reading("{place} does not speak TLS", HOST),
    Reading("{place} has no certificate for the name", HOST),
    Reading("{place} speaks only outdated TLS", HOST),
    Reading("{place} wants a client certificate", HOST),
    Reading("the certificate of {place} is not trusted: its certificate has a key", HOST),
    Reading("the certificate of {place} is not trusted: {rstrip}", HOST, HOST | {"…": "DATE"}),
    Reading("the connection to {place} broke", HOST),
    Reading("the connection broke before the answer was complete ({name})", {"name": "REASON"}),
    Reading("no request can be made to {host}", {"name": "REASON"}),
    # ---- what the server says
    Reading("the server, or a gateway before it, asks for fewer", {"name": "NUMBER"}),
    # ---- volumes and VMs
    Reading("{number} {data volume | VM}s are called", {}, {"names": "UUIDs"}),
    Reading("{text} is the name of a VM and of a volume", {"text": "NAME"}),
    Reading("it is a {text} volume", {"text": "TYPE"}, {"text": "UUID"}),
    Reading("the volume was on VM {text}", {"text": "UUID"}, {"text": "VM"}),
    Reading("{option} cannot be decided for {names}", {"names": "UUIDs", "explain": "REASON"}),
    Reading("…is attached to {vm}; detach it there first", {"UUID": "NAME", "vm": "VM"}),
    Reading("it is the {type} volume of VM {{name} | {UUID}}:", {"UUID": "NAME"}),
    Reading("it is the {type} volume of VM {{name} | {UUID}}, which", {"UUID": "NAME"}, {}),
    Reading("there is no {what} {name}", {"what": "VM"}),
)
