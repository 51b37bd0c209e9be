"""Models of torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..evaluation import evaluate_model

__all__ = ["TorchLibrary"]


class TorchLibrary:
    """A `torch.nn.Module`: its `state_dict`."""

    def unwrapped(self, model: nn.Module) -> nn.Module:
        """The model inside of what `torch.compile` and `DataParallel` made of it."""
        while True:
            inner = getattr(model, "_orig_mod", None)
            if inner is None and isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
                inner = model.module
            if not isinstance(inner, nn.Module):
                return model
            model = inner

    def state(self, model: nn.Module) -> dict[str, Tensor]:
        """Copies on the CPU."""
        return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in model.state_dict().items()}

    def pack(self, state: Mapping[str, Tensor], metadata: dict[str, str] | None) -> bytes:
        """The content of a safetensors file."""
        return save(dict(state), metadata)

    def read(self, path: Path) -> dict[str, Tensor]:
        """What a safetensors file holds."""
        return load_file(path)

    def fill(self, model: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
        """The model with these values, in eval mode."""
        model.load_state_dict(state)
        return model.eval()

    def same(self, one: Tensor, other: Tensor) -> bool:
        """True for the same bytes: NaN equals itself here."""
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and bool(torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8)))

    def parameters(self, model: nn.Module) -> int:
        """How many values its floating tensors have, buffers (as of batch normalisation) included."""
        return sum(tensor.numel() for tensor in model.state_dict().values() if tensor.is_floating_point())

    def score(self, model: nn.Module, dataset: Any, metric: str) -> float:
        """The score on samples `(input, target)`, such as a `TensorDataset`."""
        return evaluate_model(model, dataset, metric)
