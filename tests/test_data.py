"""Data in batches: the same samples in the same order as PyTorch, from the same seed, again and again."""

from __future__ import annotations

import copy
import sys
import warnings
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import torch.utils.data
from hypothesis import given
from hypothesis import strategies as st

import autodiff
from nn import data
from nn.data import loader as loading
from nn.data import sampler as sampling

OURS = SimpleNamespace(lib=autodiff, data=data)
THEIRS = SimpleNamespace(lib=torch, data=torch.utils.data)
Program = Callable[[SimpleNamespace], Any]


def plain(value: Any) -> Any:
    """What came out, in types that both libraries share: equal if kinds, dtypes, shapes and numbers are."""
    if isinstance(value, autodiff.Tensor | torch.Tensor):
        array = value.detach().numpy()
        return "tensor", array.dtype.name, array.shape, array.tolist()
    if isinstance(value, Mapping):
        return type(value).__name__, {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(item) for item in value]
    return value


def assert_same(program: Program, seed: int = 0) -> None:
    """The program gives the same under both libraries, which then draw the same numbers."""
    autodiff.manual_seed(seed)
    torch.manual_seed(seed)
    assert plain(program(OURS)) == plain(program(THEIRS))
    bits = autodiff.get_rng_state().numpy().view(np.uint8)
    np.testing.assert_array_equal(bits, torch.get_rng_state().numpy())


# The order ------------------------------------------------------------------------------------------------


def tensors(on: SimpleNamespace, n: int) -> Any:
    """A dataset of n samples: a row and a number."""
    rows = np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)
    return on.data.TensorDataset(on.lib.from_numpy(rows), on.lib.arange(n))


