"""Matrix products against PyTorch: every combination of vectors, matrices and batches, dtypes, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autodiff

from . import strategies as draw
from .against_torch import assert_float32_like_torch, assert_like_torch
from .both import assert_same_error, both


@st.composite
def factors(draw_):
    """Two arrays whose product is defined: vectors, matrices, batches that broadcast; some lengths 0 or 1."""
    n, k, p = (draw_(st.sampled_from([2, 3, 1, 4, 0])) for _ in range(3))
    first, second = draw_(draw.broadcastable(2, max_dims=2))
    x = draw_(st.sampled_from([(k,), (n, k), (*first, n, k)]))
    y = draw_(st.sampled_from([(k,), (k, p), (*second, k, p)]))
    return draw_(draw.arrays(x)), draw_(draw.arrays(y))


@given(drawn=factors())
def test_matmul(drawn):
    assert_like_torch(lambda x, y: x @ y, lambda x, y: x @ y, drawn)


@given(drawn=factors())
def test_matmul_in_float32(drawn):
    assert_float32_like_torch(autodiff.matmul, torch.matmul, drawn, ulps=16)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("mm", [(2, 3), (3, 4)]),
        ("bmm", [(5, 2, 3), (5, 3, 4)]),
        ("mv", [(2, 3), (3,)]),
        ("dot", [(3,), (3,)]),
        ("outer", [(2,), (3,)]),
        ("trace", [(2, 3)]),
    ],
)
def test_products_by_name(name, shapes):
    arrays = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]
    assert_like_torch(getattr(autodiff, name), getattr(torch, name), arrays)
    assert_like_torch(
        lambda x, *more: getattr(x, name)(*more),
        lambda x, *more: getattr(x, name)(*more),
        arrays,
        second=False,
    )


@pytest.mark.filterwarnings("ignore:Using torch.cross without", "ignore:torch.chain_matmul is deprecated")
@both
def test_what_pytorch_would_rather_not_have(lib):
    x = lib.tensor([[[1.0, 2.0]] * 3] * 2)
    return lib.cross(x, x.flip(2) + 1).tolist(), lib.chain_matmul(x[0].T, x[0], x[0].T).tolist()


def test_what_is_singular_is_refused():
    singular = autodiff.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    linalg = autodiff.linalg
    for refused in (
        lambda: linalg.inv(singular),
        lambda: linalg.solve(singular, singular),
        lambda: linalg.slogdet(singular * 0)[1].backward(),
        lambda: linalg.cholesky(-singular),
        lambda: linalg.svd(singular * float("nan")),
        lambda: linalg.eigh(singular * float("nan")),
        lambda: linalg.matrix_power(singular * 0, -1),
    ):
        with pytest.raises(linalg.LinAlgError, match=r"linalg\.|singular"):
            refused()
    assert issubclass(linalg.LinAlgError, RuntimeError)


@pytest.mark.parametrize(
    "matrix", [[[1.0, 2.0], [2.0, 4.0]], [[0.0] * 3] * 3, [[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]
)
def test_a_determinant_of_0_has_a_gradient(matrix):
    """The cofactors; PyTorch's own are inexact there."""
    x = autodiff.tensor(matrix, dtype=autodiff.float64, requires_grad=True)
    autodiff.det(x).backward()
    n = len(matrix)
    expected = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(matrix, i, 0), j, 1)) for j in range(n)]
        for i in range(n)
    ]
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-12)


@both
def test_equal_singular_values_have_gradients(lib):
    """Functions of the values alone are differentiable where these are equal."""
    x = lib.eye(3, requires_grad=True)
    found = []
    for values in (
        lib.linalg.svdvals(x),
        lib.linalg.svd(x).S,
        lib.linalg.eigvalsh(x),
        lib.linalg.eigh(x).eigenvalues,
    ):
        x.grad = None
        values.sum().backward()
        found.append([[round(v, 6) + 0.0 for v in row] for row in x.grad.tolist()])
    return found


def test_a_full_svd_and_a_complete_qr_are_bases():
    x = autodiff.tensor(np.random.default_rng(0).normal(size=(5, 3)))
    for a in (x, x.mT):
        u, s, vt = autodiff.linalg.svd(a)
        q, r = autodiff.linalg.qr(a, "complete")
        for basis in (u, vt, q):
            np.testing.assert_allclose((basis.mT @ basis).numpy(), np.eye(len(basis)), atol=1e-12)
        np.testing.assert_allclose((q @ r).numpy(), a.numpy(), atol=1e-12)
        np.testing.assert_allclose((u[:, :3] @ s.diag() @ vt[:3]).numpy(), a.numpy(), atol=1e-12)


