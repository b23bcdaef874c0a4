"""Damaged and forged files: they are refused, run no code, end soon, and load all of a model or none of it.

Valid files are cut, lengthened, and changed in places that hypothesis draws; others are forged by hand. A
reader does one of two things with them: it gives arrays, or it raises ValueError (TypeError for a dtype that
the engine lacks).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import autodiff
import nn
from demos import images
from nn.io import STRUCTURE

SECONDS = 2.0  # a file of some hundred bytes that takes longer hangs
FORMATS = ["npz", "safetensors"]

# files ------------------------------------------------------------------------------------------------------


def model() -> Any:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def state_file(suffix: str, nested: bool) -> bytes:
    """A file that our library wrote: of a state_dict, or of dicts and lists around one."""
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    autodiff.manual_seed(0)
    state: Any = model().state_dict()
    if nested:
        state = {"model": state, "epoch": 3, "losses": [0.5, 0.25], "none": None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model.{suffix}")
        nn.save(state, path)
        return path.read_bytes()


def idx_file(dims: int) -> bytes:
    shape = (3, 2, 2)[:dims]
    header = bytes([0, 0, 8, dims]) + struct.pack(f">{dims}I", *shape)
    return header + bytes(range(int(np.prod(shape))))


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """One to four changes: bytes, numbers of extreme value, pieces removed, doubled or moved, an end."""
    kinds = draw(
        st.lists(st.sampled_from(["byte", "word", "cut", "drop", "double", "text"]), min_size=1, max_size=4)
    )
    steps = [
        (kind, draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 255)), draw(st.integers(1, 16)))
        for kind in kinds
    ]

    def damage(data: bytes) -> bytes:
        for kind, where, value, length in steps:
            at = int(where * len(data))
            end = at + length
            if kind == "byte":
                data = data[:at] + bytes([value]) + data[at + 1 :]
            elif kind == "word":
                word = [b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f", b"\x01\x00\x00\x00"][value % 4]
                data = data[:at] + word + data[at + 4 :]
            elif kind == "cut":
                data = data[:at]
            elif kind == "drop":
                data = data[:at] + data[end:]
            elif kind == "double":
                data = data[:end] + data[at:]
            else:
                text = [b"{" * 50, b"(" * 50, b"-1", b"99999999999", b"|O", b"null", b"../", b'"'][value % 8]
                data = data[:at] + text + data[at + len(text) :]
        return data

    return damage


def changed_numbers(data: bytes, seed: int) -> bytes:
    """An npz whose entries are damaged one by one and packed anew: the checksums of the archive are right."""
    rng = np.random.default_rng(seed)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = bytearray(old.read(name))
            for _ in range(int(rng.integers(0, 3))):
                content[int(rng.integers(0, min(len(content), 120)))] = int(rng.integers(0, 256))
            new.writestr(name, bytes(content))
    return out.getvalue()


# what a reader may do ---------------------------------------------------------------------------------------


def loaded(data: bytes, suffix: str) -> Any:
    """What `nn.load` gives, or None if it refuses as it should, in time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model.{suffix}")
        path.write_bytes(data)
        before = sorted(os.listdir(folder))
        start = time.perf_counter()
        try:
            found = nn.load(path)
        except (ValueError, TypeError) as error:
            assert str(error)
            found = None
        assert time.perf_counter() - start < SECONDS
        assert sorted(os.listdir(folder)) == before
        return found


def put_in(found: Any) -> None:
    """Load it into a model: all of it, or the model stays as it was."""
    autodiff.manual_seed(1)
    net = model()
    before = {name: x.numpy().copy() for name, x in net.state_dict().items()}
    state = found["model"] if isinstance(found, dict) and "model" in found else found
    try:
        net.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError, KeyError):
        for name, x in net.state_dict().items():
            np.testing.assert_array_equal(x.numpy(), before[name])
        return
    for name, x in net.state_dict().items():
        assert (x.shape, x.dtype) == (before[name].shape, before[name].dtype)
        np.testing.assert_array_equal(x.numpy(), state[name].numpy().astype(x.dtype))