def squares(on: SimpleNamespace, n: int) -> Any:
    class Squares(on.data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return n

        def __getitem__(self, i: int) -> Any:
            return {"root": i, "square": float(i * i)}

    return Squares()


DATASETS: dict[str, Callable[[SimpleNamespace, int], Any]] = {
    "tensors": tensors,
    "subset": lambda on, n: on.data.Subset(tensors(on, n + 3), range(n + 2, 2, -1)),
    "subset of a subset": lambda on, n: on.data.Subset(
        on.data.Subset(tensors(on, 2 * n), list(range(n, 2 * n))), np.arange(n)[::-1]
    ),
    "split": lambda on, n: on.data.random_split(tensors(on, n + 4), [n, 4])[0],
    "both": lambda on, n: tensors(on, n // 2) + tensors(on, n - n // 2),
    "both squares": lambda on, n: squares(on, n // 2) + squares(on, n - n // 2),
    "list": lambda on, n: [(i, f"sample {i}") for i in range(n)],
    "tensor": lambda on, n: on.lib.arange(n),
    "squares": squares,
}

SAMPLERS: dict[str, Callable[[SimpleNamespace, int, Any], dict[str, Any]]] = {
    "in order": lambda on, n, generator: {},
    "shuffled": lambda on, n, generator: {"shuffle": True, "generator": generator},
    "generator of the seed only": lambda on, n, generator: {"generator": generator},
    "fewer": lambda on, n, generator: {
        "sampler": on.data.RandomSampler(range(n), num_samples=(n + 1) // 2, generator=generator)
    },
    "more": lambda on, n, generator: {
        "sampler": on.data.RandomSampler(range(n), num_samples=2 * n + 1, generator=generator)
    },
    "with replacement": lambda on, n, generator: {
        "sampler": on.data.RandomSampler(range(n), replacement=True, generator=generator)
    },
    "more with replacement": lambda on, n, generator: {
        "sampler": on.data.RandomSampler(range(n), True, 70, generator)
    },
    "subset": lambda on, n, generator: {
        "sampler": on.data.SubsetRandomSampler(list(range(0, n, 2)), generator)
    },
    "weights": lambda on, n, generator: {
        "sampler": on.data.WeightedRandomSampler(np.arange(1.0, n + 1), 2 * n, generator=generator)
    },
    "weights, each once": lambda on, n, generator: {
        "sampler": on.data.WeightedRandomSampler(list(range(1, n + 1)), n, False, generator)
    },
    "a list": lambda on, n, generator: {"sampler": [n - 1, 0, -1]},
    "tensors": lambda on, n, generator: {"sampler": on.lib.randperm(n, generator=generator)},
}


@given(drawn=st.data())
@pytest.mark.parametrize("dataset", list(DATASETS))
def test_batches_are_pytorchs_again_and_again(dataset: str, drawn: st.DataObject) -> None:
    n = drawn.draw(st.integers(1, 40), "samples")
    sampler = drawn.draw(st.sampled_from(list(SAMPLERS)), "sampler")
    if dataset.startswith("both"):
        n += 1  # one sample for each at least
        if sampler == "tensors":  # an index that `bisect` cannot place
            sampler = "shuffled"
    seed = drawn.draw(st.one_of(st.none(), st.integers(0, 2**64 - 1)), "seed of the generator")
    options = drawn.draw(
        st.fixed_dictionaries({"batch_size": st.integers(1, 12), "drop_last": st.booleans()})
        | st.just({"batch_size": None}),
        "batches",
    )
    read = drawn.draw(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=2, max_size=3), "epochs")

    def program(on: SimpleNamespace) -> Any:
        generator = None if seed is None else on.lib.Generator().manual_seed(seed)
        loader = on.data.DataLoader(
            DATASETS[dataset](on, n), **options, **SAMPLERS[sampler](on, n, generator)
        )
        epochs = [list(islice(loader, stop)) for stop in read]  # some are left before their end
        after = on.lib.rand(2, generator=generator)
        return len(loader), epochs, after

    assert_same(program, seed=drawn.draw(st.integers(0, 99), "default seed"))


def test_two_loaders_share_a_generator_in_turns() -> None:
    def program(on: SimpleNamespace) -> Any:
        generator = on.lib.Generator().manual_seed(3)
        loaders = [on.data.DataLoader(range(7), 2, shuffle=True, generator=generator) for _ in range(2)]
        first, second = (iter(loader) for loader in loaders)  # each draws its seed now, its order later
        batches = [next(second), next(first), next(first), *second, *first]
        return batches, on.lib.randperm(5, generator=generator)

    assert_same(program)


def test_batches_that_a_sampler_lists() -> None:
    def program(on: SimpleNamespace) -> Any:
        lists = [[0, 3], (5,), np.array([1, 2, 1]), [on.lib.tensor(4)]]
        loader = on.data.DataLoader(tensors(on, 6), batch_sampler=lists)
        sampler = on.data.BatchSampler(on.data.RandomSampler(range(6)), 4, drop_last=False)
        random = on.data.DataLoader(tensors(on, 6), batch_sampler=sampler)
        return len(loader), list(loader), len(random), list(random), list(random), loader.batch_size

    assert_same(program)


@given(st.integers(0, 9), st.integers(0, 9), st.one_of(st.none(), st.integers(1, 5)), st.booleans())
def test_streams(n: int, m: int, batch_size: int | None, drop_last: bool) -> None:
    def program(on: SimpleNamespace) -> Any:
        class Stream(on.data.IterableDataset):  # type: ignore[misc, name-defined]
            def __init__(self, n: int) -> None:
                self.n = n

            def __iter__(self) -> Iterator[Any]:
                return ((i, on.lib.rand(2)) for i in range(self.n))

            def __len__(self) -> int:
                return self.n

        loader = on.data.DataLoader(
            Stream(n) + Stream(m), batch_size, drop_last=drop_last and batch_size is not None
        )
        return len(loader), list(loader), list(loader)

    assert_same(program)


def test_large_orders() -> None:
    def program(on: SimpleNamespace) -> Any:
        loader = on.data.DataLoader(on.lib.arange(10_000), 128, shuffle=True, drop_last=True)
        return list(loader), list(loader)

    assert_same(program)


@given(st.data())
def test_random_split(drawn: st.DataObject) -> None:
    n = drawn.draw(st.integers(1, 60))
    cuts = sorted(drawn.draw(st.lists(st.integers(0, n), max_size=4)))
    lengths = np.diff([0, *cuts, n]).tolist()
    if drawn.draw(st.booleans()):
        weights = drawn.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
        lengths = [weight / sum(weights) for weight in weights]

    def program(on: SimpleNamespace) -> Any:
        generator = on.lib.Generator().manual_seed(5)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                parts = [
                    *on.data.random_split(range(n), lengths, generator),
                    *on.data.random_split(range(n), lengths),
                ]
            except ValueError as error:  # the fractions add up to 1.0000000000000002
                return str(error)[:40]
        return [(len(part), list(part)) for part in parts], [str(w.message) for w in warned]

    assert_same(program)


# From samples to a batch ----------------------------------------------------------------------------------

Point = namedtuple("Point", "x y")


class Row(list):  # type: ignore[type-arg]
    pass


SAMPLES: dict[str, Callable[[SimpleNamespace], list[Any]]] = {
    "tensors": lambda on: [on.lib.ones(2, 3), on.lib.zeros(2, 3)],
    "0-dim tensors": lambda on: [on.lib.tensor(1), on.lib.tensor(2)],
    "tensors of several dtypes": lambda on: [on.lib.tensor([1]), on.lib.tensor([0.5])],
    "tensors of bools": lambda on: [on.lib.tensor([True]), on.lib.tensor([False])],
    "empty tensors": lambda on: [on.lib.zeros(0), on.lib.zeros(0)],
    "arrays": lambda on: [np.ones((2, 2)), np.zeros((2, 2))],
    "0-dim arrays": lambda on: [np.array(1.5), np.array(2.5)],
    "float32": lambda on: [np.float32(1.5), np.float32(2)],
    "float64": lambda on: [np.float64(1.5), np.float64(2)],
    "int64": lambda on: [np.int64(3), np.int64(2)],
    "NumPy's bools": lambda on: [np.bool(True), np.bool(False)],
    "floats": lambda on: [0.1, 0.2],
    "a float, then an int": lambda on: [0.1, 2],
    "an int, then a float": lambda on: [2, 0.1],
    "ints": lambda on: [1, 2],
    "bools": lambda on: [True, False],
    "strings": lambda on: ["a", "b"],
    "bytes": lambda on: [b"a", b"b"],
    "tuples": lambda on: [(1, 2.0, "a"), (3, 4.0, "b")],
    "nested": lambda on: [((1, [2]), {"z": 3}), ((4, [5]), {"z": 6})],
    "lists": lambda on: [[1, 2], [3, 4]],
    "lists of a class": lambda on: [Row([1, 2.0]), Row([3, 4.0])],
    "empty tuples": lambda on: [(), ()],
    "named tuples": lambda on: [Point(1, "a"), Point(2, "b")],
    "dicts": lambda on: [{"x": 1, "y": [0.5]}, {"y": [1.5], "x": 2, "z": 0}],
    "ordered dicts": lambda on: [OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)],
    "default dicts": lambda on: [defaultdict(int, a=1), defaultdict(int, a=2)],
    "proxies": lambda on: [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
    "ranges": lambda on: [range(2), range(2, 4)],
    "one sample": lambda on: [(1, 2)],
}


@pytest.mark.parametrize("case", list(SAMPLES))
def test_collating_and_converting(case: str) -> None:
    assert_same(lambda on: on.data.default_collate(SAMPLES[case](on)))
    assert_same(lambda on: on.data.default_convert(SAMPLES[case](on)))
    assert_same(lambda on: list(on.data.DataLoader(SAMPLES[case](on), batch_size=None)))


def test_what_is_converted_shares_memory_and_what_is_collated_does_not() -> None:
    numbers = np.zeros(3)
    assert data.default_convert([numbers])[0].array is numbers
    assert not np.shares_memory(data.default_collate([numbers])[0].array, numbers)
    x = autodiff.tensor(numbers)
    assert data.default_convert(x) is x


def test_a_collate_fn_gets_the_samples() -> None:
    assert_same(
        lambda on: list(on.data.DataLoader(squares(on, 5), 2, collate_fn=lambda samples: len(samples)))
    )
    assert_same(lambda on: list(on.data.DataLoader(tensors(on, 5), 2, collate_fn=lambda samples: samples)))
    assert_same(lambda on: list(on.data.DataLoader("abc", batch_size=None, collate_fn=str.upper)))


# Whole batches at a time ----------------------------------------------------------------------------------


@given(
    st.integers(1, 9),
    st.sampled_from(["float32", "float64", "int64", "bool"]),
    st.sampled_from([lambda x: x, lambda x: x.swapaxes(1, 2), lambda x: x[:, ::2], lambda x: x[:, 0, 0]]),
    st.data(),
)
def test_gathering_is_collating(
    n: int, dtype: str, layout: Callable[[Any], Any], drawn: st.DataObject
) -> None:
    rows = layout(np.arange(n * 12).reshape(n, 4, 3).astype(dtype))
    whole = data.TensorDataset(autodiff.from_numpy(rows), autodiff.arange(n))
    positions = drawn.draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=5))
    dataset = drawn.draw(st.sampled_from([whole, data.Subset(whole, positions)]))
    indices = drawn.draw(st.lists(st.integers(-len(dataset), len(dataset) - 1), min_size=1, max_size=5))
    together = loading.gathered(dataset, indices)
    one_by_one = data.default_collate([dataset[i] for i in indices])
    assert plain(together) == plain(one_by_one)
    assert all(x.array.flags.c_contiguous for x in together)  # so that PyTorch's dropout falls alike
    assert not np.shares_memory(together[0].array, rows)


def calls(function: Callable[[], Any]) -> int:
    """How many Python functions are entered, generators resumed included."""
    count = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("subset", [False, True])
def test_no_python_runs_for_each_sample(subset: bool) -> None:
    def batches(n: int, size: int) -> int:
        dataset: Any = tensors(OURS, n)
        if subset:
            dataset = data.random_split(dataset, [n, 0])[0]
        loader = data.DataLoader(dataset, size, shuffle=True)
        next(iter(loader))  # what is done once
        return calls(lambda: [None for _ in loader])

    assert batches(640, 64) == batches(320, 32) < batches(640, 32)


def test_samples_that_must_be_read_one_by_one_are() -> None:
    class Doubled(data.TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return tuple(2 * x for x in super().__getitem__(index))

    class Listed(data.TensorDataset):
        def __getitems__(self, indices: list[int]) -> Any:
            return [("listed", i) for i in indices]

    class Negated(data.Subset[Any]):
        def __getitem__(self, idx: Any) -> Any:
            return tuple(-x for x in self.dataset[self.indices[idx]])

        def __getitems__(self, indices: list[int]) -> Any:
            return [self[i] for i in indices]

    x = autodiff.arange(3)
    for dataset, expected in (
        (Doubled(x), [[autodiff.tensor([0, 2])], [autodiff.tensor([4])]]),
        (Negated(data.TensorDataset(x), [2, 1]), [[autodiff.tensor([-2, -1])]]),
        (data.Subset(Doubled(x), [2, 1]), [[autodiff.tensor([4, 2])]]),
        (Listed(x), [[("listed", "listed"), autodiff.tensor([0, 1])], [("listed",), autodiff.tensor([2])]]),
        (data.Subset(Listed(x), [2]), [[("listed",), autodiff.tensor([2])]]),
    ):
        assert plain(list(data.DataLoader(dataset, 2))) == plain(expected)


def test_gradients_flow_to_the_data() -> None:
    def program(on: SimpleNamespace) -> Any:
        x = on.lib.arange(4.0).requires_grad_()
        for (batch,) in on.data.DataLoader(on.data.TensorDataset(x), 3):
            (batch * batch).sum().backward()
        return x.grad

    assert_same(program)


def test_an_error_in_one_sample_ends_nothing() -> None:
    def program(on: SimpleNamespace) -> Any:
        class Broken(on.data.Dataset):  # type: ignore[misc, name-defined]
            def __len__(self) -> int:
                return 3

            def __getitem__(self, i: int) -> int:
                if i == 1:
                    raise OSError("unreadable")
                return i

        batches = iter(on.data.DataLoader(Broken()))
        first = next(batches)
        with pytest.raises(OSError, match="unreadable"):
            next(batches)
        return first, len(batches), list(batches)

    assert_same(program)


# What is refused ------------------------------------------------------------------------------------------


def stream(on: SimpleNamespace) -> Any:
    return type("Stream", (on.data.IterableDataset,), {"__iter__": lambda self: iter(range(3))})()


def subset_class(on: SimpleNamespace) -> Any:
    return type("Half", (on.data.Subset,), {"__getitem__": lambda self, i: i})


REFUSED: dict[str, Program] = {
    "shuffle and sampler": lambda on: on.data.DataLoader("ab", shuffle=True, sampler=[0]),
    "batch_sampler and batch_size": lambda on: on.data.DataLoader("ab", 2, batch_sampler=[[0]]),
    "batch_sampler and shuffle": lambda on: on.data.DataLoader("ab", batch_sampler=[[0]], shuffle=True),
    "batch_sampler and sampler": lambda on: on.data.DataLoader("ab", batch_sampler=[[0]], sampler=[0]),
    "batch_sampler and drop_last": lambda on: on.data.DataLoader("ab", batch_sampler=[[0]], drop_last=True),
    "no batches and drop_last": lambda on: on.data.DataLoader("ab", None, drop_last=True),
    "batch_size 0": lambda on: on.data.DataLoader("ab", 0),
    "batch_size 1.5": lambda on: on.data.DataLoader("ab", 1.5),
    "batch_size True": lambda on: on.data.DataLoader("ab", True),
    "drop_last 1": lambda on: on.data.DataLoader("ab", 2, drop_last=1),
    "nothing to shuffle": lambda on: on.data.DataLoader([], shuffle=True),
    "workers": lambda on: on.data.DataLoader("ab", num_workers=-1),
    "timeout": lambda on: on.data.DataLoader("ab", timeout=-1),
    "timeout, no workers": lambda on: list(on.data.DataLoader("ab", timeout=1)),
    "prefetch, no workers": lambda on: on.data.DataLoader("ab", prefetch_factor=2),
    "prefetch": lambda on: on.data.DataLoader("ab", prefetch_factor=-1, num_workers=1),
    "persistent, no workers": lambda on: on.data.DataLoader("ab", persistent_workers=True),
    "context, no workers": lambda on: on.data.DataLoader("ab", multiprocessing_context="fork"),
    "stream and shuffle": lambda on: on.data.DataLoader(stream(on), shuffle=True),
    "stream and sampler": lambda on: on.data.DataLoader(stream(on), sampler=[0]),
    "stream and batch_sampler": lambda on: on.data.DataLoader(stream(on), batch_sampler=[[0]]),
    "length of a stream": lambda on: len(on.data.DataLoader(stream(on))),
    "later batch_size": lambda on: setattr(on.data.DataLoader("ab"), "batch_size", 2),
    "later dataset": lambda on: setattr(on.data.DataLoader("ab"), "dataset", "cd"),
    "later sampler": lambda on: setattr(on.data.DataLoader("ab"), "sampler", [0]),
    "index beyond": lambda on: list(on.data.DataLoader(tensors(on, 3), 2, sampler=[0, 7])),
    "unequal tensors": lambda on: on.data.default_collate([on.lib.ones(2), on.lib.ones(3)]),
    "unequal lists": lambda on: on.data.default_collate([[1, 2], [3]]),
    "tensor and number": lambda on: on.data.default_collate([on.lib.ones(2), 3.0]),
    "None": lambda on: on.data.default_collate([None, None]),
    "sets": lambda on: on.data.default_collate([{1}, {2}]),
    "array of strings": lambda on: on.data.default_collate([np.array(["a"])]),
    "array of objects": lambda on: on.data.default_collate([np.array([None])]),
    "dicts of other keys": lambda on: on.data.default_collate([{"a": 1}, {"b": 1}]),
    "no samples": lambda on: on.data.default_collate([]),
    "unequal lengths": lambda on: on.data.TensorDataset(on.lib.ones(2), on.lib.ones(3)),
    "0-dim data": lambda on: on.data.TensorDataset(on.lib.tensor(1.0)),
    "nothing to join": lambda on: on.data.ConcatDataset([]),
    "joined stream": lambda on: on.data.ConcatDataset([stream(on)]),
    "chained list": lambda on: list(on.data.ChainDataset([stream(on), [1]])),
    "joined, beyond": lambda on: on.data.ConcatDataset(["ab", "c"])[3],
    "joined, before": lambda on: on.data.ConcatDataset(["ab", "c"])[-4],
    "no __getitem__": lambda on: on.data.Dataset()[0],
    "no __len__": lambda on: len(on.data.Dataset()),
    "no __iter__": lambda on: on.data.IterableDataset(),
    "no __iter__ of a sampler": lambda on: iter(on.data.Sampler()),
    "half a Subset": lambda on: subset_class(on)("ab", [0]),
    "split too large": lambda on: on.data.random_split("abc", [2, 2]),
    "split of fractions": lambda on: on.data.random_split("abc", [0.5, 0.4]),
    "split of a negative fraction": lambda on: on.data.random_split("abc", [1.5, -0.5]),
    "split of half samples": lambda on: on.data.random_split("abc", [1.5, 1.5]),
    "replacement": lambda on: on.data.RandomSampler("ab", replacement=1),
    "num_samples": lambda on: on.data.RandomSampler("ab", num_samples=0),
    "num_samples 1.5": lambda on: on.data.RandomSampler("ab", num_samples=1.5),
    "weighted num_samples": lambda on: on.data.WeightedRandomSampler([1.0], 0),
    "weighted num_samples True": lambda on: on.data.WeightedRandomSampler([1.0], True),
    "weighted replacement": lambda on: on.data.WeightedRandomSampler([1.0], 1, replacement=None),
    "weights of two dims": lambda on: on.data.WeightedRandomSampler([[1.0]], 1),
    "weights, too few": lambda on: list(on.data.WeightedRandomSampler([1.0], 2, replacement=False)),
    "weights, negative": lambda on: list(on.data.WeightedRandomSampler([1.0, -1.0], 1)),
    "batches of none": lambda on: on.data.BatchSampler("ab", 0, False),
    "batches, drop_last": lambda on: on.data.BatchSampler("ab", 1, None),
}

OTHER_WORDS = {  # Python's own, or PyTorch's C++
    "timeout, no workers", "index beyond", "dicts of other keys", "no samples", "0-dim data",
    "joined, beyond", "no __len__", "no __iter__", "no __iter__ of a sampler", "half a Subset",
    "split of half samples", "weights, negative", "length of a stream", "prefetch, no workers",
    "None", "sets",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_arguments_are_refused_as_by_pytorch(case: str) -> None:
    with pytest.raises(Exception) as theirs:
        REFUSED[case](THEIRS)
    with pytest.raises(theirs.type) as ours:
        REFUSED[case](OURS)
    if case not in OTHER_WORDS:
        assert str(ours.value)[:29] == str(theirs.value)[:29]
    assert len(str(ours.value)) > (0 if case in ("dicts of other keys", "no __len__") else 20)


def test_what_pytorch_lets_pass_and_we_refuse() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        data.random_split("abc", [4, -1])
    with pytest.raises(IndexError, match="at least one tensor"):
        data.TensorDataset()
    with pytest.raises(TypeError, match="takes tensors, not ndarray"):
        data.TensorDataset(np.ones(3))
    with pytest.raises(NotImplementedError, match="use num_workers=0"):
        data.DataLoader(stream(OURS), num_workers=2)
    with pytest.raises(TypeError, match="uint8"):
        data.default_collate([np.zeros(2, np.uint8)])


def test_workers_are_replaced_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="num_workers=2: batches are loaded in this process") as warned:
        loader = data.DataLoader(
            tensors(OURS, 5), 2, num_workers=2, pin_memory=True, persistent_workers=True, timeout=3
        )
    assert warned[0].filename == __file__
    assert loader.prefetch_factor == 2
    assert plain(list(loader)) == plain(list(data.DataLoader(tensors(OURS, 5), 2)))
    assert data.get_worker_info() is None


def test_a_copy_of_a_loader() -> None:
    for dataset in (tensors(OURS, 5), stream(OURS)):
        loader = data.DataLoader(dataset, 2, shuffle=not isinstance(dataset, data.IterableDataset))
        twin = copy.deepcopy(loader)
        autodiff.manual_seed(1)
        batches = list(loader)
        autodiff.manual_seed(1)
        assert plain(list(twin)) == plain(batches)


def test_the_size_of_the_dataset_may_change() -> None:
    def program(on: SimpleNamespace) -> Any:
        samples = [1, 2]
        loader = on.data.DataLoader(samples, shuffle=True)
        before = list(loader)
        samples.append(3)
        return before, len(loader), list(loader)

    assert_same(program)


def test_every_test_above_could_fail() -> None:
    """An order drawn from another seed is noticed, and so is a draw too many."""
    for broken in (lambda generator: 1, lambda generator: autodiff.rand(1) and 0):
        with mock.patch.object(sampling, "seed_from", broken), pytest.raises(AssertionError):
            assert_same(lambda on: list(on.data.DataLoader(range(9), shuffle=True)))
