"""The client reads the captured answers of every server, and a recovery as on a 5.2.1 but for what differs."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.contract.capture import Exchange
from tests.contract.worlds import WORLDS
from zvol.zstack import answers
from zvol.zstack.dates import parse_server_date
from zvol.zstack.resource_kinds import DATA_VOLUME

Meaning = tuple[object, ...]

ACCEPTED = ("Accepted",)
NOT_DELETED = ("Failed", "SYS.1006", True, False)
DIFFERENT: dict[str, dict[str, Meaning]] = {
    "3.10.40": {
        "recover-jobuuid-dup": ACCEPTED,
        "recover-jobuuid-dup-done": ACCEPTED,
        "recover-jobuuid job": NOT_DELETED,
        "poll-noauth": NOT_DELETED,
    },
    "4.4.65": {"recover-jobuuid-dup": ACCEPTED, "recover-jobuuid-dup-done": ACCEPTED},
    "zsphere-4.10.0": {"ops-recover-others job": ("Failed", "SYS.1019", True, False)},
}
"""A used job id is executed again before 4.5, and a permission has a code of its own on ZSphere."""


def meaning(exchange: Exchange) -> Meaning:
    """Return how the client classifies an answer, without what the server chose."""
    answer = answers.Answer(exchange.answer.status, exchange.answer.body, exchange.answer.headers)
    classify = answers.classify_job if exchange.polled else answers.classify_put
    match classify(answer, DATA_VOLUME):
        case answers.Failed(fault, certain, session):
            return "Failed", fault.code, certain, session
        case answers.Done(resource):
            return "Done", resource and resource.text("status")
        case answers.Accepted(seconds):
            return "Accepted", seconds
        case answers.Refusal(_, _, auth):
            return "Refusal", auth
        case other:
            return (type(other).__name__,)


def meanings(version: str) -> dict[tuple[str, int], Meaning]:
    """Return what each PUT and each ended job of a recovery means, by its label and how often that came before."""
    exchanges = WORLDS[version].exchanges()
    puts = [item for item in exchanges if item.method == "PUT" and b"recoverDataVolume" in item.body]
    jobs = {item.answer.job for item in puts if item.answer.job}
    ends = [item for item in exchanges if item.polled in jobs and item.answer.status != 202]
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Meaning] = {}
    for item in puts + ends:
        label = re.sub(r"-poll\d*$", " job", item.name.partition("-")[2])
        means = meaning(item)
        found[label, seen[label]] = ACCEPTED if means[0] == "Accepted" else means
        seen[label] += 1
    return found


@pytest.mark.parametrize("version", sorted(DIFFERENT))
def test_recoveries_mean_the_same_on_every_server(version: str) -> None:
    real, tried = meanings(version), meanings("5.2.1")
    assert len(real) >= 35
    assert real == {key: DIFFERENT[version].get(key[0], tried.get(key)) for key in real}


@pytest.mark.parametrize("version", sorted(WORLDS))
def test_the_granted_timeout_is_read_where_the_server_names_it(version: str) -> None:
    read = [meaning(item) for item in WORLDS[version].exchanges() if item.answer.job]
    assert {found[0] for found in read} == {"Accepted"}
    granted: dict[str, set[float | None]] = {"3.10.40": {None}, "5.2.1-vms": {300.0, 1800.0, 10800.0}}
    assert {found[1] for found in read} >= granted.get(version, {None, 1800.0, 10800.0})


@pytest.mark.parametrize("version", ["3.10.40", "4.4.65", "zsphere-4.10.0"])
def test_running_jobs_are_read_as_running(version: str) -> None:
    polls = [item for item in WORLDS[version].exchanges() if item.polled and item.answer.status == 202]
    assert len(polls) > 50
    assert {meaning(item) for item in polls} == {("Running",)}


@pytest.mark.parametrize("version", sorted(WORLDS))
def test_each_volume_that_a_server_shows_is_read(version: str) -> None:
    reads = [item for item in WORLDS[version].exchanges() if re.match(r"/v1/volumes(?!.*fields)", item.target)]
    shown = [inventory for item in reads if item.answer.json for inventory in item.answer.json.get("inventories", ())]
    volumes = [answers.volume_of(inventory) for inventory in shown]
    assert len(volumes) > (8 if version == "5.2.1-vms" else 20)
    assert all(volume and parse_server_date(volume.text("lastOpDate") or "") for volume in volumes)
