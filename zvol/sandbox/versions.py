"""What each release of ZStack does differently: the sandbox's own table, from the public source and running servers.

A line holds from its release on.  It shares nothing with the client's table, so that both cannot share a mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

ON_ZSPHERE: Final = "zsphere-"
NAMES: Final = (
    *("3.0", "3.10.40", "4.4.65", "4.8.22", "5.2.1"),
    *(f"{ON_ZSPHERE}{version}" for version in ("4.0", "4.1", "4.2", "4.3", "4.10.0")),
)

Numbers = tuple[int, ...]


_OLDEST: Final = frozenset(
    {
        "volume.volumeQos",
        "volume.lastDetachDate",
        "volume.lastVmInstanceUuid",
        "volume.lastAttachDate",
        "volume.protocol",
        "vm.vmCdRoms",
        "vm.architecture",
        "vm.guestOsType",
        "nic.state",
        "config.id",
        "session.noSessionEvaluation",
        "account.state",  # this one and the next: only on ZSphere
        "vm.reservedMemorySize",
    }
)
_SINCE_3_2: Final = _OLDEST - {"volume.volumeQos", "session.noSessionEvaluation"}
_SINCE_3_3: Final = _SINCE_3_2 - {"vm.vmCdRoms"}
_SINCE_4_1_2: Final = _SINCE_3_3 - {"vm.architecture", "vm.guestOsType"}
_SINCE_4_3_18: Final = _SINCE_4_1_2 - {"config.id"}
_SINCE_4_4: Final = _SINCE_4_3_18 - {"volume.lastDetachDate", "volume.lastVmInstanceUuid"}
_SINCE_4_5: Final = _SINCE_4_4 - {"nic.state"}
_SINCE_4_8: Final = _SINCE_4_5 - {"volume.lastAttachDate"}
_SINCE_5_0: Final = _SINCE_4_8 - {"volume.protocol"}
_ON_ZSPHERE: Final = _SINCE_4_8 - {"vm.reservedMemorySize"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one release does; the defaults are those of 2.3, the oldest that is known.

    `number` is the answer to getVersion, `row` the release of the last line of the table that applies.

    Requests: `empty_bodies` leaves the body of a 202 of a running job, and of a 200 without content, empty;
    `signed_requests` knows access keys, `key_zones` the configuration rest/checkTimeZone for their dates, which
    `english_key_dates` reads in English whatever the locale, and `key_date_format` is how their format is named;
    `null_body_text` is the text of the 500 for a PUT without a body (a matter of the JVM that the captures come from);
    `negative_limits` accepts limit=-1; `software` is the Server header.

    Jobs: `honours_timeout` makes X-API-Timeout the message's timeout, `queue_timeout` drops a task that waited longer
    than that in the queue of its volume, `echoes_timeout` returns it in the 202.  `executes_copies` accepts a used job
    id and executes it again, unless `duplicate_check` found it first; without both it is a 500.
    `jobs_expire` deletes the row of a finished job after three hours.

    Accounts: `sliding_sessions` counts two hours from the last use; `users` are below accounts, `generic_login` is
    PUT /v1/login, `login_message` the class that errors of logins name instead of their own; `nodes_for_admin` lets
    only the admin query management nodes; `foreign_code` and `denied_code` refuse what is another account's, and what
    no policy or role allows; `roles` lets an account change nothing without a role that allows it; `quota_of_owner`
    compares what the volume's owner uses with the limit of the caller, `snapshot_quota` counts snapshots, too;
    `status_before_quota` checks a recovery in this order.

    Rows: `absent_fields` are not in inventories, each as `resource.field`, `absent_configs` not among the global
    configurations; `selects_shareable` accepts isShareable in the `fields` of a query. `error_fields` are those
    beside code, description, details and elaboration: `messages` with an elaboration, `cost` of every error and not
    only of those with one, `causes` of jobs, `location` of logins. `english_details` ignores the locale, `texts`
    names the captured server whose texts are used, and `names_message` puts the message class into the text for a
    UUID that names nothing.

    Life: `volume_period` and `vm_period` are the defaults of expungePeriod in seconds; `half_expunged_shown` nulls the
    storage of a half-finished expunge; `destroy_remembers` lets the destruction of a VM write lastVmInstanceUuid;
    `gone_host_fails` refuses to recover from a local storage whose host is gone;
    `time_zone_api` is platform-timezone.
    """

    number: str = "2.3"
    row: str = "2.3"
    zsphere: bool = False

    empty_bodies: bool = True
    signed_requests: bool = False
    key_zones: bool = False
    english_key_dates: bool = False
    key_date_format: str = "EEE, dd MMM yyyy HH:mm:ss "
    null_body_text: str = 'Cannot invoke "java.util.Map.containsKey(Object)" because "<parameter1>" is null'
    negative_limits: bool = True
    software: str = "Jetty(9.2.9.v20150224)"

    honours_timeout: bool = False
    queue_timeout: bool = False
    echoes_timeout: bool = False
    executes_copies: bool = False
    duplicate_check: bool = False
    jobs_expire: bool = False

    sliding_sessions: bool = False
    users: bool = True
    generic_login: bool = False
    login_message: str = ""
    nodes_for_admin: bool = False
    foreign_code: str = "ID.1002"
    denied_code: str = "ID.1002"
    quota_of_owner: bool = True
    status_before_quota: bool = True
    snapshot_quota: bool = False
    roles: bool = False

    absent_fields: frozenset[str] = _OLDEST
    absent_configs: frozenset[str] = frozenset({"refreshVolumeSize.scope", "refreshVolumeSize.hostCountPerBatch"})
    selects_shareable: bool = True
    error_fields: frozenset[str] = frozenset()
    english_details: bool = False
    texts: str = "3.10"
    names_message: bool = False

    volume_period: int = 86400
    vm_period: int = 86400
    half_expunged_shown: bool = False
    destroy_remembers: bool = False
    gone_host_fails: bool = True
    time_zone_api: bool = False


