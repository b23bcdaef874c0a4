"""The Trainer: what an epoch does, what stops it; a training that resumes is the one that never stopped."""

from __future__ import annotations

import csv
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn
from nn.data import DataLoader, IterableDataset, TensorDataset
from nn.training import progress

ACCURACY = ["accuracy"]


def points(n: int = 90, seed: int = 0) -> tuple[autodiff.Tensor, autodiff.Tensor]:
    """Points in the plane, and the class of their quadrant."""
    random = np.random.RandomState(seed)
    x = random.randn(n, 2).astype(np.float32)
    return autodiff.tensor(x), autodiff.tensor((x[:, 0] * x[:, 1] > 0).astype(np.int64))


def net(seed: int = 0, dropout: float = 0.2) -> nn.Sequential:
    """A model that draws random numbers, and has buffers beside its parameters."""
    autodiff.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))


def trainer_of(model: Any, scheduler: Any = None, **options: Any) -> nn.Trainer:
    optimizer = nn.optim.Adam(model.parameters(), lr=0.02)
    options.setdefault("metrics", ACCURACY)
    return nn.Trainer(
        model, nn.CrossEntropyLoss(), optimizer, scheduler=scheduler and scheduler(optimizer), **options
    )


def state_of(trainer: nn.Trainer) -> dict[str, Any]:
    """Everything that a training has come to, as bytes and numbers."""
    optimizer = trainer.optimizer.state_dict()
    state = {f"model {name}": tensor.numpy().tobytes() for name, tensor in trainer.model.state_dict().items()}
    for i, entry in optimizer["state"].items():
        state |= {f"optimizer {i} {name}": value.numpy().tobytes() for name, value in entry.items()}
    state["options"] = repr(optimizer["param_groups"])
    if trainer.scheduler is not None:
        state["scheduler"] = repr(trainer.scheduler.state_dict())
    state["history"] = trainer.history.history
    state["random"] = autodiff.get_rng_state().numpy().tobytes()
    return state


