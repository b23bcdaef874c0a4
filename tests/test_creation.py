"""Creation and conversion: one expression gives the same tensor, or kind of error, under both libraries."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import autodiff

from .against_torch import TORCH_DTYPES

F32, F64, I64 = np.float32, np.float64, np.int64

FROM_DATA = """
lib.tensor(2)  lib.tensor(2.5)  lib.tensor(True)  lib.tensor(-2**63)  lib.tensor([])
lib.tensor([[], []])  lib.tensor([1, 2])  lib.tensor([1, 2.5])  lib.tensor([True, 2])
lib.tensor([True, 2.0])  lib.tensor((1, 2))  lib.tensor(range(3))  lib.tensor([(1, 2), [3, 4.5]])
lib.tensor([[1, 2], [True, 3]])  lib.tensor([[[1.0]], [[2]]])  lib.tensor(F64(1))  lib.tensor(F32(1))
lib.tensor(I64(1))  lib.tensor(np.bool_(True))  lib.tensor([F64(1)])  lib.tensor([F32(1)])
lib.tensor([F32(1), 2])  lib.tensor([F32(1), F64(2)])  lib.tensor([I64(1), 2.5])
lib.tensor([lib.tensor(1.0), lib.tensor(2)])  lib.tensor([lib.tensor(1), 2.5])
lib.tensor([lib.tensor(1.0,dtype=lib.float64), 2.5])
lib.tensor([np.array([1.0, 2.0]), np.array([3, 4])])  lib.tensor(np.arange(6.0).reshape(2, 3))
lib.tensor(np.arange(6)[::2])  lib.tensor(np.array(True))  lib.tensor([0.1], dtype=lib.float64)
lib.tensor([1.5, -1.5], dtype=lib.int64)  lib.tensor(2.7, dtype=lib.bool)
lib.tensor([1, 2], dtype=lib.float32, requires_grad=True)  lib.tensor([1e39])
lib.tensor([16777217, 0.5])  lib.tensor(lib.ones(2, requires_grad=True))
lib.as_tensor(lib.ones(2, requires_grad=True))  lib.tensor([lib.ones(2, requires_grad=True).sum()])
lib.as_tensor([1.0, 2])  lib.as_tensor(np.arange(3))  lib.as_tensor(lib.ones(2), dtype=lib.int64)
lib.from_numpy(np.arange(3.0))  lib.Tensor([1, 2])  lib.Tensor()
lib.tensor([1], dtype=float)  lib.tensor([1.5], dtype=int)  lib.tensor([1], dtype=lib.float)
lib.tensor([1], dtype=lib.double)  lib.tensor([1.5], dtype=lib.long)  lib.tensor([lib.inf, -lib.pi])
"""

FILLED = """
lib.zeros(2, 3)  lib.zeros((2, 3))  lib.zeros([2, 3], dtype=lib.int64)  lib.zeros(size=(2, 3))
lib.zeros(())  lib.zeros(0, 2)  lib.zeros(I64(2))  lib.ones(2, dtype=lib.bool)
lib.ones(3, requires_grad=True)  lib.ones(2, device="cpu")  lib.full((2,), 3)  lib.full((2,), 3.0)
lib.full((2,), True)  lib.full((), 3)  lib.full([2], 3, dtype=lib.float64)
lib.full((2,), 3.7, dtype=lib.int64)  lib.full((2,), lib.tensor(3.0))  lib.full(size=(2,), fill_value=1)
lib.eye(2)  lib.eye(2, 3)  lib.eye(2, m=1, dtype=lib.int64)  lib.eye(0)
lib.zeros_like(lib.tensor([1, 2]))  lib.ones_like(lib.tensor([1.0]), dtype=lib.int64)
lib.zeros_like(lib.ones(2, requires_grad=True))
lib.ones_like(lib.ones(2, dtype=lib.float64), requires_grad=True)
lib.full_like(lib.tensor([1, 2]), 2.5)  lib.full_like(lib.tensor([1.0]), True)
lib.tensor([1]).new_zeros(2, 3)  lib.tensor([1]).new_ones((2, 3))  lib.tensor([1]).new_full((2,), 3.5)
lib.tensor([1]).new_tensor([2.5])  lib.tensor([1.0]).new_tensor([2])
"""

IN_STEPS = """
lib.arange(5)  lib.arange(5.0)  lib.arange(1, 5)  lib.arange(1, 5, 2)  lib.arange(1, 5, 0.5)
lib.arange(5, 1, -1)  lib.arange(5, 5)  lib.arange(0, 1, 0.1)  lib.arange(0, 1, 0.1, dtype=lib.float64)
lib.arange(1, 2.5, dtype=lib.int64)  lib.arange(0, 5, 1.5, dtype=lib.int64)  lib.arange(end=3)
lib.arange(start=1, end=3)  lib.arange(lib.tensor(3))  lib.arange(F64(3))  lib.arange(True)
lib.arange(3.0, requires_grad=True)  lib.arange(-3, 3, dtype=lib.float32)  lib.linspace(0, 1, 5)
lib.linspace(0, 1, 1)  lib.linspace(0, 1, 0)  lib.linspace(0, 10, 4, dtype=lib.int64)
lib.linspace(0.3, 7.7, 9)  lib.linspace(1, -1, steps=4)
lib.linspace(lib.tensor(0.0), lib.tensor(1.0), 3)  lib.logspace(0, 2, 3)  lib.logspace(0, 3, 4, base=2)
lib.logspace(-1, 1, 5, dtype=lib.float64)
"""

CONVERTED = """
x.float()  x.double()  x.long()  x.bool()  x.to(lib.float64)  x.to(dtype=lib.int64)  x.to("cpu")
x.to("cpu", lib.float64)  x.to(x.long())  x.type(lib.float64)  x.type_as(x.double())  x.cpu()
x.to(x.dtype) is x  x.float() is x  x.to(x.dtype, copy=True) is x  x.long().long().dtype == lib.int64
x.size()  x.size(0)  x.size(-1)  x.dim()  x.nelement()  x.stride()  x.stride(0)  x.t().stride()
x.element_size()  x.double().element_size()  x.is_contiguous()  x.t().is_contiguous()
x.t().contiguous().is_contiguous()  x.t().contiguous()  x.contiguous() is x  x.is_floating_point()
x.long().is_floating_point()  lib.is_floating_point(x)  lib.numel(x)
x.data_ptr() == x.detach().data_ptr()  x.data_ptr() == x.clone().data_ptr()
"""

WRONG = """
lib.tensor(None)  lib.tensor([1, None])  lib.tensor({1})  lib.tensor("a")  lib.tensor([[1, 2], [3]])
lib.tensor(2**63)  lib.tensor([2**70])  lib.tensor([2**63, -1])
lib.tensor(float("nan"), dtype=lib.int64)  lib.tensor([1, 2], requires_grad=True)
lib.tensor(np.array(["a"]))  lib.tensor()  lib.tensor([1], lib.float32)  lib.from_numpy([1, 2])
lib.from_numpy(np.array(["a"]))  lib.from_numpy(F64(2))  lib.Tensor(2.5)  lib.zeros()  lib.zeros(-1)
lib.zeros(2.0)  lib.zeros(True)  lib.zeros("a")  lib.zeros(2, (3,))
lib.zeros(2, requires_grad=True, dtype=lib.int64)  lib.full(2, 3)  lib.full((2,), lib.tensor([3.0]))
lib.eye(-1)  lib.eye(2.0)  lib.zeros_like([1, 2])  lib.arange(5, 1)  lib.arange(1, 5, 0)
lib.arange(3, requires_grad=True)  lib.arange(float("inf"))  lib.arange(float("nan"))  lib.arange()
lib.arange(3, dtype=lib.bool)  lib.linspace(0, 1, -1)  lib.linspace(0, 1)  lib.linspace(0, 1, 3.0)
x.size(2)  x.to("nowhere")  lib.numel([1, 2])  lib.is_floating_point(2.5)  lib.positive([1.0])
lib.isclose(lib.ones(3), lib.ones(2))  lib.allclose(lib.ones(3), lib.ones(2))
"""


def expressions(text: str) -> list[str]:
    """They stand two spaces apart."""
    return [part for line in text.strip().splitlines() for part in line.split("  ") if part]


def value(expression: str, library: Any) -> Any:
    x = library.tensor([[0.5, -1.5, 0.0], [2.0, 3.7, -0.2]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, {"lib": library, "np": np, "F32": F32, "F64": F64, "I64": I64, "x": x})


@pytest.mark.parametrize("expression", expressions(FROM_DATA + FILLED + IN_STEPS + CONVERTED))
def test_the_same_tensor(expression):
    ours, theirs = value(expression, autodiff), value(expression, torch)
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs
        return
    assert isinstance(ours, autodiff.Tensor)
    assert TORCH_DTYPES[ours.dtype] == theirs.dtype
    assert ours.requires_grad == theirs.requires_grad
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=3e-7)


@pytest.mark.parametrize("expression", expressions(WRONG))
def test_the_same_kind_of_error(expression):
    with pytest.raises(Exception) as theirs:
        value(expression, torch)
    with pytest.raises(theirs.type):
        value(expression, autodiff)


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float16, np.complex128])
def test_a_dtype_that_the_engine_lacks_is_refused_with_the_fix(kind):
    for make in (autodiff.tensor, autodiff.from_numpy, autodiff.as_tensor):
        with pytest.raises(TypeError, match=r"astype\(np.float32\)"):
            make(np.ones(2, kind))


def test_a_size_or_a_number_is_no_data():
    for wrong in (lambda: autodiff.Tensor(2, 3), lambda: autodiff.Tensor(5)):
        with pytest.raises(TypeError, match="zeros"):
            wrong()


def test_memory_is_shared_or_not():
    array = np.zeros(3)
    shared = [autodiff.from_numpy(array), autodiff.as_tensor(array)]
    copied = [autodiff.tensor(array), autodiff.as_tensor(array, dtype=autodiff.float32)]
    array[0] = 1
    assert [x[0].item() for x in shared + copied] == [1, 1, 0, 0]
    shared[0].add_(1)
    assert array.tolist() == [2, 1, 1]
    assert shared[0].numpy() is array
    x = shared[0]
    assert autodiff.as_tensor(x) is x
    assert autodiff.tensor(x).data_ptr() != x.data_ptr()


def test_read_only_memory_is_not_written():
    array = np.zeros(3)
    array.flags.writeable = False
    x = autodiff.from_numpy(array)
    for change in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="read-only"):
            change()
    assert (x + 1).tolist() == [1, 1, 1]


def test_the_default_dtype():
    autodiff.set_default_dtype(autodiff.float64)
    try:
        i = autodiff.tensor([1])
        made = [autodiff.tensor(1.5), autodiff.tensor([1.5]), autodiff.tensor([]), autodiff.zeros(2)]
        made += [autodiff.full((2,), 1.5), autodiff.arange(2.0), autodiff.linspace(0, 1, 2)]
        made += [i / 2, i * 1.5, i.exp()]
        assert {x.dtype for x in made} == {autodiff.float64}
        assert (i.float() * 1.5).dtype == autodiff.float32
    finally:
        autodiff.set_default_dtype(autodiff.float32)
    with pytest.raises(TypeError, match="floating-point"):
        autodiff.set_default_dtype(autodiff.int64)


def test_the_gradient_of_a_conversion_has_the_dtype_of_the_leaf():
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    (x.double() * 0.1).sum().backward()
    assert x.grad.dtype == autodiff.float32
    assert not x.long().requires_grad
    assert x.t().contiguous().requires_grad


def test_copies_of_a_tensor():
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.requires_grad
        assert twin.tolist() == [1, 2]
        assert twin.data_ptr() != x.data_ptr()
