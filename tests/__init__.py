"""The tests, and under `benchmarks` the measurements."""
