"""Tensors that remember how they were computed, and reverse-mode differentiation of any order.

>>> import autodiff
>>> x = autodiff.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x**2).sum()
>>> loss.backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from . import interop, memory
from .check import gradcheck, gradgradcheck
from .conversion import *
from .creation import *
from .draw import Drawing, LayoutError, draw
from .dtypes import bool_ as bool
from .dtypes import float32, float64, get_default_dtype, int64, set_default_dtype
from .functional import grad
from .ops.elementwise import *
from .ops.indexing import *
from .ops.linalg import *
from .ops.neural import *
from .ops.reductions import *
from .ops.shapes import *
from .printing import set_printoptions
from .random import *
from .record import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .tensor import Tensor, is_tensor

interop.give_methods()
