"""Random numbers are PyTorch's: the same digits for the same seed, and the stream in step afterwards."""

import copy
import pickle
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autodiff import dtypes, memory, random
from autodiff.random.box_muller import box_muller
from autodiff.random.fma import fma
from autodiff.random.generator import Generator, laid_out_like
from autodiff.record import no_grad
from autodiff.tensor import Tensor

FLOATS = ["float32", "float64"]
DTYPES = [*FLOATS, "int64", "bool"]


def ours(name, args, options):
    """Call our function; NumPy arrays become tensors, and what is written to is a view of the array."""
    args = [Tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    if "dtype" in options:
        options = options | {"dtype": np.dtype(options["dtype"])}
    return getattr(random, name)(*args, **options)


def theirs(name, args, options):
    """Call PyTorch's function, or its method if the name ends in `_`."""
    args = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in args]
    if "dtype" in options:
        options = options | {"dtype": getattr(torch, options["dtype"])}
    return (
        getattr(args[0], name)(*args[1:], **options)
        if name[-1] == "_"
        else getattr(torch, name)(*args, **options)
    )


def manual_seed(seed):
    random.manual_seed(seed)
    torch.manual_seed(seed)


def assert_in_step():
    """The generators are at the same place, to the last bit."""
    bits = random.get_rng_state().numpy().view(np.uint8)
    np.testing.assert_array_equal(bits, torch.get_rng_state().numpy())
    assert random.rand(1).item() == torch.rand(1).item()


def assert_same(name, args, options):
    """One draw: the same numbers, dtype and shape from both libraries."""
    a, b = ours(name, args, options).array.copy(), theirs(name, args, options).numpy()
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if a.dtype == np.float64 and name in ("randn", "randn_like", "normal", "normal_", "exponential_"):
        # NumPy's ln, cos, sin are not the C library's
        np.testing.assert_allclose(a, b, rtol=1e-15, atol=4e-15)
    else:
        np.testing.assert_array_equal(a, b)


# What to draw: the name of a function, its arguments, its options -----------------------------------------

shapes = st.one_of(
    st.integers(0, 100).map(lambda n: (n,)), st.lists(st.integers(0, 6), max_size=3).map(tuple)
)
numbers = st.floats(-2, 2, width=32)
deviations = st.sampled_from([0.0, 0.3, 1.0, 1.7])


def arrays(elements, names=tuple(FLOATS), dims=shapes):
    return st.builds(
        lambda name, shape, seed: np.random.RandomState(seed).choice(elements, shape).astype(name),
        st.sampled_from(names), dims, st.integers(0, 1000),
    )  # fmt: skip


@st.composite
def views(draw, names):
    """Zeros, whole or looked at with its axes turned and with gaps."""
    array = np.zeros(draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)), draw(st.sampled_from(names)))
    if draw(st.booleans()):
        array = array.transpose(draw(st.permutations(range(array.ndim))))[:: draw(st.integers(1, 2))]
    return array


@st.composite
def ranges(draw, dtype):
    """(low, high) that the dtype can hold, narrow and wide."""
    if dtype == "bool":
        return draw(st.sampled_from([(0, 1), (1, 2), (0, 2)]))
    limit = {"float32": 2**24, "float64": 2**53, "int64": 2**63 - 1}[dtype]
    span = draw(st.one_of(st.integers(1, 50), st.sampled_from([2**28 - 1, 2**28, 2**32, limit])))
    low = draw(st.one_of(st.integers(-limit, limit), st.integers(-5, 5)))
    low = max(-limit, min(low, limit - 1))
    return low, min(low + span, limit)