quick = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_files_of_a_model(suffix: str, nested: bool) -> None:
    data = state_file(suffix, nested)

    @quick
    @given(damages(), st.integers(0, 9999), st.booleans())
    def try_it(damage: Callable[[bytes], bytes], seed: int, inside: bool) -> None:
        broken = changed_numbers(data, seed) if inside and suffix == "npz" else damage(data)
        found = loaded(broken, suffix)
        event("refused" if found is None else "read")
        if found is not None:
            put_in(found)

    try_it()


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dims", [1, 3])
def test_damaged_files_of_images(
    dims: int, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = idx_file(dims)
    path = tmp_path / f"images{ending}"
    monkeypatch.setattr(images, "LIMIT", 1 << 20)

    @quick
    @given(damages(), st.booleans())
    def try_it(damage: Callable[[bytes], bytes], inside: bool) -> None:
        if ending:
            broken = gzip.compress(damage(data)) if inside else damage(gzip.compress(data))
        else:
            broken = damage(data)
        path.write_bytes(broken)
        start = time.perf_counter()
        try:
            found = images.read_idx(path, dims)
        except ValueError as error:
            assert "images" in str(error)
        else:
            assert found.ndim == dims and found.dtype == np.uint8
        assert time.perf_counter() - start < SECONDS

    try_it()


# forged by hand ---------------------------------------------------------------------------------------------


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def npy(header: bytes, body: bytes = b"", version: int = 1) -> bytes:
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + body


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def objects(bomb: Bomb) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.array([bomb], dtype=object), allow_pickle=True)
    return out.getvalue()


def code(path: Path) -> bytes:
    return f"{{'descr': '<f4', 'fortran_order': open({str(path)!r}, 'w'), 'shape': (1,)}}".encode()


ONE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"
FORGED: dict[str, Callable[[Path], bytes]] = {
    "a pickle": lambda marker: pickle.dumps({"w": Bomb(marker)}),
    "an npz of objects": lambda marker: zipped(**{"w.npy": objects(Bomb(marker))}),
    "an npz with a pickle": lambda marker: zipped(**{"data.pkl": pickle.dumps(Bomb(marker))}),
    "a pickle called npy": lambda marker: zipped(**{"w.npy": pickle.dumps(Bomb(marker))}),
    "code in a header": lambda marker: zipped(**{"w.npy": npy(code(marker), b"\0" * 4)}),
    "objects in a header": lambda marker: zipped(
        **{"w.npy": npy(ONE.replace(b"<f4", b"|O"), pickle.dumps([Bomb(marker)]))}
    ),
    "parentheses in a header": lambda _: zipped(**{"w.npy": npy(b"(" * 5000)}),
    "minus signs in a header": lambda _: zipped(**{"w.npy": npy(b"-" * 9000 + b"1")}),
    "a power in a header": lambda _: zipped(**{"w.npy": npy(ONE.replace(b"(1,)", b"9**9**9"))}),
    "a huge header": lambda _: zipped(**{"w.npy": npy(b" " * 10_000_000 + ONE, version=2)}),
    "a header that claims 4 GB": lambda _: zipped(**{"w.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + ONE}),
    "a huge shape": lambda _: zipped(**{"w.npy": npy(ONE.replace(b"(1,)", b"(99999999, 99999999)"))}),
    "a negative shape": lambda _: zipped(**{"w.npy": npy(ONE.replace(b"(1,)", b"(-1, -1)"), b"\0" * 4)}),
    "a huge shape of nothing": lambda _: zipped(**{"w.npy": npy(ONE.replace(b"(1,)", b"(0, 9999999999)"))}),
    "no numbers": lambda _: zipped(**{"w.npy": npy(ONE.replace(b"<f4", b"<U1"), b"a\0\0\0")}),
    "an unknown version": lambda _: zipped(**{"w.npy": npy(ONE, b"\0" * 4).replace(b"Y\x01", b"Y\x09")}),
    "a path upwards": lambda _: zipped(**{"../../w": b"x"}),
    "a folder": lambda _: zipped(**{"w.npy/": b""}),
    "deep dicts": lambda _: zipped(**{STRUCTURE: b'{"a":' * 100_000, "w.npy": npy(ONE, b"\0" * 4)}),
    "nothing": lambda _: b"",
    "an empty archive and more": lambda _: b"PK\x05\x06" + b"\xff" * 18,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes on Windows")
@pytest.mark.parametrize("suffix", FORMATS)
def test_pipes_and_devices_are_not_read(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"zeros.{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):  # the one would never begin, the other never end
        with pytest.raises(ValueError, match="device or a pipe"):
            nn.load(tmp_path / f"{name}.{suffix}")


def test_an_array_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    length = 1 << 27
    header = npy(ONE.replace(b"(1,)", b"(%d,)" % length))
    deflated = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with deflated as archive, archive.open("w.npy", "w") as member:
        member.write(header)
        for _ in range(4 * length >> 20):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="would unpack to"):
            nn.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_long_structure_is_not_read(tmp_path: Path) -> None:
    """JSON takes ten times its length in memory, and packed a thousandth."""
    path = tmp_path / "model.npz"
    path.write_bytes(zipped(**{STRUCTURE: b"[" + b"0," * (1 << 25) + b"0]"}))
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="longer than"):
            nn.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def trainer(seed: int) -> Any:
    """A training with a scheduler, and what it is made of as bytes."""
    autodiff.manual_seed(seed)
    net = model()
    optimizer = nn.optim.Adam(net.parameters(), lr=0.01)
    scheduler = nn.optim.lr_scheduler.StepLR(optimizer, 2)
    training = nn.training.Trainer(net, nn.MSELoss(), optimizer, scheduler=scheduler)
    training.fit(autodiff.randn(8, 2), autodiff.randn(8, 1), epochs=2, verbose=False)
    return training


def contents(training: Any) -> str:
    parts = [part.state_dict() for part in (training.model, training.optimizer, training.scheduler)]
    return repr([parts, training.epoch, training.history.history, training.resumed])


@st.composite
def other_values(draw: st.DrawFn) -> Callable[[Any], Any]:
    """A change of one place in what JSON says: an entry is lost, or another value is there."""
    turns = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8))
    lost = draw(st.booleans())
    value = draw(st.sampled_from([None, -1, 0, 3, "x", [], {}, [[]], 1e308, {"tensor": "x"}, {"dict": []}]))

    def change(x: Any, depth: int = 0) -> Any:
        if depth == len(turns) or not isinstance(x, (dict, list)) or not x:
            return value
        keys = list(x) if isinstance(x, dict) else range(len(x))
        key = keys[int(turns[depth] * len(keys))]
        if lost and not isinstance(x[key], (dict, list)):
            del x[key]
        else:
            x[key] = change(x[key], depth + 1)
        return x

    return change


