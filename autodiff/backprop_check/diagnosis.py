"""What is said of the gradients given: whether they agree, and if not, which mistakes explain them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array
from ..tensor import Tensor, history
from . import matching
from .given import gradients, parameters
from .matching import Slip
from .report import BackpropCheck, Finding, Row, misordered, mistaken, remaining, slipped
from .search import Hypothesis, Search


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


class Diagnosis(Search):
    """The verdict, with its evidence."""

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
