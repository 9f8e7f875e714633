"""One case of the matrix, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.support.fault_proxy import Rule
from tests.support.kinds import VOLUMES, Kind

BULK = 20


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to a volume or VM, the target, and what zvol may say of it.

    `rules` break requests, `faults` are planted for the target's PUTs in this order.  `says` are the outcomes allowed
    for the target, `bulk` those where it is one among many and that makes a difference, `others` those of the rest
    then.  `doubled`: a request of ours was copied, so that only the reported outcome must be true.  `again`: the
    target was deleted once more.  `alone`: among many its moment is not known.  For `list` and
    `login`, `exits` are the exit codes allowed.  `kind` is that of all targets; `never`: for which kinds the case makes
    no sense, and why.
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
    targets: int = 1
    doubled: bool = False
    again: bool = False
    alone: bool = False
    kind: Kind = VOLUMES
    never: Mapping[str, str] = field(default_factory=dict)

    def in_bulk(self) -> Case:
        """Return the same fault of one volume among twenty."""
        return replace(self, name=f"{self.name} [1 of {BULK}]", targets=BULK, says=self.bulk or self.says)
