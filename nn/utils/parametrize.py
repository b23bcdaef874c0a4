"""A parameter that is computed from others: each access to `module.weight` computes it from its originals.

A module gets a class of its own, a subclass in which the name is a property; `module.parametrizations.weight`
holds the originals, which are learned. Source: PyTorch, `torch.nn.utils.parametrize`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import autodiff
from autodiff import Tensor
from autodiff.errors import located

from ..layers.containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

T = TypeVar("T", bound=Module)


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, in a row, from `original`, or from `original0`, `original1` …"""

    def __init__(self, parametrization: Module, original: Tensor) -> None:
        super().__init__([parametrization])
        inverse = getattr(parametrization, "right_inverse", None)
        with autodiff.no_grad():
            values = original if inverse is None else inverse(original)
        self.is_tensor = isinstance(values, Tensor)
        parts = {"original": values} if self.is_tensor else {f"original{i}": x for i, x in enumerate(values)}
        self.names = list(parts)
        for name, part in parts.items():
            if isinstance(original, Parameter):
                part = original if part is original else Parameter(part.detach(), original.requires_grad)
                self.register_parameter(name, part)
            else:
                self.register_buffer(name, part)

    def forward(self) -> Any:
        first, *others = self
        value = first(*(getattr(self, name) for name in self.names))
        for module in others:
            value = module(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals the values from which `value` is computed."""
        with autodiff.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise located.RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse: the "
                        "tensor that it computes cannot be assigned"
                    )
                value = module.right_inverse(value)
            for name, part in zip(self.names, [value] if self.is_tensor else value, strict=True):
                getattr(self, name).copy_(part)


def register_parametrization(
    module: T, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> T:
    """From now on `module.tensor_name` is `parametrization(original)`; returns the module.

    The original is what the tensor was, or, if the parametrization has a `right_inverse`, what that makes of
    it: several tensors if it returns a tuple. A second one comes behind the first. Raises ValueError for a
    name that is no parameter or buffer, and, unless `unsafe`, if the shape or dtype would change.

    >>> import autodiff, nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    if is_parametrized(module, tensor_name):
        chain = chains(module)[tensor_name]
        new = [*chain, parametrization]
    else:
        tensor = {**module._parameters, **module._buffers}.get(tensor_name)
        if tensor is None:
            raise located.ValueError(
                f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                f"'{tensor_name}'"
            )
        chain, new = ParametrizationList(parametrization, tensor), []
    if not unsafe:
        before = getattr(module, tensor_name)
        with autodiff.no_grad():
            after = parametrization(before) if new else chain()
        if not isinstance(after, Tensor) or (after.shape, after.dtype) != (before.shape, before.dtype):
            raise located.ValueError(
                "Registering a parametrization may not change the shape or dtype of the tensor, unless the "
                f"`unsafe` flag is enabled: {tensor_name} {before.shape}, {before.dtype} would become "
                f"{getattr(after, 'shape', type(after))}, {getattr(after, 'dtype', None)}"
            )
    if new:
        chain.append(parametrization)
        return module
    delattr(module, tensor_name)
    plain = own_class(module)
    if not is_parametrized(module):
        module.add_module("parametrizations", ModuleDict())
    chains(module)[tensor_name] = chain
    dress(module, plain)
    return module


def chains(module: Module) -> Any:
    """What computes the parametrized tensors of a module, by name."""
    return module.__dict__["parametrizations"]


def own_class(module: Module) -> Any:
    """The class that a module was made of."""
    return type(module).__base__ if is_parametrized(module) else type(module)


def dress(module: Module, plain: Any) -> None:
    """Give a module the class in which its parametrized tensors, and no others, are properties."""
    names = {name: computed(name) for name in chains(module)}
    members = {"__module__": plain.__module__, **names}
    module.__class__ = type(f"Parametrized{plain.__name__}", (plain,), members) if names else plain


def computed(name: str) -> property:
    """The property that stands for a parametrized tensor."""
    return property(
        lambda module: module.parametrizations[name](),
        lambda module, value: module.parametrizations[name].right_inverse(value),
    )


def remove_parametrizations(module: T, tensor_name: str, leave_parametrized: bool = True) -> T:
    """Make a tensor an ordinary one again, with its present values, or the original's; returns the module.

    Raises ValueError if it is not parametrized, or if there are several originals to leave.
    """
    if not is_parametrized(module, tensor_name):
        raise located.ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    chain = chains(module)[tensor_name]
    if not leave_parametrized and not chain.is_tensor:
        raise located.ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
            "of a sequence of tensors."
        )
    original = getattr(chain, chain.names[0])
    with autodiff.no_grad():
        value = chain().detach() if leave_parametrized else original.detach()
    plain = own_class(module)
    del chains(module)[tensor_name]
    dress(module, plain)
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, Parameter(value, original.requires_grad))
    else:
        module.register_buffer(tensor_name, value)
    if not len(chains(module)):
        delattr(module, "parametrizations")
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module has a tensor that is computed, or this one is."""
    parametrizations = module.__dict__.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    return bool(len(parametrizations)) if tensor_name is None else tensor_name in parametrizations
