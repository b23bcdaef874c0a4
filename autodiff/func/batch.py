"""`vmap`: a function of one example, mapped over a dimension of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import located
from ..ops.joining import stack
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..tree import flatten, spread


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """`func` mapped over the dimension `in_dims` of its arguments; the results are stacked along `out_dims`.

    `in_dims` is one for all, or nested as the arguments are, with None for what is not mapped; `out_dims`
    likewise for the outputs. Of random numbers, each example draws its own ("different") or all the same
    ("same"); "error" refuses them. It is a loop, and no faster than one. Keyword arguments are not mapped.
    Raises ValueError if nothing is mapped, or the lengths differ. Source: PyTorch, `torch.func.vmap`.

    >>> import autodiff
    >>> x, y = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]]), autodiff.tensor([1.0, 10.0])
    >>> vmap(autodiff.dot, in_dims=(0, None))(x, y)
    tensor([21., 43.])
    """
    if randomness not in ("error", "different", "same"):
        raise located.RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if chunk_size is not None and not chunk_size > 0:
        raise located.ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", type(func).__name__)

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
        leaves, tree = flatten(args)
        dims = dims_of(call, in_dims, args)
        size = batch_size(call, leaves, dims)
        if not size:  # the form of the results is that for any example
            return collected(name, [func(*tree.build(blanks(leaves, dims)), **kwargs)], out_dims, 0)
        state = get_rng_state()
        results = []
        for i in range(size):
            if randomness == "same":
                set_rng_state(state)
            examples = [x if d is None else x.select(d, i) for x, d in zip(leaves, dims, strict=True)]
            results.append(func(*tree.build(examples), **kwargs))
            if randomness == "error" and (get_rng_state().array != state.array).any():
                set_rng_state(state)
                raise located.RuntimeError(
                    "vmap: called random operation while in randomness error mode. Please either use the "
                    "'same' or 'different' randomness flags on vmap or perform the randomness operation out "
                    "of vmap"
                )
        return collected(name, results, out_dims, size)

    return mapped


def is_dim(x: Any) -> bool:
    """Whether this stands for a dimension, or none."""
    return x is None or (isinstance(x, int) and not isinstance(x, bool))


def dims_of(call: str, in_dims: Any, args: tuple[Any, ...]) -> list[int | None]:
    """The dimension of each leaf of the arguments that is mapped; ValueError if there is none such."""
    if not isinstance(in_dims, int | tuple | list):
        raise located.ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
            f"inputs, got: {type(in_dims)}."
        )
    if not args:
        raise located.ValueError(
            f"{call}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    dims = spread(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args, is_dim)
    if dims is None:
        raise located.ValueError(
            f"{call}: in_dims is not compatible with the structure of inputs: it has to be nested as they are"
        )
    found: list[int | None] = []
    for x, d in zip(flatten(args)[0], dims, strict=True):
        if not is_dim(d):
            raise located.ValueError(
                f"{call}: Got in_dim={d} for an input but in_dim must be either an integer or None"
            )
        if d is not None and not isinstance(x, Tensor):
            raise located.ValueError(
                f"{call}: Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap "
                "over non-Tensor arguments, please use None as the respective in_dim"
            )
        if d is not None and not -x.ndim <= d < x.ndim:
            raise located.ValueError(
                f"{call}: Got in_dim={d} for some input, but that input is a Tensor of dimensionality "
                f"{x.ndim} so expected in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}."
            )
        found.append(d)
    return found


def batch_size(call: str, leaves: list[Any], dims: list[int | None]) -> int:
    """The common length of the mapped dimensions."""
    sizes = [x.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise located.ValueError(
            f"{call}: at least one `in_dim` must be an integer: there is nothing to map over"
        )
    if len(set(sizes)) > 1:
        raise located.ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])


def blanks(leaves: list[Any], dims: list[int | None]) -> list[Any]:
    """An example of zeros, where there is none to select."""
    return [
        x if d is None else Tensor(np.zeros(np.delete(x.shape, d), x.dtype))
        for x, d in zip(leaves, dims, strict=True)
    ]


def collected(name: str, results: list[Any], out_dims: Any, size: int) -> Any:
    """The results of all examples, stacked leaf by leaf; one result, of which `size` is to be 0, if none."""
    flat = [flatten(result) for result in results]
    form = flat[0][1]
    if any(tree != form for _, tree in flat):
        raise located.ValueError(f"vmap({name}, ...): the examples gave results of different structure")
    for x in flat[0][0]:
        if not isinstance(x, Tensor):
            raise located.ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}."
            )
    out = tuple(out_dims) if isinstance(out_dims, list) else out_dims
    if isinstance(out, tuple) and len(out) == 1 and isinstance(results[0], Tensor):
        out = out[0]
    dims = spread(out, results[0], is_dim)
    if dims is None:
        raise located.ValueError(
            f"vmap({name}, ..., out_dims={out_dims}): out_dims is not compatible with the structure of "
            f"outputs. out_dims has to be an int or nested as the outputs of {name} are"
        )
    columns = zip(*(leaves for leaves, _ in flat), strict=True)
    return form.build([together(name, xs, d, size) for xs, d in zip(columns, dims, strict=True)])


def together(name: str, xs: tuple[Tensor, ...], d: int | None, size: int) -> Tensor:
    """The results of all examples along a new dimension; for None the one that all have in common."""
    if d is None:
        if any(not np.array_equal(x.array, xs[0].array, equal_nan=True) for x in xs):
            raise located.ValueError(
                f"vmap({name}, ...): `{name}` returned different tensors for the examples, and out_dims is "
                "None: please provide the dimension along which to stack them"
            )
        return xs[0]
    whole: Tensor = stack(xs, d)
    return whole if size else whole.narrow(d, 0, 0)
