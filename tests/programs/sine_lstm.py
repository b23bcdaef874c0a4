"""An LSTM continues sine waves: it is trained with L-BFGS, on the next value after each, in float64."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

PERIOD, LENGTH, WAVES = 20, 60, 8


class Waves(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.hidden = hidden
        self.lstm = nn.LSTM(1, hidden, num_layers=2, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x, future=0):
        """Predictions of the next value after each in x, (waves, steps), and of `future` more."""
        states = (torch.zeros(2, x.size(0), self.hidden, dtype=x.dtype),) * 2
        out, states = self.lstm(x.unsqueeze(2), states)
        predicted = [self.linear(out).squeeze(2)]
        for _ in range(future):
            out, states = self.lstm(predicted[-1][:, -1:].unsqueeze(2), states)
            predicted.append(self.linear(out).squeeze(2))
        return torch.cat(predicted, dim=1)


def main(steps=4):
    np.random.seed(2)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        shift = np.random.randint(-4 * PERIOD, 4 * PERIOD, (WAVES, 1))
        waves = np.sin((np.arange(LENGTH) + shift) * 2 * np.pi / PERIOD)
        x, target = torch.from_numpy(waves[2:, :-1]), torch.from_numpy(waves[2:, 1:])
        x_new, target_new = torch.from_numpy(waves[:2, :-1]), torch.from_numpy(waves[:2, 1:])
        model = Waves()
        criterion = nn.MSELoss()
        optimizer = optim.LBFGS(model.parameters(), lr=0.8, max_iter=10)
        for step in range(steps):

            def closure():
                optimizer.zero_grad()
                loss = criterion(model(x), target)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            with torch.no_grad():
                predicted = model(x_new, future=PERIOD)
                test = criterion(predicted[:, :-PERIOD], target_new)
            print(f"step {step}  loss {loss.item():.6f}  test {test.item():.6f}")
            print("  continued", " ".join(f"{value:.6f}" for value in predicted[0, -PERIOD::5].tolist()))
    finally:
        torch.set_default_dtype(torch.float32)


if __name__ == "__main__":
    main()