def test_a_checkpoint_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "training.npz"
    trainer(0).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    mine = trainer(1)

    @quick
    @given(other_values())
    def try_it(change: Callable[[Any], Any]) -> None:
        text = json.dumps(change(json.loads(members[STRUCTURE]))).encode()
        path.write_bytes(zipped(**{**members, STRUCTURE: text}))
        before = contents(mine)
        try:
            mine.load(path)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            event(f"refused: {type(error).__name__}")
            assert contents(mine) == before

    try_it()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", FORGED)
def test_forged_files_are_refused_and_run_nothing(name: str, suffix: str, tmp_path: Path) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    marker = tmp_path / "it ran"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's and numpy's own
        found = loaded(FORGED[name](marker), suffix)
    assert not marker.exists()
    if name == "a huge shape of nothing" and found is not None:
        assert found["w"].numel() == 0
    else:
        assert found is None


def test_the_pickles_above_do_run_where_pickles_are_read(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    pickle.loads(FORGED["a pickle"](marker))["w"].close()
    assert marker.exists()


HEADERS = {
    "offsets that overlap": {
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
    },
    "offsets beyond the end": {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8_000_000_000]}},
    "offsets backwards": {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
    "another size": {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
    "a huge shape": {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}},
    "no dtype": {"a": {"dtype": "O8", "shape": [1], "data_offsets": [0, 8]}},
    "no dict": ["a"],
}


def test_two_arrays_of_one_name_in_safetensors() -> None:
    pytest.importorskip("safetensors")
    entry = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    for header, sound in ((b"{" + entry + b"}", True), (b"{" + entry + b"," + entry + b"}", False)):
        found = loaded(struct.pack("<Q", len(header)) + header + bytes(4), "safetensors")
        assert (found is not None) == sound


@pytest.mark.parametrize("name", HEADERS)
def test_forged_headers_of_safetensors(name: str) -> None:
    pytest.importorskip("safetensors")
    header = json.dumps(HEADERS[name]).encode()
    assert loaded(struct.pack("<Q", len(header)) + header + bytes(12), "safetensors") is None
    assert loaded(struct.pack("<Q", 2**63 - 1) + header + bytes(12), "safetensors") is None


def test_images_that_unpack_to_much_are_read_no_further_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "LIMIT", 1 << 16)
    path = tmp_path / "images.gz"
    for shape in [(1 << 16, 1, 1), (1 << 16, 1 << 16, 1 << 16), (0, 28, 28)]:
        header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape)
        path.write_bytes(gzip.compress(header + bytes(10_000_000), 1))
        start = time.perf_counter()
        with pytest.raises(ValueError, match="images"):
            images.read_idx(path, 3)
        assert time.perf_counter() - start < SECONDS
