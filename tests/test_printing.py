"""Tensors print as PyTorch prints them, entry for entry and line for line."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff
from autodiff.printing import set_printoptions, tensor_format, tensor_repr

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan]


@pytest.fixture(autouse=True)
def _default_options():
    yield
    set_options()


def set_options(**options):
    for library in (set_printoptions, torch.set_printoptions):
        library(profile="default")
        library(**options)


def torch_repr(array, history="none"):
    """What torch prints for this array, less `torch.`: our dtypes are plain NumPy's."""
    tensor = torch.from_numpy(array.copy())
    if history != "none":
        tensor.requires_grad_()
    return repr(tensor * 1 if history == "mul" else tensor).replace("torch.", "")


def our_repr(array, history="none"):
    name = "MulBackward0" if history == "mul" else None
    return tensor_repr(array, requires_grad=history != "none", grad_fn=name)


def magnitudes(width):
    """Floats as networks meet them: special values, whole numbers, a few digits, every size of exponent."""
    return st.one_of(
        st.sampled_from(SPECIAL),
        st.integers(-2000, 2000).map(float),
        st.floats(-10, 10, width=width),
        st.floats(width=width),
        st.builds(lambda m, e: m * 10.0**e, st.sampled_from([1, -1, 2.5, 9.9995]), st.integers(-7, 10)).map(
            np.float32 if width == 32 else np.float64
        ),
    )


ENTRIES = {
    np.float32: magnitudes(32),
    np.float64: magnitudes(64),
    np.int64: st.one_of(st.integers(-20, 20), st.integers(-(2**63), 2**63 - 1)),
    np.bool_: st.booleans(),
}
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
LONG_SHAPES = st.sampled_from(
    [(1001,), (1000,), (7, 150), (2000, 1), (3, 5, 70), (6, 2, 7, 13), (1, 1, 1, 1200)]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 10),
        "threshold": st.sampled_from([0, 1, 10, 1000, math.inf]),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(1, 120),
        "sci_mode": st.sampled_from([None, True, False]),
        "profile": st.sampled_from(["default", "short", "full"]),
    },
)


@st.composite
def arrays(draw, shapes=SHAPES):
    """An array and whether it is a constant, a leaf that requires grad, or a product of one."""
    dtype = draw(st.sampled_from(list(ENTRIES)))
    # A few different entries, spread at random: cheap to draw, and alike entries are what real tensors hold.
    pool = np.array(draw(st.lists(ENTRIES[dtype], min_size=1, max_size=6)), dtype)
    picks = np.random.default_rng(draw(st.integers(0, 99))).integers(0, len(pool), draw(shapes))
    history = draw(st.sampled_from(["none", "leaf", "mul"])) if pool.dtype.kind == "f" else "none"
    return np.asarray(pool[picks]), history


@given(arrays())
def test_prints_as_torch(case):
    assert our_repr(*case) == torch_repr(*case)


@given(arrays(LONG_SHAPES))
def test_long_tensors_are_summarised_as_in_torch(case):
    assert our_repr(*case) == torch_repr(*case)


@given(arrays(), OPTIONS)
def test_options_act_as_in_torch(case, options):
    set_options(**options)
    assert our_repr(*case) == torch_repr(*case)


@given(st.integers(20, 60), st.sampled_from([(4,), (2, 4)]), st.sampled_from(["leaf", "mul"]))
def test_suffixes_move_to_a_new_line_where_torch_moves_them(linewidth, shape, history):
    set_options(linewidth=linewidth)
    assert our_repr(np.zeros(shape), history) == torch_repr(np.zeros(shape), history)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "low, high", [(1, 1000), (1, 1001), (0.5, 501), (1e-4, 0.01), (1e8, 1e8), (1e9, 1e9)]
)
def test_scientific_notation_starts_where_torch_starts_it(dtype, low, high):
    array = np.array([low, high], dtype)
    for case in (array, 1 / array, -array, np.nextafter(array, np.array(0, dtype)), array[:1].reshape(())):
        assert our_repr(case) == torch_repr(case)


@pytest.mark.parametrize("value", SPECIAL)
@pytest.mark.parametrize("shape", [(), (1,), (26,), (3, 25)])
def test_special_values_alone_print_as_in_torch(value, shape):
    assert our_repr(np.full(shape, value)) == torch_repr(np.full(shape, value))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3,), (2, 3)])
@pytest.mark.parametrize("threshold", [0, 1000])
def test_without_edge_items_the_shape_stands_in(shape, threshold):
    set_options(threshold=threshold, edgeitems=0)
    assert our_repr(np.ones(shape)) == torch_repr(np.ones(shape))


def test_transposed_and_strided_arrays_print_their_own_entries():
    array = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    assert our_repr(array) == torch_repr(array)


def test_the_default_dtype_goes_unsaid():
    array = np.ones(2)
    for library, dtype in ((autodiff, np.float64), (torch, torch.float64)):
        library.set_default_dtype(dtype)
    try:
        assert our_repr(array) == torch_repr(array) == "tensor([1., 1.])"
        assert our_repr(array.astype(np.float32)) == "tensor([1., 1.], dtype=float32)"
    finally:
        autodiff.set_default_dtype(np.float32)
        torch.set_default_dtype(torch.float32)


@given(
    st.sampled_from([2.5, -0.0, math.inf, 7, True]),
    st.sampled_from(["", ".4f", "8.2e", ">10", "05d", "%", "s", "nonsense"]),
)
def test_a_number_takes_the_format_that_torch_gives_it(value, spec):
    try:
        expected = format(torch.tensor(value), spec)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            tensor_format(torch.tensor(value).numpy(), spec)
    else:
        assert tensor_format(torch.tensor(value).numpy(), spec) == expected


def test_more_than_a_number_takes_no_format():
    array = np.ones(3, np.float32)
    phrase = "unsupported format string passed to Tensor.__format__"
    with pytest.raises(TypeError, match=phrase):
        format(torch.from_numpy(array), ".2f")
    with pytest.raises(TypeError, match=phrase + r".*shape \(3,\)"):
        tensor_format(array, ".2f")
    assert tensor_format(array, "") == format(torch.from_numpy(array), "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "long"},
        {"precision": -1},
        {"precision": 2.5},
        {"edgeitems": -1},
        {"linewidth": math.inf},
        {"threshold": math.nan},
    ],
)
def test_options_that_make_no_sense_change_nothing(wrong):
    set_printoptions(precision=2)
    with pytest.raises(ValueError, match="set_printoptions: "):
        set_printoptions(**{"linewidth": 7, **wrong})
    assert tensor_repr(np.array([1.234, 1.234], np.float32)) == "tensor([1.23, 1.23])"


def test_tensors_print_themselves():
    x = autodiff.tensor([[1.0, 2.0], [3.0, 4.5]], requires_grad=True)
    assert repr(x) == str(x) == "tensor([[1.0000, 2.0000],\n        [3.0000, 4.5000]], requires_grad=True)"
    assert repr(autodiff.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(x * 2).endswith("grad_fn=<MulBackward0>)")
    assert f"{x.sum():.3f}" == "10.500"
    assert f"{x}" == repr(x)
