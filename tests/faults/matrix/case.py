"""One case of the matrix, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.support.fault_proxy import Rule

BULK = 20


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to a volume, and what zvol may say of it.

    `rules` break requests, `faults` are planted for the volume's PUTs in this order.  `says` are the outcomes allowed
    for the volume, `bulk` those where it is one among many and that makes a difference, `others` those of the rest
    then.  `doubled`: a request of ours was copied, so that only the reported outcome must be true.  `again`: the
    volume was deleted once more.  `alone`: among many its moment is not known.  For `list` and
    `login`, `exits` are the exit codes allowed.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    faults: tuple[str, ...] = ()
    says: tuple[str, ...] = ("recovered",)
    bulk: tuple[str, ...] = ()
    others: tuple[str, ...] = ("recovered",)
    command: str = "recover"
    exits: tuple[int, ...] = (0,)
    sandbox: tuple[str, ...] = ()
    volumes: int = 1
    doubled: bool = False
    again: bool = False
    alone: bool = False

    def in_bulk(self) -> Case:
        """Return the same fault of one volume among twenty."""
        return replace(self, name=f"{self.name} [1 of {BULK}]", volumes=BULK, says=self.bulk or self.says)
