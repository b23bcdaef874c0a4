"""Operations of which the fast form does a part once for several.

A convolution and its rules, in stages: the patches under a kernel are needed by the convolution and by the
rule of the kernel, the cotangent in runs by both rules. Each stage is what `ops.convolution` does there.
Sums of the cotangents of x[0], x[1], ...: each is written to its place, rather than padded with zeros, and
added.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array
from ..ops import convolution as conv
from ..ops.indexing import getitem
from ..ops.windows import Sizes, Window
from .passes import memory_of
from .program import Instruction, Program, Value, looks_at, values_in


def staged(program: Program) -> list[Instruction]:
    """The lines, with convolutions in stages."""
    stages = Stages(program)
    for line in program.lines:
        write = FORMS.get(line.function)
        if write is None or line.out is None or line.writes is not None or line.options:
            stages.lines.append(line)
            if not line.pure:
                stages.changed(line)
        else:
            write(stages, line, *line.args)
    return stages.lines


class Stages:
    """The lines that are written so far."""

    def __init__(self, program: Program) -> None:
        self.program, self.lines = program, list[Instruction]()
        self.versions: dict[Any, int] = {}  # of each memory, which may be changed in between
        self.found: dict[Any, Value] = {}

    def stage(self, line: Instruction, function: Callable[..., Any], *args: Any) -> Value:
        """The value of a part of `line`."""
        key = (function, *(self.state(a) if isinstance(a, Value) else a for a in args))
        if key not in self.found:
            result = np.asarray(function(*(a.array if isinstance(a, Value) else a for a in args)))
            made = Instruction(function, args, {}, None, line.note)
            root = next((v.root for v in made.values() if looks_at(result, v.array)), None)
            made.out = Value("made", result, made, root, len(self.program.values))
            self.program.values.append(made.out)
            self.lines.append(made)
            self.found[key] = made.out
        return self.found[key]

    def state(self, value: Value) -> Any:
        """What is the same as long as a value is."""
        return "value", value.number, self.versions.get(memory_of(value), 0)

    def changed(self, line: Instruction) -> None:
        """Note what a line may change."""
        for memory in {memory_of(value) for value in line.values()}:
            self.versions[memory] = self.versions.get(memory, 0) + 1

    def end(self, line: Instruction, function: Callable[..., Any], *args: Any) -> None:
        """The last part, which makes what `line` makes."""
        assert line.out is not None
        last = Instruction(function, args, {}, line.out, line.note)
        line.out.source = last
        self.lines.append(last)


def kernels_of(w: Array, groups: int) -> Array:
    """The kernels as rows of matrices."""
    return w.reshape(groups, w.shape[0] // groups, -1)


def columns_of(w: Array, groups: int) -> Array:
    """The transposes of these."""
    return kernels_of(w, groups).mT


def turned(x: Array) -> Array:
    """The transposes of matrices."""
    return x.mT


def summed(kernels: Array, shape: Sizes) -> Array:
    """The sum over the batch, in the shape of the kernels."""
    total: Array = kernels.sum(0).reshape(shape)
    return total


def multiplied(kernels: Array, patches: Array, window: Window, size: Sizes) -> Array:
    """All places, in memory of their own."""
    return conv.out_of_runs(kernels @ patches, window, size)


def seen(z: Array, window: Window, size: Sizes) -> Array:
    """The places in the runs of all channels."""
    n, groups, o, run = z.shape
    return conv.at_places(z.reshape(n, groups * o, run), window, size)


def write_forward(s: Stages, line: Instruction, x: Value, w: Value, window: Window, groups: int) -> None:
    """`convolved`."""
    size = x.array.shape[2:]
    patches = s.stage(line, conv.columns, x, window, groups)
    kernels = s.stage(line, kernels_of, w, groups)
    if max(window.stride) == 1 and patches.array.shape[-1] > math.prod(window.places(size)):
        z = s.stage(line, np.matmul, kernels, patches)
        s.end(line, np.ndarray.copy, s.stage(line, seen, z, window, size))
    else:
        s.end(line, multiplied, kernels, patches, window, size)


def write_rule_of_input(
    s: Stages, line: Instruction, g: Value, z: Value, x: Value, w: Value, window: Window, groups: int
) -> None:
    """`spread_out`."""
    runs = s.stage(line, conv.in_runs, g, window, x.array.shape[2:], groups)
    patches = s.stage(line, np.matmul, s.stage(line, columns_of, w, groups), runs)
    s.end(line, conv.added, patches, window, x.array.shape)


def write_rule_of_kernel(
    s: Stages, line: Instruction, g: Value, z: Value, x: Value, w: Value, window: Window, groups: int
) -> None:
    """`correlated`."""
    runs = s.stage(line, conv.in_runs, g, window, x.array.shape[2:], groups)
    patches = s.stage(line, turned, s.stage(line, conv.columns, x, window, groups))
    s.end(line, summed, s.stage(line, np.matmul, runs, patches), w.array.shape)


FORMS: dict[Any, Callable[..., None]] = {
    conv.convolved: write_forward,
    conv.convolve.vjps[0]: write_rule_of_input,
    conv.convolve.vjps[1]: write_rule_of_kernel,
}
"""By what is called."""


# parts that are put side by side ----------------------------------------------------------------------------


def joined(program: Program) -> list[Instruction]:
    """The lines, with sums of cotangents of different parts as one array that has these in their places."""
    readers: dict[Value, list[Instruction]] = {}
    for line in program.lines:
        for value in set(line.values()):
            readers.setdefault(value, []).append(line)
    outlasting = set(values_in(program.result)) | {g for _, g in program.gradients if g is not None}
    parts: dict[
        Value, dict[int, Value]
    ] = {}  # of a sum that is not yet complete: the cotangent at each place
    within: dict[Value, list[Instruction]] = {}  # the lines that made it
    gone: set[int] = set()
    written: list[Instruction] = []
    for line in program.lines:
        out = line.out
        written.append(line)
        if not line.pure:
            parts.clear()  # what it changes may be a cotangent
        if out is None:
            continue
        if line.function is getitem.vjps[0] and out not in outlasting:
            g, _, _, index = line.args
            plain = type(index) is tuple and len(index) == 1 and type(index[0]) is int and index[0] >= 0
            if plain and g.array.dtype == out.array.dtype:
                parts[out], within[out] = {index[0]: g}, [line]
        elif line.function is np.add and all(x in parts and len(readers[x]) == 1 for x in line.args):
            a, b = (parts[x] for x in line.args)
            if a.keys().isdisjoint(b):
                parts[out], within[out] = {**a, **b}, [*within[line.args[0]], *within[line.args[1]], line]
                if len(parts[out]) == len(out.array):
                    gone.update(map(id, within[out]))
                    given = tuple(parts[out][i] for i in range(len(out.array)))
                    order = order_read(readers.get(out, [])) if out not in outlasting else None
                    written.append(Instruction(side_by_side, (order, *given), {}, out, line.note))
                    out.source = written[-1]
    return [line for line in written if id(line) not in gone]


def order_read(readers: list[Instruction]) -> Any:
    """The order of dimensions in which an array is read, if it is read once."""
    if len(readers) == 1 and readers[0].function is np.transpose and len(readers[0].args) == 2:
        return readers[0].args[1]
    return None


def side_by_side(order: Any, *parts: Array) -> Array:
    """These arrays, one after the other, stored so that `order` of the dimensions is row by row."""
    shape = (len(parts), *parts[0].shape)
    if order is None:
        z = np.empty(shape, parts[0].dtype)
    else:
        z = np.empty([shape[i] for i in order], parts[0].dtype).transpose(np.argsort(order))
    for i, part in enumerate(parts):
        np.add(part, 0.0, z[i, ...])  # to which zeros were added: -0 becomes 0
    return z
