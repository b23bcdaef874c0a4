"""Save what a model has learned, and load it again: a state_dict as an npz file that NumPy alone can read.

Nothing is pickled, so a file from a stranger cannot run code.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import as_dtype

from .module import Module

Path_ = str | os.PathLike[str]


def save(state: Module | Mapping[str, Any], path: Path_) -> None:
    """Write a module's state_dict, or any dict from names to tensors or arrays, to an npz file.

    The file is complete or not there: it is written beside its place and then moved. Raises TypeError for
    values that are not tensors or arrays of the four dtypes, before anything is written.

    >>> import nn, tempfile, os
    >>> model = nn.Linear(2, 1)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> nn.save(model, path)
    >>> model.load_state_dict(nn.load(path))
    <All keys matched successfully>
    """
    import zipfile

    arrays = {name: _checked(name, value, "save") for name, value in _mapping(state).items()}
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path_) -> OrderedDict[str, Tensor]:
    """The tensors of an npz file, by name; hand them to `load_state_dict`.

    Raises FileNotFoundError if there is no file, ValueError if it is no npz file, is cut short or damaged, or
    holds Python objects (which are never loaded), TypeError for a dtype that the engine does not have.
    """
    import zipfile
    import zlib

    path = Path(path)
    with path.open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array, not one for each name")
            arrays = {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be loaded as npz: it is cut short, damaged or something else ({error})"
            ) from error
    return OrderedDict((name, Tensor(_checked(name, array, "load"))) for name, array in arrays.items())


def _mapping(state: Module | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(state, Module):
        return state.state_dict()
    if not isinstance(state, Mapping):
        raise TypeError(f"save() takes a Module or a dict of tensors, not {type(state).__name__}")
    return state


def _checked(name: Any, value: Any, function: str) -> np.ndarray[Any, Any]:
    """The values under a name as an array of one of the four dtypes."""
    if not isinstance(name, str):
        raise TypeError(f"{function}(): the names in a state_dict are strings, not {name!r}")
    if not isinstance(value, Tensor | np.ndarray):
        raise TypeError(f"{function}(): {name} is {type(value).__name__}; a state_dict holds tensors")
    array = value.array if isinstance(value, Tensor) else value
    try:
        return np.asarray(array, as_dtype(array.dtype), order="C")
    except TypeError as error:
        raise TypeError(f"{function}(): {name}: {error}") from None
