"""A training watched: what is measured is right, the training is left alone, the report shows it."""

import copy
import math
from itertools import pairwise

import numpy as np
import pytest

import autodiff
import nn
from nn.hooks import Hookable
from nn.watch import boundary, seeing, watcher
from nn.watch.activations import idle
from nn.watch.chart import Chart, round_numbers, thinned
from nn.watch.watcher import ALLOWANCE, SHARE, Watch
from tests.test_page import Parsed


class Net(nn.Module):
    """Two inputs, a bit of everything that could be disturbed."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.norm = nn.BatchNorm1d(8)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.2)
        self.second = nn.Linear(8, 8)
        self.tanh = nn.Tanh()
        self.last = nn.Linear(8, 1)

    def forward(self, x):
        return self.last(self.tanh(self.second(self.drop(self.relu(self.norm(self.first(x)))))))


def train(steps, interval=1, watched=True, model=None, on_step=lambda model: None):
    """Losses, the watch, and the model, after a training by hand."""
    autodiff.manual_seed(0)
    model = Net() if model is None else model
    x = autodiff.randn(16, 2)
    y = (x[:, :1] * x[:, 1:] > 0).to(autodiff.float32)
    loss_fn, optimizer = nn.BCEWithLogitsLoss(), nn.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    look = nn.watch(model, interval)
    if watched:
        look.start()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        on_step(model)
        if watched:
            look.step(loss)
        optimizer.step()
        losses.append(loss.item())
    look.stop()
    return losses, look, model


def length(tensors):
    return math.sqrt(sum(float((np.asarray(a, np.float64) ** 2).sum()) for a in tensors))


# What is measured -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [1, 2, 7])
def test_every_loss_and_every_interval_th_step(interval):
    losses, look, _ = train(20, interval)
    assert list(look.losses) == losses
    assert [measure.step for measure in look.measures] == list(range(1, 21, interval))
    assert repr(look) == f"<Watch of 20 steps, {len(look.measures)} of them measured>"


def test_norms_are_those_of_the_gradients_and_updates():
    gradients, weights = [], []

    def note(model):
        layers = {
            name: list(getattr(model, name).parameters()) for name in ("first", "norm", "second", "last")
        }
        gradients.append({name: length([p.grad.numpy() for p in layer]) for name, layer in layers.items()})
        weights.append({name: [p.detach().numpy().copy() for p in layer] for name, layer in layers.items()})

    _, look, _ = train(6, on_step=note)
    for k, measure in enumerate(look.measures):
        assert measure.gradient == pytest.approx(gradients[k], rel=1e-12)
        if k == 0:
            assert measure.update == {}
        for name, ratio in measure.update.items():
            moved = [b - a for a, b in zip(weights[k - 1][name], weights[k][name], strict=True)]
            assert ratio == pytest.approx(length(moved) / length(weights[k][name]), rel=1e-9)
        assert list(measure.dead) == ["relu"] and list(measure.saturated) == ["tanh"]


@pytest.mark.parametrize(
    "module, values, found",
    [
        (nn.ReLU(), [[0, 1, 0], [0, 2, 3]], ("dead", 1 / 3)),
        (nn.ReLU(), [[0, 0], [0, 0]], ("dead", 1.0)),
        (nn.Sigmoid(), [[0.01, 0.5], [0.5, 0.99]], ("saturated", 0.5)),
        (nn.Tanh(), [[0.99, 0.0], [-0.99, -1.0]], ("saturated", 0.75)),
        (nn.Hardtanh(-2, 2), [[2.0, 1.0]], ("saturated", 0.5)),
        (nn.ReLU6(), [[0.0, 3.0, 6.0, 1.0]], ("saturated", 0.5)),
        (nn.Softsign(), [[0.5]], ("saturated", 0.0)),
        (nn.Hardsigmoid(), [[1.0]], ("saturated", 1.0)),
        (nn.GELU(), [[0.0]], None),
        (nn.ReLU(), np.zeros((0, 3)), None),
    ],
)
def test_idle_activations(module, values, found):
    assert idle(module, np.array(values, float)) == (found and pytest.approx(found))


def test_dead_units_of_a_network_are_found():
    model = Net()
    with autodiff.no_grad():
        model.norm.bias.copy_(autodiff.tensor([-100.0] * 3 + [100.0] * 5))
        model.second.bias.fill_(1e4)
    _, look, _ = train(1, model=model)
    assert look.measures[0].dead == {"relu": 3 / 8}
    assert look.measures[0].saturated == {"tanh": 1.0}


def test_what_has_no_gradient_has_no_norm():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    look = nn.watch(model, 1)
    loss = model(autodiff.ones(3, 2)).sum()
    loss.backward()
    look.step(loss)
    loss = model(autodiff.ones(3, 2)).sum()
    loss.backward()
    look.step(loss)
    assert math.isnan(look.measures[0].gradient["0"]) and look.measures[0].gradient["1"] > 0
    look.stop()


# The training is left alone -------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [1, 3, None])
def test_the_training_is_the_same_bit_for_bit(interval):
    plain, _, model = train(30, watched=False)
    losses, look, watched = train(30, interval)
    assert losses == plain
    after = autodiff.rand(3)
    assert look.html
    for (name, a), (_, b) in zip(model.state_dict().items(), watched.state_dict().items(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)
    train(30, watched=False)
    np.testing.assert_array_equal(after.numpy(), autodiff.rand(3).numpy())


def test_the_report_leaves_model_gradients_and_random_stream_alone():
    _, look, model = train(5)
    before = copy.deepcopy(model.state_dict())
    gradients = [parameter.grad.numpy().copy() for parameter in model.parameters()]
    state = autodiff.get_rng_state().numpy().copy()
    assert look.html and look.html
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(before[name].numpy(), tensor.numpy())
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(parameter.grad.numpy(), gradient)
    np.testing.assert_array_equal(autodiff.get_rng_state().numpy(), state)


def test_calls_are_looked_at_only_while_a_step_is_measured():
    usual = Hookable.__dict__["__call__"]
    model = nn.Linear(2, 1)
    with nn.watch(model, 3) as look:
        assert Hookable.__dict__["__call__"] is not usual
        looked = []
        for _ in range(6):
            model.zero_grad()
            looked.append(Hookable.__dict__["__call__"] is not usual)
            loss = model(autodiff.ones(1, 2)).sum()
            loss.backward()
            look.step(loss)
    assert looked == [True, False, False, True, False, False]
    assert Hookable.__dict__["__call__"] is usual
    with pytest.raises(ZeroDivisionError), nn.watch(model):
        _ = 1 / 0
    assert Hookable.__dict__["__call__"] is usual
    with nn.watch(model), nn.watch(nn.Tanh()):
        pass
    assert Hookable.__dict__["__call__"] is usual and not seeing._seers


def test_a_hook_that_is_registered_meanwhile_is_called(monkeypatch):
    monkeypatch.setattr(Hookable, "__call__", Hookable.__dict__["__call__"])  # put back after this test
    model = nn.Linear(2, 1)
    calls = []
    with nn.watch(model):
        model.register_forward_hook(lambda *_: calls.append(1))
    model(autodiff.ones(1, 2))
    assert calls == [1]


def test_by_default_measuring_takes_its_share_of_the_time(monkeypatch):
    """With a clock that only we move: 50 us a step, 1 ms to measure one."""
    now = [0.0]
    monkeypatch.setattr(watcher.time, "perf_counter", lambda: now[0])

    def measure(self, steps):
        now[0] += 1e-3
        self._ready = False
        self.measures.append(watcher.Measure(steps, 0))

    monkeypatch.setattr(Watch, "_measure", measure)
    look = nn.watch(nn.Linear(1, 1))
    look.start()
    for _ in range(100_000):
        now[0] += 50e-6
        look.step(1.0)
    look.stop()
    assert look.seconds <= SHARE * now[0] + ALLOWANCE + 1e-3
    steps = [measure.step for measure in look.measures]
    assert len(steps) > 0.5 * SHARE * now[0] / 1e-3
    assert max(b - a for a, b in pairwise(steps)) < 0.05 * 100_000


# The plane ------------------------------------------------------------------------------------------------


def test_frames_are_what_the_model_answers():
    _, look, model = train(4)
    assert [step for step, _ in look.boundary.frames] == [1, 2, 3, 4]
    look.boundary.frame(5, model)
    model.eval()
    low, high = look.boundary.low, look.boundary.high
    corners = autodiff.tensor(
        [[low[0], high[1]], [high[0], high[1]], [low[0], low[1]], [high[0], low[1]]], dtype=autodiff.float32
    )
    values = look.boundary.frames[-1][1].reshape(boundary.SIDE, boundary.SIDE)
    wanted = model(corners).detach().numpy()[:, 0]
    np.testing.assert_allclose(
        [values[0, 0], values[0, -1], values[-1, 0], values[-1, -1]], wanted, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "outputs, kinds, sure",
    [
        ([[0.1], [0.9], [0.5]], [0, 1, 0], [0.8, 0.8, 0.0]),  # probabilities
        ([[-2.0], [0.0], [100.0]], [0, 0, 1], [math.tanh(1), 0.0, 1.0]),  # logits
        ([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], [2, 0], [0.25, 1.0]),  # a distribution
        ([[0.0, math.log(3)], [1e3, 0.0]], [1, 0], [0.5, 1.0]),  # logits of two classes
    ],
)
def test_answers(outputs, kinds, sure):
    (frame,), count = boundary.answers([(1, np.array(outputs))])
    assert count == max(2, len(outputs[0]))
    np.testing.assert_array_equal(frame[:, 0], kinds)
    np.testing.assert_allclose(frame[:, 1], sure, atol=1e-6)


def test_frames_are_thinned_out_not_lost():
    plane = boundary.Boundary()
    plane.see(np.random.randn(5, 2))
    model = nn.Linear(2, 1).to(autodiff.float64)
    for step in range(1, 400):
        plane.offer(step, model)
    steps = [step for step, _ in plane.frames]
    assert len(steps) <= boundary.MOST and steps[0] == 1 and steps[-1] > 380
    assert {b - a for a, b in pairwise(steps)} == {4}


def test_other_inputs_have_no_plane():
    model = nn.Linear(3, 1)
    with nn.watch(model, 1) as look:
        loss = model(autodiff.ones(2, 3)).sum()
        loss.backward()
        look.step(loss)
    assert look.boundary.frames == [] and 'class="plane"' not in look.html


def test_a_model_that_cannot_answer_does_not_end_the_training():
    class Strict(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x):
            if len(x) > 8:
                raise ValueError("at most 8 <b>rows</b>")
            return self.layer(x)

    _, look, _ = train_strict(Strict())
    assert "at most 8" in look.boundary.remark
    assert "at most 8 &lt;b&gt;rows&lt;/b&gt;" in look.html


def train_strict(model):
    with nn.watch(model, 1) as look:
        for _ in range(3):
            model.zero_grad()
            loss = model(autodiff.ones(4, 2)).sum()
            loss.backward()
            look.step(loss)
    return None, look, model


@pytest.mark.parametrize(
    "targets, wanted",
    [
        (np.array([0, 2, 1]), [0, 2, 1]),
        (np.array([[0.0], [1.0], [1.0]]), [0, 1, 1]),
        (np.array([-1.0, 1.0, -1.0]), [0, 1, 0]),
        (np.array([[1, 0], [0, 1], [1, 0]]), [0, 1, 0]),
    ],
)
def test_classes(targets, wanted):
    assert boundary.classes(targets).tolist() == wanted


# With a Trainer -------------------------------------------------------------------------------------------


def test_as_a_callback():
    x = autodiff.randn(40, 2)
    y = (x[:, 0] > 0).to(autodiff.int64)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    trainer = nn.Trainer(model, nn.functional.cross_entropy, nn.optim.Adam(model.parameters()))
    look = nn.watch(model, 2)
    history = trainer.fit(x, y, epochs=3, batch_size=8, callbacks=[look], verbose=False)
    assert len(look.losses) == 15
    assert [measure.epoch for measure in look.measures] == [1, 1, 1, 2, 2, 3, 3, 3]
    assert np.mean(look.losses[-5:]) == pytest.approx(history.history["loss"][-1])
    np.testing.assert_array_equal(look.boundary.targets, (look.boundary.points[:, 0] > 0).astype(int))
    assert "epoch 3" in look.html


def test_as_a_callback_of_a_trainer_with_steps_of_its_own():
    class Own(nn.Trainer):
        def train_step(self, inputs, target):
            self.optimizer.zero_grad()
            output = self.model(*inputs)
            loss = self.loss(output, target)
            loss.backward()
            self.optimizer.step()
            return loss, output

    model = nn.Linear(2, 1)
    trainer = Own(model, nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.01))
    look = nn.watch(model, 1)
    history = trainer.fit(
        autodiff.randn(8, 2), autodiff.randn(8, 1), epochs=3, callbacks=[look], verbose=False
    )
    assert list(look.losses) == history.history["loss"]


# The loss once more ---------------------------------------------------------------------------------------


def test_the_graph_has_the_gradients_of_the_loss_at_the_last_weights():
    model = nn.Linear(2, 1)
    x, y, loss_fn = autodiff.randn(4, 2), autodiff.randn(4, 1), nn.MSELoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with nn.watch(model, 1) as look:
        for _ in range(3):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            look.step(loss)
            optimizer.step()
    again, copied = look.again()
    graph = autodiff.draw(again, names=copied).graph
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    for name, parameter in model.named_parameters():
        (node,) = (x for x in graph.tensors if x.name == name)
        np.testing.assert_allclose(node.gradient.entries.ravel(), parameter.grad.numpy().ravel(), rtol=1e-6)
        assert node.stored is None


def test_else_it_is_the_graph_of_the_last_step():
    model = nn.Linear(2, 1)
    with nn.watch(model, 1) as look:
        loss = (model(autodiff.ones(1, 2)) ** 2).sum()
        loss.backward()
        look.step(loss)
    assert look.again()[0] is loss and look.again()[1] is model
    assert 'class="stepper"' in look.html
    look = nn.watch(model)
    look.step(0.5)  # only its number is known
    look.stop()
    assert look.again() is None and 'class="stepper"' not in look.html


# The report -----------------------------------------------------------------------------------------------


def test_report_is_one_file_that_reaches_for_nothing(tmp_path):
    _, look, _ = train(5)
    path = look.save(tmp_path / "report.html")
    html = path.read_text(encoding="utf-8")
    page = Parsed(html)
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("main")) == 1
    attributes = {name for _, given in page.tags for name in given}
    assert not attributes & {"src", "href", "style", "action"} and "url(" not in html
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert len(page.all("canvas")) == 1
    titles = ["Loss", "Gradient norm of each layer", "Update to weights of each layer"]
    assert [text for text in page.texts if text in titles] == titles


def test_hostile_layer_names():
    model = nn.Sequential()
    model.add_module("<script>alert(1)</script>", nn.Linear(2, 1))
    with nn.watch(model, 1) as look:
        for _ in range(3):
            model.zero_grad()
            loss = model(autodiff.ones(1, 2)).sum()
            loss.backward()
            look.step(loss)
    assert len(Parsed(look.html).all("script")) == 1


def test_a_loss_that_is_no_number_is_said():
    look = nn.watch(nn.Linear(1, 1))
    for loss in (1.0, 0.5, math.nan, math.inf):
        look.step(loss)
    look.stop()
    assert "not finite from step 3 on" in look.html
    look = nn.watch(nn.Linear(1, 1))
    for loss in (math.nan, 0.5, math.nan, 1.0):
        look.step(loss)
    look.stop()
    assert "not finite in 2 steps, first in step 1" in look.html


def test_errors(tmp_path):
    with pytest.raises(TypeError, match=r"must be an nn\.Module, not int"):
        nn.watch(3)
    for interval in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="interval"):
            nn.watch(nn.Linear(1, 1), interval)
    with pytest.raises(ValueError, match=r"watch\.step\(loss\)"):
        nn.watch(nn.Linear(1, 1)).save(tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


# Curves ---------------------------------------------------------------------------------------------------


def test_a_curve_goes_where_its_numbers_are():
    chart = Chart("c", {"a": [(0, 0.0), (50, 1.0), (100, 0.5)]}, share=True, steps=100)
    assert 'd="M58.0,266.0L296.0,12.0L534.0,139.0"' in chart.svg()


def test_a_curve_is_open_where_a_number_has_no_place():
    chart = Chart("c", {"a": [(1, 1.0), (2, math.nan), (3, 10.0), (4, 0.0), (5, 100.0)]}, log=True, steps=5)
    path = chart.svg().rpartition(' d="')[2].partition('"')[0]
    assert path.count("M") == 3 and "L" not in path
    assert Chart("c", {"a": [(1, math.nan)]}).html() == ""
    assert Chart("c", {}).html() == ""


def test_thinning_keeps_peaks():
    points = [(float(i), math.sin(i)) for i in range(10_000)] + [(10_000.0, 50.0)]
    kept = thinned(points)
    assert len(kept) <= 700 and (10_000.0, 50.0) in kept
    assert kept == sorted(kept)
    assert any(math.isnan(y) for _, y in thinned([*points, (10_001.0, math.nan)]))


@pytest.mark.parametrize(
    "low, high", [(0, 1), (0, 7), (0, 20_000), (-3.2, 4.1), (1e-9, 3e-9), (0, 123_456_789)]
)
def test_round_numbers(low, high):
    ticks = round_numbers(low, high, 5)
    assert 3 <= len(ticks) <= 9
    assert all(low <= tick <= high * (1 + 1e-9) for tick in ticks)


@pytest.mark.parametrize(
    "values", [[0.0], [5.0, 5.0], [-1.0, -2.0], [1e300, 1e-300], [3e-5, 4e-5], [1e-8, 1e9]]
)
@pytest.mark.parametrize("log", [False, True])
def test_any_range_can_be_drawn(values, log):
    Chart("c", {"a": list(enumerate(values))}, log=log, steps=len(values)).html()
