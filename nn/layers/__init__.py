"""The layers: each a Module of one small file by kind."""

from .activation import (
    ELU,
    GELU,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softsign,
    Tanh,
    Tanhshrink,
)
from .containers import MLP, ModuleDict, ModuleList, Sequential
from .dropout import Dropout
from .embedding import Embedding
from .linear import Flatten, Identity, Linear

__all__ = [
    "ELU", "GELU", "MLP", "Dropout", "Embedding", "Flatten", "Hardtanh", "Identity", "LeakyReLU",
    "Linear", "LogSigmoid", "LogSoftmax", "ModuleDict", "ModuleList", "ReLU", "ReLU6", "Sequential",
    "SiLU", "Sigmoid", "Softmax", "Softmin", "Softplus", "Softsign", "Tanh", "Tanhshrink",
]  # fmt: skip
