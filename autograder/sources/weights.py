"""Edits of a trained model's files: what right and wrong answers change in weights and hyperparameters."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from ..base.errors import AutograderError

__all__ = ["HparamEdit", "ModelEdit", "check_edit", "edit_hparams", "edit_weights"]

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelEdit(BaseModel):
    """One change of a tensor: `op` says which, one of `value`, `new_key` and `shape` with what."""

    model_config = _STRICT

    op: Literal["scale", "fill", "noise", "rename", "reshape", "add"]
    key: str
    value: float | None = None
    new_key: str | None = None
    shape: list[Annotated[int, Field(ge=0)]] | None = None


class HparamEdit(BaseModel):
    """Another value of a hyperparameter that is there."""

    model_config = _STRICT

    key: str
    value: Any


def check_edit(where: str, edit: ModelEdit) -> None:
    """Nothing; an `AutograderError` when the edit has not exactly what its operation needs."""
    needs = {
        "scale": "value",
        "fill": "value",
        "noise": "value",
        "rename": "new_key",
        "reshape": "shape",
        "add": "shape",
    }
    given = {name for name in ("value", "new_key", "shape") if getattr(edit, name) is not None}
    if given != {needs[edit.op]}:
        raise AutograderError(
            f"{where}: expected exactly `{needs[edit.op]}` beside op = {edit.op!r}, "
            f"got {', '.join(sorted(given)) or 'nothing'}"
        )


def edit_weights(where: str, path: Path, edits: Iterable[ModelEdit], name: str) -> None:
    """Change tensors of a safetensors file; noise is drawn from a seed that follows from `name` and the key."""
    try:
        tensors = load_file(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
    except (SafetensorError, KeyError, TypeError) as error:
        raise AutograderError(
            f"{where}: expected float tensors that numpy knows in {path.name}, got {error}"
        ) from error
    for edit in edits:
        if (edit.key in tensors) is (edit.op == "add"):
            raise AutograderError(
                f"{where}: op = {edit.op!r} expected a key {'not yet' if edit.op == 'add' else 'that is'} in "
                f"{path.name}, got {edit.key!r}: it holds {', '.join(sorted(tensors))}"
            )
        tensors = _edited_tensors(where, tensors, edit, name)
    save_file(tensors, path, metadata)


def _edited_tensors(where: str, tensors: dict[str, Any], edit: ModelEdit, name: str) -> dict[str, Any]:
    if edit.op == "add":
        return {**tensors, edit.key: np.zeros(edit.shape or [], np.float32)}
    if edit.op == "rename":
        return {edit.new_key if key == edit.key else key: tensor for key, tensor in tensors.items()}  # type: ignore[misc]
    tensor = tensors[edit.key]
    if edit.op == "reshape":
        try:
            return {**tensors, edit.key: np.ascontiguousarray(tensor.reshape(edit.shape))}
        except ValueError as error:
            raise AutograderError(f"{where}: {edit.key}: {error}: give a shape of {tensor.size} items") from error
    value = edit.value or 0.0
    if edit.op == "noise":
        rng = np.random.default_rng(zlib.crc32(f"{name}:{edit.key}".encode()))
        changed = tensor + rng.normal(0.0, value, tensor.shape)
    elif edit.op == "scale":
        changed = tensor * value
    else:
        changed = np.full(tensor.shape, value)
    return {**tensors, edit.key: np.asarray(changed, tensor.dtype)}


def edit_hparams(where: str, path: Path, edits: Iterable[HparamEdit]) -> None:
    """Change hyperparameters in a JSON file."""
    hparams = json.loads(path.read_text(encoding="utf-8"))
    for edit in edits:
        if edit.key not in hparams:
            raise AutograderError(
                f"{where}: expected a key of {path.name}, got {edit.key!r}: it has {', '.join(sorted(hparams))}"
            )
        hparams[edit.key] = edit.value
    path.write_text(json.dumps(hparams, indent=2) + "\n", encoding="utf-8")
