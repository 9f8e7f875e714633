"""The smallest correct client for RecoverDataVolume, with which the speed of zvol is compared.

It reads the volume, sends the PUT, polls the job and reads the volume again.  It keeps no journal, checks no answer
twice, and handles neither lost answers nor other network faults.  ZVOL_HOST and ZVOL_SESSION are required.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import click
import requests

BASE = os.environ.get("ZVOL_HOST", "")
HEADERS = {"Authorization": f"OAuth {os.environ.get('ZVOL_SESSION', '')}"}


def read(http: requests.Session, uuid: str) -> dict[str, Any]:
    answer = http.get(f"{BASE}/v1/volumes/{uuid}", timeout=30)
    answer.raise_for_status()
    volume: dict[str, Any] = answer.json()["inventories"][0]
    return volume


def put(http: requests.Session, uuid: str) -> str:
    """Return the id of the accepted job."""
    answer = http.put(f"{BASE}/v1/volumes/{uuid}/actions", json={"recoverDataVolume": {}}, timeout=30)
    if answer.status_code != 202:
        raise SystemExit(f"{answer.status_code} {answer.text}")
    location: str = answer.json()["location"]
    return location.rsplit("/", 1)[1]


def recover(http: requests.Session, uuid: str, every: float) -> dict[str, Any]:
    """Recover one volume, polling its job at an interval in seconds."""
    volume = read(http, uuid)
    if volume["status"] != "Deleted":
        return volume
    job = put(http, uuid)
    while True:
        time.sleep(every)
        answer = http.get(f"{BASE}/v1/api-jobs/{job}", timeout=30)
        if answer.status_code != 202:
            break
    if answer.status_code != 200:
        raise SystemExit(f"{answer.status_code} {answer.text}")
    volume = read(http, uuid)
    if volume["status"] == "Deleted":
        raise SystemExit("the volume is still deleted")
    return volume


def only_puts(uuids: list[str], concurrency: int) -> None:
    """Send the PUTs of many volumes and poll nothing, one after the other on each connection."""
    from concurrent.futures import ThreadPoolExecutor

    def share(number: int) -> None:
        with session() as http:
            for uuid in uuids[number::concurrency]:
                put(http, uuid)

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(share, range(concurrency)))


def session() -> requests.Session:
    http = requests.Session()
    http.headers.update(HEADERS)
    return http


@click.command()
@click.argument("uuid")
@click.option("--every", default=0.05, show_default=True, help="Look at the job each so many seconds.")
@click.option("--concurrency", default=16, show_default=True, help="Connections, when UUID is `-`.")
@click.option("--import", "modules", multiple=True, help="Import this module first; may be repeated.")
def main(uuid: str, every: float, concurrency: int, modules: tuple[str, ...]) -> None:
    """Recover a volume and print its inventory; `-` only sends the PUTs for the UUIDs on standard input."""
    for name in modules:
        importlib.import_module(name)
    if uuid == "-":
        only_puts(sys.stdin.read().split(), concurrency)
        return
    with session() as http:
        click.echo(json.dumps(recover(http, uuid, every), indent=2))


if __name__ == "__main__":
    main()
