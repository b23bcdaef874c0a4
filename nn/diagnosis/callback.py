"""The diagnosis as a callback of `nn.Trainer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autodiff.errors import located

from ..training.callbacks import Callback
from .examination import diagnose
from .findings import Diagnosis

if TYPE_CHECKING:
    from ..training.trainer import Trainer


class Diagnose(Callback):
    """Ask `nn.diagnose` before the first epoch, and whenever the loss has not fallen for `patience` epochs.

    It looks at the batches that are trained on and runs the trainer's own `train_step`, and leaves no trace:
    the training goes on bit for bit as it would without. `diagnosis` is the last one, and `diagnoses` are
    all, by epoch; new findings are printed unless `verbose` is False, and with `stop` they end the training.
    Raises ValueError for a patience below 1.
    """

    def __init__(self, patience: int = 5, stop: bool = False, verbose: bool = True) -> None:
        if patience < 1:
            raise located.ValueError(f"patience must be at least 1, and is {patience}")
        self.patience, self.stop, self.verbose = patience, stop, verbose
        self.diagnoses: dict[int, Diagnosis] = {}
        self.best, self.waited = float("inf"), 0

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The last one."""
        return next(reversed(self.diagnoses.values()), None)

    def on_train_begin(self, trainer: Trainer) -> None:
        if not trainer.resumed:
            self.diagnoses, self.best, self.waited = {}, float("inf"), 0
        self.look(trainer)

    def on_epoch_end(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        if values["loss"] < self.best:
            self.best, self.waited = values["loss"], 0
            return
        self.waited += 1
        if self.waited % self.patience == 0:
            self.look(trainer)

    def look(self, trainer: Trainer) -> None:
        """Ask, and tell what is new."""

        def step(*batch: Any) -> None:
            trainer.train_step(list(batch[:-1]), batch[-1])

        known = self.diagnosis.causes if self.diagnosis is not None else []
        found = diagnose(trainer.model, trainer.loss, trainer._loaders[0], trainer.optimizer, step=step)
        self.diagnoses[trainer.epoch] = found
        if found.causes and found.causes != known:
            if self.verbose:
                print(found)
            if self.stop:
                trainer.stop(f"nn.diagnose found {', '.join(found.causes)}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.best, self.waited = state_dict["best"], state_dict["waited"]
