"""Teaching programs in PyTorch's style. Each runs unchanged under PyTorch and under `python -m nn.compat`."""