@st.composite
def weighted(draw):
    """Weights for `multinomial`, and how many to draw."""
    rows = draw(st.sampled_from([(), (1,), (3,)]))
    weights = draw(arrays([0.0, 0.1, 0.5, 1.0, 3.0, 10.0], dims=st.integers(1, 40).map(lambda n: (*rows, n))))
    weights[..., 0] = 1
    replacement = draw(st.booleans())
    most = 50 if replacement else int(np.count_nonzero(weights, axis=-1).min())
    return "multinomial", [weights, draw(st.integers(1, most)), replacement], {}


def call(name, *args, **options):
    return st.tuples(st.just(name), st.tuples(*args).map(list), st.fixed_dictionaries(options))


DRAWS = {
    "rand": call("rand", shapes, dtype=st.sampled_from(FLOATS)),
    "randn": call("randn", shapes, dtype=st.sampled_from(FLOATS)),
    "randint": st.sampled_from(DTYPES).flatmap(
        lambda d: st.builds(lambda r, s: ("randint", [*r, s], {"dtype": d}), ranges(d), shapes)
    ),
    "randperm": call("randperm", st.integers(0, 100), dtype=st.sampled_from(DTYPES[:3])),
    "normal": call("normal", numbers, deviations, shapes, dtype=st.sampled_from(FLOATS)),
    "normal, mean": call("normal", arrays([-1.0, 0.0, 2.5]), deviations),
    "normal, std": call("normal", numbers, arrays([0.0, 0.1, 1.0, 3.0])),
    "normal, both": shapes.flatmap(
        lambda s: call(
            "normal", arrays([-1.0, 2.5], dims=st.just(s)), arrays([0.1, 3.0], dims=st.just(s[1:]))
        )
    ),
    "bernoulli": call("bernoulli", arrays([0.0, 0.25, 0.3, 0.9, 1.0])),
    "bernoulli, p": call("bernoulli", views(DTYPES), st.floats(0, 1)),
    "multinomial": weighted(),
    "rand_like": call("rand_like", views(DTYPES), dtype=st.sampled_from(FLOATS)),
    "randn_like": call("randn_like", views(DTYPES), dtype=st.sampled_from(FLOATS)),
    "randint_like": call("randint_like", views(DTYPES[:3]), st.integers(-9, 0), st.integers(1, 9)),
    "uniform_": call("uniform_", views(FLOATS), st.floats(-3, 0, width=32), st.floats(0, 3, width=32)),
    "normal_": call("normal_", views(FLOATS), numbers, deviations),
    "bernoulli_": call("bernoulli_", views(DTYPES), st.floats(0, 1)),
    "exponential_": call("exponential_", views(FLOATS), st.floats(0.1, 10)),
    "random_": call("random_", views(DTYPES)),
    "random_, to": call("random_", views(DTYPES[:3]), st.integers(1, 2**24)),
    "random_, from": call("random_", views(["int64"]), st.integers(-(2**63), 9), st.none()),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_each_draw(draw):
    @settings(max_examples=40, deadline=None)
    @given(st.integers(-(2**63), 2**64 - 1), draw)
    def same_digits_and_in_step(seed, draw):
        manual_seed(seed)
        assert_same(*draw)
        assert_in_step()

    same_digits_and_in_step()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64 - 1), st.lists(st.one_of(*DRAWS.values()), max_size=12))
def test_any_sequence_of_draws(seed, draws):
    manual_seed(seed)
    for draw in draws:
        assert_same(*draw)
    assert_in_step()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [15, 16, 17, 623, 624, 625, 100_003])
def test_long_draws(dtype, n):
    """Beyond one step of the twister, one piece, one stretch of Box-Muller."""
    manual_seed(n)
    for name in ("rand", "randn"):
        assert_same(name, [n], {"dtype": dtype})
    assert_same("randint", [0, 1000, (n,)], {})
    assert_same("randperm", [n], {})
    assert_in_step()


@pytest.mark.parametrize(
    "span", [1, 2, 2**28 - 1, 2**28, 2**28 + 1, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**64 - 1]
)
def test_integers_of_one_word_and_of_two(span):
    low = -(2**63) if span >= 2**63 else -5
    manual_seed(1)
    assert_same("randint", [low, low + span, (50,)], {})
    assert_in_step()


