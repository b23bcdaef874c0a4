"""The search for the fewest mistakes that turn the engine's gradients into those given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..dtypes import Array
from ..record import Record
from ..tensor import Tensor, history
from . import matching
from .matching import Explained, Scale
from .mistakes import UPDATED, Layer, Mistake, cross_entropies, joined, layers_of, pairs, single, updated
from .replay import Changes, Replay, Run, rounding

FINE, COARSE = (1e-7, 2.0**-53), (2e-5, 2.0**-24)  # relative to the largest entry; and what a rounding is
MOST = 3000  # pairs of a kind that are tried
NOISE = 30  # times what rounding did in three trials is still rounding
MOST_NOISE = 0.02  # of the largest entry; only where something is float32, more is taken for rounding


class Hypothesis(NamedTuple):
    """Mistakes in the graph, an order of the gradients given, and how far that explains them."""

    mistakes: tuple[Mistake, ...]
    order: tuple[int, ...]
    explained: Explained
    right: list[Array]  # the engine's gradients with these mistakes

    @property
    def score(self) -> tuple[int, float]:
        """Less is better."""
        left, cost = self.explained.score
        reordered = self.order != tuple(range(len(self.order)))
        return left, cost + len(self.mistakes) + reordered


class Search:
    """The gradients given and the engine's, and the search between them."""

    def __init__(self, given: list[Array], root: Record, named: dict[str, Tensor]) -> None:
        self.names = list(named)
        self.tensors = list(named.values())
        self.records = [record for p in self.tensors if (record := history(p)) is not None]
        self.replay = Replay(root)
        self.single = any(array.dtype == np.float32 for array in [*given, *(p.array for p in self.tensors)])
        self.given = [array.astype(np.float64) for array in given]
        self.run: Run | None = self.replay.forward() if self.replay.there else None
        if self.replay.there and not self.replay.again:
            self.refuse_stale(root)
        self.layers = self.find_layers()
        self.exact = list(cross_entropies(self.replay))
        self.right = self.kept() if self.run is None else self.pulled()
        self.suppose(COARSE)
        self.scale = self.find_scale()

    # the engine's gradients ---------------------------------------------------------------------------------

    def refuse_stale(self, root: Record) -> None:
        """Raise as backward does, if a value that it needs was changed in place."""
        from ..backward import pullback

        pullback([(root, np.ones_like(root.value))], frozenset(self.records), retain_graph=True)

    def pulled(self, *mistakes: Mistake) -> list[Array]:
        """The engine's gradients, with these mistakes made on purpose."""
        assert self.run is not None
        return self.of_parameters(self.replay.pull(self.run, self.changes(*mistakes)))

    def changes(self, *mistakes: Mistake) -> Changes:
        """What the mistakes do to the rules; the losses of sigmoids that none touches are exact."""
        touched = {record for mistake in mistakes for record, _ in mistake.changes}
        return joined(
            [*mistakes, *(each for each in self.exact if not touched & {r for r, _ in each.changes})]
        )

    def of_parameters(self, total: Mapping[Record, Array]) -> list[Array]:
        """Their cotangents; 0 of those that the loss does not depend on."""
        return [
            np.asarray(total[record], np.float64) if record in total else np.zeros(p.shape)
            for p, record in zip(self.tensors, self.records, strict=True)
        ]

    def kept(self) -> list[Array]:
        """What backward left in `.grad`."""
        if all(p.grad is None for p in self.tensors):
            raise RuntimeError(
                "check_backprop(): the graph was freed by backward(), and no parameter has a .grad: call it "
                "before loss.backward(), or after loss.backward(retain_graph=True)"
            )
        return [
            np.zeros(p.shape) if p.grad is None else p.grad.array.astype(np.float64) for p in self.tensors
        ]

    def suppose(self, precision: tuple[float, float]) -> None:
        """Compare as exactly as this precision of the numbers given allows."""
        self.rtol, eps = precision
        most = math.inf if self.single else MOST_NOISE
        sizes = [most * float(np.abs(array).max(initial=0)) for array in self.right]
        exact, noise = self.rounded(FINE[1]), self.rounded(eps)
        self.noise = [float(np.fmin(n, max(each))) for n, *each in zip(noise, exact, sizes, strict=True)]

    def rounded(self, eps: float) -> list[float]:
        """How far rounding moves the entries of each gradient, where that can be tried."""
        if not self.replay.again:
            return [0.0 for _ in self.right]
        noise = np.zeros(len(self.right))
        single = self.single and eps != FINE[1]  # then what saturates or underflows there counts, too
        for seed in range(3):
            jitter = rounding(eps, seed)
            run = self.replay.forward(jitter=jitter, single=single)
            disturbed = self.of_parameters(self.replay.pull(run, self.changes(), jitter))
            moved = [np.abs(a - b).max(initial=0) for a, b in zip(disturbed, self.right, strict=True)]
            noise = np.fmax(noise, moved)
        return [NOISE * float(n) for n in noise]

    def tolerances(self, right: Sequence[Array]) -> list[float]:
        """How far a gradient may be from each of these."""
        found = []
        for array, reference, noise in zip(right, self.right, self.noise, strict=True):
            size, usual = (float(np.abs(a).max(initial=0)) for a in (array, reference))
            found.append(self.rtol * size + noise * (max(1.0, size / usual) if usual else 1.0))
        return found

    # what the graph is like ---------------------------------------------------------------------------------

    def find_layers(self) -> list[Layer]:
        """The products with parameters."""
        return layers_of(self.replay, dict(zip(self.records, self.names, strict=True)))

    def find_scale(self) -> Scale:
        """Over how many entries the loss is a mean, and how many samples there are."""
        entries = samples = 0
        for z in reversed(self.replay.records):
            if z.op is not None and z.op.name in ("mse_loss", "bce_loss", "bce_with_logits", "cross_entropy"):
                entries = int(z.args[-1])
                break
            if z.op is not None and z.op.name == "mean":
                entries = int(z.args[0].size // max(z.value.size, 1))
                break
        for layer in self.layers[:1]:
            other = layer.record.args[layer.input_at]
            samples = other.shape[-1] if layer.weight_at == 0 else other.size // max(other.shape[-1], 1)
        return Scale(entries or samples, samples)

    # the search ---------------------------------------------------------------------------------------------

    def tried(self, mistakes: tuple[Mistake, ...], order: tuple[int, ...]) -> Hypothesis:
        """How far these mistakes explain the gradients in this order."""
        right = self.pulled(*mistakes) if mistakes else self.right
        given = [self.given[i] for i in order]
        return Hypothesis(
            mistakes, order, matching.explain(given, right, self.tolerances(right), self.scale), right
        )

    def in_either_precision(self) -> Hypothesis:
        """The best hypothesis if the numbers are exact; or, if that leaves any unexplained, float32."""
        coarse = self.best()
        if coarse.explained.left:
            return coarse  # what is not right roughly is not right exactly
        self.suppose(FINE)
        exact = self.best()
        self.suppose(COARSE)
        return coarse if exact.explained.left else exact

    def best(self) -> Hypothesis:
        """The hypothesis that leaves the fewest gradients unexplained, with the fewest mistakes."""
        straight = tuple(range(len(self.given)))
        found = self.tried((), straight)
        if found.score <= (0, 1.0):
            return found
        known = [] if self.run is None else single(self.replay, self.run, self.layers)
        mistakes = [mistake for mistake in known if self.matters(mistake)]
        orders = list(self.orders())
        stages: list[Iterator[tuple[tuple[Mistake, ...], tuple[int, ...]]]] = [
            itertools.chain(
                (((m,), straight) for m in mistakes),
                (((), order) for order in orders),
                (((m,), straight) for m in self.with_updated_weights((), straight)),
            ),
            itertools.chain(
                ((two, straight) for two in pairs(mistakes, MOST)),
                itertools.islice((((m,), order) for m in mistakes for order in orders), MOST),
                (((m, u), straight) for m in mistakes for u in self.with_updated_weights((m,), straight)),
                (((u,), order) for order in orders for u in self.with_updated_weights((), order)),
            ),
        ]
        for count, stage in enumerate(stages, 1):
            for several, order in stage:
                trial = self.tried(several, order)
                if trial.score < found.score and self.convincing(trial, found):
                    found = trial
            if found.score <= (0, count + 1.0):
                break
        return found

    def matters(self, mistake: Mistake) -> bool:
        """Whether it changes anything."""
        wrong = self.pulled(mistake)
        tolerances = self.tolerances(wrong)
        return any(
            not np.abs(a - b).max(initial=0) <= tolerance
            for a, b, tolerance in zip(wrong, self.right, tolerances, strict=True)
        )

    def convincing(self, trial: Hypothesis, before: Hypothesis) -> bool:
        """Whether more numbers agree than a learning rate that may be chosen can make agree by chance."""
        if not trial.mistakes or trial.mistakes[-1].cause != UPDATED:
            return True
        newly = set(before.explained.left) - set(trial.explained.left)
        return sum(self.right[i].size for i in newly) >= 3 or not newly

    def orders(self) -> Iterator[tuple[int, ...]]:
        """Other orders that the shapes allow: backwards, or two layers or two gradients swapped."""
        n = len(self.given)
        groups = self.groups()
        candidates: list[list[int]] = [list(range(n))[::-1]]
        candidates.append([i for group in groups[::-1] for i in group])
        for a, b in itertools.combinations(range(len(groups)), 2):
            swapped = list(groups)
            swapped[a], swapped[b] = swapped[b], swapped[a]
            candidates.append([i for group in swapped for i in group])
        for i, j in itertools.combinations(range(n), 2):
            order = list(range(n))
            order[i], order[j] = j, i
            candidates.append(order)
        straight = tuple(range(n))
        for places in dict.fromkeys(tuple(order) for order in candidates):
            if places != straight and all(
                any(True for _ in matching.forms(self.given[i], p.shape))
                for i, p in zip(places, self.tensors, strict=True)
            ):
                yield places

    def groups(self) -> list[list[int]]:
        """The parameters layer by layer: each begins with a weight."""
        weights = {layer.name for layer in self.layers}
        found: list[list[int]] = []
        for i, name in enumerate(self.names):
            if name in weights or not found:
                found.append([])
            found[-1].append(i)
        return found

    def with_updated_weights(self, others: tuple[Mistake, ...], order: tuple[int, ...]) -> Iterator[Mistake]:
        """Weights updated too early, at the learning rates that explain the first layer that would show it.

        There the gradient is f + lr · (F − f), where f has no update, and F one of rate 1; if it has a factor
        c too, lr is found as the ratio of two numbers, c and c · lr.
        """
        if self.run is None or len(self.layers) < 2:
            return
        given = dict(zip(self.names, (self.given[i] for i in order), strict=True))
        forms = {
            layer.weight: list(matching.forms(given[layer.name], layer.weight.value.shape))
            for layer in self.layers
        }
        for which in (0, -1):  # as they are, and transposed
            steps = {weight: several[which][0] for weight, several in forms.items() if several}
            for rate in self.rates(given, steps, others):
                yield updated(self.layers, steps, rate)

    def rates(
        self, given: dict[str, Array], steps: dict[Record, Array], others: tuple[Mistake, ...]
    ) -> Iterator[float]:
        """The learning rates that may explain the layer before the last, if the weights moved by `steps`."""
        before, after = self.pulled(*others), self.pulled(*others, updated(self.layers, steps, 1.0))
        name = self.layers[-2].name
        i = self.names.index(name)
        rates: list[float] = []
        for array, _, _ in matching.forms(given[name], before[i].shape):
            f, moved, s = before[i].ravel(), (after[i] - before[i]).ravel(), array.ravel()
            if not moved.any():
                continue
            if s.size >= 3:
                (c, c_rate), *_ = np.linalg.lstsq(np.stack([f, moved], 1), s, rcond=None)
                rates.append(c_rate / c if c else 0.0)
            for c in (1.0, -1.0, float(self.scale.entries or 1)):
                rates.append(float(moved @ (s / c - f) / (moved @ moved)))
        return (rate for rate in rates if 1e-9 < abs(rate) < 1e6)
