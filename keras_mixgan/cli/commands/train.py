"""`keras-mixgan train`."""

import sys
import threading

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.cli.commands.flag_groups import Group

DESCRIPTION = """
Trains a mixture of generators against a mixture of discriminators. Without a
flag: three against three, label-conditional, on ten thousand bundled MNIST
digits, within five minutes on two cores.

Run again with the same flags, it goes on where the last checkpoint stopped.
Ctrl-C and SIGTERM save one before they end it; a second one ends it at once.

Defaults stand in brackets. Some depend on the architecture (wgan: ...), and
the bundled digits with dcgan have some of their own (digits: ...).
"""

# Where a default depends on the architecture, that of each, under "" that of
# all others; under "digits" that of the bundled digits with dcgan. Stated here,
# since help is not to wait for the networks; a test holds them against what a
# run resolves to.
DEFAULTS: dict[str, dict[str, str]] = {
    "latent_dim": {"": "100", "mlp": "16", "digits": "64"},
    "width": {"": "64", "mlp": "128", "digits": "16"},
    "ema_decay": {"": "0", "digits": "0.99"},
    "payoff": {"": "log", "wgan": "wasserstein", "wgan_gp": "wasserstein"},
    "payoff_estimate": {"": "full", "digits": "linear"},
    "discriminator_steps": {"": "1", "wgan": "5", "wgan_gp": "5"},
    "weight_clip": {"": "0", "wgan": "0.01"},
    "gradient_penalty": {"": "0", "wgan_gp": "10"},
    "epochs": {"": "25", "digits": "14"},
    "generator_learning_rate": {
        "": "1e-4",
        "mlp": "1e-3",
        "wgan": "5e-5",
        "digits": "4e-4",
    },
    "discriminator_learning_rate": {
        "": "1e-4",
        "mlp": "1e-3",
        "wgan": "5e-5",
        "digits": "4e-4",
    },
}


def _shown(name: str) -> str:
    """The defaults of a flag, as help shows them."""
    by_value: dict[str, list[str]] = {}
    for architecture, value in DEFAULTS[name].items():
        by_value.setdefault(value, []).append(architecture)
    return "; ".join(
        value if names == [""] else f"{', '.join(names)}: {value}"
        for value, names in by_value.items()
    )


RECIPE = Group(
    "Recipe",
    (
        Flag(
            "recipe",
            str,
            "The settings that a preset of the zoo was made with, such as "
            "mix_dcgan_mnist; flags that are given win.",
        ),
    ),
)

DATA = Group(
    "Data",
    (
        Flag(
            "source",
            str,
            "digits, ring or grid (bundled); a folder of images, whose "
            "subfolders, if any, are classes; a .npz file with arrays images "
            "and maybe labels; or an image data set of TensorFlow Datasets, "
            "such as mnist.",
            shown="digits",
        ),
        Flag(
            "split",
            str,
            "Split of a TensorFlow data set; train[:10%] is a slice.",
            shown="train",
        ),
        Flag(
            "crop_size",
            int,
            "Side of a centre crop, before resizing.",
            shown="of a folder's images the largest square; else none",
        ),
        Flag(
            "image_size",
            int,
            "Height and width to resize to.",
            shown="as they are",
        ),
        Flag(
            "conditional",
            bool,
            "Whether the networks take labels.",
            shown="where there are labels",
        ),
        Flag(
            "data_dir",
            str,
            "Folder of TensorFlow Datasets.",
            shown="TFDS_DATA_DIR, or TFDS's own",
            placeholder="PATH",
        ),
    ),
)

NETWORKS = Group(
    "Networks",
    (
        Flag(
            "architecture",
            str,
            "dcgan, dcgan_small_labels, wgan, wgan_gp, or mlp for points.",
            shown="dcgan; ring and grid: mlp",
        ),
        Flag("num_generators", int, "Generators in the mixture.", shown="3"),
        Flag(
            "num_discriminators",
            int,
            "Discriminators in the mixture.",
            shown="3",
        ),
        Flag(
            "latent_dim",
            int,
            "Length of a latent vector.",
            shown=_shown("latent_dim"),
        ),
        Flag(
            "width",
            int,
            "Channels of the widest-resolution hidden layer.",
            shown=_shown("width"),
        ),
        Flag(
            "ema_decay",
            float,
            "Decay of the averages over steps of generator weights that "
            "images are drawn with; 0 for no averages.",
            shown=_shown("ema_decay"),
        ),
    ),
)

