"""PyTorch scripts run unchanged: each name does what PyTorch's does, or the error says what is missing."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import runpy
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn
from nn import compat

from .against_torch import TORCH_DTYPES
from .programs.output import difference
from .test_creation import expressions

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted((ROOT / "tests" / "programs").glob("[a-z]*_*.py"))
MODULES = compat.modules()
OURS = MODULES["torch"]

# names --------------------------------------------------------------------------------------------------

NAMES = {
    "torch": """
        Tensor FloatTensor DoubleTensor LongTensor BoolTensor IntTensor Size Generator device dtype tensor
        as_tensor from_numpy zeros ones empty full eye arange linspace zeros_like ones_like rand randn randint
        randperm manual_seed initial_seed seed get_rng_state set_rng_state no_grad enable_grad
        set_grad_enabled is_grad_enabled inference_mode float double long int bool float32 float64 int64 int32
        float16 bfloat16 half uint8 int8 set_default_dtype get_default_dtype numel is_tensor
        is_floating_point set_default_tensor_type set_printoptions save load set_num_threads
        get_num_threads compile finfo iinfo
        inf nan pi autograd nn optim utils cuda backends random
        """,
    "torch.linalg": "norm inv solve det svd eigh lstsq",
    "torch.nn": "Module Parameter Linear Sequential functional init parameter modules",
    "torch.nn.functional": "relu cross_entropy softmax linear",
    "torch.nn.init": "xavier_uniform_ kaiming_normal_ zeros_ normal_",
    "torch.nn.parameter": "Parameter",
    "torch.nn.modules": "Module Linear",
    "torch.nn.utils": "clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters",
    "torch.nn.utils.rnn": "pad_sequence",
    "torch.optim": "SGD Adam AdamW LBFGS Optimizer lr_scheduler",
    "torch.optim.lr_scheduler": "StepLR LambdaLR ReduceLROnPlateau LRScheduler _LRScheduler",
    "torch.optim.optimizer": "Optimizer",
    "torch.utils.data": "Dataset TensorDataset DataLoader Subset random_split Sampler default_collate",
    "torch.utils.data.dataset": "Dataset",
    "torch.autograd": "Function Variable backward grad gradcheck no_grad enable_grad set_detect_anomaly",
    "torch.autograd.functional": "jacobian hessian vjp jvp hvp",
    "torch.func": "grad vjp jvp jacrev jacfwd hessian vmap functional_call",
    "torch.utils.checkpoint": "checkpoint",
    "torch.cuda": "is_available device_count manual_seed manual_seed_all empty_cache amp",
    "torch.backends.cudnn": "is_available",
    "torch.backends.mps": "is_available",
    "torch.random": "manual_seed get_rng_state",
}


@pytest.mark.parametrize("module", NAMES)
def test_the_names_that_scripts_use(module: str) -> None:
    for name in NAMES[module].split():
        assert hasattr(importlib.import_module(module), name) and hasattr(MODULES[module], name), name


def test_every_module_is_one_of_pytorch_and_every_name_is_found() -> None:
    for name, module in MODULES.items():
        importlib.import_module(name)
        for attribute in dir(module):
            getattr(module, attribute)


def test_the_attributes_are_ours() -> None:
    assert OURS.nn.Linear is nn.Linear and OURS.nn.functional.relu is nn.functional.relu
    assert OURS.exp is autodiff.exp and OURS.optim.SGD is nn.optim.SGD
    assert not hasattr(OURS, "interop")
    assert "Linear" in OURS.nn.__all__ and "functional" in OURS.nn.__all__  # from torch.nn import *


@pytest.mark.parametrize(
    "module, name, nearest",
    [
        ("torch.nn", "Lineer", "torch.nn.Linear"),
        ("torch", "cross_entropy", "torch.nn.functional.cross_entropy"),
        ("torch", "sofmax", "torch.softmax"),
        ("torch.nn.functional", "xavier_uniform_", "torch.nn.init.xavier_uniform_"),
        ("torch.backends", "cuda_is_available", ""),
    ],
)
def test_a_missing_name_is_named_with_the_nearest(module: str, name: str, nearest: str) -> None:
    with pytest.raises(AttributeError) as error:
        getattr(MODULES[module], name)
    assert f"{module}.{name} is not in nn.compat" in str(error.value) and nearest in str(error.value)


# what they do: each expression under both -----------------------------------------------------------------

SAME = """
lib.Tensor([1, 2])  lib.Tensor([[1, 2], [3, 4.5]])  lib.Tensor()  lib.Tensor(np.array([1.5, 2]))
lib.Tensor(np.arange(3))  lib.Tensor(x)  lib.Tensor(lib.tensor([1, 2]))  lib.Tensor(2, 3).shape
lib.Tensor(5).shape  lib.Tensor(lib.tensor(3)).shape  lib.Tensor(np.int64(2), 3).shape
lib.Tensor([lib.tensor(1.0), lib.tensor(2.0)])  lib.Tensor([1, 2], device="cpu")
lib.FloatTensor([1, 2])  lib.FloatTensor(2, 3).dtype  lib.DoubleTensor([1, 2])  lib.LongTensor([1.5, 2])
lib.LongTensor(3).shape  lib.LongTensor([True, False])  lib.BoolTensor([1, 0])  lib.LongTensor([[1], [2]])
isinstance(x, lib.Tensor)  isinstance(x, lib.FloatTensor)  isinstance(x, lib.LongTensor)
isinstance(x.long(), lib.LongTensor)  isinstance(1.0, lib.Tensor)  isinstance([1.0], lib.Tensor)
isinstance(lib.nn.Parameter(x), lib.Tensor)  issubclass(lib.nn.Parameter, lib.Tensor)
isinstance(x.shape, lib.Size)  x.shape == lib.Size([2, 3])  isinstance(x.dtype, lib.dtype)
lib.autograd.Variable(x, requires_grad=True)  isinstance(x, lib.autograd.Variable)
str(lib.device("cpu"))  repr(lib.device("cpu"))  repr(lib.device("cuda:1"))  lib.device("cuda", 1).index
lib.device("cpu").type  lib.device("cpu").index  lib.device("cpu") == lib.device("cpu")
lib.device("cpu") == lib.device("cuda")  lib.device("cuda:0").type  x.device == lib.device("cpu")
lib.device(type="cuda", index=0) == lib.device("cuda:0")
x.to("cpu") is x  x.to(lib.device("cpu")) is x  x.to(lib.float64)  x.to(lib.device("cpu"), lib.float64)
x.to(device=lib.device("cpu"), dtype=lib.long)  x.cpu() is x  x.to(lib.device("cpu"), non_blocking=True) is x
x.float()  x.double()  x.long()  x.bool()  x.type(lib.DoubleTensor)  x.type("torch.LongTensor")
x.type(lib.LongTensor)  x.type(lib.float64)  lib.ones(2, device=lib.device("cpu"))
x.new_zeros(2, 3)  x.new_zeros((2,), device="cpu")  x.new_ones(2, dtype=lib.long, device=x.device)
x.new_full((2,), 3.5, device=x.device)  x.new_tensor([1, 2], device="cpu")  x.new_empty(2, device="cpu").shape
x.new_zeros(size=(2, 2))  x.is_cuda  lib.cuda.is_available()  lib.cuda.device_count()
lib.backends.mps.is_available()  lib.tensor([1.5, 2], dtype=lib.double)  lib.tensor([1.5, 2], dtype=lib.long)
lib.tensor([1, 0], dtype=lib.bool)  lib.numel(x)
lib.is_tensor(x)  lib.is_tensor(1.0)  lib.get_default_dtype()  lib.is_floating_point(x)
lib.finfo(lib.float32).max  lib.finfo(lib.float64).eps  lib.finfo(x.dtype).min  lib.finfo().tiny
repr(lib.finfo(lib.float32))  lib.iinfo(lib.int64).max  repr(lib.iinfo(lib.long))  lib.finfo(lib.float32).bits
lib.compile(len)([1, 2])  lib.compile(dynamic=True)(len)([1, 2])  lib.manual_seed(3).initial_seed()
lib.no_grad()(lambda: (x * w).requires_grad)()  lib.inference_mode()(lambda: (x * w).requires_grad)()
lib.inference_mode(lambda: (x * w).requires_grad)()
lib.inference_mode(False)(lambda: (x * w).requires_grad)()
lib.cuda.amp.GradScaler(enabled=False).scale(x) is x
lib.autograd.set_detect_anomaly(False) is None
lib.result_type(x, 1)  lib.result_type(lib.tensor([1]), 1.5)  lib.result_type(x, lib.tensor(1.0).double())
lib.promote_types(lib.int64, lib.float32)  lib.promote_types(lib.float32, lib.float64)  x.ndimension()
lib.is_complex(x)  x.is_complex()  lib.is_nonzero(lib.tensor([0.0]))  lib.tensor(3).is_nonzero()
lib.asarray([1, 2.5])  lib.asarray(x) is x  lib.asarray(x, copy=True) is x
lib.asarray(np.arange(2), copy=False)  lib.asarray([1], dtype=lib.float64, requires_grad=True)
int(lib.__version__.split(".")[0])  lib.version.cuda
lib.e  lib.newaxis  x[:, lib.newaxis].shape  lib.vmap(lib.sum)(x)  lib.detach(w)  lib.relu_(x.clone())
lib.abs_(x.clone())  lib.clamp_(x.clone(), 0, 1)  lib.dropout(x, 0.5, train=False)  lib.dropout(x, 0.0, True)
lib.real(x)  lib.isreal(x)  lib.scalar_tensor(2)  lib.is_same_size(x, x.T)  lib.typename(x)  lib.typename(1)
lib.is_inference_mode_enabled()  x.numpy(force=True).tolist()
(w * 2).numpy(force=True).tolist()  lib.tensor([3]) << 2  lib.tensor([9]) >> 1  lib.lgamma(x.abs() + 1).shape
lib.utils.checkpoint.checkpoint_sequential([lib.abs, lib.neg], 2, x, use_reentrant=False)
lib.func.stack_module_state([lib.nn.Linear(2, 3) for _ in range(4)])[0]["weight"].shape
lib.nn.BatchNorm1d(3)(lib.zeros(0, 3))  lib.nn.BatchNorm2d(3)(lib.zeros(0, 3, 2, 2)).shape
lib.nn.ZeroPad2d(1)(x[None])  repr(lib.nn.ZeroPad2d(1))  repr(lib.nn.ConstantPad1d(2, 1.5))
repr(lib.nn.AdaptiveMaxPool2d((2, None)))  repr(lib.nn.ReflectionPad2d((1, 0, 1, 0)))
"""

WRONG = """
lib.Tensor(2.5)  lib.Tensor(True)  lib.Tensor("ab")  lib.Tensor(-1)  lib.Tensor(np.float32(2))
lib.LongTensor(x)  lib.device("nowhere")  lib.device(1.5)  lib.device("cpu:")  lib.device("cuda:0", 1)
lib.finfo(lib.int64)  lib.iinfo(lib.float32)  lib.set_num_threads(0)  lib.set_num_threads("a")
lib.set_default_tensor_type("torch.LongTensor")  lib.cuda.current_device()  lib.tensor("2", dtype=lib.float32)
lib.func.stack_module_state([])
lib.torch_has_no_such_name  lib.asarray([1.0], copy=False)  lib.is_nonzero(x)  lib.is_complex(1.0)
"""


def value(expression: str, library: Any) -> Any:
    x = library.tensor([[0.5, -1.5, 0.0], [2.0, 3.7, -0.2]])
    w = library.tensor(2.0, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, {"lib": library, "np": np, "x": x, "w": w})


@pytest.mark.parametrize("expression", expressions(SAME))
def test_the_same_value(expression: str) -> None:
    ours, theirs = value(expression, OURS), value(expression, torch)
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, autodiff.Tensor)
        assert TORCH_DTYPES[ours.dtype] == theirs.dtype
        assert ours.requires_grad == theirs.requires_grad
        assert ours.detach().tolist() == theirs.detach().tolist()
    else:
        assert TORCH_DTYPES[ours] == theirs if isinstance(theirs, torch.dtype) else ours == theirs


@pytest.mark.parametrize("expression", expressions(WRONG))
def test_the_same_kind_of_error(expression: str) -> None:
    with pytest.raises(Exception) as theirs:
        value(expression, torch)
    with pytest.raises(theirs.type):
        value(expression, OURS)


@pytest.mark.parametrize("name", ["float16", "half", "bfloat16", "uint8", "int8", "int16", "complex64"])
def test_a_dtype_that_the_engine_lacks_may_be_named_and_is_refused_in_use(name: str) -> None:
    dtype = getattr(OURS, name)
    for use in (lambda: OURS.ones(2, dtype=dtype), lambda: OURS.ones(2).to(dtype)):
        with pytest.raises(TypeError, match=r"is not supported: use one of float32"):
            use()


def test_int32_means_int64() -> None:
    assert OURS.tensor([1.5], dtype=OURS.int32).dtype == autodiff.int64 == OURS.int


def test_what_is_ambiguous_or_not_to_be_had_is_refused() -> None:
    with pytest.raises(TypeError, match="a size or data"):
        OURS.Tensor((2, 3))
    with pytest.raises(TypeError, match="subclasses"):
        type("Mine", (OURS.Tensor,), {})
    with pytest.raises(RuntimeError, match="not available"):
        OURS.ones(2).to(OURS.device("cuda"))
    with pytest.raises(RuntimeError, match="bfloat16"):
        OURS.autocast("cpu")
    with pytest.raises(TypeError, match="state_dict"):
        OURS.save(nn.Linear(1, 1), io.BytesIO())
    for scaled in (lambda: OURS.autocast("cuda"), lambda: OURS.cuda.amp.GradScaler()):
        with pytest.warns(UserWarning, match="Disabling"):
            scaled()


@pytest.mark.parametrize("lib", [OURS, torch], ids=["nn.compat", "torch"])
def test_a_checkpoint_in_memory(lib: Any) -> None:
    model = lib.nn.Linear(2, 1)
    optimizer = lib.optim.Adam(model.parameters(), lr=0.5)
    file = io.BytesIO()
    lib.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, file)
    file.seek(0)
    checkpoint = lib.load(file, map_location=lib.device("cpu"), weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    assert checkpoint["epoch"] == 3 and optimizer.param_groups[0]["betas"] == (0.9, 0.999)


# the command ------------------------------------------------------------------------------------------------


def python(*arguments: Any, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def run(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script, encoding="utf-8")
    return python("-m", "nn.compat", "script.py", *arguments, cwd=folder)


def test_a_script_is_main_with_its_arguments_and_its_folder(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import torch\nones = torch.ones(2)\n")
    script = """
