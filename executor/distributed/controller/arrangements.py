"""The store on which workers arrange their groups: opened in the controller, which outlives every worker, and kept small."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Any

from torch._C._distributed_c10d import TCPStore

from executor.distributed.worker.setting import Rendezvous

_KEPT = 64
"""Groups that are over and whose keys stay in the store."""


def host_store(timeout: float, host: str = "127.0.0.1") -> tuple[TCPStore, Rendezvous]:
    """Open the store, on a free port, in the controller: it must outlive every worker."""
    store = TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=timeout))
    return store, Rendezvous(host, store.port, timeout)


class Arrangements:
    """What groups left in the store when their members met there.

    Parameters
    ----------
    store
        Of the controller.
    """

    def __init__(self, store: TCPStore) -> None:
        self._store: TCPStore | None = store
        self._ended: deque[str] = deque()

    def close(self) -> None:
        """Let go of the store."""
        self._store = None

    def ended(self, name: str) -> None:
        """Take in that a group is over. Its keys go a while later: a member that is late may still look for them."""
        self._ended.append(name)
        if len(self._ended) <= _KEPT or self._store is None:
            return
        for _ in range(len(self._ended) - _KEPT // 2):
            self._clear(self._store, self._ended.popleft())

    @staticmethod
    def _clear(store: Any, name: str) -> None:
        """Delete the keys of a group; torch before 2.13 cannot list them, but a group of gloo has one for each member."""
        if hasattr(store, "list_keys"):
            keys = [key for key in store.list_keys() if f"/{name}/" in key]
        else:
            keys = [f"gloo/{name}/0/{rank}" for rank in range(name.count("-") + 1)]
        for key in keys:
            store.delete_key(key)
