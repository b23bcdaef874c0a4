"""eval() or train() forgotten, as the layers see it whose answer depends on the mode.

Dropout and batch normalization call `doubt_mode` in each forward. Two histories have no other explanation:

- Trained; then, in the same mode that nobody has chosen since, run without recording, on other inputs, and
  its loss computed or the training resumed with nothing changed between. (Monte Carlo dropout runs the same
  inputs again and again; of two networks that are trained in turn, the other one moves between; who
  recalibrates batch normalization chooses a mode afterwards.)
- Trained in train mode; put into eval mode; and its parameters move between one recorded pass and the next,
  in eval mode still. (A network that was frozen before, or is trained in eval mode from the start, is meant.)
"""

from __future__ import annotations

import sys
import weakref
from types import FrameType
from typing import Any

import numpy as np

from autodiff import Tensor, memory
from autodiff.errors.where import OURS, Step, bearer, users_line
from autodiff.record import Record, clock, mode
from autodiff.suspicions import SuspiciousWarning, suspect

from .. import module as modules


class ModeForgotten(SuspiciousWarning):
    """A model with dropout or batch normalization is validated in train mode, or trained in eval mode."""


class Use:
    """What a layer was used for since it was last trained."""

    __slots__ = ("graph", "inputs", "moves", "recorded", "time", "trained", "where")

    def __init__(self) -> None:
        self.trained = 0  # when it was last run to be trained, in train mode
        self.inputs: list[int] = []  # of the passes since, in train mode and without recording; hashed
        self.time, self.where = 0, ""  # of the last of them
        self.recorded, self.moves = 0, 0  # the last pass in eval mode, and how often parameters moved between
        self.graph: weakref.ref[Record] | None = None  # behind that pass


uses: weakref.WeakKeyDictionary[Any, Use] = weakref.WeakKeyDictionary()


class Watch:
    """What all layers have in common."""

    last: Use | None = None  # of a pass in train mode without recording
    settled = 0  # up to here, what was changed in place is known
    disturbed = 0  # when something else than a layer was seen to have changed something
    repeated = 0  # when inputs were last run again, in train mode without recording


watch = Watch()


def doubt_mode(layer: Any, input: Any) -> None:
    """A layer whose answer depends on the mode is run: warn if the mode is hardly the one that is meant."""
    if type(getattr(input, "array", None)) is not np.ndarray or not getattr(layer, "p", 1):
        return
    if memory.latest > watch.settled:
        watch.settled, watch.disturbed = memory.latest, clock()
    if layer.training:
        if mode.enabled:
            trained(layer, input)
        elif layer in uses:
            unrecorded(uses[layer], input)
    elif mode.enabled and input.record is not None and layer in uses:
        evaluated(layer, uses[layer], input.record)


def settle() -> None:
    """What was changed in place up to now, a layer did to itself."""
    watch.settled = memory.latest


def trained(layer: Any, input: Tensor) -> None:
    """A recorded pass in train mode."""
    use = uses.get(layer)
    if use is None:
        use = uses[layer] = Use()
    elif use.inputs:
        if only_once(use) and fingerprint(input) not in use.inputs:
            say_validated(f"before this training step the model was run without recording, at {use.where}")
        use.inputs.clear()
    use.trained, use.moves, use.recorded = clock(), 0, 0


def unrecorded(use: Use, input: Tensor) -> None:
    """A pass in train mode that is not recorded, of a layer that was trained before in this mode."""
    if use.trained > modules.chosen and by_the_user():
        inputs = fingerprint(input)
        use.time, use.where = clock(), str(users_line())
        if inputs in use.inputs:
            watch.repeated = use.time
        use.inputs.append(inputs)
        watch.last = use


def doubt_loss() -> None:
    """A loss is computed without recording: warn if that of a pass in train mode, of a trained network."""
    use, watch.last = watch.last, None
    if use is not None and use.inputs and only_once(use):
        say_validated("a loss is computed, without recording, of what it answers")


def only_once(use: Use) -> bool:
    """Whether the inputs were run once each since the last training step, and nothing happened since."""
    now = watch.settled == memory.latest and use.time > max(watch.disturbed, modules.chosen)
    return now and use.trained > watch.repeated


def say_validated(how: str) -> None:
    """eval() was forgotten."""
    for use in uses.values():  # the other layers need not say it again
        use.inputs.clear()
    suspect(
        f"the model is in train mode, and {how}: dropout drops entries there, and batch normalization takes "
        "the batch's own statistics and moves the running ones. Call model.eval() before validating or "
        "predicting, and model.train() before training goes on. If you mean it: "
        "warnings.filterwarnings('ignore', category=nn.ModeForgotten)",
        ModeForgotten,
    )


def evaluated(layer: Any, use: Use, graph: Record) -> None:
    """A recorded pass in eval mode, of a layer that was trained in train mode before."""
    root = outermost(layer)
    if root.training or not by_the_user():
        return
    idle = use.graph is not None and (last := use.graph()) is not None and not last.spent
    if modules.chosen > use.recorded or idle:
        use.moves = 0
    elif any(p.requires_grad and memory.changed_since(p.array, use.recorded) for p in root.parameters()):
        use.moves += 1
    use.recorded, use.graph = clock(), weakref.ref(graph)
    if use.moves == 2:
        for each in uses.values():
            each.moves = 3
        suspect(
            f"{type(root).__name__} is trained in eval mode: its parameters move from step to step, and its "
            f"{type(layer).__name__} does what it does after training. It was put into eval mode after some "
            "training, and model.train() was not called since: call it at the start of each epoch. If you "
            "mean it: warnings.filterwarnings('ignore', category=nn.ModeForgotten)",
            ModeForgotten,
        )


def fingerprint(input: Tensor) -> int:
    """What tells inputs apart: the first entries."""
    return hash((input.array.shape, np.asarray(input.array.flat[:4096]).tobytes()))


def frames() -> list[FrameType]:
    """The frames that led to a layer, the innermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def by_the_user() -> bool:
    """Whether a layer is run by the user's own call: none of ours (a step, a checkpoint) is between."""
    ours = [frame for frame in frames() if frame.f_code.co_filename.startswith(OURS)]
    return all(
        frame.f_globals["__name__"] == __name__ or bearer(Step(frame, 0)) is not None for frame in ours
    )


def outermost(layer: Any) -> Any:
    """The model that is being run: the outermost module on the stack."""
    bearers = (bearer(Step(frame, 0)) for frame in reversed(frames()))
    return next((module for module in bearers if module is not None), layer)
