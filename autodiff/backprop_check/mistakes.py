"""What goes wrong in backpropagation by hand, as changes of a graph's rules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..ops.elementwise import sigmoid
from ..primitive import Rule, View
from ..record import Record
from .replay import Change, Changes, Replay, Run

MISSING = "missing σ′"
OF_INPUT = "σ′ of the pre-activation"
OF_OUTPUT = "σ′ of σ(a)"
TWICE = "σ′ twice"
TRANSPOSED = "transposed"
UPDATED = "weights already updated"

SLOPES = {"sigmoid": "a · (1 − a)", "tanh": "1 − a²", "relu": "1 where z > 0, else 0"}
ACTIVATIONS = {
    *SLOPES,
    *"silu gelu gelu_tanh softplus leaky_relu elu hardtanh sin".split(),
}


class Mistake(NamedTuple):
    """A change of some rules: what it is called, what happened where, and how it is mended."""

    cause: str
    what: str
    fix: str
    changes: dict[tuple[Record, int], Change]


class Layer(NamedTuple):
    """A product with a weight: where in the record the weight is, and where what it is multiplied with."""

    record: Record
    weight: Record
    weight_at: int
    input_at: int
    name: str
    views: list[Record]  # that lead from the weight to the product: W.T


def joined(mistakes: Sequence[Mistake]) -> Changes:
    """The changes of several mistakes, one after the other."""
    found: dict[tuple[Record, int], list[Change]] = {}
    for mistake in mistakes:
        for place, change in mistake.changes.items():
            found.setdefault(place, []).append(change)
    return found


# where ------------------------------------------------------------------------------------------------------


def layers_of(replay: Replay, names: dict[Record, str]) -> list[Layer]:
    """The products with parameters, in the order of the forward pass."""
    found = []
    for z in replay.records:
        if z.op is None or z.op.name not in ("linear", "matmul"):
            continue
        for i, j in ((1, 0), (0, 1)):
            weight, views = source(z.inputs[i])
            if weight in names:
                found.append(Layer(z, weight, i, j, names[weight], views))
                break
    return found


def source(x: Record | None) -> tuple[Any, list[Record]]:
    """The record that `x` looks at, and the views between, the last first."""
    views = []
    while x is not None and isinstance(x.op, View):
        views.append(x)
        x = x.inputs[0]
    return x, views


def activations_of(replay: Replay) -> list[Record]:
    """The activation functions, in the order of the forward pass."""
    return [z for z in replay.records if z.op is not None and z.op.name in ACTIVATIONS]


def cross_entropies(replay: Replay) -> Iterator[Mistake]:
    """No mistake: bce_loss of a sigmoid, differentiated as one, (ŷ − y) / n, as it is done by hand.

    Rule by rule it is (ŷ − y) / (ŷ (1 − ŷ)) · ŷ (1 − ŷ), in which little is left of a ŷ that is nearly 1.
    """
    for z in replay.records:
        x = z.inputs[0] if z.op is not None and z.op.name == "bce_loss" else None
        if x is None or x.op is None or x.op.name != "sigmoid":
            continue
        if sum(x in other.inputs for other in replay.records) == 1:
            changes: dict[tuple[Record, int], Change] = {
                (z, 0): lambda _: lambda g, z, p, y, n: g / n * (p - y),
                (x, 0): lambda _: lambda g, *_: g,
            }
            yield Mistake("", "", "", changes)


# what -------------------------------------------------------------------------------------------------------


def single(replay: Replay, run: Run, layers: list[Layer]) -> Iterator[Mistake]:
    """Every mistake at one place, and at all places of its kind."""
    places = activations_of(replay)
    for cause in (MISSING, OF_INPUT, TWICE, OF_OUTPUT):
        groups = [[z] for z in places]
        if len(places) > 2:
            groups.append(places[:-1])
        if len(places) > 1:
            groups.append(places)
        for group in groups:
            where = " and ".join(place_of(z, layers) for z in group)
            what, fix = told(cause, where, group[0])
            yield Mistake(cause, what, fix, {(z, 0): slope_change(cause, z) for z in group})
    for z in replay.records:
        if z.op is not None and z.op.name == "bce_with_logits":
            yield Mistake(
                TWICE,
                "at the output σ′ is multiplied in, although (ŷ − y) / n is already the derivative by the "
                "pre-activation",
                "leave σ′ out there: dz = (ŷ − y) / n",
                {(z, 0): times_slope},
            )
    for layer in layers:
        shape = np.shape(run.args[layer.record][layer.weight_at])
        if layer.record.inputs[layer.input_at] is not None and len(shape) == 2 and shape[0] == shape[1]:
            yield Mistake(
                TRANSPOSED,
                f"on the way back through {layer.name} the cotangent is multiplied with the weight as it "
                "stands in the forward pass, not with its transpose",
                f"transpose {layer.name} there",
                {(layer.record, layer.input_at): with_weight(layer, lambda w: w.mT)},
            )


def updated(layers: list[Layer], steps: dict[Record, Array], lr: float) -> Mistake:
    """Every weight is changed by its gradient times `lr` before the cotangent passes through it."""
    changes = {}
    for layer in layers:
        if layer.record.inputs[layer.input_at] is not None and layer.weight in steps:
            step = steps[layer.weight] * lr
            for view in reversed(layer.views):
                assert view.op is not None
                step = view.op.forward(step, *view.args[1:])
            changes[layer.record, layer.input_at] = with_weight(layer, lambda w, step=step: w - step)
    return Mistake(
        UPDATED,
        f"the weights are updated (learning rate {lr:.6g}) before backward has used them: layers further "
        "down get their gradient through the new weights",
        "compute all gradients first, with the weights of the forward pass; then update",
        changes,
    )


def pairs(mistakes: Sequence[Mistake], most: int) -> Iterator[tuple[Mistake, Mistake]]:
    """Two mistakes that concern different places."""
    different = (
        (a, b) for a, b in itertools.combinations(mistakes, 2) if not a.changes.keys() & b.changes.keys()
    )
    return itertools.islice(different, most)


def place_of(z: Record, layers: list[Layer]) -> str:
    """An activation, by the weight before it."""
    assert z.op is not None
    before = [layer.name for layer in layers if layer.record.birth < z.birth]
    return f"the {z.op.name} after {before[-1]}" if before else f"the first {z.op.name}"


def told(cause: str, where: str, z: Record) -> tuple[str, str]:
    """What happened, and what to do instead."""
    assert z.op is not None
    slope = SLOPES.get(z.op.name, "its derivative")
    if cause == MISSING:
        return f"σ′ is missing at {where}", f"dz = da · σ′, and σ′ of {z.op.name} is {slope}"
    if cause == TWICE:
        return (
            f"σ′ is multiplied in twice at {where}",
            "use it once; with cross-entropy after a sigmoid, ŷ − y has it already",
        )
    if cause == OF_INPUT:
        return (
            f"σ′ is taken of the pre-activation z instead of the activation a at {where}",
            f"the formula {slope} holds for a = σ(z): put a into it, not z",
        )
    return (
        f"σ′ is taken of σ(a) at {where}: a was given to a derivative that applies σ by itself",
        f"give it the pre-activation z, or use {slope}",
    )


# the changed rules ------------------------------------------------------------------------------------------


def slope_change(cause: str, place: Record) -> Change:
    """The rule of an activation with this mistake."""
    assert place.op is not None
    forward = place.op.forward

    def change(rule: Rule) -> Rule:
        if cause == MISSING:
            return lambda g, z, x, *rest: g
        if cause == OF_INPUT:
            return lambda g, z, x, *rest: rule(g, x, x, *rest)
        if cause == OF_OUTPUT:
            return lambda g, z, x, *rest: rule(g, forward(z, *rest), z, *rest)
        return lambda g, z, x, *rest: rule(rule(g, z, x, *rest), z, x, *rest)

    return change


def times_slope(rule: Rule) -> Rule:
    """The rule of a loss of logits, times σ′."""
    return lambda g, z, x, *rest: rule(g, z, x, *rest) * (s := sigmoid(x)) * (1 - s)


def with_weight(layer: Layer, other: Any) -> Change:
    """The rule of a product, given another weight."""
    at = layer.weight_at

    def change(rule: Rule) -> Rule:
        return lambda g, z, *args: rule(g, z, *args[:at], other(args[at]), *args[at + 1 :])

    return change
