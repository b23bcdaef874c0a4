"""What is timed: whole training steps, each written once for both libraries.

A workload is a function of (ad, nn, optim): `autodiff, nn, nn.optim` or `torch, torch.nn, torch.optim`. It
seeds, builds, and returns one step, which returns its loss, a tensor. Both libraries draw the same initial
weights from the same seed; data comes from NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[], Any]
Build = Callable[[Any, Any, Any], Step]


class Workload(NamedTuple):
    """A name, what it is, how to build it, and the highest ratios to PyTorch."""

    name: str
    title: str
    build: Build
    eager: float | None = None  # of an eager step
    compiled: float | None = None  # of a compiled one
    numba: float | None = None  # of many steps in one call; only small networks have it


def trained(ad: Any, model: Any, loss_fn: Any, optimizer: Any, x: Any, y: Any) -> Step:
    """One step of training on the same batch."""

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def normal(ad: Any, *shape: int) -> Any:
    """Float32 values of a standard normal distribution, the same at each call."""
    return ad.tensor(np.random.default_rng(0).standard_normal(shape, np.float32))


def classes(ad: Any, n: int, count: int) -> Any:
    """n class indices below `count`, the same at each call."""
    return ad.tensor(np.random.default_rng(1).integers(0, count, n))


# small networks ---------------------------------------------------------------------------------------------


def xor(ad: Any, nn: Any, optim: Any) -> Step:
    """XOR, 2-4-1 with sigmoids, MSE, SGD."""

    class XOR(nn.Module):  # type: ignore[misc]  # whichever library it is
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(2, 4)
            self.activation = nn.Sigmoid()
            self.output = nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return self.output(self.activation(self.hidden(x))).sigmoid()

    ad.manual_seed(42)
    x = ad.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = ad.tensor([[0.0], [1.0], [1.0], [0.0]])
    model = XOR()
    return trained(ad, model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), x, y)


def moons(ad: Any, nn: Any, optim: Any) -> Step:
    """Two classes in the plane, 2-16-1, all 400 points at once."""
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    x = normal(ad, 400, 2)
    y = ad.tensor((np.random.default_rng(1).random((400, 1)) < 0.5).astype(np.float32))
    return trained(ad, model, nn.BCEWithLogitsLoss(), optim.SGD(model.parameters(), lr=0.1), x, y)


# large networks ---------------------------------------------------------------------------------------------


def mlp(
    optimizer: str, sizes: tuple[int, ...] = (784, 512, 256, 10), batch: int = 128, **options: Any
) -> Build:
    """A perceptron with ReLU for digits."""

    def build(ad: Any, nn: Any, optim: Any) -> Step:
        ad.manual_seed(0)
        layers: list[Any] = []
        for n, m in pairwise(sizes):
            layers += [nn.Linear(n, m), nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        update = getattr(optim, optimizer)(model.parameters(), **options)
        x, y = normal(ad, batch, sizes[0]), classes(ad, batch, sizes[-1])
        return trained(ad, model, nn.CrossEntropyLoss(), update, x, y)

    return build


def cnn(ad: Any, nn: Any, optim: Any) -> Step:
    """Two convolutions with pooling and a linear layer, 64 images of 28 by 28."""
    ad.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 7 * 7, 10)),
    )
    update = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return trained(ad, model, nn.CrossEntropyLoss(), update, normal(ad, 64, 1, 28, 28), classes(ad, 64, 10))


def speller(ad: Any, nn: Any, optim: Any) -> Step:
    """The next letter from eight before it: embeddings, batch norm and tanh, batch 32."""
    ad.manual_seed(0)
    model = nn.Sequential(
        *(nn.Embedding(27, 10), nn.Flatten()),
        *(nn.Linear(80, 200, bias=False), nn.BatchNorm1d(200), nn.Tanh()),
        *(nn.Linear(200, 200, bias=False), nn.BatchNorm1d(200), nn.Tanh()),
        nn.Linear(200, 27),
    )
    x = classes(ad, 32 * 8, 27).reshape(32, 8)
    update = optim.SGD(model.parameters(), lr=0.1)
    return trained(ad, model, nn.CrossEntropyLoss(), update, x, classes(ad, 32, 27))


def transformer(dropout: float) -> Build:
    """A block of a transformer, batch 8, sequence 64, width 128, 4 heads."""

    def build(ad: Any, nn: Any, optim: Any) -> Step:
        ad.manual_seed(0)
        model = nn.TransformerEncoderLayer(
            128, 4, 512, dropout=dropout, activation="gelu", batch_first=True, norm_first=True
        )
        update = optim.AdamW(model.parameters(), lr=1e-3)
        x = normal(ad, 8, 64, 128)
        return trained(ad, model, nn.MSELoss(), update, x, x.sin())

    return build


# operations -------------------------------------------------------------------------------------------------


def gradients(x: Any, function: Callable[[Any], Any]) -> Step:
    """Forward and backward of a function of one tensor."""

    def step() -> Any:
        x.grad = None
        loss = function(x)
        loss.backward()
        return loss

    return step


def chain(length: int) -> Build:
    """So many elementwise operations on 8 numbers, one after the other."""

    def function(x: Any) -> Any:
        for _ in range(length // 4):
            x = ((x * 1.01) + 0.01).sin().tanh()
        return x.sum()

    return lambda ad, nn, optim: gradients(ad.linspace(-1.0, 1.0, 8).requires_grad_(), function)


def wide(n: int) -> Build:
    """A few elementwise operations on so many numbers."""

    def function(x: Any) -> Any:
        return (x.sin() * x.cos() + (x * 0.5).tanh() * (-x * x).exp()).mean()

    return lambda ad, nn, optim: gradients(normal(ad, n).requires_grad_(), function)


MOMENTUM = mlp("SGD", lr=0.01, momentum=0.9)

# fmt: off
WORKLOADS = [
    Workload("xor",         "XOR 2-4-1, SGD",                            xor, 0.12, 0.045, 0.003),
    Workload("moons",       "moons 2-16-1, batch 400, SGD",              moons, 0.20, 0.09, 0.045),
    Workload("mlp",         "MLP 784-512-256-10, batch 128, Adam",       mlp("Adam", lr=1e-3), 0.90, 0.80),
    Workload("mlp_sgd",     "the same, SGD momentum",                    MOMENTUM, 0.95, 0.85),
    Workload("cnn",         "CNN 28×28, two 3×3 conv + pool, batch 64",  cnn, 1.00, 0.80),
    Workload("transformer", "transformer block, AdamW",                  transformer(0.0), 1.00, 0.88),
    Workload("transformer_dropout", "the same, with dropout",            transformer(0.1)),
    Workload("speller",     "char MLP, embeddings and batch norm",       speller),
    Workload("wide_1e6",    "wide elementwise, 10⁶",                     wide(10**6), 1.00, 0.65),
    Workload("wide_1e7",    "wide elementwise, 10⁷",                     wide(10**7), 0.45, 0.20),
    Workload("chain_1e3",   "chain of 10³ elementwise operations",       chain(10**3), 0.30),
    Workload("chain_1e4",   "chain of 10⁴",                              chain(10**4), 0.30),
    Workload("chain_1e5",   "chain of 10⁵",                              chain(10**5), 0.30),
]

GROWTH = [
    *(Workload(f"width_{n}", f"MLP {n}-{n}-{n}-10, batch 128", mlp("SGD", (n, n, n, 10), lr=0.01))
      for n in (32, 128, 512, 1024)),
    *(Workload(f"depth_{n}", f"MLP with {n} layers of 64, batch 128", mlp("SGD", (64,) * n + (10,), lr=0.01))
      for n in (2, 8, 32, 128)),
    *(Workload(f"batch_{n}", f"MLP 784-128-10, batch {n}", mlp("SGD", (784, 128, 10), n, lr=0.01))
      for n in (1, 16, 256, 4096)),
]
"""How time and memory grow with width, depth and batch: with each at four sizes."""
# fmt: on

BY_NAME = {workload.name: workload for workload in WORKLOADS + GROWTH}
