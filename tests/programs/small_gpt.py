"""A small GPT learns to write a rhyme, letter by letter: causal self-attention, AdamW, warm-up, cosine decay.

After Vaswani et al., "Attention Is All You Need" (2017), and Radford et al., "Language Models are
Unsupervised Multitask Learners" (2019), with the layer norm in front.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F

TEXT = (
    """
one cat sat by the door, two cats sat on the floor,
three cats ran to the sea, four cats sat in a tree,
five cats came to be fed, six cats slept on the bed,
seven cats heard a mouse, eight cats were in the house.
"""
    * 4
)


@dataclass
class Config:
    vocabulary: int
    context: int = 32
    layers: int = 2
    heads: int = 4
    width: int = 64
    dropout: float = 0.1


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.projection = nn.Linear(config.width, config.width)
        self.attention_dropout = nn.Dropout(config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        mask = torch.tril(torch.ones(config.context, config.context))
        self.register_buffer("mask", mask.view(1, 1, config.context, config.context))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (z.view(B, T, self.heads, C // self.heads).transpose(1, 2) for z in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        weights = self.attention_dropout(F.softmax(scores, dim=-1))
        y = (weights @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.dropout(self.projection(y))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = CausalSelfAttention(config)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "tokens": nn.Embedding(config.vocabulary, config.width),
                "positions": nn.Embedding(config.context, config.width),
                "dropout": nn.Dropout(config.dropout),
                "blocks": nn.ModuleList([Block(config) for _ in range(config.layers)]),
                "norm": nn.LayerNorm(config.width),
            }
        )
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        self.transformer["tokens"].weight = self.head.weight  # tied
        self.apply(self._init_weights)
        for name, p in self.named_parameters():
            if name.endswith("projection.weight"):
                nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * config.layers))

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, idx, targets=None):
        device = idx.device
        _, T = idx.size()
        assert T <= self.config.context  # noqa: SIM300
        positions = torch.arange(0, T, dtype=torch.long, device=device)
        x = self.transformer["tokens"](idx) + self.transformer["positions"](positions)
        x = self.transformer["dropout"](x)
        for block in self.transformer["blocks"]:
            x = block(x)
        logits = self.head(self.transformer["norm"](x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    @torch.no_grad()
    def generate(self, idx, count, temperature=1.0, top_k=None):
        for _ in range(count):
            logits, _ = self(idx[:, -self.config.context :])
            logits = logits[:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("inf")
            idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return idx


def optimizer_of(model, rate):
    """Weights decay, biases and norms do not."""
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    groups = [
        {"params": [p for p in parameters.values() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95))


def main(steps=60, batch=8):
    torch.manual_seed(1337)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    letters = sorted(set(TEXT))
    data = torch.tensor([letters.index(c) for c in TEXT], dtype=torch.long)
    model = GPT(Config(vocabulary=len(letters))).to(device)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(data)} letters, on {device}")
    optimizer = optimizer_of(model, rate=3e-3)

    def rate(step):
        if step < 10:
            return (step + 1) / 10
        return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - 10) / (steps - 10)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    context = model.config.context
    model.train()
    for step in range(steps):
        starts = torch.randint(len(data) - context, (batch,))
        x = torch.stack([data[i : i + context] for i in starts]).to(device)
        y = torch.stack([data[i + 1 : i + 1 + context] for i in starts]).to(device)
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 10 == 0:
            lr = scheduler.get_last_lr()[0]
            print(f"step {step:3d}  loss {loss.item():.6f}  gradient {norm.item():.6f}  rate {lr:.6f}")
    model.eval()
    start = torch.tensor([[letters.index("o")]], device=device)
    print("".join(letters[i] for i in model.generate(start, 40, top_k=5)[0].tolist()))


if __name__ == "__main__":
    main()
