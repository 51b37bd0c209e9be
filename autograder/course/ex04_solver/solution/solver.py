"""Exercise 4, notebook 2: a solver, which trains a model and remembers how that went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .history import History

Data = tuple[np.ndarray, np.ndarray]


class Solver:
    """Training: epochs of steps, a measurement after each epoch, and the best parameters at the end.

    Args:
        model: has `params`, `forward(X)` and `backward(dout)`.
        loss: has `forward(predictions, targets)` and `backward(predictions, targets)`.
        optimizer: has `step(params, grads)`.
        train_data: (X, y), what the steps learn from.
        val_data: (X, y), what each epoch is measured with.
        batch_size: int, the number of samples in a step, drawn in random order; None takes all of them in each step.
        patience: int, after how many epochs in a row without a better validation loss training stops; None: never.
        seed: int, for the order of the samples.

    Attributes: the arguments under their own names, and
        history: a `History` with train_loss, val_loss, best_epoch and stopped.
        best_val_loss: float, the lowest validation loss so far; infinity at the start.
        best_params: dict of arrays, the parameters' values when it was reached; None at the start.
    """

    def __init__(
        self,
        model: Any,
        loss: Any,
        optimizer: Any,
        train_data: Data,
        val_data: Data,
        batch_size: int | None = None,
        patience: int | None = None,
        seed: int = 0,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.train_data, self.val_data = train_data, val_data
        self.batch_size, self.patience, self.seed = batch_size, patience, seed
        self.rng = np.random.default_rng(seed)
        self.history = History()
        self.best_val_loss = float("inf")
        self.best_params: dict[str, np.ndarray] | None = None

    def _step(self, X: np.ndarray, y: np.ndarray) -> float:
        """The loss on (X, y), a float, as it was before the step; then one step has been taken.

        Steps:
            1. Let the model predict.
            2. Compute the loss of these predictions.
            3. Go back: the gradient of the loss for the predictions, and from it those for the parameters.
            4. Let the optimizer change the model's parameters, once.
        """
        ### TASK solver_step
        ### BEGIN SOLUTION
        predictions = self.model.forward(X)
        loss = self.loss.forward(predictions, y)
        grads = self.model.backward(self.loss.backward(predictions, y))
        self.optimizer.step(self.model.params, grads)
        return loss
        ### END SOLUTION

    def _note_best(self, epoch: int, val_loss: float) -> bool:
        """True where training should stop, else False; notes the parameters of the best epoch so far.

        Where `val_loss` is lower than `self.best_val_loss`, keep three things: the loss in `self.best_val_loss`, the
        number of the epoch in `self.history.best_epoch`, and in `self.best_params` a dict with the values that the
        model's parameters have now. Values: the optimizer goes on changing the arrays themselves.

        Training should stop when `self.patience` epochs in a row have brought no lower loss. Without patience (None)
        it never should.

        Args:
            epoch: int, the number of the epoch that has just ended; the first one is 1.
            val_loss: float, the validation loss after this epoch.
        """
        ### TASK solver_best
        ### BEGIN SOLUTION
        if val_loss < self.best_val_loss:
            self.best_val_loss = val_loss
            self.history.best_epoch = epoch
            self.best_params = {name: param.copy() for name, param in self.model.params.items()}
        if self.patience is None:
            return False
        return epoch - self.history.best_epoch >= self.patience
        ### END SOLUTION

    def train(self, num_epochs: int) -> History:
        """The history, after so many epochs more; the model then has the parameters of the best one. Given."""
        X, y = self.train_data
        X_val, y_val = self.val_data
        self.history.stopped = "all epochs done"
        for _ in range(num_epochs):
            losses = [self._step(X[batch], y[batch]) * len(X[batch]) for batch in self._batches(len(X))]
            self.history.train_loss.append(sum(losses) / len(X))
            val_loss = self.loss.forward(self.model.forward(X_val), y_val)
            self.history.val_loss.append(val_loss)
            if self._note_best(len(self.history.val_loss), val_loss):
                self.history.stopped = f"no better validation loss in {self.patience} epochs"
                break
        if self.best_params is not None:
            for name, param in self.model.params.items():
                param[...] = self.best_params[name]
        return self.history

    def _batches(self, count: int) -> Iterator[slice | np.ndarray]:
        """The samples of each step of an epoch: all of them, or pieces of a random order. Given."""
        if self.batch_size is None:
            yield slice(None)
            return
        order = self.rng.permutation(count)
        for start in range(0, count, self.batch_size):
            yield order[start : start + self.batch_size]
