"""Errors teach: the message names operation, shapes and fix; what is shown, the line and the module."""

import copy
import io
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn
from autodiff import tensor
from autodiff.errors.tracebacks import readable
from autodiff.suspicions import losses
from nn.data import DataLoader, Subset, TensorDataset

ROOT = Path(__file__).parent.parent
F = nn.functional


def leaf(*shape: int) -> Any:
    return autodiff.ones(*shape, requires_grad=True)


def twice() -> None:
    loss = (leaf(2) ** 2).sum()
    loss.backward()
    loss.backward()


def changed_after_use() -> None:
    x = leaf(2) * 1
    loss = x.exp().sum() + (y := x * 2).exp().sum()
    y.add_(1)
    z = x.exp()
    z.mul_(2)
    (z.sum() + loss).backward()


class NoSuper(nn.Module):
    """A module whose `__init__` forgets the other."""

    def __init__(self) -> None:
        self.layer = nn.Linear(1, 1)


def generator_twice() -> None:
    parameters = nn.Linear(1, 1).parameters()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    nn.optim.Adam(parameters)


def fit(x: Any, y: Any, loss: Any = F.mse_loss) -> None:
    model = nn.Linear(2, 1)
    nn.Trainer(model, loss, nn.optim.SGD(model.parameters(), lr=0.1)).fit(
        x.detach(), y.detach(), verbose=False
    )


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "shapes": (
        lambda: leaf(2, 3) + leaf(2),
        RuntimeError,
        r"size of tensor a \(3\) must match .*\(2, 3\) and \(2,\).*unsqueeze\(1\)",
    ),
    "matrices": (
        lambda: leaf(2, 3) @ leaf(2, 3),
        RuntimeError,
        r"cannot be multiplied \(2x3 and 2x3\).*a @ b\.T or a\.T @ b would fit",
    ),
    "features": (
        lambda: nn.Linear(3, 1)(leaf(4, 2)),
        RuntimeError,
        r"cannot be multiplied \(4x2 and 3x1\).*in_features=2",
    ),
    "dtypes": (
        lambda: nn.Linear(2, 1)(leaf(4, 2).double()),
        RuntimeError,
        r"must have the same dtype.*float64 and float32",
    ),
    "axis": (lambda: leaf(2).sum(3), IndexError, r"Dimension out of range .*in sum\(\)"),
    "a loss's shapes": (
        lambda: F.mse_loss(leaf(4, 1), leaf(4)),
        ValueError,
        r"Target size \(4,\) must be .*reshape\(4, 1\)",
    ),
    "not a scalar": (
        lambda: (leaf(2) * 2).backward(),
        RuntimeError,
        r"only for scalar outputs.*\(2,\).*loss\.mean\(\)\.backward\(\)",
    ),
    "twice": (twice, RuntimeError, r"backward through the graph a second time.*retain_graph=True"),
    "changed in place": (
        changed_after_use,
        RuntimeError,
        r"modified by an inplace operation.*x = x \+ 1 instead of x \+= 1",
    ),
    "a leaf in place": (
        lambda: leaf(2).add_(1),
        RuntimeError,
        r"leaf Variable that requires grad.*no_grad\(\)",
    ),
    "integers": (
        lambda: tensor([1, 2], requires_grad=True),
        RuntimeError,
        r"Only Tensors of floating point.*int64",
    ),
    "classes": (
        lambda: F.cross_entropy(leaf(2, 3), tensor([0, 3])),
        IndexError,
        r"Target 3 is out of bounds.*0 to 2",
    ),
    "logits into BCE": (
        lambda: F.binary_cross_entropy(leaf(1) * 3, tensor([1.0])),
        RuntimeError,
        r"between 0 and 1.*binary_cross_entropy_with_logits",
    ),
    "eval forgotten": (
        lambda: nn.BatchNorm1d(2)(leaf(1, 2)),
        ValueError,
        r"more than 1 value per channel when training.*model\.eval\(\)",
    ),
    "dtypes of matrices": (
        lambda: leaf(2, 3) @ leaf(3, 2).double(),
        RuntimeError,
        r"float32 != float64.*matmul\(float32 \(2, 3\), float64 \(3, 2\)\).*y\.to\(x\.dtype\)",
    ),
    "sizes": (lambda: leaf(2, 3).view(4), RuntimeError, r"'\[4\]' is invalid for input of size 6.*in view"),
    "joined": (
        lambda: autodiff.cat([leaf(2, 3), leaf(3, 2).double()]),
        RuntimeError,
        r"Sizes of tensors must match.*tensors=\[float32 \(2, 3\), float64 \(3, 2\)\]",
    ),
    "an index": (lambda: leaf(2)[5], IndexError, r"index 5 is out of bounds for dimension 0 with size 2"),
    "channels": (
        lambda: nn.Conv2d(3, 4, 3)(leaf(1, 1, 8, 8)),
        RuntimeError,
        r"expected input\[1, 1, 8, 8\] to have 3 channels.*in_channels=1.*in Conv2d: Conv2d\(3, 4",
    ),
    "a word": (
        lambda: nn.Embedding(5, 3)(tensor([7])),
        IndexError,
        r"index out of range.*index 7, and weight has rows 0 to 4.*in Embedding: .*given input=int64 \(1,\)",
    ),
    "steps of a sequence": (
        lambda: nn.LSTM(3, 4)(leaf(5, 2, 2)),
        RuntimeError,
        r"Expected 3, got 2.*in LSTM: LSTM\(3, 4\), given input=float32 \(5, 2, 2\)",
    ),
    "a number": (lambda: leaf(2).item(), RuntimeError, r"cannot be converted to Scalar.*\.mean\(\)"),
    "an array": (lambda: leaf(2).numpy(), RuntimeError, r"Can't call numpy\(\).*detach\(\)"),
    "a condition": (lambda: bool(leaf(2) > 0), RuntimeError, r"more than one value is ambiguous.*\.all\(\)"),
    "not used": (
        lambda: autodiff.grad(leaf(2).sum(), leaf(3)),
        RuntimeError,
        r"not have been used in the graph.*float32 \(3,\)",
    ),
    "integers as targets": (
        lambda: F.binary_cross_entropy_with_logits(leaf(2), tensor([1, 0])),
        RuntimeError,
        r"targets are probabilities, target\.float\(\)",
    ),
    "rows of classes": (
        lambda: F.cross_entropy(leaf(2, 3), tensor([[0], [1]])),
        RuntimeError,
        r"multi-target not supported.*target\.squeeze\(1\)",
    ),
    "a model as parameters": (lambda: nn.optim.SGD(nn.Linear(1, 1)), TypeError, r"model\.parameters\(\)"),
    "no parameters": (lambda: nn.optim.SGD([]), ValueError, r"empty parameter list"),
    "a list": (lambda: nn.Linear(1, 1)([1.0]), TypeError, r"must be Tensor, not list.*autodiff\.tensor\(\)"),
    "an array of NumPy": (
        lambda: nn.Sequential(nn.Linear(2, 1))(np.ones((3, 2))),
        TypeError,
        r"must be Tensor, not numpy\.ndarray: wrap it in autodiff\.tensor\(\).*in Sequential\.0",
    ),
    "whole numbers": (
        lambda: nn.Linear(2, 1)(tensor([[1, 2]])),
        RuntimeError,
        r"same dtype, but got int64 and float32.*x\.to\(float32\)",
    ),
    "what an LSTM returns": (
        lambda: nn.Sequential(nn.LSTM(3, 4), nn.Linear(4, 1))(leaf(5, 2, 3)),
        TypeError,
        r"must be Tensor, not tuple: take the one that is meant, x\[0\].*in Sequential\.1",
    ),
    "a list of tensors": (
        lambda: autodiff.exp([leaf(2)]),
        TypeError,
        r"not list: autodiff\.stack\(tensors\)",
    ),
    "nothing": (lambda: nn.Linear(2, 1)(None), TypeError, r"not NoneType: a function without a return"),
    "a layer for its result": (
        lambda: F.cross_entropy(nn.Softmax(dim=1), tensor([0])),
        TypeError,
        r"it is a module, .*layer = Softmax\(\.\.\.\), then layer\(x\)",
    ),
    "a layer made of its input": (
        lambda: nn.Tanh(leaf(2)),
        TypeError,
        r"Tanh was given a Tensor when it was made.*nn\.Tanh\(\.\.\.\), then call it",
    ),
    "a loss made of tensors": (
        lambda: nn.MSELoss(leaf(2), leaf(2)),
        RuntimeError,
        r"Boolean value of Tensor .* ambiguous.*loss_fn = nn\.MSELoss\(\), then loss_fn\(input, target\)",
    ),
    "cross-entropy made of tensors": (
        lambda: nn.CrossEntropyLoss(leaf(2, 3), tensor([0, 1])),
        RuntimeError,
        r"ambiguous.*loss_fn = nn\.CrossEntropyLoss\(\)",
    ),
    "labels as floats": (
        lambda: nn.CrossEntropyLoss()(leaf(2, 3), tensor([0.0, 1.0])),
        RuntimeError,
        r"expected target dtype to be int64.*target\.long\(\).*in CrossEntropyLoss",
    ),
    "labels as rows of ones and zeros": (
        lambda: nn.CrossEntropyLoss()(leaf(2, 3), tensor([[0, 1, 0], [1, 0, 0]])),
        RuntimeError,
        r"multi-target not supported.*one-hot, target\.argmax\(1\)",
    ),
    "fewer labels than rows": (
        lambda: nn.CrossEntropyLoss()(leaf(4, 3), tensor([0, 1])),
        ValueError,
        r"batch_size \(4\) to match target batch_size \(2\)",
    ),
    "no super().__init__()": (
        NoSuper,
        AttributeError,
        r"cannot assign module before Module\.__init__\(\) call.*super\(\)\.__init__\(\) first in NoSuper",
    ),
    "no forward": (
        lambda: nn.Module()(leaf(2)),
        NotImplementedError,
        r'missing the required "forward" function',
    ),
    "a class in a Sequential": (
        lambda: nn.Sequential(nn.Linear(1, 1), nn.ReLU),
        TypeError,
        r"type is not a Module subclass: .*ReLU\(\)",
    ),
    "a function in a Sequential": (
        lambda: nn.Sequential(nn.Linear(1, 1), autodiff.relu),
        TypeError,
        r"is not a Module subclass: .*nn\.ReLU\(\)",
    ),
    "features that are no integer": (
        lambda: nn.Linear(2.0, 1),  # type: ignore[arg-type]
        TypeError,
        r"must be int, not float.*in Linear\(in_features=2\.0, out_features=1",
    ),
    "parameters not called": (
        lambda: nn.optim.SGD(nn.Linear(1, 1).parameters, lr=0.1),  # type: ignore[arg-type]
        TypeError,
        r"'method' object is not iterable: pass model\.parameters\(\)",
    ),
    "a generator read twice": (
        generator_twice,
        ValueError,
        r"empty parameter list.*was read before \(it can be read once\)",
    ),
    "an option that is no number": (
        lambda: nn.optim.Adam(nn.Linear(1, 1).parameters(), lr="0.1"),  # type: ignore[arg-type]
        TypeError,
        r"argument 'lr' must be a number, not str",
    ),
    "backward of a list": (
        lambda: autodiff.autograd.backward([1.0]),  # type: ignore[list-item]
        TypeError,
        r"must be Tensor, not float",
    ),
    "a kernel larger than the image": (
        lambda: nn.Conv2d(1, 1, 5)(leaf(1, 1, 3, 3)),
        RuntimeError,
        r"Kernel size can't be greater than actual input size.*a smaller kernel, or padding",
    ),
    "a word that is no integer": (
        lambda: nn.Embedding(5, 3)(tensor([1.0])),
        RuntimeError,
        r"scalar type int64; but got float32.*input\.long\(\)",
    ),
    "an LSTM's state at a GRU": (
        lambda: nn.GRU(3, 4)(leaf(5, 2, 3), (leaf(1, 2, 4), leaf(1, 2, 4))),
        TypeError,
        r"a state must be a Tensor, not tuple: a GRU or RNN has one state",
    ),
    "an LSTM of four dimensions": (
        lambda: nn.LSTM(3, 4)(leaf(1, 1, 5, 3)),
        ValueError,
        r"Expected input to be 2D or 3D, got 4D instead",
    ),
    "a mask's shape": (
        lambda: nn.MultiheadAttention(4, 2)(*[leaf(5, 2, 4)] * 3, attn_mask=leaf(4, 4)),
        RuntimeError,
        r"The shape of the 2D attn_mask is \(4, 4\), but should be \(5, 5\)",
    ),
    "heads": (
        lambda: nn.MultiheadAttention(5, 2),
        AssertionError,
        r"divisible by num_heads, and 5 is not",
    ),
    "batches of none": (
        lambda: DataLoader([1, 2], batch_size=0),
        ValueError,
        r"batch_size should be a positive integer value.*batch_size=0",
    ),
    "two arrays in a loader": (
        lambda: DataLoader(leaf(4, 2), leaf(4)),  # type: ignore[arg-type]
        ValueError,
        r"batch_size should be a positive integer.*DataLoader\(TensorDataset\(x, y\)",
    ),
    "a loader of nothing": (
        lambda: list(DataLoader(None)),
        TypeError,
        r"object of type 'NoneType' has no len\(\).*__len__ and __getitem__",
    ),
    "samples of unlike lengths": (
        lambda: list(DataLoader([[1.0], [2.0, 3.0]], batch_size=2)),
        RuntimeError,
        r"should be of equal size.*pad them, or pass a collate_fn",
    ),
    "an index beyond the data": (
        lambda: list(DataLoader(Subset(TensorDataset(leaf(4).detach()), [9]))),
        IndexError,
        r"index 9 is out of bounds for dimension 0 with size 4",
    ),
    "x and y of unlike lengths": (
        lambda: fit(leaf(4, 2), leaf(3, 1)),
        ValueError,
        r"as many samples in x as in y.*\(4, 2\), \(3, 1\)",
    ),
    "x of other features": (
        lambda: fit(leaf(4, 3), leaf(4, 1)),
        RuntimeError,
        r"cannot be multiplied \(4x3 and 2x1\).*in_features=3",
    ),
    "a loss class to a trainer": (
        lambda: nn.Trainer(nn.Linear(1, 1), nn.MSELoss, None),  # type: ignore[arg-type]
        TypeError,
        r"a loss module, such as nn\.CrossEntropyLoss\(\)",
    ),
    "a number as loss": (
        lambda: fit(leaf(4, 2), leaf(4, 1), lambda z, y: F.mse_loss(z, y).item()),
        TypeError,
        r"the loss returned float.*without item\(\)",
    ),
    "a layer to initialize": (
        lambda: nn.init.xavier_uniform_(nn.Linear(1, 1)),  # type: ignore[arg-type]
        TypeError,
        r"argument 'tensor' .* must be Tensor",
    ),
    "a gain's name": (
        lambda: nn.init.xavier_uniform_(leaf(2, 2), gain="relu"),  # type: ignore[arg-type]
        TypeError,
        r"argument 'gain' must be a number, not str",
    ),
    "no number": (
        lambda: autodiff.quantile(leaf(3), "half"),
        TypeError,
        r"quantile\(\): argument 'q' must be a number, not str",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_kind_words_and_fix(name: str) -> None:
    program, kind, words = ERRORS[name]
    with pytest.raises(kind) as caught:
        program()
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert re.search(r"\nyour line: .*test_errors.py, line \d+: ", str(caught.value))
    assert str(caught.value).count("your line: ") == 1


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_shown_is_the_users(name: str) -> None:
    shown = as_shown(ERRORS[name][0])
    assert "test_errors.py" in shown and "your line: " in shown
    assert not re.search(r'File ".*/(autodiff|nn)/', shown)
    assert "set_full_tracebacks(True) shows them" in shown


def as_shown(program: Callable[[], Any]) -> str:
    """What `sys.excepthook` prints of the error that a program raises."""
    try:
        program()
    except Exception as error:
        whole, notes = error.__traceback__, list(getattr(error, "__notes__", ()))
        with redirect_stderr(io.StringIO()) as shown:
            sys.excepthook(type(error), error, whole)
        assert error.__traceback__ is whole and getattr(error, "__notes__", []) == notes  # untouched
        return shown.getvalue()
    raise AssertionError("nothing was raised")


class Net(nn.Module):
    """A model whose second layer does not fit its first."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 4)
        self.tail = nn.Sequential(nn.Tanh(), nn.Linear(3, 1))

    def forward(self, x: Any) -> Any:
        return self.tail(self.hidden(x))


def test_the_module_is_named_by_its_path() -> None:
    def program() -> None:
        net = Net()
        net(autodiff.ones(5, 2))

    shown = as_shown(program)
    assert (
        "in net.tail.1: Linear(in_features=3, out_features=1, bias=True), given input=float32 (5, 4)" in shown
    )
    assert re.search(r"your line: .*test_errors.py, line \d+: return self.tail\(self.hidden\(x\)\)", shown)
    assert "net(autodiff.ones(5, 2))" in shown and "not aligned" not in shown  # NumPy's complaint is left out


def test_the_call_is_named_with_its_arguments() -> None:
    shown = as_shown(lambda: autodiff.sum(autodiff.ones(2, 3), dim=7))
    assert "in sum(input=float32 (2, 3), dim=7, keepdim=False)" in shown


def test_errors_of_operations_bear_the_note_wherever_they_go() -> None:
    with pytest.raises(RuntimeError) as caught:
        leaf(2, 3) + leaf(2)
    assert "leaf(2, 3) + leaf(2)" in "".join(traceback.format_exception(caught.value))
    assert "your line: " in str(caught.value)


def test_full_tracebacks_can_be_had() -> None:
    autodiff.set_full_tracebacks(True)
    try:
        shown = as_shown(lambda: leaf(2).sum(3))
    finally:
        autodiff.set_full_tracebacks(False)
    assert "autodiff/ops/reductions.py" in shown and "not shown" not in shown


def test_an_error_of_ours_that_we_did_not_raise_is_shown_whole() -> None:
    def broken() -> None:
        nn.Linear(2, 1)._register(1)  # type: ignore[call-arg]

    def deep() -> None:
        nn.Linear(2, 1).apply(3)  # type: ignore[arg-type]

    for program in (broken, deep):
        try:
            program()
        except Exception as error:
            with readable(error) as shown:
                assert shown is error.__traceback__


def test_an_error_that_nothing_refused_still_names_the_call_and_the_line() -> None:
    shown = as_shown(lambda: nn.Linear(2, 1)._register(1))  # type: ignore[call-arg]
    assert "Traceback" in shown and "not shown" not in shown
    shown = as_shown(lambda: autodiff.linalg.multi_dot(3))  # type: ignore[arg-type]
    assert "in multi_dot(" in shown and "your line: " in shown


def test_errors_of_the_user_are_none_of_ours() -> None:
    def own() -> None:
        raise RuntimeError("mine")

    assert "your line" not in as_shown(own)


def test_scripts_and_threads_show_errors_so() -> None:
    program = """
import threading
import autodiff, nn
net = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))
thread = threading.Thread(target=lambda: net(autodiff.ones(5, 2)))
thread.start(); thread.join()
net(autodiff.ones(6, 2))
"""
    for full in ("0", "1"):
        env = {"PYTHONPATH": str(ROOT), "AUTODIFF_FULL_TRACEBACKS": full}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)
        assert done.returncode == 1
        assert done.stderr.count("in net.1: Linear(") == 2
        assert ("/ops/linear.py" in done.stderr) == (full == "1")


def test_notebooks_show_errors_so() -> None:
    pytest.importorskip("IPython")
    program = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%colors NoColor")
shell.run_cell("import autodiff, nn; net = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))")
shell.run_cell("net(autodiff.ones(6, 2))")
shell.run_cell("1 / 0")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    shown = done.stdout + done.stderr
    assert "in net.1: Linear(" in shown and "cannot be multiplied" in shown and "ZeroDivisionError" in shown
    assert "/ops/linear.py" not in shown


def test_pytest_shows_errors_so(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import autodiff, nn\n"
        "net = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))\n"
        "def test():\n"
        "    net(autodiff.ones(6, 2))\n"
    )
    env = {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert "in net.1: Linear(" in done.stdout and "test_it.py, line 4: net(" in done.stdout


def test_a_layer_is_named_by_the_model_that_has_it() -> None:
    net = Net()
    with pytest.raises(RuntimeError, match=r"\nin net\.tail\.1: Linear\("):
        net.tail[1](autodiff.ones(1, 2))


# No gradient ----------------------------------------------------------------------------------------------


def test_what_is_plain_data_is_named() -> None:
    def train(x: Any, y: Any) -> None:
        model = nn.Linear(2, 1)
        prediction = model(x).detach()
        loss = F.mse_loss(prediction, y)
        loss.backward()

    with pytest.raises(RuntimeError) as caught:
        train(autodiff.ones(4, 2), autodiff.ones(4, 1))
    said = str(caught.value)
    assert said.startswith("element 0 of tensors does not require grad and does not have a grad_fn")
    assert "loss is float32 (), plain data" in said
    assert "Plain data here: x float32 (4, 2), y float32 (4, 1), prediction float32 (4, 1)." in said
    assert "Requiring grad: 2 parameters of model" in said


def test_frozen_parameters_and_no_grad_are_named() -> None:
    model = nn.Linear(2, 1).requires_grad_(False)
    with pytest.raises(RuntimeError, match="No parameter of model requires grad: it is frozen"):
        model(autodiff.ones(1, 2)).sum().backward()
    with autodiff.no_grad(), pytest.raises(RuntimeError, match="this line runs under no_grad"):
        (leaf(2) * 2).sum().backward()


# Suspicions -----------------------------------------------------------------------------------------------


X, Y = torch.randn(8, 2).numpy(), torch.randn(8, 1).numpy()


class Training:
    """A small training loop, whose steps a test spoils."""

    def __init__(self) -> None:
        self.x, self.y = tensor(X), tensor(Y)
        self.model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        self.optimizer = nn.optim.SGD(self.model.parameters(), lr=0.01)

    def loss(self) -> Any:
        return F.mse_loss(self.model(self.x), self.y)


def never_zeroed() -> None:
    t = Training()
    for _ in range(4):
        t.loss().backward()
        t.optimizer.step()


def by_hand_never_zeroed() -> None:
    w = leaf(2)
    for _ in range(4):
        (w * w).sum().backward()
        with autodiff.no_grad():
            w -= 0.1 * w.grad


def kept_in_a_sum() -> None:
    t, total = Training(), 0
    for _ in range(60 * losses.every // 5):
        t.optimizer.zero_grad()
        loss = t.loss()
        total += loss
        loss.backward()
        t.optimizer.step()


def kept_in_a_list() -> None:
    t, kept = Training(), []
    for _ in range(60 * losses.every // 5):
        t.optimizer.zero_grad()
        loss = t.loss()
        loss.backward()
        t.optimizer.step()
        kept.append(loss)


def no_backward() -> None:
    t = Training()
    loss = t.loss()
    t.optimizer.step()
    del loss


def zeroed_between() -> None:
    t = Training()
    loss = t.loss()
    loss.backward()
    t.optimizer.zero_grad()
    t.optimizer.step()


def layer_replaced() -> None:
    t = Training()
    t.model[2] = nn.Linear(3, 1)
    t.loss().backward()
    t.optimizer.step()


def model_replaced() -> None:
    t = Training()
    t.model = Training().model
    t.loss().backward()
    t.optimizer.step()


class Classifying(Training):
    """The same with a layer whose answer depends on the mode, and rows that are kept for validation."""

    def __init__(self, *layers: Any) -> None:
        self.x, self.y = autodiff.randn(30, 2), autodiff.randint(0, 3, (30,))
        layers = layers or (nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.3))
        self.model = nn.Sequential(nn.Linear(2, 4), *layers, nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 3))
        self.optimizer = nn.optim.Adam(self.model.parameters(), lr=0.01)

    def train(self, steps: int = 3) -> None:
        for i in range(steps):
            self.optimizer.zero_grad()
            rows = slice(i % 2 * 10, i % 2 * 10 + 10)
            F.cross_entropy(self.model(self.x[rows]), self.y[rows]).backward()
            self.optimizer.step()

    def validate(self) -> Any:
        with autodiff.no_grad():
            return F.cross_entropy(self.model(self.x[20:]), self.y[20:])

    def predict(self) -> Any:
        with autodiff.no_grad():
            return self.model(self.x[20:])


def validated_in_train_mode() -> None:
    t = Classifying()
    for _ in range(3):
        t.model.train()
        t.train()
        t.validate()


def predicted_in_train_mode() -> None:
    t = Classifying(nn.Dropout())
    for _ in range(3):
        t.train()
        (t.predict().argmax(1) == t.y[20:]).float().mean().item()


def trained_in_eval_mode() -> None:
    t = Classifying()
    for _ in range(3):
        t.train()
        t.model.eval()
        t.validate()


def evaluated_once_and_trained_on() -> None:
    t = Classifying(nn.Dropout(0.1))
    t.train()
    t.model.eval()
    t.validate()
    t.train(5)


SUSPICIOUS: dict[str, tuple[Callable[[], Any], type[Warning], str]] = {
    "never zeroed": (never_zeroed, autodiff.GradientNotZeroed, r"optimizer\.zero_grad\(\) in each step"),
    "never zeroed, by hand": (by_hand_never_zeroed, autodiff.GradientNotZeroed, r"never zeroed"),
    "kept in a sum": (kept_in_a_sum, autodiff.GraphKept, r"total \+= loss\.item\(\)"),
    "kept in a list": (kept_in_a_list, autodiff.GraphKept, r"losses\.append"),
    "no backward": (no_backward, autodiff.SuspiciousWarning, r"call loss\.backward\(\) before step\(\)"),
    "zeroed between": (zeroed_between, autodiff.SuspiciousWarning, r"not between them"),
    "a layer replaced": (
        layer_replaced,
        autodiff.SuspiciousWarning,
        r"moves 2 of its 4 .*2\.weight, 2\.bias have gradients",
    ),
    "a model replaced": (model_replaced, autodiff.SuspiciousWarning, r"moves 0 of its 4 .*add_param_group"),
    "softmax before cross-entropy": (
        lambda: F.cross_entropy(leaf(2, 3).softmax(1), tensor([0, 1])),
        autodiff.SuspiciousWarning,
        r"result of softmax: it takes logits",
    ),
    "the same, reshaped and weighted": (
        lambda: F.cross_entropy(leaf(1, 6).softmax(1).reshape(2, 3), tensor([0, 1]), autodiff.ones(3)),
        autodiff.SuspiciousWarning,
        r"softmax",
    ),
    "sigmoid before cross-entropy": (
        lambda: nn.CrossEntropyLoss()(leaf(2, 3).sigmoid(), tensor([0, 1])),
        autodiff.SuspiciousWarning,
        r"result of sigmoid: it takes logits",
    ),
    "softmax before log_softmax": (
        lambda: F.nll_loss(leaf(2, 3).softmax(1).log_softmax(1), tensor([0, 1])),
        autodiff.SuspiciousWarning,
        r"result of softmax",
    ),
    "probabilities into BCE with logits": (
        lambda: F.binary_cross_entropy_with_logits(leaf(2).sigmoid(), autodiff.ones(2)),
        autodiff.SuspiciousWarning,
        r"result of sigmoid",
    ),
    "probabilities into NLL": (
        lambda: nn.NLLLoss()(leaf(2, 3).softmax(1), tensor([0, 1])),
        autodiff.SuspiciousWarning,
        r"log-probabilities",
    ),
    "validated in train mode": (validated_in_train_mode, nn.ModeForgotten, r"loss.*Call model\.eval\(\)"),
    "predicted in train mode": (
        predicted_in_train_mode,
        nn.ModeForgotten,
        r"run without recording, at .*test_errors\.py, line \d+: return self\.model\(.*Call model\.eval\(\)",
    ),
    "trained in eval mode": (trained_in_eval_mode, nn.ModeForgotten, r"BatchNorm1d.*model\.train\(\)"),
    "trained on in eval mode": (
        evaluated_once_and_trained_on,
        nn.ModeForgotten,
        r"Dropout.*model\.train\(\)",
    ),
    "the gradient of a result": (
        lambda: (leaf(2) * 2).grad,
        autodiff.SuspiciousWarning,
        r"not a leaf Tensor.*retain_grad\(\)",
    ),
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_is_suspicious_is_said_once_at_the_users_line(name: str) -> None:
    program, category, words = SUSPICIOUS[name]
    globals().pop("__warningregistry__", None)
    losses.__init__()  # type: ignore[misc]  # each test counts for itself
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        program()
    assert len(said) == 1, [str(each.message) for each in said]
    assert said[0].category is category and issubclass(category, UserWarning)
    assert re.search(words, str(said[0].message)), str(said[0].message)
    assert said[0].filename == __file__


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_is_meant_can_be_silenced(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=SUSPICIOUS[name][1])
        SUSPICIOUS[name][0]()


def accumulated() -> None:
    t = Training()
    for i in range(8):
        t.optimizer.zero_grad(set_to_none=i < 4)
        for _ in range(3):
            (t.loss() / 3).backward()
        t.optimizer.step()


def zeroed_by_hand() -> None:
    w = leaf(2)
    for i in range(6):
        (w * w).sum().backward()
        with autodiff.no_grad():
            w -= 0.1 * w.grad
        w.grad = None if i % 2 else w.grad.zero_()


def scheduled_without_training() -> None:
    t = Training()
    scheduler = nn.optim.lr_scheduler.StepLR(t.optimizer, 2)
    for _ in range(5):
        t.optimizer.step()
        scheduler.step()


def many_losses_at_once() -> None:
    t = Training()
    for loss in [t.loss() for _ in range(60 * losses.every // 5)]:
        loss.backward()


def numbers_kept() -> None:
    t, kept = Training(), []
    for _ in range(60 * losses.every // 5):
        t.optimizer.zero_grad()
        loss = t.loss()
        loss.backward()
        t.optimizer.step()
        kept.append((loss.item(), loss.detach()))


def two_models() -> None:
    a, b = Training(), Training()
    unused = nn.Parameter(autodiff.ones(2))
    optimizer = nn.optim.Adam([*a.model.parameters(), unused])
    for _ in range(3):
        optimizer.zero_grad()
        (a.loss() + b.loss()).backward()  # the other model is not trained
        optimizer.step()
        b.model.zero_grad()


def a_part_unused() -> None:
    t = Training()
    t.model.add_module("spare", nn.Identity())
    t.model.spare.weight = nn.Parameter(autodiff.ones(2))
    optimizer = nn.optim.Adam(t.model.parameters())
    t.loss().backward()
    optimizer.step()


def lbfgs() -> None:
    t = Training()
    optimizer = nn.optim.LBFGS(t.model.parameters(), max_iter=4)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = t.loss()
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)


def distilled() -> None:
    F.cross_entropy(leaf(2, 3), leaf(2, 3).softmax(1).detach())
    F.cross_entropy(leaf(2, 3).log_softmax(1), tensor([0, 1]))
    F.nll_loss(leaf(2, 3).log_softmax(1), tensor([0, 1]))


def kept_on_purpose() -> None:
    x = leaf(2)
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    assert y.grad is not None and x.grad is not None and leaf(1).grad is None and tensor(1.0).grad is None


def modes_chosen() -> None:
    t = Classifying()
    for _ in range(4):
        t.model.train()
        t.train()
        t.model.eval()
        t.validate()
        F.cross_entropy(t.model(t.x[20:]), t.y[20:]).item()  # recorded, though nothing is trained by it


def monte_carlo() -> None:
    t = Classifying()
    t.train()
    F.nll_loss(sum(t.predict().softmax(1) for _ in range(5)).log(), t.y[20:])  # type: ignore[attr-defined]
    t.train()
    t.model.eval()
    for module in t.model:
        module.train(isinstance(module, nn.Dropout))
    t.validate()


def two_in_turn() -> None:
    """A generator is run without recording while what tells its answers from others is trained."""
    made, told = Classifying(), Classifying(nn.Dropout())
    for _ in range(4):
        noise = autodiff.randn(10, 2)
        with autodiff.no_grad():
            fake = made.model(noise)[:, :2]
        told.optimizer.zero_grad()
        F.cross_entropy(told.model(fake), told.y[:10]).backward()
        told.optimizer.step()
        made.optimizer.zero_grad()
        F.cross_entropy(told.model(made.model(autodiff.randn(10, 2))[:, :2]), told.y[:10]).backward()
        made.optimizer.step()


def taught() -> None:
    pupil = Classifying()
    teacher = copy.deepcopy(pupil.model)
    for _ in range(4):
        with autodiff.no_grad():
            answers = teacher(pupil.x).softmax(1)
        pupil.optimizer.zero_grad()
        F.cross_entropy(pupil.model(pupil.x), answers).backward()
        pupil.optimizer.step()


def statistics_frozen() -> None:
    t = Classifying()
    t.train()
    t.model[1].eval()
    t.train(5)
    untouched = Classifying()
    untouched.model.eval()  # from the start
    untouched.train(5)


def statistics_taken_anew() -> None:
    t = Classifying()
    t.train()
    with autodiff.no_grad():
        for i in range(0, 30, 10):
            t.model(t.x[i : i + 10])
    t.model.eval()
    t.validate()


def inputs_moved_in_eval_mode() -> None:
    t = Classifying()
    t.train()
    t.model.eval()
    picture = nn.Parameter(autodiff.ones(3, 2))
    optimizer = nn.optim.SGD([picture], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        t.model(picture).sum().backward()
        optimizer.step()


def run_by_ours() -> None:
    """A line search, a checkpoint, a Trainer and a diagnosis run the model in a mode that they choose."""
    t = Classifying(nn.BatchNorm1d(4))
    t.train()
    search = nn.optim.BacktrackingSGD(t.model[0].parameters(), lr=1e-3)
    search.step(lambda: F.cross_entropy(t.model[:2](t.x), t.y))
    for _ in range(3):
        t.optimizer.zero_grad()
        F.cross_entropy(autodiff.checkpoint(t.model, t.x), t.y).backward()
        t.optimizer.step()
    trainer = nn.Trainer(t.model, nn.CrossEntropyLoss(), t.optimizer)
    for _ in range(2):
        trainer.fit(t.x, t.y, epochs=2, validation_split=0.3, verbose=False)
        trainer.evaluate(t.x, t.y)
        nn.diagnose(t.model, nn.CrossEntropyLoss(), (t.x, t.y), t.optimizer)
        t.train()


HEALTHY = [
    *(modes_chosen, monte_carlo, two_in_turn, taught, statistics_frozen, statistics_taken_anew),
    *(inputs_moved_in_eval_mode, run_by_ours),
    *(accumulated, zeroed_by_hand, scheduled_without_training, many_losses_at_once, numbers_kept, two_models),
    *(a_part_unused, lbfgs, distilled, kept_on_purpose),
]


@pytest.mark.parametrize("program", HEALTHY, ids=lambda program: program.__name__)
def test_healthy_programs_are_not_accused(program: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program()
