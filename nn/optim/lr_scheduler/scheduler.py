"""What all schedulers share: the count of epochs, the initial rates, saved state, and the frame of a step.

A scheduler adds `rates`: those of the parameter groups in the epoch `last_epoch`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from autodiff import Tensor
from autodiff.errors import located

from ..optimizer import Optimizer
from .order import note_steps, warn_if_first


class LRScheduler:
    """The base of all schedulers.

    `step()`, after `optimizer.step()`, goes on to the next epoch (or batch) and sets `group["lr"]` of each
    parameter group; `get_last_lr()` is the list of these rates. A group's first rate is kept as "initial_lr".
    With `last_epoch` ≥ 0 and groups that have an "initial_lr", training is resumed after that epoch.

    A scheduler of your own defines `get_lr()`, which returns the rates for the epoch `self.last_epoch`, from
    `self.base_lrs` or from the present rates.

    Raises TypeError for what is no optimizer, KeyError if there is no "initial_lr" to resume with; warns if
    the scheduler is stepped before the optimizer. Source: PyTorch, `torch.optim.lr_scheduler.LRScheduler`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> class InverseRoot(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) ** 0.5 for lr in self.base_lrs]
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = InverseRoot(optimizer)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    _step_count: int
    _last_lr: list[Any]
    _is_initial = False  # in the step that sets the first rates
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        refuse_other(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0: load the optimizer's state_dict first, or leave last_epoch out"
                )
        self.base_lrs = options(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # What a scheduler adds ---------------------------------------------------------------------

    def rates(self) -> list[Any]:
        """The rates of the groups in the epoch `last_epoch`."""
        raise located.NotImplementedError(f"{type(self).__name__} must define get_lr()")

    # What a user calls -------------------------------------------------------------------------

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch and set its rates.

        With `epoch`, which PyTorch deprecates, jump there: by the closed form of the schedule, if it has one.
        """
        if self._step_count == 1:
            warn_if_first(self.optimizer)
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                rates = self.get_lr()
            else:
                self.last_epoch = epoch
                rates = getattr(self, "_get_closed_form_lr", self.get_lr)()
        finally:
            self._get_lr_called_within_step = False
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, "lr", rate)
        self._last_lr = options(self.optimizer, "lr")

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set, one a group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates of the next step, while it is taken; at other times see `get_last_lr`."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`: "
                "`get_lr()` goes one step further",
                stacklevel=2,
            )
        return self.rates()

    # Saved and restored ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All there is to the scheduler but its optimizer, in PyTorch's layout."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` of a scheduler of this kind gave: ours or PyTorch's.

        Load the optimizer's state as well, which has the rates. Raises KeyError, with nothing changed, for a
        state of another kind of scheduler.
        """
        missing = [name for name in self.state_dict() if name[0] != "_" and name not in state_dict]
        if missing:
            raise KeyError(
                f"loaded state dict has no {', '.join(missing)}: it is not of a {type(self).__name__}"
            )
        vars(self).update(state_dict)


# Options of the parameter groups ---------------------------------------------------------------


def copied(value: Any) -> Any:
    """A number, or a tensor with memory of its own."""
    return value.clone() if isinstance(value, Tensor) else value


def options(optimizer: Optimizer, name: str) -> list[Any]:
    """The option of this name of each group, copied."""
    return [copied(group[name]) for group in optimizer.param_groups]


def assign(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option; one that is a tensor stays the same tensor."""
    if isinstance(group[name], Tensor):
        group[name].fill_(float(value))
    else:
        group[name] = value


def one_each(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group: those of a list, or the same for all; ValueError for a wrong length."""
    n = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        value = [value] * n
    if len(value) != n:
        raise located.ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {n}."
        )
    return [copied(item) for item in value]


# Errors and warnings ---------------------------------------------------------------------------


def refuse_other(optimizer: Any) -> None:
    """Raise TypeError for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise located.TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def warn_of_epoch() -> None:
    """Warn of `step(epoch)`."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
        "Please use `scheduler.step()` to step the scheduler: `step(epoch)` jumps to the closed form of the "
        "schedule, whatever else has changed the rate.",
        stacklevel=3,
    )
