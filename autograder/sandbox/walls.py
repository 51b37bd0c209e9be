"""The walls around a child: seccomp, Landlock, limits, no capabilities. Linux only; all of it works unprivileged.

Everything here runs in the forked child (or builds what the child loads), so it imports little and answers
errors with `OSError`: a wall that does not stand must stop the child, never be skipped.
"""

import contextlib
import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = [
    "GPU_READS",
    "GPU_WRITES",
    "apply_landlock",
    "build_filter",
    "check_call",
    "die_first",
    "die_with_parent",
    "drop_capabilities",
    "landlock_abi",
    "libc",
    "set_limits",
]

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_NAME, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_VMA = 1, 15, 24, 38, 0x53564D41
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446

# What CPython, numpy, PIL, safetensors and torch on a CPU need. Whatever is not here answers EPERM. Not here on
# purpose: mincore, preadv2, fadvise64, readahead tell and change which pages of a shared file are in memory, a way
# from one hand-in to the next; io_uring opens sockets behind a filter's back; memfd and shared memory are in no folder
# that is measured; Landlock does not cover chmod, chown, utime and setxattr; kill, setpriority, sched_setaffinity reach
# the judge, which is the same user's.
ALLOWED = tuple(
    """
read write readv writev pread64 pwrite64 preadv pwritev lseek close close_range
stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat
getdents getdents64 getcwd chdir fchdir dup dup2 dup3 pipe pipe2 fsync fdatasync ftruncate fallocate
mkdir mkdirat rmdir link linkat unlink unlinkat rename renameat renameat2 umask statfs fstatfs
copy_file_range sendfile splice tee
mmap munmap mremap mprotect madvise brk msync membarrier
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause
futex futex_waitv set_robust_list get_robust_list rseq set_tid_address arch_prctl
exit exit_group restart_syscall
nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getitimer setitimer alarm
timer_create timer_settime timer_gettime timer_delete timer_getoverrun
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2
timerfd_create timerfd_settime timerfd_gettime
getpid getppid gettid getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid getsid
getrlimit getrusage sysinfo uname getrandom getcpu getpriority sched_yield sched_getaffinity
sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min capget
""".split()  # noqa: SIM905 - a list of two hundred literals reads worse
)

# CUDA's driver also talks to its devices and pins memory. Kept apart: a CPU run never has them.
ALLOWED_GPU = ("ioctl", "mlock", "munlock", "mbind", "get_mempolicy", "set_mempolicy", "mknod", "symlink", "symlinkat")
AF_UNIX = 1
# Where the driver's libraries lie in many containers, and what it reads of the kernel. It ends, saying only "OS call
# failed", when it may not write the names of its own threads: in a process's folder nothing is anybody else's.
GPU_READS = (
    *("/usr/local/nvidia", "/usr/lib/wsl", "/sys"),
    *("/proc/driver/nvidia", "/proc/self", "/proc/devices", "/proc/sys/vm/mmap_min_addr"),
)
GPU_WRITES = ("/proc/self/task",)

# A thread shares memory, files, folder and signals (VM FS FILES SIGHAND THREAD), and enters no new namespace:
# a thread with descriptors of its own could hold many more files than the limit.
CLONE_OF_A_THREAD = 0x00000100 | 0x00000200 | 0x00000400 | 0x00000800 | 0x00010000
CLONE_MASK = CLONE_OF_A_THREAD | 0x7E020080
FCNTL_COMMANDS = [0, 1, 2, 3, 4, 5, 6, 7, 1030]  # the descriptor commands and record locks
IOCTLS = [
    0x5401,
    0x5413,
    0x5421,
    0x541B,
    0x5450,
    0x5451,
]  # TCGETS TIOCGWINSZ FIONBIO FIONREAD FIONCLEX FIOCLEX


