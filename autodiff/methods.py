"""What a Tensor can do, one line each: `x + y` is `add(x, y)`, `x.exp()` is `exp(x)`.

The operations are defined on Tensors, so they come after the class; `give_methods` hands these lines over once they exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import backward as engine
from . import inplace, interop
from .dtypes import as_dtype, bool_, float32, float64, int64
from .ops import elementwise, indexing, linalg, neural, reductions, shapes
from .ops import elementwise as e
from .primitive import cast
from .tensor import refuse_device

if TYPE_CHECKING:
    from .tensor import Tensor

# mypy: disable-error-code="no-any-return, arg-type"
# (`self` is a Tensor, and primitives are generic callables)
# fmt: off


class Methods:
    """PyTorch's operators and methods."""

    # operators ---------------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Tensor: return e.add(self, other)
    def __radd__(self, other: Any) -> Tensor: return e.add(other, self)
    def __sub__(self, other: Any) -> Tensor: return e.sub(self, other)
    def __rsub__(self, other: Any) -> Tensor: return e.sub(other, self)
    def __mul__(self, other: Any) -> Tensor: return e.mul(self, other)
    def __rmul__(self, other: Any) -> Tensor: return e.mul(other, self)
    def __truediv__(self, other: Any) -> Tensor: return e.div(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return e.div(other, self)
    def __pow__(self, other: Any) -> Tensor: return e.pow(self, other)
    def __rpow__(self, other: Any) -> Tensor: return e.pow(other, self)
    def __neg__(self) -> Tensor: return e.neg(self)
    def __pos__(self) -> Tensor: return self  # type: ignore[return-value]  # self is a Tensor
    def __abs__(self) -> Tensor: return e.abs(self)
    def __eq__(self, other: Any) -> Tensor: return e.eq(self, other)  # type: ignore[override]  # a mask, as in NumPy
    def __ne__(self, other: Any) -> Tensor: return e.ne(self, other)  # type: ignore[override]  # a mask, as in NumPy
    def __lt__(self, other: Any) -> Tensor: return e.lt(self, other)
    def __le__(self, other: Any) -> Tensor: return e.le(self, other)
    def __gt__(self, other: Any) -> Tensor: return e.gt(self, other)
    def __ge__(self, other: Any) -> Tensor: return e.ge(self, other)

    # elementwise -------------------------------------------------------------------------------------------------
    def exp(self) -> Tensor: return e.exp(self)
    def clone(self) -> Tensor: return e.clone(self)

    # in place ----------------------------------------------------------------------------------------------------
    def __iadd__(self, other: Any) -> Tensor: return inplace.become(self, e.add(self, other), "add_")

    # its gradient ------------------------------------------------------------------------------------------------
    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None: engine.backward(self, gradient, retain_graph, create_graph, inputs)
