"""The readable form: the step as the NumPy program that one would write by hand, a line for each rule.

It is printed from the same lines as the fast form, without its memory: what one call of a forward or a rule
computed is one expression, named after the parameters and operations, with the rule in mathematics beside
it. Operations that are no expression in NumPy (convolutions, for example) stay calls of autodiff's own
functions; all else runs given NumPy alone.
"""

from __future__ import annotations

import keyword
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import backward
from ..primitive import Primitive
from ..random.generator import Generator
from ..symbol import formula_text, rule_text
from ..tensor import Tensor
from .passes import useful
from .program import COPIES, Instruction, Program, Returned, Update, Value, values_in
from .trace import update_of

ATOM, POWER, PRODUCT, SUM, COMPARISON = 4, 3, 2, 1, 0
SIGNS: dict[Any, tuple[str, int]] = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.matmul: ("@", PRODUCT), np.ndarray.dot: ("@", PRODUCT), np.greater: (">", COMPARISON),
    np.greater_equal: (">=", COMPARISON), np.less: ("<", COMPARISON), np.less_equal: ("<=", COMPARISON),
    np.equal: ("==", COMPARISON), np.not_equal: ("!=", COMPARISON),
}  # fmt: skip
WIDTH = 76  # where the comments begin, at most


class Readable:
    """The text of a program, with these names for tensors that are older than the step."""

    def __init__(self, program: Program, names: Mapping[int, str], title: str = "") -> None:
        self.program, self.title = program, title
        self.given = dict(names)
        self.names: dict[Value, str] = {}
        self.taken: Counter[str] = Counter([*keyword.kwlist, "np", "step", "lr", "registry"])
        self.lines: dict[str, list[str]] = {"forward": [], "backward": [], "update": []}
        self.header: list[str] = []
        self.needs_autodiff = False
        self.program_lines = useful([line for line in program.lines if line.function is not bool], program)
        self.uses = Counter(v for line in self.program_lines for v in line.values())
        self.uses.update(values_in(program.result))
        self.uses.update(g for _, g in program.gradients if g is not None)
        self.gradient_of = {g: t for t, g in program.gradients if g is not None}
        self.written = {line.writes.root for line in program.lines if line.writes is not None}
        self.helpers: dict[str, str] = {}
        self.name_inputs()
        self.write()

    # names

    def fresh(self, name: str) -> str:
        """This name, or with a number if it is taken."""
        name = clean(name)
        self.taken[name] += 1
        return name if self.taken[name] == 1 else self.fresh(f"{name}_{self.taken[name]}")

    def name_inputs(self) -> None:
        """Parameters and data by their names."""
        for value in self.program.values:
            if value.kind in ("tensor", "gradient", "argument") and self.uses[value]:
                name = self.given.get(id(value.source), "")
                if value.kind == "argument":
                    name = self.given.get(("argument", value.source), f"argument_{value.source}")  # type: ignore[call-overload]
                if value.kind == "gradient":
                    name = "d_" + (name or "x")
                self.names[value] = self.fresh(name or "data")

    def base(self, line: Instruction) -> str:
        """What the result of this line is called: after the parameter, the operation, the argument."""
        note, out = line.note, line.out
        if out in self.gradient_of:
            name = self.given.get(id(self.gradient_of[out]))
            if name:
                return "d_" + clean(name)
        if note.paragraph == "backward":
            argument = (
                note.args[note.argnum] if note.argnum is not None and note.argnum < len(note.args) else None
            )
            return "d_" + self.names.get(argument, note.name or "x") if isinstance(argument, Value) else "d_x"
        if any(r.value is out for r in returned(self.program.result)):
            return "loss" if out is not None and out.array.ndim == 0 else "result"
        for arg in note.args:
            name = self.names.get(arg, "") if isinstance(arg, Value) else ""
            if note.name == "linear" and name.endswith("weight"):
                return name.removesuffix("weight").rstrip("_") or "linear"
        first = next((self.names[a] for a in note.args if isinstance(a, Value) and a in self.names), "")
        if len([a for a in note.args if isinstance(a, Value)]) == 1 and first and "_" not in first[-8:]:
            return f"{first}_{note.name}"
        return note.name or "value"

    # expressions

    def write(self) -> None:
        """All statements."""
        self.inline: dict[Value, tuple[str, int]] = {}
        ends = {line.note.call: line for line in self.program_lines if line.out is not None}
        for line in self.program_lines:
            paragraph = self.lines[line.note.paragraph if line.note.paragraph in self.lines else "forward"]
            if line.function is update_of:
                self.write_update(line.args[0])
            elif line.writes is not None:
                text, _ = self.expression(line)
                if line.function is np.copyto:
                    text = f"{self.text(line.args[0])}[...] = {self.text(line.args[1])}"
                elif "out" in line.options:
                    del line.options["out"]
                    text = f"{self.text(line.writes)}[...] = {self.expression(line)[0]}"
                paragraph.append(text)
            elif line.out is not None:
                self.write_value(line, paragraph, last=ends[line.note.call] is line)

    def write_value(self, line: Instruction, paragraph: list[str], last: bool) -> None:
        """The value of a line: part of a later expression if one asks for it once, else a statement."""
        out = line.out
        assert out is not None
        text, level = self.expression(line)
        one_use = self.uses[out] == 1 and out not in self.gradient_of and out.root not in self.written
        kept = any(r.value is out for r in returned(self.program.result))
        if not last and not kept and (one_use or free(line)) and line.pure and len(text) < 100:
            self.inline[out] = text, level
            return
        if line.note.paragraph == "backward" and line.note.argnum is None and line.note.name == "add":
            pass
        elif (
            free(line)
            and not kept
            and out not in self.gradient_of
            and (self.uses[out] == 1 or len(text) < 40)
        ):
            self.inline[out] = text, level
            return
        name = self.base(line)
        if not last and out not in self.gradient_of and not kept:
            name = "difference" if line.function is np.subtract else f"{name}_part"
        name = self.names[out] = self.fresh(name)
        comment = self.comment(line) if last else ""
        paragraph.append(f"{name} = {text}" + (f"  # {comment}" if comment else ""))

    def comment(self, line: Instruction) -> str:
        """The rule, in mathematics."""
        note = line.note
        op = note.primitive
        if not isinstance(op, Primitive):
            return "the sum over all paths" if note.name == "add" else ""
        raw = tuple(a.array if isinstance(a, Value) else a for a in note.args)
        try:
            if note.argnum is not None:
                return rule_text(op, note.argnum, raw) if raw else "summed where the forward repeated it"
            text = formula_text(op, raw)
            return said(op) if f"= {op.name}(" in text else text
        except Exception:  # there are no words for it
            return op.name

    def text(self, x: Any, level: int = COMPARISON) -> str:
        """An argument as it is written, in parentheses if it holds less tightly than `level`."""
        if isinstance(x, Value):
            if x in self.names:
                return self.names[x]
            if x in self.inline:
                text, held = self.inline[x]
                return text if held >= level else f"({text})"
            return self.constant(x)
        if type(x) in (tuple, list):
            inner = ", ".join(self.text(part) for part in x)
            return f"[{inner}]" if type(x) is list else f"({inner},)" if len(x) == 1 else f"({inner})"
        if type(x) is slice:
            parts = [x.start, x.stop] + ([x.step] if x.step is not None else [])
            return ":".join("" if part is None else self.text(part) for part in parts)
        if isinstance(x, (np.dtype, type)) and np.dtype(x).name:
            return "np." + np.dtype(x).name
        if isinstance(x, np.generic):
            x = x.item()
        if isinstance(x, float) and x != x:
            return "np.nan"
        if isinstance(x, float) and x in (np.inf, -np.inf):
            return "np.inf" if x > 0 else "-np.inf"
        text = repr(x)
        return f"({text})" if text.startswith("-") and level > SUM else text

    def constant(self, value: Value) -> str:
        """A number, or an array that is defined at the top."""
        array = value.array
        if array.ndim == 0 and array.dtype.kind in "fib":
            return self.text(shortest(array))
        name = self.names[value] = self.fresh("constant")
        self.header.append(defined(name, array))
        return name

    def expression(self, line: Instruction) -> tuple[str, int]:
        """The right side of a line, and how tightly it holds together."""
        f, args = line.function, line.args
        if (
            f is np.ndarray.dot
            and isinstance(args[0], Value)
            and is_ones(args[0])
            and args[0].array.ndim == 1
        ):
            return f"{self.text(args[1], ATOM)}.sum(axis=0)", ATOM
        mask = masked(line)
        if mask is not None:
            condition, kept, zero_first = mask
            parts = ("0", self.text(kept)) if zero_first else (self.text(kept), "0")
            return f"np.where({self.text(condition)}, {', '.join(parts)})", ATOM
        if f in SIGNS and not line.options and len(args) == 2:
            sign, level = SIGNS[f]
            right = level if sign in "+*" and sign != "@" else level + 1
            return f"{self.text(args[0], level)} {sign} {self.text(args[1], right)}", level
        if f is np.negative:
            return f"-{self.text(args[0], POWER)}", PRODUCT
        if f is np.reciprocal:
            return f"1 / {self.text(args[0], POWER)}", PRODUCT
        if f is np.square:
            return f"{self.text(args[0], ATOM)} ** 2", POWER
        if f is operator.getitem:
            index = args[1] if type(args[1]) is tuple else (args[1],)
            inner = ", ".join("..." if i is Ellipsis else self.text(i) for i in index)
            return f"{self.text(args[0], ATOM)}[{inner}]", ATOM
        if f is np.ndarray.swapaxes and args[1:] == (-1, -2):
            two = args[0].array.ndim == 2
            return f"{self.text(args[0], ATOM)}{'.T' if two else '.swapaxes(-1, -2)'}", ATOM
        if f in COPIES or (f is np.ndarray.astype and np.dtype(args[1]) == args[0].array.dtype):
            return self.text(args[0], ATOM), ATOM
        return self.call(line), ATOM

    def call(self, line: Instruction) -> str:
        """A function of NumPy's, or one of ours."""
        f: Any = line.function
        args, name = line.args, getattr(f, "__name__", "")
        options = {k: v for k, v in line.options.items() if not (v is None or v is False)}
        rest = [f"{k}={self.text(v)}" for k, v in options.items()]
        if getattr(np.ndarray, name, None) is f:
            inner = ", ".join([self.text(arg) for arg in args[1:]] + rest)
            return f"{self.text(args[0], ATOM)}.{name}({inner})"
        if isinstance(getattr(f, "__self__", None), np.ufunc):
            if f.__self__ is np.add and name == "reduce":
                inner = ", ".join([*(f"axis={self.text(a)}" for a in args[1:2] if a is not None), *rest])
                return f"{self.text(args[0], ATOM)}.sum({inner})"
            name = f"{f.__self__.__name__}.{name}"
        elif getattr(Generator, name, None) is not None and isinstance(args[0], Generator):
            return self.draw(name, args[1:], line)
        elif getattr(np, name, None) is not f:
            return self.ours(line)
        return f"np.{name}({', '.join([self.text(arg) for arg in args] + rest)})"

    def draw(self, name: str, args: Sequence[Any], line: Instruction) -> str:
        """A random draw; NumPy's numbers are others than PyTorch's."""
        assert line.out is not None
        self.helpers.setdefault("rng", "rng = np.random.default_rng(0)  # draws other numbers than autodiff")
        shape = self.text(tuple(line.out.array.shape))
        if name in ("mask_like", "bernoulli"):
            p = args[1] if name == "mask_like" else args[0]
            return f"(rng.random({shape}) < {self.text(p)})"
        if name in ("normal", "normal_by_pairs"):
            return f"rng.standard_normal({shape}).astype({self.text(line.out.array.dtype)})"
        if name == "uniform":
            return f"rng.random({shape}).astype({self.text(line.out.array.dtype)})"
        if name == "integers":
            return f"rng.integers({self.text(args[0])}, {self.text(args[1])}, {shape})"
        return f"rng.{name}({', '.join(map(self.text, args))})"

    def ours(self, line: Instruction) -> str:
        """A function that is no expression: autodiff's own."""
        self.needs_autodiff = True
        inner = ", ".join(self.text(arg) for arg in line.args)
        if line.function is backward.unbroadcast:
            self.helpers["unbroadcast"] = "from autodiff.backward import unbroadcast"
            return f"unbroadcast({inner})"
        note = line.note
        self.helpers["registry"] = "from autodiff.primitive import registry"
        part = "forward" if note.argnum is None else f"vjps[{note.argnum}]"
        return f"registry[{note.name!r}].{part}({inner})"

    # the update

    def write_update(self, update: Update) -> None:
        """The optimizer's formula for each parameter."""
        kind = type(update.optimizer).__name__
        lines = self.lines["update"]
        for number, (group, work) in enumerate(update.groups):
            suffix = "" if len(update.groups) == 1 else f"_{number}"
            lr = "lr" + suffix
            self.helpers[lr] = f"{lr} = {float(group['lr'])!r}"
            for p, w, d in work:
                name, g = self.text(w), self.text(d)
                state = update.optimizer.state.get(p, {})
                writer = WRITERS.get(kind)
                if writer is None:
                    lines.append(f"# {kind} moves {name} by {g}: see nn.optim.{kind}")
                    self.missing = kind
                else:
                    lines += writer(self, name, g, group, lr, state)

    missing = ""
    done = 0  # steps that the optimizer has taken, which Adam counts

    # the whole

    def paragraphs(self, indent: str = "") -> str:
        """Forward, backward, update."""
        found = []
        for name, lines in self.lines.items():
            if lines:
                found.append("\n".join([f"{indent}# {name}", *(indent + line for line in aligned(lines))]))
        return "\n\n".join(found) + "\n"

    def script(self, steps: int = 10) -> str:
        """A program that runs by itself, and prints the losses."""
        if self.missing:
            raise NotImplementedError(
                f"the update of {self.missing} cannot be written by hand yet: SGD, Adam and AdamW can; "
                ".source shows the rest"
            )
        data = [
            defined(name, value.array)
            for value, name in self.names.items()
            if value.kind in ("tensor", "argument", "gradient")
        ]
        imports = [text for text in self.helpers.values() if text.startswith("from ")]
        numbers = [text for text in self.helpers.values() if not text.startswith("from ")]
        result = next((self.text(r.value) for r in returned(self.program.result)), "")
        show = [f"    print(float({result}))"] if self.result_is_number() else []
        return "\n".join(
            [
                f'"""{self.title or "A training step"}, as plain NumPy: written by autodiff.compile."""',
                "",
                "import numpy as np",
                *([] if not imports else ["", *imports]),
                "",
                "# data, parameters",
                *data,
                *self.header,
                *numbers,
                "",
                f"for step in range({self.done + 1}, {self.done + steps + 1}):",
                self.paragraphs("    "),
                *show,
                "",
            ]
        )

    def result_is_number(self) -> bool:
        """Whether there is a loss to print."""
        return any(r.value.array.size == 1 for r in list(returned(self.program.result))[:1])


