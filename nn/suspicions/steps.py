"""A step that does not move what should move.

It is looked for only where a parameter has no gradient, so that a healthy step costs nothing more.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from autodiff import Tensor
from autodiff.suspicions import suspect

from ..module import Module
from ..parameter import Parameter

if TYPE_CHECKING:
    from ..optim.optimizer import Optimizer


def doubt_step(optimizer: Optimizer, kind: type[Optimizer]) -> None:
    """Look, once for each optimizer, why some of its parameters have no gradient; warn if it is a mistake.

    `kind` is the class of all optimizers, which know this module, and not it them.

    A parameter that the loss does not use is none, nor is a step before any loss was computed (to see what a
    scheduler does). Parameters that no module holds any more are, if others have gradients in their place.
    """
    if vars(optimizer).get("_doubted"):
        return
    vars(optimizer)["_doubted"] = True
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    without = [p for p in parameters if p._grad is None and p.requires_grad]
    new = replacing(parameters, without, kind)
    if new:
        suspect(
            f"optimizer.step() moves {len(parameters) - len(without)} of its {len(parameters)} parameters; "
            f"the other {len(without)} are in no module any more, and {', '.join(new)} have gradients but no "
            "optimizer: they were assigned to the model after the optimizer was made. Make the optimizer "
            "last, or optimizer.add_param_group({'params': ...})"
        )
    elif len(without) == len(parameters) and in_a_graph(without):
        suspect(
            f"optimizer.step() found no gradient in any of its {len(parameters)} parameters and changed "
            "nothing, though a loss was computed with them: call loss.backward() before step(), and "
            "zero_grad() before backward(), not between them"
        )


def replacing(parameters: list[Tensor], without: list[Tensor], kind: type[Optimizer]) -> list[str]:
    """The names of parameters that have taken the place of some `without` gradient, which no module holds."""
    if not without or not all(isinstance(p, Parameter) for p in without):
        return []
    if any(sys.getrefcount(p) > 8 for p in without):  # besides the optimizer and us, several hold it
        return []
    if any(type(x) is dict and "_roles" in x for x in gc.get_referrers(*without)):
        return []  # a module does
    modules: list[Module] = []
    optimized: set[int] = set()
    for x in gc.get_objects():
        if issubclass(type(x), Module) and "_roles" in vars(x):
            modules.append(x)
        elif issubclass(type(x), kind):
            optimized |= ids(p for group in vars(x).get("param_groups", ()) for p in group["params"])
    mine = ids(parameters) - ids(without)
    names: dict[int, str] = {}
    for module in modules:
        named = list(module.named_parameters())
        if mine and not mine & ids(p for _, p in named):
            continue  # another model
        for name, p in named:
            if p._grad is not None and id(p) not in optimized and len(name) >= len(names.get(id(p), "")):
                names[id(p)] = name
    return list(names.values())


def ids(tensors: Iterable[Tensor]) -> set[int]:
    """The identities of tensors: they have no other equality."""
    return set(map(id, tensors))


def in_a_graph(leaves: Iterable[Tensor]) -> bool:
    """Whether a graph that is still there was computed from one of these."""
    used = [p.record for p in leaves if sys.getrefcount(p.record) > 2]  # besides p and us, something holds it
    return any(type(x) is tuple for x in gc.get_referrers(*used))
