"""Hooks that are called when `backward` has added to the `.grad` of a leaf: a step may follow at once.

They lie among the other hooks of the leaf, so that whoever asks whether it has any (`compile` does) finds
them there, and let the gradient pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .errors import located
from .record import Record, set_grad_enabled
from .tensor import RemovableHandle, Tensor


class AfterAccumulation:
    """A hook as the leaf keeps it: called with the gradient, which is not in `.grad` yet, it does nothing."""

    made = 0  # until the first is made, nobody looks for any

    def __init__(self, hook: Callable[[Tensor], None]) -> None:
        AfterAccumulation.made += 1
        self.hook = hook

    def __call__(self, gradient: Tensor) -> None:
        pass


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call `hook(tensor)` whenever `backward` has added to the `.grad` of this leaf.

    Raises RuntimeError for a tensor that does not require grad, and for the result of an operation. All
    leaves have their gradients when the first hook is called. Source: PyTorch,
    `torch.Tensor.register_post_accumulate_grad_hook`.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> handle = w.register_post_accumulate_grad_hook(lambda w: w.sub_(0.1 * w.grad))
    >>> (w**2).sum().backward()
    >>> w
    tensor([0.8000, 1.6000], requires_grad=True)
    """
    if not self.requires_grad:
        raise located.RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self.is_leaf:
        raise located.RuntimeError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors: their .grad is not added "
            "to. register_hook sees the gradient of a result"
        )
    record: Any = self.record
    record.hooks = {} if record.hooks is None else record.hooks
    return RemovableHandle(record.hooks, AfterAccumulation(hook))


def call_accumulated(records: Iterable[Record], create_graph: bool) -> None:
    """Call the hooks of the leaves among these, recording only if the gradients themselves are recorded."""
    with set_grad_enabled(create_graph):
        for record in records:
            for hook in list(record.hooks.values()) if record.hooks else ():
                x = record.tensor() if isinstance(hook, AfterAccumulation) and record.tensor else None
                if x is not None:
                    hook.hook(x)  # type: ignore[attr-defined]
