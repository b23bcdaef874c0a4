"""The summary of a model says what PyTorch counts and what the model returns, and changes nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

import autodiff
import nn


class Shared(nn.Module):
    """Tied weights, a module under two names, several arguments and results, one module not called."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight
        self.again = self.head
        self.unused = nn.Linear(2, 2)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])

    def forward(self, words: Any, x: Any) -> Any:
        hidden = self.layers[0](self.embedding(words).mean(dim=1) + x)
        return {"logits": self.again(hidden), "hidden": (hidden, 3)}


def cells(summary: Any) -> dict[str, tuple[str, str, str]]:
    """Name -> shape, parameters, trainable, of the rows as text."""
    return {row.name: row.cells("")[1:] for row in summary.rows}


def test_keras_count_of_the_mnist_network():
    """401,920 + 131,328 + 2,570 = 535,818 parameters."""
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    summary = nn.summary(model, (784,))
    assert (summary.total, summary.trainable) == (535_818, 535_818)
    shown = cells(summary)
    assert shown["0 (Linear)"] == ("(None, 512)", "401,920", "yes")
    assert shown["2 (Dropout)"] == ("(None, 512)", "0", "")
    assert shown["5 (Linear)"] == ("(None, 10)", "2,570", "yes")
    assert sum(row.parameters or 0 for row in summary.rows) == summary.total


def test_shared_parameters_are_counted_once_and_what_is_not_called_is_marked():
    summary = nn.summary(Shared(), [(5,), (4,)], dtype=[autodiff.int64, autodiff.float32])
    shown = cells(summary)
    assert shown["Shared"] == ("(None, 7), (None, 4)", "", "")
    assert shown["embedding (Embedding)"] == ("(None, 5, 4)", "28", "yes")
    assert shown["head (Linear)"] == ("(None, 7)", "0", "yes")
    assert shown["again (Linear)"] == ("(None, 7)", "0", "yes")
    assert shown["unused (Linear)"] == ("-", "6", "yes")
    assert shown["layers (ModuleList)"][0] == "-"
    assert shown["0 (Linear)"] == ("(None, 4)", "20", "yes")
    assert (summary.total, summary.shared) == (28 + 6 + 20, 2 * 28)


def test_frozen_parameters_and_buffers():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 2))
    model[0].requires_grad_(False)
    model[3].bias.requires_grad_(False)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 2)
    )
    summary = nn.summary(model, (3, 8, 8))
    assert summary.total == sum(p.numel() for p in theirs.parameters())
    assert summary.buffers == sum(b.numel() for b in theirs.buffers())
    assert summary.trainable == 16 + 2 * 288
    assert [row.trainable for row in summary.rows] == ["", "no", "yes", "", "partly"]
    assert [row.shape for row in summary.rows][1:3] == ["(None, 8, 6, 6)"] * 2
    assert "Not trainable" in str(summary) and "Entries of buffers" in str(summary)


def test_dimensions_that_depend_on_the_batch_are_none_wherever_they_are():
    class Turned(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.mT, x.reshape(-1), x.sum()

    assert nn.summary(Turned(), (4,)).rows[0].shape == "(4, None), (None,), ()"


def test_a_module_called_more_than_once():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AvgPool1d(2)

        def forward(self, x: Any) -> Any:
            return self.pool(self.pool(x))

    assert cells(nn.summary(Twice(), (1, 8)))["pool (AvgPool1d)"][0] == "(None, 1, 4); (None, 1, 2)"


class Restless(nn.Module):
    """Changes its buffers and draws random numbers, also in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", autodiff.tensor(0.0))
        self.register_buffer("last", autodiff.tensor([float("nan")]), persistent=False)
        self.dropout = nn.Dropout().eval()

    def forward(self, x: Any) -> Any:
        self.count.add_(1)
        self.last = autodiff.rand(1)
        return self.layer(x) + autodiff.randn(2)


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_changes(fails):
    model = Restless()
    buffers = dict(model.named_buffers())
    values = {name: tensor.numpy().copy() for name, tensor in buffers.items()}
    weight = model.layer.weight.detach().numpy().copy()
    modes = [module.training for module in model.modules()]
    random = autodiff.get_rng_state().numpy().copy()
    if fails:
        with pytest.raises(RuntimeError) as failure:
            nn.summary(model, (3,))
        assert "nn.summary" in failure.value.__notes__[0]
    else:
        nn.summary(model, (2,))
    assert [module.training for module in model.modules()] == modes
    assert (autodiff.get_rng_state().numpy() == random).all()
    for name, buffer in model.named_buffers():
        assert buffer is buffers[name]
        np.testing.assert_array_equal(buffer.numpy(), values[name])
    assert (model.layer.weight.detach().numpy() == weight).all()
    assert all("forward" not in module.__dict__ for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_a_forward_that_was_set_on_the_object_stays():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].__dict__["forward"] = own = lambda x: x[:, :1]
    assert nn.summary(model, (2,)).rows[0].shape == "(None, 1)"
    assert model[0].__dict__["forward"] is own


def test_double_models_and_shapes_of_numbers():
    model = nn.Linear(2, 1).double()
    assert nn.summary(model, [2]).rows[0].shape == "(None, 1)"  # a list of numbers is one shape
    assert nn.summary(nn.Embedding(3, 2), (), dtype=autodiff.int64).rows[0].shape == "(None, 2)"


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((nn.Linear, (2,)), TypeError),
        ((nn.Linear(2, 1), (-2,)), ValueError),
        ((nn.Linear(2, 1), [("a",)]), ValueError),
        ((nn.Linear(2, 1), (2,), [None, None]), ValueError),
        ((nn.Linear(2, 1), (2,), "int8"), TypeError),
    ],
)
def test_what_is_no_model_and_no_shape_is_refused(arguments, error):
    with pytest.raises(error):
        nn.summary(*arguments)


def test_the_html_is_a_table_with_the_same_cells():
    class Table(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.rows: list[list[str]] = []
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag != "br":
                self.open.append(tag)
            if tag == "tr":
                self.rows.append([])
            if tag in ("td", "th"):
                self.rows[-1].append("")

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            if self.open[-1] in ("td", "th"):
                self.rows[-1][-1] += data

    class Angle(nn.Module):
        def _get_name(self) -> str:
            return "<b>&"

        def forward(self, x: Any) -> Any:
            return x

    summary = nn.summary(nn.Sequential(nn.Linear(2, 4), nn.Sequential(Angle())), (2,))
    table = Table()
    table.feed(summary._repr_html_())
    assert table.rows == [
        ["Layer", "Output shape", "Parameters", "Trainable"],
        *(list(row.cells("")) for row in summary.rows),
    ]
    assert table.open == [] and "0 (<b>&)" in str(summary)
    assert [row.depth for row in summary.rows] == [0, 1, 1, 2]
