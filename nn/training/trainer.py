"""The Trainer: it fits a model to data, epoch after epoch, evaluates it and predicts with it.

A class of its own rather than `model.fit`, because a Module is PyTorch's: it computes, and knows nothing of
losses and optimizers. What belongs to one training (model, loss, optimizer, scheduler, history) is together
here, and so is saved and resumed together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from autodiff import Tensor
from autodiff.errors import located

from ..evaluating import evaluating
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..optim.uninterrupted import uninterrupted
from . import checkpoint, progress
from .batches import dataset_of, evaluation_loader, inputs_and_target, split, tensor_of
from .batches import training_loader as loader_of
from .callbacks import Callback
from .history import History
from .metrics import Metric, Tally, joined_rows, named

Path = str | os.PathLike[str]


class Trainer:
    """A model with what it is trained by: `fit`, `evaluate`, `predict`, `save` and `load`.

    `loss(output, target)` is one number. `metrics` are names ("accuracy", "mae", "mse") or functions
    `(outputs, targets) -> number`, in a list, or in a dict that names them. `scheduler` is stepped after each
    epoch, or after each batch with `scheduler_step="batch"`; `ReduceLROnPlateau` gets the validation loss if
    there is one, else the loss. For another kind of step, override `train_step`.

    `history` is that of the last training, `epoch` the number of its epochs so far. Raises ValueError and
    TypeError for metrics that are not known and for options that do not fit together. See the module
    `nn.training` for an example.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Tensor], Tensor],
        optimizer: Optimizer,
        metrics: Iterable[str | Metric] | Mapping[str, str | Metric] = (),
        scheduler: LRScheduler | None = None,
        scheduler_step: Literal["epoch", "batch"] = "epoch",
    ) -> None:
        if not isinstance(model, Module):
            raise located.TypeError(f"Trainer: model must be an nn.Module, not {type(model).__name__}")
        if isinstance(loss, type) or not callable(loss):
            raise located.TypeError(
                "Trainer: loss must be a function or a loss module, such as nn.CrossEntropyLoss()"
            )
        if not isinstance(optimizer, Optimizer):
            raise located.TypeError(
                f"Trainer: optimizer must be an nn.optim.Optimizer, not {type(optimizer).__name__}: "
                "nn.optim.Adam(model.parameters())"
            )
        if scheduler_step not in ("epoch", "batch"):
            raise located.ValueError(f"scheduler_step is 'epoch' or 'batch', not {scheduler_step!r}")
        if scheduler_step == "batch" and isinstance(scheduler, ReduceLROnPlateau):
            raise located.ValueError(
                "ReduceLROnPlateau looks at the loss of an epoch: leave scheduler_step='epoch'"
            )
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics = named(metrics, loss)
        self.scheduler, self.scheduler_step = scheduler, scheduler_step
        self.history = History()
        self.epoch = 0
        self.series: list[str] = []
        self.resumed = False
        self.callbacks: Sequence[Callback] = ()
        self._loaders: Sequence[Any] = ()
        self._stopped = ""
        self._streams: dict[str, Any] | None = None

    # Training ------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        callbacks: Sequence[Callback] = (),
        resume: Path | None = None,
        verbose: bool = True,
    ) -> History:
        """Train for `epochs` epochs, and return the history: loss and metrics of each, and of the validation.

        Data: `x` and `y` are tensors or NumPy arrays (`x` a list of them if the model has several arguments),
        or `x` alone is a dataset of samples (x, y), or a loader of batches, which has its own batch_size and
        order. NumPy's floats are taken over in the model's dtype. Validation: `validation_split` is the share
        of the last samples to hold out, `validation_data` a pair (x, y), a dataset or a loader; it leaves the
        model's modes and the random stream of the training alone.

        Ctrl-C ends the training but not the program: the history of the complete epochs is returned
        (`history.interrupted`), and `EarlyStopping(restore_best_weights=True)` puts the best weights back.

        `resume` is a checkpoint of `ModelCheckpoint` or `save`: training goes on to `epochs` epochs in all,
        bit for bit as if it had never stopped, if the arguments are the same. What it restores: model,
        optimizer, scheduler, history, callbacks, and the random streams of the engine and of the loaders (not
        those of NumPy and Python, if data or callbacks draw from them).

        `verbose` prints a line an epoch, with a bar on a terminal if tqdm is installed. The model is left in
        training mode. Raises ValueError or TypeError for data and options that do not fit together.
        """
        if not isinstance(epochs, int):
            raise located.TypeError(f"fit(): epochs must be an int, not {type(epochs).__name__}")
        for callback in callbacks:
            if not hasattr(callback, "on_train_begin"):
                raise located.TypeError(
                    f"fit(): callbacks are objects of nn.training.Callback, not {type(callback).__name__}"
                )
        if epochs < 0:
            raise located.ValueError(f"epochs must not be negative, and is {epochs}")
        training, validation = self._data(x, y, batch_size, validation_split, validation_data, shuffle)
        self.callbacks = list(callbacks)
        self._loaders = [training, validation]
        names = ["loss", *self.metrics]
        self.series = names + ([f"val_{name}" for name in names] if validation is not None else [])
        self.series += ["lr"] if self.scheduler is not None else []
        self.history, self.epoch, self._stopped = History(), 0, ""
        self.resumed, self._streams = False, None
        if resume is not None:
            self.load(resume)
        for callback in self.callbacks:
            callback.on_train_begin(self)
        if self._streams is not None:  # last, so that nothing draws between here and the first epoch
            checkpoint.restore_streams(self._streams, self._loaders)
            self._streams = None

        try:
            while self.epoch < epochs and not self._stopped:
                self._fit_epoch(training, validation, epochs, verbose)
        except KeyboardInterrupt:
            self.history.interrupted = True
            print(f"Interrupted after {self.epoch} of {epochs} epochs; they are in the history.")
        for callback in self.callbacks:
            callback.on_train_end(self)
        if self._stopped and verbose:
            print(f"Stopped after epoch {self.epoch}: {self._stopped}.")
        return self.history

    def _fit_epoch(self, training: Iterable[Any], validation: Any, epochs: int, verbose: bool) -> None:
        """One epoch: all batches, the validation, the scheduler, the callbacks."""
        start = time.perf_counter()
        tally = Tally(self.metrics)
        lr = self.optimizer.param_groups[0]["lr"]
        self.model.train()
        with progress.bar(training, f"Epoch {self.epoch + 1}/{epochs}", verbose) as batches:
            for batch in batches:
                inputs, target = inputs_and_target(batch, self.model, "fit")
                loss, output = self.train_step(inputs, target)
                tally.add(loss, output, target)
                if self.scheduler is not None and self.scheduler_step == "batch":
                    self.scheduler.step()
        values = tally.result()
        if validation is not None:
            values |= self._evaluated(validation, "val_")
        if self.scheduler is not None:
            values["lr"] = float(lr)
            if isinstance(self.scheduler, ReduceLROnPlateau):
                self.scheduler.step(values.get("val_loss", values["loss"]))
            elif self.scheduler_step == "epoch":
                self.scheduler.step()
        with uninterrupted():
            self.history.append(values)
            self.epoch += 1
        if verbose:
            print(progress.line(self.epoch, epochs, time.perf_counter() - start, values), flush=True)
        for callback in self.callbacks:
            callback.on_epoch_end(self, values)
        for callback in self.callbacks:
            callback.on_checkpoint(self, values)

    def train_step(self, inputs: Sequence[Any], target: Tensor) -> tuple[Tensor, Any]:
        """Move the parameters by one batch; returns the loss before, and the output that it was computed of.

        Override it for another kind of step, with clipped gradients for example.
        """
        first: list[tuple[Tensor, Any]] = []

        def closure() -> Tensor:  # which a line search calls more than once
            self.optimizer.zero_grad()
            output = self.model(*inputs)
            loss = self.loss(output, target)
            if not isinstance(loss, Tensor):
                raise located.TypeError(
                    f"Trainer: the loss returned {type(loss).__name__}: it must compute a Tensor, without "
                    "item(), so that there is something to go back through"
                )
            first.append((loss, output))
            loss.backward()
            if len(first) == 1:
                for callback in self.callbacks:
                    callback.on_backward_end(self, loss, inputs, target)
            return loss

        self.optimizer.step(closure)
        return first[0]

    def stop(self, reason: str) -> None:
        """End the training after this epoch."""
        self._stopped = self._stopped or reason

    def _data(self, x: Any, y: Any, batch_size: int, share: float, given: Any, shuffle: bool) -> Any:
        """The batches to train on, and those to validate with, or None."""
        dataset = dataset_of(x, y, self.model, "fit")
        held_out = None
        if given is not None:
            if share:
                raise located.ValueError("fit() takes validation_split or validation_data, not both")
            x, y = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
            held_out = dataset_of(x, y, self.model, "fit")
        elif share:
            dataset, held_out = split(dataset, share)
        training = loader_of(dataset, batch_size, shuffle)
        return training, None if held_out is None else evaluation_loader(held_out, batch_size)

    # Using the model -----------------------------------------------------------------------------------

    def evaluate(self, x: Any, y: Any = None, *, batch_size: int = 32) -> dict[str, float]:
        """Loss and metrics on data, as `fit` takes it; in eval mode, and the model is left as it was."""
        return self._evaluated(evaluation_loader(dataset_of(x, y, self.model, "evaluate"), batch_size), "")

    def _evaluated(self, batches: Iterable[Any], prefix: str) -> dict[str, float]:
        tally = Tally(self.metrics)
        with evaluating(self.model):
            for batch in batches:
                inputs, target = inputs_and_target(batch, self.model, "evaluate")
                output = self.model(*inputs)
                tally.add(self.loss(output, target), output, target)
        return tally.result(prefix)

    def predict(self, x: Any, *, batch_size: int = 32) -> Any:
        """What the model returns for all samples, in order; in eval mode, and the model is left as it was.

        `x` is a tensor or an array (or a list, for several arguments), or a dataset or loader, whose targets,
        the last of each sample, are not looked at. A tuple of results comes as a tuple.
        """
        data = dataset_of(x, None, self.model, "predict")
        alone = data is not x  # arrays, without a target
        outputs = []
        with evaluating(self.model):
            for batch in evaluation_loader(data, batch_size):
                parts = batch if isinstance(batch, list | tuple) else [batch]
                inputs = parts if alone or len(parts) == 1 else parts[:-1]
                outputs.append(self.model(*(tensor_of(part, self.model) for part in inputs)))
        if not outputs:
            raise located.ValueError("predict(): there was no sample")
        if isinstance(outputs[0], tuple):
            return tuple(joined_rows(list(parts)) for parts in zip(*outputs, strict=True))
        return joined_rows(outputs)

    # Checkpoints ---------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write all there is to this training to an npz file, without pickle: see `fit(resume=...)`.

        Between epochs, that is in callbacks, and after a training.
        """
        checkpoint.save(self, path)

    def load(self, path: Path) -> None:
        """Take over what `save` wrote: model, loss, optimizer, scheduler, history.

        Callbacks and random streams are those of a training: `fit(resume=path)` restores them too. Raises
        FileNotFoundError if there is no file, ValueError if it is no checkpoint, or one of a training with
        other parts; RuntimeError if the model has other parameters.
        """
        checkpoint.load(self, path)
