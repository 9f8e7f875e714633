"""The switches of a sandbox; the defaults are a healthy 5.2.1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches of one sandbox server; times are seconds.

    `locale` is the language of `details`: `zh_CN` or `en_US`.  `zone` is the server's time zone, an IANA name.
    `dates` is the style of date text: `java8`, `java9` (a comma after the year) or `java20` (and U+202F before AM).
    `job_time` is the time from PUT to a finished job: the volume is back after about 60 % of it.
    `check_pause` is the time between checking a job id and saving it.  `clock_offset` moves the server's clock.
    `access_keys` accepts `Authorization: ZStack ...` as the commercial edition does; the open one answers 500.
    `check_time_zone` is its configuration `rest/checkTimeZone`: dates of signed requests are compared as instants.
    `queue_delay` keeps the queue of a volume or VM busy that long, by the server's clock, before its first recovery.
    `lose_insert` does not save the jobs of recoveries, which run all the same; `two_nodes` answers for a finished job
    in turns what a node knows that missed its end, and what the other knows.
    `version` names the release: one of `versions.NAMES` or another number; `context` is the path before /v1.
    """

    locale: str = "zh_CN"
    zone: str = "Etc/UTC"
    dates: str = "java8"
    job_time: float = 0.12
    check_pause: float = 0.002
    clock_offset: float = 0.0
    access_keys: bool = False
    check_time_zone: bool = False
    queue_delay: float = 0.0
    lose_insert: bool = False
    two_nodes: bool = False
    version: str = "5.2.1"
    context: str = "/zstack"
    idle_timeout: float = 30.0
