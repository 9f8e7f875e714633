"""A gateway that lets no change through is recognised at once, and nothing is said of it that is not known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.http_messages import answer
from tests.support.process import PG_DATA, Ran, Sandbox, sandbox
from tests.support.profiles import FAST, check_report, profile
from tests.support.warm import run
from zvol.sandbox.names import extra_uuid

VOLUMES = [extra_uuid(number) for number in range(1, 41)]
ALWAYS = 10**6
PAGE = answer("405 Not Allowed", b"<html><center>nginx</center></html>", "Server: nginx")
PROBE = Rule("other", "page", 1, ALWAYS, page=PAGE, path="management-nodes/actions")
WHOSE = "HTTP 405 from a gateway (nginx), not from ZStack"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud", "--extra", "40") as made:
        yield made


def recover(
    tmp_path: Path, cloud: Sandbox, volumes: Sequence[str], *rules: Rule
) -> tuple[Ran, Proxy, list[dict[str, object]]]:
    with proxy(cloud.host, *rules) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["recover", "-", "-o", "ndjson"], env, stdin="\n".join(volumes), command=FAST, timeout=60)
    check_report(ran, cloud)
    return ran, between, [json.loads(line) for line in ran.out.splitlines()]


def test_a_web_page_instead_of_a_server_is_named_with_what_to_do(tmp_path: Path, cloud: Sandbox) -> None:
    page = answer("200 OK", b"<!doctype html><title>ZStack</title>")
    for more in ((), ("--timeout", "60s")):
        with proxy(cloud.host, Rule("any", "page", 1, ALWAYS, page=page)) as (host, between):
            env = profile(tmp_path / "home", host, cloud.session)
            ran = run(["recover", PG_DATA, *more], env, command=FAST, timeout=60)
        assert (ran.code, between.puts()) == (5, []), ran
        assert f"{host} answered HTTP 200 with a page of ZStack's web UI, not from its API" in ran.err
        assert "Is this the port of the web UI? The API is usually on port 8080 or 8443" in ran.err
        assert "Nothing was submitted, so it is safe to run the command again." in ran.err


def test_one_volume_is_watched_for_a_while_and_is_unknown(tmp_path: Path, cloud: Sandbox) -> None:
    put = Rule("put", "page", 1, ALWAYS, page=PAGE)
    ran, between, [result] = recover(tmp_path, cloud, [PG_DATA], put, PROBE)
    assert (ran.code, result["outcome"], len(between.puts())) == (3, "unknown", 1), ran
    assert "lets no change through; whether the server has got it nevertheless is not known" in ran.err
    assert f"last seen of the request: {WHOSE} (" in ran.err
    assert "Have the gateway let such requests through, then run `zvol resume`" in ran.err
    assert run(["resume"], profile(tmp_path / "home", cloud.host, cloud.session)).code == 0  # of another address
    env = profile(tmp_path / "home", cloud.host, cloud.session)
    again = run(["recover", PG_DATA, "-o", "name"], env, command=FAST, timeout=60)
    assert (again.code, cloud.status(PG_DATA)) == (0, "Ready"), again


REFUSALS = {
    "F5: its own page with 200": answer(
        "200 OK", b"<html>The requested URL was rejected. Please consult with you</html>"
    ),
    "a portal's JSON with 200": answer("200 OK", b'{"code":405}', kind="application/json"),
    "a location for GET only": answer("404 Not Found", b"<html><center>nginx</center></html>", "Server: nginx"),
    "a request filter": answer("400 Bad Request", b"<html><center>nginx</center></html>", "Server: nginx"),
    "a policy": answer("422 Unprocessable Entity", b'{"message":"blocked"}', kind="application/json"),
}


def test_whatever_it_answers_to_a_change(tmp_path: Path, cloud: Sandbox) -> None:
    for number, (name, page) in enumerate(REFUSALS.items()):
        probe = Rule("other", "page", 1, ALWAYS, page=page, path="management-nodes/actions")
        put = Rule("put", "page", 1, ALWAYS, page=page)
        (home := tmp_path / str(number)).mkdir()
        ran, between, [result] = recover(home, cloud, [PG_DATA], put, probe)
        assert (ran.code, result["outcome"], len(between.puts())) == (3, "unknown", 1), (name, ran)
        assert "lets no change through; whether the server has got it nevertheless is not known" in ran.err, name


def test_a_server_that_answers_nothing_for_a_while_is_no_such_gateway(tmp_path: Path, cloud: Sandbox) -> None:
    """Tomcat while ZStack is being deployed: reads get its page as well."""
    page = REFUSALS["a location for GET only"]
    probe = Rule("other", "page", 1, 2, page=page, path="management-nodes/actions")
    reads = Rule("back", "page", 1, 2, page=page), Rule("other", "page", 1, 2, page=page, path="/v1/volumes")
    ran, between, [result] = recover(tmp_path, cloud, [PG_DATA], Rule("put", "page", 1, 1, page=page), probe, *reads)
    assert (ran.code, result["outcome"], len(between.puts())) == (0, "recovered", 2), ran


def test_what_was_not_sent_yet_is_not_sent(tmp_path: Path, cloud: Sandbox) -> None:
    put = Rule("put", "page", 1, ALWAYS, page=PAGE)
    ran, between, results = recover(tmp_path, cloud, VOLUMES, put, PROBE)
    sent = len(between.puts())
    assert ran.code == 3, ran
    assert Counter(one["outcome"] for one in results) == {"unknown": sent, "not-sent": len(VOLUMES) - sent}
    assert 1 <= sent <= 16
    errors = [one["error"]["details"] for one in results if one["outcome"] == "not-sent"]  # type: ignore[index]
    assert all(f"nothing was sent: something before the server lets no change through ({WHOSE})" in e for e in errors)


def test_a_request_that_came_through_nevertheless_is_recovered(tmp_path: Path, cloud: Sandbox) -> None:
    put = Rule("put", "lose-page", 1, ALWAYS, page=PAGE)
    ran, between, [result] = recover(tmp_path, cloud, [PG_DATA], put, PROBE)
    assert (ran.code, result["outcome"], len(between.puts())) == (0, "recovered", 1), ran


def test_a_refusal_of_one_request_only_is_waited_out(tmp_path: Path, cloud: Sandbox) -> None:
    ran, between, [result] = recover(tmp_path, cloud, [PG_DATA], Rule("put", "page", 1, 1, page=PAGE))
    assert (ran.code, result["outcome"], len(between.puts())) == (0, "recovered", 2), ran
    assert sum(one.path.endswith("management-nodes/actions") for one in between.seen) >= 1
