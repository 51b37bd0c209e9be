"""What torch knows of a computation: the operators that ran, and the tensors that a result is made from."""

import pytest
import torch
from torch import nn

from exercise_code.common.tracing import OperatorTrace, watched_leaves

FORBIDDEN = ("convolution", "conv_tbc", "im2col")
IMAGES = torch.ones(2, 3, 8, 8)


class Hidden(nn.Module):
    """A convolution by a matrix that looks like a linear layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 27))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(images, self.weight.view(4, 3, 3, 3))


@pytest.mark.parametrize(
    "model",
    [
        nn.Conv2d(3, 4, 3),
        nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 5)),
        nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last),
        nn.ConvTranspose2d(3, 4, 3),
        nn.Unfold(3),
        Hidden(),
    ],
    ids=["conv2d", "conv1d", "channels last", "transposed", "unfold", "from a matrix"],
)
def test_convolutions_are_seen_however_they_are_called(model: nn.Module) -> None:
    with torch.no_grad(), OperatorTrace() as trace:
        model(IMAGES)
    assert len(trace.named(FORBIDDEN)) == 1


def test_a_fully_connected_network_runs_none_of_them() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(), nn.Linear(8, 2))
    with OperatorTrace() as trace:
        model(IMAGES).sum().backward()
    assert trace.counts["aten.addmm"] == 2
    assert trace.named(FORBIDDEN) == []


def test_what_runs_after_the_block_is_not_counted() -> None:
    with OperatorTrace() as trace:
        torch.ones(2) + 1
    before = trace.counts.total()
    torch.ones(2) + 1
    assert trace.counts.total() == before > 0


def test_the_leaves_of_a_result() -> None:
    weight, frozen = nn.Parameter(torch.ones(2)), torch.ones(2)
    other = torch.ones(2, requires_grad=True)
    result = (weight * frozen + other * weight.detach()).sum()
    assert {id(leaf) for leaf in watched_leaves(result)} == {id(weight), id(other)}
    assert watched_leaves(frozen.sum()) == []
