"""The smallest honest client: read, PUT, poll, read. It imports what zvol cannot do without, and promises nothing."""

from __future__ import annotations

import os
import sys
import time
import uuid

import click  # noqa: F401  (part of the price that is compared)
import requests


def recover(volume: str) -> str:
    """Bring one volume back and return its status."""
    base = os.environ["ZVOL_HOST"]
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"OAuth {os.environ['ZVOL_SESSION']}"
    session.get(f"{base}/v1/volumes/{volume}", timeout=10).raise_for_status()
    job = uuid.uuid4().hex
    headers = {"X-Job-UUID": job}
    session.put(
        f"{base}/v1/volumes/{volume}/actions", json={"recoverDataVolume": {}}, headers=headers, timeout=10
    ).raise_for_status()
    pause = float(os.environ.get("BARE_POLL", "0.1"))
    while True:
        time.sleep(pause)
        if session.get(f"{base}/v1/api-jobs/{job}", timeout=10).status_code != 202:
            break
    found = session.get(f"{base}/v1/volumes/{volume}", timeout=10).json()
    return str(found["inventories"][0]["status"])


if __name__ == "__main__":
    print(recover(sys.argv[1]))