def clean(name: str) -> str:
    """A name that Python takes: layer0_weight for 0.weight."""
    name = "".join(c if c.isalnum() else "_" for c in name)
    return name if name and not name[0].isdigit() else "layer" + name


def names_of(variables: Sequence[tuple[str, Any]]) -> dict[int, str]:
    """What tensors are called: by their variable, or by their module and their name in it; by id."""
    found: dict[int, str] = {}
    models = [
        (name, x) for name, x in variables if hasattr(x, "named_parameters") and not isinstance(x, type)
    ]
    models = [(name, x) for name, x in models if next(iter(x.named_parameters()), None) is not None]
    for variable, model in models:
        prefix = f"{variable}." if len({id(x) for _, x in models}) > 1 else ""
        for members in (model.named_parameters(), model.named_buffers()):
            for name, tensor in members:
                found.setdefault(id(tensor), (prefix + name).replace(".", "_"))
    for name, x in variables:
        if isinstance(x, Tensor):
            found.setdefault(id(x), name)
    return found


def sgd(r: Readable, w: str, g: str, group: Mapping[str, Any], lr: str, state: Any) -> list[str]:
    """SGD's lines for one parameter."""
    lines = decay(r, w, g, group)
    g = f"d_{w}_" if lines else g
    momentum, dampening = float(group["momentum"]), float(group["dampening"])
    if momentum:
        b = f"momentum_{w}"
        r.helpers[b] = defined(b, state["momentum_buffer"].array)
        share = f"{1 - dampening!r} * {g}" if dampening else g
        lines.append(f"{b} = {momentum!r} * {b} + {share}  # b ← μ·b + g, the way so far")
        g = f"({g} + {momentum!r} * {b})" if group["nesterov"] else b
    return [*lines, f"{w} -= {lr} * {g}  # w ← w − γ·{'b' if momentum else 'g'}"]


