"""Many nodes made one: modules, the rounds of a loop, and, if a graph is still too large, stretches of it.

A fold is a set of operations; `quotient` makes one node of each and redirects the arrows. What only a fold's
own operations read goes into it, so its weights do; what others read stays.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from .model import Arrow, FoldNode, Graph, OperationNode, Path, TensorNode

LIMIT = 500  # nodes that are shown, unless fold=False
ROUNDS = 3  # of a loop, at least: two alike are no loop
LONGEST_BODY = 200  # operations in a round of a loop that is looked for

Fold = tuple[FoldNode, list[OperationNode]]


def fold_up(graph: Graph, depth: int | None = None, fold: bool | None = None) -> Graph:
    """The graph with its modules open to `depth`, its loops folded if `fold`, and the rest until it fits.

    With `fold` False nothing is folded but what `depth` says.
    """
    count = len(graph)
    folds = [] if depth is None else modules(graph.operations, depth)
    folded = quotient(graph, with_loops(loops(graph), folds) if fold else folds)
    if fold is False or len(folded) <= LIMIT:
        return folded
    for attempt in attempts(graph, folds):
        folded = quotient(graph, attempt)
        if len(folded) <= LIMIT:
            break
    if len(folded) > LIMIT:
        folded = without_leaves(folded)
    folded.remarks = [
        f"folded to fit: {count} nodes are too many to read (the limit is {LIMIT}; fold=False shows them)",
        *folded.remarks,
    ]
    return folded


def attempts(graph: Graph, folds: list[Fold]) -> Iterable[list[Fold]]:
    """Ever stronger ways to fold: inner modules, loops, modules and loops, stretches of the computation."""
    ops = graph.operations
    deepest = max((len(op.frame) for op in ops), default=0)
    if not folds:
        for depth in range(deepest - 1, 0, -1):
            yield modules(ops, depth)
    all_loops = loops(graph)
    yield with_loops(all_loops, folds)
    for depth in range(deepest - 1, -1, -1):
        yield with_loops(all_loops, modules(ops, depth))
    length = 2
    while length < 2 * len(ops):
        yield stretches(ops, length)
        length *= 2


def with_loops(all_loops: list[Fold], folds: list[Fold]) -> list[Fold]:
    """These modules, and the loops: a loop inside of a module stays in it, one through several opens them."""
    holder = {op.id: node.id for node, ops in folds for op in ops}
    found = []
    for node, ops in all_loops:
        holders = {holder.get(op.id) for op in ops}
        if len(holders) > 1 or None in holders:
            found.append((node, ops))
    looped = {op.id for _, ops in found for op in ops}
    return found + [(node, ops) for node, ops in folds if not looped & {op.id for op in ops}]


def modules(operations: Sequence[OperationNode], depth: int) -> list[Fold]:
    """One fold for each module `depth` levels down."""
    groups: dict[Path, list[OperationNode]] = {}
    for op in operations:
        if len(op.frame) > depth:
            groups.setdefault(op.frame[: depth + 1], []).append(op)
    return [
        (
            FoldNode(
                fold_id(ops), "module", ".".join(path), 1, listing(ops), [], frame=path[:-1], last=path[-1]
            ),
            ops,
        )
        for path, ops in groups.items()
    ]


def loops(graph: Graph) -> list[Fold]:
    """One fold for each stretch of the computation that repeats itself, operation by operation.

    Two operations are alike if they have the same name and formula, results of one shape, and read what lies
    equally far back, the same parameter, or a parameter or data of one shape.
    """
    ops = graph.operations
    marks = signatures(graph, ops)
    found: list[Fold] = []
    for start, period, rounds in repetitions(marks):
        inside = ops[start : start + period * rounds]
        body = " → ".join(op.name for op in inside[: min(period, 6)]) + (" → …" if period > 6 else "")
        frame = inside[0].frame if len({op.frame for op in inside}) == 1 else ()
        name = body if period == 1 else "loop"
        node = FoldNode(fold_id(inside), "loop", name, rounds, "" if period == 1 else body, [], frame=frame)
        found.append((node, inside))
    return found


def signatures(graph: Graph, ops: Sequence[OperationNode]) -> list[int]:
    """A number for each operation; alike operations have the same."""
    place = {op.output: i for i, op in enumerate(ops)}
    uses = Counter(x for op in graph.operations for x in set(op.inputs) if x is not None)
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    numbers: dict[Hashable, int] = {}
    found = []
    for i, op in enumerate(ops):
        inputs: list[Hashable] = []
        for x in op.inputs:
            if x is None:
                inputs.append(None)
            elif x in place:
                inputs.append(i - place[x])
            else:
                inputs.append(x if uses[x] > 1 else (tensors[x].kind, tensors[x].shape))
        key = (op.name, op.formula, tensors[op.output].shape, op.frame[:1], *inputs)
        found.append(numbers.setdefault(key, len(numbers)))
    return found


def repetitions(marks: Sequence[int]) -> list[tuple[int, int, int]]:
    """Where a sequence repeats itself: (start, period, rounds), from the left, each as much as there is.

    >>> repetitions([7, 1, 2, 1, 2, 1, 2, 5, 3, 3, 3, 3])
    [(1, 2, 3), (8, 1, 4)]
    """
    n = len(marks)
    array = np.asarray(marks)
    starts = np.arange(n)
    length, best, run = np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)  # of each start: the longest
    for period in range(1, min(LONGEST_BODY, n // ROUNDS) + 1):
        differ = np.flatnonzero(np.append(array[:-period] != array[period:], True))
        here = np.zeros(n, int)  # how many marks from here on equal the one a period later
        here[: n - period + 1] = (
            differ[np.searchsorted(differ, starts[: n - period + 1])] - starts[: n - period + 1]
        )
        rounds = here // period + 1
        longer = (rounds >= ROUNDS) & (rounds * period > length)
        length[longer], best[longer], run[longer] = (rounds * period)[longer], period, here[longer]
    found = []
    i = 0
    while i < n:
        if period := int(best[i]):
            start = i + int(run[i]) % period  # what is left over comes before: a loop ends with a whole round
            found.append((start, period, int(length[i]) // period))
            i = start + int(length[i])
        else:
            i += 1
    return found


def stretches(ops: Sequence[OperationNode], length: int) -> list[Fold]:
    """The computation cut into pieces of `length` operations, whatever they are."""
    found: list[Fold] = []
    for i in range(0, len(ops), length):
        inside = list(ops[i : i + length])
        name = f"{len(inside)} operations" if len(inside) > 1 else inside[0].name
        found.append((FoldNode(fold_id(inside), "stretch", name, 1, listing(inside), []), inside))
    return found


def quotient(graph: Graph, folds: list[Fold]) -> Graph:
    """The graph with one node for each fold."""
    folds = [(node, ops) for node, ops in folds if ops]
    if not folds:
        return graph
    stands = swallowed(graph, folds)
    members: dict[str, list[str]] = {}
    for id, holder in stands.items():
        members.setdefault(holder, []).append(id)
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    for node, ops in folds:
        node.operations = len(ops)
        node.members = sorted(members[node.id], key=lambda id: int(id[1:]))
        count_parameters(node, [tensors[id] for id in node.members if id in tensors])
    closed = {(*node.frame, node.last) for node, _ in folds if node.kind == "module"}
    return replace(
        graph,
        tensors=[outside(tensor, closed) for tensor in graph.tensors if tensor.id not in stands],
        operations=[op for op in graph.operations if op.id not in stands],
        folds=[*graph.folds, *(node for node, _ in folds)],
        arrows=redirected(
            graph.arrows,
            stands,
            {node.id for node, _ in folds},
            {op.output: op.id for op in graph.operations},
        ),
        remarks=list(graph.remarks),
        whole_or_none=graph.whole,
        hidden=graph.hidden | stands,
    )


def swallowed(graph: Graph, folds: list[Fold]) -> dict[str, str]:
    """For each node that is inside of a fold the fold: its operations, and the tensors that it alone uses."""
    stands = {op.id: node.id for node, ops in folds for op in ops}
    by_id = {node.id: node for node, _ in folds}
    made_by = {op.output: op.id for op in graph.operations}
    readers: dict[str, list[str]] = {}
    for arrow in graph.arrows:
        readers.setdefault(arrow.tail, []).append(arrow.head)
    for tensor in graph.tensors:
        heads = readers.get(tensor.id, [])
        users = {stands.get(id) for id in [*heads, *([made_by[tensor.id]] if tensor.id in made_by else [])]}
        only = users.pop() if len(users) == 1 and heads and tensor.id != graph.result else None
        if only and (tensor.id in made_by or goes_in(tensor, len(heads), by_id[only])):
            stands[tensor.id] = only
    return stands


def count_parameters(node: FoldNode, inside: Sequence[TensorNode]) -> None:
    """Note how many parameters are in a fold, and how large the largest gradient is."""
    weights = [tensor for tensor in inside if tensor.kind == "parameter"]
    node.parameters = len(weights)
    node.entries = sum(math.prod(tensor.shape) for tensor in weights)
    sizes = [tensor.gradient.size for tensor in weights if tensor.gradient is not None]
    node.size = max(sizes, default=None)


def outside(tensor: TensorNode, closed: set[Path]) -> TensorNode:
    """A tensor that is shown, out of the frames of modules that are closed."""
    for depth in range(1, len(tensor.frame) + 1):
        if tensor.frame[:depth] in closed:
            return replace(tensor, frame=tensor.frame[: depth - 1])
    return tensor


def goes_in(tensor: TensorNode, uses: int, node: FoldNode) -> bool:
    """Whether a parameter or data that only one fold reads is shown inside of it."""
    if node.kind == "module":
        return tensor.kind == "parameter" or not tensor.name
    return node.kind == "stretch" or uses == 1


def redirected(
    arrows: Sequence[Arrow], stands: dict[str, str], folds: set[str], made_by: dict[str, str]
) -> list[Arrow]:
    """The arrows between what is shown; several between a fold and a node become one that counts them.

    What a fold makes and reads itself, and others read too, has no arrow back into it.
    """
    found: list[Arrow] = []
    merged: dict[tuple[str, str], Arrow] = {}
    for arrow in arrows:
        tail, head = stands.get(arrow.tail, arrow.tail), stands.get(arrow.head, arrow.head)
        if head in folds and head in (tail, stands.get(made_by.get(tail, ""))):
            continue
        if tail not in folds and head not in folds:
            found.append(arrow)
        elif (tail, head) in merged:
            first = merged[tail, head]
            first.uses += arrow.uses
            first.carries |= arrow.carries
            first.note = f"{first.uses} times"
        else:
            note = arrow.note if arrow.uses > 1 else ""
            only = Arrow(f"{tail}-{head}", tail, head, carries=arrow.carries, note=note, uses=arrow.uses)
            merged[tail, head] = only
            found.append(only)
    return found


def without_leaves(graph: Graph) -> Graph:
    """The graph with all its parameters and data as one node: what is left to do if there are too many."""
    leaves = [tensor for tensor in graph.tensors if tensor.kind in ("parameter", "data")]
    ids = [tensor.id for tensor in leaves]
    node = FoldNode("f" + ids[0][1:], "leaves", "parameters and data", 1, f"{len(ids)} tensors", ids)
    count_parameters(node, leaves)
    stands = dict.fromkeys(ids, node.id)
    folds = [*graph.folds, node]
    return replace(
        graph,
        tensors=[tensor for tensor in graph.tensors if tensor.id not in stands],
        folds=folds,
        arrows=redirected(graph.arrows, stands, {fold.id for fold in folds}, {}),
        hidden=graph.hidden | stands,
    )


def fold_id(ops: Sequence[OperationNode]) -> str:
    """A fold stands where its first operation does."""
    return "f" + ops[0].id[1:]


def listing(ops: Sequence[OperationNode]) -> str:
    """What is inside, in a few words: in order if it is short, else by how often it occurs."""
    names = [op.name for op in ops]
    if len(names) <= 5:
        return " → ".join(names)
    common = Counter(names).most_common()
    text = ", ".join(f"{n} {name}" for name, n in common[:4])
    return text + (f" and {sum(n for _, n in common[4:])} more" if len(common) > 4 else "")
