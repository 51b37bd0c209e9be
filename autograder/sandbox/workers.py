"""The warm workers of a judge: one for most hand-ins, and one that has imported every library a student may use."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exercise_code.common.checks.environment import WARM, beyond

from .client import Worker

__all__ = ["Workers"]

# As much of a module's text as is searched; longer ones are not taken from a hand-in.
MAX_TEXT = 2**20


@dataclass
class Workers:
    """Workers for the children of one exercise, each started when it is first needed.

    A library costs seconds to import and gigabytes of address space. Which hand-in uses one beyond what its exercise
    names can be read in its modules, and only those are served by the larger worker.
    """

    exercise: str
    base: Path
    imports: Sequence[str]
    device: str = "cpu"
    unsafe: bool = False
    namespaces: bool = True
    usual: Worker = field(init=False)
    everything: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.usual = self._worker(self.imports)
        self.everything = self._worker([*self.imports, *(name for name in WARM if name not in self.imports)])

    def for_hand_in(self, package: Path, own: Collection[str]) -> Worker:
        """The worker for the hand-in whose code lies in `package`: the bytes of its `own` modules decide alone."""
        texts = {path.stem: _start_of(path) for path in sorted(package.glob("*.py"))}
        given = {name: text for name, text in texts.items() if name not in own}
        theirs = [text for name, text in texts.items() if name in own]
        return self.everything if beyond(theirs, self.imports, given) else self.usual

    def close(self) -> None:
        """End both workers."""
        self.usual.close()
        self.everything.close()

    def _worker(self, imports: Sequence[str]) -> Worker:
        return Worker(
            self.exercise, self.base, imports, device=self.device, unsafe=self.unsafe, namespaces=self.namespaces
        )


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_TEXT)
