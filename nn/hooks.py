"""Hooks: functions of yours that a module calls with what goes into it, what comes out, and the gradients.

A call of a module costs nothing extra until the first hook of a program is registered: only then calls begin
to look for hooks. The gradients are seen where a tensor passes a gate, a view of it that is nothing but the
place where its whole gradient is known.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops.shapes import regroup
from autodiff.tensor import RemovableHandle

T = TypeVar("T")

Gradients = tuple[Tensor | None, ...]  # of the arguments or results of a module; None for what has none


class Hookable:
    """What a Module is besides: something that is called, and whose calls can be looked at.

    Calling it is calling its `forward`, looked up so that no frame lies between, until there are hooks.
    """

    forward: Callable[..., Any]
    __call__: Callable[..., Any] = property(attrgetter("forward"))  # type: ignore[assignment]
    _module_hooks: Hooks | None = None

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns (unless None) are the new arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, and returns both. `prepend` puts it before the
        hooks that are there. The handle's `remove()` takes it out.
        """
        return hooked(self._hooks().before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, result)` after each forward; what it returns (unless None) is the result.

        With `with_kwargs` it is `hook(module, args, kwargs, result)`.

        >>> import autodiff, nn
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_hook(lambda module, args, result: print(result.shape))
        >>> _ = layer(autodiff.ones(2, 3))
        (2, 3)
        >>> handle.remove()
        """
        if always_call:
            raise located.NotImplementedError("register_forward_hook(): always_call=True is not implemented")
        return hooked(self._hooks().after, (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)`, the results' gradients; what it returns replaces them."""
        return hooked(self._hooks().backward_before, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the arguments are known.

        Both are tuples, with None for what has no gradient; what it returns (unless None) replaces
        grad_input. Where no argument requires grad it is called once the results' gradients are known.
        """
        return hooked(self._hooks().backward, hook, prepend)

    def _hooks(self) -> Hooks:
        if self._module_hooks is None:
            self.__dict__["_module_hooks"] = Hooks()
        return self.__dict__["_module_hooks"]  # type: ignore[no-any-return]


class Hooks:
    """The hooks of one module, by kind, in the order of their calls."""

    def __init__(self) -> None:
        self.before: OrderedDict[int, Any] = OrderedDict()  # (hook, with_kwargs)
        self.after: OrderedDict[int, Any] = OrderedDict()  # (hook, with_kwargs)
        self.backward_before: OrderedDict[int, Any] = OrderedDict()
        self.backward: OrderedDict[int, Any] = OrderedDict()
        look_for_hooks()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        look_for_hooks()  # a model may be unpickled where no hook was registered

    def call(self, module: Hookable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The module's forward with all that its hooks say."""
        for hook, with_kwargs in list(self.before.values()):
            changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if changed is None:
                continue
            if not with_kwargs:
                args = changed if isinstance(changed, tuple) else (changed,)
            elif isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            else:
                raise located.RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{changed}."
                )
        watched = autodiff.is_grad_enabled() and (self.backward or self.backward_before)
        watch = Watch(module, list(self.backward_before.values()), list(self.backward.values()))
        if watched:
            args = watch.inputs(args)
        result = module.forward(*args, **kwargs)
        for hook, with_kwargs in list(self.after.values()):
            changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if changed is not None:
                result = changed
        return watch.outputs(result) if watched else result