def build_filter(gpu: bool = False) -> Any:
    """A libseccomp filter, ready to `load()` in a child. Raises `OSError` where libseccomp is missing."""
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise OSError(f"libseccomp could not be loaded ({error}): install the package libseccomp2") from None
    allow, equal = seccomp.ALLOW, seccomp.EQ
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for name in ALLOWED + (ALLOWED_GPU if gpu else ()):
        _try_rule(rules, allow, name)
    if gpu:
        # The driver binds its threads to cores; the same call binds other processes, so it only seems to work.
        rules.add_rule(seccomp.ERRNO(0), "sched_setaffinity")
        # It asks for a service that shares GPUs between processes, and takes "there is none" for an answer, but no
        # ban. A socket that can be connected to nothing reaches nobody; Landlock refuses the links and devices.
        rules.add_rule(allow, "socket", seccomp.Arg(0, equal, AF_UNIX))
        rules.add_rule(seccomp.ERRNO(errno.ENOENT), "connect")
        rules.add_rule(seccomp.ERRNO(0), "setsockopt")
    # A thread shares its process; any other clone would be a process. clone3 hides its flags behind a
    # pointer, so it "does not exist": libc then falls back to clone. After EPERM there would be no threads at all.
    rules.add_rule(allow, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_MASK, CLONE_OF_A_THREAD))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # Before ABI 3 Landlock lets a file be emptied that may only be read: never O_TRUNC without writing.
    # openat2 hides its flags behind a pointer, so it does not exist either.
    for name, at in (("open", 1), ("openat", 2)):
        for mask, flags in (
            (os.O_TRUNC, 0),
            (os.O_TRUNC | os.O_ACCMODE, os.O_TRUNC | os.O_WRONLY),
            (os.O_TRUNC | os.O_ACCMODE, os.O_TRUNC | os.O_RDWR),
        ):
            _try_rule(rules, allow, name, seccomp.Arg(at, seccomp.MASKED_EQ, mask, flags))
    _try_rule(rules, seccomp.ERRNO(errno.ENOSYS), "openat2")
    # No F_SETOWN, F_SETSIG: they would send the judge a signal of choice through a pipe.
    for command in FCNTL_COMMANDS:
        rules.add_rule(allow, "fcntl", seccomp.Arg(1, equal, command))
    if not gpu:
        for request in IOCTLS:
            rules.add_rule(allow, "ioctl", seccomp.Arg(1, equal, request))
    # Reading one's own limits is harmless; setting any, or reading another's, is not offered: a child could lower the
    # judge's CPU limit, and so kill it.
    rules.add_rule(allow, "prlimit64", seccomp.Arg(0, equal, 0), seccomp.Arg(2, equal, 0))
    rules.add_rule(allow, "prctl", seccomp.Arg(0, equal, PR_SET_NAME))
    rules.add_rule(allow, "prctl", seccomp.Arg(0, equal, PR_SET_VMA))
    return rules


def _try_rule(rules: Any, action: Any, name: str, *conditions: Any) -> None:
    # Old calls such as `open` do not exist on every architecture, new ones not in every libseccomp.
    try:
        rules.add_rule(action, name, *conditions)
    except (OSError, ValueError, RuntimeError):
        if os.uname().machine == "x86_64" and name not in ("futex_waitv", "openat2"):
            raise


def check_call(result: int, what: str) -> int:
    """What a call of libc's answered; `OSError` with its reason when it failed."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    check_call(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "PR_SET_PDEATHSIG")


def die_first(proc: str = "/proc") -> None:
    """Offer this process to the kernel when memory runs out, before the judge and its neighbours."""
    # Some containers do not let a process say so; the limit on its memory stands without.
    with contextlib.suppress(OSError), open(f"{proc}/self/oom_score_adj", "w") as file:
        file.write("1000")


def drop_capabilities() -> None:
    """Give up every capability for good; a child of root keeps root's name and none of its powers."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    check_call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    header = struct.pack("Ii", 0x20080522, 0)
    data = bytes(24)
    number = SYS_CAPSET.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"the sandbox knows x86_64 and aarch64, not {os.uname().machine}")
    check_call(libc.syscall(number, header, data), "capset")


def set_limits(
    *,
    memory: int | None,
    cpu_seconds: int,
    file_size: int,
    threads: int | None,
    open_files: int = 64,
    proc: str = "/proc",
) -> None:
    """Set the kernel's limits; `memory` bytes of address space are added to what is mapped already (3.4 GB by torch).

    `threads` counts those of the whole worker, and only in a user namespace of its own: elsewhere the kernel would
    count all processes of the user. It does not hold root back; see `thread_group`.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_SIGPENDING: 64,
    }
    if threads is not None:
        wanted[resource.RLIMIT_NPROC] = threads
    if memory is not None:
        mapped = int(Path(f"{proc}/self/statm").read_text().split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = mapped + memory
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


# Landlock's rights, in the order of the ABIs that brought them.
FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_TRUNCATE, FS_IOCTL_DEV = 1 << 14, 1 << 15
FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR
_FILE_RIGHTS = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV
# remove_dir, remove_file, make_dir, make_reg: neither links nor devices nor sockets.
FS_WRITE = FS_WRITE_FILE | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | FS_TRUNCATE


def landlock_abi() -> int:
    """The kernel's Landlock ABI, 0 where it has none."""
    return max(0, int(libc.syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def apply_landlock(read: Iterable[str], write: Iterable[str] = (), devices: Iterable[str] = ()) -> None:
    """Allow reading below `read`, reading and writing below `write` and `devices`, and nothing else, for good."""
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    # Each ABI adds rights at the end: 13 bits, then refer (2), truncate (3), ioctl on devices (5).
    handled_fs = (1 << 13) - 1 | (abi >= 2) << 13 | (abi >= 3) << 14 | (abi >= 5) << 15
    handled_net = 3 if abi >= 4 else 0
    scoped = 3 if abi >= 6 else 0
    attributes = struct.pack("QQQ", handled_fs, handled_net, scoped)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = check_call(
        libc.syscall(SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0)),
        "landlock_create_ruleset",
    )
    try:
        for paths, rights in (
            (read, FS_READ),
            (write, FS_READ | FS_WRITE),
            (devices, FS_READ | FS_WRITE_FILE | FS_IOCTL_DEV),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled_fs)
        check_call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
        check_call(libc.syscall(SYS_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, fd)
        check_call(
            libc.syscall(SYS_LANDLOCK_ADD, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0)),
            f"landlock_add_rule({path})",
        )
    finally:
        os.close(fd)
