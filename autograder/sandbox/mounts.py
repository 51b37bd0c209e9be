"""What a worker and its children see of the machine: a root of their own, with what they may read and a scratch folder.

By user and mount namespaces, which need no privileges where the machine allows them. The root holds read-only
mounts of what a child may read: nothing else has a name there, so sizes and times of other files cannot be asked
for, and reading leaves no access times behind. A child sees its hand-in and an empty scratch folder, a tmpfs of
its own that bounds bytes and files, those without a name too, and that is gone with the process.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from .walls import check_call, libc

__all__ = ["HAND_IN", "MACHINE", "SCRATCH", "SCRATCH_BYTES", "SCRATCH_FILES", "enter_root", "enter_scratch", "why_not"]

SCRATCH, HAND_IN, MACHINE = "/scratch", "/hand-in", "/machine"
SCRATCH_BYTES = 64 * 2**20
SCRATCH_FILES = 1000

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_MOUNT_SETATTR = 442


def why_not(readable: Iterable[str], devices: Iterable[str], at: str) -> str:
    """Why this machine gives a worker no root of its own; empty when it does, tried in a process that ends."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            enter_root(readable, devices, at)
            enter_scratch(at)
            reason = ""
        except BaseException as error:
            reason = str(error) or type(error).__name__
        os.write(write, reason.encode()[:500])
        os._exit(0)
    os.close(write)
    reason = os.read(read, 500).decode(errors="replace")
    os.close(read)
    _, status = os.waitpid(pid, 0)
    return reason if status == 0 else f"the trial ended with status {status}"


def enter_root(readable: Iterable[str], devices: Iterable[str], at: str) -> None:
    """Move this process, which must have one thread, into a root that holds `readable` and `devices`.

    `at` is a folder to build the root in; the machine's own root lies at `MACHINE`, until a child hides it.
    Raises `OSError` where the machine does not allow it.
    """
    _unshare()
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in [*_outermost(readable), *devices]:
        _place(path, at)
    for folder in (SCRATCH, HAND_IN, MACHINE, "/dev"):
        os.makedirs(at + folder, exist_ok=True)
    # Semaphores of multiprocessing are files there.
    os.symlink(SCRATCH + "/shm", at + "/dev/shm")
    _set_read_only(at)
    os.chdir("/")
    check_call(
        libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], at.encode(), (at + MACHINE).encode()),
        "pivot_root",
    )
    os.chdir("/")
    _mount_scratch()


def enter_scratch(workspace: str) -> None:
    """In a child: see the workspace at `HAND_IN`, an empty folder at `SCRATCH`, and no other file of the machine."""
    check_call(libc.unshare(CLONE_NEWNS), "unshare")
    _mount_scratch()
    _mount(MACHINE + workspace, HAND_IN, None, MS_BIND | MS_REC)
    _set_read_only(HAND_IN)
    # Covered, not detached, for which the kernel would let us wait. Only who may mount could take it off again.
    _mount("tmpfs", MACHINE, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=2,mode=0")
    _set_read_only(MACHINE)


def _unshare() -> None:
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0:
        code = ctypes.get_errno()
        # Where user namespaces are switched off, root may still have a mount namespace.
        if libc.unshare(CLONE_NEWNS) < 0:
            raise OSError(code, f"user namespaces: {os.strerror(code)}")
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths that lie in no other one: what is below a mount comes with it."""
    kept: list[str] = []
    for path in sorted(map(os.path.normpath, paths)):
        if not any(path == other or path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept


def _place(path: str, root: str) -> None:
    """Make `path` lead, below `root`, to what it leads to on the machine, over the same links."""
    try:
        found = _copy_links(path, root)
        mode = os.stat(found).st_mode
    except FileNotFoundError:
        return
    target = root + found
    if os.path.lexists(target) and os.path.samefile(target, found):
        return
    if stat.S_ISDIR(mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(found, target, None, MS_BIND | MS_REC)


def _copy_links(path: str, root: str) -> str:
    """The real path of `path`; each link on the way to it is made below `root` too."""
    done, rest = "", [part for part in path.split("/") if part]
    for _ in range(200):
        if not rest:
            return done
        part = rest.pop(0)
        if part == "..":
            done = os.path.dirname(done)
            continue
        here = f"{done}/{part}"
        if not os.path.islink(here):
            done = here
            continue
        leads_to = os.readlink(here)
        if not os.path.lexists(root + here):
            os.makedirs(root + done, exist_ok=True)
            os.symlink(leads_to, root + here)
        rest = [part for part in leads_to.split("/") if part not in ("", ".")] + rest
        if leads_to.startswith("/"):
            done = ""
    raise OSError(errno.ELOOP, f"too many links on the way to {path}")


def _mount_scratch() -> None:
    _mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, f"size={SCRATCH_BYTES},nr_inodes={SCRATCH_FILES},mode=700")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    check_call(
        libc.mount(
            source and source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), data.encode()
        ),
        f"mount {target}",
    )


def _set_read_only(path: str) -> None:
    """Also for what is mounted below; a read-only mount keeps no access times.

    Not by `noatime`, which a user namespace may not set.
    """
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    check_call(
        libc.syscall(
            SYS_MOUNT_SETATTR,
            ctypes.c_int(AT_FDCWD),
            path.encode(),
            ctypes.c_uint(AT_RECURSIVE),
            attributes,
            ctypes.c_size_t(32),
        ),
        f"mount_setattr {path}",
    )
