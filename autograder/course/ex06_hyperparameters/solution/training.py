"""Exercise 6: a trainer for pictures. It has three bugs, and you look for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from exercise_code.ex04_solver.history import History
from exercise_code.ex04_solver.solver import Data, Solver

from .images import prepare
from .regularisation import add_l2_gradients, l2_penalty

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Trainer(Solver):
    """Exercise 4's solver for pictures and a model with dropout: the parameters with the best accuracy are kept.

    Args:
        model: a `Classifier`: has `params`, `forward`, `backward`, `train` and `eval`.
        loss, optimizer: as in `Solver`.
        train_data, val_data: (images, labels), images as uint8 of shape (N, 32, 32, 3).
        batch_size, seed: as in `Solver`.
        patience: int, after how many epochs in a row without a better validation accuracy training stops; None: never.
        augment: a function of (images, rng) that gives new images, called anew for each batch; None: no augmentation.
        strength: float, how much L2 regularisation is added to the loss.
        schedule: a function of the share of the epochs that is done, from 0 to 1: the learning rate of an epoch is
            the optimizer's first one times its answer; None: it stays as it is.

    Attributes: those of `Solver`; `history` has val_score, too, the validation accuracies.
        best_score: float, the highest validation accuracy so far; -1 at the start.
    """

    def __init__(
        self,
        model: Any,
        loss: Any,
        optimizer: Any,
        train_data: Data,
        val_data: Data,
        batch_size: int = 100,
        patience: int | None = None,
        seed: int = 0,
        augment: Augment | None = None,
        strength: float = 0.0,
        schedule: Callable[[float], float] | None = None,
    ) -> None:
        super().__init__(model, loss, optimizer, train_data, val_data, batch_size, patience, seed)
        self.augment, self.strength, self.schedule = augment, strength, schedule
        self.best_score = -1.0

    def train(self, num_epochs: int) -> History:
        """The history, after so many epochs; the model then has the parameters of the best one."""
        first_rate = self.optimizer.learning_rate
        self.history.stopped = "all epochs done"
        for epoch in range(num_epochs):
            if self.schedule is not None:
                self.optimizer.learning_rate = first_rate * self.schedule(epoch / num_epochs)
            self.history.train_loss.append(self._train_epoch())
            loss, accuracy = self.measure(*self.val_data)
            self.history.val_loss.append(loss)
            self.history.val_score.append(accuracy)
            if self._note_score(len(self.history.val_score), accuracy):
                self.history.stopped = f"no better validation accuracy in {self.patience} epochs"
                break
        self.optimizer.learning_rate = first_rate
        for name, param in self.model.params.items():
            param[...] = self.best_params[name]
        return self.history

    def _train_epoch(self) -> float:
        """The mean loss over the batches of an epoch, the penalty included, each measured before its step."""
        images, labels = self.train_data
        self.model.train()
        order = self.rng.permutation(len(images))
        total = 0.0
        for start in range(0, len(images), self.batch_size):
            chosen = order[start : start + self.batch_size]
            pictures, targets = images[chosen], labels[chosen]
            if self.augment is not None:
                pictures = self.augment(pictures, self.rng)
            total += self._step(prepare(pictures), targets) * len(pictures)
        return total / len(images)

    def _step(self, X: np.ndarray, y: np.ndarray) -> float:
        """The loss on a batch with the penalty added, as it was before the step; then one step has been taken."""
        scores = self.model.forward(X)
        loss = self.loss.forward(scores, y) + l2_penalty(self.model.params, self.strength)
        grads = self.model.backward(self.loss.backward(scores, y))
        self.optimizer.step(self.model.params, add_l2_gradients(grads, self.model.params, self.strength))
        return float(loss)

    def measure(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """The loss without the penalty and the accuracy, from 0 to 1, of the model in evaluation mode."""
        self.model.eval()
        scores = self.model.forward(prepare(images))
        accuracy = float((scores.argmax(axis=1) == labels).mean())
        return float(self.loss.forward(scores, labels)), accuracy

    def _note_score(self, epoch: int, accuracy: float) -> bool:
        """True where training should stop; keeps the values of the parameters if the accuracy is the best so far."""
        if accuracy > self.best_score:
            self.best_score, self.history.best_epoch = accuracy, epoch
            self.best_params = {name: param.copy() for name, param in self.model.params.items()}
        return self.patience is not None and epoch - self.history.best_epoch >= self.patience
