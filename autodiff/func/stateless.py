"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import located
from ..ops.joining import stack
from ..tensor import Tensor

Tensors = Mapping[str, Any]


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of modules of one kind, by name, stacked: for `vmap` over `functional_call`.

    The parameters are leaves of their own. Raises RuntimeError if there are none, or of different kinds.
    Source: PyTorch, `torch.func.stack_module_state`.

    >>> import autodiff, nn
    >>> parameters, _ = stack_module_state([nn.Linear(2, 3) for _ in range(4)])
    >>> parameters["weight"].shape
    (4, 3, 2)
    """
    if not models:
        raise located.RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({type(model) for model in models}) > 1:
        raise located.RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(named: list[dict[str, Tensor]], leaves: bool) -> dict[str, Tensor]:
        found = {name: stack([part[name].detach() for part in named]) for name in named[0]}
        return {name: x.requires_grad_(leaves and named[0][name].requires_grad) for name, x in found.items()}

    parameters = [dict(model.named_parameters()) for model in models]
    return stacked(parameters, True), stacked([dict(model.named_buffers()) for model in models], False)


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Tensors | Sequence[Tensors],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with these tensors in the place of its parameters and buffers of these names.

    Names are those of `named_parameters()` and `named_buffers()`; what is not named stays, and afterwards the
    module is as before. A parameter that has several names is replaced under all, unless `tie_weights` is
    False. Raises RuntimeError for a name that the module has not and, if `strict`, for one that is missing.
    Source: PyTorch, `torch.func.functional_call`.

    >>> import autodiff, nn
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> functional_call(layer, {"weight": autodiff.tensor([[3.0, 4.0]])}, autodiff.tensor([1.0, 10.0]))
    tensor([43.])
    """
    values = merged(parameter_and_buffer_dicts)
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    unexpected = [name for name in values if name not in own]
    if unexpected:
        raise located.RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}: Unexpected key(s): "
            f"{', '.join(unexpected)}; it has {', '.join(own) or 'none'}"
        )
    if tie_weights:
        values = tied(values, own)
    if strict and (missing := [name for name in own if name not in values]):
        raise located.RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}: Missing key(s): {', '.join(missing)}"
        )
    places = {name: place(module, name) for name in values}
    before = {name: attributes[last] for name, (attributes, last) in places.items()}
    positional = args if isinstance(args, tuple) else () if args is None else (args,)
    try:
        for name, (attributes, last) in places.items():
            attributes[last] = values[name]
        return module(*positional, **(kwargs or {}))
    finally:
        for name, (attributes, last) in places.items():
            if attributes[last] is values[name]:  # a buffer that the call replaced is what it left
                attributes[last] = before[name]


def merged(dicts: Tensors | Sequence[Tensors]) -> dict[str, Any]:
    """One dict of one or several; ValueError for a name that is in two."""
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(d, Mapping) for d in dicts):
        raise located.ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    values: dict[str, Any] = {}
    for d in dicts:
        if again := values.keys() & d.keys():
            raise located.ValueError(
                f"{sorted(again)} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
        values.update(d)
    return values


def tied(values: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The values, also under the other names of each parameter; ValueError if two names disagree."""
    found = dict(values)
    for name, value in values.items():
        for other, tensor in own.items():
            if tensor is own[name] is not None and found.setdefault(other, value) is not value:
                raise located.ValueError(
                    f"functional_call got multiple values for keys {sorted((name, other))}, which are tied. "
                    "Consider using tie_weights=False"
                )
    return found


def place(module: Any, name: str) -> tuple[dict[str, Any], str]:
    """The attributes among which a parameter is, and its name there."""
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part)
    return vars(module), last
