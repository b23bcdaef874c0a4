"""The search for the fewest mistakes that turn the engine's gradients into those given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..errors import describe
from ..record import Record
from ..tensor import Tensor, history
from . import matching
from .matching import Explained, Scale, Slip
from .mistakes import UPDATED, Layer, Mistake, cross_entropies, joined, layers_of, pairs, single, updated
from .replay import Changes, Replay, Run, rounding
from .report import BackpropCheck, Finding, Row, misordered, mistaken, remaining, slipped

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


def check(student_grads: Any, loss: Any, params: Any) -> BackpropCheck:
    """`check_backprop`."""
    named = parameters(params)
    given = gradients(student_grads, named)
    if not isinstance(loss, Tensor):
        raise TypeError(f"check_backprop(): loss must be a Tensor, not {type(loss).__name__}")
    root = history(loss)
    if root is None:
        raise RuntimeError(
            "check_backprop(): the loss does not require grad: compute it from parameters with "
            "requires_grad=True, outside no_grad()"
        )
    if loss.numel() != 1:
        raise RuntimeError(
            f"check_backprop(): gradients are those of scalar outputs, and the loss has shape {loss.shape}: "
            "reduce it first, loss.mean()"
        )
    with np.errstate(all="ignore"):
        return Diagnosis(given, root, named).report()


def parameters(params: Any) -> dict[str, Tensor]:
    """The parameters by name; in a list they are called by their places."""
    if hasattr(params, "named_parameters"):
        found = {str(name): p for name, p in params.named_parameters() if p.requires_grad}
    elif isinstance(params, Mapping):
        found = {str(name): p for name, p in params.items()}
    elif isinstance(params, Sequence) and not isinstance(params, str):
        found = {f"params[{i}]": p for i, p in enumerate(params)}
    else:
        raise TypeError(
            "check_backprop(): params must be a dict by name, a list, or a module, not "
            f"{type(params).__name__}"
        )
    if not found:
        raise ValueError("check_backprop(): params is empty, so there is nothing to compare")
    for name, p in found.items():
        if not isinstance(p, Tensor):
            raise TypeError(f"check_backprop(): {name} must be a Tensor, not {type(p).__name__}")
        if not p.requires_grad:
            raise ValueError(
                f"check_backprop(): {name} does not require grad, so the engine has no gradient to compare: "
                "make it with requires_grad=True"
            )
    return found


def gradients(student_grads: Any, named: dict[str, Tensor]) -> list[Array]:
    """The gradients given, in the order of the parameters, as arrays of numbers."""
    if isinstance(student_grads, Mapping):
        missing = [name for name in named if name not in student_grads]
        extra = [str(name) for name in student_grads if str(name) not in named]
        if missing or extra:
            raise ValueError(
                f"check_backprop(): the gradients must be those of {', '.join(named)}; "
                + "; ".join(
                    [f"there is none for {', '.join(missing)}"] * bool(missing)
                    + [f"no parameter is called {', '.join(extra)}"] * bool(extra)
                )
            )
        found = [student_grads[name] for name in named]
    elif isinstance(student_grads, Sequence) and not isinstance(student_grads, str):
        found = list(student_grads)
        if len(found) != len(named):
            raise ValueError(
                f"check_backprop(): {len(found)} gradients for {len(named)} parameters: one for each of "
                f"{', '.join(named)}, in this order"
            )
    else:
        raise TypeError(
            "check_backprop(): the gradients must be a dict by name, or a list in the order of params, not "
            f"{type(student_grads).__name__}"
        )
    arrays = []
    for name, g in zip(named, found, strict=True):
        try:
            array = np.asarray(getattr(g, "array", g))
        except ValueError:
            array = np.asarray(None)
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"check_backprop(): the gradient of {name} must be an array of numbers, not {describe(g)}"
            )
        arrays.append(array)
    return arrays


class Diagnosis:
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

    # what is said -------------------------------------------------------------------------------------------

    def report(self) -> BackpropCheck:
        """The verdict."""
        rows = [self.row(i) for i in range(len(self.names))]
        ok = all(row.agrees for row in rows)
        findings: list[Finding] = []
        if not ok:
            findings = self.findings(self.in_either_precision())
        remark = (
            ""
            if self.run is not None
            else (
                "backward() has freed the graph: compared with .grad, which must be of this one backward() "
                "(zeroed before, not clipped since). Ask before backward(), or after "
                "backward(retain_graph=True), to have σ′ and the like looked for."
            )
        )
        return BackpropCheck(ok, findings, rows, remark)

    def row(self, i: int) -> Row:
        """One parameter's line: shapes, and how far the two gradients are apart."""
        given, right, tolerance = self.given[i], self.right[i], self.tolerances(self.right)[i]
        same = [array for array, form, _ in matching.forms(given, right.shape) if not form]
        apart = float(np.abs(same[0] - right).max(initial=0)) if same else None
        agrees = apart is not None and apart <= tolerance
        return Row(
            self.names[i], right.shape, given.shape, float(np.abs(right).max(initial=0)), apart, agrees
        )

    def findings(self, best: Hypothesis) -> list[Finding]:
        """A sentence for each mistake, and for each gradient that stays unexplained."""
        explained = best.explained
        found: list[Finding] = []
        given = [self.given[i] for i in best.order]
        evidence = self.evidence(best)
        if best.order != tuple(range(len(best.order))):
            found.append(misordered(self.names, best.order, evidence))
        found += [mistaken(mistake, evidence) for mistake in best.mistakes]
        found += [
            self.slipped(slip, given[slip.which[0]].shape, evidence) for slip in explained.slips if slip.which
        ]
        return found + [self.unexplained(i, self.given[i]) for i in explained.left if not self.row(i).agrees]

    def slipped(self, slip: Slip, shape: tuple[int, ...], evidence: str) -> Finding:
        """A slip, with the names of the gradients that it is in."""
        names = [self.names[i] for i in slip.which]
        return slipped(slip, names, len(names) == len(self.names), shape, self.scale, evidence)

    def evidence(self, best: Hypothesis) -> str:
        """The numbers that prove it: how far apart the gradients are, before and after."""
        rows = [self.row(i) for i in range(len(self.names))]
        before = max(((row.apart, row.name) for row in rows if row.apart is not None), default=None)
        wrong = [row.name for row in rows if not row.agrees and row.apart is None]
        after, count = 0.0, 0
        for place, i in enumerate(best.order):
            if place in best.explained.left:
                continue
            form_of = {slip.form: slip for slip in best.explained.slips if slip.form and place in slip.which}
            factor = 1.0
            for slip in best.explained.slips:
                if not slip.form and place in slip.which:
                    factor *= slip.factor
            right = best.right[place]
            count += right.size
            if matching.OVERSUMMED in form_of:
                continue
            for array, form, axis in matching.forms(self.given[i], right.shape):
                if (form in form_of and form_of[form].axis == axis) or (not form and not form_of):
                    after = max(after, float(np.abs(array - factor * right).max(initial=0)))
                    break
        first = (
            f"your {before[1]} is up to {before[0]:.3g} from the engine's"
            if before is not None
            else f"the shape of {wrong[0]} is another"
        )
        mistake = "all of this" if len(self.causes(best)) > 1 else "this"
        return (
            f"{first}; with {mistake} done on purpose the engine gives your {count} numbers, to {after:.1g}"
        )

    def causes(self, best: Hypothesis) -> list[Any]:
        """All that is wrong at once."""
        reordered = [best.order] if best.order != tuple(range(len(best.order))) else []
        return [*reordered, *best.mistakes, *best.explained.slips]

    def unexplained(self, i: int, given: Array) -> Finding:
        """The first entry that differs, beside the engine's and a finite difference."""
        right, name = self.right[i], self.names[i]
        same = next((array for array, form, _ in matching.forms(given, right.shape) if not form), None)
        if same is None:
            return remaining(name, None, given.shape, right.shape, None, None, None)
        wrong = ~(np.abs(same - right) <= self.tolerances(self.right)[i])
        entry = tuple(int(n) for n in np.argwhere(wrong)[0])
        return remaining(
            name,
            entry,
            given.shape,
            right.shape,
            float(same[entry]),
            float(right[entry]),
            self.difference(i, entry),
        )

    def difference(self, i: int, entry: tuple[int, ...]) -> float | None:
        """dL/dw of one entry by central differences, where the graph can be computed again."""
        record = self.records[i]
        if record.op is not None or not self.replay.again:
            return None
        step = 1e-6 * max(1.0, abs(float(record.value[entry])))
        ends = []
        for sign in (1, -1):
            moved = record.value.astype(np.float64)
            moved[entry] += sign * step
            ends.append(float(self.replay.forward({record: moved}).values[self.replay.root]))
        return (ends[0] - ends[1]) / (2 * step)
