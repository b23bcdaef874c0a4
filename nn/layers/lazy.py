"""Layers that find out from their first input how many features or channels it has: `LazyLinear(10)`.

Until then the parameters are there, so that they may be collected, moved and converted, but have no values;
with the first call the layer becomes one of the ordinary class.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.random import fork_rng

from ..module import Module
from ..parameter import Parameter
from .convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .linear import Linear
from .normalization import BatchNorm1d, BatchNorm2d, InstanceNorm1d, InstanceNorm2d

SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call "
    "`forward` to initialize the parameters before accessing their attributes."
)
VALUES = (
    "Attempted to use an uninitialized parameter. This error happens when you are using a `LazyModule` or "
    "explicitly manipulating `nn.UninitializedParameter` objects. When using LazyModules Call `forward` with "
    "a dummy batch to initialize the parameters: before an optimizer is made of them, and before state_dict()"
)
VALUES_OF: Any = Tensor.__dict__["array"]  # where a tensor keeps them


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet, and whose dtype is. It has no values: ValueError for any use.

    Source: PyTorch, `torch.nn.parameter.UninitializedParameter`.
    """

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        self.__class__ = Parameter  # type: ignore[assignment]  # which has values while it is made
        Parameter.__init__(self, autodiff.empty(0, dtype=dtype), requires_grad)
        self.__class__ = UninitializedParameter

    def materialize(self, values: Tensor) -> None:
        """From now on a Parameter with these values."""
        self.__class__ = Parameter  # type: ignore[assignment]
        self.data = values.detach()

    @property
    def array(self) -> Any:
        raise located.ValueError(VALUES)

    @array.setter
    def array(self, values: Any) -> None:
        VALUES_OF.__set__(self, values)

    @property
    def shape(self) -> Any:
        raise located.RuntimeError(SHAPE)

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    @property
    def data(self) -> Tensor:
        return Tensor(VALUES_OF.__get__(self))

    @data.setter
    def data(self, values: Tensor) -> None:
        self.array = values.array

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        twin = memo[id(self)] = UninitializedParameter(self.requires_grad, dtype=self.dtype)
        return twin

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class Arguments:
    """What a lazy class takes: what the ordinary one takes, without the size."""

    def __get__(self, layer: Lazy | None, owner: type[Lazy]) -> inspect.Signature:
        _, *others = inspect.signature(owner.becomes).parameters.values()
        return inspect.Signature([p.replace(default=owner.defaults.get(p.name, p.default)) for p in others])


class Lazy(Module):
    """What lazy layers share: `becomes` is the ordinary class, `size` its name of what is missing."""

    becomes: Any
    size: str
    dim = 1  # of the input which tells the size

    defaults: Mapping[str, Any] = MappingProxyType({})  # that are not those of the ordinary class

    __signature__ = Arguments()

    def __init__(self, *args: Any, **options: Any) -> None:
        given = inspect.signature(type(self)).bind(*args, **options).arguments
        call = inspect.signature(self.becomes).bind(given.get("groups", 1), **{**self.defaults, **given})
        with fork_rng():  # what a layer draws is drawn when its shapes are known
            example = self.becomes(*call.args, **call.kwargs)
        self.__dict__.update(vars(example))
        self._arguments = call.arguments
        for name, parameter in example._own("parameter"):
            if parameter is not None:
                setattr(self, name, UninitializedParameter(dtype=parameter.dtype))
        setattr(self, self.size, 0)

    def forward(self, input: Tensor, *rest: Any) -> Any:
        self.initialize_parameters(input)
        return self.forward(input, *rest)  # the ordinary one now

    def initialize_parameters(self, input: Tensor) -> None:
        """Become a layer of the ordinary class, for inputs like this one."""
        known = {name: x.dtype for name, x in self._own("parameter", "buffer") if x is not None}
        dtype = known.get("weight", self._arguments.get("dtype"))
        layer = self.becomes(**{**self._arguments, "dtype": dtype, self.size: self.count(input)})
        for name, values in layer._own("parameter"):
            if values is not None:
                getattr(self, name).materialize(values)
        for name, values in layer._own("buffer"):
            if values is not None:
                self.__dict__[name] = values.to(known[name])
        setattr(self, self.size, getattr(layer, self.size))
        del self._arguments
        self.__class__ = self.becomes

    def count(self, input: Tensor) -> int:
        """The size that is missing."""
        return int(input.shape[self.dim])

    def has_uninitialized_params(self) -> bool:
        """True: it is an ordinary layer as soon as they have values."""
        return True


class LazyLinear(Lazy, Linear):
    """`Linear(in_features, ...)`, whose in_features are those of the first input.

    Source: PyTorch, `torch.nn.LazyLinear`.

    >>> import autodiff, nn
    >>> layer = nn.LazyLinear(2)
    >>> layer
    LazyLinear(in_features=0, out_features=2, bias=True)
    >>> layer(autodiff.ones(5, 3)).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    becomes, size, dim = Linear, "in_features", -1


class LazyConvolution(Lazy):
    """`Lazy` of a convolution, whose input may come without a batch."""

    size = "in_channels"

    def count(self, input: Tensor) -> int:
        rank = self.becomes.rank
        if input.ndim not in (rank + 1, rank + 2):
            raise located.RuntimeError(
                f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {type(self).__name__}, "
                f"but got input of size: {list(input.shape)}"
            )
        return int(input.shape[-1 - rank])


class LazyConv1d(LazyConvolution, Conv1d):
    """`Conv1d(in_channels, ...)`, whose in_channels are those of the first input."""

    becomes = Conv1d


class LazyConv2d(LazyConvolution, Conv2d):
    """`Conv2d(in_channels, ...)`, whose in_channels are those of the first input."""

    becomes = Conv2d


class LazyConvTranspose1d(LazyConvolution, ConvTranspose1d):
    """`ConvTranspose1d(in_channels, ...)`, whose in_channels are those of the first input."""

    becomes = ConvTranspose1d


class LazyConvTranspose2d(LazyConvolution, ConvTranspose2d):
    """`ConvTranspose2d(in_channels, ...)`, whose in_channels are those of the first input."""

    becomes = ConvTranspose2d


class LazyNormalization(Lazy):
    """`Lazy` of a normalization of channels, which learns and tracks by default, as in PyTorch."""

    size = "num_features"
    defaults = MappingProxyType({"affine": True, "track_running_stats": True})


class LazyBatchNorm1d(LazyNormalization, BatchNorm1d):
    """`BatchNorm1d(num_features, ...)`, whose num_features are those of the first input."""

    becomes = BatchNorm1d


class LazyBatchNorm2d(LazyNormalization, BatchNorm2d):
    """`BatchNorm2d(num_features, ...)`, whose num_features are those of the first input."""

    becomes = BatchNorm2d


class LazyInstanceNorm1d(LazyNormalization, InstanceNorm1d):
    """`InstanceNorm1d(num_features, ...)`, whose num_features are those of the first input."""

    becomes = InstanceNorm1d


class LazyInstanceNorm2d(LazyNormalization, InstanceNorm2d):
    """`InstanceNorm2d(num_features, ...)`, whose num_features are those of the first input."""

    becomes = InstanceNorm2d
