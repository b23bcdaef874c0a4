"""x[index], x[index] = v, gather and the like against PyTorch: values, derivatives, shared memory, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import autodiff
from autodiff.ops.indexing import added_at, scatter

from . import strategies as draw
from .against_torch import assert_like_torch
from .both import assert_same_error, both

# Each is run under both libraries, on x = 0, 1, ... 23 in the shape (2, 3, 4).
GETITEMS = {
    "number": lambda lib, x: x[1],
    "negative": lambda lib, x: x[-1, -2],
    "all numbers": lambda lib, x: x[0, 1, 2],
    "slice": lambda lib, x: x[:, 1:],
    "step": lambda lib, x: x[..., ::2],
    "empty slice": lambda lib, x: x[2:],
    "slice of tensors": lambda lib, x: x[:, lib.tensor(1) : lib.tensor(3)],
    "None": lambda lib, x: x[None, :, None, 0],
    "ellipsis": lambda lib, x: x[..., 1],
    "two ellipses": lambda lib, x: x[..., 0, ...],
    "nothing": lambda lib, x: x[()],
    "True": lambda lib, x: x[True],
    "False": lambda lib, x: x[False],
    "True and more": lambda lib, x: x[True, 0],
    "0-dim mask": lambda lib, x: x[0, 0, 0][x[0, 0, 1] > 0],
    "0-dim tensor": lambda lib, x: x[lib.tensor(1), lib.tensor(0)],
    "NumPy integer": lambda lib, x: x[np.int64(1)],
    "list": lambda lib, x: x[[0, 1, 0]],
    "empty list": lambda lib, x: x[[]],
    "list of bools": lambda lib, x: x[[True, False]],
    "range": lambda lib, x: x[:, range(2)],
    "tensor": lambda lib, x: x[lib.tensor([1, 0, 1, 1])],
    "2-dim tensor": lambda lib, x: x[lib.tensor([[1, 0], [-1, 1]])],
    "array": lambda lib, x: x[np.array([1, 0, 1])],
    "later dimension": lambda lib, x: x[:, [2, 0, 2, 2]],
    "last dimension": lambda lib, x: x[..., [3, 3, -1]],
    "pairs": lambda lib, x: x[[0, 1, 0], [2, 0, 2]],
    "pairs that broadcast": lambda lib, x: x[lib.tensor([[0], [1]]), lib.tensor([1, 1, 2])],
    "triples": lambda lib, x: x[[0, 1, 0], [2, 0, 2], [3, 3, 3]],
    "arrays apart": lambda lib, x: x[[0, 1, 1], :, [2, 2, 2]],
    "arrays and None apart": lambda lib, x: x[[0, 1], None, :, [2, 3]],
    "array and None": lambda lib, x: x[None, [0, 1, 1]],
    "number and array": lambda lib, x: x[1, [0, 0, 2]],
    "number, slice, array": lambda lib, x: x[0, :, [0, 1]],
    "slice, number, array": lambda lib, x: x[:, 0, [0, 3, 3]],
    "array, number": lambda lib, x: x[[0, 0], 1],
    "slice and array": lambda lib, x: x[:, 1:, [0, 3, 3]],
    "mask": lambda lib, x: x[x > 7],
    "mask of the first": lambda lib, x: x[lib.tensor([False, True])],
    "mask of two": lambda lib, x: x[lib.tensor([[True, False, True], [False, True, True]])],
    "mask of the last": lambda lib, x: x[..., lib.tensor([True, False, True, True])],
    "number and mask": lambda lib, x: x[0, ..., np.array([True, False, True, False])],
    "mask of nothing": lambda lib, x: x[x > 99],
    "mask and array": lambda lib, x: x[lib.tensor([True, True]), [0, 2]],
    "mask and array apart": lambda lib, x: x[lib.tensor([True, True]), :, [0, 0]],
}
FUNCTIONS = {
    "gather 0": lambda lib, x: x[0].gather(0, lib.tensor([[0, 2, 0, 1], [0, 0, 0, 1]])),
    "gather 1": lambda lib, x: x[0].gather(1, lib.tensor([[0, 3, 3], [2, 2, 2]])),
    "gather of more": lambda lib, x: lib.gather(x, 1, lib.tensor([[[2, 2], [2, 2], [0, 1], [1, 1]]])),
    "gather of nothing": lambda lib, x: x[0].gather(1, lib.zeros(3, 0, dtype=lib.int64)),
    "gather of a number": lambda lib, x: x[0, 0, 1].gather(0, lib.tensor([0, 0])),
    "gather of a number by a number": lambda lib, x: x[0, 0, 1].gather(0, lib.tensor(0)),
    "gather by a number": lambda lib, x: x[0, 0].gather(0, lib.tensor(3)),
    "take_along_dim": lambda lib, x: lib.take_along_dim(x, lib.tensor([[[1], [0], [3]]]), 2),
    "take_along_dim, wider": lambda lib, x: lib.take_along_dim(
        x[:1], lib.tensor([[[1, 1, 2, 0]], [[2, 0, 0, 0]]]), 1
    ),
    "take_along_dim, flat": lambda lib, x: lib.take_along_dim(x, lib.tensor([5, 23, 5])),
    "take_along_dim of argmax": lambda lib, x: lib.take_along_dim(x, x.argmax(1, keepdim=True), 1),
    "index_select": lambda lib, x: x.index_select(2, lib.tensor([3, 0, 3])),
    "index_select by a number": lambda lib, x: x.index_select(-2, lib.tensor(2)),
    "index_select of a number": lambda lib, x: x[0, 0, 0].index_select(0, lib.tensor([0])),
    "masked_select": lambda lib, x: x.masked_select(x > 7),
    "masked_select of a number": lambda lib, x: x[0, 0, 1].masked_select(x[0, 0, 1] > 0),
    "masked_select, wider": lambda lib, x: x[0].masked_select(lib.tensor([[[True]], [[False]]])),
    "masked_select, narrower": lambda lib, x: x.masked_select(lib.tensor([True, False, True, False])),
    "masked_fill": lambda lib, x: x.masked_fill(x > 7, -1),
    "masked_fill, inf": lambda lib, x: x.masked_fill(lib.tensor([True, False, False, True]), float("-inf")),
    "masked_fill, wider": lambda lib, x: x[0].masked_fill(x > 7, 2.5),
    "masked_fill by a tensor": lambda lib, x: x.masked_fill(x > 7, x[0, 0, 1]),
    "nonzero": lambda lib, x: x.nonzero(),
    "nonzero, as_tuple": lambda lib, x: x.nonzero(as_tuple=True),
    "nonzero of a number": lambda lib, x: x[0, 0, 1].nonzero(),
    "nonzero of 0": lambda lib, x: x[0, 0, 0].nonzero(),
}
# Places and values that fit there.
SETITEMS = {
    "number": (1, (3, 4)),
    "all numbers": ((0, 1, 2), ()),
    "slice": ((slice(None), slice(1, None)), (2, 2, 4)),
    "slice, broadcast": ((slice(None), slice(1, None)), (4,)),
    "slice, broadcast from ones": (0, (1, 1, 1, 4)),
    "step": ((..., slice(None, None, 2)), (3, 1)),
    "everything": (..., (2, 3, 4)),
    "None": ((None, 0), (1, 3, 4)),
    "True": (True, (2, 3, 4)),
    "list": ([1, 0], (2, 3, 4)),
    "list, broadcast": ([1, 0], (1, 1)),
    "later dimension": ((slice(None), [2, 0]), (2, 2, 4)),
    "pairs": (([0, 1], [2, 0]), (2, 4)),
    "arrays apart": (([0, 1], slice(None), [2, 2]), (2, 3)),
    "number and array": ((1, [0, 2]), (2, 4)),
    "number, slice, array": ((0, slice(None), [0, 3]), (3, 2)),
    "slice and array": ((slice(None), slice(1, None), [0, 3]), (2, 2, 2)),
    "mask": (np.arange(24).reshape(2, 3, 4) > 7, (16,)),
    "mask, broadcast": (np.arange(24).reshape(2, 3, 4) > 7, ()),
    "mask of two": (np.array([[True, False, True], [False, True, True]]), (4, 4)),
    "number and mask": ((0, ..., np.array([True, False, True, False])), (3, 2)),
    "nothing": (slice(2, 2), (4,)),
}


def named(table, names="function"):
    return pytest.mark.parametrize(names, table.values(), ids=table.keys())


def values(shape=(2, 3, 4), layout=np.ascontiguousarray):
    return layout(np.arange(float(np.prod(shape))).reshape(shape))


@named(GETITEMS | FUNCTIONS)
@pytest.mark.parametrize("layout", [np.ascontiguousarray, draw.transposed, draw.strided])
def test_values_and_derivatives(function, layout):
    assert_like_torch(lambda x: function(autodiff, x), lambda x: function(torch, x), [values(layout=layout)])


@named(GETITEMS | FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_dtypes(function, dtype):
    if dtype == "int64" and function is FUNCTIONS["masked_fill, inf"]:
        return
    x = values().astype(dtype)
    assert_like_torch(
        lambda x: function(autodiff, x), lambda x: function(torch, x), [x], second=False, rtol=1e-6
    )


@named(GETITEMS)
def test_memory_is_shared_where_torch_shares_it(function):
    x = values()
    ours, theirs = autodiff.Tensor(x), torch.from_numpy(x)
    z, w = function(autodiff, ours), function(torch, theirs)
    if w.numel():
        shared = w.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr()
        assert np.shares_memory(z.array, x) == shared


def for_library(lib, index):
    """Arrays in an index as tensors."""
    if isinstance(index, tuple):
        return tuple(for_library(lib, part) for part in index)
    return lib.tensor(index.copy()) if isinstance(index, np.ndarray) else index


# parts of one tensor, whose gradients meet in one array -----------------------------------------------------

PARTS = {  # of a (4, 3, 2)
    "a number": lambda x: x[1],
    "the last": lambda x: x[-1],
    "one of each row": lambda x: x[:, 1],
    "one entry": lambda x: x[3, 0, 1],
    "rows": lambda x: x[1:3],
    "every other": lambda x: x[::2, ..., 1:],
    "a new dimension": lambda x: x[None, 2],
    "chosen rows": lambda x: x[[0, 2, 2]],
    "chosen by a mask": lambda x: x[x > 0],
    "pieces": lambda x: x.chunk(2)[1] * x.split(2)[0],
    "each by itself": lambda x: x.unbind(1)[2] * x.select(1, 0),
    "a window": lambda x: x.narrow(0, 1, 2),
    "all": lambda x: x * x,
    "minus nothing": lambda x: x * -0.0,
}


@given(
    parts=st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=8),
    leaf=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_gradients_of_parts_meet(parts, leaf, dtype):
    values = np.random.default_rng(0).standard_normal((4, 3, 2)).astype(dtype)

    def gradient(lib):
        x = lib.tensor(values, requires_grad=True)
        y = x if leaf else x * 1
        sum((PARTS[name](y) ** 2).sum() * (i + 1) for i, name in enumerate(parts)).backward()
        return x.grad

    ours = gradient(autodiff)
    np.testing.assert_allclose(
        ours.numpy(), gradient(torch).numpy(), rtol=1e-5 if dtype == "float32" else 1e-12
    )
    assert str(ours.dtype) == dtype


def test_a_part_costs_what_a_part_costs(monkeypatch):
    padded = []
    monkeypatch.setattr(scatter, "forward", lambda *args: padded.append(args) or added_at(*args))
    x = autodiff.ones(20, 3, requires_grad=True)
    y = x * 2
    sum((y[i] * i).sum() for i in range(20)).backward()
    assert len(padded) == 1
    assert x.grad[:, 0].tolist() == [2.0 * i for i in range(20)]


@st.composite
def array_and_index(draw_, unique=False):
    """Any array, and any index into it, of parts of every kind."""
    x = draw_(draw.arrays(draw.shapes(max_dims=4)))
    if draw_(st.booleans()):
        return x, draw_(draw.basic_indices(x.shape) if unique else draw.indices(x.shape))
    index = []
    for n in x.shape:
        part = st.slices(n).filter(lambda s: s.step is None or 0 < s.step < 9) | draw.arrays(
            (n,), draw.booleans
        )
        if n:
            part |= st.integers(-n, n - 1) | st.just(slice(None))
            part |= draw.arrays((1,) if unique else (draw_(st.sampled_from([1, 2])),), draw.whole(-n, n))
        index.append(draw_(part))
        if draw_(st.integers(0, 5)) == 0:
            index.append(None)
    masks = [i for i in index if isinstance(i, np.ndarray) and i.dtype == bool]
    lengths = {int(m.sum()) for m in masks} | {
        i.size for i in index if isinstance(i, np.ndarray) and i.dtype != bool
    }
    assume(len(lengths - {1}) <= 1)  # else they do not broadcast
    return x, tuple(index)


@given(drawn=array_and_index())
def test_any_getitem(drawn):
    x, index = drawn
    assert_like_torch(lambda x: x[for_library(autodiff, index)], lambda x: x[for_library(torch, index)], [x])


@given(drawn=array_and_index(unique=True), data=st.data())
def test_any_setitem(drawn, data):
    x, index = drawn
    shape = torch.from_numpy(np.array(x, order="C"))[for_library(torch, index)].shape
    ones = [1 if data.draw(st.booleans()) else n for n in shape]
    v = data.draw(draw.arrays(tuple(ones[data.draw(st.integers(0, len(ones))) :])))

    def program(lib):
        def write(x, v):
            y = x * 1
            y[for_library(lib, index)] = v * 2
            return y

        return write

    assert_like_torch(program(autodiff), program(torch), [x, v])


@named(SETITEMS, ("index", "shape"))
def test_setitem(index, shape):
    def program(lib):
        def write(x, v):
            y = x * 1
            before = y * 3
            y[for_library(lib, index)] = v
            return y * y + before

        return write

    assert_like_torch(program(autodiff), program(torch), [values(), -1 - values(shape)])


@named(SETITEMS, ("index", "shape"))
def test_setitem_under_no_grad(index, shape):
    found = []
    for lib in (autodiff, torch):
        x = lib.tensor(values(), requires_grad=True)
        with lib.no_grad():
            x[for_library(lib, index)] = lib.tensor(-1 - values(shape))
        (x * x).sum().backward()
        found.append((x.tolist(), x.grad.tolist()))
    assert found[0] == found[1]


@both
def test_numbers_and_conversions(lib):
    found = []
    for index, value in [
        (0, 7),
        (0, 1.7),
        ([0], 1.7),
        (0, True),
        (0, lib.tensor(2.5)),
        (0, lib.tensor([True, False, True])),
    ]:
        for dtype in (lib.float32, lib.float64, lib.int64, lib.bool):
            x = lib.zeros(2, 3, dtype=dtype)
            x[index] = value
            found.append((str(x.dtype).removeprefix("torch."), x.tolist()))
    return found


@both
def test_written_values_have_a_gradient_of_their_own_dtype(lib):
    x, v = lib.zeros(3), lib.tensor([1.0, 2.0], dtype=lib.float64, requires_grad=True)
    x[1:] = v
    (x * x).sum().backward()
    return (
        x.requires_grad,
        str(x.dtype).removeprefix("torch."),
        v.grad.tolist(),
        str(v.grad.dtype).removeprefix("torch."),
    )


@both
def test_writing_over_itself(lib):
    """A tensor filled row by row, as loops do, with earlier rows in use; and augmented assignment."""
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    rows = lib.zeros(3, 2)
    for k in range(3):
        rows[k] = x * (k + 1)
    rows[1] = rows[1] + rows[2]
    rows[:, 0] *= 10
    (rows * rows.detach()).sum().backward()
    return rows.tolist(), x.grad.tolist()


@both
def test_a_value_that_backward_needs_is_not_silently_lost(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y * y
    y[0] = 5.0
    try:
        z.sum().backward()
    except RuntimeError as error:
        return "modified by an inplace operation" in str(error)
    return x.grad.tolist()


@pytest.mark.parametrize(
    "read",
    [
        lambda x, index: x[index],
        lambda x, index: x[index.numpy()],
        lambda x, index: x.gather(0, index),
        lambda x, index: x.index_select(0, index),
        lambda x, index: autodiff.take_along_dim(x, index, 0),
        lambda x, index: x[index > 0],
        lambda x, index: x.masked_select(index > 0),
    ],
)
def test_an_index_may_be_changed_before_backward(read):
    x, index = autodiff.tensor([1.0, 2.0, 3.0], requires_grad=True), autodiff.tensor([2, 2, 0])
    z = read(x, index)
    index[...] = 1
    z.sum().backward()
    assert x.grad.tolist() in ([1, 0, 2], [1, 1, 0])


def test_overlapping_memory_is_read_before_it_is_written():
    x = autodiff.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:] = x[:-1]
    assert x.tolist() == [1, 1, 2, 3]


def test_numpy_values_can_be_assigned():
    x = autodiff.zeros(3)
    x[1:] = np.array([1.0, 2.0])
    x[0] = np.float64(7)
    assert x.tolist() == [7, 1, 2]
    assert x.dtype == np.float32


@both
def test_scattering_in_place(lib):
    """Each on a copy with history: values, and the gradients of what was there and of what came."""
    index, mask = lib.tensor([[0, 2], [1, 1]]), lib.tensor([[True, False, True], [False, True, True]])
    some = lib.tensor([2, 0])
    found = []
    for change in (
        lambda y, v: y.scatter_(1, index[:1], v[:1]),
        lambda y, v: y.scatter_(1, index, 7.0),
        lambda y, v: y.scatter_(1, index, value=7.0),
        lambda y, v: y.scatter_add_(1, index, v),
        lambda y, v: y.index_add_(1, some, v, alpha=3),
        lambda y, v: y.index_copy_(1, some, v),
        lambda y, v: y.index_fill_(1, some, 9.0),
        lambda y, v: y.put_(index.reshape(-1)[:3], v.reshape(-1)[:3]),
        lambda y, v: y.put_(index, v, accumulate=True),
        lambda y, v: y.index_put_((some[1:], some[:1]), v[0, 0]),
        lambda y, v: y.masked_scatter_(mask, v),
        lambda y, v: y.masked_fill_(mask, 0.5),
        lambda y, v: y.tril_(),
        lambda y, v: y.triu_(1),
        lambda y, v: y.diagonal().mul_(v[0]),
        lambda y, v: y.unfold(1, 1, 2).add_(v.reshape(2, 2, 1)),
        lambda y, v: y.select(1, 2).copy_(v[0]),
    ):
        x = lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
        v = lib.tensor([[0.5, 1.5], [2.5, 3.5]], requires_grad=True)
        y = x * 2
        change(y, v)
        (y * y).sum().backward()
        found.append((y.tolist(), x.grad.tolist(), None if v.grad is None else v.grad.tolist()))
    return found


@pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter")
@both
def test_scatter_that_adds(lib):
    x = lib.zeros(2, 3)
    return x.scatter(
        1, lib.tensor([[0, 0], [2, 1]]), lib.tensor([[1.0, 2.0], [3.0, 4.0]]), reduce="add"
    ).tolist()


@both
def test_one_hot(lib):
    one_hot = torch.nn.functional.one_hot if lib is torch else lib.one_hot
    found = [one_hot(lib.tensor([0, 2])), one_hot(lib.tensor([[1], [0]]), 3), one_hot(lib.tensor(1), 4)]
    return [(str(z.dtype).removeprefix("torch."), z.tolist()) for z in found]


def one_hot(lib, *args):
    return (torch.nn.functional if lib is torch else lib).one_hot(*args)


OUT = "index 5 is out of bounds for dimension "
ERRORS = [
    (lambda lib, x: x[5], OUT + "0 with size 2"),
    (lambda lib, x: x[-3], "index -3 is out of bounds for dimension 0 with size 2"),
    (lambda lib, x: x[0, 5], OUT + "1 with size 3"),
    (lambda lib, x: x[[0, 5]], OUT + "0 with size 2"),
    (lambda lib, x: x[0, 0, 0], "too many indices for tensor of dimension 2"),
    (lambda lib, x: x[0, 0][0], "invalid index of a 0-dim tensor."),
    (lambda lib, x: x[::-1], "step must be greater than zero"),
    (lambda lib, x: x[::0], ""),
    (lambda lib, x: x[1.0], "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables"),
    (lambda lib, x: x[{}], "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables"),
    (lambda lib, x: x["a"], ""),
    (lambda lib, x: x[0:1.5], ""),
    (lambda lib, x: x[lib.tensor([0.0])], "tensors used as indices must be long, int, byte or bool tensors"),
    (
        lambda lib, x: x[lib.tensor([True, False, True])],
        "[3] at index 0 does not match the shape of the indexed tensor [2, 3] at index 0",
    ),
    (
        lambda lib, x: x[:, lib.tensor([True, False])],
        "[2] at index 0 does not match the shape of the indexed tensor [2, 3] at index 1",
    ),
    (lambda lib, x: x[lib.ones(2, 3, 1, dtype=lib.bool)], "too many indices for tensor of dimension 2"),
    (
        lambda lib, x: x[[0, 1], [0, 1, 2]],
        "shape mismatch: indexing tensors could not be broadcast together with shapes",
    ),
    (lambda lib, x: x.__setitem__(5, 1), OUT + "0 with size 2"),
    (
        lambda lib, x: x.__setitem__(0, lib.ones(2)),
        "must match the existing size (2) at non-singleton dimension 0.  Target sizes: [3].",
    ),
    (
        lambda lib, x: x.__setitem__(0, lib.ones(2, 3)),
        "(1) must be greater or equal to the number of dimensions in the tensor (2)",
    ),
    (
        lambda lib, x: x.__setitem__([0], lib.ones(2)),
        "shape mismatch: value tensor of shape [2] cannot be broadcast to indexing result of shape [1, 3]",
    ),
    (
        lambda lib, x: x.__setitem__(x > 2, lib.ones(2)),
        "shape mismatch: value tensor of shape [2] cannot be broadcast to indexing result of shape [4]",
    ),
    (
        lambda lib, x: x.__setitem__([0], lib.ones(3, dtype=lib.float64)),
        "Index put requires the source and destination dtypes match",
    ),
    (lambda lib, x: x.__setitem__(0, [1.0, 2.0, 3.0]), "can't assign a list to a "),
    (lambda lib, x: x.__setitem__(0, "a"), "can't assign a str to a "),
    (
        lambda lib, x: x.requires_grad_().__setitem__(0, 1.0),
        "leaf Variable that requires grad is being used in an in-place operation",
    ),
    (lambda lib, x: x.gather(1, lib.tensor([[0, 5]])), OUT + "1 with size 3"),
    (
        lambda lib, x: x.gather(1, lib.tensor([[0, -1]])),
        "index -1 is out of bounds for dimension 1 with size 3",
    ),
    (
        lambda lib, x: x.gather(1, lib.tensor([0, 1])),
        "Index tensor must have the same number of dimensions as input tensor",
    ),
    (lambda lib, x: x.gather(1, lib.tensor([[0.0]])), "gather(): Expected dtype int32/int64 for index"),
    (
        lambda lib, x: x.gather(0, lib.tensor([[0, 1, 0, 1]])),
        "expected index [1, 4] to be no larger than self [2, 3] apart from dimension 0",
    ),
    (
        lambda lib, x: x.gather(2, lib.tensor([[0]])),
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ),
    (
        lambda lib, x: lib.take_along_dim(x, lib.tensor([1]), 1),
        "same number of dimensions, but got 2 dimensions for input, and 1 dimensions for indices",
    ),
    (lambda lib, x: x.index_select(1, lib.tensor([5])), ""),
    (lambda lib, x: x.index_select(1, lib.tensor([-1])), ""),
    (lambda lib, x: x.index_select(1, lib.tensor([[2]])), "index_select(): Index is supposed to be a vector"),
    (lambda lib, x: x.index_select(1, lib.tensor([1.0])), "index_select(): Expected dtype int32"),
    (
        lambda lib, x: x.masked_fill(x > 2, lib.ones(2)),
        "only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)",
    ),
    (
        lambda lib, x: x.masked_fill(lib.tensor([1, 0, 1]), 0),
        "only supports boolean masks, but got mask with dtype",
    ),
    (lambda lib, x: x.masked_fill(lib.ones(4, dtype=lib.bool), 1), "at non-singleton dimension 1"),
    (lambda lib, x: x.masked_select(lib.ones(2, dtype=lib.bool)), "at non-singleton dimension 1"),
    (lambda lib, x: x.masked_select(lib.tensor([1, 0, 1])), ""),
    (lambda lib, x: one_hot(lib, lib.tensor([0, 2]), 2), "Class values must be smaller than num_classes"),
    (lambda lib, x: one_hot(lib, lib.tensor([0, -2])), "Class values must be non-negative"),
    (
        lambda lib, x: one_hot(lib, lib.tensor([0.0])),
        "one_hot is only applicable to index tensor of type LongTensor",
    ),
    (
        lambda lib, x: one_hot(lib, lib.zeros(0, dtype=lib.int64)),
        "Can not infer total number of classes from empty tensor",
    ),
]


@pytest.mark.parametrize(("function", "words"), ERRORS)
def test_errors(function, words):
    assert_same_error(lambda lib: function(lib, lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])), words)
