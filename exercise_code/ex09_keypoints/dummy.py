"""Given: a model that does not look at the picture."""

import torch
from torch import nn

__all__ = ["MeanFaceModel"]


class MeanFaceModel(nn.Module):
    """Answers the same face for every picture: the mean of the keypoints it was made from."""

    mean_face: torch.Tensor

    def __init__(self, keypoints: torch.Tensor) -> None:
        super().__init__()
        # A buffer is saved and moved with the model, but no optimizer changes it.
        self.register_buffer("mean_face", keypoints.mean(dim=0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The mean face for each picture, float32 (batch_size, 30)."""
        return self.mean_face.expand(len(images), -1)
