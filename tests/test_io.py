"""Files: what is saved comes back; what is damaged, hostile or unfit is refused, and nothing is changed."""

from __future__ import annotations

import io
import json
import math
import sys
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff
import nn

FORMATS = ["npz", "safetensors", "pt"]

ODD = {
    "file": autodiff.tensor(3),
    "0-dim": autodiff.tensor(2.5),
    "a/b": autodiff.arange(6.0).reshape(2, 3).T,
    "step": autodiff.arange(12).reshape(3, 4)[:, ::2],
    "é": autodiff.tensor([True, False]),
    "": autodiff.zeros(0, 2),
    "double": autodiff.ones(1, dtype="float64"),
    "expanded": autodiff.tensor([[1.0], [2.0]]).expand(2, 3),
}


def same(a: Any, b: Any) -> bool:
    """The same structure, with the same numbers of the same dtype at its ends."""
    if isinstance(a, (autodiff.Tensor, np.ndarray)):
        x, y = (np.asarray(v.detach() if isinstance(v, autodiff.Tensor) else v) for v in (a, b))
        return (
            type(a) is type(b) and x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        )
    if isinstance(a, dict):
        return (
            isinstance(a, Counter) is isinstance(b, Counter)
            and list(a) == list(b)
            and all(same(a[key], b[key]) for key in a)
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def trained() -> tuple[nn.Module, nn.optim.Optimizer]:
    """A model and its optimizer, after a step."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    model(autodiff.randn(5, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


# what is saved comes back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_state_dict(tmp_path: Path, suffix: str) -> None:
    model, _ = trained()
    file = tmp_path / f"model.{suffix}"
    nn.save(model, file)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    state = nn.load(file)
    assert isinstance(state, OrderedDict) and set(state) == set(model.state_dict())
    if suffix != "safetensors":
        assert list(state) == list(model.state_dict())
    twin, _ = trained()
    twin.load_state_dict(state)
    assert same(dict(twin.state_dict()), dict(model.state_dict()))


@pytest.mark.parametrize("suffix", FORMATS)
def test_layouts_shapes_and_names(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"odd.{suffix}"
    nn.save(ODD, file)
    loaded = nn.load(file)
    assert set(loaded) == set(ODD)
    for name, value in loaded.items():
        assert same(value, ODD[name]) and value.shape == ODD[name].shape
        value.zero_()  # it has memory of its own


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_checkpoint(tmp_path: Path, suffix: str) -> None:
    model, optimizer = trained()
    scheduler = nn.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3, 3])
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.1}
    checkpoint |= {"scheduler": scheduler.state_dict(), "history": [1.5, math.nan, -math.inf], "done": False}
    checkpoint |= {
        "notes": "é\n\0",
        "nothing": None,
        "sizes": (2, 3),
        "deep": {"a": [{"b": autodiff.tensor(1)}]},
    }
    checkpoint |= {"a/b": autodiff.ones(1), "a": {"b": autodiff.zeros(1)}, "array": np.eye(2), "large": 2**80}
    file = tmp_path / f"checkpoint.{suffix}"
    nn.save(checkpoint, file)
    loaded = nn.load(file)
    assert same(loaded, json_like(checkpoint))
    twin, other = trained()
    twin.load_state_dict(loaded["model"])
    other.load_state_dict(loaded["optimizer"])
    for m, o in ((model, optimizer), (twin, other)):
        o.zero_grad()
        m(autodiff.ones(4, 3)).square().sum().backward()
        o.step()
    assert same(dict(model.state_dict()), dict(twin.state_dict()))


def json_like(value: Any) -> Any:
    """What comes back of it: each kind of dict as a dict."""
    if isinstance(value, dict) and not isinstance(value, Counter):
        return {key: json_like(item) for key, item in value.items()}
    return [json_like(item) for item in value] if isinstance(value, list) else value


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
tensors = st.lists(st.floats(width=32), max_size=3).map(lambda x: autodiff.tensor(x, dtype=autodiff.float32))
keys = st.text() | st.integers()
nests = st.recursive(
    scalars | tensors,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.tuples(inner, inner),
)


@given(nests)
def test_whatever_is_made_of_dicts_lists_tensors_and_numbers(value: Any) -> None:
    file = io.BytesIO()
    nn.save({"value": value}, file)
    file.seek(0)
    assert same(nn.load(file)["value"], json_like(value))


def test_gradients_are_still_asked_for(tmp_path: Path) -> None:
    nn.save({"w": autodiff.ones(2, requires_grad=True), "step": 1}, tmp_path / "w")
    assert nn.load(tmp_path / "w")["w"].requires_grad


def test_others_read_our_files_and_we_read_theirs(tmp_path: Path) -> None:
    state = {"w": np.arange(6.0).reshape(2, 3), "n": np.array(3)}
    nn.save(state, tmp_path / "ours.npz")
    with np.load(tmp_path / "ours.npz") as archive:
        assert same({name: archive[name] for name in archive.files}, state)
    nn.save(state, tmp_path / "ours.safetensors")
    assert same(
        dict(sorted(safetensors.numpy.load_file(tmp_path / "ours.safetensors").items())),
        dict(sorted(state.items())),
    )
    np.savez(tmp_path / "plain.npz", **state)
    np.savez_compressed(tmp_path / "compressed.npz", w=np.asfortranarray(state["w"]), n=np.array(3, ">i8"))
    safetensors.numpy.save_file(state, tmp_path / "theirs.safetensors")
    for file in ("plain.npz", "compressed.npz", "theirs.safetensors"):
        loaded = nn.load(tmp_path / file)
        assert same({name: loaded[name].numpy() for name in state}, state)


# what cannot be saved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_failed_save_leaves_the_old_file(tmp_path: Path, suffix: str, monkeypatch: Any) -> None:
    file = tmp_path / f"model.{suffix}"
    nn.save({"w": autodiff.ones(2)}, file)
    before = file.read_bytes()
    wrong = {
        "checkpoint['model']": {"model": nn.Linear(1, 1)},
        "checkpoint['a'][1]": {"a": [1, print]},
        "checkpoint['w']": {"w": np.array("text")},
        "keys are": {(1, 2): autodiff.ones(1)},
        "name": {"a\0b": autodiff.ones(1)},
        "checkpoint is": {1, 2},
    }
    for words, state in wrong.items():
        with pytest.raises(TypeError) as error:
            nn.save(state, file)
        assert words in str(error.value)

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        nn.save({"w": autodiff.zeros(2)}, file)
    assert file.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist"):
        nn.save({}, tmp_path / "nowhere" / "model.npz")


def test_a_link_still_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    nn.save({"w": autodiff.ones(2)}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and nn.load(tmp_path / "file")["w"].tolist() == [1, 1]


def test_without_safetensors_the_error_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "model.safetensors"
    nn.save({"w": autodiff.ones(2)}, file)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for act in (lambda: nn.save({"w": autodiff.ones(2)}, file), lambda: nn.load(file)):
        with pytest.raises(ImportError, match="pip install"):
            act()


# what cannot be loaded --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("state", [{"w": autodiff.ones(20, 20)}, {"w": [autodiff.ones(20, 20)], "n": 1}])
def test_a_file_cut_short_or_damaged(tmp_path: Path, suffix: str, state: Any) -> None:
    file = tmp_path / f"model.{suffix}"
    with pytest.raises(FileNotFoundError):
        nn.load(file)
    nn.save(state, file)
    whole = file.read_bytes()
    for size in {0, 1, 7, 100, len(whole) // 2, len(whole) - 1}:
        file.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cannot be loaded"):
            nn.load(file)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        file.write_bytes(damaged)
        try:
            loaded = nn.load(file)
        except (ValueError, TypeError):
            continue
        assert loaded is not None  # what has no checksum, such as a date, or a number in safetensors


def archive(path: Path, **members: bytes) -> Path:
    """A zip file with these members; `_` in a name is written as `.`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return path


def npy(shape: str, descr: str = "'<f4'", data: bytes = b"") -> bytes:
    """A file in NumPy's format that claims this shape."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


STRUCTURED = npy("(1,)", data=bytes(4))

HOSTILE = {
    "more than its bytes": {"w_npy": npy("(1000000000000,)")},
    "fewer than its bytes": {"w_npy": npy("(2,)", data=bytes(12))},
    "a negative size": {"w_npy": npy("(-1, -3)", data=bytes(12))},
    "too many entries to count": {"w_npy": npy(f"(0, {10**30})")},
    "objects": {"w_npy": npy("(1,)", "'|O'", bytes(8))},
    "code for a shape": {"w_npy": npy("__import__('os').getpid()")},
    "a header without end": {"w_npy": b"\x93NUMPY\x02\x00\xff\xff\xff\x7f"},
    "an unknown version": {"w_npy": b"\x93NUMPY\x09\x00\x00\x00"},
    "no array": {"readme_txt": b"hello"},
    "PyTorch's own": {"archive/data_pkl": b"\x80\x02}q\x00."},
    "no JSON": {"structure_json": b"{", "w_npy": STRUCTURED},
    "an array that is not there": {"structure_json": b'{"tensor": "v"}', "w_npy": STRUCTURED},
    "an unknown kind": {"structure_json": b'{"code": "print()"}'},
    "an unhashable key": {"structure_json": b'{"dict": [[[1], 2]]}'},
    "no pairs": {"structure_json": b'{"dict": 3}'},
    "endless lists": {"structure_json": b"[" * 100_000},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file(tmp_path: Path, case: str) -> None:
    file = archive(tmp_path / "model.npz", **HOSTILE[case])
    with pytest.raises(ValueError, match="cannot be loaded"):
        nn.load(file)


def test_a_file_that_would_unpack_to_absurdly_much(tmp_path: Path, monkeypatch: Any) -> None:
    np.savez_compressed(tmp_path / "w.npz", w=np.zeros(1 << 20))
    assert nn.load(tmp_path / "w.npz")["w"].shape == (1 << 20,)
    monkeypatch.setattr("nn.io.ABSURD", (1 << 20, 100))
    with pytest.raises(ValueError, match="would unpack to 8388"):
        nn.load(tmp_path / "w.npz")


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "w", "w") as file:
        for _ in range(2):
            file.writestr("w.npy", STRUCTURED)
    with pytest.raises(ValueError, match="one name"):
        nn.load(tmp_path / "w")


def test_a_safetensors_file_that_claims_too_much(tmp_path: Path) -> None:
    header = {"w": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}
    text = json.dumps(header).encode()
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(ValueError, match="cannot be loaded"):
        nn.load(tmp_path / "w.safetensors")


def test_dtypes_that_the_engine_lacks(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", w=np.ones(2, np.float16))
    safetensors.numpy.save_file({"w": np.ones(2, np.int32)}, tmp_path / "int.safetensors")
    for file in ("half.npz", "int.safetensors"):
        with pytest.raises(TypeError, match=r"load.*: w: dtype .* is not supported"):
            nn.load(tmp_path / file)


def test_a_file_of_pytorch_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="safetensors"):
        nn.load(tmp_path / "model.pt")


@pytest.mark.parametrize("change", ["shape", "missing", "unexpected"])
def test_a_state_that_does_not_fit_changes_nothing(tmp_path: Path, change: str) -> None:
    model, _ = trained()
    state = model.state_dict()
    if change == "shape":
        state["2.weight"] = autodiff.ones(2, 4)
    elif change == "missing":
        del state["2.weight"]
    else:
        state["3.weight"] = autodiff.ones(1)
    nn.save({name: value + 1 for name, value in state.items()}, tmp_path / "model.npz")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"[23]\.weight"):
        model.load_state_dict(nn.load(tmp_path / "model.npz"))
    assert same(dict(model.state_dict()), before)
