"""Save what a model has learned, and load it again: as npz, which NumPy alone can read, or as safetensors.

Nothing is pickled, so a file from a stranger cannot run code.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

import numpy as np

from autodiff import Tensor
from autodiff.dtypes import Array

from .module import Module
from .nested import checked, place, put_together, taken_apart

File = str | os.PathLike[str] | IO[bytes]
Contents = tuple[dict[str, Array], str | None]
"""Arrays by name; and how they belong together, unless by name alone."""

STRUCTURE = "structure.json"  # which member of an npz, or which metadata of a safetensors file, says how
PIECE = 1 << 20  # bytes that are read at once
LONG = 1 << 26  # bytes of JSON, which take ten times as much once they are read
ABSURD = 1 << 28, 100  # a file may unpack to 256 MiB, or to 100 times its size


def save(state: Any, path: File) -> None:
    """Write a module's state_dict, or tensors and numbers in dicts and lists, to a file.

    The format is safetensors if the path ends so (and safetensors is installed), else npz; a dict from names
    to tensors has an array under each name. The file is complete or not there: it is written beside its place
    and then moved. `path` may also be a binary file that is open. Raises TypeError, before anything is
    written, for what is neither tensor (or array of the four dtypes), number, string, bool nor None.

    >>> import nn, tempfile, os
    >>> model = nn.Linear(2, 1)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> nn.save(model, path)
    >>> model.load_state_dict(nn.load(path))
    <All keys matched successfully>
    >>> nn.save({"model": model.state_dict(), "epoch": 3}, path)
    >>> nn.load(path)["epoch"]
    3
    """
    contents = _contents(state.state_dict() if isinstance(state, Module) else state)
    write = _write_safetensors if _is_safetensors(path) else _write_npz
    if isinstance(path, (str, os.PathLike)):
        _write_whole(os.fspath(path), lambda file: write(file, contents))
    else:
        write(path, contents)


def load(path: File) -> Any:
    """What `save` wrote: an OrderedDict of tensors, for `load_state_dict`, or the dicts and lists saved.

    Reads any npz and safetensors file of the four dtypes. Raises FileNotFoundError if there is no file,
    ValueError if it is something else, is cut short or damaged, holds Python objects (which are never loaded)
    or would unpack to absurdly much, TypeError for a dtype that the engine does not have.
    """
    read = _read_safetensors if _is_safetensors(path) else _read_npz
    if isinstance(path, (str, os.PathLike)):
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            raise ValueError(f"{os.fspath(path)} cannot be loaded: it is a device or a pipe, not a file")
        with open(path, "rb") as file:
            return _loaded(read, file, os.fspath(path))
    return _loaded(read, path, "the file")


def _contents(state: Any) -> Contents:
    """What is to be written."""
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, (Tensor, np.ndarray)) for name, value in state.items()
    ):
        return taken_apart(state)
    for name in state:
        if "\0" in name:
            raise TypeError(f"save(): {name!r} cannot be the name of an array in a file")
    return {name: checked(f"save(): {place((name,))}", value) for name, value in state.items()}, None


def _loaded(read: Callable[[IO[bytes]], Contents], file: IO[bytes], called: str) -> Any:
    """What is in the file. Whatever goes wrong in reading says that the file is not as it should be."""
    try:
        arrays, structure = read(file)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(
            f"{called} cannot be loaded: it is cut short, damaged or something else ({error})"
        ) from error
    arrays = {name: checked(f"load(): {name}", array) for name, array in arrays.items()}
    if structure is None:
        return OrderedDict((name, Tensor(array)) for name, array in arrays.items())
    try:
        return put_together(arrays, structure)
    except Exception as error:
        raise ValueError(f"{called} cannot be loaded: its {STRUCTURE} is damaged ({error!r})") from error


def _write_whole(path: str, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file that is complete or not there at all."""
    path = os.path.realpath(path)
    parent, name = os.path.split(path)
    if not os.path.isdir(parent):
        raise FileNotFoundError(f"Parent directory {parent} does not exist: make it before {name}")
    unfinished = os.path.join(parent, f".{name}.{os.getpid()}.{threading.get_ident()}.unfinished")
    _remove(unfinished)
    try:
        with open(unfinished, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        _remove(unfinished)


def _remove(path: str) -> None:
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        os.remove(path)


# npz ------------------------------------------------------------------------------------------------------


def _write_npz(file: IO[bytes], contents: Contents) -> None:
    import zipfile

    arrays, structure = contents
    with zipfile.ZipFile(file, "w") as archive:
        if structure is not None:
            archive.writestr(STRUCTURE, structure)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_npz(file: IO[bytes]) -> Contents:
    """The arrays of an npz file, in order. No more is read than the sizes that were checked before."""
    import zipfile

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(set(names)) < len(names):
            raise ValueError("two of its entries have one name")
        unpacked = sum(member.file_size for member in members)
        if unpacked > max(ABSURD[0], ABSURD[1] * size):
            raise ValueError(f"{size} bytes that would unpack to {unpacked}: if you trust it, use numpy.load")
        arrays, structure = {}, None
        for name in names:
            with archive.open(name) as member:
                if name == STRUCTURE:
                    if archive.getinfo(name).file_size > LONG:
                        raise ValueError(f"its {STRUCTURE} is longer than {LONG} bytes")
                    structure = member.read().decode()
                elif name.endswith(".npy"):
                    size = archive.getinfo(name).file_size
                    arrays[name.removesuffix(".npy")] = _read_npy(member, size)
                elif name.endswith("data.pkl"):
                    raise ValueError("PyTorch wrote it, with pickle: there, save it with safetensors")
                else:
                    raise ValueError(f"its entry {name} is not an array")
    return arrays, structure


def _read_npy(member: IO[bytes], size: int) -> Array:
    """One array in NumPy's format, of `size` bytes at most. Source: NumPy, `numpy.lib.format`."""
    import math

    version = np.lib.format.read_magic(member)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, by_columns, dtype = read_header(member)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    needed, found = math.prod(shape) * dtype.itemsize, 0
    if not 0 <= needed <= size:
        raise ValueError(f"an array of shape {shape} has {size} bytes")
    data = bytearray(needed)
    while piece := member.read(PIECE):  # so that it is in memory once
        data[found : found + len(piece)] = piece
        found += len(piece)
    if found != needed:
        raise ValueError(f"an array of shape {shape} has {found} bytes")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


# safetensors ----------------------------------------------------------------------------------------------


def _is_safetensors(path: File) -> bool:
    return isinstance(path, (str, os.PathLike)) and os.fspath(path).endswith(".safetensors")


def _write_safetensors(file: IO[bytes], contents: Contents) -> None:
    """The arrays must be stored row by row: of others safetensors 0.8 writes the wrong bytes."""
    numpy = _safetensors().numpy
    arrays, structure = contents
    file.write(numpy.save(arrays, None if structure is None else {STRUCTURE: structure}))


def _read_safetensors(file: IO[bytes]) -> Contents:
    import json

    with _safetensors().safe_open(file.name, framework="numpy") as opened:
        header = file.read(int.from_bytes(file.read(8), "little"))  # which was found to be sound
        names = [name for name, _ in json.loads(header, object_pairs_hook=list)]
        if len(set(names)) < len(names):
            raise ValueError("two of its entries have one name")
        arrays = {name: opened.get_tensor(name) for name in opened.offset_keys()}
        return arrays, (opened.metadata() or {}).get(STRUCTURE)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            'files named .safetensors need the package safetensors: pip install "autodiff-nn[safetensors]"'
        ) from None
    return safetensors
