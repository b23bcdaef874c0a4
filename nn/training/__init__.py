"""Training as Keras users expect it: a Trainer that fits, callbacks, the history, checkpoints to resume from.

`trainer` goes through the epochs: `batches` makes batches of the data, `metrics` adds an epoch up, `history`
keeps what it came to, `progress` shows it. `callbacks` do what else is wanted; `checkpoint` writes all of it
to a file.

>>> import autodiff, nn
>>> _ = autodiff.manual_seed(0)
>>> x = autodiff.randn(64, 2)
>>> y = (x[:, 0] * x[:, 1] > 0).to(autodiff.int64)
>>> model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
>>> optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
>>> trainer = nn.Trainer(model, nn.CrossEntropyLoss(), optimizer, metrics=["accuracy"])
>>> history = trainer.fit(x, y, epochs=40, batch_size=16, validation_split=0.25, verbose=False)
>>> list(history.history)
['loss', 'accuracy', 'val_loss', 'val_accuracy']
>>> trainer.evaluate(x, y)["accuracy"] > 0.95
True
"""

from .callbacks import Callback, EarlyStopping, ModelCheckpoint
from .history import History
from .trainer import Trainer

__all__ = ["Callback", "EarlyStopping", "History", "ModelCheckpoint", "Trainer"]
