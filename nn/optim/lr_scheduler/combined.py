"""Several schedulers of one optimizer: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, assign, options


class Combined(LRScheduler):
    """What both share: schedulers of the same optimizer, saved and restored with it."""

    _schedulers: list[LRScheduler]

    def _check(self, schedulers: Sequence[Any], optimizer: Any) -> None:
        """Refuse what cannot be combined."""
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise located.TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise located.ValueError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs "
                    f"to be specified when calling `step`, but got one at index {i} in the given schedulers "
                    "sequence."
                )
            if scheduler.optimizer is not optimizer:
                raise located.ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                    f"{type(scheduler).__name__} at index {i}, which has another one"
                )

    def state_dict(self) -> dict[str, Any]:
        """The state of all, but not the optimizer."""
        saved = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": saved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        schedulers = self._schedulers
        saved = state_dict["_schedulers"]
        if len(saved) != len(schedulers):
            raise located.ValueError(
                f"loaded state dict has {len(saved)} schedulers, and there are {len(schedulers)} here"
            )
        super().load_state_dict(state_dict)
        self._schedulers = schedulers
        for scheduler, state in zip(schedulers, saved, strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(Combined):
    """One scheduler after the other: at each milestone the next one starts, from its epoch 0.

    Raises ValueError unless there is one milestone between each two schedulers, in order, and all belong to
    `optimizer`; and for a `ReduceLROnPlateau`. Source: PyTorch, `SequentialLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> from nn.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> warmup = ConstantLR(optimizer, factor=0.125, total_iters=2)
    >>> scheduler = SequentialLR(optimizer, [warmup, ExponentialLR(optimizer, gamma=0.5)], milestones=[2])
    >>> for _ in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.1]
    [0.1]
    [0.8]
    [0.4]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise located.ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise located.ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number "
                f"of milestone points, but got number of schedulers {len(schedulers)} and the number of "
                f"milestones to be equal to {len(milestones)}"
            )
        if list(milestones) != sorted(milestones):
            raise located.ValueError(f"SequentialLR: milestones must be in order, and they are {milestones}")
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        for group in optimizer.param_groups:  # undo the first steps of all, and do that of the first one
            assign(group, "lr", group["initial_lr"])
        step_back(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]  # as in PyTorch
        """Go on to the next epoch, of the scheduler whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(Combined):
    """All schedulers in every step, each changing the rates that the one before left.

    Raises ValueError for no schedulers, for those of different optimizers, and for a `ReduceLROnPlateau`.
    Source: PyTorch, `ChainedScheduler`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> from nn.optim.lr_scheduler import ExponentialLR, StepLR
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], lr=0.8)
    >>> halved = ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = ChainedScheduler([halved, StepLR(optimizer, step_size=2, gamma=0.25)])
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(scheduler.get_last_lr())
    [0.4]
    [0.05]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if len(schedulers) < 1:
            raise located.ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler."
            )
        optimizer = optimizer or getattr(schedulers[0], "optimizer", None)
        self._check(schedulers, optimizer)
        self._schedulers = list(schedulers)
        self.optimizer = schedulers[0].optimizer
        self._last_lr = options(self.optimizer, "lr")

    def step(self) -> None:  # type: ignore[override]  # as in PyTorch
        """Step all of them."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = options(self.optimizer, "lr")


def step_back(scheduler: LRScheduler) -> None:
    """One epoch back, in the count of every scheduler that has one of its own."""
    if isinstance(scheduler, Combined):
        for part in scheduler._schedulers:
            step_back(part)
    else:
        scheduler.last_epoch -= 1