def adam(r: Readable, w: str, g: str, group: Mapping[str, Any], lr: str, state: Any) -> list[str]:
    """Adam's lines for one parameter."""
    decoupled = group.get("decoupled_weight_decay")
    lines = [] if decoupled else decay(r, w, g, group)
    g = f"d_{w}_" if lines else g
    if decoupled and group["weight_decay"]:
        lines.append(f"{w} *= 1 - {lr} * {float(group['weight_decay'])!r}  # w ← w − γ·λ·w")
    m, v = f"m_{w}", f"v_{w}"
    beta1, beta2 = map(float, group["betas"])
    for name, key in ((m, "exp_avg"), (v, "exp_avg_sq")):
        r.helpers[name] = defined(name, state[key].array)
    r.done = int(state["step"].item())
    hats = f"({m} / (1 - {beta1!r}**step)) / (np.sqrt({v} / (1 - {beta2!r}**step)) + {float(group['eps'])!r})"
    return [
        *lines,
        f"{m} = {beta1!r} * {m} + {rounded(1 - beta1)} * {g}  # m ← β₁·m + (1 − β₁)·g",
        f"{v} = {beta2!r} * {v} + {rounded(1 - beta2)} * {g} * {g}  # v ← β₂·v + (1 − β₂)·g²",
        f"{w} -= {lr} * {hats}  # w ← w − γ·m̂ / (√v̂ + ε)",
    ]