def contents(path: Path) -> dict[str, bytes]:
    """What is in a file, to the last bit."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


# A training by hand beside it ---------------------------------------------------------------------------


def test_fit_is_the_loop_that_one_writes_by_hand():
    x, y = points()
    model = net()
    trainer_of(model).fit(x, y, epochs=3, batch_size=16, verbose=False)

    twin = net()
    optimizer, loss_fn = nn.optim.Adam(twin.parameters(), lr=0.02), nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    for _ in range(3):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_fn(twin(inputs), targets).backward()
            optimizer.step()
    for name, tensor in model.state_dict().items():
        assert tensor.numpy().tobytes() == twin.state_dict()[name].numpy().tobytes(), name


def test_fit_is_pytorchs_training():
    x, y = points()
    torch.manual_seed(3)
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.02)
    data = torch.utils.data.TensorDataset(torch.tensor(x.numpy()), torch.tensor(y.numpy()))
    losses = []
    for _ in range(4):
        total = 0.0
        for inputs, targets in torch.utils.data.DataLoader(data, batch_size=16, shuffle=True):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(theirs(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
        losses.append(total / len(data))

    autodiff.manual_seed(3)
    ours = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    history = trainer_of(ours).fit(x, y, epochs=4, batch_size=16, verbose=False)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)
    for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), their.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_the_numbers_of_an_epoch_are_means_over_the_samples():
    x, y = points(50)  # the last batch is smaller
    model = net()
    trainer = trainer_of(model)
    model.eval()
    with autodiff.no_grad():
        output = model(x)
        loss = nn.functional.cross_entropy(output, y).item()
    right = (output.numpy().argmax(1) == y.numpy()).mean()
    values = trainer.evaluate(x, y, batch_size=16)
    assert values == {"loss": pytest.approx(loss, rel=1e-5), "accuracy": pytest.approx(right)}
    np.testing.assert_allclose(trainer.predict(x, batch_size=7).numpy(), output.numpy(), rtol=1e-5, atol=1e-6)


# Data ---------------------------------------------------------------------------------------------------


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return zip(*points(), strict=True)


@pytest.mark.parametrize(
    "data",
    [
        lambda x, y: (x, y),
        lambda x, y: (x.numpy().astype(np.float64), y.numpy().astype(np.int32)),
        lambda x, y: (TensorDataset(x, y), None),
        lambda x, y: (DataLoader(TensorDataset(x, y), batch_size=32), None),
        lambda x, y: (Stream(), None),
        lambda x, y: ([x], y),
    ],
    ids=["tensors", "arrays", "dataset", "loader", "stream", "list of one"],
)
def test_the_same_data_in_any_form_gives_the_same_training(data):
    x, y = points()
    expected = trainer_of(net(dropout=0.0)).fit(x, y, epochs=2, shuffle=False, verbose=False)
    trainer = trainer_of(net(dropout=0.0))
    inputs, targets = data(x, y)
    assert trainer.fit(inputs, targets, epochs=2, shuffle=False, verbose=False).history == expected.history
    assert trainer.evaluate(inputs, targets) == trainer.evaluate(x, y)
    np.testing.assert_array_equal(trainer.predict(inputs).numpy(), trainer.predict(x).numpy())


def test_a_model_of_several_arguments_and_results():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, a: Any, b: Any) -> Any:
            return self.layer(autodiff.cat([a, b], dim=1)), a

    model = Two()
    a, b, y = np.ones((10, 1)), np.zeros((10, 2)), np.ones((10, 1))
    loss = lambda output, target: nn.functional.mse_loss(output[0], target)  # noqa: E731
    trainer = nn.Trainer(model, loss, nn.optim.SGD(model.parameters(), lr=0.3))
    history = trainer.fit([a, b], y, epochs=30, verbose=False).history["loss"]
    assert history[-1] < 1e-3 * history[0]
    first, second = trainer.predict([a, b])
    assert first.shape == (10, 1) and (second.numpy() == a).all()


def test_the_validation_is_the_last_part_and_disturbs_nothing():
    x, y = points(100)
    plain = trainer_of(net())
    plain.fit(x[:70], y[:70], epochs=3, batch_size=16, verbose=False)
    for option in (
        {"validation_split": 0.3},
        {"validation_data": (x[70:], y[70:])},
        {"validation_data": TensorDataset(x[70:], y[70:])},
    ):
        trainer = trainer_of(net())
        data = (x, y) if "validation_split" in option else (x[:70], y[:70])
        history = trainer.fit(*data, epochs=3, batch_size=16, verbose=False, **option).history
        for name in ("loss", "accuracy"):
            assert history[name] == plain.history.history[name]
        assert history["val_loss"][-1] == pytest.approx(trainer.evaluate(x[70:], y[70:])["loss"], rel=1e-6)
        assert trainer.model.training


def test_evaluate_and_predict_leave_the_modes_as_they_were():
    x, y = points(20)
    model = net()
    model[3].eval()
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = autodiff.get_rng_state().numpy().copy()
    trainer = trainer_of(model)
    trainer.evaluate(x, y)
    assert not trainer.predict(x).requires_grad
    assert [module.training for module in model.modules()] == modes
    assert (autodiff.get_rng_state().numpy() == random).all()
    for name, tensor in model.state_dict().items():
        assert (tensor.numpy() == before[name].numpy()).all()
    with pytest.raises(TypeError):
        trainer.evaluate(x, "y")
    assert [module.training for module in model.modules()] == modes


X, Y = points(10)


@pytest.mark.parametrize(
    "arguments, options, error, words",
    [
        ((X, Y[:9]), {}, ValueError, r"as many samples in x as in y.*\(10, 2\), \(9,\)"),
        ((X,), {}, TypeError, "needs batches"),
        (([(1, 2)],), {}, TypeError, "list of tuple"),
        ((X, [0, 1]), {}, TypeError, "y as a Tensor or a NumPy array"),
        (("x", Y), {}, TypeError, "not str"),
        ((3,), {}, TypeError, "not int"),
        ((TensorDataset(X, Y), Y), {}, ValueError, "leave y out"),
        ((X, Y), {"epochs": -1}, ValueError, "epochs"),
        ((X, Y), {"validation_split": 1.5}, ValueError, "between 0 and 1"),
        ((X, Y), {"validation_split": 0.95}, ValueError, "none on one side"),
        ((X, Y), {"validation_split": 0.2, "validation_data": (X, Y)}, ValueError, "not both"),
        ((DataLoader(TensorDataset(X, Y)),), {"validation_split": 0.2}, ValueError, "validation_data"),
        ((Stream(),), {"validation_split": 0.2}, ValueError, "validation_data"),
        ((X[:0], Y[:0]), {"shuffle": False}, ValueError, "no batch"),
        ((iter([]),), {}, ValueError, "no batch"),
        (
            (X, Y),
            {"callbacks": [nn.EarlyStopping()]},
            ValueError,
            "no 'val_loss' to monitor.*validation_split",
        ),
        ((X, Y), {"callbacks": [nn.ModelCheckpoint("{val_loss}.npz")]}, ValueError, "fields are epoch, loss"),
        ((X, Y), {"callbacks": [nn.ModelCheckpoint("{.npz")]}, ValueError, "cannot be filled in"),
        ((X, Y), {"resume": "no-such-file.npz"}, FileNotFoundError, "no-such-file"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, error, words):
    with pytest.raises(error, match=words):
        trainer_of(net()).fit(*arguments, verbose=False, **options)


def test_a_trainer_of_wrong_parts_is_refused():
    model = net()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    loss = nn.CrossEntropyLoss()
    plateau = nn.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    for arguments, options, error in (
        ((3, loss, optimizer), {}, TypeError),
        ((model, nn.CrossEntropyLoss, optimizer), {}, TypeError),
        ((model, loss, model.parameters()), {}, TypeError),
        ((model, loss, optimizer), {"metrics": "accuracy"}, TypeError),
        ((model, loss, optimizer), {"metrics": ["acuracy"]}, ValueError),
        ((model, loss, optimizer), {"metrics": [3]}, TypeError),
        ((model, loss, optimizer), {"metrics": ["mae", "mae"]}, ValueError),
        ((model, loss, optimizer), {"metrics": {"loss": "mae"}}, ValueError),
        ((model, nn.MSELoss(), optimizer), {"metrics": ACCURACY}, ValueError),
        ((model, loss, optimizer), {"scheduler_step": "step"}, ValueError),
        ((model, loss, optimizer), {"scheduler": plateau, "scheduler_step": "batch"}, ValueError),
    ):
        with pytest.raises(error):
            nn.Trainer(*arguments, **options)


def test_a_loss_of_many_numbers_is_refused():
    model = net()
    trainer = nn.Trainer(model, nn.CrossEntropyLoss(reduction="none"), nn.optim.SGD(model.parameters()))
    with pytest.raises(ValueError, match="one number"):
        trainer.evaluate(X, Y)


# Metrics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss, outputs, targets, accuracy",
    [
        (nn.CrossEntropyLoss(), [[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]], [1, 0, 0], 2 / 3),
        (nn.CrossEntropyLoss(ignore_index=0), [[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]], [1, 0, 0], 1.0),
        (nn.CrossEntropyLoss(), [[0.1, 0.9], [0.8, 0.2]], [[0.3, 0.7], [0.4, 0.6]], 0.5),
        (nn.NLLLoss(), [[-0.1, -9.0], [-8.0, -2.0]], [1, 1], 0.5),
        (nn.functional.cross_entropy, [[0.1, 0.9], [0.8, 0.2]], [1, 0], 1.0),
        (nn.BCEWithLogitsLoss(), [[0.3], [-0.2], [0.1]], [[1.0], [0.0], [0.0]], 2 / 3),
        (nn.BCELoss(), [[0.3], [0.7], [0.9]], [[1.0], [0.0], [1.0]], 1 / 3),
        (nn.HingeLoss(), [[0.3], [-0.7]], [[1.0], [-1.0]], 1.0),
    ],
)
def test_accuracy_is_what_the_loss_means_by_right(loss, outputs, targets, accuracy):
    outputs, targets = autodiff.tensor(outputs), autodiff.tensor(targets)
    model = nn.Linear(1, 1)

    class Known(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    trainer = nn.Trainer(Known(), loss, nn.optim.SGD(model.parameters(), lr=0.1), metrics=ACCURACY)
    assert trainer.evaluate(outputs, targets, batch_size=2)["accuracy"] == pytest.approx(accuracy)


def test_metrics_see_all_samples_at_once():
    """The mean of the AUC of batches would be another number."""
    from sklearn.metrics import roc_auc_score

    def auc(outputs: Any, targets: Any) -> Any:
        return roc_auc_score(targets.numpy(), outputs.numpy()[:, 1])

    x, y = points(80)
    trainer = trainer_of(net(), metrics={"auc": auc, "mean": lambda o, t: o.mean()})
    values = trainer.evaluate(x, y, batch_size=16)
    assert values["auc"] == pytest.approx(auc(trainer.predict(x), y))
    assert values["mean"] == pytest.approx(trainer.predict(x).mean().item(), rel=1e-4)
    named = trainer_of(net(), metrics=[auc, "accuracy"])
    assert list(named.evaluate(x, y)) == ["loss", "auc", "accuracy"]


def test_mae_and_mse():
    model = nn.Linear(1, 1)
    trainer = nn.Trainer(
        model, nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.1), metrics=["mae", "mse"]
    )
    x, y = np.ones((5, 1)), np.arange(5.0)[:, None]
    difference = trainer.predict(x).numpy() - y
    values = trainer.evaluate(x, y, batch_size=2)
    assert values["mae"] == pytest.approx(abs(difference).mean(), rel=1e-5)
    assert values["mse"] == pytest.approx(values["loss"], rel=1e-5)


# Resuming -----------------------------------------------------------------------------------------------


lr_scheduler = nn.optim.lr_scheduler
SCHEDULERS = {
    "none": None,
    "step": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, [1, 3], 0.5),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 6),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.5),
    "sequence": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    ),
}
FORMS = {
    "arrays": lambda x, y: (x, y),
    "loader": lambda x, y: (
        DataLoader(
            TensorDataset(x, y),
            batch_size=16,
            shuffle=True,
            generator=autodiff.Generator().manual_seed(5),
        ),
        None,
    ),
}


@pytest.mark.filterwarnings("ignore:.*epoch parameter in `scheduler.step:UserWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("stop", [1, 3])
def test_a_training_that_resumes_is_the_one_that_never_stopped(scheduler, form, stop, tmp_path):
    x, y = points(100)

    def train(epochs: int, name: str, **options: Any) -> nn.Trainer:
        trainer = trainer_of(net(seed=options.pop("seed", 0)), SCHEDULERS[scheduler])
        early = nn.EarlyStopping("val_loss", patience=4, restore_best_weights=True)
        checkpoint = nn.ModelCheckpoint(tmp_path / name)
        data = FORMS[form](x[:80], y[:80])
        trainer.fit(
            *data,
            epochs=epochs,
            batch_size=16,
            validation_data=(x[80:], y[80:]),
            callbacks=[checkpoint, early],
            verbose=False,
            **options,
        )
        return trainer

    straight = state_of(train(6, "straight.npz"))
    train(stop, "stopped.npz")
    autodiff.randn(17)  # whatever the program does between
    resumed = state_of(train(6, "again.npz", resume=tmp_path / "stopped.npz", seed=9))
    assert resumed == straight
    assert contents(tmp_path / "again.npz") == contents(tmp_path / "straight.npz")


def test_without_the_random_stream_it_would_be_another_training(tmp_path):
    """The comparison above can fail."""
    x, y = points()
    callbacks = [nn.ModelCheckpoint(tmp_path / "checkpoint.npz")]
    trainer_of(net()).fit(x, y, epochs=2, callbacks=callbacks, verbose=False)
    ends = []
    for resume in (True, False):
        trainer = trainer_of(net(seed=1))
        if resume:
            trainer.fit(
                x, y, epochs=4, resume=tmp_path / "checkpoint.npz", callbacks=callbacks, verbose=False
            )
        else:
            trainer.load(tmp_path / "checkpoint.npz")
            trainer.fit(x, y, epochs=2, verbose=False)
        ends.append(state_of(trainer)["model 0.weight"])
    assert ends[0] != ends[1]


def test_a_training_that_stopped_early_stays_stopped(tmp_path):
    x, y = points()

    def train(**options: Any) -> nn.Trainer:
        trainer = trainer_of(net())
        early = nn.EarlyStopping("loss", min_delta=10.0, patience=2, restore_best_weights=True)
        saved = nn.ModelCheckpoint(tmp_path / "checkpoint.npz")
        trainer.fit(x, y, epochs=9, callbacks=[saved, early], verbose=False, **options)
        return trainer

    assert len(train().history) == 3  # the first is the best, for good
    expected = state_of(train())
    assert state_of(train(resume=tmp_path / "checkpoint.npz")) == expected


def test_what_is_no_checkpoint_is_refused_and_a_model_of_other_shapes(tmp_path):
    x, y = points()
    nn.save(net(), tmp_path / "model.npz")
    (tmp_path / "text.npz").write_text("not a file of arrays")
    for name in ("model.npz", "text.npz"):
        with pytest.raises(ValueError, match="no checkpoint"):
            trainer_of(net()).fit(x, y, resume=tmp_path / name)
    saved = [nn.ModelCheckpoint(tmp_path / "checkpoint.npz")]
    trainer_of(net()).fit(x, y, callbacks=saved, verbose=False)
    with pytest.raises(ValueError, match="with no scheduler"):
        trainer_of(net(), SCHEDULERS["step"]).fit(x, y, callbacks=saved, resume=tmp_path / "checkpoint.npz")
    with pytest.raises(ValueError, match="with the callbacks"):
        trainer_of(net()).fit(x, y, callbacks=[nn.EarlyStopping("loss")], resume=tmp_path / "checkpoint.npz")
    early = nn.EarlyStopping("loss"), nn.ModelCheckpoint(tmp_path / "early.npz")
    trainer_of(net()).fit(x, y, callbacks=early, verbose=False)
    restoring = nn.EarlyStopping("loss", restore_best_weights=True), early[1]
    with pytest.raises(ValueError, match="no best weights"):
        trainer_of(net()).fit(x, y, callbacks=restoring, resume=tmp_path / "early.npz")
    other = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="state_dict"):
        trainer_of(other).load(tmp_path / "checkpoint.npz")
    loader = FORMS["loader"](x, y)[0]
    with pytest.raises(ValueError, match="the same data"):
        trainer_of(net()).fit(loader, callbacks=saved, resume=tmp_path / "checkpoint.npz")


# Ctrl-C -------------------------------------------------------------------------------------------------


class CtrlC(nn.Callback):
    """Presses Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = epoch, batch

    def loss(self, output: Any, target: Any) -> Any:
        self.batch += 1
        if (self.trainer.epoch, self.batch) == self.at:
            signal.raise_signal(signal.SIGINT)
        return nn.functional.cross_entropy(output, target)

    def on_train_begin(self, trainer: nn.Trainer) -> None:
        self.trainer, self.batch = trainer, 0

    def on_epoch_end(self, trainer: nn.Trainer, values: Any) -> None:
        self.batch = 0


