"""The same computation under both libraries: values, dtypes, first and second derivatives must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

import autodiff

torch.set_num_threads(1)

TORCH_DTYPES = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.int64): torch.int64,
    np.dtype(np.bool_): torch.bool,
}


class Library(NamedTuple):
    """What differs between the two: how arrays become tensors and tensors arrays, and where `grad` is."""

    tensor: Callable[[np.ndarray], Any]
    array: Callable[[Any], np.ndarray]
    grad: Callable[..., Any]


OURS = Library(autodiff.Tensor, lambda x: x.array, autodiff.grad)
TORCHS = Library(
    lambda x: torch.from_numpy(np.array(x, order="C")),
    lambda x: x.detach().numpy(force=True),  # a gradient that torch knows to be 0 has no memory
    torch.autograd.grad,
)


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def derivatives(
    library: Library,
    function: Callable[..., Any],
    args: Sequence[Any],
    wanted: Sequence[int],
    second: bool = True,
    create_graph: bool = True,
) -> dict[str, np.ndarray]:
    """By name: the outputs of `function(*args)`, and first and second derivatives in the arguments `wanted`.

    Arrays are made tensors. The cotangents are the same random numbers in each call; no gradient counts as 0.
    """
    rng = np.random.default_rng(0)
    tensors = [library.tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    xs = [tensors[i].requires_grad_() for i in wanted]
    result = function(*tensors)
    outputs = list(result) if isinstance(result, tuple | list) else [result]
    found = {f"output {i}": library.array(z) for i, z in enumerate(outputs)}
    outputs = [z for z in outputs if z.requires_grad]
    if not outputs:
        return found

    def random_like(z: Any) -> Any:
        return library.tensor(rng.uniform(0.5, 2, tuple(z.shape)).astype(library.array(z).dtype))

    def array(d: Any, x: Any) -> np.ndarray:
        return np.zeros_like(library.array(x)) if d is None else library.array(d)

    gs = [random_like(z).requires_grad_() for z in outputs]
    first = library.grad(outputs, xs, gs, create_graph=create_graph, allow_unused=True)
    found |= {f"gradient of argument {i}": array(d, x) for i, d, x in zip(wanted, first, xs, strict=True)}
    if second and create_graph:
        vs = [random_like(x) for x in xs]
        roots = [(d, v) for d, v in zip(first, vs, strict=True) if d is not None and d.requires_grad]
        if roots:
            twice = library.grad([d for d, _ in roots], xs + gs, [v for _, v in roots], allow_unused=True)
        else:
            twice = (None,) * (len(xs) + len(gs))
        names = [f"argument {i}" for i in wanted] + [f"cotangent {i}" for i in range(len(gs))]
        found |= {
            f"second derivative, {n}": array(d, x) for n, d, x in zip(names, twice, xs + gs, strict=True)
        }
    return found


def assert_same(
    ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], rtol: float, near: float = 1e-3
) -> None:
    """Shapes and dtypes equal, numbers within `rtol` of themselves, the largest beside them, or `near`."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        got = ours[name]
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype), name
        finite = np.abs(expected[np.isfinite(expected)]) if expected.dtype.kind == "f" else np.zeros(0)
        atol = rtol * max(finite.max(initial=0), near)
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=name)


def assert_like_torch(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    args: Sequence[Any],
    wanted: Sequence[int] | None = None,
    second: bool = True,
    rtol: float = 1e-9,
) -> None:
    """`function` on our tensors does what `reference` does on torch's, to the second derivative, in float64.

    With respect to the arguments `wanted` (all floating-point ones): each alone, and all together; with the
    rules read on arrays, and on tensors. The arguments are left as they were.
    """
    before = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
    with np.errstate(all="ignore"):
        wanted = [i for i, arg in enumerate(args) if is_float(arg)] if wanted is None else list(wanted)
        for some in [[i] for i in wanted] + [wanted] if len(wanted) > 1 else [wanted]:
            theirs = derivatives(TORCHS, reference, args, some, second)
            assert_same(derivatives(OURS, function, args, some, second), theirs, rtol)
            on_arrays = derivatives(OURS, function, args, some, create_graph=False)
            assert_same(on_arrays, {name: theirs[name] for name in on_arrays}, rtol)
    for arg, old in zip(args, before, strict=True):
        if isinstance(arg, np.ndarray):
            np.testing.assert_array_equal(arg, old)


def assert_float32_like_torch(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    args: Sequence[Any],
    wanted: Sequence[int] | None = None,
    ulps: float = 4,
    near: float = 0,
) -> None:
    """In float32 the values agree within a few units in the last place, and the gradients are float32 too.

    A function that goes through numbers of the size `near` cannot be more exact than these are.
    """
    args = [arg.astype(np.float32) if is_float(arg) else arg for arg in args]
    wanted = [i for i, arg in enumerate(args) if is_float(arg)] if wanted is None else wanted
    with np.errstate(all="ignore"):
        ours = derivatives(OURS, function, args, wanted, create_graph=False)
        theirs = derivatives(TORCHS, reference, args, wanted, create_graph=False)
    values = [name for name in theirs if name.startswith("output")]
    eps = float(np.finfo(np.float32).eps)
    assert_same({n: ours[n] for n in values}, {n: theirs[n] for n in values}, ulps * eps, near)
    assert_same(ours, theirs, 1e-4, near=0.1)
