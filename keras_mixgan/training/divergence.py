"""Stops a training whose losses are no longer finite, and says where."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_mixgan.training.history import LOSSES
from keras_mixgan.training.usage import UsageWarning
from keras_mixgan.utils.errors import NonFiniteError

# No payoff of `PAYOFFS` gets this large in a sound training. That of a
# Wasserstein critic without clipping or penalty does.
UNREASONABLE = 1e4


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises `NonFiniteError` once a loss is NaN or infinite.

    `MixGAN.fit` adds it. It raises nothing where another callback, such as
    Keras's `TerminateOnNaN`, has stopped the training already. It warns once
    if a loss or payoff is finite but unreasonably large.

    Under JAX, Keras calls `on_train_batch_end` while the next step runs, if
    all callbacks allow it, so that no step waits for its logs. The error then
    comes a step or two late, but names the right step.
    """

    async_safe = True

    def __init__(self):
        super().__init__()
        self._found = self._warned = False

    def on_train_begin(self, logs=None):
        """Clears the marks of an earlier failure, which may be repaired."""
        self.model.nonfinite_step.assign(0)
        self._found = False

    def on_train_batch_begin(self, batch, logs=None):
        """Raises between steps what `on_train_batch_end` found."""
        self._raise()

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the logged losses, which Keras has fetched anyway."""
        logs = logs or {}
        # The total has no steps of the discriminators alone.
        self._found |= not all(
            np.isfinite(logs.get(name, 0.0)) for name in ("loss", *LOSSES)
        )
        if not self._warned:
            self._warn(logs)
        if keras.backend.backend() != "jax":
            self._raise()

    def on_epoch_end(self, epoch, logs=None):
        """Raises what the last step brought."""
        self._raise()

    def _warn(self, logs):
        for name in LOSSES:
            value = float(logs.get(name, 0.0))
            if np.isfinite(value) and abs(value) > UNREASONABLE:
                self._warned = True
                warnings.warn(
                    f"`{name}` is {value:.4g}, far too large for a GAN: the "
                    "training diverges. A lower learning rate is the usual "
                    "remedy; Wasserstein critics need `weight_clip` or "
                    "`gradient_penalty`.",
                    UsageWarning,
                    stacklevel=2,
                )
                return

    def _raise(self):
        if self._found and not self.model.stop_training:
            raise NonFiniteError(describe(self.model))


def describe(model) -> str:
    """Says at which step, and in which component, losses went wrong.

    `nonfinite_step` of the model must be set.
    """
    step = int(ops.convert_to_numpy(model.nonfinite_step))
    if step < 0:
        return (
            f"The data of step {-step} hold NaN or infinity, or labels of no "
            "class. Training stopped. The model is good: they counted as 0. "
            "Repair the data: `np.isfinite(images).all()` must hold for every "
            "batch, and labels must lie in [0, num_classes)."
        )
    payoffs, losses = ~np.isfinite(ops.convert_to_numpy(model.last_pairs))
    where = _blame(payoffs) or _blame(losses) or _blame_weights(model)
    return (
        f"A loss became NaN or infinite at step {step}, in {where}. Training "
        "stopped; checkpoints written before that step are good. A lower "
        "learning rate is the usual remedy."
    )


def _blame(bad: np.ndarray) -> str:
    """Names the components that all bad pairs have in common.

    A broken generator spoils its row of the pairs, a broken discriminator its
    column.
    """
    if not bad.any():
        return ""
    rows, columns = bad.all(axis=1), bad.all(axis=0)
    if rows.all():
        return "every component"
    named = _names("generator", rows) + _names("discriminator", columns)
    if not named:
        i, j = np.argwhere(bad)[0]
        named = [f"the pair of generator {i} and discriminator {j}"]
    return " and ".join(named)


def _names(side: str, bad: np.ndarray) -> list[str]:
    return [f"{side} {i}" for i in np.flatnonzero(bad)]


def _blame_weights(model) -> str:
    named = []
    for side in ("generator", "discriminator"):
        bad = [
            not all(np.isfinite(w).all() for w in network.get_weights())
            for network in getattr(model, f"{side}s")
        ]
        named += _names(side, np.asarray(bad))
    return " and ".join(named) or "a regulariser or penalty"
