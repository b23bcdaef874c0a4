"""Tensors that remember how they were computed, and reverse-mode differentiation of any order.

>>> import autodiff
>>> x = autodiff.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x**2).sum()
>>> loss.backward()
>>> x.grad
tensor([2., 4., 6.])
"""

import typing
import warnings
from math import inf as inf
from math import nan as nan
from math import pi as pi

from . import ops as ops  # the table of rules comes first: what follows is built on it

# isort: split
from . import autograd as autograd
from . import interop, methods
from . import linalg as linalg
from . import memory as memory
from .allocation import *
from .anomaly import *
from .backprop_check import *
from .compiler import compile as compile
from .conversion import *
from .creation import *
from .device import *
from .draw import *
from .dtypes import bool_ as bool
from .dtypes import float32 as float  # PyTorch's other names of the dtypes: float, double, long
from .dtypes import float32 as float32
from .dtypes import float64 as double
from .dtypes import float64 as float64
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import int64 as int64
from .dtypes import int64 as long
from .dtypes import set_default_dtype as set_default_dtype
from .errors import tracebacks
from .errors.tracebacks import *
from .explain import *
from .gradients import *
from .later import later
from .limits import *
from .ops.activations import *
from .ops.adaptive_pooling import *
from .ops.areas import *
from .ops.bins import *
from .ops.choices import *
from .ops.comparing import *
from .ops.composed import *
from .ops.convolution import *
from .ops.diagonals import *
from .ops.distances import *
from .ops.dropout import *
from .ops.einsum import *
from .ops.elementwise import *
from .ops.extremes import *
from .ops.gamma import *
from .ops.indexing import *
from .ops.inverses import *
from .ops.joining import *
from .ops.linear import *
from .ops.neural import *
from .ops.normalization import *
from .ops.norms import *
from .ops.parts import *
from .ops.pooling import *
from .ops.products import *
from .ops.reductions import *
from .ops.reordering import *
from .ops.repeating import *
from .ops.resampling import *
from .ops.scans import *
from .ops.scattering import *
from .ops.shapes import *
from .ops.sorting import *
from .ops.statistics import *
from .ops.triangular import *
from .ops.windows import *
from .printing import set_printoptions as set_printoptions
from .random import *
from .recompute import *
from .record import *
from .suspicions import *
from .tensor import *

if typing.TYPE_CHECKING:
    from . import func as func
    from .check import gradcheck as gradcheck
    from .check import gradgradcheck as gradgradcheck
    from .draw.drawing import Drawing as Drawing
    from .draw.layout import LayoutError as LayoutError
    from .explain.document import Explanation as Explanation
else:
    __getattr__, __dir__ = later(
        __name__,
        {
            "func": ".func",
            "gradcheck": ".check",
            "gradgradcheck": ".check",
            "Drawing": ".draw.drawing",
            "LayoutError": ".draw.layout",
            "Explanation": ".explain.document",
        },
    )
    __all__ = [name for name in __dir__() if not name.startswith("_")]  # what a star imports

methods.give_methods()
interop.give_protocols()
tracebacks.install()

# inf and nan are results like others, as in PyTorch: where our code computes, NumPy's remarks are silenced
warnings.filterwarnings("ignore", r".* encountered in ", RuntimeWarning, r"autodiff\.")
