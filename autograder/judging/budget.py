"""The time of one hand-in, shared out so that no task pays for another's."""

from collections import Counter
from collections.abc import Collection

__all__ = ["MOST_LATE", "SLEEP_FACTOR", "Budget"]

# Seconds asleep that cost as much as one second of computing.
SLEEP_FACTOR = 2
# Tests of a task that may run out of time; the others of that task are not run any more.
MOST_LATE = 2


class Budget:
    """Seconds of computing that one hand-in has: half is shared out evenly, half is for whoever needs more.

    `names` are the tasks and the modules, which are imported for themselves. A task that never ends uses up its
    share and what all have in common, and leaves each of the others its own share.
    """

    def __init__(self, seconds: float, names: Collection[str] = ()) -> None:
        self.seconds = seconds
        self._shares = dict.fromkeys(names, seconds / 2 / len(names)) if names else {}
        self._common = seconds / 2 if names else seconds
        self._late: Counter[str] = Counter()

    def left(self, name: str) -> float:
        """Seconds that this task or module may still use."""
        return self._shares.get(name, 0.0) + self._common

    def charge(self, name: str, computed: float, slept: float = 0.0, *, late: bool = False) -> None:
        """Take what an answer cost; `late` says that there was none in time."""
        cost = max(0.0, computed) + max(0.0, slept) / SLEEP_FACTOR
        own = min(cost, self._shares.get(name, 0.0))
        if own:
            self._shares[name] -= own
        self._common = max(0.0, self._common - (cost - own))
        self._late[name] += late

    def has_ended(self, name: str) -> bool:
        """True when so many tests of the task ran out of time that the others would, too."""
        return self._late[name] >= MOST_LATE