def test_normals_below_sixteen_are_exact_in_float64():
    for seed in range(200):
        manual_seed(seed)
        np.testing.assert_array_equal(
            random.randn(15, dtype=np.float64).array, torch.randn(15, dtype=torch.float64)
        )


@settings(deadline=None)
@given(st.data(), st.sampled_from([np.float32, np.float64]))
def test_uniform_between_any_bounds(data, dtype):
    """One rounding, and never the upper end."""
    width = np.finfo(dtype).bits
    largest = 2.0 ** (126 if width == 32 else 1022)
    bounds = (
        st.floats(-largest, largest, width=width)
        | st.floats(-9, 9, width=width)
        | st.floats(4, 4 + 2.0**-16, width=width)
    )
    bounds = bounds.map(lambda b: b if abs(b) > 1e-200 else 0.0)  # what a product loses must itself be normal
    low, high = sorted((data.draw(bounds), data.draw(bounds)))
    manual_seed(1)
    x, y = np.zeros(100, dtype), np.zeros(100, dtype)
    random.uniform_(Tensor(x), low, high)
    torch.from_numpy(y).uniform_(low, high)
    np.testing.assert_array_equal(x, y)
    assert (x < high).all() or low == high


def test_the_upper_end_is_left_out():
    x = random.uniform_(
        Tensor(np.zeros(100_000, np.float32)), 5.0, 5.0001, generator=Generator().manual_seed(42)
    ).array
    assert x.max() < np.float32(5.0001)


@pytest.mark.parametrize("x", [torch.ones(3, 40), torch.ones(40, 3).T, torch.ones(3, 80)[:, ::2]], ids=str)
def test_dropout_mask(x):
    manual_seed(3)
    kept = torch.nn.functional.dropout(x, 0.3) > 0
    np.testing.assert_array_equal(random.default_generator.mask_like(x.numpy(), 1 - 0.3), kept.numpy())
    assert_in_step()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shapes", [((3, 1, 4), (3, 5, 4)), ((1, 4, 1), (20, 4, 1)), ((1, 3, 1), (4, 3, 7))])
def test_like_an_expanded_tensor(shapes, turned):
    x = np.zeros(shapes[0][::-1] if turned else shapes[0], np.float32)
    x = np.broadcast_to(x.T if turned else x, shapes[1])
    y = torch.zeros(shapes[0][::-1] if turned else shapes[0])
    y = (y.permute(2, 1, 0) if turned else y).expand(shapes[1])
    for name in ("rand_like", "randn_like"):
        manual_seed(1)
        np.testing.assert_array_equal(getattr(random, name)(Tensor(x)).array, getattr(torch, name)(y))


def test_linear_layer_starts_with_pytorchs_weights():
    torch.manual_seed(5)
    layer = torch.nn.Linear(784, 30)
    random.manual_seed(5)
    bound = 1 / 784**0.5
    for parameter in (layer.weight, layer.bias):
        x = random.uniform_(Tensor(np.zeros(parameter.shape, np.float32)), -bound, bound)
        np.testing.assert_array_equal(x.array, parameter.detach())


def test_published_digits():
    """The first numbers after manual_seed(0), as they stand in countless PyTorch notebooks."""
    random.manual_seed(0)
    np.testing.assert_allclose(random.rand(3).array, [0.4963, 0.7682, 0.0885], atol=5e-5)
    random.manual_seed(0)
    np.testing.assert_allclose(random.randn(3).array, [1.5410, -0.2934, -2.1788], atol=5e-5)
    random.manual_seed(42)
    assert random.randperm(10).tolist() == [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]


