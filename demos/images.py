"""Sets of small images: scikit-learn's digits, MNIST from the network or from its files, folders of pictures.

Each function gives `Images`. What cannot be read raises ValueError or OSError, and says which file it is.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

LIMIT = 1 << 28  # entries of an IDX file that are believed: the largest of MNIST has 47 million
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


class Images(NamedTuple):
    """Images (n, channels, height, width), float32 from 0 to 1; classes (n,), int64; and the same to test."""

    title: str
    names: list[str]  # of the classes
    x: Array
    y: Array
    x_test: Array
    y_test: Array


def digits() -> Images:
    """The 1797 handwritten digits of 8×8 pixels that come with scikit-learn, a fifth of them to test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images[:, None] / 16).astype(np.float32)
    return divided("8×8 digits", list("0123456789"), images, bunch.target, test=0.2)


def two_digits(first: int = 4, second: int = 9) -> Images:
    """Two of these digits, which look alike, as classes 0 and 1; three tenths of them to test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    chosen = (bunch.target == first) | (bunch.target == second)
    images = (bunch.images[chosen][:, None] / 16).astype(np.float32)
    names = [str(first), str(second)]
    return divided(f"digits {first} and {second}", names, images, bunch.target[chosen] == second, test=0.3)


def divided(title: str, names: list[str], images: Array, classes: Array, test: float) -> Images:
    """Images with a share of each class held out to test."""
    from sklearn.model_selection import train_test_split

    x, x_test, y, y_test = train_test_split(
        images, classes.astype(np.int64), test_size=test, random_state=42, stratify=classes
    )
    return Images(title, names, x, y, x_test, y_test)


# MNIST ------------------------------------------------------------------------------------------------------


def mnist_from_network() -> Images:
    """MNIST through scikit-learn's `fetch_openml`, which keeps what it fetched; OSError without network."""
    from http.client import HTTPException

    from sklearn.datasets import fetch_openml

    try:
        bunch = fetch_openml(
            "mnist_784", version=1, as_frame=False, parser="liac-arff", n_retries=1, delay=0.5
        )
    except (HTTPException, ValueError) as error:  # cut short, damaged, or not there
        raise OSError(f"{type(error).__name__}: {error}") from error
    images = (np.asarray(bunch.data).reshape(-1, 1, 28, 28) / 255).astype(np.float32)
    classes = np.asarray(bunch.target).astype(np.int64)
    n = 60_000
    return Images("MNIST", list("0123456789"), images[:n], classes[:n], images[n:], classes[n:])


def mnist_from_files(folder: Path) -> Images:
    """MNIST (or another set in its format) from its four IDX files, as they are or with gzip (.gz)."""
    parts: list[Array] = []
    for part in ("train", "t10k"):
        images = read_idx(found(folder, f"{part}-images-idx3-ubyte"), dims=3)
        classes = read_idx(found(folder, f"{part}-labels-idx1-ubyte"), dims=1)
        if len(images) != len(classes):
            raise ValueError(f"{folder}: {part} has {len(images)} images and {len(classes)} labels")
        if classes.max() > 9:
            raise ValueError(f"{folder}: {part} has the label {classes.max()}; they go from 0 to 9")
        parts += [(images[:, None] / 255).astype(np.float32), classes.astype(np.int64)]
    x, y, x_test, y_test = parts
    if x.shape[1:] != x_test.shape[1:]:
        raise ValueError(f"{folder}: images of {x.shape[2:]} to train on, and of {x_test.shape[2:]} to test")
    return Images("MNIST", list("0123456789"), x, y, x_test, y_test)


def found(folder: Path, name: str) -> Path:
    """The file of this name, also with .gz, or with a dot where some archives have it."""
    names = [name, name.replace("-idx", ".idx")]
    for path in (folder / (name + suffix) for name in names for suffix in ("", ".gz")):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder} has no {name} (nor {name}.gz)")


def read_idx(path: Path, dims: int) -> Array:
    """The bytes of an IDX file of this many dimensions.

    Two zeros, 8 for unsigned bytes, the number of dimensions; each of them as four bytes, the highest first;
    then the entries. Nothing is read, and no memory taken, beyond what a header within reason promises.
    Raises ValueError for another header, and unless there are exactly as many entries as it says. Source:
    LeCun, "The MNIST database", file formats.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * dims)
            if header[:4] != bytes([0, 0, 8, dims]) or len(header) < 4 + 4 * dims:
                raise ValueError(
                    f"{path} is no IDX file of bytes with {dims} dimensions: it begins {header!r}"
                )
            shape = tuple(int(n) for n in np.frombuffer(header, ">u4", offset=4))
            size = math.prod(shape)
            if not 0 < size <= LIMIT:
                raise ValueError(f"{path} claims to have shape {shape}: none, or more than {LIMIT} entries")
            entries = file.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if len(entries) != size:
        more = "more" if len(entries) > size else f"only {len(entries)}"
        raise ValueError(f"{path} says that it has {size} entries, of shape {shape}, and there are {more}")
    return np.frombuffer(entries, np.uint8).reshape(shape)


# Folders of pictures ----------------------------------------------------------------------------------------


def folder_of_two(folder: Path, size: int) -> Images:
    """Pictures from two sub-folders, one a class, in colour, `size`×`size` pixels; three tenths to test."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if len(folders) != 2:
        found = ", ".join(path.name for path in folders) or "none"
        raise ValueError(
            f"{folder} must have two sub-folders, one for each class of pictures; it has {found}"
        )
    images, classes = [], []
    for label, sub in enumerate(folders):
        paths = sorted(path for path in sub.iterdir() if path.suffix.lower() in SUFFIXES)
        if len(paths) < 10:
            raise ValueError(f"{sub} has {len(paths)} pictures ({' '.join(SUFFIXES)}); it needs 10 at least")
        images += [read_picture(path, size) for path in paths]
        classes += [label] * len(paths)
    names = [path.name for path in folders]
    return divided(f"{names[0]} or {names[1]}", names, np.stack(images), np.array(classes), test=0.3)


def read_picture(path: Path, size: int) -> Array:
    """A picture as red, green and blue (3, size, size), from 0 to 1."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB").resize((size, size)), np.float32)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from error
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) / 255
