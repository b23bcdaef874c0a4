"""What a diagnosis says: the causes by name, what was found of them, and how it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Cause(NamedTuple):
    """Why a network does not learn: in a few words, the mechanism, the change that usually helps."""

    title: str
    why: str
    fix: str


CAUSES = {
    "mismatched_shapes": Cause(
        "outputs and targets do not have the same shape",
        "Broadcasting compares every prediction with every target, so the loss is smallest where all "
        "predictions are the mean target.",
        "Give the targets the shape of the outputs: target.reshape(output.shape).",
    ),
    "target_coding": Cause(
        "the targets are coded for another loss, or for another output",
        "The loss, or the output layer, is made for targets of one coding; with another one it has no "
        "minimum at the right answer, or the answer cannot be given.",
        "BCE takes 0 and 1, hinge losses take -1 and 1, cross-entropy the classes 0 to C - 1; a sigmoid "
        "answers between 0 and 1, a tanh between -1 and 1.",
    ),
    "logits_or_probabilities": Cause(
        "the output and the loss do not agree about logits and probabilities",
        "A loss of logits applies sigmoid or softmax itself; after another one it sees answers between 0 and "
        "1, where its gradient is small and its minimum out of reach. A loss of probabilities takes their "
        "logarithm, which logits do not have.",
        "Nothing at the end of the model for CrossEntropyLoss and BCEWithLogitsLoss; a sigmoid for BCELoss, "
        "log_softmax for NLLLoss.",
    ),
    "contradicting_labels": Cause(
        "the same inputs come with different targets",
        "Equal inputs get equal outputs, so no model can be right about all of them.",
        "Look at these rows: a shuffle of the inputs without the targets, a wrong join, a feature that is "
        "missing.",
    ),
    "forgotten_zero_grad": Cause(
        "gradients are never zeroed",
        "backward() adds to .grad, so each step goes along the sum of all gradients so far.",
        "Call optimizer.zero_grad() before loss.backward(), in every step.",
    ),
    "frozen_parameters": Cause(
        "parameters do not move",
        "Only a parameter that requires grad, that the loss depends on and that the optimizer was given, "
        "is trained.",
        "requires_grad_(True); no detach(), .data or no_grad() in forward; make the optimizer from "
        "model.parameters(), after the last layer was added or replaced.",
    ),
    "symmetric_initialisation": Cause(
        "the hidden units compute the same",
        "Units with equal weights get equal gradients and stay equal: the layer is worth one unit. Weights "
        "that are almost zero are close to that, where the gradient almost vanishes.",
        "Draw the weights anew, in the scale of the fan-in: nn.init.kaiming_uniform_ or xavier_uniform_ (the "
        "layers' own initial values will do).",
    ),
    "inputs_not_standardised": Cause(
        "the inputs are not standardised",
        "The gradient of a weight is proportional to its input: with inputs that are large, off zero or of "
        "different sizes no learning rate suits all weights, and sigmoid and tanh saturate.",
        "Subtract the mean of each feature and divide by its deviation, both taken of the training data.",
    ),
    "saturated_activations": Cause(
        "sigmoid or tanh are saturated",
        "Far from zero their derivative is almost zero, and with it every gradient behind them.",
        "Smaller initial weights (nn.init.xavier_uniform_), standardised inputs, and for the output a loss "
        "on logits.",
    ),
    "dead_relus": Cause(
        "ReLU units are dead",
        "A unit that answers 0 for every row has derivative 0 for every row, and never comes back.",
        "A smaller learning rate, biases that begin at 0, nn.init.kaiming_uniform_; or nn.LeakyReLU.",
    ),
    "exploding_gradients": Cause(
        "gradients explode from layer to layer",
        "Each layer multiplies what passes; with factors above 1 it grows exponentially with the depth.",
        "Smaller initial weights (nn.init.kaiming_uniform_), normalization layers, nn.utils.clip_grad_norm_.",
    ),
    "vanishing_gradients": Cause(
        "gradients vanish from layer to layer",
        "Each layer multiplies what passes back; with factors below 1 (sigmoid: at most 1/4) the first "
        "layers get nothing.",
        "ReLU or tanh in place of sigmoid, nn.init for the activation, normalization layers, or residual "
        "connections.",
    ),
    "learning_rate_too_high": Cause(
        "the learning rate is too high",
        "A step that is longer than the valley is wide ends higher up on the other side.",
        "Divide the learning rate by 10, until the loss falls smoothly.",
    ),
    "learning_rate_too_low": Cause(
        "the learning rate is too low",
        "Weights learn in sensible time if a step changes them by about a thousandth.",
        "Multiply the learning rate by 10, until the loss becomes restless, and go back one step.",
    ),
    "capacity_too_small": Cause(
        "the model is too small for the task",
        "What cannot fit a few rows cannot fit all of them, however long it is trained.",
        "More hidden units, one more layer, and a nonlinearity between linear layers.",
    ),
    "constant_output": Cause(
        "the output is the base rate for every row",
        "The best answer that does not look at the input is the mean target; the model gives just that.",
        "See that the inputs reach the output, and that they say something about the targets: look at a few "
        "rows as the model gets them. Less weight decay.",
    ),
}
"""All causes that are known, by their stable names, in the order in which they are looked for."""


class Finding(NamedTuple):
    """A cause, the number that proves it, and the sentence that says what it was measured on."""

    cause: str
    number: float
    evidence: str

    @property
    def title(self) -> str:
        """The cause in a few words."""
        return CAUSES[self.cause].title

    @property
    def why(self) -> str:
        """Why that keeps a network from learning."""
        return CAUSES[self.cause].why

    @property
    def fix(self) -> str:
        """The change that usually helps."""
        return CAUSES[self.cause].fix


class Diagnosis:
    """What `nn.diagnose` returns: `print` it, or let a notebook show it.

    `findings` is a list, `causes` the names in it, `learns` whether the loss fell in a short training of a
    copy (None if there was none), and `summary` a sentence on that.
    """

    def __init__(self, findings: Sequence[Finding], summary: str, learns: bool | None) -> None:
        self.findings, self.summary, self.learns = list(findings), summary, learns

    @property
    def causes(self) -> list[str]:
        """The names of the causes that were found."""
        return [finding.cause for finding in self.findings]

    @property
    def verdict(self) -> str:
        """The first line: what it comes to."""
        if self.findings:
            return "; ".join(f"{finding.cause}: {finding.title}" for finding in self.findings)
        if self.learns:
            return "No cause found: it learns."
        return "The cause is unknown: in a short training it does not get past the base rate."

    @property
    def text(self) -> str:
        """All of it, as lines."""
        lines = [] if self.findings else [self.verdict]
        for finding in self.findings:
            lines += [
                f"{finding.cause}: {finding.title}",
                f"  measured  {finding.evidence}",
                f"  why       {finding.why}",
                f"  try       {finding.fix}",
            ]
        return "\n".join([*lines, self.summary])

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<dt><b>{escape(finding.title)}</b> <code>{escape(finding.cause)}</code></dt>"
            + "".join(
                f"<dd><i>{name}</i>: {escape(text)}</dd>"
                for name, text in (
                    ("measured", finding.evidence),
                    ("why", finding.why),
                    ("try", finding.fix),
                )
            )
            for finding in self.findings
        )
        head = f"<dl>{rows}</dl>" if rows else f"<p><b>{escape(self.verdict)}</b></p>"
        return f"{head}<p>{escape(self.summary)}</p>"