def decay(r: Readable, w: str, g: str, group: Mapping[str, Any]) -> list[str]:
    """The penalty on large weights, and the sign of what is maximized."""
    sign, weight = "-" if group["maximize"] else "", float(group["weight_decay"])
    if not sign and not weight:
        return []
    penalty = f" + {weight!r} * {w}" if weight else ""
    return [f"d_{w}_ = {sign}{g}{penalty}  # g ← g + λ·w"]


WRITERS: dict[str, Callable[..., list[str]]] = {"SGD": sgd, "Adam": adam, "AdamW": adam}


def said(op: Primitive) -> str:
    """What an operation computes, by its docstring."""
    first = (op.__doc__ or op.name).strip().partition("\n")[0].rstrip(".")
    first = first.removeprefix(op.name + ": ")
    return f"{op.name}: {first}" if len(first) < 50 else f"{op.name}: {first.partition(':')[0][:60]}"


def rounded(x: float) -> str:
    """A number in as many digits as float32 has."""
    return repr(float(f"{x:.12g}"))


def returned(tree: Any) -> list[Returned]:
    """The tensors and numbers in a result."""
    if isinstance(tree, Returned):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (tuple, list)) else ()
    return [found for part in parts for found in returned(part)]


def free(line: Instruction) -> bool:
    """Whether an expression may be written wherever it is wanted: a view, or what is written as itself."""
    if masked(line) is not None:
        return False
    same = line.function in COPIES or (
        line.function is np.ndarray.astype and np.dtype(line.args[1]) == line.args[0].array.dtype
    )
    return line.pure and line.out is not None and (line.out.root is not line.out or same)


