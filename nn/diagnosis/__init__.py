"""Why is it stuck? `nn.diagnose` names the cause, with the measurement that proves it.

`findings` has the causes in words, `checks` what is seen without training (data, targets, the step),
`signals` what passes through the network, `trial` short trainings of copies, `causes` the questions in their
order; `examination` puts them together, and `callback` is the same for `nn.Trainer`.
"""

from .callback import Diagnose
from .examination import diagnose
from .findings import CAUSES, Diagnosis, Finding

__all__ = ["CAUSES", "Diagnose", "Diagnosis", "Finding", "diagnose"]