import sys, torch, helper
import importlib.util
import torch.nn.functional as F
from torch import nn, Tensor
from torch.nn import *
from torch.utils.data import DataLoader
def f(): return "found"
import __main__
print(__name__, __file__, sys.argv, __main__.f(), helper.ones, isinstance(helper.ones, Tensor))
print(torch.__name__, F.relu(torch.tensor(-1.0)), "torch._C" in sys.modules, Linear is nn.Linear)
assert importlib.util.find_spec("torch") is not None
"""
    done = run(script, "--lr", "0.1", folder=tmp_path)
    assert done.stdout.splitlines() == [
        f"__main__ {tmp_path}/script.py ['script.py', '--lr', '0.1'] found tensor([1., 1.]) True",
        "torch tensor(0.) False True",
    ]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "script, code, last",
    [
        ("import sys\nsys.exit(7)", 7, ""),
        ("import sys\nsys.exit('stopped')", 1, "stopped"),
        ("raise SystemExit", 0, ""),
        ("def f():\n    1 / 0\nf()", 1, "ZeroDivisionError: division by zero"),
        ("x = (", 1, "SyntaxError: '(' was never closed"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
        ("import nowhere", 1, "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_exit_codes_and_tracebacks_are_those_of_the_script(
    tmp_path: Path, script: str, code: int, last: str
) -> None:
    done = run(script, folder=tmp_path)
    plain = python("script.py", cwd=tmp_path)
    assert done.returncode == code == plain.returncode
    assert (done.stderr.splitlines() or [""])[-1] == last
    assert done.stderr == plain.stderr


@pytest.mark.parametrize(
    "script, words",
    [
        ("from torch.nn import Lineer", "torch.nn.Lineer is not in nn.compat"),
        ("import torch.frobnicate", "torch.frobnicate is not in nn.compat"),
        ("import torch\ntorch.sofmax", "nearest that it has: torch.softmax"),
    ],
)
def test_a_script_that_needs_more_is_told_what(tmp_path: Path, script: str, words: str) -> None:
    done = run(script, folder=tmp_path)
    assert (
        done.returncode == 1 and words in done.stderr and f'File "{tmp_path}/script.py", line' in done.stderr
    )


@pytest.mark.parametrize("arguments", [[], ["--option"], ["nowhere.py"], ["."]])
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = python("-m", "nn.compat", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and "usage: python -m nn.compat script.py" in done.stderr


def test_install_is_for_the_whole_process_and_can_be_undone(tmp_path: Path) -> None:
    script = """
