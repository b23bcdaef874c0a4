"""`compile(backend="numba")`: machine code that does what the NumPy form does, up to rounding; or a warning.

Compiling takes seconds, so most tests share the kernels of a few networks; random programs are interpreted as
the Python that they are.
"""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autodiff
import nn
from autodiff.compiler import native
from autodiff.compiler.float32 import make
from autodiff.compiler.scalars import CALLED

from .test_compile import (
    NETWORKS,
    bits,
    classes,
    data,
    forget_gradients,
    halve_rate,
    leaves_and_step,
    look_at_gradients,
    new_memory,
    new_values,
    outcomes,
    replays,
    sequential,
    training,
    wrong_rows,
)
from .test_graphs import programs

pytest.importorskip("numba")
machine_code = pytest.importorskip("autodiff.compiler.machine_code")

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.SuspiciousWarning")


def fast(step, **options):
    return autodiff.compile(step, backend="numba", **options)


def is_native(step):
    """Whether machine code has run."""
    found = [program for each in step.programs.values() for program in each]
    return bool(found) and all(isinstance(program, native.Native) and program.ready for program in found)


def numbers(tree):
    """All tensors of a tree as float64 arrays."""
    if isinstance(tree, autodiff.Tensor):
        return [tree.detach().numpy().astype(float)]
    if isinstance(tree, (list, tuple)):
        return [array for part in tree for array in numbers(part)]
    return [np.asarray(tree, float)]


def assert_near(found, expected, rtol=1e-4, atol=1e-5):
    found, expected = numbers(found), numbers(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol, atol)


def left(model, optimizer):
    """Everything that a step leaves, as a copy."""
    state = [list(entry.values()) for entry in optimizer.state_dict()["state"].values()]
    gradients = [np.nan if p.grad is None else p.grad for p in model.parameters()]
    return numbers([list(model.state_dict().values()), gradients, state, len(state)])


# networks ---------------------------------------------------------------------------------------------------


def wide():
    """Products that are left to BLAS, of a matrix as it is and transposed."""
    return (
        *(nn.Sequential(nn.Linear(40, 60), nn.ReLU(), nn.Linear(60, 40)), data((32, 40)), data((32, 40), 1)),
        *(nn.MSELoss(), lambda p: nn.optim.SGD(p, lr=0.1)),
    )


def normalized():
    """Statistics that are changed in place; no bias whose gradient is nothing but rounding."""
    return (
        nn.Sequential(nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6), nn.Sigmoid(), nn.Linear(6, 1)),
        *(data((8, 5)), data((8, 1), 1), nn.MSELoss(), lambda p: nn.optim.SGD(p, lr=0.1)),
    )


def xor_by(optimizer, **options):
    return lambda: (*NETWORKS["xor"]()[:4], lambda p: optimizer(p, **options))


class Recurrent(nn.Module):
    """The last output of a recurrent layer."""

    def __init__(self, kind):
        super().__init__()
        self.cells = kind(3, 4, batch_first=True)

    def forward(self, x):
        return self.cells(x)[0][:, -1]


