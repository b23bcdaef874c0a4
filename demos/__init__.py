"""The experiments of a deep-learning lab course, one file each: `python -m demos.xor`."""