def test_numbers_below_two_to_the_minus_24_and_the_ends():
    """Box-Muller at the ends of the unit interval: ln 1 = 0, the largest radius, whole quarter turns."""
    ends = np.array([0.0, 2.0**-24, 0.25, 0.5, 0.75, 1 - 2.0**-24, 0.5 - 2.0**-24, 0.125], np.float32)
    u = np.concatenate([block for v in ends for block in (ends, np.full(8, v, np.float32))])
    z, exact = box_muller(u), box_muller(u.astype(np.float64))
    assert np.isfinite(z).all()
    np.testing.assert_allclose(z, exact, atol=3e-6)


# The fused multiply-add -----------------------------------------------------------------------------------


def once(x, y, c):
    return float(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(c)))


def test_fma_where_two_roundings_would_meet_a_tie():
    x, y, c = np.array((1 + 2.0**-52) * 2.0**-53), 1 - 2.0**-52, 1 + 2.0**-52
    assert fma(x, y, c) == once(x, y, c) == c  # just below the middle between c and its neighbour
    assert fma(x, y, -c) == -c
    assert fma(x, 1e308, 0.1) == once(x, 1e308, 0.1)  # halves that would overflow


@pytest.mark.parametrize("cancelling", [False, True])
def test_fma_rounds_once(cancelling):
    rng = np.random.RandomState(0)
    x, y = rng.rand(5000), rng.randn(5000) * 10 ** rng.uniform(-5, 5, 5000)
    c = -x * y if cancelling else rng.randn(5000) * 10 ** rng.uniform(-12, 5, 5000)
    assert (fma(x, y, c) == [once(*t) for t in zip(x, y, c, strict=True)]).all()
    assert (fma(x, y, c) != x * y + c).mean() > 0.1  # the point of it
    x, y, c = (a.astype(np.float32) for a in (x, y, c))
    assert (fma(x, y, c) == [np.float32(once(*t)) for t in zip(x, y, c, strict=True)]).all()


# Seeds and states -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, -1, -(2**63), 2**32, 2**64 - 1, 1.7, "3", np.int64(9)])
def test_seeds(seed):
    assert random.manual_seed(seed) is random.default_generator
    torch.manual_seed(seed)
    assert random.initial_seed() == torch.initial_seed()
    assert_in_step()


def test_unseeded_generator_is_pytorchs():
    assert Generator().initial_seed() == torch.Generator().initial_seed()
    assert random.rand(1, generator=Generator()).item() == torch.rand(1, generator=torch.Generator()).item()


def test_session_without_a_seed_is_random_and_import_is_cheap():
    program = (
        "import sys, autodiff; from autodiff import random; cheap = 'numpy.random' not in sys.modules;"
        "print(cheap, random.initial_seed())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in "ab"
    }
    assert len(runs) == 2
    assert all(run.startswith("True") for run in runs)
    assert random.seed() != random.seed()


@given(st.integers(0, 2**64 - 1), st.integers(0, 1500), st.booleans())
@settings(deadline=None, max_examples=50)
def test_states_are_pytorchs_both_ways(seed, n, odd):
    manual_seed(seed)
    random.rand(n), torch.rand(n)
    if odd:
        random.randn(1), torch.randn(1)
    state, bits = random.get_rng_state(), torch.get_rng_state().numpy()
    np.testing.assert_array_equal(state.numpy().view(np.uint8), bits)
    expected = torch.randn(5).numpy()
    g = Generator()
    for twin in (random.default_generator.clone_state(), copy.deepcopy(random.default_generator)):
        np.testing.assert_array_equal(random.randn(5, generator=twin).array, expected)
    for value in (state, bits, np.repeat(bits, 2)[::2], pickle.loads(pickle.dumps(state.numpy()))):
        g.set_state(value)
        assert g.initial_seed() == seed
        np.testing.assert_array_equal(random.randn(5, generator=g).array, expected)
    torch.set_rng_state(torch.from_numpy(state.numpy().view(np.uint8)))
    np.testing.assert_array_equal(torch.randn(5), expected)
    random.set_rng_state(state)
    np.testing.assert_array_equal(random.randn(5).array, expected)


