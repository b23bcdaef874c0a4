"""What is legal but hardly meant in training, said once, at the user's line, as `autodiff` says it.

`logits`: probabilities where logits belong; `steps`: a step that moves nothing, or not what it should;
`modes`: eval() or train() forgotten. A healthy step of a network without dropout and batch normalization is
not looked at at all.
"""

from .modes import ModeForgotten

__all__ = ["ModeForgotten"]