def test_ctrl_c_keeps_the_history_and_the_best_weights(tmp_path, capsys):
    x, y = points()
    ctrl_c = CtrlC(epoch=3, batch=2)
    model = net()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.02)
    trainer = nn.Trainer(model, ctrl_c.loss, optimizer)
    early = nn.EarlyStopping("loss", patience=9, restore_best_weights=True)
    saved = nn.ModelCheckpoint(tmp_path / "{epoch}.npz")
    history = trainer.fit(x, y, epochs=9, callbacks=[early, saved, ctrl_c], verbose=False)
    assert history.interrupted and len(history) == 3 and "interrupted" in repr(history)
    assert history is trainer.history and "3 of 9" in capsys.readouterr().out
    best = trainer_of(net(), metrics=())
    best.load(tmp_path / f"{early.best_epoch}.npz")
    for name, tensor in model.state_dict().items():
        assert (tensor.numpy() == best.model.state_dict()[name].numpy()).all()

    # it resumes at the last complete epoch, and ends where it would have without Ctrl-C
    def ends(**options: Any) -> Any:
        again = CtrlC(epoch=-1, batch=0)
        model = net()
        trainer = nn.Trainer(model, again.loss, nn.optim.Adam(model.parameters(), lr=0.02))
        early = nn.EarlyStopping("loss", patience=9, restore_best_weights=True)
        saved = nn.ModelCheckpoint(tmp_path / "again-{epoch}.npz")
        trainer.fit(x, y, epochs=6, callbacks=[early, saved, again], verbose=False, **options)
        return state_of(trainer)

    assert ends(resume=tmp_path / "3.npz") == ends()


