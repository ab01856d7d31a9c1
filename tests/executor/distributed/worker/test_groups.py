"""Groups of real processes, built under names."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist

from executor.distributed.controller.arrangements import host_store
from executor.distributed.worker.groups import _NCCL, Groups, Membership, Rendezvous
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.worker.spinning import Spinning


def _sum(member: Member, name: str, members: tuple[int, ...], value: float) -> float:
    group = member.groups.get(name, members)
    gathered = torch.empty(group.degree, 1)
    if group.degree > 1:
        group.all_gather(gathered, torch.tensor([value + member.rank]))
        return float(gathered.sum())
    return value + member.rank


def _agree(member: Member, name: str, members: tuple[int, ...], value: int) -> int:
    return member.groups.get(name, members).agree(value + member.rank)


def _leave(member: Member, name: str) -> float:
    began = time.perf_counter()
    member.groups.drop(name)
    return time.perf_counter() - began


def test_overlapping_groups(squad: Squad) -> None:
    """Tests groups that were made in different numbers by their members, where `new_group` would deadlock."""
    for name, members in (("a", (0, 3)), ("b", (3, 1, 0)), ("c", (2, 3)), ("d", (0, 1, 2, 3)), ("e", (1,))):
        assert squad.call(members, _sum, name, members, 10.0) == [10.0 * len(members) + sum(members)] * len(members)
        assert squad.call(members, _agree, name, members, 5) == [5 + members[0]] * len(members)


def test_leaving_frees_the_others(squad: Squad) -> None:
    """Tests that a member that waits raises as soon as another leaves, and that a new name works then."""
    squad.call((0, 1), _sum, "before", (0, 1), 1.0)
    squad.start((0,), _sum, "before", (0, 1), 1.0)
    time.sleep(0.1)
    squad.call((1,), _leave, "before")
    with pytest.raises(RuntimeError, match=r"Connection closed|Read error|reset"):
        squad.results((0,))
    squad.call((0,), _leave, "before")
    assert squad.call((0, 1), _sum, "after", (0, 1), 1.0) == [3.0, 3.0]


def test_on_gpus_only_the_controller_tells_that_a_group_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that torch's own watch over NCCL steps in for nobody: it would keep survivors from breaking their group off."""
    for setting in _NCCL:
        monkeypatch.setenv(setting, "1")
        monkeypatch.delenv(setting)
    made: list[Any] = []

    class Nccl:
        Options = SimpleNamespace

        def __init__(self, store: Any, rank: int, degree: int, options: SimpleNamespace) -> None:
            made.append(options)

        def abort(self) -> None:
            """Nothing has begun."""

    monkeypatch.setattr(dist, "ProcessGroupNCCL", Nccl, raising=False)
    monkeypatch.setattr(Groups, "_gloo", lambda self, name, rank, degree: Nccl(None, 0, 2, SimpleNamespace()))
    _store, rendezvous = host_store(5.0)
    groups = Groups(rendezvous, 0, torch.device("cuda:0"))
    groups.get("pair", (0, 1))
    groups.close()
    assert made[-1]._timeout > timedelta(days=100)
    assert {setting: os.environ[setting] for setting in _NCCL} == _NCCL


def test_strangers_are_refused() -> None:
    """Tests that a process cannot ask for a group that it is no member of."""
    store, rendezvous = host_store(5.0)
    groups = Groups(rendezvous, 7)
    with pytest.raises(ValueError, match="worker 7 is none of them"):
        groups.get("pair", (0, 1))
    groups.close()
    assert len(groups) == 0
    assert store is not None


def test_missing_member_times_out() -> None:
    """Tests that making a group gives up after the timeout when a member does not come."""
    store, rendezvous = host_store(1.0)
    groups = Groups(Rendezvous(rendezvous.host, rendezvous.port, 1.0), 0)
    with pytest.raises(RuntimeError):
        groups.get("pair", (0, 1))
    groups.close()
    assert store is not None


def _break_off_idle(member: Member, name: str, members: tuple[int, ...]) -> str:
    member.groups.get(name, members)
    beside = threading.Thread(target=member.groups.abort, args=([name],))
    beside.start()
    beside.join()
    try:
        member.groups.get(name, members)
    except RuntimeError as error:
        member.groups.drop(name)
        return str(error)
    return "went on"


def test_an_idle_group_is_broken_off_from_beside(squad: Squad) -> None:
    """Tests that a group that was broken off is not found again, and that the same members meet under another name."""
    squad.call((0, 1), _sum, "broken", (0, 1), 1.0)
    said = squad.call((0, 1), _break_off_idle, "broken", (0, 1))
    assert said == [f"worker {rank} has left group 'broken'; it comes back under another name" for rank in (0, 1)]
    assert squad.call((0, 1), _sum, "mended", (0, 1), 1.0) == [3.0, 3.0]


def test_what_a_device_exchanged_in_a_broken_group_does_not_count() -> None:
    """Tests that an exchange that a device ended only because its group was broken off is told from one that was done."""
    group = Membership("broken", 0, 2, Spinning(), Spinning())
    threading.Timer(0.1, group.abort).start()
    group.all_gather(torch.empty(2), torch.empty(1))
    with pytest.raises(RuntimeError, match="group 'broken' was broken off"):
        group.check()
    with pytest.raises(RuntimeError, match="group 'broken' was broken off"):
        group.agree(1)
    group.close()
