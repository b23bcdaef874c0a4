"""Speed against PyTorch in the same run: ratios, because machines are noisy.

`python -m tests.benchmarks` measures all workloads; see `__main__`.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy is imported
    if os.environ.get("BENCHMARK_THREADS") == "default":
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = "1"  # on both sides
