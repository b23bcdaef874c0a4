"""PyTorch's names for what is here: a script that says `import torch` runs, unchanged, on autodiff and nn.

From the command line: `python -m nn.compat script.py [arguments]`. From a program, before it imports torch:

    import nn.compat
    nn.compat.install()

What is not here raises an error that names it and the nearest that is.

`namespace` is a module under PyTorch's name; the table below says whose names it shows. What only programs
for PyTorch ask for is here: `functions` and `tensors` right below `torch`, `dtypes`, `files`, `autograd`, and
what there is no machine for: `machine`, `backends`, `cuda`, `amp`.
"""

from __future__ import annotations

import sys

from .namespace import Finder, Namespace

__all__ = ["install", "modules", "uninstall"]

# Where the names of each module are found, in this order.
SOURCES: dict[str, tuple[str, ...]] = {
    "torch": (
        *("nn.compat.tensors", "nn.compat.dtypes", "nn.compat.files", "nn.compat.machine"),
        *("nn.compat.amp", "nn.compat.autograd", "nn.compat.functions", "autodiff"),
    ),
    "torch.amp": ("nn.compat.amp",),
    "torch.autograd": ("autodiff.autograd", "nn.compat.autograd"),
    "torch.autograd.function": ("autodiff.autograd.function",),
    "torch.autograd.functional": ("autodiff.autograd.functional",),
    "torch.backends": (),
    "torch.backends.cuda": ("nn.compat.backends",),
    "torch.backends.cudnn": ("nn.compat.backends",),
    "torch.backends.mps": ("nn.compat.backends",),
    "torch.cuda": ("nn.compat.cuda",),
    "torch.cuda.amp": ("nn.compat.amp",),
    "torch.func": ("autodiff.func",),
    "torch.linalg": ("autodiff.linalg",),
    "torch.mps": ("nn.compat.cuda",),
    "torch.nn": ("nn",),
    "torch.nn.functional": ("nn.functional",),
    "torch.nn.init": ("nn.init",),
    "torch.nn.modules": ("nn",),
    "torch.nn.modules.module": ("nn.module",),
    "torch.nn.parameter": ("nn.parameter",),
    "torch.nn.utils": ("nn.utils",),
    "torch.nn.utils.parametrizations": ("nn.utils.parametrizations",),
    "torch.nn.utils.parametrize": ("nn.utils.parametrize",),
    "torch.nn.utils.rnn": ("nn.utils.rnn",),
    "torch.optim": ("nn.optim",),
    "torch.optim.lr_scheduler": ("nn.optim.lr_scheduler",),
    "torch.optim.optimizer": ("nn.optim.optimizer",),
    "torch.random": ("autodiff.random",),
    "torch.utils": (),
    "torch.utils.checkpoint": ("autodiff.recompute",),
    "torch.utils.data": ("nn.data",),
    "torch.utils.data.dataloader": ("nn.data",),
    "torch.utils.data.dataset": ("nn.data",),
    "torch.utils.data.sampler": ("nn.data",),
    "torch.version": (),
}

VERSION = "2.13.0+nn.compat"  # whose names and numbers these are


def modules() -> dict[str, Namespace]:
    """The modules by name, connected with each other; nothing is registered."""
    family: dict[str, Namespace] = {}
    for name, sources in SOURCES.items():
        family[name] = Namespace(name, sources, family)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(family[parent], child, family[name])
    vars(family["torch"]).update(__version__=VERSION)
    vars(family["torch.version"]).update(__version__=VERSION, cuda=None, hip=None)
    return family


def install() -> None:
    """Make `import torch` mean this library, for the whole process; harmless if it already does.

    Raises RuntimeError if PyTorch itself is imported already: two libraries under one name would mix.
    """
    present = sys.modules.get("torch")
    if isinstance(present, Namespace):
        return
    if present is not None:
        raise RuntimeError(
            "PyTorch is imported already, and what was taken from it would not fit: call nn.compat.install() "
            "before anything imports torch, or run the program with python -m nn.compat script.py"
        )
    family = modules()
    sys.modules.update(family)
    sys.meta_path.insert(0, Finder(family))


def uninstall() -> None:
    """Forget the names again: the next `import torch` means PyTorch."""
    for name in [name for name, module in sys.modules.items() if isinstance(module, Namespace)]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
