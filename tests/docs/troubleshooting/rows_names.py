"""Errors of volumes and VMs that were named: they are not there, or not what the command is for."""

from __future__ import annotations

from tests.docs.troubleshooting.row import Row
from tests.docs.troubleshooting.rows_server import (
    DB_1,
    NOBODY,
    OLD_APP,
    SHARED,
    VMS,
    WEB_1,
    WEB_2,
    always,
    fails,
    rows,
    version,
    volume,
)
from tests.support.process import PG_DATA, PG_WAL, READY, ROOT

ROWS = (
    # ---- what was named is not there
    Row("there is no such volume", f"attach {NOBODY} web-1", 1),
    Row("there is no {data volume | VM}", f"attach {READY} db-9", 1),
    Row(
        "s are called {name}",
        f"attach {READY} twin",
        1,
        rules=[always("any", rows({"uuid": DB_1, "name": "twin"}, {"uuid": WEB_1, "name": "twin"}), VMS)],
    ),
    Row("there is no {what} {name}", "list --last-vm db-9", 1),
    Row("no …} has this name; did you mean", "recover pg-dota", 1),
    Row("no …} has this name", "recover nobody", 1),
    Row("no …} has this name[…]", "recover '\"nobody\"'", 1, "The name is in quotes, for example."),
    Row("deleted data volumes have this name", "recover backup", 1),
    Row("is not deleted ({{status} | of unknown status}): nothing to recover", "recover shared-home", 1),
    Row(
        "volumes that are not deleted",
        "recover twin",
        1,
        rules=[
            always("list", rows()),
            always("read", rows(*(volume(uuid, name="twin", status="Ready") for uuid in (PG_DATA, PG_WAL)))),
        ],
    ),
    Row(
        "deleted root volumes do",
        "recover twin",
        1,
        rules=[
            always("list", rows()),
            always("read", rows(*(volume(uuid, name="twin", type="Root") for uuid in (PG_DATA, PG_WAL)))),
        ],
    ),
    Row("and it is not a UUID", f"recover {PG_DATA[:31]}", 1),
    Row("a VOLUME is a UUID or an exact name", "recover 'pg-*'", 1),
    Row("no destroyed VM has this name", "recover --vm nobody", 1),
    Row("no destroyed VM has this name[…]", "recover --vm '\"nobody\"'", 1),
    Row("no destroyed VM has this name; did you mean", "recover --vm web2", 1),
    Row(
        "no destroyed VM has this name; similar names",
        "recover --vm app",
        1,
        rules=[
            always(
                "any",
                rows(
                    {"uuid": OLD_APP, "name": "app1", "state": "Destroyed"},
                    {"uuid": WEB_2, "name": "app2", "state": "Destroyed"},
                ),
                VMS,
            )
        ],
    ),
    Row("no …} has this name; similar names", "recover bulk-0001", 1),
    Row(
        "destroyed VMs have this name",
        "recover --vm twin",
        1,
        rules=[
            always(
                "any", rows(*({"uuid": uuid, "name": "twin", "state": "Destroyed"} for uuid in (OLD_APP, WEB_2))), VMS
            )
        ],
    ),
    Row("that are not destroyed do", "recover --vm web-1", 1),
    Row("--vm takes a UUID or the exact name", "recover --vm 'web-*'", 2),
    Row("there is no such {volume or VM}", f"recover {NOBODY}", 1),
    Row(
        "cannot come back: {value}",
        f"recover --vm {WEB_2}",
        1,
        "The root volume of the VM is destroyed.",
        rules=[always("any", rows({"uuid": WEB_2, "name": "web-2", "state": "Destroyed", "allVolumes": []}), VMS)],
    ),
    Row(
        "is the name of a VM and of a volume",
        "attach pg-data twin",
        1,
        rules=[
            always("any", rows({"uuid": DB_1, "name": "twin"}), VMS),
            always("any", rows(volume(name="twin", status="Ready"))),
        ],
    ),
    Row("{name} is deleted", "attach pg-data web-1", 1),
    Row("{number} volumes have this name", "show backup", 1),
    # ---- root volumes
    Row("it is a Root volume", "recover ROOT-for-old-app", 1, rules=[always("any", fails("SYS.1000"), VMS)]),
    Row("alone it would come back while the VM stays destroyed", f"recover {ROOT}", 1),
    Row("its VM is gone: nothing can start", f"recover {ROOT}", 1, rules=[always("any", rows(), VMS)]),
    Row(
        "a root volume comes back only together",
        f"recover {ROOT}",
        1,
        rules=[always("any", rows({"uuid": OLD_APP, "name": "old-app", "state": "Stopped"}), VMS)],
    ),
    Row(
        "it would come back while its VM stays destroyed",
        f"recover {ROOT}",
        1,
        rules=[always("any", fails("SYS.1000"), VMS)],
    ),
    Row(
        "its destruction has begun",
        f"recover {PG_DATA}",
        1,
        rules=[always("read", rows(volume(primaryStorageUuid=None)))],
    ),
    # ---- attaching
    Row("it was never on a VM", f"attach {SHARED}", 2),
    Row(
        "the volume was on VM",
        f"attach {SHARED}",
        1,
        rules=[
            version("4.5.0"),
            always(
                "read",
                rows(volume(SHARED, status="Ready", lastVmInstanceUuid=DB_1, lastDetachDate="Nov 2, 2026 1:00:00 AM")),
            ),
        ],
    ),
    Row(
        "was renamed or destroyed meanwhile",
        f"attach {SHARED} web-1",
        1,
        rules=[always("any", rows(), f"{VMS}.*uuid%3D")],
    ),
    Row(
        "the volume was deleted or changed after its name was looked up",
        "attach team-data web-1",
        1,
        rules=[always("read", rows(), "d0a7a5e0c0de4b1e8a5efeedbead0010")],
    ),
    Row("; detach it there first", f"attach {READY} web-1", 1),
    Row("not attached to VM {change}", "attach d0a7a5e0c0de4b1e8a5efeedbead0003 web-1", 1),
    Row("not attached to VM {vm}: [", "attach d0a7a5e0c0de4b1e8a5efeedbead0003 --vm web-1 --dry-run", 1),
)
