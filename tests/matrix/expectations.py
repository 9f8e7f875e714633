"""What a user of each version of the server is to expect: one table; what is not in it is the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

NAMES: Final = ("3.0", "3.10.40", "4.4.65", "4.8.22", "5.2.1", "zsphere-4.10.0")


@dataclass(frozen=True, slots=True)
class Expected:
    """One column of the table.

    `product` and `known` are what `doctor` says of the version: what it is, and how that is known.
    `resends`: a PUT that never arrived, and one that died with the server, is sent again after one quiet period;
    elsewhere nothing bounds how long the server may take, and the outcome is unknown at --timeout.
    `copies`: a copy of a PUT that arrives after it is accepted, too.
    `last_vm` is what the server remembers of the last VM: `never`, `maybe` an older one, or `yes`.
    `zone`: every account may read the time zone, not only the admin.
    `days` is how long a deleted volume is kept by default.
    `users`: there are users below accounts.
    `refusal` is the error code for a volume of another account.
    `roles`: what an account may do depends on its roles.
    """

    name: str
    product: str
    known: str
    resends: bool
    copies: bool
    last_vm: str
    zone: bool
    days: int
    users: bool
    refusal: str
    roles: bool


_TABLE: Final[dict[str, tuple[Any, ...]]] = {
    "name": NAMES,
    "product": ("ZStack 3.0", "ZStack 3.10.40", "ZStack 4.4.65", "ZStack 4.8.22", "ZStack 5.2.1", "ZSphere 4.10"),
    "known": ("source code", "tested with", "tested with", "source code", "tested with", "tested with"),
    "resends": (False, True, True, True, True, True),
    "copies": (False, True, True, False, False, False),
    "last_vm": ("never", "never", "maybe", "yes", "yes", "yes"),
    "zone": (False, False, True, True, True, True),
    "days": (1, 1, 3, 3, 3, 3),
    "users": (True, True, True, True, True, False),
    "refusal": ("SYS.1006", "SYS.1006", "SYS.1006", "SYS.1006", "SYS.1006", "SYS.1018"),
    "roles": (False, False, False, False, False, True),
}

VERSIONS: Final[dict[str, Expected]] = {
    name: Expected(**{row: values[place] for row, values in _TABLE.items()}) for place, name in enumerate(NAMES)
}

FORGETS: Final = "this server does not remember the VM a volume was last on (ZStack before 4.4)"
DOUBTFUL: Final = "may have been on another VM since"
