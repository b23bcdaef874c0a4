"""The table of a model: layers, output shapes, parameters; as text, and as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import autodiff
from autodiff import Tensor
from autodiff.dtypes import as_dtype
from autodiff.errors import located

from .evaluating import evaluating, float_dtype
from .module import BUFFERS, Module

Shape = tuple[int | None, ...]
BATCHES = 2, 3  # batch sizes to try: a dimension that differs depends on the batch
HEADINGS = ("Layer", "Output shape", "Parameters", "Trainable")


class Row(NamedTuple):
    """A module: how deep it is nested, its name and type, what it returns, its own parameters."""

    depth: int
    name: str
    shape: str
    parameters: int | None  # those not counted before; None: it has submodules only
    trainable: str

    def cells(self, indent: str) -> tuple[str, str, str, str]:
        """The texts of the columns."""
        count = "" if self.parameters is None else f"{self.parameters:,}"
        return indent * self.depth + self.name, self.shape, count, self.trainable


class Summary:
    """What `nn.summary` returns: `print` it, or let a notebook show it. Its numbers are attributes."""

    def __init__(self, rows: Sequence[Row], total: int, trainable: int, buffers: int, shared: int) -> None:
        self.rows, self.total, self.trainable = list(rows), total, trainable
        self.buffers, self.shared = buffers, shared

    def totals(self) -> list[tuple[str, int]]:
        """The lines below the table."""
        lines = [
            ("Parameters", self.total),
            ("Trainable", self.trainable),
            ("Not trainable", self.total - self.trainable),
        ]
        if self.shared:
            lines.append(("Shared, counted once", self.shared))
        if self.buffers:
            lines.append(("Entries of buffers", self.buffers))
        return lines

    def __str__(self) -> str:
        cells = [HEADINGS, *(row.cells("  ") for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if i == 2 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        names = max(len(name) for name, _ in self.totals())
        below = [f"{name:<{names}}  {count:,}" for name, count in self.totals()]
        return "\n".join([lines[0], rule, *lines[1:], rule, *below])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        def line(cells: Iterable[str], tag: str, depth: int = 0) -> str:
            left, right = "text-align:left", "text-align:right"
            styles = (f"{left};padding-left:{0.5 + 1.5 * depth}em", left, right, left)
            texts = [
                f'<{tag} style="{style}">{escape(cell)}</{tag}>'
                for cell, style in zip(cells, styles, strict=True)
            ]
            return f"<tr>{''.join(texts)}</tr>"

        body = "".join(line(row.cells(""), "td", row.depth) for row in self.rows)
        below = "<br>".join(f"{escape(name)}: {count:,}" for name, count in self.totals())
        return f"<table><thead>{line(HEADINGS, 'th')}</thead><tbody>{body}</tbody></table><p>{below}</p>"


def summary(model: Module, input_shape: Sequence[Any], dtype: Any = None) -> Summary:
    """The layers of a model, what each returns and how many parameters it has, as Keras tells it.

    `input_shape` is that of one sample, without the batch: (784,); for several arguments a list of shapes.
    `dtype` is that of the input (or a list of them), else that of the model's parameters; int64 for class
    numbers. Inputs are zeros. A dimension that depends on the size of the batch is shown as None. Each row
    counts the parameters that the module itself has; shared ones are counted where they come first.

    The forward passes, in eval mode, leave parameters, buffers, modes and the random stream as they were; a
    failing one raises its error. Raises TypeError or ValueError for shapes and dtypes that are none.

    >>> import nn
    >>> print(nn.summary(nn.Sequential(nn.Linear(784, 10), nn.Dropout(0.2)), (784,)))
    Layer          Output shape  Parameters  Trainable
    ──────────────────────────────────────────────────
    Sequential     (None, 10)
      0 (Linear)   (None, 10)         7,850  yes
      1 (Dropout)  (None, 10)             0
    ──────────────────────────────────────────────────
    Parameters     7,850
    Trainable      7,850
    Not trainable  0
    """
    if not isinstance(model, Module):
        raise located.TypeError(f"summary() takes an nn.Module, not {type(model).__name__}")
    inputs = specified(model, input_shape, dtype)
    calls = [shapes_of_calls(model, inputs, batch) for batch in BATCHES]
    seen: set[int] = set()
    rows, shared = [], 0
    for depth, name, module in walk(model):
        own = [p for _, p in module._own("parameter") if p is not None]
        new = {id(p): p for p in own if id(p) not in seen}
        shared += sum(p.numel() for p in {id(p): p for p in own}.values() if id(p) not in new)
        seen |= set(new)
        container = not own and any(child is not None for _, child in module._own("module"))
        rows.append(
            Row(
                depth,
                f"{name} ({module._get_name()})" if name else module._get_name(),
                written(*(call.get(id(module), []) for call in calls)),
                None if container else sum(p.numel() for p in new.values()),
                answer([p.requires_grad for p in own]),
            )
        )
    parameters = list(model.parameters())
    return Summary(
        rows,
        total=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        buffers=sum(buffer.numel() for buffer in model.buffers()),
        shared=shared,
    )


def walk(module: Module, name: str = "", depth: int = 0) -> Iterator[tuple[int, str, Module]]:
    """A module and all below it, also those that were met before, with their depth and name."""
    yield depth, name, module
    for child_name, child in module._own("module"):
        if child is not None:
            yield from walk(child, child_name, depth + 1)


def specified(model: Module, input_shape: Sequence[Any], dtype: Any) -> list[tuple[tuple[int, ...], Any]]:
    """(shape, dtype) of each argument of the model."""
    single = all(isinstance(n, int) for n in input_shape)
    shapes = [tuple(input_shape)] if single else [tuple(shape) for shape in input_shape]
    for shape in shapes:
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise located.ValueError(
                f"input_shape is the shape of one sample, without the batch, not {shape}"
            )
    dtypes = list(dtype) if isinstance(dtype, list | tuple) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise located.ValueError(f"there are {len(shapes)} input shapes and {len(dtypes)} dtypes")
    return [
        (shape, float_dtype(model) if dtype is None else as_dtype(dtype))
        for shape, dtype in zip(shapes, dtypes, strict=True)
    ]


def shapes_of_calls(
    model: Module, inputs: list[tuple[tuple[int, ...], Any]], batch: int
) -> dict[int, list[list[Shape]]]:
    """What each module, by id, returned at each of its calls, when the model was run on zeros."""
    calls: dict[int, list[list[Shape]]] = {}
    with evaluating(model), watched(model, calls), untouched(model):
        arguments = [autodiff.zeros((batch, *shape), dtype=dtype) for shape, dtype in inputs]
        try:
            model(*arguments)
        except Exception as error:
            shapes = ", ".join(str(argument.shape) for argument in arguments)
            error.add_note(f"in nn.summary, which ran the model on zeros of shape {shapes}")
            raise
    return calls


@contextmanager
def watched(model: Module, calls: dict[int, list[list[Shape]]]) -> Iterator[None]:
    """While this lasts, every module notes the shapes that it returns."""

    def noting(module: Module, forward: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            result = forward(*args, **kwargs)
            calls.setdefault(id(module), []).append(list(shapes_in(result)))
            return result

        return noted

    modules = list(model.modules())
    before = [module.__dict__.get("forward") for module in modules]
    for module in modules:  # an attribute of the module itself comes before its class's method
        module.__dict__["forward"] = noting(module, module.forward)
    try:
        yield
    finally:
        for module, forward in zip(modules, before, strict=True):
            if forward is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = forward


@contextmanager
def untouched(model: Module) -> Iterator[None]:
    """Whatever a forward pass changes of parameters, buffers and the random stream is put back."""
    stream = autodiff.get_rng_state()
    kept = [
        (module, name, tensor, tensor.array.copy())
        for module in model.modules()
        for name, tensor in module._own("parameter", *BUFFERS)
        if tensor is not None
    ]
    try:
        yield
    finally:
        autodiff.set_rng_state(stream)
        with autodiff.no_grad():
            for module, name, tensor, values in kept:
                module.__dict__[name] = tensor
                if tensor.array.tobytes() != values.tobytes():
                    tensor.copy_(Tensor(values))


def shapes_in(result: Any) -> Iterator[Shape]:
    """The shapes of the tensors in what a module returned: one, or a tuple, list or dict of them."""
    if isinstance(result, Tensor):
        yield tuple(result.shape)
    elif isinstance(result, dict):
        yield from shapes_in(list(result.values()))
    elif isinstance(result, list | tuple):
        for part in result:
            yield from shapes_in(part)


def written(small: list[list[Shape]], large: list[list[Shape]]) -> str:
    """The shapes of all calls, each once, with None for what depends on the batch; "-": never called."""
    texts = []
    for one, other in zip(small, large, strict=True):
        shapes = [
            tuple(m if m == n else None for m, n in zip(a, b, strict=True))
            for a, b in zip(one, other, strict=True)
        ]
        texts.append(", ".join(map(str, shapes)))
    return "; ".join(dict.fromkeys(texts)) or "-"


def answer(trainable: list[bool]) -> str:
    """Whether the parameters of a module are trained."""
    if not trainable:
        return ""
    return "yes" if all(trainable) else "partly" if any(trainable) else "no"
