"""Third derivatives of what is computed as one piece: by central differences of the second.

PyTorch is no judge here: its layer and batch normalizations are wrong in the third (2.13).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import autodiff
import nn
from autodiff import Tensor, gradgradcheck
from autodiff import linalg as L
from nn import functional as F


def zeros(x: Tensor) -> Tensor:
    return x.detach() * 0


def symmetric(x: Tensor) -> Tensor:
    """A positive definite matrix."""
    return x @ x.mT + 3 * autodiff.eye(len(x), dtype=x.dtype)


def recurrent(kind: str) -> Callable[[Tensor], Tensor]:
    """The output of a small layer along a sequence."""

    def run(x: Tensor) -> Tensor:
        autodiff.manual_seed(1)
        output: Tensor = getattr(nn, kind)(2, 2).double()(x)[0]
        return output

    return run


CLASSES = autodiff.tensor([0, 2])

CASES: dict[str, tuple[Callable[[Tensor], Any], tuple[int, ...]]] = {
    "layer_norm": (lambda x: F.layer_norm(x, (3,)), (2, 3)),
    "rms_norm": (lambda x: F.rms_norm(x, (3,)), (2, 3)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (4, 2)),
    "group_norm": (lambda x: F.group_norm(x, 2), (2, 2, 3)),
    "instance_norm": (lambda x: F.instance_norm(x), (1, 2, 3)),
    "local_response_norm": (lambda x: F.local_response_norm(x, 2, 1.0), (1, 3, 2)),
    "softmax": (lambda x: F.softmax(x, 1), (2, 3)),
    "log_softmax": (lambda x: F.log_softmax(x, 1), (2, 3)),
    "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES, label_smoothing=0.1), (2, 3)),
    "logits": (lambda x: F.binary_cross_entropy_with_logits(x, zeros(x) + 0.3), (3,)),
    "kl_div": (lambda x: F.kl_div(F.log_softmax(x, 1), F.softmax(2 * x, 1), reduction="sum"), (2, 3)),
    "attention": (lambda x: F.scaled_dot_product_attention(x, 2 * x, x + 1), (2, 3)),
    "conv2d": (lambda x: F.conv2d(x, x[:, :, :2, :2]), (1, 1, 3, 3)),
    "gelu": (F.gelu, (3,)),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), (3,)),
    "mish": (F.mish, (3,)),
    "rnn": (recurrent("RNN"), (3, 2)),
    "lstm": (recurrent("LSTM"), (3, 2)),
    "gru": (recurrent("GRU"), (3, 2)),
    "norm": (lambda x: autodiff.norm(x, 3), (3,)),
    "logsumexp": (lambda x: x.logsumexp(0), (3,)),
    "prod": (lambda x: x.prod(), (3,)),
    "cumprod": (lambda x: x.cumprod(0), (3,)),
    "std": (lambda x: x.std(), (3,)),
    "scatter_reduce": (lambda x: x.scatter_reduce(0, CLASSES * 0, x[1:], "prod"), (3,)),
    "inv": (lambda x: L.inv(symmetric(x)), (2, 2)),
    "slogdet": (lambda x: L.slogdet(x)[1], (3, 3)),
    "cholesky": (lambda x: L.cholesky(symmetric(x)), (2, 2)),
    "eigh": (lambda x: L.eigh(symmetric(x))[0], (2, 2)),
    "svdvals": (L.svdvals, (2, 3)),
    "qr": (lambda x: L.qr(x)[1], (2, 2)),
    "pinv": (L.pinv, (3, 2)),
}


@pytest.mark.parametrize("case", CASES)
def test_third_derivatives(case: str) -> None:
    function, shape = CASES[case]
    autodiff.manual_seed(0)

    def first(x: Tensor) -> Tensor:
        z = function(x).reshape(-1)
        weights = autodiff.linspace(0.5, 1.5, len(z), dtype=z.dtype)
        return autodiff.grad((z * weights).sum(), x, create_graph=True)[0]

    x = autodiff.randn(shape, dtype=autodiff.float64, requires_grad=True)
    assert gradgradcheck(first, x, atol=1e-4, rtol=1e-3)
