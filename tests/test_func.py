"""Functions of functions (`func`, `autograd.functional`) against PyTorch's: by table, and by errors."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn

LIBRARIES = (autodiff, torch)
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch.func uses it


def plain(value: Any) -> Any:
    """Nested values with tensors as arrays, in a form to compare; dtypes, shapes and types with them."""
    if isinstance(value, tuple | list):
        return (type(value).__name__, [plain(item) for item in value])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "detach"):
        return np.asarray(value.detach().numpy()), value.requires_grad
    return value


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, np.ndarray):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    elif isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs)
        for x, y in zip(ours, theirs, strict=True):
            assert_same(x, y)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    else:
        assert ours == theirs


# Values ----------------------------------------------------------------------------------------------------


def poly(x: Any) -> Any:
    return (x**3).sum() + (x.sin() * x).sum()


def many(x: Any, y: Any) -> Any:
    return x.sin() * y.sum(), {"outer": x[:, None] * y, "nothing": y.exp()}


def tree(d: Any) -> Any:
    return (d["a"] ** 2).sum() * d["b"][0].sin().sum() + d["b"][1].mean()


def nested(lib: ModuleType, x: Any) -> Any:
    """Perturbation confusion: the inner derivative must not see the outer variable's."""
    F = lib.func
    return F.grad(lambda x: x * F.grad(lambda y: x * y * y)(x * 0 + 1))(x)


