"""The demos' sets of images: files in MNIST's format, folders of pictures, and what is wrong with others."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
from PIL import Image

from demos import cnn, images, mnist


def idx(array: Any) -> bytes:
    """The bytes of an IDX file."""
    array = np.asarray(array, np.uint8)
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, n: int = 40, ending: str = "", **changed: bytes) -> dict[str, Any]:
    """Four files with small random images, some of them changed; returns the arrays by name."""
    random = np.random.RandomState(0)
    arrays: dict[str, Any] = {}
    for part in ("train", "t10k"):
        arrays[f"{part}-images-idx3-ubyte"] = random.randint(0, 256, (n, 6, 5))
        arrays[f"{part}-labels-idx1-ubyte"] = np.arange(n) % 10
    for name, array in arrays.items():
        content = changed.get(name.replace("-", "_"), idx(array))
        (folder / (name + ending)).write_bytes(gzip.compress(content) if ending == ".gz" else content)
    return arrays


# MNIST's files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnists_files_are_read_as_they_were_written(ending, tmp_path):
    arrays = write_mnist(tmp_path, ending=ending)
    data = images.mnist_from_files(tmp_path)
    assert data.x.shape == (40, 1, 6, 5) and data.x.dtype == np.float32 and data.y.dtype == np.int64
    np.testing.assert_array_equal(np.rint(data.x[:, 0] * 255), arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(np.rint(data.x_test[:, 0] * 255), arrays["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(data.y_test, arrays["t10k-labels-idx1-ubyte"])


def test_files_with_a_dot_in_their_names_are_found(tmp_path):
    write_mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(images.mnist_from_files(tmp_path).x) == 40


GOOD = idx(np.zeros((40, 6, 5)))
HUGE = struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3)

HOSTILE = {
    "nothing": b"",
    "too short for a header": GOOD[:9],
    "another magic number": b"\1" + GOOD[1:],
    "entries of four bytes": GOOD[:2] + b"\x0c" + GOOD[3:],
    "another number of dimensions": idx(np.zeros((40, 30))),
    "more entries than anything has": HUGE + b"\0" * 1000,
    "sizes whose product overflows to little": struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 4) + b"\0",
    "a size of zero": struct.pack(">BBBB3I", 0, 0, 8, 3, 0, 28, 28),
    "an entry is missing": GOOD[:-1],
    "an entry too many": GOOD + b"\0",
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_clear_errors(name, ending, tmp_path, capsys):
    write_mnist(tmp_path, ending=ending, train_images_idx3_ubyte=HOSTILE[name])
    with pytest.raises(ValueError, match="train-images-idx3-ubyte"):
        images.mnist_from_files(tmp_path)
    assert mnist.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "train-images" in capsys.readouterr().err


def test_a_header_that_promises_much_takes_no_memory(tmp_path):
    import tracemalloc

    claims = struct.pack(">BBBB3I", 0, 0, 8, 3, images.LIMIT // 28 // 28, 28, 28) + b"\0" * 100
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(HUGE + b"\0" * 50_000_000))
    (tmp_path / "empty").write_bytes(claims)
    for name in ("bomb.gz", "empty"):
        tracemalloc.start()
        with pytest.raises(ValueError):
            images.read_idx(tmp_path / name, dims=3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < images.LIMIT + 2**20 if name == "empty" else peak < 2**20


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"t10k_labels_idx1_ubyte": idx(np.zeros(39))}, "40 images and 39 labels"),
        ({"train_labels_idx1_ubyte": idx(np.full(40, 10))}, "label 10"),
        ({"t10k_images_idx3_ubyte": idx(np.zeros((40, 5, 6)))}, "images of"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(changed, words, tmp_path):
    write_mnist(tmp_path, **changed)
    with pytest.raises(ValueError, match=words):
        images.mnist_from_files(tmp_path)


def test_a_damaged_or_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        images.mnist_from_files(tmp_path)
    write_mnist(tmp_path, ending=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    content = path.read_bytes()
    for damaged in (content[:-20], content[:30] + b"\xff\xff\xff" + content[33:], b"no gzip"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="train-images"):
            images.mnist_from_files(tmp_path)


def test_the_demo_trains_on_files(tmp_path, capsys):
    write_mnist(tmp_path)
    out = tmp_path / "out"
    assert mnist.main(["--data-dir", str(tmp_path), "--epochs", "1", "--out", str(out), "--no-plots"]) == 1
    assert "MNIST: 40 images" in capsys.readouterr().out
    assert (out / "history.csv").is_file() and (out / "model.npz").is_file()


# MNIST through the network ------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [URLError("no route to host"), TimeoutError(), ValueError("md5 checksum")])
def test_without_the_network_there_is_a_message_and_the_digits(error, monkeypatch, tmp_path, capsys):
    def fetch(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    data = mnist.load(mnist.parse(["--data", "mnist", "--out", str(tmp_path)]))
    assert data.title == "8×8 digits"
    printed = capsys.readouterr().out
    assert "MNIST could not be fetched" in printed and "--data-dir" in printed


def test_mnist_as_openml_gives_it(monkeypatch):
    rows = np.zeros((60_003, 784), np.uint8)
    rows[60_001, 29] = 255
    classes = np.array([str(i % 10) for i in range(60_003)], object)
    bunch = SimpleNamespace(data=rows, target=classes)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: bunch)
    data = images.mnist_from_network()
    assert data.x.shape == (60_000, 1, 28, 28) and data.x_test.shape == (3, 1, 28, 28)
    assert data.x_test[1, 0, 1, 1] == 1.0 and data.y_test.tolist() == [0, 1, 2]
    assert data.x.dtype == np.float32


# Folders of pictures ------------------------------------------------------------------------------------


def write_pictures(folder: Path, n: int = 12) -> None:
    """Dark blue cats and bright dogs, of several sizes, modes and formats."""
    for name, low, color in (("cat", 0, (0, 0, 90)), ("dog", 160, (255, 250, 245))):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            mode, ending = (("RGB", "png"), ("L", "jpg"), ("P", "gif"), ("RGBA", "png"))[i % 4]
            picture = (
                Image.new("RGB", (20 + i, 30), color) if i % 4 == 0 else Image.new("L", (25, 20 + i), low)
            )
            picture.convert(mode).save(folder / name / f"{i}.{ending}")
    (folder / ".hidden").mkdir()
    (folder / "cat" / "notes.txt").write_text("not a picture")


def test_the_network_learns_a_folder_of_two_kinds_of_pictures(tmp_path, capsys):
    write_pictures(tmp_path / "pictures", n=20)
    arguments = ["--data-dir", str(tmp_path / "pictures"), "--size", "16", "--epochs", "30"]
    assert cnn.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "cat or dog" in printed and "28 images, 12 to test" in printed
    assert len(list((tmp_path / "out").glob("*.png"))) == 5


def test_pictures_are_colours_from_0_to_1(tmp_path):
    Image.new("RGB", (9, 7), (255, 0, 51)).save(tmp_path / "one.png")
    picture = images.read_picture(tmp_path / "one.png", 4)
    assert picture.shape == (3, 4, 4) and picture.dtype == np.float32
    np.testing.assert_allclose(picture[:, 0, 0], [1.0, 0.0, 0.2])


def test_folders_that_will_not_do_are_wrong_usage(tmp_path, monkeypatch, capsys):
    def refused(folder: Path) -> str:
        assert cnn.main(["--data-dir", str(folder), "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    assert "nowhere" in refused(tmp_path / "nowhere")
    (tmp_path / "one" / "cat").mkdir(parents=True)
    assert "two sub-folders" in refused(tmp_path / "one")
    (tmp_path / "one" / "dog").mkdir()
    assert "0 pictures" in refused(tmp_path / "one")
    write_pictures(tmp_path / "two")
    path = tmp_path / "two" / "cat" / "0.png"
    content = path.read_bytes()
    for damaged in (b"", b"text", content[:-30], content[:20] + b"\xff" * 9 + content[29:]):
        path.write_bytes(damaged)
        assert str(path) in refused(tmp_path / "two")
    path.write_bytes(content)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # as if it were a bomb
    assert "bomb" in refused(tmp_path / "two")


@pytest.mark.parametrize("argument", ["--size=2", "--size=1000", "--size=x"])
def test_sizes_out_of_range_are_wrong_usage(argument, tmp_path):
    with pytest.raises(SystemExit) as exit:
        cnn.main([argument, "--out", str(tmp_path)])
    assert exit.value.code == 2


def test_the_digits_are_scikit_learns():
    data = images.digits()
    assert (len(data.x), len(data.x_test)) == (1437, 360) and data.x.shape[1:] == (1, 8, 8)
    assert data.x.min() == 0 and data.x.max() == 1 and set(data.y.tolist()) == set(range(10))
    pair = images.two_digits()
    assert pair.names == ["4", "9"] and set(pair.y.tolist()) == {0, 1}
    together = {image.tobytes() for image in (*pair.x, *pair.x_test)}
    assert together <= {image.tobytes() for image in (*data.x, *data.x_test)}
