"""The objects that the modules of the engine share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from zvol.clock import Clock
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.run_journal import RunJournal
from zvol.recovery.settle_policy import SettlePolicy
from zvol.recovery.task import Options
from zvol.recovery.window import Window
from zvol.recovery.worker_pool import WorkerPool

if TYPE_CHECKING:
    from zvol.zstack.client import Client


class SessionRenewal:
    """Logs in again, once a run; `renew` tells whether that worked, and is None if no login is possible."""

    def __init__(self, renew: Callable[[], bool] | None) -> None:
        self._renew = renew
        self._renewed: bool | None = None

    @property
    def available(self) -> bool:
        return self._renewed is None and self._renew is not None

    def renew(self) -> bool:
        """Log in again if that was not tried yet; return whether there is a new session."""
        if self._renewed is None:
            self._renewed = bool(self._renew and self._renew())
        return self._renewed


class EngineContext(NamedTuple):
    """The collaborators of a run; `jitter` returns a factor around one."""

    options: Options
    client: Client
    pool: WorkerPool
    breaker: CircuitBreaker
    window: Window
    clock: Clock
    jitter: Callable[[], float]
    settle_policy: SettlePolicy
    journal: RunJournal
    session: SessionRenewal
