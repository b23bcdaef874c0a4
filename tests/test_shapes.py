"""Reshaping, reordering, joining, splitting against PyTorch: values, derivatives, shared memory, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff

from . import strategies as draw
from .against_torch import assert_like_torch
from .both import assert_same_error, both

SHAPE = (2, 3, 4)

# Each is run under both libraries, on an x of shape (2, 3, 4) in every memory layout.
VIEWS = {
    "reshape": lambda x: x.reshape(6, 4),
    "reshape, -1": lambda x: x.reshape((4, -1)),
    "reshape to itself": lambda x: x.reshape(2, 3, 4),
    "flatten": lambda x: x.flatten(),
    "flatten some": lambda x: x.flatten(1, 2),
    "unflatten": lambda x: x.unflatten(2, (2, -1)),
    "transpose": lambda x: x.transpose(0, -1),
    "swapaxes": lambda x: x.swapaxes(1, 2),
    "permute": lambda x: x.permute(2, 0, 1),
    "movedim": lambda x: x.movedim(0, 2),
    "movedim, several": lambda x: x.movedim((0, 1), (-1, 0)),
    "T": lambda x: x[0].T,
    "mT": lambda x: x.mT,
    "t": lambda x: x[1].t(),
    "t of a vector": lambda x: x[1, 2].t(),
    "unsqueeze": lambda x: x.unsqueeze(-1),
    "squeeze": lambda x: x[:, :1].squeeze(),
    "squeeze, dim": lambda x: x[:, :1].squeeze(1),
    "squeeze, dims": lambda x: x[:1, :1].squeeze((0, 1)),
    "squeeze, not 1": lambda x: x.squeeze(0),
    "expand": lambda x: x[:, :1].expand(-1, 5, 4),
    "expand, more dims": lambda x: x.expand(3, 2, 3, 4),
    "expand to itself": lambda x: x.expand(2, -1, 4),
    "expand_as": lambda x: x[0, 0].expand_as(x),
    "broadcast_to": lambda x: x[:1].broadcast_to((5, 3, 4)),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, -2),
    "diagonal": lambda x: x.diagonal(1, 2, 0),
    "diagonal below": lambda x: x.diagonal(-1, 1, 2),
    "unfold": lambda x: x.unfold(2, 2, 2),
    "unfold, with gaps": lambda x: x.unfold(1, 1, 2),
    "unfold of a part": lambda x: x[1:, 1:].unfold(-1, 1, 3),
    "view_as": lambda x: x[0, 0].view_as(x[1, :1]),
    "ravel": lambda x: x.ravel(),
    "moveaxis": lambda x: x.moveaxis(1, 2),
    "adjoint": lambda x: x.adjoint(),
    "atleast_3d": lambda x: torch_or_ours(x).atleast_3d(x[0]),
    "several": lambda x: x.permute(1, 0, 2)[1:].reshape(2, -1).t(),
}
PIECES = {
    "split": lambda x: x.split(2, 1),
    "split, sizes": lambda x: x.split([1, 0, 3], dim=-1),
    "chunk": lambda x: x.chunk(3, 2),
    "unbind": lambda x: x.unbind(1),
    "tensor_split": lambda x: x.tensor_split(3, 2),
    "tensor_split, at": lambda x: x.tensor_split((1, 3), -1),
    "hsplit": lambda x: x.hsplit(3),
}
OVERLAPPING = {
    "unfold": lambda x: x.unfold(2, 3, 1),
    "broadcast_tensors": lambda x: torch_or_ours(x).broadcast_tensors(x, x[:, :1]),
    "meshgrid": lambda x: torch_or_ours(x).meshgrid(x[0, 0], x[:, 1, 1], indexing="xy"),
}
COPIES = {
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "rot90": lambda x: x.rot90(1, (1, 2)),
    "rot90, not at all": lambda x: x.rot90(4),
    "fliplr": lambda x: x.fliplr(),
    "hstack": lambda x: torch_or_ours(x).hstack((x, x)),
    "diag_embed": lambda x: x.diag_embed(),
    "diagflat": lambda x: x.diagflat(),
    "cat": lambda x: torch_or_ours(x).cat([x, x[:, :2], x[:, :0]], 1),
    "cat, axis": lambda x: torch_or_ours(x).concat((x, 2 * x), axis=-1),
    "cat beside nothing": lambda x: torch_or_ours(x).cat([x[0, 0, :0], x]),
    "stack": lambda x: torch_or_ours(x).stack([x, x, 3 * x], -1),
    "stack of numbers": lambda x: torch_or_ours(x).stack([x[0, 0, 0], x[1, 2, 3]]),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "repeat, more dims": lambda x: x.repeat(2, 1, 2, 1),
    "repeat, not at all": lambda x: x.repeat(1, 1, 1),
    "repeat, 0 times": lambda x: x.repeat(1, 0, 1),
    "tile": lambda x: x.tile(2),
    "tile, dims": lambda x: torch_or_ours(x).tile(x, (2, 1, 1, 2)),
    "flip": lambda x: x.flip(1),
    "flip, several": lambda x: x.flip((0, -1)),
    "flip, dims": lambda x: torch_or_ours(x).flip(x, dims=[2]),
    "roll": lambda x: x.roll(2),
    "roll, dim": lambda x: x.roll(-1, 1),
    "roll, dims": lambda x: x.roll((1, 2), (0, -1)),
    "tril": lambda x: x.tril(),
    "triu": lambda x: x.triu(1),
    "diag": lambda x: x[0].diag(),
    "diag above": lambda x: x[0].diag(2),
    "diag below": lambda x: x[0].diag(-1),
    "diag nowhere": lambda x: x[0].diag(-3),
    "diag of a vector": lambda x: x[0, 0].diag(),
    "diag of a vector, below": lambda x: x[0, 0].diag(-2),
}
NUMPYS = {
    "reshape": lambda x: np.reshape(x, (6, 4)),
    "transpose": lambda x: np.transpose(x, (2, 0, 1)),
    "transpose all": lambda x: np.transpose(x),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "squeeze": lambda x: np.squeeze(x[:, :1], axis=1),
    "broadcast_to": lambda x: np.broadcast_to(x, (5, 2, 3, 4)),
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "stack": lambda x: np.stack([x, x], axis=1),
    "flip": lambda x: np.flip(x, 2),
    "flip all": lambda x: np.flip(x),
    "tril": lambda x: np.tril(x, -1),
    "sum": lambda x: np.sum(x, axis=(0, 2)),
    "mean": lambda x: np.mean(x, axis=1, keepdims=True),
    "max": lambda x: np.max(x, axis=0),
    "prod": lambda x: np.prod(x, axis=0),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "argmax": lambda x: np.argmax(x, axis=1),
    "matmul": lambda x: np.matmul(x, np.ones((4, 2))),
}
LAYOUTS = [np.ascontiguousarray, draw.transposed, draw.strided]


def torch_or_ours(x):
    return torch if isinstance(x, torch.Tensor) else autodiff


def named(table):
    return pytest.mark.parametrize("function", table.values(), ids=table.keys())


def values(layout=np.ascontiguousarray, shape=SHAPE):
    return layout(np.arange(1.0, 1 + math.prod(shape)).reshape(shape))


@named(VIEWS | PIECES | OVERLAPPING | COPIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_derivatives(function, layout):
    assert_like_torch(function, function, [values(layout)])


@named(VIEWS | PIECES | OVERLAPPING | COPIES)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_dtypes(function, dtype):
    assert_like_torch(function, function, [values().astype(dtype)], second=False, rtol=1e-6)


@named(VIEWS | PIECES | OVERLAPPING | COPIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_is_shared_where_torch_shares_it(function, layout):
    x = values(layout)
    ours, theirs = autodiff.Tensor(x), torch.from_numpy(x)  # both look at the memory of x
    found, expected = function(ours), function(theirs)
    for z, w in zip(*(z if isinstance(z, tuple) else (z,) for z in (found, expected)), strict=True):
        if w.numel():
            shared = w.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr()
            assert np.shares_memory(z.array, ours.array) == shared


@named(NUMPYS)
def test_numpys_functions_are_recorded(function):
    x = autodiff.tensor(values(), requires_grad=True)
    z = function(x)
    np.testing.assert_allclose(z.detach().numpy(), function(values()))
    assert z.requires_grad == (z.dtype.kind == "f")


@st.composite
def array_and_order(draw_):
    x = draw_(draw.arrays(draw.shapes(max_dims=4)))
    return x, [
        d - x.ndim if minus else d
        for d in draw_(st.permutations(range(x.ndim)))
        for minus in [draw_(st.booleans())]
    ]


@given(drawn=array_and_order())
def test_permute(drawn):
    x, order = drawn
    assert_like_torch(lambda x: x.permute(order), lambda x: x.permute(order), [x])


@st.composite
def array_and_shape(draw_):
    """An array, and another shape of as many entries, in which one length may be left open."""
    x = draw_(draw.arrays(draw.shapes()))
    shape, left = [], x.size
    while left > 1:
        shape.append(draw_(st.sampled_from([n for n in range(1, left + 1) if left % n == 0])))
        left //= shape[-1]
    shape = draw_(st.permutations([*shape, *[0] * (x.size == 0), *[1] * draw_(st.integers(0, 2))]))
    if shape and x.size and draw_(st.booleans()):
        shape[draw_(st.integers(0, len(shape) - 1))] = -1
    return x, tuple(shape)


@given(drawn=array_and_shape())
def test_reshape(drawn):
    x, shape = drawn
    assert_like_torch(lambda x: x.reshape(shape), lambda x: x.reshape(shape), [x])


@given(drawn=array_and_shape())
def test_view_refuses_what_torch_refuses(drawn):
    x, shape = drawn
    if any(stride < 0 for stride in x.strides):
        return  # torch has no such layout
    try:
        expected = torch.from_numpy(x).view(shape)
    except RuntimeError:
        with pytest.raises(RuntimeError, match=r"view size is not compatible .* Use .reshape"):
            autodiff.Tensor(x).view(shape)
    else:
        z = autodiff.Tensor(x).view(shape)
        assert z.shape == tuple(expected.shape)
        assert z.numel() == 0 or np.shares_memory(z.array, x)


@given(drawn=draw.broadcastable(2), data=st.data())
def test_expand(drawn, data):
    common = np.broadcast_shapes(*drawn)
    x = data.draw(draw.arrays(drawn[0]))
    open_ = [data.draw(st.booleans()) for _ in common]
    size = [
        -1 if o and i >= len(common) - x.ndim and x.shape[i - len(common)] == n else n
        for i, (n, o) in enumerate(zip(common, open_, strict=True))
    ]
    assert_like_torch(lambda x: x.expand(size), lambda x: x.expand(size), [x])


@given(data=st.data())
def test_cat_and_split(data):
    shape = data.draw(draw.shapes(min_dims=1))
    dim = data.draw(draw.dims(len(shape)))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))

    def with_length(n):
        sizes = list(shape)
        sizes[dim] = n
        return tuple(sizes)

    parts = [data.draw(draw.arrays(with_length(n))) for n in lengths]
    assert_like_torch(lambda *xs: autodiff.cat(xs, dim), lambda *xs: torch.cat(xs, dim), parts)
    whole = data.draw(draw.arrays(with_length(sum(lengths))))
    assert_like_torch(lambda x: x.split(lengths, dim), lambda x: x.split(lengths, dim), [whole])


@given(x=draw.arrays(draw.shapes(min_dims=1)), size=st.integers(1, 5), data=st.data())
def test_split_and_chunk(x, size, data):
    dim = data.draw(draw.dims(x.ndim))
    assert_like_torch(lambda x: x.split(size, dim), lambda x: x.split(size, dim), [x], second=False)
    assert_like_torch(lambda x: x.chunk(size, dim), lambda x: x.chunk(size, dim), [x], second=False)


@given(x=draw.arrays(draw.shapes(min_dims=1)), data=st.data())
def test_flip_and_roll(x, data):
    dims = data.draw(st.lists(st.integers(0, x.ndim - 1), unique=True))
    shifts = [data.draw(st.integers(-5, 5)) for _ in dims]
    assert_like_torch(lambda x: x.flip(dims), lambda x: x.flip(dims), [x])
    if dims:
        assert_like_torch(lambda x: x.roll(shifts, dims), lambda x: x.roll(shifts, dims), [x])


@both
def test_a_diagonal_can_be_filled(lib):
    x = lib.ones(2, 3, requires_grad=True)
    y = (x * 2).fill_diagonal_(7.0)
    y.sum().backward()
    return y.tolist(), x.grad.tolist()


@both
def test_types_promote_in_cat(lib):
    kinds = [lib.tensor([1.5]), lib.tensor([1]), lib.tensor([True]), lib.tensor([2.5], dtype=lib.float64)]
    found = [lib.cat([x, y]) for x in kinds for y in kinds]
    return [(str(z.dtype).removeprefix("torch."), z.tolist()) for z in found]


@pytest.mark.parametrize("again", [lambda z: z, lambda z: z[..., :1]], ids=["view", "view of the view"])
@named(VIEWS)
def test_writing_to_a_view_is_seen_by_its_base(function, again):
    """Twice in a row: values, and the gradients of what was written and of what was there before."""

    def program(lib):
        x = lib.tensor(values().tolist(), requires_grad=True)
        y = x * 1
        z = again(function(y))
        z[...] = z * 3
        z[...] = z + y.sum()
        ((y.reshape(-1) * lib.arange(24)).sum() + (z * z).sum()).backward()
        return y.tolist(), x.grad.tolist()

    if function(autodiff.Tensor(values())).array.flags.writeable:
        assert program(autodiff) == program(torch)
    else:
        assert_same_error(
            program, "more than one element of the written-to tensor refers to a single memory location"
        )


@named(PIECES)
def test_writing_to_a_piece_is_seen_by_its_base(function):
    """PyTorch refuses to write to views that come several at once; here they are like all others."""
    x = autodiff.tensor(values(), requires_grad=True)
    y = x * 1
    function(y)[-1][...] = 0.0
    y.sum().backward()
    written = torch.from_numpy(values())
    function(written)[-1][...] = 0.0
    np.testing.assert_array_equal(y.detach().numpy(), written)
    np.testing.assert_array_equal(x.grad.numpy(), written.numpy() != 0)


ERRORS = [
    (lambda lib, x: x.reshape(4), "shape '[4]' is invalid for input of size 6"),
    (lambda lib, x: x.reshape(-1, 4), "shape '[-1, 4]' is invalid for input of size 6"),
    (lambda lib, x: x.reshape(-1, -1), "only one dimension can be inferred"),
    (lambda lib, x: x.reshape(-2, 3), "invalid shape dimension -2 at index 0 of shape [-2, 3]"),
    (lambda lib, x: x[:0].reshape(-1, 0), "cannot reshape tensor of 0 elements into shape [-1, 0]"),
    (lambda lib, x: x.reshape(3, 2.0), ""),
    (lambda lib, x: x.reshape(), ""),
    (lambda lib, x: x.t().view(6), "view size is not compatible with input tensor's size and stride"),
    (lambda lib, x: x.view(4), "shape '[4]' is invalid for input of size 6"),
    (lambda lib, x: x.flatten(1, 0), "flatten() has invalid args: start_dim cannot come after end_dim"),
    (
        lambda lib, x: x.flatten(0, 5),
        "Dimension out of range (expected to be in range of [-2, 1], but got 5)",
    ),
    (
        lambda lib, x: x.unflatten(1, (2, 2)),
        "unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 1 (3)",
    ),
    (
        lambda lib, x: x.transpose(0, 2),
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ),
    (lambda lib, x: x.permute(0), "number of dimensions in the tensor input does not match the length"),
    (lambda lib, x: x.permute(0, 0), "permute(): duplicate dims are not allowed."),
    (
        lambda lib, x: x.permute(0, 5),
        "Dimension out of range (expected to be in range of [-2, 1], but got 5)",
    ),
    (lambda lib, x: x[None].t(), "t() expects a tensor with <= 2 dimensions, but self is 3D"),
    (
        lambda lib, x: x[0].mT,
        "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor",
    ),
    (lambda lib, x: x.movedim((0, 1), (1, 1)), ""),
    (lambda lib, x: x.squeeze(5), "Dimension out of range (expected to be in range of [-2, 1], but got 5)"),
    (lambda lib, x: x.unsqueeze(3), "Dimension out of range (expected to be in range of [-3, 2], but got 3)"),
    (
        lambda lib, x: x.unsqueeze(-4),
        "Dimension out of range (expected to be in range of [-3, 2], but got -4)",
    ),
    (
        lambda lib, x: x.expand(3, 3),
        "The expanded size of the tensor (3) must match the existing size (2) at non-singleton dimension 0.",
    ),
    (
        lambda lib, x: x.expand(-1, 2, 3),
        "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension 0",
    ),
    (
        lambda lib, x: x.expand(3),
        "(1) must be greater or equal to the number of dimensions in the tensor (2)",
    ),
    (
        lambda lib, x: x.repeat(2),
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
    ),
    (lambda lib, x: x.repeat(-1, 1), "Trying to create tensor with negative dimension"),
    (lambda lib, x: lib.cat([x, x[0]]), "Tensors must have same number of dimensions: got 2 and 1"),
    (
        lambda lib, x: lib.cat([x, x], 2),
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ),
    (lambda lib, x: lib.cat([]), "expected a non-empty list of Tensors"),
    (lambda lib, x: lib.cat(x), "argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"),
    (lambda lib, x: lib.cat([x, x[:, :2]]), "Sizes of tensors must match except in dimension 0."),
    (
        lambda lib, x: lib.cat([x[0, 0], x[0, 0]]),
        "zero-dimensional tensor (at position 0) cannot be concatenated",
    ),
    (lambda lib, x: lib.cat([x, 1]), "expected Tensor as element 1 in argument 0, but got int"),
    (
        lambda lib, x: lib.stack([x, x[0]]),
        "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3] at entry 1",
    ),
    (lambda lib, x: lib.stack([]), ""),
    (
        lambda lib, x: x.split([1, 1], 1),
        "split_with_sizes expects split_sizes to sum exactly to 3 (input tensor's size at dimension 1)",
    ),
    (
        lambda lib, x: x.split(0),
        "split_size can only be 0 if dimension size is 0, but got dimension size of 2",
    ),
    (lambda lib, x: x.split(-1), "split expects split_size be non-negative, but got split_size=-1"),
    (lambda lib, x: x[0, 0].split(1), "split expects at least a 1-dimensional tensor"),
    (lambda lib, x: x.chunk(0), "chunk expects `chunks` to be greater than 0, got: 0"),
    (lambda lib, x: x.unbind(3), "Dimension out of range (expected to be in range of [-2, 1], but got 3)"),
    (lambda lib, x: x[0, 0].unbind(), "Dimension specified as 0 but tensor has no dimensions"),
    (lambda lib, x: x.narrow(1, 1, 3), "start (1) + length (3) exceeds dimension size (3)"),
    (lambda lib, x: x.flip(0, 0), "dim 0 appears multiple times in the list of dims"),
    (lambda lib, x: x.flip(2), "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda lib, x: x.roll((1, 1), 0), "shifts and dimensions must align. shifts: 2, dims:1"),
    (lambda lib, x: x[0].tril(), "tril: input tensor must have at least 2 dimensions"),
    (lambda lib, x: x[None].diag(), "diag(): Supports 1D or 2D tensors. Got 3D"),
    (lambda lib, x: lib.reshape([1.0], (1,)), ""),
    (
        lambda lib, x: x[:1].expand(3, 3).__setitem__(slice(None), 1.0),
        "more than one element of the written-to tensor refers to a single memory location",
    ),
]


@pytest.mark.parametrize(("function", "words"), ERRORS)
def test_errors(function, words):
    assert_same_error(lambda lib: function(lib, lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])), words)


@both
def test_all_names_of_arguments(lib):
    x = lib.arange(6).reshape(2, 3)
    found = [
        lib.reshape(input=x, shape=(3, 2)),
        x.reshape(shape=[-1]),
        x.view(size=(6,)),
        lib.flatten(input=x, start_dim=0, end_dim=1),
        lib.unflatten(input=x, dim=1, sizes=(3, 1)),
        lib.transpose(input=x, dim0=0, dim1=1),
        x.permute(dims=(1, 0)),
        lib.movedim(input=x, source=0, destination=1),
        lib.squeeze(input=x[:1], dim=0),
        lib.unsqueeze(input=x, dim=0),
        x.expand(size=(2, 2, 3)),
        x.repeat(repeats=(1, 2)),
        lib.tile(input=x, dims=(2,)),
        lib.cat(tensors=[x, x], dim=1),
        lib.stack(tensors=[x, x], dim=1),
        lib.split(tensor=x, split_size_or_sections=1, dim=1)[2],
        lib.chunk(input=x, chunks=2, dim=1)[0],
        lib.unbind(input=x, dim=1)[0],
        lib.flip(input=x, dims=(0,)),
        lib.roll(input=x, shifts=1, dims=0),
        lib.tril(input=x, diagonal=1),
        lib.diag(input=x, diagonal=1),
    ]
    return [z.tolist() for z in found]


LAID_OUT = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(0),
    "amax": lambda x: x.amax(1),
    "std": lambda x: x.std(0),
    "softmax": lambda x: x.softmax(-1),
    "cumsum": lambda x: x.cumsum(1),
    "roll": lambda x: x.roll(1, 0),
    "tril": lambda x: x.tril(),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
    "index_select": lambda x: x.index_select(1, torch_or_ours(x).tensor([0, 1])),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "matmul": lambda x: x @ x.mT,
    "cat": lambda x: torch_or_ours(x).cat([x, x], 1),
}


@pytest.mark.parametrize("function", LAID_OUT.values(), ids=LAID_OUT.keys())
@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)], ids=str)
def test_a_result_can_be_viewed_where_it_can_in_torch(function, order):
    x = np.random.default_rng(0).normal(size=(4, 3, 4))
    ours = function(autodiff.tensor(x).permute(*order))
    theirs = function(torch.tensor(x).permute(*order))
    assert theirs.is_contiguous()
    assert ours.view(-1).tolist() == pytest.approx(theirs.view(-1).tolist())
