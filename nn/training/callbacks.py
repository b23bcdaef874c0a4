"""Callbacks: what else happens in a training. Stop early; save checkpoints; your own."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from autodiff.errors import located

from ..optim.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from pathlib import Path

    from autodiff import Tensor

    from .trainer import Trainer

Mode = Literal["auto", "min", "max"]


class Callback:
    """The base of callbacks: define the methods that you need.

    A callback that remembers something between epochs gives it in `state_dict`, of numbers, texts, tensors,
    lists and dicts; checkpoints then hold it. `trainer.stop(reason)` ends the training after this epoch.

    >>> class Target(Callback):
    ...     def on_epoch_end(self, trainer, values):
    ...         if values["loss"] < 0.1:
    ...             trainer.stop("the loss is below 0.1")
    """

    def on_train_begin(self, trainer: Trainer) -> None:
        """Before the first epoch."""

    def on_backward_end(self, trainer: Trainer, loss: Tensor, inputs: Sequence[Any], target: Tensor) -> None:
        """In each step, once its gradients are there and before they move the parameters."""

    def on_epoch_end(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        """After an epoch, with its numbers by name."""

    def on_checkpoint(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        """After all callbacks' `on_epoch_end`: nothing of this epoch will change any more."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the last epoch, or after Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """What a training that resumes has to know."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class Best:
    """The best value of a series so far: the lowest, or the highest.

    The mode "auto" is "min" for losses and errors, "max" for accuracy; another name is a ValueError.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise located.ValueError(f"mode {mode!r} is unknown: it is 'auto', 'min' or 'max'")
        if not min_delta >= 0:
            raise located.ValueError(f"min_delta must not be negative, and is {min_delta}")
        name = monitor.removeprefix("val_")
        if mode == "auto":
            if name not in ("loss", "mae", "mse", "accuracy"):
                raise located.ValueError(f"is a higher {monitor} better? Say mode='max' or mode='min'")
            mode = "max" if name == "accuracy" else "min"
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.reset()

    def reset(self) -> None:
        """Forget the best value."""
        self.value = math.inf if self.mode == "min" else -math.inf

    def check(self, trainer: Trainer) -> None:
        """Raise ValueError if the training has no such series."""
        if self.monitor not in trainer.series:
            hint = ": validation_split or validation_data gives it" if self.monitor[:4] == "val_" else ""
            raise located.ValueError(
                f"there is no {self.monitor!r} to monitor, only {', '.join(trainer.series)}{hint}"
            )

    def beaten_by(self, value: float) -> bool:
        """True if this is better by more than `min_delta`; nan never is."""
        gain = self.value - value if self.mode == "min" else value - self.value
        return gain > self.min_delta


class EarlyStopping(Callback):
    """Stop once `monitor` has not become better, by more than `min_delta`, for `patience` epochs in a row.

    With `restore_best_weights` the model has, at the end of the training and also after Ctrl-C, the weights
    (and buffers) of its best epoch, else those of the last. `best_epoch` counts from 1. Raises ValueError for
    options out of range, and for a `monitor` that the training does not have. Source: Keras, `EarlyStopping`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: Mode = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self.best = Best(monitor, mode, min_delta)
        if patience < 0:
            raise located.ValueError(f"patience must not be negative, and is {patience}")
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.reset()

    def reset(self) -> None:
        """Forget what was best."""
        self.best.reset()
        self.best_epoch = self.waited = 0
        self.best_weights: dict[str, Any] | None = None

    def on_train_begin(self, trainer: Trainer) -> None:
        self.best.check(trainer)
        if not trainer.resumed:
            self.reset()
        self._stop_if_over(trainer)

    def on_epoch_end(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        value = values[self.best.monitor]
        with uninterrupted():
            if self.best.beaten_by(value):
                self.best.value, self.best_epoch, self.waited = value, trainer.epoch, 0
                if self.restore_best_weights:
                    state = trainer.model.state_dict()
                    self.best_weights = {name: tensor.clone() for name, tensor in state.items()}
            else:
                self.waited += 1
        self._stop_if_over(trainer)

    def _stop_if_over(self, trainer: Trainer) -> None:
        if self.waited and self.waited >= self.patience:
            trainer.stop(
                f"{self.best.monitor} has not been better than {self.best.value:.4g}, of epoch "
                f"{self.best_epoch}, for {self.waited} epoch{'s' * (self.waited > 1)}"
            )

    def on_train_end(self, trainer: Trainer) -> None:
        if self.best_weights is not None:
            with uninterrupted():
                trainer.model.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best.value,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "best_weights": self.best_weights,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if self.restore_best_weights and state_dict["best_epoch"] and state_dict["best_weights"] is None:
            raise located.ValueError(
                "the checkpoint has no best weights: it was made with restore_best_weights=False"
            )
        self.best.value = state_dict["best"]
        self.best_epoch = state_dict["best_epoch"]
        self.waited = state_dict["waited"]
        self.best_weights = state_dict["best_weights"] if self.restore_best_weights else None


class ModelCheckpoint(Callback):
    """Save a checkpoint after each epoch, or only after those in which `monitor` became better.

    A checkpoint is the whole training: `trainer.fit(..., resume=path)` goes on from it, bit for bit, and
    `nn.load(path)["model"]` is the model's state_dict. `path` may have fields, such as
    "{epoch:02d}-{val_loss:.3f}.npz"; without, each checkpoint takes the place of the one before, whole, so
    that a crash leaves one or the other. Raises ValueError for fields and for a `monitor` that the training
    does not have. Source: Keras, `ModelCheckpoint`.

    >>> import autodiff, nn, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "last.npz")
    >>> model = nn.Linear(2, 1)
    >>> trainer = nn.Trainer(model, nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.1))
    >>> x, y = autodiff.ones(4, 2), autodiff.zeros(4, 1)
    >>> _ = trainer.fit(x, y, epochs=2, callbacks=[ModelCheckpoint(path)], verbose=False)
    >>> len(trainer.fit(x, y, epochs=5, resume=path, verbose=False))
    5
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: Mode = "auto",
    ) -> None:
        self.path = os.fspath(path)
        self.best = Best(monitor, mode) if save_best_only else None
        self.is_better = True

    def on_train_begin(self, trainer: Trainer) -> None:
        if self.best is not None:
            self.best.check(trainer)
            if not trainer.resumed:
                self.best.reset()
        self._path(1, dict.fromkeys(trainer.series, 0.0))

    def on_epoch_end(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        if self.best is not None:
            self.is_better = self.best.beaten_by(values[self.best.monitor])
            if self.is_better:
                self.best.value = values[self.best.monitor]

    def on_checkpoint(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        if self.is_better:
            path = self._path(trainer.epoch, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            trainer.save(path)

    def _path(self, epoch: int, values: Mapping[str, float]) -> Path:
        """Where the checkpoint of this epoch goes."""
        from pathlib import Path

        try:
            return Path(self.path.format_map({**values, "epoch": epoch}))
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise located.ValueError(
                f"ModelCheckpoint: {self.path!r} cannot be filled in ({error!r}): its fields are epoch, "
                f"{', '.join(values)}"
            ) from None

    def state_dict(self) -> dict[str, Any]:
        return {} if self.best is None else {"best": self.best.value}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if self.best is not None and "best" in state_dict:
            self.best.value = state_dict["best"]
