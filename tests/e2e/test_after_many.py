"""Follow-ups of many volumes on real sockets: what they cost, and one that stands in nobody's way."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, answer, proxy
from tests.support.process import Ran, Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.terminal import on_terminal
from tests.support.warm import run
from zvol.sandbox.names import DB_1, extra_uuid

VOLUMES = [extra_uuid(number) for number in range(1, 101)]
PAGE_502 = answer("502 Bad Gateway", b"<html>502</html>")


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud", "--extra", str(len(VOLUMES))) as made:
        yield made


def results(ran: Ran) -> list[dict[str, object]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def test_an_attach_without_an_answer_is_its_own_trouble(many: Sandbox, tmp_path: Path) -> None:
    """B3: the others were called unknown because one was polled for a minute."""
    rule = Rule("other", "page", 5, 5, path="vm-instances", page=PAGE_502)
    with proxy(many.host, rule) as (host, _):
        env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": many.session})
        ran = run(["recover", *VOLUMES[:30], "--reattach", "--timeout", "150s", "-o", "ndjson"], env, command=FAST)

    assert ran.code == 3, ran
    found = results(ran)
    assert {one["outcome"] for one in found} == {"recovered"}
    warned = [one for one in found if one["warnings"]]
    assert len(warned) == 1
    assert "not known whether it is attached" in str(warned[0]["warnings"])
    assert found[-1] == warned[0], "the others are reported when they are done"
    on = many.call("GET", f"/v1/volumes?q=vmInstanceUuid={DB_1}&limit=100")[1]["inventories"]
    assert {one["uuid"] for one in on} >= set(VOLUMES[:30]) - {warned[0]["uuid"]}


def test_few_requests(many: Sandbox, tmp_path: Path) -> None:
    """One POST for each change; what comes of them is read for many volumes at once."""
    with proxy(many.host) as (host, between):
        env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": many.session})
        ran = run(["recover", *VOLUMES, "--reattach", "--user-tag", "t", "-o", "ndjson"], env)
    assert ran.code == 0, ran
    counts = Counter(one.method for one in between.seen)
    assert (counts["PUT"] - counts["PUT"] % 100, counts["POST"]) == (100, 200)
    assert counts["GET"] <= 80


def test_the_command_to_attach_many_works_as_it_is_shown(many: Sandbox, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", {"ZVOL_HOST": many.host, "ZVOL_SESSION": many.session})
    assert run(["recover", VOLUMES[24]], env).code == 0
    for some, piped in ((VOLUMES[:3], False), (VOLUMES[3:24], True)):
        shown = on_terminal(["recover", *some], env, columns=80)
        words = shlex.split(" ".join(shown.text.partition("Attach with:")[2].split()))
        assert (shown.code, words[0], "|" in words) == (0, "zvol", piped)
        names = None
        if piped:
            names, words = run(words[1 : words.index("|")], env).out, words[words.index("|") + 1 :]
        assert run(words[1:], env, stdin=names or "").code == 0
    on = many.call("GET", f"/v1/volumes?q=vmInstanceUuid={DB_1}&limit=100")[1]["inventories"]
    assert {one["uuid"] for one in on} & set(VOLUMES) == set(VOLUMES[:24])
