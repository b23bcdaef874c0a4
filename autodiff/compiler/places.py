"""Sums of the cotangents of x[0], x[1], ...: the fast form writes each to its place.

Read as the rules are, each is padded with zeros, and all are added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..ops.indexing import getitem
from .program import Instruction, Program, Value, values_in


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
