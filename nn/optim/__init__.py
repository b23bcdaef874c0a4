"""The optimizers, under PyTorch's names: each step moves the parameters against their gradients, in place.

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

from . import lr_scheduler
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .backtracking import BacktrackingSGD
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "BacktrackingSGD", "Optimizer", "RMSprop", "lr_scheduler"]