_ERRORS: Final = frozenset({"messages", "cost"})
CHANGES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("2.3", {}),
    ("2.4", {"foreign_code": "SYS.1006", "denied_code": "SYS.1006", "status_before_quota": False}),
    ("2.6", {"gone_host_fails": False, "nodes_for_admin": True, "snapshot_quota": True}),
    ("3.0", {"sliding_sessions": True}),
    ("3.1", {"executes_copies": True}),
    ("3.2", {"empty_bodies": False, "honours_timeout": True, "signed_requests": True, "jobs_expire": True}),
    ("3.2", {"absent_fields": _SINCE_3_2}),
    ("3.3", {"english_details": True, "absent_fields": _SINCE_3_3}),
    ("3.6", {"english_details": False, "error_fields": frozenset({"messages"})}),
    ("3.7", {"queue_timeout": True, "key_zones": True}),
    ("3.10", {"english_key_dates": True}),
    ("4.0", {"volume_period": 259200, "vm_period": 604800, "half_expunged_shown": True}),
    ("4.0", {"error_fields": _ERRORS, "negative_limits": False, "texts": "4.4"}),
    ("4.0", {"login_message": "org.zstack.header.message.ApiMessageParamValidator"}),
    ("4.1", {"echoes_timeout": True, "time_zone_api": True}),
    ("4.1.2", {"absent_fields": _SINCE_4_1_2}),
    ("4.3.18", {"absent_fields": _SINCE_4_3_18}),
    ("4.4", {"absent_fields": _SINCE_4_4, "software": "Jetty(9.4.49.v20220914)"}),
    ("4.5", {"duplicate_check": True, "texts": "5.2", "absent_fields": _SINCE_4_5}),
    ("4.5", {"absent_configs": frozenset()}),
    ("4.6", {"quota_of_owner": False, "generic_login": True, "error_fields": _ERRORS | {"location"}}),
    ("4.7", {"key_date_format": "EEE, dd MMM yyyy HH:mm:ss z", "software": "Jetty(9.4.51.v20230217)"}),
    ("4.8", {"absent_fields": _SINCE_4_8, "destroy_remembers": True}),
    ("5.0", {"absent_fields": _SINCE_5_0, "error_fields": _ERRORS | {"location", "causes"}, "null_body_text": ""}),
)
"""In order of release; if only servers on both sides were seen, the line names a release between them."""