# Each takes the library, and the tensors x (3), y (2) and w (3), which requires grad.
ROWS: dict[str, Callable[..., Any]] = {
    "grad": lambda lib, x, y, w: lib.func.grad(poly)(x),
    "grad of grad": lambda lib, x, y, w: lib.func.grad(lambda x: lib.func.grad(poly)(x).cos().sum())(x),
    "grad thrice": lambda lib, x, y, w: lib.func.grad(lib.func.grad(lib.func.grad(lambda t: t**5)))(x[0]),
    "grad, argnums": lambda lib, x, y, w: lib.func.grad(lambda a, b: (a * b).sum(), argnums=1)(x, x * 2),
    "grad, -1": lambda lib, x, y, w: lib.func.grad(lambda a, b: (a * b).sum(), argnums=-1)(x, x * 2),
    "grad, two": lambda lib, x, y, w: lib.func.grad(lambda a, b: (a * b).sum(), argnums=(1, 0))(x, x * 2),
    "grad, one of a tuple": lambda lib, x, y, w: lib.func.grad(lambda a: a.sum(), argnums=(0,))(x),
    "grad, unused": lambda lib, x, y, w: lib.func.grad(lambda a, b: a.sum(), argnums=1)(x, y),
    "grad of a constant": lambda lib, x, y, w: lib.func.grad(lambda a: lib.ones(()))(x),
    "grad, aux": lambda lib, x, y, w: lib.func.grad(lambda a: (a.sum(), {"a": a * 2}), has_aux=True)(x),
    "grad of a tree": lambda lib, x, y, w: lib.func.grad(tree)({"a": x, "b": (y, x)}),
    "grad, keywords": lambda lib, x, y, w: lib.func.grad(lambda a, *, b: (a * b).sum())(x, b=w.detach()),
    "grad and value": lambda lib, x, y, w: lib.func.grad_and_value(poly)(x),
    "grad and value, aux": lambda lib, x, y, w: lib.func.grad_and_value(
        lambda a: (a.sum(), a.sin()), has_aux=True
    )(x),
    "grad closes over w": lambda lib, x, y, w: lib.func.grad(lambda a: (a * a * w).sum())(x),
    "its value depends on w": lambda lib, x, y, w: lib.func.grad_and_value(lambda a: (a * w).sum())(x),
    "grad at w": lambda lib, x, y, w: lib.func.grad(poly)(w),
    "grad of grad at w": lambda lib, x, y, w: lib.autograd.grad(lib.func.grad(poly)(w).sum(), w),
    "grad in no_grad": lambda lib, x, y, w: lib.no_grad()(lambda: lib.func.grad(poly)(w))(),
    "no_grad in grad": lambda lib, x, y, w: lib.func.grad(lambda a: (a * lib.no_grad()(poly)(a)).sum())(x),
    "detach in grad": lambda lib, x, y, w: lib.func.grad(lambda a: (a * a.detach()).sum())(x),
    "perturbation": lambda lib, x, y, w: nested(lib, x[0]),
    "vjp": lambda lib, x, y, w: lib.func.vjp(lambda a: a.sin(), x)[1](x),
    "vjp, twice": lambda lib, x, y, w: (lambda f: (f(x), f(x * 2)))(lib.func.vjp(lambda a: a.sin(), x)[1]),
    "vjp of many": lambda lib, x, y, w: (lambda out: (out[0], out[1](out[0])))(lib.func.vjp(many, x, y)),
    "vjp, aux": lambda lib, x, y, w: lib.func.vjp(lambda a: (a.sin(), a), x, has_aux=True)[2],
    "grad of vjp": lambda lib, x, y, w: lib.func.grad(
        lambda v: (lib.func.vjp(lambda a: a**3, x)[1](v)[0] ** 2).sum()
    )(x),
    "jvp": lambda lib, x, y, w: lib.func.jvp(poly, (x,), (x * 2,)),
    "jvp of many": lambda lib, x, y, w: lib.func.jvp(many, (x, y), (x * 2, y + 1)),
    "jvp, aux": lambda lib, x, y, w: lib.func.jvp(lambda a: (a**2, a), (x,), (x,), has_aux=True),
    "jvp of a constant": lambda lib, x, y, w: lib.func.jvp(lambda a: lib.ones(2), (x,), (x,)),
    "jvp of grad": lambda lib, x, y, w: lib.func.jvp(lib.func.grad(poly), (x,), (x,)),
    "jvp of a sum and its parts": lambda lib, x, y, w: lib.func.jvp(
        lambda a: a.reshape(1, 3).mean(0), (x,), (x,)
    ),
    "grad of jvp": lambda lib, x, y, w: lib.func.grad(lambda t: lib.func.jvp(poly, (x,), (t,))[1])(x),
    "jacrev": lambda lib, x, y, w: lib.func.jacrev(lambda a: a[:, None] * a.sin())(x),
    "jacrev of many": lambda lib, x, y, w: lib.func.jacrev(many, argnums=(0, 1))(x, y),
    "jacrev, aux": lambda lib, x, y, w: lib.func.jacrev(lambda a: (a**2, a), has_aux=True)(x),
    "jacrev of nothing": lambda lib, x, y, w: lib.func.jacrev(lambda a: a[:0])(x),
    "jacfwd": lambda lib, x, y, w: lib.func.jacfwd(lambda a: a[:, None] * a.sin())(x),
    "jacfwd of many": lambda lib, x, y, w: lib.func.jacfwd(many, argnums=(0, 1))(x, y),
    "jacfwd, aux": lambda lib, x, y, w: lib.func.jacfwd(lambda a: (a**2, a), has_aux=True)(x),
    "hessian": lambda lib, x, y, w: lib.func.hessian(poly)(x),
    "hessian, two": lambda lib, x, y, w: lib.func.hessian(
        lambda a, b: (a.sum() * b**3).sum(), argnums=(0, 1)
    )(x, y),
    "hessian of many": lambda lib, x, y, w: lib.func.hessian(lambda a: (a**3, {"s": a.sin().sum()}))(x),
    "jacrev at w": lambda lib, x, y, w: lib.func.jacrev(lambda a: a**3)(w),
    "vmap": lambda lib, x, y, w: lib.func.vmap(lambda a: a * 2)(x),
    "vmap of two": lambda lib, x, y, w: lib.func.vmap(lambda a, b: a * b, (0, None))(x, y),
    "vmap, out_dims": lambda lib, x, y, w: lib.func.vmap(lambda a: a * y, out_dims=1)(x),
    "vmap, dims": lambda lib, x, y, w: lib.func.vmap(lambda a, b: a @ b, (-1, 1), -1)(
        lib.ones(2, 4).double() * x[0], lib.ones(2, 4).double() * x[1]
    ),
    "vmap of a tree": lambda lib, x, y, w: lib.func.vmap(
        lambda d, b: {"sum": d["a"] + d["c"][0] + b, "more": [d["a"]]}, in_dims=({"a": 0, "c": None}, 0)
    )({"a": x, "c": (y[0],)}, x),
    "vmap, several out_dims": lambda lib, x, y, w: lib.func.vmap(lambda a: (a * y, a * y), out_dims=(0, 1))(
        x
    ),
    "vmap, out_dims None": lambda lib, x, y, w: lib.func.vmap(lambda a: y, out_dims=None)(x),
    "vmap, keywords": lambda lib, x, y, w: lib.func.vmap(lambda a, b: a * b)(x, b=x),
    "vmap of none": lambda lib, x, y, w: lib.func.vmap(lambda a: (a * y, a.sum()))(x[:0, None].expand(0, 2)),
    "vmap of vmap": lambda lib, x, y, w: lib.func.vmap(lambda a: lib.func.vmap(lambda b: a * b)(y))(x),
    "gradients of examples": lambda lib, x, y, w: lib.func.vmap(
        lib.func.grad(lambda p, a: (p * a).sin().sum()), (None, 0)
    )(y, x[:, None] * y),
    "vmap with w": lambda lib, x, y, w: lib.func.vmap(lambda a: a * w)(x),
}


