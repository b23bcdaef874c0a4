"""The readable form: the step as the NumPy program that one would write by hand, a line for each rule.

It is printed from a copy of the traced program in a teacher's words (`spelling`, `words`): what one call of a
forward or a rule computed is one expression or a few (`expressions`), named after parameters, modules and
variables (`naming`), with the rule in mathematics beside it.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..formulas import formula_text, rule_text
from ..primitive import Primitive
from . import literals
from .expressions import ATOM, Expressions
from .literals import defined
from .naming import ARITHMETIC
from .program import Instruction, Program, Update, Value, update_of
from .recognized import cheap, free, returned, said
from .spelling import spelled
from .updates import RULES, SEVERAL, Rule
from .words import MATHEMATICS

WIDTH, WIDEST = 76, 120  # where the comments begin, at most, and end
LONG = 60  # characters: a longer part of an expression is a line of its own
SUMMED = "summed over what the forward repeated"
SHAPES = frozenset(["reshape", "permute", "transpose", "expand", "clone", "contiguous", "unbroadcast"])
NOTATION = """d_x is how the loss changes with x, its gradient. Beside a line stands the rule that it follows:
x̄ += z̄ · y says what the gradient of x gets from that of z, if z was made of x and y."""


class Readable(Expressions):
    """The text of a program (a copy: its parts are changed), with these names for what is older than it."""

    def __init__(self, program: Program, names: Mapping[Any, str], title: str = "") -> None:
        program.lines = [line for line in program.lines if line.function is not bool]
        super().__init__(spelled(program), names)
        self.title = title
        lines = self.program.lines
        self.sections: list[tuple[str, list[str]]] = []
        self.written = {line.writes.root for line in lines if line.writes is not None}
        self.parts = {  # of sums over paths: written where they are added
            line.args[1]
            for line in lines
            if line.note.name == "add" and line.function is np.add and isinstance(line.args[1], Value)
        }
        self.carried = {  # what is only brought into the shape of what it belongs to
            line.args[0]
            for line in lines
            if line.note.name == "unbroadcast"
            or (free(line) and line.out in {*self.gradient_of, *self.parts})
        }
        self.stored = {line.args[1] for line in lines if line.function is np.copyto}
        self.from_gradients = set(self.program.of_kind("gradient"))
        self.comments: dict[Value, str] = {}  # of what is inline
        self.reads: dict[Value, set[Value]] = {}  # the memory that what is inline looks at
        self.missing = ""
        self.done: int | None = None  # the steps that the optimizer has taken, which Adam counts
        self.write()

    # statements

    def section(self, line: Instruction) -> list[str]:
        """Where this line is written: in the paragraph that is open, or a new one."""
        name = line.note.paragraph
        older = line.writes is not None and line.writes.root.kind == "tensor"
        updating = bool(self.sections) and self.sections[-1][0] == "update"
        if name == "forward" and any(value in self.from_gradients for value in line.values()):
            name = "update" if older or updating else "gradients"  # which are clipped, for example
        elif older and updating:  # an average of the parameters, for example
            name = "update"
        if not self.sections or self.sections[-1][0] != name:
            self.sections.append((name, []))
        return self.sections[-1][1]

    def write(self) -> None:
        """All statements."""
        lines = self.program.lines
        ends = {line.note.call: line for line in lines if line.out is not None}
        for number_of_line, line in enumerate(lines):
            after_gradients = line.note.paragraph == "backward" or any(
                value in self.from_gradients for value in line.values()
            )
            if after_gradients and line.out is not None:
                self.from_gradients.add(line.out)
            if line.function is update_of:
                self.write_update(line.args[0], self.section(line))
            elif line.writes is not None:
                self.keep_what_changes(line.writes.root, lines[number_of_line + 1 :])
                self.section(line).append(self.change(line))
            elif line.out is not None:
                self.write_value(line, bool(line.note.call) and ends[line.note.call] is line)
        self.carry_gradients()

    def change(self, line: Instruction) -> str:
        """A change in place."""
        assert line.writes is not None
        if line.function is np.copyto:
            new = line.args[1]
            full = isinstance(new.source, Instruction) and new.source.function is np.full_like
            value = new.source.args[1] if full and new in self.inline else new
            return f"{self.text(line.args[0])}[...] = {self.text(value)}"
        if line.function is np.ndarray.fill:
            return f"{self.text(line.args[0])}[...] = {self.text(line.args[1])}"
        if line.function is operator.setitem:
            target, index, value = line.args
            if type(index) is tuple and len(index) > 1 and index[-1] is Ellipsis:
                index = index[:-1] if len(index) > 2 else index[0]
            return f"{self.text(target, ATOM)}[{self.index(index)}] = {self.text(value)}"
        if "out" in line.options:
            del line.options["out"]
            return f"{self.text(line.writes)}[...] = {self.expression(line)[0]}"
        return self.expression(line)[0]

    def keep_what_changes(self, memory: Value, later: Sequence[Instruction]) -> None:
        """Expressions of what is about to change, and that are asked for later, are worked out before."""
        asked = {value for line in later for value in line.values()} | self.results
        for value in [v for v, read in self.reads.items() if memory in read and v in asked]:
            if value.root is value:
                line = value.source
                text, _ = self.inline.pop(value)
                del self.reads[value]
                self.names[value] = self.fresh(self.base(line, True))
                self.section(line).append(f"{self.names[value]} = {text}")

    def write_value(self, line: Instruction, last: bool) -> None:
        """The value of a line: part of a later expression if one asks for it once, else a statement."""
        out, note = line.out, line.note
        assert out is not None
        text, level = self.expression(line)
        own = out in self.gradient_of or out in self.results or out.root in self.written or not line.pure
        if not own and self.joins(line, text, last):
            self.inline[out] = text, level
            self.reads[out] = {v.root for v in line.values()}.union(
                *(self.reads.get(v, set()) for v in line.values())
            )
            if out in self.parts or out in self.carried:
                self.comments[out] = self.comment(line)
            return
        if text in self.names.values() and out not in self.gradient_of:
            self.names[out] = text
            return
        section = self.section(line)
        before = line.args[0] if note.name == "add" and line.function is np.add else None
        alone = isinstance(before, Value) and before.source is not None and self.uses[before] == 1
        known = self.names.get(before, "") if isinstance(before, Value) and alone else ""
        if known and self.program.names.get(out, known) == known:
            name = self.names[out] = known  # d = d + what comes by another path
        else:
            name = self.names[out] = self.fresh(self.base(line, last))
        comment = self.comments.get(line.args[1], "") if note.name == "add" and len(line.args) > 1 else ""
        comment = comment or (self.comment(line) if last else "")
        section.append(f"{name} = {text}" + (f"  # {comment}" if comment else ""))

    def joins(self, line: Instruction, text: str, last: bool) -> bool:
        """Whether the value of a line is written where it is asked for."""
        out, note = line.out, line.note
        assert out is not None
        once = self.uses[out] == 1
        if once and len(text) <= LONG and (out in self.parts or out in self.carried):
            return True
        if out in self.program.names:
            return False
        if once and out in self.stored and len(text) <= WIDTH:
            return True
        if free(line):
            return once or len(text) <= 45
        if (cheap(line) and not last) or (line.function is np.full_like and once):
            return True
        if not last:
            return once and len(text) <= LONG
        return note.paragraph == "forward" and note.name in ARITHMETIC and once and len(text) <= LONG

    def comment(self, line: Instruction) -> str:
        """The rule, in mathematics."""
        note = line.note
        op = note.primitive
        carried = self.comments.get(line.args[0]) if line.args and isinstance(line.args[0], Value) else None
        if note.name == "unbroadcast" and ".sum" in self.expression(line)[0]:
            said_already = carried is not None and SUMMED in carried
            return carried if carried and said_already else (f"{carried}, " if carried else "") + SUMMED
        if carried:
            return carried
        if not isinstance(op, Primitive):
            return "the sum over all paths" if note.name == "add" and note.paragraph == "backward" else ""
        if note.name in ARITHMETIC and note.argnum is None and any(v in self.inline for v in line.values()):
            return ""  # it is as long as the expression, and says the same
        if note.name in SHAPES:
            return ""
        if (note.name, note.argnum) in MATHEMATICS:
            return MATHEMATICS[note.name, note.argnum]
        raw = tuple(a.array if isinstance(a, Value) else a for a in note.args)
        try:
            if note.argnum is not None:
                return rule_text(op, note.argnum, raw)
            text = formula_text(op, raw)
            return said(op) if f"= {op.name}(" in text else text
        except Exception:  # there are no words for it
            return op.name

    def carry_gradients(self) -> None:
        """A gradient that the next step begins with is the one that this step leaves."""
        left = {id(t): g for t, g in self.program.gradients}
        for value in self.program.values:
            if value.kind == "gradient" and self.uses[value]:
                g = left.get(id(value.source))
                if g is not None and g is not value and self.names.get(g) != self.names[value]:
                    self.sections[-1][1].append(f"{self.names[value]} = {self.text(g)}  # for the next step")

    # the update

    def write_update(self, update: Update, lines: list[str]) -> None:
        """The optimizer's formula: a line for each parameter, or several in a loop over the parameters."""
        kind = type(update.optimizer).__name__
        for group, work in update.groups:
            if kind not in RULES:
                self.missing = kind
                names = ", ".join(self.text(w) for _, w, _ in work)
                lines.append(f"# {kind} moves {names}: see its docstring")
                continue
            for steps, moved in by_steps(update.optimizer, work).items():
                self.write_rule(RULES[kind](group), group, steps, moved, update.optimizer.state, lines)

    def write_rule(
        self, rule: Rule, group: Mapping[str, Any], steps: int, work: Any, states: Any, lines: list[str]
    ) -> None:
        """The lines for parameters that have been moved so often."""
        if self.done is None:
            self.done = steps
        words = {option: name for key in rule.options for option, name in self.option(key, group)}
        count = "step" if steps == self.done else f"(step {'+' if steps > self.done else '-'} "
        words["t"] = count if steps == self.done else f"{count}{abs(steps - self.done)})"
        for name, key in rule.scalars.items():
            words[name] = self.fresh(name)
            self.options[words[name]] = f"{words[name]} = {states[work[0][0]][key].item()!r}"
        lines += [worded(line, words) for line in rule.before]
        memories = []
        for p, w, _ in work:
            memory = [f"{name}_{self.text(w)}" for name in rule.state]
            for name, key in zip(memory, rule.state.values(), strict=True):
                kept = states.get(p, {}).get(key)
                array = np.zeros_like(p.array) if kept is None else kept.array
                self.header.append(defined(name, array, literals.FEWER))
            memories.append(memory)
        if len(rule.lines) == 1:
            for _, w, g in work:
                lines.append(worded(rule.lines[0], {**words, "w": self.text(w), "g": self.text(g)}))
            return
        letters = {name: name for name in ("w", "g", *rule.state)}
        for name in letters:
            while letters[name] in self.taken:
                letters[name] += "_"
        lines.append(f"for {', '.join(letters.values())} in (")
        for (_, w, g), memory in zip(work, memories, strict=True):
            lines.append(f"    ({', '.join([self.text(w), self.text(g), *memory])}),")
        lines.append("):")
        lines += ["    " + worded(line, {**words, **letters}) for line in rule.lines]

    def option(self, key: str, group: Mapping[str, Any]) -> list[tuple[str, str]]:
        """An option of an optimizer as a number, or two, with a name."""
        names = SEVERAL.get(key, (key,))
        numbers = group[key] if key in SEVERAL else (group[key],)
        found = []
        for name, x in zip(names, numbers, strict=True):
            own, changing = name, key == "lr" and "initial_lr" in group
            text = repr(float(x)) + ("  # which a scheduler changes" if changing else "")
            while self.options.get(own, f"{own} = {text}") != f"{own} = {text}":
                own += "_"
            self.options[own] = f"{own} = {text}"
            found.append((name, own))
        return found

    # the whole

    def paragraphs(self, indent: str = "") -> str:
        """Forward, backward, update."""
        found = []
        for name, lines in self.sections:
            if lines:
                text = "\n".join([f"# {name}", *aligned(lines)])
                found.append("\n".join(indent + line for line in text.split("\n")))
        return "\n\n".join(found) + "\n"

    def script(self, steps: int = 10) -> str:
        """A program that runs by itself, and prints the losses."""
        if self.missing:
            raise NotImplementedError(
                f"the update of {self.missing} has no form by hand, so that no script can take its steps; "
                f".source shows the rest. There are those of {', '.join(RULES)}"
            )
        values = [v for v in self.names if v.kind in ("tensor", "argument", "gradient")]
        data = [defined(self.names[value], value.array) for value in values] + self.header
        functions = [text_of(f) for f in self.functions.values()]
        modules = []
        if any(" = unpacked(" in line for line in data):
            functions.append(text_of(literals.unpacked))
            modules = ["import base64", "import zlib", ""]
        if any("math." in text for text in functions):
            modules = ["import math", *modules]
        done = self.done or 0
        shown = [self.text(r.value) for r in returned(self.program.result) if r.value.array.size == 1]
        show = [f"    print({', '.join(f'float({name})' for name in shown)})"] if shown else []
        return "\n".join(
            [
                f'"""{self.title or "A training step"}, as plain NumPy: written by autodiff.compile.',
                "",
                NOTATION,
                '"""',
                "",
                *modules,
                "import numpy as np",
                *([] if not self.imports else ["", *self.imports.values()]),
                *(f"\n\n{text}" for text in functions),
                *([""] if functions else []),
                "",
                "# data, parameters",
                *data,
                "",
                *([*self.options.values(), ""] if self.options else []),
                f"for step in range({done + 1}, {done + steps + 1}):",
                self.paragraphs("    "),
                *show,
                "",
            ]
        )


