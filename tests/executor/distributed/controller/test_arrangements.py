"""What groups leave in the store."""

from __future__ import annotations

import pytest
from torch._C._distributed_c10d import TCPStore

from executor.distributed.controller import arrangements as arranging
from executor.distributed.controller.arrangements import Arrangements
from tests.executor.distributed.squad import Member, Squad


class OlderStore:
    """A store of a torch that cannot list its keys."""

    def __init__(self, store: TCPStore) -> None:
        self._store = store

    def delete_key(self, key: str) -> bool:
        """Delete one."""
        return self._store.delete_key(key)


@pytest.mark.parametrize("older", [False, True], ids=["lists keys", "older torch"])
def test_keys_of_groups_that_are_over_go(squad: Squad, older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the keys of all but the last groups go, with and without a store that lists them."""
    monkeypatch.setattr(arranging, "_KEPT", 4)
    store = squad._store
    arrangements = Arrangements(OlderStore(store) if older else store)  # type: ignore[arg-type]
    before = set(store.list_keys())
    for number in range(8):
        name = f"0-2.over{older}{number}"
        squad.call((0, 2), _meet, name, (0, 2), 1)
        squad.call((0, 2), _leave, name)
        arrangements.ended(name)
    left = set(store.list_keys()) - before
    assert {key.split("/")[1][-1] for key in left} == set("67")
    assert len(left) == 2 * 2


def _meet(member: Member, name: str, members: tuple[int, ...], value: int) -> int:
    return member.groups.get(name, members).agree(value + member.rank)


def _leave(member: Member, name: str) -> None:
    member.groups.drop(name)
