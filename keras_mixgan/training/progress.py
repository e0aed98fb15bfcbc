"""The progress bar of `fit`, which fits a terminal of 80 columns."""

import threading

import keras

# What a line has room for; `History` has everything under its full name.
SHORT = {
    "discriminator_loss": "D",
    "generator_loss": "G",
    "payoff": "payoff",
}
WIDTH = 10


class ProgressBar(keras.callbacks.Callback):
    """Keras's progress bar, with losses and payoff alone.

    `MixGAN` logs more than a line of a terminal holds. `fit` shows this bar in
    place of Keras's own: "D" is `discriminator_loss`, "G" `generator_loss`.
    If you list it among the callbacks, pass `verbose=0` to `fit`. No step
    waits for it.

    Args:
        verbose: 1 for a bar, 2 for one line per epoch.
        epochs: Epochs of the whole training, where `fit` runs a part of it.
        steps_per_epoch: Steps of a whole epoch, where `fit` runs the rest of
            an interrupted one; the bar then says from which step.
    """

    async_safe = True

    def __init__(
        self,
        verbose: int = 1,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
    ):
        super().__init__()
        self.verbose = verbose
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self._bar = None
        self._seen = 0
        self._lock = threading.Lock()

    def on_epoch_begin(self, epoch, logs=None):
        """Prints which epoch it is."""
        heading = f"Epoch {epoch + 1}/{self.epochs or self.params['epochs']}"
        if self.steps_per_epoch:
            done = self.model.step % self.steps_per_epoch
            if done:
                heading += f", from step {done + 1} of {self.steps_per_epoch}"
        print(heading, flush=True)
        self._bar = keras.utils.Progbar(
            self.params["steps"],
            width=WIDTH,
            verbose=self.verbose,
            stateful_metrics=list(SHORT.values()),
        )
        self._seen = 0

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        # Keras reports where a full call ends, even if the data end before.
        done = min(batch + 1, self.params["steps"] or batch + 1)
        with self._lock:
            # Keras may make these calls in threads, out of order.
            if done > self._seen:
                self._seen = done
                self._bar.update(done, self._shown(logs), finalize=False)

    def on_epoch_end(self, epoch, logs=None):
        """Ends the bar."""
        self._bar.update(self._seen, self._shown(logs), finalize=True)

    def _shown(self, logs):
        logs = logs or {}
        return [
            (short, float(logs[name]))
            for name, short in SHORT.items()
            if name in logs
        ]


def with_bar(callbacks, verbose) -> tuple[list, object]:
    """Puts this bar in the place of Keras's own.

    `callbacks` and `verbose` are as in `fit`. Returns the list of callbacks,
    and the `verbose` to give to Keras.
    """
    if callbacks is None:
        callbacks = []
    elif isinstance(callbacks, list | tuple):
        callbacks = list(callbacks)
    else:
        callbacks = [callbacks]
    bars = (ProgressBar, keras.callbacks.ProgbarLogger)
    if not verbose or any(isinstance(bar, bars) for bar in callbacks):
        return callbacks, verbose
    return [*callbacks, ProgressBar(2 if verbose == 2 else 1)], 0
