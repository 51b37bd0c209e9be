"""What torch itself knows of a computation: which operators ran, and which tensors a result is made from."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["OperatorTrace", "watched_leaves"]


class OperatorTrace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A block that counts operators: `counts["aten.convolution"]` is how often a convolution ran.

    `nn.Conv2d`, `F.conv2d` and their kin all end in that one. Code that runs in the block can leave it, so a count is
    evidence, no proof.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = Counter[str]()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.counts[str(getattr(func, "overloadpacket", func))] += 1
        return func(*args, **(kwargs or {}))

    def named(self, parts: Iterable[str]) -> list[str]:
        """The operators with one of these texts in their name, in alphabetical order."""
        return sorted(name for name in self.counts if any(part in name.rpartition(".")[2] for part in parts))


def watched_leaves(result: Tensor) -> list[Tensor]:
    """The tensors that autograd watches, such as parameters, from which a result was made."""
    found: dict[int, Tensor] = {}
    seen: set[Any] = set()
    todo: list[Any] = [result.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        todo += [following for following, _ in node.next_functions]
    return list(found.values())
