"""Why is it stuck? `nn.diagnose` names the cause, with the measurement that proves it.

`findings` has the causes in words. `checks` and `logits` are what is seen without training: in data, targets,
loss and step. `signals` is what passes through the network, `trial` short trainings of copies; the questions
that are asked of these are in `network`, `steps` and `task`, and in their order in `causes`. What they are
asked of is a `case`, on the `rows` that are looked at, in `isolation` from the user's training. `examination`
puts all together, and `callback` is the same for `nn.Trainer`.
"""

from .callback import Diagnose
from .examination import diagnose
from .findings import CAUSES, Diagnosis, Finding

__all__ = ["CAUSES", "Diagnose", "Diagnosis", "Finding", "diagnose"]
