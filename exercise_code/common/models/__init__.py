"""Trained models as files: weights in safetensors, hyperparameters in JSON, never a pickle."""

from .saving import count_parameters, load_model, save_model

__all__ = ["count_parameters", "load_model", "save_model"]