@both
def test_nothing_of_input_is_read_where_beta_is_0(lib):
    x = lib.ones(2, 2)
    return lib.addmm(x * float("nan"), x, x, beta=0).tolist()


@both
def test_integers(lib):
    x = lib.tensor([[1, 2], [3, 4]])
    found = [x @ x, x @ x[0], x[0] @ x[1], lib.outer(x[0], lib.tensor([0.5, 1.5]))]
    return [(str(z.dtype).removeprefix("torch."), z.tolist()) for z in found]


def test_numpy_arrays_are_operands_too():
    x = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=autodiff.float64, requires_grad=True)
    y = np.array([[0.0, 1.0], [1.0, 0.0]])
    for z in (x @ y, np.matmul(x, y)):
        assert z.tolist() == [[2, 1], [4, 3]]
        assert z.requires_grad
    assert (y @ x).tolist() == [[3, 4], [1, 2]]


ERRORS = [
    (lambda lib, x, v, b: x @ lib.ones(4, 5), "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    (lambda lib, x, v, b: v[:2] @ lib.ones(4, 5), "mat1 and mat2 shapes cannot be multiplied (1x2 and 4x5)"),
    (lambda lib, x, v, b: b @ lib.ones(5, 3), "mat1 and mat2 shapes cannot be multiplied (6x4 and 5x3)"),
    (lambda lib, x, v, b: x @ lib.ones(4), "size mismatch, got input (2), mat (2x3), vec (4)"),
    (lambda lib, x, v, b: b @ v, "size mismatch, got input (6), mat (6x4), vec (3)"),
    (lambda lib, x, v, b: v @ lib.ones(4), "inconsistent tensor size, expected tensor [3] and src [4]"),
    (
        lambda lib, x, v, b: b @ b,
        "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3]",
    ),
    (
        lambda lib, x, v, b: b @ lib.ones(5, 4, 3),
        "The size of tensor a (2) must match the size of tensor b (5)",
    ),
    (
        lambda lib, x, v, b: v[0] @ x,
        "both arguments to matmul need to be at least 1D, but they are 0D and 2D",
    ),
    (
        lambda lib, x, v, b: x @ v[0],
        "both arguments to matmul need to be at least 1D, but they are 2D and 0D",
    ),
    (lambda lib, x, v, b: x @ 1, ""),
    (lambda lib, x, v, b: 1 @ x, ""),
    (
        lambda lib, x, v, b: lib.matmul(x, [1, 2]),
        "matmul(): argument 'other' (position 2) must be Tensor, not list",
    ),
    (
        lambda lib, x, v, b: x @ lib.ones(3, 2, dtype=lib.float64),
        "expected m1 and m2 to have the same dtype, but got: ",
    ),
    (
        lambda lib, x, v, b: x @ lib.ones(3, 2, dtype=lib.int64),
        "expected m1 and m2 to have the same dtype, but got: ",
    ),
    (lambda lib, x, v, b: v @ lib.ones(3, dtype=lib.float64), ""),
    (lambda lib, x, v, b: (x > 0) @ (x > 0).T, "not implemented for 'Bool'"),
    (lambda lib, x, v, b: lib.mm(b, x), "self must be a matrix"),
    (lambda lib, x, v, b: lib.mm(x, v), "mat2 must be a matrix"),
    (lambda lib, x, v, b: lib.bmm(x, x), "batch1 must be a 3D tensor"),
    (lambda lib, x, v, b: lib.bmm(b, lib.ones(3, 4, 3)), ""),
    (lambda lib, x, v, b: lib.mv(x, x), "vector + matrix @ vector expected"),
    (lambda lib, x, v, b: lib.dot(x, x), "1D tensors expected, but got "),
    (lambda lib, x, v, b: lib.outer(v, x), "outer: Expected 1-D argument vec2, but got 2-D"),
    (lambda lib, x, v, b: lib.trace(v), "trace: expected a matrix, but got "),
]


@pytest.mark.parametrize(("function", "words"), ERRORS)
def test_errors(function, words):
    assert_same_error(lambda lib: function(lib, lib.ones(2, 3), lib.ones(3), lib.ones(2, 3, 4)), words)


@pytest.mark.parametrize(
    ("x", "y", "fix"), [((2, 3), (4, 3), "a @ b.T would fit"), ((3, 2), (3, 4), "a.T @ b would fit")]
)
def test_the_error_names_the_transpose_that_would_fit(x, y, fix):
    with pytest.raises(RuntimeError, match=fix):
        autodiff.ones(*x) @ autodiff.ones(*y)
