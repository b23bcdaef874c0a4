"""A module under both libraries: one seed gives the same weights, one input the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import autodiff
import nn

Make = Callable[[Any], Any]  # of a library (nn or torch.nn) a module
Use = Callable[..., Any]  # of a module and tensors its results: tensors, nested as may be


class Library(NamedTuple):
    """What differs between the two libraries."""

    nn: Any
    tensor: Callable[[np.ndarray], Any]
    grad: Callable[..., Any]


OURS = Library(nn, autodiff.tensor, autodiff.grad)
TORCHS = Library(torch.nn, torch.tensor, torch.autograd.grad)


def real(*shape: int) -> np.ndarray:
    """Ordinary numbers of a shape."""
    return np.random.default_rng(sum(shape)).normal(size=shape)


def layer(kind: str, *sizes: int, **options: Any) -> Make:
    """How a library makes this layer."""
    return lambda library: getattr(library, kind)(*sizes, **options)


def made(make: Make) -> tuple[Any, Any]:
    """The module of each library, after the same seed."""
    autodiff.manual_seed(0)
    torch.manual_seed(0)
    return make(nn), make(torch.nn)


def assert_made_alike(ours: Any, theirs: Any) -> None:
    """The same text, the same names in the same order, and the same digits."""
    assert repr(ours) == repr(theirs)
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    for name, values in expected.items():
        assert state[name].dtype == values.numpy().dtype, name
        np.testing.assert_array_equal(state[name].numpy(), values.numpy(), err_msg=name)


def tensors(results: Any) -> Iterator[Any]:
    """The tensors among these results, nested as may be."""
    if isinstance(results, tuple | list):
        for result in results:
            yield from tensors(result)
    elif results is not None:
        yield results


def seen(library: Library, module: Any, use: Use, arrays: tuple[Any, ...], second: bool) -> dict[str, Any]:
    """By name: the results of `use(module, *arrays)`, and the gradients of arrays and parameters.

    With `second` the loss holds the squares of the first gradients too, so that its gradients are made of
    second derivatives.
    """
    given = [library.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
    xs = [x for x in given if hasattr(x, "requires_grad_") and "float" in str(x.dtype)]
    for x in xs:
        x.requires_grad_()
    results = list(tensors(use(module, *given)))
    found = {f"result {i}": z for i, z in enumerate(results)}
    rng = np.random.default_rng(0)
    loss: Any = 0
    for z in results:
        if z.requires_grad:
            weight = rng.uniform(0.5, 2, tuple(z.shape)).astype(z.detach().numpy().dtype)
            loss = loss + (z * library.tensor(weight)).sum()
    leaves = [*xs, *(p for p in module.parameters() if p.requires_grad)]
    if second:
        first = library.grad(loss, leaves, create_graph=True, allow_unused=True)
        loss = loss + sum((d * d).sum() for d in first if d is not None)
    gradients = library.grad(loss, leaves, allow_unused=True)
    found |= {f"gradient {i}": d for i, d in enumerate(gradients) if d is not None and d.ndim + 1}
    return {name: z.detach().numpy() for name, z in found.items()}


def assert_works_alike(
    make: Make, use: Use, *arrays: Any, second: bool = True, training: bool = True, rtol: float = 1e-9
) -> None:
    """Results and derivatives in float64 within `rtol`, and in float32 within a few units in the last place.

    The same generator state afterwards shows that both drew as much.
    """
    for dtype, exact in ((np.float64, rtol), (np.float32, 2e-5)):
        inputs = tuple(
            a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arrays
        )
        ours, theirs = (m.double() if dtype is np.float64 else m for m in made(make))
        ours.train(training)
        theirs.train(training)
        higher = second and dtype is np.float64
        got = seen(OURS, ours, use, inputs, higher)
        expected = seen(TORCHS, theirs, use, inputs, higher)
        assert got.keys() == expected.keys()
        for name, values in expected.items():
            assert (got[name].shape, got[name].dtype) == (values.shape, values.dtype), name
            scale = np.abs(values[np.isfinite(values)]).max(initial=1e-3)
            np.testing.assert_allclose(got[name], values, rtol=exact, atol=exact * scale, err_msg=name)
        assert (autodiff.rand(2).numpy() == torch.rand(2).numpy()).all()


def assert_refuse_alike(make: Make, use: Use, *arrays: Any, words: str = "") -> None:
    """Both libraries raise the same kind of exception, and say these words."""

    def attempt(library: Library) -> None:
        use(make(library.nn), *(library.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays))

    with pytest.raises(Exception) as expected:
        attempt(TORCHS)
    with pytest.raises(expected.type) as got:
        attempt(OURS)
    for message in (str(expected.value), str(got.value)):
        assert words in message