# Callbacks ----------------------------------------------------------------------------------------------


class Script(nn.Callback):
    """Writes the numbers that the next callbacks see."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = iter(numbers)

    def on_epoch_end(self, trainer: Any, values: Any) -> None:
        values["loss"] = next(self.numbers)


@pytest.mark.parametrize(
    "numbers, options, epochs, best",
    [
        ([3, 2, 1, 0.5], {}, 4, 4),
        ([3, 2, 2.5, 1], {}, 3, 2),
        ([3, 2, 2.5, 1], {"patience": 1}, 3, 2),
        ([3, 2, 2.5, 1], {"patience": 2}, 4, 4),
        ([3, 2, 2.5, 2.1, 1], {"patience": 2}, 4, 2),
        ([3, 2.5, 2.4, 1], {"min_delta": 0.2}, 3, 2),
        ([3, 2, 1, 4], {"mode": "max", "patience": 2}, 3, 1),
        ([1, 2, 3, 2], {"mode": "max"}, 4, 3),
        ([float("nan"), 2, float("nan"), float("nan")], {"patience": 2}, 4, 2),
    ],
)
def test_early_stopping(numbers, options, epochs, best):
    x, y = points(20)
    early = nn.EarlyStopping("loss", **options)
    trainer = trainer_of(net())
    history = trainer.fit(x, y, epochs=len(numbers), callbacks=[Script(numbers), early], verbose=False)
    assert (len(history), early.best_epoch) == (epochs, best)
    trainer.fit(x, y, epochs=1, callbacks=[early], verbose=False)  # it begins anew
    assert early.best_epoch == 1


def test_the_best_weights_come_back():
    x, y = points(20)
    seen = []

    class Look(nn.Callback):
        def on_epoch_end(self, trainer: Any, values: Any) -> None:
            seen.append({name: t.numpy().copy() for name, t in trainer.model.state_dict().items()})

    for restore in (True, False):
        seen.clear()
        trainer = trainer_of(net())
        early = nn.EarlyStopping("loss", patience=2, restore_best_weights=restore)
        trainer.fit(x, y, epochs=9, callbacks=[Script([3, 1, 2, 2]), early, Look()], verbose=False)
        assert len(seen) == 4
        for name, tensor in trainer.model.state_dict().items():
            assert (tensor.numpy() == seen[1 if restore else 3][name]).all(), name


def test_checkpoints_of_the_best_only(tmp_path):
    x, y = points(20)
    saved = nn.ModelCheckpoint(tmp_path / "sub" / "{epoch:02d}-{loss:.1f}.npz", "loss", save_best_only=True)
    trainer_of(net()).fit(x, y, epochs=4, callbacks=[Script([3, 1, 2, 0.5]), saved], verbose=False)
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == [
        "01-3.0.npz",
        "02-1.0.npz",
        "04-0.5.npz",
    ]


def test_options_of_callbacks_that_cannot_be_are_refused():
    for make in (
        lambda: nn.EarlyStopping("loss", mode="up"),
        lambda: nn.EarlyStopping("auc"),
        lambda: nn.EarlyStopping("loss", patience=-1),
        lambda: nn.EarlyStopping("loss", min_delta=-0.1),
        lambda: nn.ModelCheckpoint("x.npz", "f1", save_best_only=True),
    ):
        with pytest.raises(ValueError):
            make()


def test_a_callback_stops_the_training(capsys):
    x, y = points(20)

    class Two(nn.Callback):
        def on_epoch_end(self, trainer: Any, values: Any) -> None:
            if trainer.epoch == 2:
                trainer.stop("two are enough")

    assert len(trainer_of(net()).fit(x, y, epochs=9, callbacks=[Two()])) == 2
    assert "two are enough" in capsys.readouterr().out


# Schedulers and steps -----------------------------------------------------------------------------------


def test_schedulers_are_stepped_after_each_epoch_or_each_batch():
    x, y = points(40)
    halving = lambda o: lr_scheduler.ExponentialLR(o, 0.5)  # noqa: E731
    history = trainer_of(net(), halving).fit(x, y, epochs=3, batch_size=20, verbose=False).history
    assert history["lr"] == [0.02, 0.01, 0.005]
    each = trainer_of(net(), halving, scheduler_step="batch")
    assert each.fit(x, y, epochs=2, batch_size=20, verbose=False).history["lr"] == [0.02, 0.005]


def test_a_line_search_and_a_step_of_ones_own():
    x, y = points(40)
    model = net(dropout=0.0)
    search = nn.Trainer(model, nn.CrossEntropyLoss(), nn.optim.BacktrackingSGD(model.parameters()))
    losses = search.fit(x, y, epochs=20, batch_size=40, verbose=False).history["loss"]
    assert losses[-1] < losses[0]

    class Still(nn.Trainer):
        def train_step(self, inputs: Any, target: Any) -> Any:
            output = self.model(*inputs)
            return self.loss(output, target), output

    model = net()
    before = model[0].weight.detach().numpy().copy()
    Still(model, nn.CrossEntropyLoss(), nn.optim.SGD(model.parameters())).fit(x, y, verbose=False)
    assert (model[0].weight.detach().numpy() == before).all()


# What is shown ------------------------------------------------------------------------------------------


def test_one_line_an_epoch_and_no_bar_in_a_log(capsys):
    x, y = points()
    trainer_of(net()).fit(x, y, epochs=2, validation_split=0.2)
    out, err = capsys.readouterr()
    assert err == ""
    assert [line[:9] for line in out.splitlines()] == ["Epoch 1/2", "Epoch 2/2"]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f" - {name}: " in out.splitlines()[0]
    trainer_of(net()).fit(x, y, epochs=2, verbose=False)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is_a_bar_if_tqdm_is_there(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress.bar([1, 2, 3], "Epoch 1/2", visible=True) as batches:
        assert list(batches) == [1, 2, 3]
    assert "Epoch 1/2" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)  # not installed
    with progress.bar([1, 2, 3], "Epoch 1/2", visible=True) as batches:
        assert list(batches) == [1, 2, 3]
    assert capsys.readouterr().err == ""


def test_the_history_as_a_table_and_as_a_picture(tmp_path):
    x, y = points()
    history = trainer_of(net()).fit(x, y, epochs=3, validation_split=0.2, verbose=False)
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["epoch"] for line in lines] == ["1", "2", "3"]
    for name, values in history.history.items():
        assert [float(line[name]) for line in lines] == values  # all digits
    figure = history.plot("Quadrants")
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        training, validation = axes.lines
        assert list(training.get_ydata()) == history.history[name]
        assert list(validation.get_ydata()) == history.history[f"val_{name}"]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    with pytest.raises(ValueError, match="no epoch"):
        nn.History().plot()
    with pytest.raises(ValueError, match="has"):
        history.append({"loss": 1.0})
