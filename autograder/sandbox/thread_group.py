"""A limit on the threads of a worker and its children together, by a control group, where one may be made."""

import contextlib
import os
from pathlib import Path

__all__ = ["ThreadGroup"]

NAME = "autograder-"


class ThreadGroup:
    """A folder of the kernel's `pids` controller; whoever joins it passes the limit on to its children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, limit: int, pid: int) -> "ThreadGroup | None":
        """A new group of at most `limit` threads with the process `pid` in it; None where the machine gives none."""
        for parent in _own_groups():
            folder = parent / f"{NAME}{os.getpid()}-{pid}"
            try:
                _remove_left(parent)
                folder.mkdir()
            except OSError:
                continue
            try:
                (folder / "pids.max").write_text(f"{limit}\n")
                (folder / "cgroup.procs").write_text(f"{pid}\n")
                return cls(folder)
            except OSError:
                with contextlib.suppress(OSError):
                    folder.rmdir()
        return None

    def close(self) -> None:
        """Remove the group, once its processes are gone."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _own_groups() -> list[Path]:
    """Folders of this process's groups that may have the `pids` controller: that of version 1, then version 2."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        return []
    own = {
        "cgroup2" if not controllers else "cgroup": path for _, controllers, path in groups if _has_pids(controllers)
    }
    found = []
    for fields in mounts:
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        if kind not in own or (kind == "cgroup" and "pids" not in options):
            continue
        root, at = fields[3], fields[4]
        # In a container the group's name may be told from another root than the mount's.
        below = own[kind].removeprefix(root) if root != "/" else own[kind]
        found.append((kind, Path(at + "/" + below.strip("/"))))
    return [path for _, path in sorted(found) if path.is_dir()]


def _has_pids(controllers: str) -> bool:
    # Version 2 has one group for all controllers, and names none of them.
    return not controllers or "pids" in controllers.split(",")


def _remove_left(parent: Path) -> None:
    """Remove groups of judges that were killed."""
    for folder in parent.glob(f"{NAME}*"):
        judge = folder.name.removeprefix(NAME).partition("-")[0]
        if not Path(f"/proc/{judge}").exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
