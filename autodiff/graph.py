"""The graph behind a record: what it was computed from, and what that was computed from."""

from __future__ import annotations

from .record import Record


def behind(root: Record) -> list[Record]:
    """Every record that `root` was computed from, and itself, oldest first: inputs before outputs.

    >>> import autodiff
    >>> x = autodiff.tensor(2.0, requires_grad=True)
    >>> [record.name() for record in behind((x * x).exp().grad_fn)]
    ['AccumulateGrad', 'MulBackward0', 'ExpBackward0']
    """
    found, stack = {root}, [root]
    while stack:
        for x in stack.pop().inputs:
            if x is not None and x not in found:
                found.add(x)
                stack.append(x)
    return sorted(found, key=lambda record: record.birth)
