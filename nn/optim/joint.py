"""Small parameters that are moved as if they were one.

An update rule makes a dozen calls of NumPy, and for a small parameter each costs more than its arithmetic.
Where a rule treats every entry alike, the values, gradients and state of all small parameters are laid out in
one array each, and the rule runs once. The values are copied in and out, so that the parameters stay in the
memory that they have; the state of each parameter is a view of the joint state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import attrgetter, is_

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.memory import Stamp, renew, stamp

State = dict[str, Tensor]

SMALL = 1 << 13  # entries: above, copying costs more than the calls

copyto = np.copyto
values_of = attrgetter("array")


class Joint:
    """These parameters, as long as they have these arrays and the state that was given to them here."""

    def __init__(self, params: Sequence[Tensor], state: State, stamps: list[Stamp]) -> None:
        self.params, self.stamps = list(params), stamps
        self.arrays = [p.array for p in params]
        size, dtype = sum(w.size for w in self.arrays), self.arrays[0].dtype
        self.parameter, self.gradient = Tensor(np.empty(size, dtype)), np.empty(size, dtype)
        self.values, self.gradients = self.parts(self.parameter.array), self.parts(self.gradient)
        self.state = state
        self.entries: list[State] = [{} for _ in params]  # the state of each
        self.handed_out: list[Array] = []  # what is in these
        self.numbers: list[tuple[Array, Array]] = []  # what is one number for all, and for each

    def parts(self, joint: Array) -> list[Array]:
        """What belongs to each parameter, in its shape."""
        parts, start = [], 0
        for w in self.arrays:
            parts.append(joint[start : start + w.size].reshape(w.shape))
            start += w.size
        return parts

    def fits(self, params: Sequence[Tensor], states: dict[Tensor, State]) -> bool:
        """Whether these are the parameters, and nobody else has replaced an array or counted a step."""
        if len(params) != len(self.params) or not all(map(is_, map(values_of, params), self.arrays)):
            return False
        if self.state and not all(map(is_, map(states.get, params), self.entries)):
            return False
        handed_out = [tensor.array for entry in self.entries for tensor in entry.values()]
        if len(handed_out) != len(self.handed_out) or not all(map(is_, handed_out, self.handed_out)):
            return False
        return all((each == joint).all() for joint, each in self.numbers)

    def gather(self, gradients: Sequence[Array]) -> None:
        """Copy values and gradients in."""
        deque(map(copyto, self.values, self.arrays), maxlen=0)
        deque(map(copyto, self.gradients, gradients), maxlen=0)

    def scatter(self, states: dict[Tensor, State]) -> None:
        """Copy the values out, and let the parameters have what is new in the state."""
        renew(self.stamps)
        deque(map(copyto, self.arrays, self.values), maxlen=0)
        if len(self.state) != len(self.entries[0]):
            self.hand_out(states)
        for joint, each in self.numbers:
            each[...] = joint

    def hand_out(self, states: dict[Tensor, State]) -> None:
        """Give each parameter its view of the joint state."""
        self.numbers = []
        for name, tensor in self.state.items():
            joint = tensor.array
            if joint.ndim == 0:
                each = np.full(len(self.params), joint)
                self.numbers.append((joint, each))
                parts: list[Array] = [each[i : i + 1].reshape(()) for i in range(len(each))]
            else:
                parts = self.parts(joint)
            for entry, part in zip(self.entries, parts, strict=True):
                entry[name] = Tensor(part)
        for p, entry in zip(self.params, self.entries, strict=True):
            states[p] = entry
        self.handed_out = [tensor.array for entry in self.entries for tensor in entry.values()]


def join(params: Sequence[Tensor], states: dict[Tensor, State], scalars: Sequence[str]) -> Joint | None:
    """These parameters as one; None if they share memory or differ in dtype or in what was counted so far.

    `scalars` names what is one number for each parameter.
    """
    stamps = [stamp(p.array) for p in params]
    entries = [states.get(p, {}) for p in params]
    first = entries[0]
    if len({*map(id, stamps)}) < len(params) or len({p.dtype for p in params}) > 1:
        return None
    if any(entry.keys() != first.keys() for entry in entries):
        return None
    state: State = {}
    for name, tensor in first.items():
        each = [entry[name].array for entry in entries]
        if name not in scalars:
            state[name] = Tensor(np.concatenate([part.reshape(-1) for part in each]))
        elif all(part == each[0] for part in each):
            state[name] = Tensor(tensor.array.copy())
        else:
            return None
    joint = Joint(params, state, stamps)
    if state:
        joint.hand_out(states)
    return joint
