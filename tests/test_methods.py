"""A function that PyTorch also has as a method of its tensors is a method of ours."""

import pkgutil

import pytest
import torch

import autodiff
from autodiff import ops

MODULES = [getattr(ops, name) for name in ops.__all__]
SHARED = sorted(
    {name for module in MODULES for name in getattr(module, "__all__", ()) if hasattr(torch.Tensor, name)}
)


def test_no_file_of_operations_is_forgotten() -> None:
    files = {module.name for module in pkgutil.iter_modules(ops.__path__)}
    assert set(ops.__all__) == files - {"arguments", "dims"}  # which hold no operations


def test_there_are_many() -> None:
    assert len(SHARED) > 100 and "softmax" in SHARED


@pytest.mark.parametrize("name", SHARED)
def test_it_is_a_method(name: str) -> None:
    assert callable(getattr(autodiff.Tensor, name, None))


def test_every_method_says_what_it_does() -> None:
    public = {name: getattr(autodiff.Tensor, name) for name in dir(autodiff.Tensor) if name[0] != "_"}
    assert not {name for name, method in public.items() if callable(method) and not method.__doc__}
    assert autodiff.Tensor.exp.__doc__ == "exp: e to the x. See `autodiff.exp`."
    assert autodiff.Tensor.exp_.__doc__ == "`exp` in place: writes into the tensor, and returns it."
