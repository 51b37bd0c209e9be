"""A probe of the grader's own: does a device compute where hand-ins are to be scored on it?"""

__all__ = ["RIGHT", "compute_on"]

RIGHT = 9.0


def compute_on(_code: object, device: str) -> float:
    """A convolution's largest value on `device`, which is `RIGHT`."""
    # Here, not at the top: the judge imports this module, and never torch.
    import torch

    images, kernel = torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
    return float(torch.nn.functional.conv2d(images, kernel).max())
