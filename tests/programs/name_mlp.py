"""A multi-layer perceptron learns to spell names: embedded letters, batch norm, gradient descent by hand.

The next letter is predicted from the three before it. After Bengio et al., "A Neural Probabilistic Language
Model" (2003). The names are put together from syllables.
"""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F

CONTEXT, EMBEDDING, HIDDEN, BATCH = 3, 10, 100, 32
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the dot begins and ends a name
FIRST = "al an be ca da el fi ga ha is jo ka le ma na or pe ro sa ti ul va wi yo za".split()
MIDDLE = "li ra mi no de be lo ri ta vi".split()
LAST = "na s ra n lia ne ro la tte ris".split()


def names(count):
    draw = random.Random(1)
    middles = (draw.sample(MIDDLE, draw.choice([0, 1, 1, 2])) for _ in range(count))
    return ["".join([draw.choice(FIRST), *middle, draw.choice(LAST)]) for middle in middles]


def examples(words):
    """Contexts, (n, 3), and the letter after each, (n)."""
    xs, ys = [], []
    for word in words:
        context = [0] * CONTEXT
        for letter in word + ".":
            index = LETTERS.index(letter)
            xs.append(context)
            ys.append(index)
            context = [*context[1:], index]
    return torch.tensor(xs), torch.tensor(ys)


class Speller(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS), EMBEDDING)
        self.hidden = nn.Linear(CONTEXT * EMBEDDING, HIDDEN, bias=False)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.output = nn.Linear(HIDDEN, len(LETTERS))
        with torch.no_grad():
            self.output.weight *= 0.1  # less sure of itself at first

    def forward(self, x):
        x = self.letters(x).view(x.shape[0], -1)
        x = torch.tanh(self.norm(self.hidden(x)))
        return self.output(x)


@torch.no_grad()
def loss_on(model, x, y):
    model.eval()
    loss = F.cross_entropy(model(x), y).item()
    model.train()
    return loss


@torch.no_grad()
def spelled(model, generator):
    """A new name, letter by letter."""
    model.eval()
    context, name = [0] * CONTEXT, ""
    while len(name) < 12:
        probabilities = F.softmax(model(torch.tensor([context])), dim=1)
        index = torch.multinomial(probabilities, num_samples=1, generator=generator).item()
        if index == 0:
            break
        name += LETTERS[index]
        context = [*context[1:], index]
    return name


def main(steps=1000):
    torch.manual_seed(42)
    words = names(1000)
    x, y = examples(words[:800])
    x_new, y_new = examples(words[800:])
    model = Speller()
    print(f"{sum(p.nelement() for p in model.parameters())} parameters, {len(x)} examples")
    for step in range(steps):
        batch = torch.randint(0, x.shape[0], (BATCH,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        for p in model.parameters():
            p.grad = None
        loss.backward()
        rate = 0.1 if step < 0.8 * steps else 0.01
        for p in model.parameters():
            p.data += -rate * p.grad
        if step % 100 == 0:
            print(f"step {step:4d}  loss {loss.item():.6f}")
    print(f"train {loss_on(model, x, y):.6f}  new names {loss_on(model, x_new, y_new):.6f}")
    generator = torch.Generator().manual_seed(7)
    print(*(spelled(model, generator) for _ in range(8)))


if __name__ == "__main__":
    main()