def worded(line: str, words: Mapping[str, str]) -> str:
    """A line of a rule with these words for its names; its comment stays as it is."""
    code, mark, comment = line.partition("  # ")
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda found: words.get(found[0], found[0]), code) + mark + comment


def by_steps(optimizer: Any, work: Any) -> dict[int, Any]:
    """The parameters by how often they have been moved; SGD does not count."""
    found: dict[int, Any] = {}
    for p, w, g in work:
        step = optimizer.state.get(p, {}).get("step")
        found.setdefault(0 if step is None else int(step.item()), []).append((p, w, g))
    return found


def text_of(f: Callable[..., Any]) -> str:
    """The text of a function."""
    return inspect.getsource(f).replace("  # type: ignore[no-untyped-def]", "").rstrip()


def aligned(lines: list[str]) -> list[str]:
    """The comments of a paragraph below each other; that of a long line above it."""
    parts = [line.split("  # ", 1) for line in lines]
    at = max((len(part[0]) for part in parts if len(part) > 1 and len(part[0]) <= WIDTH), default=0)
    found = []
    for code, *comment in parts:
        if comment and (len(code) > WIDTH or at + len(comment[0]) > WIDEST):
            indent = code[: len(code) - len(code.lstrip())]
            found += [f"{indent}# {comment[0]}", code]
        else:
            found.append(f"{code:<{at}}  # {comment[0]}" if comment else code)
    return found
