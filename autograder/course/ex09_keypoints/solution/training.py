"""Exercise 9: coordinates, loss, one step of training, flipped faces, predictions in pixels."""

from __future__ import annotations

import torch
from torch import nn

from .faces import FLIP_ORDER, IMAGE_SIZE


def normalize_keypoints(pixels: torch.Tensor) -> torch.Tensor:
    """Coordinates in the scale of the network, a tensor of the shape of `pixels`.

    A coordinate counts from the middle of the picture, in halves of its width: 0 pixels become -1, the middle
    (48 pixels for a picture of 96) becomes 0, and 96 pixels become 1. The same formula holds for x and y.

    Args:
        pixels: float tensor of any shape with coordinates in pixels. It stays as it is.
    """
    ### TASK keypoints_scaling
    ### BEGIN SOLUTION
    half = IMAGE_SIZE / 2
    return (pixels - half) / half
    ### END SOLUTION


def denormalize_keypoints(keypoints: torch.Tensor) -> torch.Tensor:
    """Coordinates in pixels, a tensor of the shape of `keypoints`. It undoes `normalize_keypoints`.

    Args:
        keypoints: float tensor of any shape with coordinates in the scale of the network. It stays as it is.
    """
    ### TASK keypoints_scaling
    ### BEGIN SOLUTION
    half = IMAGE_SIZE / 2
    return keypoints * half + half
    ### END SOLUTION


def keypoint_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    r"""The mean squared error over all samples and all coordinates, a tensor with a single number.

    $L = \frac{1}{30\,N} \sum_{i=1}^{N} \sum_{j=1}^{30} (\hat{y}_{ij} - y_{ij})^2$

    Gradients must flow from it back to the predictions.

    Args:
        predictions, targets: float tensors of the same shape (batch_size, 30).
    """
    ### TASK keypoints_loss
    ### BEGIN SOLUTION
    return ((predictions - targets) ** 2).mean()
    ### END SOLUTION


def flip_faces(images: torch.Tensor, keypoints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The faces as a mirror shows them: new images and new keypoints, of the same shapes as before.

    A mirror swaps left and right, so two things happen to the keypoints. Their x coordinates change sign (the
    middle of the picture is 0). And they change their names: what was the left eye is now the right eye, and
    belongs in the right eye's columns.

    Args:
        images: float tensor (batch_size, 1, 96, 96). The last axis runs from left to right. It stays as it is.
        keypoints: float tensor (batch_size, 30), x before y, in the scale of the network. It stays as it is.

    Hint:
        Place i of the mirrored list holds what was at place `FLIP_ORDER[i]`. With the shape (batch_size, 15, 2),
        the points have an axis of their own.
    """
    ### TASK keypoints_flip
    ### BEGIN SOLUTION
    # Indexing with a list of numbers copies, so the caller's keypoints stay as they are.
    points = keypoints.reshape(-1, len(FLIP_ORDER), 2)[:, FLIP_ORDER]
    points[..., 0] = -points[..., 0]
    return images.flip(-1), points.reshape(keypoints.shape)
    ### END SOLUTION


def train_step(
    model: nn.Module, images: torch.Tensor, keypoints: torch.Tensor, optimizer: torch.optim.Optimizer
) -> float:
    """The loss of the batch before the step, a Python float, after one step of gradient descent.

    In this order: forget the gradients of the step before, compute predictions and loss, compute the gradients,
    let the optimizer change the parameters.

    Args:
        model: predicts scaled coordinates (batch_size, 30) for images.
        images: float tensor (batch_size, 1, 96, 96).
        keypoints: float tensor (batch_size, 30), the true coordinates in the scale of the network.
        optimizer: an optimizer of the model's parameters.
    """
    ### TASK keypoints_training
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss = keypoint_loss(model(images), keypoints)
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


def predict_keypoints(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The keypoints that the model predicts, in pixels, a float tensor (batch_size, 15, 2) without gradients.

    They are made in eval mode, in which dropout and batch normalisation behave as they do in a finished model.
    Afterwards the model is in the mode (training or evaluation) in which it came.

    Args:
        model: predicts coordinates (batch_size, 30) in the scale of the network.
        images: float tensor (batch_size, 1, 96, 96).
    """
    ### TASK keypoints_predict
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images)
    model.train(was_training)
    return denormalize_keypoints(predictions).reshape(len(images), len(FLIP_ORDER), 2)
    ### END SOLUTION