import sys, nn.compat
nn.compat.install(); nn.compat.install()
import torch
assert torch.tensor is __import__("autodiff").tensor
assert sum(type(f).__name__ == "Finder" for f in sys.meta_path) == 1
nn.compat.uninstall()
assert not any(name.split(".")[0] == "torch" for name in sys.modules)
print("done")
"""
    assert run(script, folder=tmp_path).stdout == "done\n"
    with pytest.raises(RuntimeError, match="PyTorch is imported already"):
        compat.install()
    assert sys.modules["torch"] is torch


# teaching programs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_teaching_program_prints_the_same_under_both(program: Path, tmp_path: Path) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(program), run_name="__main__")
    done = python("-m", "nn.compat", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert printed.getvalue().count("loss") >= 4
    assert difference(done.stdout, printed.getvalue()) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "ours, alike",
    [
        ("step 1  loss 0.277461", True),
        ("step 1  loss 0.277462", True),
        ("step 1  loss 0.277561", False),
        ("step 2  loss 0.277461", False),
        ("step 1  loss nan", False),
        ("step 1  loss 0.277461\nstep 2", False),
    ],
)
def test_the_comparison_sees_the_fourth_digit(ours: str, alike: bool) -> None:
    assert (difference(ours, "step 1  loss 0.277461") is None) == alike
