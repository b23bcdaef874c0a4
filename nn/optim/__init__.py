"""The optimizers, under PyTorch's names: each step moves the parameters against their gradients, in place.

Each has a file of its name. `optimizer` is what all share, `averaging` what Adam's kin do. `joint` moves
small parameters as one, `descent` does so plainly; `strong_wolfe` is the line search of L-BFGS;
`uninterrupted` lets Ctrl-C wait. `lr_scheduler` sets learning rates.

>>> import autodiff
>>> from nn import optim
>>> w = autodiff.tensor(3.0, requires_grad=True)
>>> optimizer = optim.SGD([w], lr=0.25)
>>> for _ in range(2):
...     optimizer.zero_grad()
...     (w * w).backward()
...     optimizer.step()
>>> w.detach()
tensor(0.7500)
"""

from typing import TYPE_CHECKING

from autodiff.later import later

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .backtracking import BacktrackingSGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

if TYPE_CHECKING:
    from . import lr_scheduler
else:
    __getattr__, __dir__ = later(__name__, {"lr_scheduler": ".lr_scheduler"})

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BacktrackingSGD",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
]
