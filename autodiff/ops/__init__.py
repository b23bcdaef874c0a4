"""The table of rules: what the engine can compute and differentiate, by kind."""

from . import elementwise, indexing, linalg, losses, neural, reductions, shapes

__all__ = ["elementwise", "indexing", "linalg", "losses", "neural", "reductions", "shapes"]
