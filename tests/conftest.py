"""What every test stands on: one thread, a fixed seed, and how many examples hypothesis draws.

`HYPOTHESIS_PROFILE=exhaustive python -m pytest` searches longer, and elsewhere each time.
"""
# ruff: noqa: E402

import os
from typing import Any

# Read once, when numpy and torch load: so this comes before the other imports. One thread, because the arrays
# are small, the cores are few, and sums must not depend on how a machine splits them.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = "1"

import hypothesis
import numpy as np
import pytest
import torch

from autodiff.random import manual_seed

torch.set_num_threads(1)

# By default the same examples every time: a test that turns red says that the code changed, not that the dice
# fell otherwise. New examples are for the exhaustive profile, which keeps what it finds for the next run.
hypothesis.settings.register_profile("default", max_examples=60, derandomize=True, deadline=None)
hypothesis.settings.register_profile("exhaustive", max_examples=2000, derandomize=False, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test starts from seed 0 in all three libraries, whatever ran before it."""
    manual_seed(0)
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Let the next run of a parametrized test start from the settings that it was written with.

    Hypothesis lays those of each run over those of the last: after a thousand rows that is too deep.
    """
    function = getattr(item, "obj", None)
    written = getattr(function, "_hypothesis_internal_use_settings", None)
    try:
        return (yield)
    finally:
        if written is not None:
            function._hypothesis_internal_use_settings = written