GAME = Group(
    "Game",
    (
        Flag(
            "payoff",
            str,
            "log, wasserstein, hinge or least_squares.",
            shown=_shown("payoff"),
        ),
        Flag(
            "generator_loss",
            str,
            "non_saturating, or minimax for the payoff itself.",
            shown="non_saturating",
        ),
        Flag(
            "payoff_estimate",
            str,
            "full: every generator's full batch meets every discriminator; "
            "linear: a batch stratified over the generators, which is cheaper.",
            shown=_shown("payoff_estimate"),
        ),
        Flag(
            "mixture_regularizer",
            float,
            "Coefficient that keeps mixture weights from vanishing.",
            shown="0.1",
        ),
        Flag(
            "discriminator_steps",
            int,
            "Steps of the discriminators, each on its own batch, for one of "
            "the generators.",
            shown=_shown("discriminator_steps"),
        ),
        Flag(
            "weight_clip",
            float,
            "Clip discriminator weights to +-X; 0 for no clipping.",
            shown=_shown("weight_clip"),
        ),
        Flag(
            "gradient_penalty",
            float,
            "Coefficient of the gradient penalty; 0 for none.",
            shown=_shown("gradient_penalty"),
        ),
    ),
)

TRAINING = Group(
    "Training",
    (
        Flag("epochs", int, "Passes over the data.", shown=_shown("epochs")),
        Flag("steps", int, "Batches to train on in all, instead of --epochs."),
        Flag("batch_size", int, "Images a batch.", shown="64"),
        Flag(
            "generator_learning_rate",
            float,
            "Of the generators and their mixture weights.",
            shown=_shown("generator_learning_rate"),
        ),
        Flag(
            "discriminator_learning_rate",
            float,
            "Of the discriminators and their mixture weights.",
            shown=_shown("discriminator_learning_rate"),
        ),
        Flag(
            "seed",
            int,
            "What everything random follows from.",
            shown="0",
        ),
    ),
)

OUTPUT = Group(
    "Output",
    (
        Flag(
            "workdir",
            str,
            "Folder to leave everything in.",
            shown="runs/ and the recipe's or the source's name",
            placeholder="PATH",
        ),
        Flag(
            "checkpoint_seconds",
            float,
            "Seconds between checkpoints.",
            default=30.0,
        ),
        Flag(
            "keep_checkpoints",
            int,
            "Checkpoints to keep. A run goes on from the newest intact one.",
            default=2,
        ),
        Flag(
            "sample_epochs",
            int,
            "Epochs between pictures.",
            default=1,
        ),
        Flag(
            "history_steps",
            int,
            "Steps a row of history.csv.",
            default=10,
        ),
    ),
)

DEVICES = Group(
    "Devices",
    (
        Flag(
            "strategy",
            str,
            "mirrored: each device trains on its rows of every batch; "
            "multi_worker: the same over hosts that TF_CONFIG lists; "
            "component_parallel: component i is on device i mod n.",
            shown="one device",
        ),
        Flag(
            "devices",
            list,
            "gpu:0,gpu:1 for example; cpu:0,cpu:1 for trials.",
            shown="all GPUs, or the CPU",
        ),
        Flag(
            "sync_batch_norm",
            bool,
            "Whether replicas share the statistics of batch normalization.",
            default=False,
        ),
        Flag(
            "steps_per_execution",
            int,
            "Steps in one call, at most, so that small networks do not wait "
            "for Python. A call ends where a row of history.csv or an epoch "
            "does. Changes no result; under JAX at most its rounding.",
            default=1,
        ),
        Flag(
            "dry_run",
            bool,
            "Print what would go where, and do no more.",
            default=False,
        ),
    ),
)

GROUPS = (RECIPE, DATA, NETWORKS, GAME, TRAINING, OUTPUT, DEVICES)
_OF_THE_RUN = (
    "recipe",
    "data_dir",
    *(flag.name for group in (OUTPUT, DEVICES) for flag in group.flags),
)

EPILOGUE = """
Optimizers: Adam with beta_1 = 0.5; of wgan RMSprop; of wgan_gp Adam with
beta_1 = 0 and beta_2 = 0.9.

Examples:
  keras-mixgan train
  keras-mixgan train --recipe=mix_dcgan_mnist
  keras-mixgan train --source=ring --num_generators=5 --epochs=10
  keras-mixgan train --source=fashion_mnist --payoff=hinge --steps=20000
  keras-mixgan train --source=my_photos/ --crop_size=108 --image_size=64
  keras-mixgan train --strategy=mirrored --dry_run
"""


def run(values) -> None:
    """Trains.

    Args:
        values: The flags' values, as attributes.

    Raises:
        ValueError, OSError, NonFiniteError: See `runs.train`.
        SystemExit: SIGTERM or Ctrl-C ended it, with a checkpoint.
    """
    from keras_mixgan.cli import runs

    given = {
        name: value
        for name, value in vars(values).items()
        if name not in _OF_THE_RUN
    }
    options = {name: getattr(values, name) for name in _OF_THE_RUN}
    # A bar that is drawn over and over would fill a log file.
    verbose = 1 if sys.stdout.isatty() else 2
    main = threading.current_thread() is threading.main_thread()
    runs.train(given, **options, verbose=verbose, save_on_signals=main)