def test_threads_share_a_stream_without_repeats():
    g, drawn = Generator().manual_seed(1), []

    def draw():
        for _ in range(300):
            drawn.extend(g.words(7).tolist())

    threads = [threading.Thread(target=draw) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sorted(drawn) == sorted(Generator().manual_seed(1).words(7 * 300 * 4).tolist())


# In place -------------------------------------------------------------------------------------------------

IN_PLACE = ["uniform_", "normal_", "bernoulli_", "exponential_", "random_"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_returns_marks_and_refuses(name):
    fill = getattr(random, name)
    x = Tensor(np.zeros(5, np.float32))
    before = memory.clock()
    assert fill(x) is x
    assert memory.changed_since(x.array, before)
    x.requires_grad_()
    random.manual_seed(1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        fill(x)
    untouched = Generator().manual_seed(1)
    assert random.rand(1).item() == random.rand(1, generator=untouched).item()  # nothing was drawn
    with no_grad():
        assert fill(x).requires_grad
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        fill(Tensor(np.broadcast_to(np.zeros(1, np.float32), 3)))


def test_requires_grad():
    for name in ("rand", "randn"):
        x = getattr(random, name)(3, requires_grad=True, device="cpu")
        assert x.requires_grad and x.is_leaf
    assert random.randint(3, (2,), dtype=np.float32, requires_grad=True).requires_grad
    assert not random.rand_like(x).requires_grad


@pytest.mark.parametrize(
    "options",
    [
        {"high": 10, "size": (3,)},
        {"low": 3, "high": 10, "size": (3,)},
        {"size": (3,), "high": 9, "generator": None},
    ],
    ids=str,
)
def test_randint_by_keyword(options):
    manual_seed(2)
    assert random.randint(**options).tolist() == torch.randint(**options).tolist()
    assert random.rand(size=(2, 3)).tolist() == torch.rand(size=(2, 3)).tolist()
    assert random.randint(4, size=(3,)).tolist() == torch.randint(4, size=(3,)).tolist()
    x = np.zeros(3, np.float32)
    assert (
        random.randint_like(Tensor(x), high=5).tolist() == torch.randint_like(torch.zeros(3), high=5).tolist()
    )
    assert (
        random.random_(Tensor(x), from_=2, to=9).tolist()
        == torch.zeros(3).random_(**{"from": 2, "to": 9}).tolist()
    )


def test_default_dtype():
    dtypes.set_default_dtype(np.float64)
    try:
        assert random.rand(2).dtype == random.randn(2).dtype == random.normal(0, 1, (2,)).dtype == np.float64
    finally:
        dtypes.set_default_dtype(np.float32)


# Errors: PyTorch's kind and words -------------------------------------------------------------------------

ZEROS, INTS, HALF = np.zeros(3, np.float32), np.zeros(3, np.int64), np.array([0.5], np.float32)
ERRORS = [
    (TypeError, "", "rand", [], {}),
    (RuntimeError, "[-1]", "rand", [-1], {}),
    (TypeError, "rand(): argument 'size'", "rand", [2.5], {}),
    (TypeError, "rand(): argument 'size'", "rand", [True], {}),
    (TypeError, "rand()", "rand", [(2, 3), 4], {}),
    (NotImplementedError, "not implemented for 'Long'", "rand", [2], {"dtype": "int64"}),
    (NotImplementedError, "not implemented for 'Bool'", "randn", [2], {"dtype": "bool"}),
    (NotImplementedError, "not implemented for 'Long'", "rand_like", [INTS], {}),
    (TypeError, "rand_like(): argument 'input' (position 1) must be Tensor, not int", "rand_like", [3], {}),
    (RuntimeError, "'from' to be less than 'to', but got from=5 >= to=5", "randint", [5, 5, (2,)], {}),
    (RuntimeError, "'from' to be less than 'to', but got from=0 >= to=0", "randint", [0, (2,)], {}),
    (TypeError, "must be tuple of ints, not int", "randint", [10, 3], {}),
    (TypeError, "randint()", "randint", [], {"low": 3, "size": (2,)}),
    (TypeError, "must be int, not float", "randint", [1.5, (2,)], {}),
    (ValueError, "Overflow when unpacking long", "randint", [0, 2**70, (2,)], {}),
    (RuntimeError, "to - 1 is out of bounds for bool", "randint", [0, 3, (2,)], {"dtype": "bool"}),
    (RuntimeError, "Only Tensors of floating point", "randint", [3, (2,)], {"requires_grad": True}),
    (RuntimeError, "negative dimension -1", "randperm", [-1], {}),
    (TypeError, "randperm(): argument 'n'", "randperm", [2.0], {}),
    (NotImplementedError, "\"randperm\" not implemented for 'Bool'", "randperm", [2], {"dtype": "bool"}),
    (RuntimeError, "n cannot be greater than 2^24+1", "randperm", [2**24 + 2], {"dtype": "float32"}),
    (RuntimeError, "normal expects std >= 0.0, but found std -1", "normal", [0, -1, (2,)], {}),
    (RuntimeError, "normal expects std >= 0.0, but found std nan", "normal", [0, float("nan"), (2,)], {}),
    (RuntimeError, "normal expects all elements of std >= 0.0", "normal", [ZEROS, HALF - 1], {}),
    (RuntimeError, "must match the size of tensor b (2)", "normal", [ZEROS, np.ones(2, np.float32)], {}),
    (TypeError, "invalid combination of arguments", "normal", [0.0, 1.0], {}),
    (TypeError, "invalid combination of arguments", "normal", [0.0, 1.0, 3], {}),
    (NotImplementedError, "not implemented for 'Long'", "normal", [INTS, 1.0], {}),
    (RuntimeError, "normal expects std >= 0.0", "normal_", [ZEROS, 0.0, -1.0], {}),
    (NotImplementedError, "not implemented for 'Long'", "normal_", [INTS], {}),
    (RuntimeError, "Expected p_in >= 0 && p_in <= 1", "bernoulli", [HALF + 1], {}),
    (RuntimeError, "Expected p_in >= 0 && p_in <= 1", "bernoulli", [HALF * np.float32("nan")], {}),
    (NotImplementedError, "not implemented for 'Long'", "bernoulli", [INTS], {}),
    (RuntimeError, "expects p to be in [0, 1], but got p=1.5", "bernoulli", [ZEROS, 1.5], {}),
    (TypeError, "must be Tensor, not float", "bernoulli", [0.5], {}),
    (RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=2", "bernoulli_", [ZEROS, 2], {}),
    (RuntimeError, "", "bernoulli_", [ZEROS, np.ones((2, 3), np.float32)], {}),
    (RuntimeError, "but found from=2 > to=1", "uniform_", [ZEROS, 2, 1], {}),
    (RuntimeError, "from is out of bounds for float", "uniform_", [ZEROS, 1e39], {}),
    (RuntimeError, "from is out of bounds for float", "uniform_", [ZEROS, float("nan")], {}),
    (RuntimeError, "uniform_ expects to-from <=", "uniform_", [ZEROS, -3e38, 3e38], {}),
    (NotImplementedError, "not implemented for 'Long'", "uniform_", [INTS], {}),
    (RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0", "exponential_", [ZEROS, 0], {}),
    (RuntimeError, "dtype must be a floating point but you specified Long", "exponential_", [INTS], {}),
    (RuntimeError, "'from' to be less than 'to', but got from=5 >= to=3", "random_", [ZEROS, 5, 3], {}),
    (TypeError, "random_()", "random_", [ZEROS, 3.5], {}),
    (RuntimeError, "prob_dist must be 1 or 2 dim", "multinomial", [np.ones((2, 2, 2)), 1], {}),
    (RuntimeError, "prob_dist must be 1 or 2 dim", "multinomial", [np.array(1.0), 1], {}),
    (RuntimeError, "only supports floating-point dtypes for input, got: Long", "multinomial", [INTS, 1], {}),
    (RuntimeError, "cannot sample n_sample <= 0 samples", "multinomial", [HALF, 0], {}),
    (RuntimeError, "cannot sample n_sample > prob_dist.size(-1) samples", "multinomial", [HALF, 2], {}),
    (RuntimeError, "distribution (sum of probabilities <= 0", "multinomial", [ZEROS, 1], {}),
    (RuntimeError, "distribution (sum of probabilities <= 0", "multinomial", [ZEROS, 2, True], {}),
    (RuntimeError, "`inf`, `nan` or element < 0", "multinomial", [HALF - 1, 1], {}),
    (RuntimeError, "`inf`, `nan` or element < 0", "multinomial", [HALF * np.float32("nan"), 1], {}),
    (RuntimeError, "invalid multinomial distribution", "multinomial", [HALF - 1, 2, True], {}),
    (RuntimeError, "invalid multinomial distribution", "multinomial", [HALF / np.float32(0), 2, True], {}),
    (RuntimeError, "", "multinomial", [np.ones(0), 1, True], {}),
    (TypeError, "must be int, not float", "multinomial", [HALF, 1.5], {}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "error, phrase, name, args, options", ERRORS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_errors(error, phrase, name, args, options):
    manual_seed(1)
    with pytest.raises(error) as raised:
        theirs(name, args, options)
    assert phrase in str(raised.value)
    with pytest.raises(error) as raised:
        ours(name, args, options)
    assert phrase in str(raised.value)
    random.manual_seed(random.initial_seed())


@pytest.mark.parametrize(
    "error, phrase, wrong",
    [
        (RuntimeError, "not enough non-negative category", lambda: random.multinomial(Tensor(np.eye(3)), 2)),
        (RuntimeError, "out of bounds for float32", lambda: random.randint(2**25, (2,), dtype=np.float32)),
        (TypeError, "generator must be", lambda: random.rand(2, generator=5)),
        (RuntimeError, "device 'cuda' is not available", lambda: random.rand(2, device="cuda")),
        (RuntimeError, "device 'cuda' is not available", lambda: Generator("cuda")),
        (RuntimeError, "manual_seed expected a long, but got float", lambda: Generator().manual_seed(1.5)),
        (RuntimeError, "manual_seed expected a long, but got bool", lambda: Generator().manual_seed(True)),
        (ValueError, "Overflow when unpacking long", lambda: random.manual_seed(2**64)),
        (ValueError, "Overflow when unpacking long", lambda: random.manual_seed(-(2**63) - 1)),
        (TypeError, "expected a state", lambda: Generator().set_state(3)),
        (TypeError, "expected a state", lambda: Generator().set_state(np.zeros(632))),
        (RuntimeError, "of size 5056 but found", lambda: Generator().set_state(np.zeros(3, np.uint8))),
        (RuntimeError, "Invalid mt19937 state", lambda: Generator().set_state(np.zeros(632, np.int64))),
    ],
)
def test_errors_of_our_own(error, phrase, wrong):
    with pytest.raises(error, match=phrase):
        wrong()


@given(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0), st.randoms())
def test_laid_out_like_keeps_values_and_layout(shape, chance):
    axes = list(range(len(shape)))
    chance.shuffle(axes)
    array = np.zeros(shape).transpose(axes)
    result = laid_out_like(array, lambda s: np.arange(np.prod(s, dtype=int)).reshape(s))
    assert result.shape == array.shape
    assert (result.ravel(order="K") == np.arange(array.size)).all()