@pytest.mark.parametrize("name", list(ROWS))
@given(seed=st.integers(0, 99))
def test_as_under_pytorch(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, w = rng.normal(size=3), rng.normal(size=2), rng.normal(size=3)
    found = []
    for lib in LIBRARIES:
        make = (lambda a: autodiff.Tensor(a.copy())) if lib is autodiff else (lambda a: torch.tensor(a))
        found.append(plain(ROWS[name](lib, make(x), make(y), make(w).requires_grad_())))
    assert_same(*found)


F_ROWS: dict[str, Callable[..., Any]] = {
    "vjp": lambda F, x, y, w, options: F.vjp(lambda a: a**3, x, y, **options),
    "vjp, scalar": lambda F, x, y, w, options: F.vjp(poly, x, **options),
    "vjp, tuples": lambda F, x, y, w, options: F.vjp(
        lambda a, b: (a * b, a.sin()), (x, y), (x, y), **options
    ),
    "vjp at w": lambda F, x, y, w, options: F.vjp(lambda a: a**3, w, y, **options),
    "jvp": lambda F, x, y, w, options: F.jvp(lambda a: a**3, x, y, **options),
    "jvp, tuples": lambda F, x, y, w, options: F.jvp(
        lambda a, b: (a * b, a.sin()), (x, y), (y, x), **options
    ),
    "jacobian": lambda F, x, y, w, options: F.jacobian(lambda a: a[:, None] * a.sin(), x, **options),
    "jacobian, tuples": lambda F, x, y, w, options: F.jacobian(
        lambda a, b: (a * b, a.exp() * b), (x, y), **options
    ),
    "jacobian at w": lambda F, x, y, w, options: F.jacobian(lambda a: a**3, w, **options),
    "hessian": lambda F, x, y, w, options: F.hessian(poly, x, **options),
    "hessian, tuples": lambda F, x, y, w, options: F.hessian(
        lambda a, b: (a**3 * b**2).sum(), (x, y), **options
    ),
    "hessian at w": lambda F, x, y, w, options: F.hessian(poly, w, **options),
    "vhp": lambda F, x, y, w, options: F.vhp(poly, x, y, **options),
    "vhp, tuples": lambda F, x, y, w, options: F.vhp(
        lambda a, b: (a**3 * b**2).sum(), (x, y), (y, x), **options
    ),
    "hvp": lambda F, x, y, w, options: F.hvp(poly, x, y, **options),
    "hvp, tuples": lambda F, x, y, w, options: F.hvp(
        lambda a, b: (a**3 * b**2).sum(), (x, y), (y, x), **options
    ),
    "hvp at w": lambda F, x, y, w, options: F.hvp(poly, w, y, **options),
}


@pytest.mark.parametrize("name", list(F_ROWS))
@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"strict": True}], ids=str)
def test_autograd_functional(name: str, options: dict[str, bool]) -> None:
    rng = np.random.default_rng(0)
    x, y, w = (rng.normal(size=3) for _ in range(3))
    found = []
    for lib in LIBRARIES:
        make = (lambda a: autodiff.Tensor(a.copy())) if lib is autodiff else (lambda a: torch.tensor(a))
        variable = make(w).requires_grad_()
        result = F_ROWS[name](lib.autograd.functional, make(x), make(y), variable, options)
        parts = [result]
        if " at w" in name and options == {"create_graph": True}:
            last = result[1] if isinstance(result, tuple) else result
            parts.append(lib.autograd.grad((last**2).sum(), variable)[0])
        found.append(plain(parts))
    if options.get("create_graph"):  # a new variable of a constant may, or may not, be seen in the result
        found = [strip(value) for value in found]
    assert_same(*found)