ZSPHERE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("4.0", {"number": "4.7.0.4", "absent_fields": _ON_ZSPHERE}),
    ("4.1", {"number": "4.8.0.1", "destroy_remembers": True}),
    ("4.2", {"number": "4.8.0.3", "foreign_code": "SYS.1018"}),
    ("4.3", {"number": "4.8.0.6"}),
    (
        "4.10.0",
        {
            "number": "4.10.0",
            "denied_code": "SYS.1019",
            "absent_fields": _ON_ZSPHERE - {"account.state"},
            "roles": True,
            "users": False,
            "selects_shareable": False,
            "names_message": True,
        },
    ),
)
"""The differences between ZSphere and its base, Cloud 4.7; what Cloud 4.8 added is here, too.

4.0.1 remembers destroyed VMs, and reports the number of 4.0.0, which does not: 4.0 means 4.0.0 here.
"""


def behaviour(name: str) -> Behaviour:
    """Return what a release does: one of NAMES or another number, alone or after `zsphere-`; raises ValueError."""
    if name.startswith(ON_ZSPHERE):
        return _zsphere(_numbers(name.removeprefix(ON_ZSPHERE), least=1))
    numbers = _numbers(name)
    if (version := _told_by(numbers)) is not None:
        return replace(_zsphere(_numbers(version)), number=name)
    if numbers < _numbers(CHANGES[0][0]):
        raise ValueError(f"is older than {CHANGES[0][0]}, the oldest release that is known")
    return replace(_cloud(numbers), number=name)


def stand_in(name: str) -> str | None:
    """Return the release that another number behaves as; None for one of NAMES, and for a line of the table."""
    made = behaviour(name)
    lines = (made.row.removeprefix(ON_ZSPHERE), dict(ZSPHERE).get(made.row.removeprefix(ON_ZSPHERE), {}).get("number"))
    numbers = _numbers(name.removeprefix(ON_ZSPHERE), least=1)
    known = name in NAMES or any(line is not None and _numbers(line) == numbers for line in lines)
    return None if known else made.row


def _cloud(numbers: Numbers) -> Behaviour:
    made = Behaviour()
    for row, changes in CHANGES:
        if _numbers(row) <= numbers:
            made = replace(made, row=row, **changes)
    return made


def _zsphere(numbers: Numbers) -> Behaviour:
    oldest = ZSPHERE[0][0]
    if numbers < _numbers(oldest):
        raise ValueError(f"is older than {ON_ZSPHERE}{oldest}, the oldest ZSphere that is known")
    made = replace(_cloud(_numbers("4.7")), zsphere=True)
    for row, changes in ZSPHERE:
        if _numbers(row) <= numbers:
            made = replace(made, row=f"{ON_ZSPHERE}{row}", **changes)
    return made


def _told_by(numbers: Numbers) -> str | None:
    """Return the ZSphere that reports a number; None for Cloud, which has no 4.10, 4.7.0.4 or 4.8.0.1."""
    if numbers[:2] == (4, 10):
        return "4.10.0"
    told = {row: _numbers(changes["number"]) for row, changes in ZSPHERE}
    same = [row for row, known in told.items() if known[:3] == numbers[:3] and known <= numbers]
    return same[-1] if same else None


def _numbers(text: str, least: int = 2) -> Numbers:
    """Return the first four numbers of a text that has `least` or more, 0 for those that are missing."""
    if not re.fullmatch(rf"[0-9]{{1,4}}(\.[0-9]{{1,4}}){{{least - 1},3}}", text):
        raise ValueError("is not the name of a release")
    return (*map(int, text.split(".")), 0, 0, 0)[:4]