def is_ones(value: Value) -> bool:
    """Whether this is a constant of ones."""
    return value.kind == "constant" and bool((value.array == 1).all())


def masked(line: Instruction) -> tuple[Value, Value, bool] | None:
    """The condition, what is kept, and whether 0 comes first, if this is the end of `special.kept`."""
    product = source_of(line, np.ndarray.view)
    bits = product and source_of(product, np.multiply)
    if not bits or not product or bits.function is not np.ndarray.view:
        return None
    mask = product.args[1]
    if not isinstance(mask, Value) or mask.array.dtype != bool:
        return None
    inverted = mask.source if isinstance(mask.source, Instruction) else None
    if inverted is not None and inverted.function is np.invert:
        return inverted.args[0], bits.args[0], True
    return mask, bits.args[0], False


def source_of(line: Instruction, function: Any) -> Instruction | None:
    """The instruction that made the first argument, if this line is of that function."""
    made = line.args[0].source if line.function is function and isinstance(line.args[0], Value) else None
    return made if isinstance(made, Instruction) else None


def shortest(array: Any) -> Any:
    """A 0-dim array as the shortest number that rounds to it."""
    x = array.item()
    return float(str(array)) if array.dtype == np.float32 and np.isfinite(x) else x


def defined(name: str, array: Any) -> str:
    """The line that makes an array."""
    return f"{name} = {literal(array, len(f'{name} = np.array('))}"


def literal(array: Any, indent: int = 0) -> str:
    """An array as it is written: its entries, or how to make it."""
    dtype = f"np.{array.dtype.name}"
    if array.size and array.ndim and (array == array.reshape(-1)[0]).all() and array.size > 1:
        return f"np.full({array.shape}, {shortest(np.asarray(array.reshape(-1)[0]))!r}, {dtype})"
    with np.printoptions(threshold=10**9, linewidth=100, floatmode="unique"):
        text = np.array2string(array, separator=", ", prefix=" " * indent)
    return f"np.array({text}, {dtype})".replace("nan", "np.nan").replace("inf", "np.inf")


def aligned(lines: list[str]) -> list[str]:
    """The comments of a paragraph below each other."""
    parts = [line.split("  # ", 1) for line in lines]
    at = min(WIDTH, max((len(part[0]) for part in parts if len(part) > 1), default=0))
    return [part[0] if len(part) == 1 else f"{part[0]:<{at}}  # {part[1]}" for part in parts]