def strip(value: Any) -> Any:
    """Without the flags of requires_grad."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], bool):
        return value[0]
    return [strip(item) for item in value] if isinstance(value, tuple | list) else value


def test_value_and_grad_is_in_the_other_order() -> None:
    x = autodiff.tensor([1.0, 2.0])
    value, gradient = autodiff.func.value_and_grad(poly)(x)
    assert_same(plain((gradient, value)), plain(autodiff.func.grad_and_value(poly)(x)))
    (value, aux), gradient = autodiff.func.value_and_grad(lambda a: (a.sum(), 7), has_aux=True)(x)
    assert (value.item(), aux, gradient.tolist()) == (3, 7, [1, 1])


def test_hvp_is_the_hessian_times_v() -> None:
    x, v = autodiff.tensor([1.0, 2.0], dtype=autodiff.float64), autodiff.tensor([3.0, -1.0]).double()
    value, product = autodiff.func.hvp(poly, x, v)
    assert value.item() == poly(x).item()
    np.testing.assert_allclose(product.array, (autodiff.func.hessian(poly)(x) @ v).array)


# Errors ----------------------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Callable[[ModuleType, Any], Any], str]] = {
    "grad of a vector": (
        lambda lib, x: lib.func.grad(lambda a: a)(x),
        "return a scalar Tensor, got tensor with 1 dims",
    ),
    "grad of a float": (
        lambda lib, x: lib.func.grad(lambda a: 1.0)(x),
        "return a Tensor, got <class 'float'>",
    ),
    "grad, no aux": (lambda lib, x: lib.func.grad(poly, has_aux=True)(x), "should be a tuple: (output, aux)"),
    "grad at a float": (lambda lib, x: lib.func.grad(poly)(3.0), "must be Tensor, got"),
    "grad at integers": (lambda lib, x: lib.func.grad(poly)(x.long()), "nly Tensors of floating point"),
    "argnum": (
        lambda lib, x: lib.func.grad(poly, argnums=3)(x),
        "Got argnum=3, but only 1 positional inputs",
    ),
    "argnums twice": (lambda lib, x: lib.func.grad(poly, argnums=(0, 0))(x, x), "must be unique, got (0, 0)"),
    "no argnums": (lambda lib, x: lib.func.grad(poly, argnums=())(x), "argnums must be non-empty"),
    "argnums of a list": (
        lambda lib, x: lib.func.grad(poly, argnums=[0])(x),
        "argnums must be int or Tuple[int, ...]",
    ),
    "vjp form": (
        lambda lib, x: lib.func.vjp(lambda a: (a, a), x)[1](x),
        "Expected pytree structure of cotangents",
    ),
    "vjp shape": (lambda lib, x: lib.func.vjp(lambda a: a, x)[1](x[:2]), ""),
    "vjp of a float": (
        lambda lib, x: lib.func.vjp(lambda a: 3.0, x),
        "return only tensors, got unsupported type",
    ),
    "jvp of no tuple": (lambda lib, x: lib.func.jvp(poly, x, x), "Expected primals to be a tuple"),
    "jvp form": (lambda lib, x: lib.func.jvp(poly, (x,), (x, x)), "to have the same python structure"),
    "jvp shape": (lambda lib, x: lib.func.jvp(poly, (x,), (x[:2],)), ""),
    "jvp, strict": (
        lambda lib, x: lib.func.jvp(lambda a: lib.ones(2), (x,), (x,), strict=True),
        "is independent of the inputs",
    ),
    "chunk": (lambda lib, x: lib.func.jacrev(poly, chunk_size=0)(x), "should be greater than 0"),
    "vmap of nothing": (lambda lib, x: lib.func.vmap(poly)(), "got no inputs"),
    "vmap lengths": (
        lambda lib, x: lib.func.vmap(lambda a, b: a)(x, x[:2]),
        "same size in the mapped dimension, got sizes [3, 2]",
    ),
    "vmap of None": (
        lambda lib, x: lib.func.vmap(poly, in_dims=None)(x),
        "expected `in_dims` to be int or a",
    ),
    "vmap, all None": (lambda lib, x: lib.func.vmap(poly, in_dims=(None,))(x), ""),
    "vmap of a float": (
        lambda lib, x: lib.func.vmap(lambda a, b: a)(x, 3.0),
        "cannot vmap over non-Tensor arguments",
    ),
    "vmap dim": (
        lambda lib, x: lib.func.vmap(poly, in_dims=3)(x),
        "expected in_dim to satisfy -1 <= in_dim < 1",
    ),
    "vmap form": (
        lambda lib, x: lib.func.vmap(lambda a, b: a, (0,))(x, x),
        "in_dims is not compatible with the structure of",
    ),
    "vmap to a float": (lambda lib, x: lib.func.vmap(lambda a: 3.0)(x), "must only return Tensors, got type"),
    "vmap out_dims": (
        lambda lib, x: lib.func.vmap(poly, out_dims=(0, 1))(x),
        "out_dims is not compatible with the structure of",
    ),
    "vmap out_dim": (lambda lib, x: lib.func.vmap(poly, out_dims=5)(x), "Dimension out of range"),
    "vmap chunk": (
        lambda lib, x: lib.func.vmap(poly, chunk_size=0)(x),
        "chunk_size should be None or greater than 0",
    ),
    "vmap random": (
        lambda lib, x: lib.func.vmap(lambda a: a + lib.rand(()))(x),
        "called random operation while in randomness error mode",
    ),
    "vmap randomness": (
        lambda lib, x: lib.func.vmap(poly, randomness="x")(x),
        "Only allowed values for randomness",
    ),
    "F.vjp, no v": (
        lambda lib, x: lib.autograd.functional.vjp(lambda a: a, x),
        "The vector v can only be None if the user-provided function returns",
    ),
    "F.vjp, v": (lambda lib, x: lib.autograd.functional.vjp(lambda a: a, x, x[:2]), "v has invalid size"),
    "F.vjp, two": (
        lambda lib, x: lib.autograd.functional.vjp(lambda a: a, x, (x, x)),
        "The given v should contain a single Tensor",
    ),
    "F.hvp, no v": (
        lambda lib, x: lib.autograd.functional.hvp(poly, x),
        "The vector v can only be None if the input to",
    ),
    "F.jacobian, strict": (
        lambda lib, x: lib.autograd.functional.jacobian(lambda a: lib.ones(2), x, strict=True),
        "does not require gradients",
    ),
    "F.jacobian, strict, two": (
        lambda lib, x: lib.autograd.functional.jacobian(lambda a, b: a, (x, x), strict=True),
        "is independent of input 1",
    ),
    "F.jacobian, strategy": (
        lambda lib, x: lib.autograd.functional.jacobian(poly, x, strategy="x"),
        "Expected strategy",
    ),
    "F.hvp, strict": (
        lambda lib, x: lib.autograd.functional.hvp(lambda a: a.sum(), x, x, strict=True),
        "independent of",
    ),
    "F.hessian of a vector": (
        lambda lib, x: lib.autograd.functional.hessian(lambda a: a, x),
        "should contain a single element",
    ),
    "F.hessian of a tuple": (
        lambda lib, x: lib.autograd.functional.hessian(lambda a: (a.sum(),), x),
        "should return a single Tensor",
    ),
    "F of a list": (
        lambda lib, x: lib.autograd.functional.vjp(lambda a: a, [x]),
        "must be either a Tensor or a tuple of Tensors",
    ),
    "F to a list": (
        lambda lib, x: lib.autograd.functional.vjp(lambda a: [a], x),
        "must be either a Tensor or a tuple of Tensors",
    ),
}


@pytest.mark.parametrize("case", list(ERRORS))
def test_errors_are_pytorchs(case: str) -> None:
    call, words = ERRORS[case]
    kinds = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as error:
            call(lib, lib.tensor([1.0, 2.0, 3.0]))
        assert words in str(error.value)
        kinds.append(error.type)
    assert issubclass(*kinds)


def test_randomness() -> None:
    x = autodiff.zeros(3)
    autodiff.manual_seed(0)
    first = autodiff.rand(3)
    noisy = {
        how: autodiff.func.vmap(lambda a: a + autodiff.rand(()), randomness=how)
        for how in ("same", "different")
    }
    autodiff.manual_seed(0)
    assert noisy["same"](x).tolist() == [first[0].item()] * 3
    autodiff.manual_seed(0)
    assert noisy["different"](x).tolist() == first.tolist()
    autodiff.manual_seed(0)
    with pytest.raises(RuntimeError, match="random"):
        autodiff.func.vmap(lambda a: a + autodiff.rand(()))(x)
    assert autodiff.rand(3).tolist() == first.tolist()  # nothing was drawn


def test_different_results_have_no_common_one() -> None:
    with pytest.raises(ValueError, match="different tensors"):
        autodiff.func.vmap(lambda a: a, out_dims=None)(autodiff.arange(3.0))


# Modules ---------------------------------------------------------------------------------------------------


def network(library: Any) -> Any:
    return library.Sequential(library.Linear(3, 4), library.Tanh(), library.Linear(4, 2))


def test_a_module_is_a_function_of_its_parameters() -> None:
    rng = np.random.default_rng(0)
    models = network(nn), network(torch.nn)
    values = {name: rng.normal(size=tuple(p.shape)) for name, p in models[1].named_parameters()}
    inputs, found = rng.normal(size=(5, 3)), []
    for lib, model in zip(LIBRARIES, models, strict=True):
        params = {name: lib.tensor(value) for name, value in values.items()}
        x = lib.tensor(inputs)

        def loss(params: Any, x: Any, lib: Any = lib, model: Any = model) -> Any:
            return (lib.func.functional_call(model, params, (x,)) ** 2).sum()

        found.append(
            plain(
                [
                    lib.func.grad(loss)(params, x),
                    lib.func.vmap(lib.func.grad(loss), in_dims=(None, 0))(params, x),
                    lib.func.jacrev(
                        lambda p, lib=lib, model=model, x=x: lib.func.functional_call(model, p, x)
                    )(params),
                ]
            )
        )
    assert_same(*found)


def test_the_module_is_as_before() -> None:
    model = network(nn)
    before = {name: (p, p.tolist()) for name, p in model.named_parameters()}
    weight = autodiff.ones(4, 3, requires_grad=True)
    z = autodiff.func.functional_call(model, {"0.weight": weight}, autodiff.ones(1, 3))
    z.sum().backward()
    assert weight.grad is not None
    assert model[0].weight.grad is None
    assert model[0].bias.grad is not None  # not named: the module's own
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        autodiff.func.functional_call(model, {"0.weight": autodiff.ones(4, 7)}, autodiff.ones(1, 3))
    for name, p in model.named_parameters():
        assert p is before[name][0]
        assert p.tolist() == before[name][1]


def test_buffers_that_the_call_changes_are_those_it_was_given() -> None:
    norm = nn.BatchNorm1d(2)
    given = {name: b.clone() for name, b in norm.named_buffers()}
    autodiff.func.functional_call(norm, given, autodiff.tensor([[1.0, 2.0], [3.0, 5.0]]))
    assert norm.running_mean.tolist() == [0, 0]
    assert given["running_mean"].tolist() == pytest.approx([0.2, 0.35])


def test_tied_weights() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    model, x = Tied(), autodiff.ones(2)
    double = {"a.weight": 2 * autodiff.eye(2)}
    assert autodiff.func.functional_call(model, double, x).tolist() == [4, 4]
    assert model.a.weight is model.b.weight
    untied = autodiff.func.functional_call(model, double, x, tie_weights=False)
    np.testing.assert_allclose(untied.detach().array, (model.b(x * 2)).detach().array)
    with pytest.raises(ValueError, match="tied"):
        autodiff.func.functional_call(model, {**double, "b.weight": autodiff.eye(2)}, x)


def test_what_functional_call_refuses() -> None:
    layer, x = nn.Linear(2, 2), autodiff.ones(2)
    weight = {"weight": autodiff.eye(2)}
    for bad, words in (
        (
            lambda: autodiff.func.functional_call(layer, {"wight": x}, x),
            "Unexpected key.*wight.*weight, bias",
        ),
        (lambda: autodiff.func.functional_call(layer, weight, x, strict=True), "Missing key.*bias"),
        (lambda: autodiff.func.functional_call(layer, [weight, weight], x), "multiple dictionaries"),
        (lambda: autodiff.func.functional_call(layer, 3, x), "to be a dict"),
    ):
        with pytest.raises((RuntimeError, ValueError), match=words):
            bad()


def test_linearize() -> None:
    """It pushes tangents as torch's jvp does (its linearize warns); the function runs once."""
    rng, runs = np.random.default_rng(0), 0
    x, y = rng.normal(size=3), rng.normal(size=2)

    def counted(x: Any, y: Any) -> Any:
        nonlocal runs
        runs += 1
        return many(x, y)

    output, push = autodiff.func.linearize(counted, autodiff.Tensor(x), autodiff.Tensor(y))
    a, b = torch.tensor(x), torch.tensor(y)
    for factor in (1.0, -2.0):
        expected = torch.func.jvp(many, (a, b), (a * factor, b + 1))
        tangents = autodiff.Tensor(x * factor), autodiff.Tensor(y + 1)
        assert_same(plain((output, push(*tangents))), plain(expected))
    assert runs == 1
    with pytest.raises(RuntimeError, match="tangent 0 is float64"):
        push(autodiff.Tensor(y), autodiff.Tensor(y))
    with pytest.raises(RuntimeError, match="same argspec as the primals"):
        push(autodiff.Tensor(x))
