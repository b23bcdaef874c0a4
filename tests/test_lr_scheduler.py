"""The schedulers: trajectories, state and errors are PyTorch's, to the last bit, for any parameters."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
from nn import optim

OURS = SimpleNamespace(lib=autodiff, optim=optim, lrs=optim.lr_scheduler)
THEIRS = SimpleNamespace(lib=torch, optim=torch.optim, lrs=torch.optim.lr_scheduler)
Make = Callable[[SimpleNamespace, Any], Any]

STEPS = 110
RATE = st.floats(1e-4, 2)
SHARE = st.floats(0, 1)
GAMMA = st.floats(0.1, 1.2)
COUNT = st.integers(1, 150)
EPOCH = st.integers(0, STEPS)


def decays(t: int) -> float:
    return 1 / (1 + 0.1 * t)


class Power:
    """A function with an attribute, which a state_dict keeps."""

    def __init__(self, base: float) -> None:
        self.base = base

    def __call__(self, t: float) -> float:
        return self.base ** (t / 10)


FUNCTION = st.sampled_from([decays, lambda t: 0.5 + 0.5 * math.cos(t), Power(0.9)])
MOMENTUM = {"cycle_momentum": st.booleans(), "base_momentum": SHARE, "max_momentum": SHARE}
CYCLE = st.fixed_dictionaries(
    {"base_lr": RATE, "max_lr": RATE, "step_size_up": st.integers(1, 60)},
    optional={
        "step_size_down": st.integers(1, 60),
        "gamma": st.floats(0.1, 1),  # above 1 a rate could be negative
        **MOMENTUM,
    },
)
SCHEDULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "StepLR": st.fixed_dictionaries({"step_size": COUNT}, optional={"gamma": GAMMA}),
    "MultiStepLR": st.fixed_dictionaries({"milestones": st.lists(EPOCH)}, optional={"gamma": GAMMA}),
    "ConstantLR": st.fixed_dictionaries({}, optional={"factor": st.floats(1e-3, 1), "total_iters": COUNT}),
    "LinearLR": st.fixed_dictionaries(
        {}, optional={"start_factor": st.floats(1e-3, 1), "end_factor": SHARE, "total_iters": COUNT}
    ),
    "ExponentialLR": st.fixed_dictionaries({"gamma": GAMMA}),
    "PolynomialLR": st.fixed_dictionaries({}, optional={"total_iters": COUNT, "power": st.floats(0, 3)}),
    "CosineAnnealingLR": st.fixed_dictionaries({"T_max": COUNT}, optional={"eta_min": SHARE}),
    "CosineAnnealingWarmRestarts": st.fixed_dictionaries(
        {"T_0": COUNT}, optional={"T_mult": st.integers(1, 3), "eta_min": SHARE}
    ),
    "LambdaLR": st.fixed_dictionaries({"lr_lambda": FUNCTION}),
    "MultiplicativeLR": st.fixed_dictionaries({"lr_lambda": FUNCTION}),
    "CyclicLR": st.builds(dict, CYCLE, mode=st.sampled_from(["triangular", "triangular2", "exp_range"]))
    | st.builds(dict, CYCLE, scale_fn=FUNCTION, scale_mode=st.sampled_from(["cycle", "iterations"])),
    "OneCycleLR": st.fixed_dictionaries(
        {"max_lr": RATE, "total_steps": st.integers(STEPS, 200), "pct_start": st.floats(0.05, 0.45)},
        optional={
            "anneal_strategy": st.sampled_from(["cos", "linear"]),
            "div_factor": st.floats(1, 100),
            "final_div_factor": st.floats(1, 1e5),
            "three_phase": st.booleans(),
            **MOMENTUM,
        },
    ),
}
EVERY = pytest.mark.parametrize("name", list(SCHEDULES))
CHAINABLE = [name for name in SCHEDULES if name not in ("CyclicLR", "OneCycleLR")]


@st.composite
def optimizers(draw: st.DrawFn) -> Make:
    """SGD or Adam with one to three groups, each with its own rate."""
    kind = draw(st.sampled_from(["SGD", "Adam"]))
    rates = draw(st.lists(RATE, min_size=1, max_size=3))

    def make(on: SimpleNamespace, _: Any = None) -> Any:
        groups = [{"params": [on.lib.ones(1, requires_grad=True)], "lr": lr} for lr in rates]
        optimizer = getattr(on.optim, kind)(groups)
        optimizer.step()  # a scheduler is not the first to step
        return optimizer

    return make


def schedule(name: str, options: dict[str, Any]) -> Make:
    return lambda on, optimizer: getattr(on.lrs, name)(optimizer, **options)


class Run:
    """An optimizer and its scheduler, under one of the libraries."""

    def __init__(self, on: SimpleNamespace, make_optimizer: Make, make_scheduler: Make) -> None:
        self.optimizer = make_optimizer(on, None)
        self.scheduler = make_scheduler(on, self.optimizer)
        self.optimizer.step()

    def trace(self, n: int) -> list[Any]:
        """Everything now, and after each of n steps."""
        return [self.everything(), *((self.scheduler.step(), self.everything())[1] for _ in range(n))]

    def saved(self) -> Any:
        return copy.deepcopy((self.optimizer.state_dict(), self.scheduler.state_dict()))

    def load(self, saved: Any) -> Run:
        """Go on where another run was."""
        self.optimizer.load_state_dict(saved[0])
        self.scheduler.load_state_dict(copy.deepcopy(saved[1]))  # PyTorch takes things out of it
        return self

    def everything(self) -> Any:
        """The state of the scheduler and the options of all groups."""
        groups = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.optimizer.param_groups
        ]
        return self.scheduler.state_dict(), self.scheduler.get_last_lr(), groups


def assert_same_steps(ours: Run, theirs: Run, steps: int = STEPS) -> None:
    assert ours.trace(steps) == theirs.trace(steps)


def assert_resumes(optimizer: Make, scheduler: Make, k: int) -> None:
    """Saved after k steps by either library, ours goes on as PyTorch does; and PyTorch goes on with ours."""
    ours, theirs = runs(optimizer, scheduler)
    ours.trace(k)
    theirs.trace(k)
    saved = ours.saved(), theirs.saved()
    after = theirs.trace(STEPS - k)
    for state in saved:
        assert Run(OURS, optimizer, scheduler).load(state).trace(STEPS - k) == after
    assert Run(THEIRS, optimizer, scheduler).load(saved[0]).trace(STEPS - k) == after


def runs(make_optimizer: Make, make_scheduler: Make) -> tuple[Run, Run]:
    return Run(OURS, make_optimizer, make_scheduler), Run(THEIRS, make_optimizer, make_scheduler)


# The trajectories -----------------------------------------------------------------------------------------


@EVERY
@settings(max_examples=40)
@given(drawn=st.data(), optimizer=optimizers())
def test_trajectory_is_pytorchs(name: str, drawn: st.DataObject, optimizer: Make) -> None:
    assert_same_steps(*runs(optimizer, schedule(name, drawn.draw(SCHEDULES[name]))))


@EVERY
@settings(max_examples=15)
@given(drawn=st.data(), optimizer=optimizers(), k=EPOCH)
def test_resumed_from_its_state_or_pytorchs(name: str, drawn: st.DataObject, optimizer: Make, k: int) -> None:
    assert_resumes(optimizer, schedule(name, drawn.draw(SCHEDULES[name])), k)


@EVERY
@settings(max_examples=20)
@given(drawn=st.data(), optimizer=optimizers(), last=st.integers(0, 60))
def test_resumed_by_last_epoch(name: str, drawn: st.DataObject, optimizer: Make, last: int) -> None:
    options = drawn.draw(SCHEDULES[name])
    if name == "CosineAnnealingWarmRestarts":
        options = {**options, "T_mult": 1}  # for other numbers PyTorch counts the restarts wrongly

    def resumed(on: SimpleNamespace, made: Any) -> Any:
        before = schedule(name, options)(on, made)
        made.step()
        for _ in range(last):
            before.step()
        return schedule(name, options | {"last_epoch": last})(on, made)

    assert_same_steps(*runs(optimizer, resumed), STEPS - last - 1)


@EVERY
@settings(max_examples=20)
@given(drawn=st.data(), optimizer=optimizers(), epochs=st.lists(st.integers(0, 100), max_size=6))
def test_jumps_are_pytorchs(name: str, drawn: st.DataObject, optimizer: Make, epochs: list[int]) -> None:
    options = drawn.draw(SCHEDULES[name])
    if name == "CosineAnnealingWarmRestarts":
        options = options | {"T_mult": min(options.get("T_mult", 1), 2)}  # its log to base 3 is rounded
    ours, theirs = runs(optimizer, schedule(name, options))
    for epoch in epochs:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            ours.scheduler.step(epoch)
            theirs.scheduler.step(epoch)
        texts = [str(warning.message)[:90] for warning in warned]
        assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]
        assert len(texts) == (0 if name == "CosineAnnealingWarmRestarts" else 2)
        assert warned == [] or warned[0].filename == __file__
        assert_same_steps(ours, theirs, 2)


@EVERY
@given(drawn=st.data())
def test_steps_follow_the_formula(name: str, drawn: st.DataObject) -> None:
    """Whatever PyTorch does: the rates are those of the formula in the docstring."""
    options = drawn.draw(SCHEDULES[name])
    optimizer = optim.SGD([autodiff.ones(1, requires_grad=True)], lr=0.7)
    scheduler = schedule(name, options)(OURS, optimizer)
    if not hasattr(scheduler, "_get_closed_form_lr"):
        return
    optimizer.step()
    for _ in range(STEPS):
        scheduler.step()
        assert scheduler.get_last_lr() == pytest.approx(scheduler._get_closed_form_lr(), rel=1e-9, abs=1e-9)


@given(st.integers(1, 6), st.integers(1, 4), SHARE, st.integers(0, 400), st.sampled_from([0.0, 0.25]))
def test_restarts_are_counted_exactly(
    first: int, times: int, low: float, epoch: int, fraction: float
) -> None:
    """A jump, and resuming, lead where single steps lead."""
    params = [autodiff.ones(1, requires_grad=True)]
    optimizer = optim.SGD(params, lr=0.7)
    make = optim.lr_scheduler.CosineAnnealingWarmRestarts
    stepped = make(optimizer, first, times, low)
    for _ in range(epoch):
        stepped.step()
    jumped = make(optim.SGD(params, lr=0.7), first, times, low)
    jumped.step(epoch)
    assert jumped.state_dict() == stepped.state_dict()
    resumed = make(optimizer, first, times, low, last_epoch=epoch)
    stepped.step()
    assert resumed.get_last_lr() == stepped.get_last_lr()
    assert (resumed.T_cur, resumed.T_i) == (stepped.T_cur, stepped.T_i)
    jumped.step(epoch + fraction)
    start, length = 0, first
    while start + length <= epoch:
        start, length = start + length, length * times
    way = (epoch + fraction - start) / length
    assert jumped.get_last_lr()[0] == pytest.approx(low + (0.7 - low) * (1 + math.cos(math.pi * way)) / 2)


@given(st.data())
def test_one_cycle_ends(drawn: st.DataObject) -> None:
    total = drawn.draw(st.integers(2, 40))
    strategy = {"anneal_strategy": drawn.draw(st.sampled_from(["cos", "linear"]))}
    steps = drawn.draw(st.sampled_from([{"total_steps": total}, {"epochs": total, "steps_per_epoch": 2}]))
    options = {"max_lr": 0.5, "three_phase": drawn.draw(st.booleans()), **strategy, **steps}
    ends = math.prod(steps.values())

    def program(on: SimpleNamespace) -> Any:
        rates = []
        optimizer = on.optim.SGD([on.lib.ones(1, requires_grad=True)], lr=1.0)
        scheduler = on.lrs.OneCycleLR(optimizer, **options)
        optimizer.step()
        for _ in range(ends):
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        with pytest.raises(ValueError, match=f"Tried to step {ends + 1} times.*steps is {ends}"):
            scheduler.step()
        return rates, optimizer.param_groups[0]["momentum"]

    assert program(OURS) == program(THEIRS)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
def test_cycled_momentum_moves_the_parameters_alike(kind: str, name: str) -> None:
    rng = np.random.default_rng(0)
    gradients, weights = rng.normal(size=(STEPS, 3)), []
    options = (
        {"max_lr": 0.1, "total_steps": STEPS} if name == "OneCycleLR" else {"base_lr": 0.01, "max_lr": 0.1}
    )
    for on, tensor in (OURS, autodiff.tensor), (THEIRS, torch.tensor):
        w = tensor(np.ones(3)).requires_grad_()
        optimizer = getattr(on.optim, kind)([w], **({"momentum": 0.5} if kind == "SGD" else {}))
        scheduler = getattr(on.lrs, name)(optimizer, **options)
        for gradient in gradients:
            w.grad = tensor(gradient)
            optimizer.step()
            scheduler.step()
        weights.append(w.detach().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-12)


# Several together -----------------------------------------------------------------------------------------


@st.composite
def several(draw: st.DrawFn, most: int = 3) -> list[Make]:
    names = draw(st.lists(st.sampled_from(CHAINABLE), min_size=1, max_size=most))
    drawn = [draw(SCHEDULES[name]) for name in names]
    for options in drawn:
        options.pop("eta_min", None)  # with others before it, rates would turn negative
    return [schedule(name, options) for name, options in zip(names, drawn, strict=True)]


def chained(parts: list[Make]) -> Make:
    return lambda on, made: on.lrs.ChainedScheduler([part(on, made) for part in parts])


def in_turn(parts: list[Make], milestones: list[int]) -> Make:
    return lambda on, made: on.lrs.SequentialLR(made, [part(on, made) for part in parts], milestones)


@st.composite
def sequences(draw: st.DrawFn) -> Make:
    parts = draw(several())
    nested = draw(st.sampled_from(["no", "chained", "sequential"]))
    if nested == "chained":
        parts[0] = chained(draw(several(2)))
    elif nested == "sequential":
        parts[0] = in_turn([parts[0], *draw(several(1))], [draw(EPOCH)])
    milestones = draw(st.lists(EPOCH, min_size=len(parts) - 1, max_size=len(parts) - 1, unique=True))
    return in_turn(parts, sorted(milestones if nested == "no" else [m + 1 for m in milestones]))


@given(parts=several(), optimizer=optimizers())
def test_chained(parts: list[Make], optimizer: Make) -> None:
    assert_same_steps(*runs(optimizer, chained(parts)))


@given(scheduler=sequences(), optimizer=optimizers())
@pytest.mark.filterwarnings("ignore:Detected call")
def test_in_sequence(scheduler: Make, optimizer: Make) -> None:
    assert_same_steps(*runs(optimizer, scheduler))


@settings(max_examples=30)
@given(scheduler=several().map(chained) | sequences(), optimizer=optimizers(), k=EPOCH)
@pytest.mark.filterwarnings("ignore:Detected call")
def test_several_resumed(scheduler: Make, optimizer: Make, k: int) -> None:
    assert_resumes(optimizer, scheduler, k)


def test_cycles_in_sequence() -> None:
    def scheduler(on: SimpleNamespace, made: Any) -> Any:
        warmup = on.lrs.LinearLR(made, total_iters=10)
        return on.lrs.SequentialLR(made, [warmup, on.lrs.CyclicLR(made, 0.01, 0.1, 7)], [10])

    def optimizer(on: SimpleNamespace, _: Any) -> Any:
        made = on.optim.SGD([on.lib.ones(1, requires_grad=True)], lr=0.5, momentum=0.9)
        made.step()
        return made

    assert_same_steps(*runs(optimizer, scheduler))


# On a plateau ---------------------------------------------------------------------------------------------


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.floats(0, 0.99),
            "patience": st.integers(0, 4),
            "threshold": st.sampled_from([0, 1e-4, 0.1, 0.5]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 4),
            "min_lr": st.sampled_from([0, 0.01]),
            "eps": st.sampled_from([1e-8, 0.1]),
        },
    ),
    st.lists(st.sampled_from([0.0, -1.0, 0.5, 0.9, 1.0, 2.0, math.nan, math.inf]), min_size=40, max_size=120),
    optimizers(),
    st.integers(0, 40),
)
def test_plateau(options: dict[str, Any], metrics: list[float], optimizer: Make, k: int) -> None:
    scheduler = schedule("ReduceLROnPlateau", options)
    ours, theirs = runs(optimizer, scheduler)
    for i, metric in enumerate(metrics):
        ours.scheduler.step(autodiff.tensor(metric) if i % 2 else metric)
        theirs.scheduler.step(torch.tensor(metric) if i % 2 else metric)
        assert ours.everything() == theirs.everything()
        assert ours.scheduler.in_cooldown == theirs.scheduler.in_cooldown
        if i == k:
            ours = Run(OURS, optimizer, scheduler).load(theirs.saved())


def test_plateau_with_groups() -> None:
    def program(on: SimpleNamespace) -> Any:
        groups = [{"params": [on.lib.ones(1, requires_grad=True)], "lr": lr} for lr in (0.5, 0.4)]
        optimizer = on.optim.SGD(groups)
        one, two = (
            on.lrs.ReduceLROnPlateau(optimizer, patience=0, min_lr=low) for low in (0.01, (0.001, 0.3))
        )
        for _ in range(3):
            two.step(1.0)
        rates = [two.get_last_lr()]
        optimizer.add_param_group({"params": [on.lib.ones(1, requires_grad=True)], "lr": 0.9})
        for _ in range(5):
            one.step(1.0)
        with pytest.raises(
            RuntimeError, match=r"The number of param groups in the `optimizer` \(3\) differs"
        ):
            for _ in range(3):
                two.step(1.0)
        with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
            one.step(1.0, epoch=20)
        return rates, one.get_last_lr(), one.last_epoch

    assert program(OURS) == program(THEIRS)


# What a user sees -----------------------------------------------------------------------------------------


def one_group(on: SimpleNamespace, **options: Any) -> Any:
    return on.optim.SGD([on.lib.ones(1, requires_grad=True)], **options)


def test_a_scheduler_of_ones_own() -> None:
    def program(on: SimpleNamespace) -> Any:
        class Warmup(on.lrs._LRScheduler):  # type: ignore[misc, name-defined]
            def __init__(self, optimizer: Any, steps: int, last_epoch: int = -1) -> None:
                self.steps = steps
                super().__init__(optimizer, last_epoch)

            def get_lr(self) -> Any:
                if not self._get_lr_called_within_step:
                    raise AssertionError
                return [lr * min(1, (self.last_epoch + 1) / self.steps) for lr in self.base_lrs]

        class Gentle(on.lrs.StepLR):  # type: ignore[misc, name-defined]
            def get_lr(self) -> Any:
                return [max(lr, 0.1) for lr in super().get_lr()]

        optimizer = one_group(on, lr=0.5)
        schedulers = [Warmup(optimizer, 4), Gentle(optimizer, 1, 0.5)]
        optimizer.step()
        rates = []
        for _ in range(9):
            for scheduler in schedulers:
                scheduler.step()
                rates.append(scheduler.get_last_lr())
        return rates, [scheduler.state_dict() for scheduler in schedulers]

    assert program(OURS) == program(THEIRS)


@pytest.mark.parametrize("on", [OURS, THEIRS])
def test_the_optimizer_steps_first(on: SimpleNamespace) -> None:
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before") as warned:
        on.lrs.StepLR(one_group(on), 1).step()
    assert warned[0].filename == __file__
    optimizer = one_group(on)
    scheduler = on.lrs.StepLR(optimizer, 1)
    on.lrs.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()  # no warning
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        assert scheduler.get_lr() == pytest.approx([1e-5])


def test_a_step_that_was_replaced_is_left_alone() -> None:
    optimizer, called = one_group(OURS), []
    vars(optimizer)["step"] = lambda: called.append(1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    scheduler.step()
    optimizer.step()
    assert called == [1]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_optimizer_steps_itself(copied: Callable[[Any], Any]) -> None:
    optimizer = one_group(OURS, lr=0.5)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    for thing in (optimizer, scheduler):
        twin = copied(thing)
        twin = getattr(twin, "optimizer", twin)
        p = twin.param_groups[0]["params"][0]
        p.grad = autodiff.ones(1)
        twin.step()
        assert p.item() == 0.5
        assert optimizer.param_groups[0]["params"][0].item() == 1
    with pytest.warns(UserWarning, match="Detected call"):
        scheduler.step()


def test_a_step_takes_its_closure_and_does_not_keep_the_optimizer() -> None:
    w = autodiff.tensor(2.0, requires_grad=True)
    optimizer = optim.BacktrackingSGD([w])
    optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    loss = optimizer.step(lambda: w * w)
    assert loss.item() == 4
    step = optimizer.step
    del optimizer
    with pytest.raises(ReferenceError, match="the optimizer is gone"):
        step()


def test_groups_added_later() -> None:
    def program(on: SimpleNamespace) -> Any:
        optimizer = one_group(on, lr=0.5)
        scheduler, fixed = on.lrs.ExponentialLR(optimizer, 0.5), on.lrs.LambdaLR(optimizer, decays)
        optimizer.add_param_group({"params": [on.lib.ones(1, requires_grad=True)], "lr": 0.25})
        optimizer.step()
        scheduler.step()
        with pytest.raises(ValueError, match="zip"):
            fixed.step()
        return scheduler.get_last_lr()

    assert program(OURS) == program(THEIRS)


@EVERY
def test_a_rate_that_is_a_tensor_stays_one(name: str) -> None:
    def program(on: SimpleNamespace) -> Any:
        rate = on.lib.tensor(0.5)
        optimizer = one_group(on, lr=rate)
        scheduler = getattr(on.lrs, name)(optimizer, **options)
        optimizer.step()
        for _ in range(6):
            scheduler.step()
        assert optimizer.param_groups[0]["lr"] is rate
        (last,) = scheduler.get_last_lr()
        assert last is not rate
        return [x.item() for x in (rate, last, *scheduler.base_lrs) if hasattr(x, "item")]

    options = {
        "StepLR": {"step_size": 2},
        "MultiStepLR": {"milestones": [2]},
        "ExponentialLR": {"gamma": 0.5},
        "CosineAnnealingLR": {"T_max": 4},
        "CosineAnnealingWarmRestarts": {"T_0": 4},
        "LambdaLR": {"lr_lambda": decays},
        "MultiplicativeLR": {"lr_lambda": decays},
        "CyclicLR": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4},
        "OneCycleLR": {"max_lr": 0.5, "total_steps": 20},
    }.get(name, {})
    assert program(OURS) == pytest.approx(program(THEIRS), rel=1e-6)


@pytest.mark.parametrize("function", [Power(0.9), decays, math.cos])
def test_functions_are_saved_by_their_attributes(function: Any) -> None:
    lrs = optim.lr_scheduler
    for make in (
        lambda: lrs.LambdaLR(one_group(OURS), function),
        lambda: lrs.CyclicLR(one_group(OURS), 0.1, 1, scale_fn=function),
    ):
        saved = make().state_dict()
        if isinstance(function, Power):
            function.base = 0.5
        for _ in range(2):  # what is loaded is only read
            make().load_state_dict(saved)
        assert make().state_dict() == saved


# What is refused ------------------------------------------------------------------------------------------


def two(on: SimpleNamespace) -> Any:
    optimizer = one_group(on)
    return optimizer, [on.lrs.StepLR(optimizer, 3), on.lrs.StepLR(optimizer, 4)]


REFUSED: dict[str, Callable[[SimpleNamespace], Any]] = {
    "no optimizer": lambda on: on.lrs.StepLR("SGD", 1),
    "no optimizer, cyclic": lambda on: on.lrs.CyclicLR(None, 0.1, 1),
    "no optimizer, one cycle": lambda on: on.lrs.OneCycleLR(None, 0.1, 1),
    "no optimizer, plateau": lambda on: on.lrs.ReduceLROnPlateau(None),
    "nothing to resume": lambda on: on.lrs.StepLR(one_group(on), 1, last_epoch=3),
    "abstract": lambda on: on.lrs.LRScheduler(one_group(on)),
    "constant": lambda on: on.lrs.ConstantLR(one_group(on), factor=1.5),
    "constant below": lambda on: on.lrs.ConstantLR(one_group(on), factor=-0.5),
    "linear start": lambda on: on.lrs.LinearLR(one_group(on), start_factor=0),
    "linear start above": lambda on: on.lrs.LinearLR(one_group(on), start_factor=1.5),
    "linear end": lambda on: on.lrs.LinearLR(one_group(on), end_factor=-0.1),
    "functions": lambda on: on.lrs.LambdaLR(one_group(on), [decays, decays]),
    "functions, multiplied": lambda on: on.lrs.MultiplicativeLR(one_group(on), []),
    "no function": lambda on: on.lrs.MultiplicativeLR(one_group(on), 0.5),
    "T_0": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 0),
    "T_0 float": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 1.5),
    "T_mult": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 1, 0),
    "T_mult float": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 1, 1.5),
    "eta_min": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 1, eta_min="0"),
    "epoch": lambda on: on.lrs.CosineAnnealingWarmRestarts(one_group(on), 1).step(-1),
    "cyclic mode": lambda on: on.lrs.CyclicLR(one_group(on), 0.1, 1, mode="round"),
    "cyclic lists": lambda on: on.lrs.CyclicLR(one_group(on), [0.1, 0.1], 1),
    "cyclic upper lists": lambda on: on.lrs.CyclicLR(one_group(on), 0.1, (1, 2)),
    "cyclic momenta": lambda on: on.lrs.CyclicLR(one_group(on), 0.1, 1, base_momentum=[1, 2]),
    "cyclic, no momentum": lambda on: on.lrs.CyclicLR(
        on.optim.Adagrad([on.lib.ones(1, requires_grad=True)]), 0.1, 1
    ),
    "one cycle, no momentum": lambda on: on.lrs.OneCycleLR(
        on.optim.Adagrad([on.lib.ones(1, requires_grad=True)]), 0.1, 9
    ),
    "one cycle, no steps": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1),
    "one cycle, epochs only": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, epochs=3),
    "one cycle, total_steps": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, -1),
    "one cycle, total_steps float": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, 9.0),
    "one cycle, epochs": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, epochs=0, steps_per_epoch=1),
    "one cycle, per epoch": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, epochs=1, steps_per_epoch=0.5),
    "one cycle, pct_start": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, 9, pct_start=1.5),
    "one cycle, pct_start int": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, 9, pct_start=1),
    "one cycle, strategy": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, 9, anneal_strategy="exp"),
    "one cycle, max_lr": lambda on: on.lrs.OneCycleLR(one_group(on), [0.1, 0.2], 9),
    "one cycle, a phase of no step": lambda on: on.lrs.OneCycleLR(one_group(on), 0.1, 10, pct_start=0.1),
    "plateau factor": lambda on: on.lrs.ReduceLROnPlateau(one_group(on), factor=1.0),
    "plateau mode": lambda on: on.lrs.ReduceLROnPlateau(one_group(on), mode="low"),
    "plateau threshold": lambda on: on.lrs.ReduceLROnPlateau(one_group(on), threshold_mode="x"),
    "plateau min_lr": lambda on: on.lrs.ReduceLROnPlateau(one_group(on), min_lr=[0, 0]),
    "plateau metric": lambda on: on.lrs.ReduceLROnPlateau(one_group(on)).step(on.lib.ones(2)),
    "sequence of none": lambda on: on.lrs.SequentialLR(one_group(on), [], []),
    "sequence, milestones": lambda on: on.lrs.SequentialLR(*two(on), [1, 2]),
    "sequence, other optimizer": lambda on: on.lrs.SequentialLR(one_group(on), two(on)[1], [1]),
    "sequence, plateau": lambda on: on.lrs.SequentialLR(
        one_group(on), [on.lrs.ReduceLROnPlateau(one_group(on))], []
    ),
    "sequence, no scheduler": lambda on: on.lrs.SequentialLR(one_group(on), [3], []),
    "chain of none": lambda on: on.lrs.ChainedScheduler([]),
    "chain, other optimizer": lambda on: on.lrs.ChainedScheduler([two(on)[1][0], two(on)[1][1]]),
    "chain, plateau": lambda on: on.lrs.ChainedScheduler([on.lrs.ReduceLROnPlateau(one_group(on))]),
    "chain, no scheduler": lambda on: on.lrs.ChainedScheduler([two(on)[1][0], 3]),
    "chain in sequence": lambda on: (
        lambda optimizer, parts: on.lrs.SequentialLR(
            optimizer, [parts[0], on.lrs.ChainedScheduler([parts[1]])], [1]
        ).step()
    )(*two(on)),
    "state of lambdas": lambda on: on.lrs.LambdaLR(one_group(on), decays).load_state_dict({}),
}


@pytest.mark.filterwarnings("ignore:Detected call")
@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_arguments_are_refused_as_by_pytorch(case: str) -> None:
    with pytest.raises(Exception) as theirs:
        REFUSED[case](THEIRS)
    with pytest.raises(theirs.type) as ours:
        REFUSED[case](OURS)
    if case not in ("abstract", "one cycle, a phase of no step", "plateau metric", "chain in sequence",
                    "state of lambdas"):  # fmt: skip
        assert str(ours.value)[:20] == str(theirs.value)[:20]
    assert len(str(ours.value)) > 20


def test_what_pytorch_lets_pass_and_we_refuse() -> None:
    optimizer = one_group(OURS)
    lrs = optim.lr_scheduler
    with pytest.raises(ValueError, match="milestones must be in order"):
        parts = [lrs.StepLR(optimizer, 1) for _ in range(3)]
        lrs.SequentialLR(optimizer, parts, [4, 2])
    with pytest.raises(ValueError, match="scale_mode must be"):
        lrs.CyclicLR(optimizer, 0.1, 1, scale_fn=decays, scale_mode="epochs")
    with pytest.raises(TypeError, match="lr_lambda should be a function, but got float"):
        lrs.LambdaLR(optimizer, 0.5)
    state = lrs.ExponentialLR(optimizer, 0.5).state_dict()
    scheduler = lrs.StepLR(optimizer, 2)
    before = scheduler.state_dict()
    with pytest.raises(KeyError, match="no step_size: it is not of a StepLR"):
        scheduler.load_state_dict(state)
    assert scheduler.state_dict() == before
    chain = lrs.ChainedScheduler([scheduler, scheduler])
    with pytest.raises(ValueError, match="has 1 schedulers, and there are 2 here"):
        chain.load_state_dict(lrs.ChainedScheduler([scheduler]).state_dict())
