"""How many cores and workers a process may use, in the control groups that a container is made of."""

import os

import pytest

from clnp_core import machine

GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine of 32 cores and 64 GiB whose control groups are a folder: what the kernel tells of this process's."""
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)), raising=False)
    pages = {"SC_PHYS_PAGES": 64 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)

    def groups(own, **files):
        (tmp_path / "own").write_text(own)
        for path, text in files.items():
            file = tmp_path / "groups" / path.replace("__", "/").replace("_of_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return machine.cores(), machine.workers()

    return groups


def test_without_limits_there_is_a_worker_for_each_core(groups):
    assert (machine.cores(), machine.workers()) == (32, 32)
    none = {"cpu_of_max": "max 100000\n", "memory_of_max": "max\n"}
    assert groups("0::/\n", **none) == (32, 32)


def test_a_container_of_two_cores_gets_two_workers(groups):
    assert groups("0::/\n", cpu_of_max="200000 100000\n") == (2, 2)
    assert groups("0::/\n", cpu_of_max="50000 100000\n") == (1, 1)
    assert groups("0::/\n", cpu_of_max="150000 100000\n") == (2, 2)  # what two share is more than one has


def test_the_groups_above_count_and_those_that_are_not_to_be_seen_do_not(groups):
    slices = {"user__cpu_of_max": "300000 100000\n", "user__job__cpu_of_max": "max 100000\n"}
    assert groups("0::/user/job\n", **slices) == (3, 3)
    assert groups("0::/docker/abc\n", cpu_of_max="400000 100000\n") == (4, 4)


def test_memory_limits_the_workers_but_not_the_cores(groups):
    assert groups("0::/\n", memory_of_max=f"{2 * GIB}\n") == (32, 4)
    assert groups("0::/\n", memory_of_max=f"{GIB // 8}\n") == (32, 1)


def test_groups_of_the_first_version_count(groups):
    own = "4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n"
    cpu = {"cpu__job__cpu_of_cfs_quota_us": "250000\n", "cpu__job__cpu_of_cfs_period_us": "100000\n"}
    none = {"cpu__cpu_of_cfs_quota_us": "-1\n", "cpu__cpu_of_cfs_period_us": "100000\n"}
    memory = {
        "memory__job__memory_of_limit_in_bytes": f"{GIB}\n",
        "memory__memory_of_limit_in_bytes": f"{2**63 - 4096}\n",
    }
    assert groups(own, **cpu, **none, **memory) == (3, 2)
