"""Products of matrices, inverses, decompositions, norms; eigenvectors and the like up to their sign."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import strategies as draw
from ..strategies import arrays, shapes
from . import Row, Wrong

RNG = np.random.default_rng


@st.composite
def sized(draw_: st.DrawFn, *subscripts: str, min_side: int = 0) -> Any:
    """An array for each word, whose letters name its dimensions: the same letter has the same length."""
    size = {s: draw_(draw.SIDES.filter(lambda n: n >= min_side)) for s in set("".join(subscripts))}
    return tuple(draw_(arrays(tuple(size[s] for s in word))) for word in subscripts)


@st.composite
def matrices(draw_: st.DrawFn, shape: Any = None, square: bool = False, batches: bool = True) -> Any:
    """Matrices of singular values that are apart: 1, 2, 3 ... between orthogonal ones."""
    n = draw_(st.integers(1, 4))
    m, n = shape or (n if square else draw_(st.integers(1, 4)), n)
    batch = draw_(st.sampled_from([(), (), (2,), (2, 1)])) if batches else ()
    u, _, vt = np.linalg.svd(
        RNG(draw_(st.integers(0, 9999))).normal(size=(*batch, m, n)), full_matrices=False
    )
    return draw_(draw.LAYOUTS)((u * (1.0 + np.arange(min(m, n)))) @ vt)


def squares(**options: Any) -> Any:
    return matrices(square=True, **options)


def positive_definite() -> Any:
    return squares().map(lambda x: x @ x.swapaxes(-1, -2))


@st.composite
def equations(draw_: st.DrawFn, vector: bool = False) -> Any:
    """Square matrices, and right sides."""
    a = draw_(squares())
    return a, draw_(arrays(a.shape[:-1] if vector else (*a.shape[:-1], draw_(st.integers(1, 3)))))


def dominant() -> Any:
    """`equations` of matrices whose triangles are as easily solved: large on the diagonal."""
    return equations().map(lambda drawn: (drawn[0] + 9 * np.eye(drawn[0].shape[-1]), drawn[1]))


def one(strategy: Any) -> Any:
    return st.tuples(strategy)


def with_each(array: Any, *constants: Any) -> Any:
    """One array and one of these constants."""
    return st.tuples(array, st.sampled_from(constants))


def listed(function: Any, *args: Any, **options: Any) -> Any:
    return function(list(args), **options)


def squared_vectors(result: Any) -> Any:
    """Values, and vectors without their signs."""
    values, vectors = result
    return values, vectors * vectors


def squared_singular_vectors(result: Any) -> Any:
    """Singular values, vectors without their signs, and the nearest orthogonal matrix."""
    u, s, vt = result
    return u * u, s, vt * vt, u @ vt


@st.composite
def summed_by(draw_: st.DrawFn) -> Any:
    """An equation for up to three operands, and these: subscripts repeated, left out, and `...`."""
    size = {s: draw_(draw.SIDES) for s in "ijkl"}
    dots = draw_(st.lists(draw.SIDES, max_size=2).map(tuple))
    words, operands = [], []
    for _ in range(draw_(st.integers(1, 3))):
        word = draw_(st.lists(st.sampled_from("ijkl"), max_size=3).map("".join))
        own = dots[draw_(st.integers(0, len(dots))) :] if draw_(st.booleans()) else None
        at = draw_(st.integers(0, len(word)))
        lengths = [1 if word.count(s) == 1 and draw_(st.integers(0, 5)) == 0 else size[s] for s in word]
        words.append(word if own is None else word[:at] + "..." + word[at:])
        operands.append(draw_(arrays((*lengths[:at], *(own or ()), *lengths[at:]))))
    letters = draw_(st.permutations(sorted({*"".join(words)} - {"."})))
    kept = "".join(s for s in letters if draw_(st.booleans()))
    end = draw_(st.sampled_from(["", "->" + kept, "->..." + kept, "->" + kept + "..."]))
    if "..." in "".join(words) and end and "..." not in end:
        end += "..."
    if "..." in end and "..." not in "".join(words):
        end = end.replace("...", "")
    return ",".join(words) + end, *operands


SCALED = {"beta": 2, "alpha": 0.5}

ROWS = [
    # products
    Row("matmul", sized("bij", "bjk"), "input other", ulps=16, near=10),
    Row("matmul", sized("ij", "j"), "input other", ulps=16, near=10),
    Row("mm", sized("ij", "jk"), "input mat2", ulps=16, near=10),
    Row("bmm", sized("bij", "bjk"), "input mat2", ulps=16, near=10),
    Row("mv", sized("ij", "j"), "input vec", ulps=16, near=10),
    Row("dot", sized("i", "i"), "input tensor", ulps=16, near=10),
    Row("vdot", sized("i", "i"), "input other", ulps=16, near=10),
    Row("inner", sized("aij", "kj"), "input other", ulps=16, near=10),
    Row("inner", st.tuples(arrays(()), arrays()), "input other"),
    Row("outer", sized("i", "j"), "input vec2"),
    Row("ger", sized("i", "j"), "input vec2"),
    Row("addmm", sized("ik", "ij", "jk"), "input mat1 mat2", ulps=16, near=10),
    Row("addmm", sized("k", "ij", "jk"), options={"beta": 0.5, "alpha": -2}, ulps=16, near=20),
    Row("addmv", sized("i", "ij", "j"), "input mat vec", SCALED, ulps=16, near=10),
    Row("addr", sized("ij", "i", "j"), "input vec1 vec2", SCALED, ulps=16, near=10),
    Row("baddbmm", sized("bik", "bij", "bjk"), "input batch1 batch2", SCALED, ulps=16, near=10),
    Row("addbmm", sized("ik", "bij", "bjk"), "input batch1 batch2", SCALED, ulps=16, near=30),
    Row("kron", st.tuples(arrays(shapes(max_dims=2)), arrays()), "input other"),
    Row("cross", st.tuples(sized("ij", "ij"), st.sampled_from([-1, 1, 2])).map(
        lambda d: (*(np.stack([x, -x, x + 1], d[1]) for x in d[0]), d[1])), "input other dim", near=10),
    Row("linalg.cross", st.tuples(arrays((3, 3)), arrays((1, 3))), "input other", near=10),
    Row("linalg.vecdot", draw.operands(draw.real, draw.real).filter(lambda d: min(x.ndim for x in d) and (
        d[0].shape == d[1].shape or max(x.ndim for x in d) > 1)),  # torch does not broadcast two vectors
        ulps=16, near=10),
    Row("trace", one(arrays(shapes(2, 2))), "input", near=10),
    Row("linalg.diagonal", one(arrays(shapes(2, 3))), "A"),
    Row("einsum", summed_by(), ulps=64, near=100),
    Row("tensordot", sized("ijk", "jkl"), "a b", ulps=64, near=30),
    Row("tensordot", sized("ij", "kl").map(lambda d: (*d, 0)), "a b dims"),
    Row("tensordot", sized("ijk", "lki").map(lambda d: (*d, ([0, -1], [2, 1]))), ulps=64, near=30),
    Row("linalg.multi_dot", sized("ij", "jk", "kl", "lm", min_side=1), call=listed, ulps=64, near=900),
    Row("linalg.multi_dot", sized("i", "ij", "jk", "k", min_side=1), call=listed, ulps=64, near=900),
    # inverses
    Row("linalg.inv", one(squares()), "A", ulps=20, near=3),
    Row("inverse", one(squares()), "input", ulps=20, near=3),
    Row("linalg.solve", equations(), "A B", ulps=20, near=10),
    Row("linalg.solve", equations(vector=True), "A B", ulps=20, near=10),
    Row("linalg.solve", equations().map(lambda d: (d[0], d[1].swapaxes(-1, -2).copy())), "A B",
        {"left": False}, ulps=20, near=10),
    Row("linalg.det", one(squares()), "A", ulps=20, near=30),
    Row("det", one(squares()), "input", ulps=20, near=30),
    Row("linalg.slogdet", one(squares()), "A", see=lambda r: (r[1],), ulps=20, near=3),
    Row("linalg.slogdet", one(squares()), see=tuple, wanted=[], ulps=20, near=3),
    Row("slogdet", one(squares()), "input", see=lambda r: (r[1],), ulps=20, near=3),
    Row("logdet", one(positive_definite()), "input", ulps=20, near=10),
    Row("linalg.pinv", one(matrices()), "input", ulps=40, near=3),
    Row("linalg.pinv", one(matrices()), "input", {"atol": 1.5}, ulps=40, near=3, second=False),
    Row("pinverse", one(matrices()), "input", ulps=40, near=3),
    Row("linalg.lstsq", st.tuples(matrices((4, 3), batches=False), arrays((4, 2))), "input b",
        see=lambda r: (r.solution,), ulps=40, near=10, call=lambda f, a, b: f(a, b)),
    Row("linalg.lstsq", st.tuples(matrices((4, 3), batches=False), arrays((4, 2))),
        options={"driver": "gelsd"}, see=lambda r: (r.residuals, r.rank, r.singular_values), wanted=[],
        ulps=40, near=10),
    Row("linalg.matrix_power", with_each(squares(), 1, 2, 3, 5), "input n", ulps=64, near=1000),
    Row("linalg.matrix_power", with_each(squares(), 0), "input n", wanted=[]),
    Row("matrix_power", with_each(squares(), -1, -2, 4), "input n", ulps=64, near=300),
    Row("linalg.matrix_rank", one(matrices()), "input"),
    Row("linalg.matrix_rank", with_each(positive_definite(), 1.5, 0.0), "input tol"),
    Row("linalg.matrix_rank", one(positive_definite()), options={"hermitian": True, "rtol": 0.3}),
    Row("linalg.matrix_rank", st.tuples(matrices(batches=False), arrays((), draw.unit)), wanted=[]),
    # decompositions
    Row("linalg.cholesky", one(positive_definite()), "input", ulps=40, near=4),
    Row("linalg.cholesky", one(positive_definite()), "input", {"upper": True}, ulps=40, near=4),
    Row("linalg.qr", one(matrices()), "A", see=tuple, ulps=40, near=4),
    Row("linalg.qr", with_each(matrices(), "complete"), "A mode", see=tuple, ulps=40, near=4, wanted=[]),
    Row("linalg.eigh", one(squares()), "input", see=squared_vectors, ulps=80, near=4),
    Row("linalg.eigh", with_each(squares(), "U"), "input UPLO", see=squared_vectors, ulps=80, near=4),
    Row("linalg.eigvalsh", one(squares()), "input", ulps=40, near=4),
    Row("linalg.svd", one(squares()), "A", see=squared_singular_vectors, ulps=80, near=4),
    Row("linalg.svd", with_each(matrices(), False), "A full_matrices", see=squared_singular_vectors, ulps=80,
        near=4),
    Row("linalg.svd", one(matrices()), see=lambda r: (r.S,), ulps=40, near=4),
    Row("linalg.svdvals", one(matrices()), "A", ulps=40, near=4),
    # norms
    *(Row("linalg.vector_norm", with_each(arrays(shapes(1, min_side=1), draw.nonzero), ord), "input ord",
          ulps=16)
      for ord in (2, 1, 3, 0.5, -1, math.inf, -math.inf)),
    Row("linalg.vector_norm", with_each(arrays(shapes(1), draw.with_zeros), 0), "input ord"),
    Row("linalg.vector_norm", with_each(arrays(shapes(1, min_side=1), draw.nonzero), 3),
        options={"dim": -1, "keepdim": True}, ulps=16),
    *(Row("linalg.matrix_norm", with_each(matrices(), ord), "input ord", ulps=40)
      for ord in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)),
    *(Row("linalg.matrix_norm", one(arrays((2, 3, 4))), options={"ord": ord, "dim": (2, 0), "keepdim": True},
          ulps=40) for ord in ("fro", "nuc", 1, -1, 2, math.inf)),
    Row("linalg.norm", one(arrays(shapes(min_side=1), draw.nonzero)), "input", ulps=16),
    Row("linalg.norm", with_each(matrices(batches=False), "nuc", 1, 2), "input ord", ulps=40),
    Row("linalg.norm", st.tuples(arrays((2, 3), draw.nonzero), st.just(3), st.just(0)), "input ord dim",
        ulps=16),
    Row("dist", draw.operands(draw.real, draw.real).filter(lambda d: d[0].size and d[1].size), "input other",
        second=False, ulps=16),
    Row("cov", sized("ij", min_side=2), "input", near=9.0),
    Row("cov", sized("i", min_side=2), "input", {"correction": 0}, near=9.0),
    Row("cov", st.tuples(arrays((3, 4)), arrays((4,), draw.positive)), near=9.0,
        call=lambda f, x, w: f(x, aweights=w, correction=2)),
    Row("corrcoef", st.tuples(arrays((3, 5))), "input", rtol=1e-7, near=9.0),
    Row("trapezoid", sized("ij", min_side=1), "y", {"dx": 0.5}),
    Row("trapezoid", sized("ij", "ij", min_side=1), "y x", {"dim": 0}, near=9.0),
    Row("trapezoid", sized("ijk", "k", min_side=1), "y x", near=9.0),
    Row("cumulative_trapezoid", sized("ijk", "j", min_side=1), "y x", {"dim": 1}, near=9.0),
    *(Row("linalg.solve_triangular", dominant(), "input B", {"upper": u, "unitriangular": one}, ulps=99)
      for u in (True, False) for one in (True, False)),
    Row("linalg.solve_triangular", dominant().map(lambda d: (d[0], d[1].swapaxes(-1, -2))), "input B",
        {"upper": True, "left": False}, ulps=99, near=9),
    Row("cholesky_solve", dominant().map(lambda d: (d[1], d[0])), ulps=99,
        call=lambda f, b, a: f(b, a.tril())),
    Row("cholesky_solve", dominant().map(lambda d: (d[1], d[0])), ulps=99,
        call=lambda f, b, a: f(b, a.triu(), upper=True)),
    Row("cholesky_inverse", dominant().map(lambda d: d[:1]), call=lambda f, a: f(a.tril()), ulps=99),
    Row("cholesky_inverse", dominant().map(lambda d: d[:1]), call=lambda f, a: f(a.triu(), True), ulps=99),
    Row("pdist", sized("ij", min_side=1), "input", second=False, ulps=40, near=3),
    *(Row("nn.functional.pdist", sized("ij", min_side=1).map(lambda d, p=p: (*d, p)), "input p", second=False,
          ulps=40, near=3) for p in (0.0, 1.0, 1.5, 3.0, float("inf"))),
    Row("cdist", sized("ij", "kj", min_side=1), "x1 x2", second=False, ulps=40, near=3),
    *(Row("cdist", sized("bij", "bkj", min_side=1).map(lambda d, p=p: (*d, p)), "x1 x2 p", second=False,
          ulps=40)
      for p in (1.0, 3.0, math.inf)),
]  # fmt: skip

A, R, V, WHOLE = np.arange(9.0).reshape(3, 3) % 5, np.ones((4, 3)), np.ones(3), np.ones((3, 3), int)
NOT_SQUARE = "A must be batches of square matrices, but they are 4 by 3 matrices"
NO_MATRIX = "The input tensor A must have at least 2 dimensions."
NO_FLOATS = "Expected a floating point or complex tensor as input. Got"

ERRORS = [
    Wrong("addmm", (A, R, A), words="The expanded size of the tensor (4) must match the existing size (3)"),
    Wrong("addmm", (V, A, np.ones((4, 2))), words="mat1 and mat2 shapes cannot be multiplied (3x3 and 4x2)"),
    Wrong("addmm", (A, A, V), words="mat2 must be a matrix"),
    Wrong("addmv", (V, A, np.ones(2)), words="size mismatch, got input (3), mat (3x3), vec (2)"),
    Wrong("addmv", (np.ones(2), A, V), words="size mismatch, got input (2), mat (3x3), vec (3)"),
    Wrong("addmv", (V, V, V), words="vector + matrix @ vector expected"),
    Wrong("baddbmm", (np.ones((2, 3, 3)), A[None], A[None]), words="must match the existing size (2)"),
    Wrong("inner", (R, np.ones(2)), words="last dimension must match on both input tensors but got"),
    Wrong("inner", (A, WHOLE), words="both inputs should have same dtype"),
    Wrong("tensordot", (A, R, 1), words="contracted dimensions need to match, but first has size 3 in dim"),
    Wrong("tensordot", (A, R, ([0, 1], [1])), words="both dimension lists should have same length"),
    Wrong("tensordot", (A, A, 3), words="tensordot expects dims < ndim_a or ndim_b, but got dims=3"),
    Wrong("tensordot", (A, A, -1), words="tensordot expects dims >= 0, but got dims=-1"),
    Wrong("cross", (A, R), words="linalg.cross: inputs dimension 0 must have length 3. Got 3 and 4"),
    Wrong("cross", (np.ones((2, 2)), np.ones((2, 2))), words="no dimension of size 3 in input"),
    Wrong("linalg.cross", (A, V), words="inputs must have the same number of dimensions."),
    Wrong("einsum", ("ij,jk->ik", A), words="fewer operands were provided than specified in the equation"),
    Wrong("einsum", ("ij,jk", A, np.ones((4, 2))),
          words="subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3"),
    Wrong("einsum", ("ij->iij", A), words="output subscript i appears more than once in the output"),
    Wrong("einsum", ("ij->k", A), words="output subscript k does not appear in the equation for any input"),
    Wrong("einsum", ("i", A), words="number of subscripts in the equation (1) does not match the number of"),
    Wrong("einsum", ("ii", R), words="subscript i is repeated for operand 0 but the sizes don't"),
    Wrong("einsum", ("i1", A), words="invalid subscript given at index 1 in the equation string"),
    Wrong("einsum", ("...i...", A), words="found '.' for operand 0 for which an ellipsis was already found"),
    Wrong("einsum", ("i..j", A), words="found '.' for operand 0 that is not part of any ellipsis"),
    Wrong("einsum", ("ij->i->j", A), words="invalid subscript given at index 5"),
    Wrong("einsum", ("ij,jk->ik", A, A.astype(np.float32))),
    Wrong("einsum", ("ij,jk->ik", A > 0, A > 0), words="not implemented for 'Bool'"),
    Wrong("einsum", ("ij->",), words="must specify the equation string and at least one operand"),
    Wrong("einsum", ("ij->i", 5)),
    Wrong("linalg.inv", (R,), words=f"linalg.inv: {NOT_SQUARE}"),
    Wrong("linalg.inv", (V,), words=f"linalg.inv: {NO_MATRIX}"),
    Wrong("linalg.inv", (WHOLE,), words=f"linalg.inv: {NO_FLOATS}"),
    Wrong("linalg.solve", (A, R), words="shapes of A and B for the equation AX = B (3x3 and 4x3)"),
    Wrong("linalg.solve", (A, np.ones(2)), words="for the equation AX = B (3x3 and 2x1)"),
    Wrong("linalg.solve", (A, A.astype(np.float32)), words="Expected A and B to have the same dtype, but"),
    Wrong("linalg.solve", (R, A), words=f"linalg.solve: {NOT_SQUARE}"),
    Wrong("linalg.det", (R,), words=f"linalg.det: {NOT_SQUARE}"),
    Wrong("linalg.det", (WHOLE,), words=f"linalg.det: {NO_FLOATS}"),
    Wrong("slogdet", (R,), words=f"linalg.slogdet: {NOT_SQUARE}"),
    Wrong("linalg.pinv", (V,), words="expected a tensor with 2 or more dimensions of float, double"),
    Wrong("linalg.lstsq", (R, A), words="torch.linalg.lstsq: input.size(-2) should match other.size(-2)"),
    Wrong("linalg.lstsq", (V, A), words="torch.linalg.lstsq: input must have at least 2 dimensions."),
    Wrong("linalg.matrix_power", (R, 2), words=f"linalg.matrix_power: {NOT_SQUARE}"),
    Wrong("linalg.matrix_power", (A, 1.5), words="argument 'n' (position 2) must be int"),
    Wrong("linalg.multi_dot", ([],), words="multi_dot(): expected at least 2 tensors but got 0"),
    Wrong("linalg.cholesky", (R,), words=f"linalg.cholesky: {NOT_SQUARE}"),
    Wrong("linalg.qr", (A, "foo"), words="qr received unrecognized mode 'foo' but expected one of 'reduced'"),
    Wrong("linalg.qr", (V,), words=f"linalg.qr: {NO_MATRIX}"),
    Wrong("linalg.svd", (V,), words=f"linalg.svd: {NO_MATRIX}"),
    Wrong("linalg.svd", (WHOLE,), words=f"linalg.svd: {NO_FLOATS}"),
    Wrong("linalg.eigh", (R,), words=f"linalg.eigh: {NOT_SQUARE}"),
    Wrong("linalg.eigh", (A, "X"), words="Expected UPLO argument to be 'L' or 'U', but got X"),
    Wrong("linalg.norm", (A, "foo"), words="linalg.matrix_norm: Order foo not supported."),
    Wrong("linalg.norm", (V, "fro"), words=f"linalg.matrix_norm: {NO_MATRIX}"),
    Wrong("linalg.norm", (A[None], 2), words="the input must be 1D or 2D. Got 3D."),
    Wrong("linalg.norm", (A, 3), words="linalg.matrix_norm: Order 3 not supported."),
    Wrong("linalg.norm", (WHOLE,), words=f"linalg.vector_norm: {NO_FLOATS}"),
    Wrong("linalg.vector_norm", (np.ones(0), math.inf), words="cannot compute the inf norm on an empty"),
    Wrong("linalg.vector_norm", (A, "fro"), words="argument 'ord' (position 2) must be Number, not str"),
    Wrong("linalg.matrix_norm", (A, "fro", (0, 0)), words="dims must be different. Got (0, 0)"),
    Wrong("linalg.matrix_norm", (A, "fro", 0), words="linalg_matrix_norm()"),
    Wrong("linalg.solve_triangular", (A, V), {"upper": True}, words="must have at least 2 dimensions"),
    Wrong("linalg.solve_triangular", (A, np.ones((2, 2))), {"upper": True},
          words="Incompatible shapes of A and B for the equation AX = B (3x3 and 2x2)"),
    Wrong("linalg.solve_triangular", (R, A), {"upper": True}, words=NOT_SQUARE),
    Wrong("cholesky_solve", (V, A), words="b should have at least 2 dimensions, but has 1"),
    Wrong("cholesky_solve", (np.ones((2, 1)), A), words="Incompatible matrix sizes for cholesky_solve"),
    Wrong("cholesky_inverse", (R,), words="must be batches of square matrices"),
    Wrong("pdist", (V,), words="pdist only supports 2D tensors, got: 1D"),
    Wrong("pdist", (WHOLE,), words="pdist only supports floating-point dtypes"),
    Wrong("pdist", (A, -1), words="pdist only supports non-negative p values"),
    Wrong("cdist", (R, np.ones((2, 2))), words="X1 and X2 must have the same number of columns. X1: 3 X2: 2"),
    Wrong("cdist", (R, A, -1), words="cdist only supports non-negative p values"),
    Wrong("cdist", (V, A), words="cdist only supports at least 2D tensors, X1 got: 1D"),
    Wrong("cdist", (WHOLE, WHOLE), words="cdist only supports floating-point dtypes, X1 got:"),
]  # fmt: skip
