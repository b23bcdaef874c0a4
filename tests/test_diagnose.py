"""`nn.diagnose` names the cause: held against a zoo of broken and healthy trainings, and it leaves no trace.

`python -m tests.test_diagnose 100 140` prints the table of confusions for the seeds 100 to 139.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
from nn.data import DataLoader, IterableDataset, TensorDataset
from nn.diagnosis import CAUSES, Diagnosis, Finding, trial

from . import zoo

Table = dict[str, Counter[str]]
NONE = "none"
FRESH = range(1000, 1005)  # the rules were tuned on seeds below 1000


# The zoo -----------------------------------------------------------------------------------------------


def confusions(broken: range, healthy: range) -> tuple[Table, Counter[str]]:
    """For each cause, what its trainings were accused of; and the same of the healthy ones."""
    table = {
        cause: Counter(accused(species(zoo.stream(cause, seed))) for seed in broken)
        for cause, species in zoo.BROKEN.items()
    }
    innocent = Counter(
        accused(species(zoo.stream(species.__name__, seed))) for species in zoo.HEALTHY for seed in healthy
    )
    return table, innocent


def accused(run: zoo.Run) -> str:
    """All that was found, as one word: a second finding beside the right one is a mistake, too."""
    return "+".join(run.diagnose().causes) or NONE


def printed(table: Table, innocent: Counter[str]) -> str:
    """The table of confusions, and the two rates."""
    rows = {**table, "healthy": innocent}
    width = max(map(len, rows))
    lines = [f"{'what it is':<{width}}  runs  right  else"]
    for name, counts in rows.items():
        right = counts[NONE if name == "healthy" else name]
        others = ", ".join(
            f"{n} {cause}" for cause, n in counts.items() if cause != (NONE if name == "healthy" else name)
        )
        lines.append(f"{name:<{width}}  {counts.total():4d}  {right:5d}  {others}".rstrip())
    found, wrong = rates(table, innocent)
    return "\n".join([*lines, f"broken ones named: {found:.1%}; healthy ones accused: {wrong:.1%}"])


def rates(table: Table, innocent: Counter[str]) -> tuple[float, float]:
    """The share of broken trainings whose cause is named, and of healthy ones that are accused."""
    found = sum(counts[cause] for cause, counts in table.items())
    return found / sum(c.total() for c in table.values()), 1 - innocent[NONE] / innocent.total()


def test_the_zoo_has_all_causes() -> None:
    assert set(zoo.BROKEN) == set(CAUSES)


@pytest.mark.filterwarnings("ignore::autodiff.SuspiciousWarning")  # the animals do suspicious things
def test_causes_are_named_and_the_healthy_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    table, innocent = confusions(FRESH, FRESH)
    with capsys.disabled():
        print("\n" + printed(table, innocent))
    found, wrong = rates(table, innocent)
    assert found >= 0.9 and wrong <= 0.05, printed(table, innocent)
    assert all(counts[cause] >= counts.total() / 2 for cause, counts in table.items()), printed(
        table, innocent
    )


# No trace ----------------------------------------------------------------------------------------------


def state_of(run: zoo.Run, loader: Any = None) -> dict[str, Any]:
    """Everything that must be as it was: objects by identity, values by bytes."""
    state: dict[str, Any] = {}
    for i, module in enumerate(run.model.modules()):
        state[f"{i} mode"] = module.training
        state[f"{i} names"] = list(vars(module))
        for name, tensor in module._own("parameter", "buffer", "temporary buffer"):
            state[f"{i} {name}"] = id(tensor), id(tensor.array), tensor.array.tobytes(), tensor.requires_grad
            grad = tensor.grad
            state[f"{i} {name} grad"] = None if grad is None else (id(grad), grad.array.tobytes())
    if run.optimizer is not None:
        state["groups"] = repr(run.optimizer.state_dict()["param_groups"])
        state["attributes"] = sorted(vars(run.optimizer))
        for p, entry in run.optimizer.state.items():
            for name, value in entry.items():
                many = value if isinstance(value, list) else [value]
                state[f"state {id(p)} {name}"] = [id(v) for v in many], str(value)
    streams = [autodiff.default_generator] + ([loader.generator] if loader is not None else [])
    state["random"] = [stream.get_state().array.tobytes() for stream in streams]
    state["numpy"] = np.random.get_state()[1].tobytes(), np.random.get_state()[2]
    state["data"] = run.x.array.tobytes(), run.y.array.tobytes()
    return state


def noisy(optimizer: Any, seed: int = 0) -> zoo.Run:
    """A model with buffers and a random stream, in the middle of a training."""
    autodiff.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    x = autodiff.randn(40, 2)
    run = zoo.Run(model, nn.BCEWithLogitsLoss(), x, (x[:, :1] * x[:, 1:] > 0).float())
    run.optimizer = optimizer(model.parameters())
    model[2].eval()
    return run


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: nn.optim.Adam(p, lr=1e-6),
        lambda p: nn.optim.LBFGS(p, lr=1e9),
        lambda p: nn.optim.BacktrackingSGD(p),
    ],
    ids=["SGD", "Adam", "LBFGS", "BacktrackingSGD"],
)
@pytest.mark.parametrize("steps", [0, 3])
def test_it_leaves_everything_as_it_was(optimizer: Any, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "STEPS", 30)
    run = noisy(optimizer)
    assert run.optimizer is not None

    def closure() -> Any:
        run.optimizer.zero_grad()
        loss = run.loss_fn(run.model(run.x), run.y)
        loss.backward()
        return loss

    def step(x: Any, y: Any) -> None:
        run.loss_fn(run.model(x), y).backward()
        np.random.rand(3)
        run.optimizer.step(closure)

    for _ in range(steps):
        run.optimizer.step(closure)
    run.step = step
    generator = autodiff.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(run.x, run.y), 10, shuffle=True, generator=generator)
    for data in (None, loader, DataLoader(TensorDataset(run.x, run.y), 10, shuffle=True)):
        run.data = data
        before = state_of(run, loader)
        first = run.diagnose()
        assert state_of(run, loader) == before
        assert str(run.diagnose()) == str(first)


def test_a_step_that_does_as_it_likes_leaves_no_trace() -> None:
    run = noisy(lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9))
    run.train(2)

    def step(x: Any, y: Any) -> None:
        run.optimizer.zero_grad(set_to_none=False)
        run.loss_fn(run.model(x), y).backward()
        run.optimizer.step()
        run.optimizer.param_groups[0]["lr"] *= 0.5
        run.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
        run.model[0].weight.data = run.model[0].weight.data * 2
        run.model[0].bias.requires_grad_(False)
        run.model.eval()
        run.model.extra = autodiff.rand(3)

    run.step = step
    before = state_of(run)
    run.diagnose()
    assert state_of(run) == before


def test_a_failing_loss_leaves_no_trace_either() -> None:
    run = noisy(lambda p: nn.optim.Adam(p))
    calls = 0

    def loss_fn(output: Any, y: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise KeyError("a mistake")
        return ((output - y) ** 2).mean()

    run.loss_fn = loss_fn
    before = state_of(run)
    with pytest.raises(KeyError, match="a mistake"):
        run.diagnose()
    assert state_of(run) == before


def test_a_loss_that_reads_the_model_itself_leaves_its_gradients() -> None:
    run = noisy(lambda p: nn.optim.Adam(p))
    loss_fn = nn.BCEWithLogitsLoss()
    run.loss_fn = lambda output, y: (
        loss_fn(output, y) + 0.01 * sum((p**2).sum() for p in run.model.parameters())
    )
    before = state_of(run)
    run.diagnose()
    assert state_of(run) == before


def test_a_graph_from_before_is_still_good() -> None:
    run = noisy(lambda p: nn.optim.SGD(p, lr=0.1))

    def step(x: Any, y: Any) -> None:
        run.optimizer.zero_grad()
        run.loss_fn(run.model(x), y).backward()
        run.optimizer.step()

    run.step = step
    loss = (run.model[0](run.x) ** 2).sum()
    run.diagnose()
    loss.backward()
    assert run.model[0].weight.grad is not None


# What it takes and gives -------------------------------------------------------------------------------


def small() -> zoo.Run:
    autodiff.manual_seed(0)
    x = autodiff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = autodiff.tensor([[0.0], [1.0], [1.0], [0.0]])
    return zoo.Run(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)), nn.BCEWithLogitsLoss(), x, y)


def test_data_comes_as_arrays_dataset_or_loader() -> None:
    run = small()
    x, y = run.x, 2 * run.y - 1
    dataset = TensorDataset(x, y)
    for data in [(x, y), (x.numpy(), y.numpy()), dataset, DataLoader(dataset, 2)]:
        assert nn.diagnose(run.model, run.loss_fn, data).causes == ["target_coding"]


def test_a_stream_is_read_as_far_as_needed() -> None:
    class Endless(IterableDataset[Any]):
        def __iter__(self) -> Any:
            run = small()
            while True:
                yield from zip(run.x, 2 * run.y - 1, strict=True)

    run = small()
    assert nn.diagnose(run.model, run.loss_fn, DataLoader(Endless(), 64)).causes == ["target_coding"]


@pytest.mark.parametrize(
    "change, kind, words",
    [
        ({"model": "net"}, TypeError, "must be an nn.Module"),
        ({"loss_fn": nn.MSELoss}, TypeError, "such as nn.MSELoss"),
        ({"optimizer": 0.1}, TypeError, "must be an nn.optim.Optimizer"),
        ({"data": iter([(1, 2)])}, TypeError, "use up an iterator"),
        ({"data": TensorDataset(autodiff.ones(0, 2), autodiff.ones(0, 1))}, ValueError, "there is no"),
        ({"data": "xy"}, TypeError, "diagnose\\(\\) takes x as"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, Any], kind: type[Exception], words: str) -> None:
    run = small()
    arguments = {
        "model": run.model,
        "loss_fn": run.loss_fn,
        "data": (run.x, run.y),
        "optimizer": None,
    } | change
    with pytest.raises(kind, match=words):
        nn.diagnose(**arguments)


def test_an_error_that_is_no_cause_is_raised() -> None:
    run = small()
    with pytest.raises(RuntimeError, match=r"mat1 and mat2|shape"):
        nn.diagnose(run.model, run.loss_fn, (run.x[:, :1], run.y))


def test_a_finding_has_number_reason_and_fix() -> None:
    run = small()
    run.optimizer = nn.optim.SGD(run.model.parameters(), lr=1e-6)
    (finding,) = run.diagnose().findings
    assert finding.cause == "learning_rate_too_low"
    assert (
        0 < finding.number < 1e-4
        and f"{finding.number:.1e}" in finding.evidence
        and "lr=1e-06" in finding.evidence
    )
    assert finding.why and finding.fix == CAUSES["learning_rate_too_low"].fix


def test_it_reads_as_text_and_as_html() -> None:
    found = Diagnosis([Finding("dead_relus", 1.0, "8 of the 8 units <0>")], "In 3 steps ...", learns=False)
    assert str(found) == found.text == repr(found)
    lines = str(found).split("\n")
    assert lines[0] == "dead_relus: ReLU units are dead" and lines[-1] == "In 3 steps ..."
    assert "&lt;0&gt;" in found._repr_html_() and "dead_relus" in found._repr_html_()
    assert found.causes == ["dead_relus"]


def test_it_says_that_it_does_not_know() -> None:
    found = Diagnosis([], "In 3 steps ...", learns=False)
    assert "cause is unknown" in str(found) and "cause is unknown" in found._repr_html_()
    assert "it learns" in str(Diagnosis([], "In 3 steps ...", learns=True))


def test_nan_is_said_where_it_is() -> None:
    run = small()
    run.x[1, 0] = float("nan")
    found = run.diagnose()
    assert "nan in input 0 (1 of 8)" in str(found) and found.causes == [] and not found.learns


def test_targets_that_are_all_the_same_are_learned_too() -> None:
    run = small()
    for y in (autodiff.ones(4, 1), autodiff.zeros(4, 1)):
        found = nn.diagnose(run.model, run.loss_fn, (run.x, y))
        assert found.causes == [] and found.learns


def test_it_works_where_nothing_is_recorded() -> None:
    run = small()
    with autodiff.no_grad():
        assert run.diagnose().learns


def test_several_inputs_and_outputs_that_only_the_loss_reads() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.last = nn.Linear(4, 8), nn.Linear(8, 1)

        def forward(self, a: Any, b: Any) -> Any:
            return self.last(self.hidden(autodiff.cat([a, b], dim=1)).tanh()), a

    run = small()
    found = nn.diagnose(Two(), lambda output, y: run.loss_fn(output[0], y), ([run.x, run.x], run.y))
    assert found.causes == [] and found.learns


def test_nothing_to_train_is_said_so() -> None:
    run = small()
    run.model.requires_grad_(False)
    assert run.diagnose().causes == ["frozen_parameters"] and run.diagnose().learns is None


def test_gradients_that_are_added_up_on_purpose_are_not_accused() -> None:
    run = small()
    run.optimizer = nn.optim.Adam(run.model.parameters(), lr=0.01)
    calls = 0

    def step(x: Any, y: Any) -> None:
        nonlocal calls
        calls += 1
        run.loss_fn(run.model(x), y).backward()
        if calls % 4 == 0:
            run.optimizer.step()
            run.optimizer.zero_grad()

    run.step = step
    assert run.diagnose().causes == []


# The callback ------------------------------------------------------------------------------------------


class Forgetful(nn.Trainer):
    """A train_step without zero_grad."""

    def train_step(self, inputs: Any, target: Any) -> Any:
        output = self.model(*inputs)
        loss = self.loss(output, target)
        loss.backward()
        self.optimizer.step()
        return loss, output


def fitted(kind: Any = nn.Trainer, lr: float = 0.02, epochs: int = 3, callbacks: Any = ()) -> Any:
    run = noisy(lambda p: nn.optim.Adam(p, lr=lr))
    trainer = kind(run.model, run.loss_fn, run.optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(run.x, run.y, epochs=epochs, batch_size=10, callbacks=callbacks, verbose=False)
    return trainer


def test_the_callback_does_not_change_the_training() -> None:
    callback = nn.Diagnose(verbose=False)
    watched, alone = fitted(callbacks=[callback]), fitted()
    assert watched.history.history == alone.history.history
    for p, q in zip(watched.model.parameters(), alone.model.parameters(), strict=True):
        assert p.array.tobytes() == q.array.tobytes()
    assert callback.diagnosis is not None and callback.diagnosis.causes == []


def test_the_callback_tells_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    callback = nn.Diagnose(stop=True)
    trainer = fitted(Forgetful, callbacks=[callback])
    assert callback.diagnosis is not None and callback.diagnosis.causes == ["forgotten_zero_grad"]
    assert "forgotten_zero_grad" in capsys.readouterr().out and trainer.epoch < 3


def test_the_callback_looks_again_when_the_loss_stays() -> None:
    callback = nn.Diagnose(patience=2, verbose=False)
    fitted(lr=0.0, epochs=8, callbacks=[callback])
    assert next(iter(callback.diagnoses)) == 0 and len(callback.diagnoses) > 1
    other = nn.Diagnose()
    other.load_state_dict(copy.deepcopy(callback.state_dict()))
    assert other.waited == callback.waited
    with pytest.raises(ValueError, match="patience must be at least 1"):
        nn.Diagnose(patience=0)


if __name__ == "__main__":
    first, last = map(int, sys.argv[1:] or (1000, 1020))
    warnings.simplefilter("ignore")
    print(printed(*confusions(range(first, last), range(first, last))))
