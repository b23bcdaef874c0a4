"""Rates that rise before they fall, batch by batch, while the momentum goes the other way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from autodiff.errors import located

from ..optimizer import Optimizer
from .function import attributes
from .scheduler import LRScheduler, assign, one_each, refuse_other


class Cycle(LRScheduler):
    """What both share: the momentum (of Adam and its kin β₁), cycled between two values of each group."""

    cycle_momentum: bool
    use_beta1: bool

    def _prepare_momentum(self, base: Any, top: Any, start: bool) -> tuple[list[Any], list[Any]]:
        """Both values, one for each group; kept in the groups, at the highest to `start` with."""
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise located.ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled: "
                f"{type(self.optimizer).__name__} has neither, so pass cycle_momentum=False"
            )
        self.use_beta1 = "betas" in defaults
        highs = one_each("max_momentum", self.optimizer, top)
        lows = one_each("base_momentum", self.optimizer, base)
        if start:
            for group, high, low in zip(self.optimizer.param_groups, highs, lows, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(Cycle):
    """From `base_lr` up to `max_lr` in `step_size_up` steps, down in `step_size_down` (as many), and anew:

    γₜ = base_lr + (max_lr − base_lr)·height·scale,

    where height goes evenly from 0 to 1 and back. scale is 1 in the `mode` "triangular", halved with each
    cycle in "triangular2", and gammaᵗ in "exp_range"; or else `scale_fn` of the number of the cycle (from 1),
    or, with `scale_mode` "iterations", of t. With `cycle_momentum` the momentum is max_momentum −
    (max_momentum − base_momentum)·height·scale.

    Raises ValueError for modes that do not exist, for lists that are not as long as there are groups, and for
    an optimizer without momentum. Source: Smith, "Cyclical Learning Rates for Training Neural Networks"
    (2017); PyTorch, `CyclicLR`.

    >>> import autodiff
    >>> from nn.optim import SGD
    >>> optimizer = SGD([autodiff.ones(1, requires_grad=True)], momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=0.25, max_lr=0.75, step_size_up=2)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr(), round(optimizer.param_groups[0]["momentum"], 6)
    ([0.75], 0.8)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        refuse_other(optimizer)
        self.optimizer = optimizer
        base_lrs = one_each("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                assign(group, "lr", lr)
        self.max_lrs = one_each("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise located.ValueError(
                f"mode is invalid and scale_fn is None: {mode!r} is not triangular, triangular2 or exp_range"
            )
        if scale_mode not in ("cycle", "iterations"):
            raise located.ValueError(
                f"scale_mode must be 'cycle' or 'iterations', instead got {scale_mode!r}"
            )
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        if scale_fn is None:
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._prepare_momentum(
                base_momentum, max_momentum, start=last_epoch == -1
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The scale of the cycle with number x, or (by `scale_mode`) after x steps."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        scale: float = 2.0 ** (1 - x) if self.mode == "triangular2" else self.gamma**x
        return scale

    def rates(self) -> list[Any]:
        t = self.last_epoch
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else t)
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                self._set_momentum(group, high - (high - low) * height * scale)
        return [
            low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and `scale_fn`; of a callable object its attributes are kept."""
        function = self._scale_fn_custom
        saved = None if function is None else attributes(function)
        return {**super().state_dict(), "_scale_fn_custom": saved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        function = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = function
        if function is not None and state_dict["_scale_fn_custom"]:
            vars(function).update(state_dict["_scale_fn_custom"])


class OneCycleLR(Cycle):
    """One cycle: from max_lr / `div_factor` up to `max_lr`, then down to 1 / `final_div_factor` of the start.

    It takes `total_steps`, or `epochs`·`steps_per_epoch`. In the first `pct_start` of them the rate goes up,
    in the rest down; with `three_phase` it goes down to the start as fast as it went up, and in the rest from
    there to the end. Each way is half a wave of the cosine, or a line with `anneal_strategy` "linear". With
    `cycle_momentum` the momentum goes from `max_momentum` to `base_momentum` and back.

    Raises ValueError for options out of range, an optimizer without momentum and steps beyond the last;
    ZeroDivisionError for a phase without a step. Source: Smith and Topin, "Super-Convergence: Very Fast
    Training of Neural Networks Using Large Learning Rates" (2018); PyTorch, `OneCycleLR`.

    >>> import autodiff
    >>> from nn.optim import Adam
    >>> optimizer = Adam([autodiff.ones(1, requires_grad=True)])
    >>> scheduler = OneCycleLR(optimizer, max_lr=0.5, total_steps=10)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr(), optimizer.param_groups[0]["betas"]
    ([0.5], (0.85, 0.999))
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        refuse_other(optimizer)
        self.optimizer = optimizer
        self.total_steps = _steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise located.ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise located.ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        top, end = pct_start * self.total_steps - 1, self.total_steps - 1
        up = _phase(top, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if three_phase:
            back = 2 * pct_start * self.total_steps - 2
            down = _phase(back, "max_lr", "initial_lr", "base_momentum", "max_momentum")
            out = _phase(end, "initial_lr", "min_lr", "max_momentum", "max_momentum")
            self._schedule_phases = [up, down, out]
        else:
            self._schedule_phases = [up, _phase(end, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        max_lrs = one_each("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._prepare_momentum(base_momentum, max_momentum, start=last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[Any]:
        t = self.last_epoch
        if t > self.total_steps:
            raise located.ValueError(
                f"Tried to step {t} times. The specified number of total steps is {self.total_steps}"
            )
        start, phases = 0.0, self._schedule_phases
        for phase in phases:
            if t <= phase["end_step"] or phase is phases[-1]:
                break
            start = phase["end_step"]
        if phase["end_step"] == start:
            raise ZeroDivisionError(
                f"OneCycleLR: a phase from step {start} to itself; with {self.total_steps} steps choose "
                "another pct_start"
            )
        way = (t - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], way))
            if self.cycle_momentum:
                first, last = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(first, last, way))
        return rates

    def _between(self, start: Any, end: Any, way: float) -> Any:
        """From `start` at way 0 to `end` at way 1."""
        if self._anneal_func_type == "linear":
            return (end - start) * way + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * way) + 1)


def _phase(end: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
    """A part of the cycle: its last step, and from which option of a group to which it goes."""
    return {
        "end_step": end,
        "start_lr": start_lr,
        "end_lr": end_lr,
        "start_momentum": start_momentum,
        "end_momentum": end_momentum,
    }


def _steps(total: Any, epochs: Any, steps_per_epoch: Any) -> int:
    """The number of steps in the cycle. Raises ValueError unless it is given, as positive integers."""
    given = {"total_steps": total}
    if total is None:
        if epochs is None or steps_per_epoch is None:
            raise located.ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise located.ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())