def hooked(hooks: OrderedDict[int, Any], hook: Any, prepend: bool) -> RemovableHandle:
    """Add a hook as the last, or the first."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.key, last=False)
    return handle


def pre_hooks(module: Hookable, kind: type[T]) -> list[tuple[int, T]]:
    """The forward pre-hooks of a kind that a module has, by key."""
    hooks = module._module_hooks
    before = [] if hooks is None else hooks.before.items()
    return [(key, hook) for key, (hook, _) in before if isinstance(hook, kind)]


def called(module: Hookable, *args: Any, **kwargs: Any) -> Any:
    """`module(*args)` once there are hooks in the program."""
    hooks = module._module_hooks
    return module.forward(*args, **kwargs) if hooks is None else hooks.call(module, args, kwargs)


def look_for_hooks() -> None:
    """From now on every call of a module asks whether it has hooks."""
    Hookable.__call__ = called  # type: ignore[method-assign]


class Watch:
    """One call of a module whose gradients are asked for: the results' come first, then the inputs'."""

    def __init__(self, module: Hookable, before: list[Any], hooks: list[Any]) -> None:
        self.module, self.before, self.hooks = module, before, hooks
        self.grad_output: Gradients | None = None
        self.without_gradient: Gradients | None = None  # what there is to say of inputs none of which has one

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, behind a gate that calls the hooks."""
        if not any(isinstance(arg, Tensor) and arg.requires_grad for arg in args):
            self.without_gradient = (None,) * len(args)
            return args
        known = [autodiff.zeros_like(arg) if isinstance(arg, Tensor) else None for arg in args]

        def filled(gradients: Gradients) -> Gradients:  # as PyTorch: a tensor that was not used has zeros
            return self.on_inputs(tuple(z if d is None else d for z, d in zip(known, gradients, strict=True)))

        return gate(args, filled)

    def outputs(self, result: Any) -> Any:
        """The results, behind a gate that keeps their gradients for the hooks."""
        if isinstance(result, tuple):
            return gate(result, self.on_outputs)
        return gate((result,), self.on_outputs)[0]

    def on_outputs(self, gradients: Gradients) -> Gradients:
        """Show the gradients of the results to the pre-hooks, which may replace them."""
        for hook in self.before:
            changed = hook(self.module, gradients)
            gradients = replaced("pre hook returned an invalid number of grad_output", gradients, changed)
        self.grad_output = gradients
        if self.without_gradient is not None:
            for hook in self.hooks:
                changed = hook(self.module, self.without_gradient, gradients)
                if changed is not None and any(g is not None for g in changed):
                    raise located.RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
        return gradients

    def on_inputs(self, gradients: Gradients) -> Gradients:
        """Show the gradients of inputs and results to the hooks, which may replace those of the inputs."""
        if self.grad_output is None:  # they came another way: the second derivative of what is inside
            return gradients
        for hook in self.hooks:
            changed = hook(self.module, gradients, self.grad_output)
            gradients = replaced("hook returned an invalid number of grad_input", gradients, changed)
        self.grad_output = None
        return gradients


def replaced(words: str, gradients: Gradients, changed: Any) -> Gradients:
    """What a hook returned in place of these gradients; None leaves them."""
    if changed is None:
        return gradients
    changed = changed if isinstance(changed, tuple | list) else (changed,)
    if len(changed) != len(gradients):
        raise located.RuntimeError(f"Backward {words}, got {len(changed)}, but expected {len(gradients)}")
    return tuple(changed)


def gate(values: tuple[Any, ...], look: Callable[[Gradients], Gradients]) -> tuple[Any, ...]:
    """The same values; when the gradients of the tensors among them are all known, `look` may replace them.

    None stands for the gradient of what is no tensor, or was not used. One tensor passes as a view; several
    pass as parts of one flat tensor, because only one tensor's gradient is known at one time.
    """
    at = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]
    if not at:
        return values
    tensors = [values[i] for i in at]
    ends = [0]
    for x in tensors:
        ends.append(ends[-1] + math.prod(x.shape))

    def parts(flat: Tensor) -> list[Tensor]:
        return [
            flat[a:b].reshape(x.shape).to(x.dtype)
            for x, a, b in zip(tensors, ends[:-1], ends[1:], strict=True)
        ]

    used: set[int] = set()

    def note(i: int, g: Tensor) -> None:
        used.add(i)

    def hook(g: Tensor) -> Tensor:
        gradients: list[Tensor | None] = [None] * len(values)
        for i, part in zip(at, [g] if len(at) == 1 else parts(g), strict=True):
            gradients[i] = part if i in used or len(at) == 1 else None
        used.clear()
        found = look(tuple(gradients))
        passed = [autodiff.zeros_like(x) if d is None else d for x, d in ((values[i], found[i]) for i in at)]
        return passed[0] if len(at) == 1 else autodiff.cat([d.reshape(-1) for d in passed]).to(g.dtype)

    if len(at) == 1:
        through = [regroup(tensors[0], tensors[0].shape)]
        through[0].register_hook(hook)
    else:
        flat = autodiff.cat([x.reshape(-1) for x in tensors])
        flat.register_hook(hook)
        through = parts(flat)
        for i, x in zip(at, through, strict=True):
            x.register_hook(partial(note, i))
    passed = list(values)
    for i, x in zip(at, through, strict=True):
        passed[i] = x
    return tuple(passed)
