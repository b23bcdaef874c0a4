"""What layers and models share: a Module knows its parameters, buffers and submodules, by name and in order.

A module is an object whose attributes are walked. Assigning a Parameter or a Module registers the name with
its role; the value itself is an ordinary attribute, so reading `self.weight` costs nothing extra.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, Self

import autodiff
from autodiff import Tensor
from autodiff.dtypes import as_dtype
from autodiff.errors import located
from autodiff.record import clock
from autodiff.tensor import refuse_device

from .hooks import Hookable
from .parameter import Parameter
from .state import IncompatibleKeys, compared

Role = Literal["parameter", "buffer", "temporary buffer", "module"]
"""What a registered attribute is. A temporary buffer is not in the state_dict."""
BUFFERS: tuple[Role, ...] = ("buffer", "temporary buffer")

chosen = 0  # when a mode was last chosen, of any model: see `suspicions.modes`


class Module(Hookable):
    """The base of every layer and model.

    Call `super().__init__()`, assign layers and parameters to attributes, and define `forward`. Names, order
    and texts are PyTorch's. Source: PyTorch, `torch.nn.Module`.

    >>> import autodiff, nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(autodiff.tensor(2.0))
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> model = Scale()
    >>> model(autodiff.tensor([1.0, 3.0]))
    tensor([2., 6.], grad_fn=<MulBackward0>)
    >>> [name for name, _ in model.named_parameters()]
    ['factor']
    """

    training: bool  # True after train(), False after eval(): dropout and the like ask
    _roles: dict[str, Role]  # the registered attributes, in order of registration

    def __init__(self, *args: Any) -> None:
        if args:
            refuse_input(self, *args)
            raise located.TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        self.__dict__["_roles"] = {}
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it. Call the module itself, not this method."""
        raise located.NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function: '
            "define forward(self, x) in the class"
        )

    # Attributes ----------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        roles = self.__dict__.get("_roles")
        if isinstance(value, Parameter):
            if roles is None:
                raise located.AttributeError(
                    f"cannot assign parameters before Module.__init__() call: {self._call_init()}"
                )
            self._register(name, value, "parameter")
            return
        role = None if roles is None else roles.get(name)
        if role == "parameter" and value is not None:
            raise located.TypeError(
                f"cannot assign '{kind(value)}' as parameter '{name}' (nn.Parameter or None expected): to "
                f"change its values, model.{name}.data = ... or model.{name}.copy_(...) under "
                "autodiff.no_grad()"
            )
        if isinstance(value, Module):
            if roles is None:
                raise located.AttributeError(
                    f"cannot assign module before Module.__init__() call: {self._call_init()}"
                )
            self._register(name, value, "module")
        elif role is not None and value is not None and not (role in BUFFERS and isinstance(value, Tensor)):
            what, expected = (
                ("child module", "nn.Module") if role == "module" else ("buffer", "autodiff.Tensor")
            )
            raise located.TypeError(
                f"cannot assign '{kind(value)}' as {what} '{name}' ({expected} or None expected)"
            )
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._roles.pop(name, None)

    def _register(self, name: str, value: Any, role: Role) -> None:
        """Set an attribute and note its role: in its place if it had this role before, else as the last."""
        if self._roles.get(name) != role:
            self._roles.pop(name, None)
            self._roles[name] = role
        self.__dict__[name] = value

    def _call_init(self) -> str:
        return f"call super().__init__() first in {type(self).__name__}.__init__()"

    def _check(self, name: str, value: Any, role: Role, expected: type) -> None:
        """Raise KeyError for a name that is not free or not allowed, TypeError for a wrong type."""
        what = role.split()[-1]
        if "_roles" not in self.__dict__:
            raise located.AttributeError(
                f"cannot assign {what} before Module.__init__() call: {self._call_init()}"
            )
        if not isinstance(name, str):
            raise located.TypeError(f"{what} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name}')
        if not name:
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and self._roles.get(name, "").split()[-1:] != [what]:
            raise KeyError(f"attribute '{name}' already exists")
        if value is not None and not isinstance(value, expected):
            if role == "module":
                raise located.TypeError(f"{kind(value)} is not a Module subclass{how_to_make(value)}")
            raise located.TypeError(
                f"cannot assign '{kind(value)}' object to {what} '{name}' ({kind_of(expected)} or None "
                "required)"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a Parameter by name; None keeps the name for one that is not there (a layer without bias)."""
        self._check(name, param, "parameter", Parameter)
        self._register(name, param, "parameter")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that belongs to the module but is not learned; in the state_dict if `persistent`."""
        role: Role = "buffer" if persistent else "temporary buffer"
        self._check(name, tensor, role, Tensor)
        self._register(name, tensor, role)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set a submodule by name, as assigning it does."""
        self._check(name, module, "module", Module)
        self._register(name, module, "module")

    register_module = add_module

    # PyTorch's names for what a module has, to read: assigning an attribute is how to add to them.

    @property
    def _parameters(self) -> Mapping[str, Parameter | None]:
        return MappingProxyType(dict(self._own("parameter")))

    @property
    def _buffers(self) -> Mapping[str, Tensor | None]:
        return MappingProxyType(dict(self._own(*BUFFERS)))

    @property
    def _modules(self) -> Mapping[str, Module | None]:
        return MappingProxyType(dict(self._own("module")))

    # Walks ---------------------------------------------------------------------------------------------

    def _own(self, *roles: Role) -> Iterator[tuple[str, Any]]:
        """The attributes of this module itself that have one of these roles, in order."""
        if "_roles" not in self.__dict__:
            raise located.AttributeError(
                f"'{type(self).__name__}' object has no parameters yet: {self._call_init()}"
            )
        return ((name, self.__dict__[name]) for name, role in list(self._roles.items()) if role in roles)

    def _members(
        self, roles: tuple[Role, ...], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        """The parameters or buffers of this module, then those of its submodules, each by its first name."""
        seen: set[int] = set()
        walk = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else iter([(prefix, self)])
        )
        for path, module in walk:
            for name, tensor in module._own(*roles):
                if tensor is None or id(tensor) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(tensor))
                yield join(path, name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their names, such as `hidden.weight`; a shared one once."""
        return self._members(("parameter",), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, for an optimizer."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their names."""
        return self._members(BUFFERS, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names, each once."""
        seen: set[int] = set()
        for name, module in self._own("module"):
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module (under the name `prefix`) and all modules below it, each before its own submodules."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._own("module"):
            if module is not None:
                yield from module.named_modules(memo, join(prefix, name), remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all modules below it."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def get_submodule(self, target: str) -> Module:
        """The submodule of this name, such as `encoder.layers.0`; AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise located.AttributeError(
                    f"{type(module).__name__} has no attribute `{name}`, in get_submodule({target!r})"
                )
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module, in get_submodule({target!r})")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of this name, such as `hidden.weight`; AttributeError if there is none."""
        found = self._get(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{target}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of this name; AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        found: Tensor = self._get(target)
        if self.get_submodule(path)._roles.get(name) not in BUFFERS:
            raise AttributeError(f"`{target}` is not a buffer")
        return found

    def _get(self, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return getattr(module, name)

    # State ---------------------------------------------------------------------------------------------

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> OrderedDict[str, Tensor]:
        """Every parameter and persistent buffer by name; detached, but sharing memory with the module.

        >>> import nn
        >>> list(nn.Linear(2, 1).state_dict())
        ['weight', 'bias']
        """
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
            for name, tensor in (*module._own("parameter"), *module._own("buffer")):
                if tensor is not None:
                    state[join(path, name)] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of `state_dict`, tensors or arrays, into the parameters and buffers of these names.

        Everything is checked first: if anything does not fit, RuntimeError lists it all and nothing is
        changed. Names that are missing or unexpected are an error too if `strict`, and are returned
        otherwise. With `assign` nothing is copied: the tensors take the place of the old ones, dtype and all.
        """
        if not isinstance(state_dict, Mapping):
            raise located.TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        mine = self.state_dict(keep_vars=True)
        values, keys, problems = compared(mine, state_dict, strict)
        if problems:
            listed = "\n\t".join(problems)
            raise located.RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}"
            )
        with autodiff.no_grad():
            for name, value in values.items():
                if assign:
                    self._assign(name, autodiff.as_tensor(state_dict[name]), mine[name])
                else:
                    mine[name].copy_(value)
        return keys

    def _assign(self, name: str, value: Tensor, old: Tensor) -> None:
        """Put a tensor in the place of the parameter or buffer `old`."""
        path, _, own = name.rpartition(".")
        learned = isinstance(old, Parameter)
        self.get_submodule(path).__dict__[own] = Parameter(value, old.requires_grad) if learned else value

    # Changes to the whole ------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every submodule, innermost first, and then on this module; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Say that training goes on: dropout drops. `train(False)` is `eval()`."""
        if not isinstance(mode, bool):
            raise located.ValueError(f"training mode is expected to be boolean, not {mode!r}")
        global chosen
        chosen = clock()
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Say that the model is used, not trained: dropout drops nothing."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradients of all parameters, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: None, or zeros in the memory that is there."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = parameter.grad.detach().zero_()

    def to(self, *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False) -> Self:
        """`to(dtype)`, `to("cpu")`, `to(tensor)`: convert floating-point parameters and buffers, in place.

        Raises RuntimeError for a device other than "cpu", TypeError for a dtype that is not floating-point.
        """
        if len(args) == 1 and isinstance(args[0], Tensor):
            dtype = args[0].dtype
        elif len(args) == 1 and not isinstance(args[0], str):
            dtype = args[0]
        elif args:
            device, dtype, *_ = (*args, dtype)
        refuse_device(device)
        if dtype is None:
            return self
        dtype = as_dtype(dtype)
        if dtype.kind != "f":
            raise located.TypeError(
                f"nn.Module.to only accepts floating point dtypes, but got desired dtype={dtype}"
            )
        for module in self.modules():
            for _, parameter in module._own("parameter"):
                if parameter is not None and parameter.dtype.kind == "f":
                    grad, parameter.grad = parameter.grad, None
                    parameter.data = parameter.data.to(dtype)
                    parameter.grad = None if grad is None else grad.to(dtype)
            for name, buffer in module._own(*BUFFERS):
                if buffer is not None and buffer.dtype.kind == "f":
                    module.__dict__[name] = buffer.to(dtype)
        return self

    def float(self) -> Self:
        """All floating-point parameters and buffers as float32."""
        return self.to(autodiff.float32)

    def double(self) -> Self:
        """All floating-point parameters and buffers as float64."""
        return self.to(autodiff.float64)

    def half(self) -> Self:
        """Raise TypeError: there is no float16 here."""
        return self.to(dtype="float16")

    def bfloat16(self) -> Self:
        """Raise TypeError: there is no bfloat16 here."""
        return self.to(dtype="bfloat16")

    def cpu(self) -> Self:
        """The module itself: everything is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise RuntimeError: there is no GPU."""
        refuse_device(f"cuda:{device or 0}")
        return self

    # Text ----------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses, before the submodules."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({name}): {indented(repr(module))}" for name, module in self._own("module")]
        return written(self._get_name(), extra.split("\n") if extra else [], children)


def how_to_make(value: Any) -> str:
    """What to write instead of a class of modules, a function, or a list of modules."""
    if isinstance(value, type) and issubclass(value, Module):
        return f": make one, {value.__name__}()"
    if isinstance(value, (list, tuple)) and all(isinstance(item, Module) for item in value):
        return ": Sequential(*modules), with a star, takes those of a list"
    return ": of a function there is a module, as nn.ReLU() of relu" if callable(value) else ""


def refuse_input(module: Module, *options: Any) -> None:
    """Raise TypeError if an option of a layer is a Tensor: its input, given when it is made."""
    if any(isinstance(option, Tensor) for option in options):
        name = type(module).__name__
        raise located.TypeError(
            f"{name} was given a Tensor when it was made: make it first, layer = nn.{name}(...), then call "
            "it, layer(x)"
        )


def join(path: str, name: str) -> str:
    """The name of an attribute of the module at `path`."""
    return f"{path}.{name}" if path else name


def kind(value: Any) -> str:
    """How error messages call the type of a value."""
    return kind_of(type(value))


def kind_of(cls: type) -> str:
    """How error messages call a type."""
    return {Tensor: "autodiff.Tensor", Parameter: "nn.Parameter", Module: "nn.Module"}.get(cls, cls.__name__)


def indented(text: str) -> str:
    """All lines but the first moved in by two spaces."""
    return text.replace("\n", "\n  ")


def written(name: str, extra: list[str], children: list[str]) -> str:
    """`name(...)` on one line if there is one line of extra text and no child, else a line each."""
    lines = extra + children
    if not lines:
        return f"{name}()"
    if len(lines) == 1 and not children:
        return f"{name}({lines[0]})"
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)"
