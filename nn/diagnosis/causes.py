"""Why a short training did not get far: one question after the other, the first that is answered yes.

A question looks at what was measured; where that could be harmless, a second training of a copy, with the
cause taken away, has to get clearly further. The order is that of the consequences: inputs that are far too
large saturate units, and saturated units make gradients vanish.
"""

from __future__ import annotations

from collections.abc import Callable

from .case import ENOUGH, Case
from .findings import Finding
from .network import dead, exploding, frozen, saturated, symmetric, vanishing
from .steps import decayed, inputs, rate_too_high, rate_too_low
from .task import capacity, lost_inputs, unrelated

ORDER: tuple[Callable[[Case], Finding | None], ...] = (
    frozen, symmetric, inputs, saturated, dead, exploding, vanishing, lost_inputs, decayed,
    rate_too_high, unrelated, rate_too_low, capacity,
)  # fmt: skip
# Half of it is learned, perhaps on purpose so: only what a retrial shows to be in the way.
ALSO_IF_SLOW: tuple[Callable[[Case], Finding | None], ...] = (
    symmetric, inputs, dead, exploding, rate_too_high,
)  # fmt: skip


def explain(case: Case) -> Finding | None:
    """The first cause that is found, if the trial did not get far."""
    if case.trial.learned >= 0.9:
        return None
    for cause in ORDER if case.trial.learned < ENOUGH else ALSO_IF_SLOW:
        finding = cause(case)
        if finding is not None:
            return finding
    return None
