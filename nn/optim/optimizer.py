"""What all optimizers share: parameter groups, state, `zero_grad`, `state_dict`, and the frame of a step.

An optimizer adds its options, the check of these options, and its update rule.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from autodiff import Tensor, enable_grad, get_default_dtype
from autodiff.dtypes import Array
from autodiff.errors import located
from autodiff.memory import touch
from autodiff.ops.arguments import refuse_no_number

from ..suspicions.steps import doubt_step
from .joint import SMALL, Joint, join
from .uninterrupted import uninterrupted

Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
Closure = Callable[[], Tensor]
Update = Callable[[Tensor, Array, Array], None]
"""Moves the values of a parameter, in place: of the parameter, its values, its gradient."""

Move = tuple[Tensor, Array, Array]  # these three

CACHES = ("_scratch", "_joints", "_descent")  # what is not saved
PIECE = 1 << 16  # entries: a few arrays of this length fit in the cache of a core


class Optimizer:
    """The base of all optimizers.

    `params` are tensors, or (name, tensor) pairs, or dicts with "params" and options of their own.
    `param_groups` is the list of such dicts; options are read anew at each step, so
    `optimizer.param_groups[0]["lr"] = 0.01` is heeded. `state[p]` holds what is remembered of the
    parameter p, as Tensors under PyTorch's names.

    A step moves all parameters or none: options and gradients are checked before anything moves, and Ctrl-C
    waits. Raises TypeError or ValueError, in PyTorch's words, if `params` are not leaf tensors.

    A new optimizer is a subclass with an `update_rule`:

    >>> import autodiff, numpy
    >>> class SignDescent(Optimizer):  # w ← w − γ·sign(g)
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...     def update_rule(self, group):
    ...         def update(p, values, gradient):
    ...             values -= group["lr"] * numpy.sign(gradient)
    ...         return update
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> w.grad = autodiff.tensor([30.0, -0.2])
    >>> SignDescent([w]).step()
    >>> w.detach()
    tensor([0.9000, 2.1000])
    """

    entrywise = False  # whether the update of an entry depends on that entry alone
    state_names: tuple[str, ...] = ()  # what `state[p]` holds after the first step, whatever the options
    scalar_names: tuple[str, ...] = ("step",)  # which of these are one number, in the default dtype

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.check(defaults)
        if isinstance(params, Tensor) or hasattr(params, "parameters"):
            raise located.TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{type(params).__name__}: pass model.parameters() or a list of tensors"
            )
        if isinstance(params, set):
            raise located.TypeError(UNORDERED)
        if not hasattr(params, "__iter__"):
            raise located.TypeError(
                f"'{type(params).__name__}' object is not iterable: pass model.parameters() or a list"
            )
        groups: list[Any] = list(params)
        if not groups:
            raise located.ValueError(
                "optimizer got an empty parameter list: there are none, or the generator model.parameters() "
                "was read before (it can be read once)"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Tensor]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._scratch: dict[Any, Array] = {}
        self._joints: dict[int, Joint] = {}
        for group in groups:
            self.add_param_group(group)

    # What an optimizer adds --------------------------------------------------------------------

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError if an option is out of range."""
        if options.get("differentiable"):
            raise located.ValueError(
                "differentiable=True is not supported: a step changes the parameters in place, unrecorded"
            )
        if options.get("fused") and options.get("foreach"):
            raise located.RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def update_rule(self, group: dict[str, Any]) -> Update:
        """The update of one parameter, under the options that its group has now."""
        raise NotImplementedError

    # What a user calls -------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Tensor | None:
        """Move every parameter that has a gradient, in place.

        `closure`, if given, is called first, to compute the gradients; the loss that it returns is returned.
        Raises RuntimeError for a gradient that does not have the shape of its parameter.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        work = []
        for i, group in enumerate(self.param_groups):
            update = self.update_rule(group)
            moved = []
            for p in group["params"]:
                if p._grad is not None:
                    w, g = p.array, p.grad.array
                    if g.shape != w.shape:
                        raise located.RuntimeError(
                            f"step: the gradient has shape {g.shape} and its parameter {w.shape}: "
                            "its data was replaced; call zero_grad() and backward() again"
                        )
                    moved.append((p, w, g))
            if len(moved) < len(group["params"]):
                doubt_step(self, Optimizer)
            work.append((i, update, moved))
        with uninterrupted():
            for i, update, moved in work:
                for p, w, g in self._jointly(i, update, moved) if self.entrywise else moved:
                    update(p, w, g)
                    touch(w)
        return loss

    def _jointly(self, group: int, update: Update, moved: list[Move]) -> list[Move]:
        """Move the small ones of these parameters as one; returns those that are to be moved alone."""
        small = [(p, w, g) for p, w, g in moved if w.size <= SMALL]
        if len(small) < 2:
            return moved
        params = [p for p, _, _ in small]
        joint = self._joints.get(group)
        if joint is None or not joint.fits(params, self.state):
            joint = join(params, self.state, self.scalar_names)
            if joint is None:
                return moved
            self._joints[group] = joint
        joint.gather([g for _, _, g in small])
        self.state[joint.parameter] = joint.state
        try:
            update(joint.parameter, joint.parameter.array, joint.gradient)
        finally:
            joint.state = self.state.pop(joint.parameter)
        joint.scatter(self.state)
        return [(p, w, g) for p, w, g in moved if w.size > SMALL]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients: set them to None, or else to zeros, in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                    continue
                grad = p.grad
                if grad is None:
                    continue
                if grad.requires_grad:  # made with create_graph, where others may still need it
                    p.grad = Tensor(np.zeros_like(grad.array))
                else:
                    grad.array.fill(0)
                    touch(grad.array)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, under options of their own: {"params": [x, y], "lr": 0.01}."""
        if not isinstance(param_group, dict):
            raise located.TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        if "params" not in param_group:
            raise KeyError(f"the parameter group has no 'params', only {sorted(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise located.TypeError(UNORDERED)
        entries = [given] if isinstance(given, Tensor) else list(given)
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        names = [entry[0] for entry in entries if isinstance(entry, tuple)]
        if names and len(names) < len(params):
            raise located.ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group = {**param_group, "params": params}
        if names:
            group["param_names"] = names
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        self.check(group)
        self._check_params(params, bool(names))
        self.param_groups.append(group)

    def _check_params(self, params: list[Any], named: bool) -> None:
        """Raise unless these are leaf tensors that are not optimized yet."""
        for p in params:
            if not isinstance(p, Tensor):
                hint = ": pass model.parameters()" if hasattr(p, "parameters") or isinstance(p, str) else ""
                raise located.TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}{hint}"
                )
            if not (p.is_leaf or p.retains_grad):
                raise located.ValueError(
                    f"can't optimize a non-leaf Tensor: this one, of shape {p.shape}, is the result of an "
                    "operation and is computed anew in each step; optimize what it is computed from"
                )
            if not p.array.flags.writeable:
                raise located.ValueError(f"can't optimize a read-only Tensor, of shape {p.shape}: clone() it")
        if len({id(p) for p in params}) < len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters: a step moves them twice",
                stacklevel=4,
            )
        for group in self.param_groups:
            if named != ("param_names" in group):
                raise located.ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {'with' if named else 'without'} names to the optimizer"
                )
        known = {id(p) for p in self._parameters()}
        if any(id(p) in known for p in params):
            raise located.ValueError("some parameters appear in more than one parameter group")

    # Saved and restored ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """State and options as plain dicts in PyTorch's layout; parameters are numbered 0, 1 ... in order.

        The tensors are those of the optimizer, not copies: the next step changes them.
        """
        numbers = {id(p): i for i, p in enumerate(self._parameters())}
        groups = []
        for group in self.param_groups:
            options = {name: value for name, value in group.items() if name != "params"}
            groups.append({**options, "params": [numbers[id(p)] for p in group["params"]]})
        state = {numbers[id(p)]: entry for p, entry in self.state.items() if id(p) in numbers}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over, as a copy, what `state_dict()` of an optimizer of this kind gave: ours or PyTorch's.

        Raises TypeError, KeyError or ValueError, with nothing changed, for a dict that does not fit.
        """
        if not isinstance(state_dict, Mapping):
            raise located.TypeError(f"load_state_dict expected a dict, but got {type(state_dict).__name__}")
        for key in ("state", "param_groups"):
            if key not in state_dict:
                raise KeyError(f"loaded state dict has no {key!r}, only {list(state_dict)}")
        groups = self._loaded_groups(state_dict["param_groups"])
        numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
        numbered = dict(zip(numbers, self._parameters(), strict=True))
        state: defaultdict[Tensor, dict[str, Tensor]] = defaultdict(dict)
        for number, entry in state_dict["state"].items():
            if number not in numbered:
                raise located.ValueError(
                    f"loaded state dict has a state for parameter {number!r}, which is in none of its groups"
                )
            state[numbered[number]] = self._loaded_state(number, entry, numbered[number])
        with uninterrupted():
            self.state, self.param_groups = state, groups

    def _loaded_groups(self, saved: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The parameter groups with the saved options."""
        if len(saved) != len(self.param_groups):
            raise located.ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved)}, and the optimizer has {len(self.param_groups)}"
            )
        groups = []
        for i, (mine, theirs) in enumerate(zip(self.param_groups, saved, strict=True)):
            if len(theirs["params"]) != len(mine["params"]):
                raise located.ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                    f"group: group {i} has {len(theirs['params'])} parameters, and {len(mine['params'])} here"
                )
            group = {**theirs, "params": mine["params"]}
            if "param_names" in mine:
                group.setdefault("param_names", mine["param_names"])
            for name, default in self.defaults.items():
                if default is None or isinstance(default, bool):
                    group.setdefault(name, default)  # flags come and go with PyTorch's versions
                elif name not in group:
                    raise located.ValueError(
                        f"loaded state dict has no {name!r} in group {i}, only {sorted(theirs)}: "
                        f"was it saved by another kind of optimizer than {type(self).__name__}?"
                    )
            self.check(group)
            groups.append(group)
        return groups

    def _loaded_state(self, number: Any, entry: Mapping[str, Any], p: Tensor) -> dict[str, Tensor]:
        """A copy of the saved state of one parameter, in its dtype."""
        missing = [name for name in self.state_names if name not in entry]
        if missing:
            raise located.ValueError(
                f"loaded state dict has no {' '.join(missing)} for parameter {number}, only {sorted(entry)}: "
                f"was it saved by another kind of optimizer than {type(self).__name__}?"
            )
        state = {}
        for name, value in entry.items():
            if value is None:
                continue
            scalar = name in self.scalar_names
            shape, dtype = ((), get_default_dtype()) if scalar else (p.shape, p.dtype)
            array = np.asarray(value.detach() if hasattr(value, "detach") else value).astype(dtype)
            if array.shape != shape:
                raise located.ValueError(
                    f"loaded state dict has {name} of shape {array.shape} for parameter {number}, "
                    f"and the optimizer needs shape {shape}"
                )
            state[name] = Tensor(array)
        return state

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in CACHES}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._scratch, self._joints = {}, {}

    def __repr__(self) -> str:
        groups = []
        for i, group in enumerate(self.param_groups):
            options = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            groups.append(f"\nParameter Group {i}\n{''.join(options)}")
        return f"{type(self).__name__} ({''.join(groups)})"

    # What update rules use ---------------------------------------------------------------------

    def _parameters(self) -> list[Tensor]:
        """All parameters, group by group."""
        return [p for group in self.param_groups for p in group["params"]]

    def pieces(self, p: Tensor, w: Array, g: Array, *names: str) -> Iterable[tuple[Array, ...]]:
        """(w, g, u, ...): values of `p`, gradient, scratch memory, and what is remembered under `names`.

        A large array comes in pieces that stay in the cache while an update goes over them several times.
        """
        buffers = [self.buffer(p, name) for name in names] if names else ()
        if w.size > PIECE and all(array.flags.c_contiguous for array in (w, *buffers)):
            return self._cut(w, g, *buffers)
        return ((w, g, self.scratch(w), *buffers),)

    def _cut(self, *arrays: Array) -> Iterator[tuple[Array, ...]]:
        flat = [array.reshape(-1) for array in arrays]
        for i in range(0, flat[0].size, PIECE):
            w, g, *buffers = (array[i : i + PIECE] for array in flat)
            yield (w, g, self.scratch(w), *buffers)

    def scalar(self, p: Tensor, name: str, start: float = 0.0) -> Array:
        """The one number that is remembered of the parameter `p` under this name; `start` at first."""
        state = self.state[p]
        if name not in state:
            state[name] = Tensor(np.full((), start, get_default_dtype()))
        return state[name].array

    def count(self, p: Tensor) -> float:
        """The number of this step of the parameter `p`; 1 at first."""
        step = self.scalar(p, "step")
        t: float = step.item() + 1
        step.fill(t)
        return t

    def buffer(self, p: Tensor, name: str) -> Array:
        """What is remembered of the parameter `p` under this name; zeros at first."""
        state = self.state[p]
        if name not in state:
            state[name] = Tensor(np.zeros_like(p.array))
        return state[name].array

    def scratch(self, w: Array, which: int = 0) -> Array:
        """Memory for intermediate results, like `w`, kept from step to step."""
        key = w.shape, w.dtype, which
        array = self._scratch.get(key)
        if array is None:
            array = self._scratch[key] = np.empty_like(w)
        return array

    def slope(self, w: Array, g: Array, weight_decay: float, maximize: bool) -> Array:
        """The gradient of what is minimized: f (or −f to `maximize`) plus the penalty λ/2·‖w‖²."""
        if not weight_decay and not maximize:
            return g
        d = self.scratch(w, 1)
        if not weight_decay:
            return np.negative(g, out=d)
        np.multiply(w, weight_decay, out=d)
        return np.subtract(d, g, out=d) if maximize else np.add(d, g, out=d)


UNORDERED = (
    "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
    "will change between runs. Please use a list instead."
)


def refuse_negative(options: Mapping[str, Any], **names: str) -> None:
    """Raise ValueError for the first of these options that is negative or nan; by PyTorch's name for it."""
    for option, name in names.items():
        value = options[option]
        if isinstance(value, Tensor) and value.numel() != 1:
            raise located.ValueError(f"Tensor {option} must be 1-element")
        refuse_no_number(value, "optimizer", option)
        if not value >= 0:
            raise located.ValueError(f"Invalid {name}: {value}")
