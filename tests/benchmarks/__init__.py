"""Speed against PyTorch in the same run: ratios, because machines are noisy.

`python -m tests.benchmarks.xor`.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy and PyTorch are imported: one thread on both sides