class Attentive(nn.Module):
    """Tokens and their places, one attention that looks back, a class for each row."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(7, 4, padding_idx=0), nn.Embedding(5, 4)
        self.norm, self.heads, self.out = nn.LayerNorm(4), nn.Linear(4, 12), nn.Linear(4, 3)
        self.register_buffer("order", autodiff.arange(5))

    def forward(self, x):
        x = self.norm(self.tokens(x) + self.places(self.order))
        q, k, v = self.heads(x).chunk(3, dim=-1)
        x = x + nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(autodiff.cat([x[:, :-1].mean(1, keepdim=True), x[:, -1:]], 1).amax(1))


def between(*layers):
    return nn.Linear(5, 6), *layers, nn.Linear(6, 3)


LAYERS = {  # what makes three numbers of each row of the input
    "layer norm": lambda: (between(nn.LayerNorm(6)), data((8, 5))),
    "RMS norm": lambda: (between(nn.RMSNorm(6)), data((8, 5))),
    "group norm": lambda: (between(nn.GroupNorm(2, 6)), data((8, 5))),
    "batch norm of sequences": lambda: (
        [nn.BatchNorm1d(2), nn.Flatten(), nn.Linear(10, 3)],
        data((8, 2, 5)),
    ),
    "alpha dropout": lambda: (between(nn.SELU(), nn.AlphaDropout(0.5)), data((8, 5))),
    "channel dropout": lambda: ([nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(16, 3)], data((8, 4, 2, 2))),
    "padding": lambda: (
        [nn.Embedding(7, 4, padding_idx=0), nn.Flatten(), nn.Linear(8, 3)],
        classes(0, 7, (8, 2)),
    ),
    "RNN": lambda: ([Recurrent(nn.RNN), nn.Linear(4, 3)], data((4, 3, 3))),
    "GRU": lambda: ([Recurrent(nn.GRU), nn.Linear(4, 3)], data((4, 3, 3))),
    "LSTM": lambda: ([Recurrent(nn.LSTM), nn.Linear(4, 3)], data((4, 3, 3))),
    "attention": lambda: ([Attentive()], classes(0, 7, (4, 5))),
    "convolution": lambda: (
        [
            *(nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(4), nn.ReLU()),
            *(nn.Conv2d(4, 3, 2, dilation=2, padding=1), nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(27, 3)),
        ],
        data((4, 2, 7, 7)),
    ),
    "windows that overlap": lambda: (
        [
            *(nn.Conv1d(2, 3, 3, padding="same"), nn.MaxPool1d(3, 2, 1)),
            *(nn.ConvTranspose1d(3, 2, 3, stride=2), nn.AvgPool1d(3, 1, 1), nn.Flatten(), nn.Linear(18, 3)),
        ],
        data((4, 2, 8)),
    ),
    "image classifier": lambda: (
        [
            *(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(27, 3)),
        ],
        data((4, 1, 6, 6)),
    ),
}


MACHINE = ["windows that overlap", "image classifier"]
"""Layers whose kernels are compiled, too."""


def of_layers(name, double=False):
    """The training of a classifier that is made of these."""
    layers, x = LAYERS[name]()
    model = sequential(*layers)
    if double:
        model, x = model.double(), x.double() if x.dtype.kind == "f" else x
    return model, x, classes(len(x), 3), nn.CrossEntropyLoss(), lambda p: nn.optim.SGD(p, lr=0.1)


OURS = {
    "wide": wide,
    "normalized": normalized,
    "momentum": xor_by(nn.optim.SGD, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01, maximize=True),
    "Nesterov": xor_by(nn.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    **{name: lambda name=name: of_layers(name) for name in MACHINE},
    "AdamW": xor_by(nn.optim.AdamW, lr=0.05, amsgrad=True),
}


@pytest.fixture
def as_python(monkeypatch):
    """Kernels run as the Python that they are."""
    monkeypatch.setattr(native, "compiled", interpreted)


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_train_alike(name, double, monkeypatch, as_python):
    monkeypatch.setitem(NETWORKS, name, lambda: of_layers(name, double))
    tolerance = (1e-9, 1e-11) if double else (1e-3, 1e-5)
    found = []
    for keep in (fast, autodiff.compile):
        model, optimizer, _, _, step = training(name, keep)
        found.append(
            [[(step(), left(model, optimizer)) for _ in range(6)], step.repeat(4), left(model, optimizer)]
        )
        assert replays(step) == 1 and (keep is not fast or is_native(step))
    assert_near(*found, *tolerance)


optim = nn.optim
OPTIMIZERS = {
    "SGD, decay": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1),
    "SGD, two groups": lambda p: optim.SGD(
        [{"params": [*p][:2], "lr": 0.2}, {"params": [*p][2:], "momentum": 0.9, "maximize": True}], lr=0.1
    ),
    "Adam, decay": lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1, maximize=True),
    "RMSprop": optim.RMSprop,
    "RMSprop, all": lambda p: optim.RMSprop(p, momentum=0.9, centered=True, weight_decay=0.1, maximize=True),
    "Adagrad": optim.Adagrad,
    "Adagrad, all": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.1, maximize=True),
    "Adadelta": lambda p: optim.Adadelta(p, weight_decay=0.1),
    "Adamax": lambda p: optim.Adamax(p, weight_decay=0.1, maximize=True),
    "NAdam": lambda p: optim.NAdam(p, lr=0.05, weight_decay=0.1),
    "NAdam, decoupled": lambda p: optim.NAdam(p, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, lr=0.05),
    "RAdam, all": lambda p: optim.RAdam(
        p, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, maximize=True
    ),
    "Rprop": optim.Rprop,
    "ASGD": lambda p: optim.ASGD(p, lr=0.1, t0=3, weight_decay=0.1),
}


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_move_alike(name, double, monkeypatch, as_python):
    def made():
        model, x, y, loss, _ = NETWORKS["xor"]()
        kind = autodiff.float64 if double else autodiff.float32
        parameters = model.to(kind).parameters
        return model, x.to(kind), y.to(kind), loss, lambda _: OPTIMIZERS[name]([*parameters()])

    monkeypatch.setitem(NETWORKS, name, made)
    tolerance = (1e-9, 1e-11) if double else (1e-4, 1e-6)
    found = []
    for keep in (fast, autodiff.compile):
        model, optimizer, _, _, step = training(name, keep)
        history = []
        for i in range(8):
            halve_rate(i, model, optimizer)
            history.append((step(), left(model, optimizer)))
        found.append([history, step.repeat(4), left(model, optimizer)])
        assert replays(step) == 1 and (keep is not fast or is_native(step))
    assert_near(*found, *tolerance)


def test_rules_compile():
    def step():
        for one in optimizers:
            one.zero_grad()
        loss = sum((w * w * w).sum() for w in parameters)
        loss.backward()
        for one in optimizers:
            one.step()
        return loss.detach()

    found = []
    for keep in (fast, autodiff.compile):
        parameters = [data((2, 3), i).requires_grad_() for i in range(len(OPTIMIZERS))]
        optimizers = [
            make([w, autodiff.ones(1), autodiff.ones(1)])
            for make, w in zip(OPTIMIZERS.values(), parameters, strict=True)
        ]
        compiled = keep(step)
        found.append([[compiled() for _ in range(5)], compiled.repeat(5), parameters])
        assert keep is not fast or is_native(compiled)
    assert_near(*found, 1e-3, 1e-4)


@pytest.mark.parametrize("alike", [True, False])
def test_two_optimizers_of_parts_that_meet(alike, as_python):
    found, x = [], data((8, 5))
    for keep in (fast, autodiff.compile):
        autodiff.manual_seed(0)
        one, two = nn.Linear(5, 4), nn.Linear(4, 3)
        first = optim.SGD(one.parameters(), lr=0.1, momentum=0.9)
        second = first if alike else optim.RMSprop([*two.parameters(), *one.parameters()], lr=0.01)

        def step(one=one, two=two, first=first, second=second):
            first.zero_grad(), two.zero_grad()
            loss = (two(one(x).tanh()) ** 2).mean()
            loss.backward()
            first.step()
            one.bias.grad.mul_(0.5)
            second.step()
            return loss.detach()

        compiled, history = keep(step), []
        for i in range(8):
            halve_rate(i, one, first)
            history.append((compiled(), left(nn.ModuleList([one, two]), second), left(one, first)))
        found.append([history, compiled.repeat(3), left(nn.ModuleList([one, two]), second)])
        assert keep is not fast or is_native(compiled)
    assert_near(*found)


@pytest.mark.parametrize("name", ["xor", "xor, probabilities", "moons", "dropout", "embedding", *OURS])
def test_networks_train_alike(name, monkeypatch):
    monkeypatch.setitem(NETWORKS, name, {**NETWORKS, **OURS}[name])
    found = []
    for keep in (fast, lambda step: step):
        model, optimizer, _, _, step = training(name, keep)
        found.append([(numbers(step()), left(model, optimizer)) for _ in range(6)])
    for (loss, state), (expected, expected_state) in zip(*found, strict=True):
        assert_near([loss, state], [expected, expected_state])
    found = []
    for keep in (fast, autodiff.compile):
        model, optimizer, _, _, step = training(name, keep)
        losses = step.repeat(12)
        assert losses.shape == (12,) and not losses.requires_grad
        found.append([losses, left(model, optimizer), step()])
        assert replays(step) == 1 and (keep is not fast or is_native(step))
    assert_near(found[0], found[1], 1e-3, 1e-4)


def load(i, model, optimizer):
    if i == 4:
        optimizer.load_state_dict(optimizer.state_dict())
        model.load_state_dict({name: t * 0.5 for name, t in model.state_dict().items()})


def eager_between(i, model, optimizer):
    if i % 3 == 2:
        optimizer.step()


def freeze(i, model, optimizer):
    next(model.parameters()).requires_grad_(i < 4)


def add_decay(i, model, optimizer):
    optimizer.param_groups[0]["weight_decay"] = 0.1 * (i > 3)


CHANGES = [halve_rate, new_values, new_memory, look_at_gradients, forget_gradients, load, eager_between]


@pytest.mark.parametrize(
    ("name", "changes"), [("xor", [*CHANGES, freeze, add_decay]), ("xor, probabilities", CHANGES)]
)
def test_what_changes_between_steps_is_heeded(name, changes):
    for between in changes:
        found = []
        for keep in (fast, lambda step: step):
            model, optimizer, _, _, step = training(name, keep)
            history = []
            for i in range(8):
                between(i, model, optimizer)
                history.append((numbers(step()), left(model, optimizer)))
            found.append(history)
            assert keep is not fast or is_native(step)
        for (loss, state), (expected, expected_state) in zip(*found, strict=True):
            assert_near([loss, state], [expected, expected_state])


def test_gradients_add_up_and_an_older_graph_notices_the_change():
    found = []
    for keep in (fast, lambda step: step):
        model, _, x, _, step = training("xor", keep, clear=False)
        found.append([(step(), [p.grad.clone() for p in model.parameters()]) for _ in range(6)])
        older = model(x).sum()
        step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            older.backward()
    assert_near(*found)


def test_an_index_out_of_range_is_an_error_and_changes_nothing():
    model, _, _, y, step = training("embedding", fast)
    for _ in range(4):
        step()
    assert is_native(step)
    before = bits(model.state_dict())
    for wrong in (3, -1, 1 << 40):
        y[0] = wrong
        with pytest.raises(IndexError, match="out of bounds"):
            step()
        with pytest.raises(IndexError, match="out of bounds"):
            step.repeat(5)
    assert bits(model.state_dict()) == before
    y[0] = 0
    step()


def test_rows_out_of_range_change_what_they_change_in_eager_code():
    left, step = wrong_rows(fast)
    assert is_native(step)
    for found, expected in zip(left, wrong_rows(lambda step: step)[0], strict=True):
        for x, y in zip(found, expected, strict=True):
            assert x == y if isinstance(y, str) or y is None else np.allclose(x, y, atol=1e-5)


def test_arguments_are_given_anew_and_results_are_new():
    w = data((3,)).requires_grad_()

    def step(x, scale, rows):
        w.grad = None
        y = w * x
        loss = (y * scale)[rows].sum()
        loss.backward()
        return {"loss": loss.item(), "y": [y.detach(), (w, x > 0)], "scale": scale}

    compiled, held = fast(step), []
    for i in range(6):
        x, rows = data((3,), i), autodiff.tensor([i % 3, -1])
        result = compiled(x, 2.0, rows)
        gradient = w.grad
        held.append((result, gradient, step(x, 2.0, rows), w.grad))
        w.grad = gradient
    assert is_native(compiled)
    for result, gradient, expected, expected_gradient in held:
        assert type(result["loss"]) is float and result["y"][1][0] is w and result["scale"] == 2.0
        assert_near(
            [result["loss"], result["y"], gradient], [expected["loss"], expected["y"], expected_gradient]
        )
    repeated = compiled.repeat(3, x, 2.0, rows)
    assert repeated["loss"].tolist() == pytest.approx([held[-1][2]["loss"]] * 3)
    assert repeated["y"][0].shape == (3, 3) and repeated["y"][1][1].dtype == autodiff.bool
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(x, 2.0, autodiff.tensor([0, 3]))


# interpreted ------------------------------------------------------------------------------------------------


def interpreted(text):
    """A kernel as Python, on the same memory."""
    scope = {name: getattr(np, name) for name in machine_code.KINDS} | machine_code.plain_words()
    scope |= make(lambda f: f, lambda x: np.float32(x).view(np.int32), lambda n: np.int32(n).view(np.float32))
    for name in machine_code.KINDS:
        kind = np.ctypeslib.as_ctypes_type(name)

        def at(address, kind=kind):
            return np.ctypeslib.as_array((kind * (1 << 20)).from_address(int(address)))

        scope[f"{name}_at"] = at
        scope[f"{name}_stack"] = lambda n, name=name: np.full(n, 99, name)
        scope[f"{name}_of"] = lambda memory, name=name: memory.view(name)
    scope["hidden"] = int
    scope["add_up"], scope["multiply_add"] = (lambda t, x: t + x), (lambda t, x, y: t + x * y)
    scope["carray"] = lambda memory, shape: memory[: math.prod(shape)].reshape(shape)
    scope["dot"] = np.dot
    exec(compile(text, "<kernel>", "exec"), scope)
    return machine_code.Kernel(scope["kernel"], text)


# operations -------------------------------------------------------------------------------------------------


def operations(x, y, m, v, n, index):
    """Operations of every kind that has a form, of matrices, a vector, integers."""
    p, flags = x * x + 0.1, (x > 0) & ~(y >= 1)
    return [
        *(x + y, x - 2, 3 * x, x / p, -x, x**3, p**0.5, p**1.5, x**2, 1 / p, abs(x), x % 1.5),
        *(f() for f in (x.exp, p.log, x.sin, x.cos, x.tanh, p.sqrt, x.log1p, x.expm1, x.sigmoid, x.relu)),
        *(f() for f in (x.floor, x.ceil, x.round, x.trunc, x.square, x.atan, x.sinh, p.log2, x.isfinite)),
        *(autodiff.maximum(x, y), autodiff.minimum(x, y), x.clamp(-0.5, 0.5), autodiff.where(flags, x, y)),
        *(x == y, x != y, x <= y, flags | (y > 2), flags ^ (x > y), flags.all(), flags.any(0), flags.sum(1)),
        *(x.sum(), x.sum(0), x.sum(1, keepdim=True), x.mean(0), x.amax(1), x.amin(0), x.prod(1), x.var(0)),
        *(x.max(), x.min(), x.softmax(1), x.logsumexp(0), x.norm()),
        *(x @ m, m.T @ x.T, x @ v, v @ m, v @ v, x.T @ y, (x[None] @ m).squeeze(0), autodiff.outer(v, v)),
        *(x.T.reshape(-1), x[:, ::2], x[index], x[index, index], x.flip(0) * 2, x.expand(2, 4, 5).sum(0)),
        *(n + 1, n * n, n // 3, n % 3, n.sum(), n.max(), -n, abs(n), n / 2, n.float() * v, n > 2, n & 6),
        *(
            x.argmax(),
            x.argmax(1),
            x.argmin(0, keepdim=True),
            flags.float().argmax(1),
            n.argmin(),
            x.max(1)[1],
        ),
        *(x.cumsum(0), x.cumsum(1), n.cumsum(0), x.cummax(1)[0], x.cummin(0)[0], p.cumprod(1)),
        *(
            autodiff.cat([x, y[:, :2]], 1),
            autodiff.stack([x, y], 1),
            autodiff.cat([n, v]),
            x.roll(2, 1),
            x.roll(3),
        ),
        *(x.tril(), x.triu(1), (x > 0).tril(), x.unfold(1, 3, 1) * 2, x.diagonal() * 2, v.diag_embed()),
        *(autodiff.xlogy(p, p), x.take_along_dim(x.argmin(1, keepdim=True), 1), nn.functional.pad(x, (1, 2))),
        *(x.double() * 2, x.int(), (x > 0).float().mean(0), x.new_zeros(2), n.clamp(1, 3)),
    ]


def inputs(i, special=False):
    rng = np.random.default_rng(i)
    x, y, m, v = (rng.standard_normal(shape, np.float32) for shape in [(4, 5), (4, 5), (5, 3), (5,)])
    if special:
        x[0, :4] = np.nan, np.inf, -np.inf, -0.0
        y[1, 0] = np.nan
    n, index = rng.integers(-5, 6, 5), rng.integers(-4, 4, 3)
    return [autodiff.tensor(each) for each in (x, y, m, v, n, index)]


def test_operations_of_every_kind(monkeypatch):
    monkeypatch.setattr(native, "compiled", interpreted)
    with autodiff.no_grad(), np.errstate(all="ignore"):
        compiled = fast(operations, strict=True)
        for i in range(5):
            found, expected = compiled(*inputs(i, i == 4)), operations(*inputs(i, i == 4))
            for k, (a, b) in enumerate(zip(found, expected, strict=True)):
                assert a.dtype == b.dtype and a.shape == b.shape, k
                np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6, err_msg=f"operation {k}")
        assert is_native(compiled)


def test_loops_that_choose_are_not_unrolled():
    """LLVM would take minutes to follow all paths through twenty choices."""

    def step(x):
        return x.argmax(), x.argmin(1), x.cummax(1)[0], nn.functional.max_pool2d(x, 4, 1)

    compiled = fast(step)
    for i in range(4):
        assert_near(compiled(data((1, 5, 6), i)), step(data((1, 5, 6), i)))
    assert is_native(compiled)


def test_numba_knows_the_functions_of_numpy():
    x = np.append(np.random.default_rng(0).uniform(-2, 2, 20), [0.0, -0.0, np.inf, -np.inf, np.nan])
    y, called = x[::-1].copy(), sorted(CALLED, key=str)
    results = np.zeros((len(called), len(x)))
    calls = [f"{f.__name__}({', '.join('xy'[: f.nin])})" for f in called]
    text = [
        *("def kernel(table, steps):", "    table = int64_at(table)"),
        *("    xs, ys = float64_at(table[0]), float64_at(table[1])", "    results = float64_at(table[2])"),
        *(f"    for i in range({len(x)}):", "        x, y = xs[i], ys[i]"),
        *(f"        results[{len(x) * k} + i] = float64({call})" for k, call in enumerate(calls)),
        "    return steps",
    ]
    table = np.array([array.ctypes.data for array in (x, y, results)])
    assert machine_code.compiled("\n".join(text)).run(table.ctypes.data, 1) == 1
    for f, result in zip(called, results, strict=True):
        with np.errstate(all="ignore"):
            expected = f(*(x, y)[: f.nin])
        np.testing.assert_allclose(result, expected, 1e-12, err_msg=f.__name__)


def test_functions_of_float32_are_accurate_everywhere():
    import numba

    rng = np.random.default_rng(0)
    sizes = rng.standard_normal(20_000) * 10.0 ** rng.uniform(-40, 38, 20_000)
    x = np.concatenate([rng.uniform(-110, 95, 20_000), rng.uniform(-3, 3, 20_000), sizes])
    x = np.append(x, [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 1e-45, 3e38]).astype(np.float32)
    for name in ("exp", "log", "log1p", "tanh"):
        with np.errstate(all="ignore"):
            found = numba.vectorize(["float32(float32)"])(machine_code.words()[f"{name}32"])(x)
            true = getattr(np, name)(x.astype(float))
        rounded = true.astype(np.float32)
        usual = np.isfinite(rounded) & (rounded != 0)
        np.testing.assert_array_equal(found[~usual], rounded[~usual])
        assert np.all(abs(found - true)[usual] <= 3 * np.spacing(abs(rounded[usual])))


# random programs -------------------------------------------------------------------------------


@settings(deadline=None)
@given(programs(), st.integers(0, 99))
def test_random_programs_agree(program, seed):
    leaves, step = leaves_and_step(program)

    def found(run):
        return [
            numbers([result, [0.0 if g is None else g for g in gradients]])
            for result, gradients in outcomes(run, leaves, seed)
        ]

    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(native, "compiled", interpreted)
        compiled = fast(step)
        assert_near(found(compiled), found(step), 1e-9, 1e-12)
    assert is_native(compiled)


# rows -------------------------------------------------------------------------------------------------------

ROWS = {  # of x and y (9, 7) and w (7, 7): what reads the rows of x in their order, and what does not
    "layer": lambda x, y, w: (x @ w + y[0]).relu(),
    "product": lambda x, y, w: x @ w.T * y,
    "weights": lambda x, y, w: y @ (x.T @ y / 9),
    "square": lambda x, y, w: (x @ x.T).T @ y / 9 + x,
    "wide": lambda x, y, w: x @ ((x.T @ (both := autodiff.cat([x, y], 1))) * (y.T @ both))[:, :7] / 99,
    "sums": lambda x, y, w: x - x.sum(0) / 9,
    "largest": lambda x, y, w: x - x.amax(0),
    "smallest": lambda x, y, w: (x - x.amin(0)) @ w,
    "softmax": lambda x, y, w: x.softmax(1) @ w,
    "columns": lambda x, y, w: x.softmax(0) @ w,
    "of each": lambda x, y, w: x * (x * y).sum(1, keepdim=True),
    "flipped": lambda x, y, w: x.flip(0) @ w * (x @ w).flip(1) + (y * x).flip(0),
    "rolled": lambda x, y, w: x.roll(1, 0) * y,
    "parts": lambda x, y, w: autodiff.cat([x[::2], x[:4]]) @ w,
    "other shape": lambda x, y, w: x.T.reshape(9, 7) @ w,
    "one row": lambda x, y, w: x @ w * x[3],
    "numbers": lambda x, y, w: (x @ w).mean(1, keepdim=True) + y,
    "powers": lambda x, y, w: x.tanh() @ (x.T @ x / 9),
    "in place": lambda x, y, w: (x @ w).mul_(y).add_(x),
}


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=5), st.integers(0, 9))
@example(["wide"], 0)
@example(["square"], 0)
def test_sums_over_rows_and_what_reads_them(names, seed):
    rng = np.random.default_rng(seed)
    x, y, w = (autodiff.tensor(rng.uniform(-1, 1, shape)) for shape in [(9, 7), (9, 7), (7, 7)])
    w.requires_grad_()
    weight = autodiff.tensor(rng.uniform(-1, 1, (9, 7)))

    def step(x, y):
        w.grad = None
        z = x @ w
        for name in names:
            z, y = ROWS[name](z, y, w), z
        loss = (z * weight).sum()
        loss.backward()
        z, y = z.detach(), y.detach()
        return loss.detach(), z, z.sum(0), z.T @ y, z.amax(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "compiled", interpreted)
        compiled = fast(step)
        for _ in range(3):
            found = numbers([*compiled(x, y), w.grad])
        assert_near(found, numbers([*step(x, y), w.grad]), 1e-9, 1e-12)
    assert is_native(compiled)


# what cannot be ---------------------------------------------------------------------------------------------


def test_what_has_no_form_is_named_and_left_to_numpy():
    def step(x):
        y = x * 2
        return y.median() + 1

    place = f"{__file__}:{step.__code__.co_firstlineno + 2}"
    compiled = fast(step)
    with pytest.warns(RuntimeWarning, match=f"median has no form in numba.*{place}.*runs as NumPy") as found:
        for i in range(5):
            assert bits(compiled(data((3,), i))) == bits(step(data((3,), i)))
    assert len(found) == 1 and replays(compiled) == 1 and not is_native(compiled)
    with pytest.raises(RuntimeError, match="median has no form in numba"):
        strict = fast(step, strict=True)
        strict(data((3,))), strict(data((3,)))


def test_what_would_take_minutes_to_compile_is_left_to_numpy():
    def step(x):
        for _ in range(500):
            x = (x @ x).tanh()
        return x

    compiled = fast(step)
    with pytest.warns(RuntimeWarning, match="lines of loops would take numba minutes"):
        for i in range(3):
            assert bits(compiled(data((3, 3), i))) == bits(step(data((3, 3), i)))


def test_large_convolutions_are_left_to_numpy():
    layer, compiled = nn.Conv2d(8, 16, 3), fast(lambda x: layer(x).detach())
    with pytest.warns(RuntimeWarning, match="conv has no form in numba: so many products .* faster in NumPy"):
        for i in range(3):
            x = data((32, 8, 16, 16), i)
            assert bits(compiled(x)) == bits(layer(x).detach())


def test_an_argument_that_is_changed_is_left_to_numpy():
    def step(x):
        x.mul_(2)
        return x.sum()

    compiled, x = fast(step), autodiff.ones(3)
    with pytest.warns(RuntimeWarning, match="it changes an argument in place"):
        for i in range(5):
            assert compiled(x).item() == 3 * 2 ** (i + 1)


def test_an_argument_that_is_changed_through_a_view_is_left_to_numpy():
    def step(x):
        x.t().reshape(6, 2).mul_(3)  # a view, of the arguments that are given here
        return x.sum()

    compiled = fast(step)
    with pytest.warns(RuntimeWarning, match="memory that is changed in place"):
        for i in range(5):
            x, y = data((4, 3), i).t(), data((4, 3), i).t()
            assert_near([compiled(x), x], [step(y), y])


def test_dropout_of_what_the_step_changes(as_python):
    found = []
    for keep in (fast, autodiff.compile):
        autodiff.manual_seed(0)
        w = data((4, 5)).requires_grad_()

        def step(w=w):
            w.grad = None
            nn.functional.dropout(w, 0.5).sum().backward()
            with autodiff.no_grad():
                w.sub_(w.grad)

        compiled = keep(step)
        for _ in range(6):
            compiled()
        found.append(w)
        assert keep is not fast or is_native(compiled)
    assert_near(*found)


def test_an_argument_may_overlap_with_what_is_changed():
    memory = autodiff.arange(6.0)
    total = memory[:4]

    def step(x):
        total.mul_(0.5)
        return (x * 2).sum()

    compiled, found = fast(step), []
    for x in (memory[2:], autodiff.ones(4), memory[2:], memory[2:], memory[:4], autodiff.ones(4)):
        before = memory.clone()
        found.append((compiled(x), memory.clone()))
        memory.copy_(before)
        assert_near([step(x), memory], list(found[-1]))
    assert is_native(compiled)


class Gentle(nn.optim.SGD):
    """An optimizer with a slope of its own."""

    def slope(self, *args):
        return super().slope(*args) * 0.5


def test_an_optimizer_without_a_form_is_named(monkeypatch):
    made = (*NETWORKS["xor"]()[:4], lambda p: Gentle(p, lr=0.1))
    monkeypatch.setitem(NETWORKS, "gentle", lambda: made)
    *_, step = training("gentle", fast)
    with pytest.warns(RuntimeWarning, match="Gentle has a rule of its own"):
        for _ in range(4):
            step()


def test_without_numba_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r'pip install "autodiff-nn\[jit\]"'):
        autodiff.compile(lambda x: x, backend="numba")
    assert autodiff.compile(lambda x: x + 1)(autodiff.ones(1)).item() == 2


def test_numba_is_imported_for_its_backend_alone():
    code = "import sys, autodiff, nn; autodiff.compile(lambda: 0)(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_backends_and_no_steps_are_errors():
    with pytest.raises(ValueError, match="'numpy' or 'numba', not 'cuda'"):
        autodiff.compile(lambda x: x, backend="cuda")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        autodiff.compile(lambda: autodiff.ones(1)).repeat(0)


def test_repeat_of_what_is_not_compiled():
    def step():
        return autodiff.ones(2) * float(autodiff.ones(1))

    for backend in ("numpy", "numba"):
        compiled = autodiff.compile(step, backend=backend)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            assert compiled.repeat(3).tolist() == [[1, 1]] * 3


def test_the_source_is_the_same():
    sources = []
    for keep in (fast, autodiff.compile):
        *_, step = training("xor", keep)
        step(), step()
        sources.append(step.source)
    assert sources[0] == sources[1]
