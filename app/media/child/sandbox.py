"""What a child gives up before it reads anything: network, rights, memory, time, and all files but a few.

By the kernel's calls (unshare(2), prctl(2), setrlimit(2), landlock(7)), since none of the programs that wrap them is
sure to be installed. Imports nothing beyond the standard library: unshare refuses a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
_NO_NEW_PRIVILEGES = 38  # linux/prctl.h
_MAX_CPU_EXTRA_S = 2
_MOST_THREADS = 4  # each spends CPU time; the parent's clock comes first
_MAPPED_MORE = 1024 * 1024 * 1024  # libraries and fonts are mapped, not used up
_FILES, _PROCESSES = 128, 64
# landlock(7); the calls have the same numbers on every architecture
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_RIGHTS_OF_FIRST_VERSION = 13
_TRUNCATE = 1 << 14
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE


def leave_network() -> bool:
    """Go where there is no network at all; False where the kernel refuses."""
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_NEW_USER | _NEW_NET) == 0:
        _be_the_same_user(user, group)
        return True
    return _LIBC.unshare(_NEW_NET) == 0  # root where user namespaces are forbidden


def _be_the_same_user(user: int, group: int) -> None:
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        pass  # nobody's number then; its files are still ours


def take_limits(*, memory_bytes: int, wall_s: float, file_bytes: int, counts_own_processes: bool) -> None:
    """Memory that can be written, CPU time, size of a file, open files; processes where only our own are counted."""
    seconds = int(wall_s * _MOST_THREADS) + 1
    _limit(resource.RLIMIT_DATA, memory_bytes)
    _limit(resource.RLIMIT_AS, memory_bytes + _MAPPED_MORE)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _MAX_CPU_EXTRA_S))
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_NOFILE, _FILES)
    _limit(resource.RLIMIT_CORE, 0)
    if counts_own_processes:
        _limit(resource.RLIMIT_NPROC, _PROCESSES)


def _limit(what: int, most: int) -> None:
    """Lower, never higher than what we were given ourselves."""
    ceiling = resource.getrlimit(what)[1]
    value = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
    resource.setrlimit(what, (value, value))


def see_only(*, read: Iterable[Path], listed: Iterable[Path], written: Iterable[Path]) -> bool:
    """From now on all other files are closed to this process and its children; False where the kernel has no Landlock."""
    version = _LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    every = (1 << (_RIGHTS_OF_FIRST_VERSION + min(version, 3) - 1)) - 1  # 2 brought REFER, 3 TRUNCATE
    rules = _LIBC.syscall(_CREATE_RULESET, struct.pack("Q", every), 8, 0)
    try:
        for path in read:
            _allow(rules, path, (_EXECUTE | _READ | _LIST) & every)
        for path in listed:
            _allow(rules, path, _LIST)
        for path in written:
            _allow(rules, path, every)
        _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return _LIBC.syscall(_RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine
    try:
        allowed = rights if path.is_dir() else rights & _OF_FILES
        _LIBC.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", allowed, handle), 0)
    finally:
        os.close(handle)
