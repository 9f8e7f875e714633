"""What can be set on a sandbox; the defaults are what was seen on a running 5.2.1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches of one sandbox server; times are seconds.

    `locale` is the language of `details`: `zh_CN` or `en_US`.  `zone` is the server's time zone, an IANA name.
    `dates` is the style of date text: `java8`, `java9` (a comma after the year) or `java20` (and U+202F before AM).
    `doubles` writes whole numbers as doubles and `synchronous` answers a recover at once, as the vendor's page shows.
    `job_time` is the time from PUT to a finished job: the volume is back after about 60 % of it.
    `location` replaces host and port in the `location` of a 202, e.g. `192.0.2.1:8080`, which nobody can reach.
    `clock_offset` moves the server's clock.  `check_pause` is the time between checking a job id and saving it.
    `content_type` is sent with every answer when it is given; the real server sends none.
    `access_keys` accepts `Authorization: ZStack ...` as the commercial edition does; the open one answers 500.
    `oddities` makes the server do wrong what tests have planted, see `zvol.sandbox.faults`.
    `check_time_zone` is the global config `rest/checkTimeZone`: dates of signed requests are compared as instants.
    `login_refusal` is an error code of commercial login control that every login is answered with.
    `timezone_api` off is an older server, which does not tell its zone.
    """

    locale: str = "zh_CN"
    zone: str = "Etc/UTC"
    dates: str = "java8"
    doubles: bool = False
    synchronous: bool = False
    job_time: float = 0.12
    location: str | None = None
    clock_offset: float = 0.0
    check_pause: float = 0.002
    content_type: str | None = None
    access_keys: bool = False
    check_time_zone: bool = False
    login_refusal: str | None = None
    timezone_api: bool = True
    version: str = "5.2.1"
    context: str = "/zstack"
    idle_timeout: float = 30.0
    oddities: bool = False
