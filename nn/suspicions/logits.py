"""Probabilities where logits belong."""

from __future__ import annotations

from autodiff import Tensor
from autodiff.ops.elementwise import sigmoid
from autodiff.ops.neural import log_softmax_along, softmax_along
from autodiff.primitive import View
from autodiff.record import mode
from autodiff.suspicions import suspect

from .modes import doubt_loss

PROBABILITIES = (sigmoid, softmax_along)


def doubt_logits(input: Tensor, loss: str, instead: str) -> None:
    """Warn if what should be logits (or their logarithm) is the result of a sigmoid or a softmax."""
    record = input.record
    if record is None and not mode.enabled:
        doubt_loss()
    while record is not None and (isinstance(record.op, View) or record.op is log_softmax_along):
        record = record.inputs[0]
    if record is not None and record.op in PROBABILITIES:
        assert record.op is not None
        suspect(
            f"{loss} was given the result of {record.op.name}: it takes {instead}. As it is, the gradient is "
            f"small where the prediction is wrong. Leave the {record.op.name} out of the model, and apply it "
            "to the output only where probabilities are asked for"
        )
