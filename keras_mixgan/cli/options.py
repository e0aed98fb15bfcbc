"""The one table of the options of a training run.

The settings of a run and their checks, the flags of `keras-mixgan train` and
their help, the site's table of them, and what is
passed on to the networks, `MixGAN`, `MixGAN.compile` and the optimizers are
all derived from `TABLE`. To add an option, add one entry.

Nothing here imports Keras, so that help comes at once.
"""

from collections.abc import Mapping
from typing import Any

from keras_mixgan.cli.option import Option

# Of either side.
_RATES = {
    "acgan": 2e-4, "acgan_cbn": 2e-4, "improved_gan": 3e-4,
    "improved_gan_features": 3e-4, "mlp": 1e-3, "sngan": 2e-4, "wgan": 5e-5,
    "digits": 4e-4,
}  # fmt: skip

_HALF = """acgan acgan_cbn dcgan dcgan_huang dcgan_small_labels improved_gan
improved_gan_features mlp sgan sngan steingan"""
_MINIMAX = ("dcgan_huang", "improved_gan", "sgan")
# Mixtures of these share bodies: `Architecture.mixture`.
_SHARING = ("dcgan", "dcgan_small_labels", "sngan")
_AUXILIARY = {
    **dict.fromkeys(("acgan", "acgan_cbn"), ("auxiliary_classifier",)),
    **dict.fromkeys(_SHARING, ("component_classifier:0.1",)),
    "dcgan_huang": (
        "real_classifier:2", "latent_reconstruction:10", "encoded_class",
    ),
    "improved_gan": ("real_classifier:2",),
    "improved_gan_features": ("real_classifier:2", "feature_matching"),
    "sgan": (
        "code_payoff", "real_classifier:2", "latent_reconstruction:10",
        "encoded_codes",
    ),
    "steingan": ("kernel_repulsion:0.5",),
}  # fmt: skip
_BETA_1 = {**dict.fromkeys(_HALF.split(), 0.5), "wgan_gp": 0.0}

# The table, by the headings of the help.
TABLE: Mapping[str, tuple[Option, ...]] = {
    "Beginning": (
        Option(
            name="from_model", flag="from", kind=str, to="settings",
            placeholder="MODEL",
            help="A trained mixture to go on from, on other data: a preset, "
            "a .keras file, the folder of a run or hf://user/name. It keeps "
            "its networks, and its game and optimizers where no flag says "
            "otherwise. Images have to be of its shape, and classes as many "
            "as its own.",
        ),
        Option(
            name="recipe", kind=str, to="run",
            help="The settings that a preset of the zoo was made with, such "
            "as mix_dcgan_mnist; flags that are given win.",
        ),
        Option(
            name="config", kind=str, to="command", placeholder="FILE",
            help="Flags by name in a .yaml or .json file, such as the "
            "settings.json of a run; flags that are given win.",
        ),
    ),
    "Data": (
        Option(
            name="source", kind=str, to="data", default="digits",
            help="digits, ring or grid (bundled); a folder of images, whose "
            "subfolders, if any, are classes; a .npz file with arrays images "
            "and maybe labels; or an image data set of TensorFlow Datasets, "
            "such as mnist.",
        ),
        Option(
            name="split", kind=str, to="data", default="train",
            help="Split of a TensorFlow data set; train[:10%] is a slice.",
        ),
        Option(
            name="crop_size", kind=int, to="data", least=1,
            help="Side of a centre crop, before resizing.",
            shown="of a folder's images the largest square; else none",
        ),
        Option(
            name="image_size", kind=int, to="data", least=1,
            help="Height and width to resize to. All networks but mlp take 3, "
            "4, 5 or 7 times a power of two, such as 28, 32, 48, 64, 96, 128.",
            shown="as they are",
        ),
        Option(
            name="skip_bad_images", kind=bool, to="data", default=False,
            help="Whether to leave out images of a folder that cannot be "
            "read, and to list them, in place of an error.",
        ),
        Option(
            name="labels_per_class", kind=int, to="data", least=1,
            help="Keep the labels of so many images of each class, and train "
            "as if the others had none.", shown="all",
        ),
        Option(
            name="conditional", kind=bool, to="settings",
            help="Whether the networks take labels.",
            shown="where there are labels",
        ),
        Option(
            name="data_dir", kind=str, to="run", placeholder="PATH",
            help="Folder of TensorFlow Datasets.",
            shown="TFDS_DATA_DIR, or TFDS's own",
        ),
    ),
    "Networks": (
        Option(
            name="architecture", kind=str, to="settings", default="dcgan",
            help="The networks; mlp is for points. A Python file that sets "
            "ARCHITECTURE to a kmg.architectures.Architecture is one of your "
            "own; it is run.",
            choices=(
                "acgan", "acgan_cbn", "dcgan", "dcgan_huang",
                "dcgan_small_labels", "improved_gan", "improved_gan_features",
                "mlp", "sgan", "sngan", "steingan", "wgan", "wgan_gp",
            ),
            registry="keras_mixgan.architectures:ARCHITECTURES", or_file=".py",
            shown="dcgan; ring and grid: mlp",
        ),
        Option(
            name="num_generators", kind=int, to="model", default=3, least=1,
            by=dict.fromkeys(_SHARING, 5),
            help="Generators in the mixture. With 1 the defaults are those "
            "of a pair: one discriminator, nothing shared, and no auxiliary "
            "loss but the architecture's own.",
        ),
        Option(
            name="num_discriminators", kind=int, to="model", default=3,
            least=1, by=dict.fromkeys(_SHARING, 1),
            help="Discriminators in the mixture.",
        ),
        Option(
            name="share", kind=str, to="settings", default="none",
            choices=("none", "generators", "discriminators", "both"),
            by=dict.fromkeys(_SHARING, "generators"),
            help="Which side's networks share a body: generators own their "
            "first layer alone, discriminators their last ones. Generators "
            "that share, against one discriminator with the linear estimate, "
            "cost little more than a pair.",
        ),
        Option(
            name="latent_dim", kind=int, to="networks", default=100, least=1,
            by={
                "dcgan_huang": 50, "mlp": 16, "sgan": 66, "sngan": 128,
                "digits": 64,
            },
            help="Length of a latent vector.",
        ),
        Option(
            name="width", kind=int, to="networks", default=64, least=1,
            by={
                "acgan": 96, "acgan_cbn": 96, "dcgan_huang": 128,
                "improved_gan": 128, "improved_gan_features": 128,
                "mlp": 128, "sgan": 128, "steingan": 128, "digits": 16,
            },
            help="Channels of the widest-resolution hidden layer.",
        ),
        Option(
            name="ema_decay", kind=float, to="model", zero=True, least=0,
            below=1, by={"digits": 0.99},
            help="Decay of the averages over steps of generator weights that "
            "images are drawn with; 0 for no averages.",
        ),
    ),
    "Game": (
        Option(
            name="payoff", kind=str, to="compile", default="log",
            by={
                "sngan": "hinge", "steingan": "energy",
                "wgan": "wasserstein", "wgan_gp": "wasserstein",
            },
            choices=(
                "log", "wasserstein", "hinge", "least_squares",
                "energy", "relativistic", "relativistic_average",
            ),
            registry="keras_mixgan.game.payoffs:PAYOFFS",
            help="What the mixtures play for.",
        ),
        Option(
            name="generator_loss", kind=str, to="compile",
            default="non_saturating",
            choices=("non_saturating", "minimax", "auxiliary"),
            registry="keras_mixgan.game.payoffs:GENERATOR_LOSSES",
            by={
                **dict.fromkeys(_MINIMAX, "minimax"),
                "improved_gan_features": "auxiliary",
            },
            help="non_saturating: the loss that the field uses with this "
            "payoff; minimax: the payoff itself; auxiliary: the auxiliary "
            "losses alone.",
        ),
        Option(
            name="payoff_estimate", kind=str, to="compile", default="full",
            by=dict.fromkeys(_SHARING, "linear"),
            choices=("full", "linear", "split"),
            registry="keras_mixgan.game.objectives:PAYOFF_ESTIMATES",
            help="full: every generator's full batch meets every "
            "discriminator; linear: a batch stratified over the generators, "
            "which is cheaper; split: each discriminator its own part of it, "
            "at the cost of one pair.",
        ),
        Option(
            name="update", kind=str, to="compile", default="alternating",
            choices=("alternating", "simultaneous"),
            help="alternating: the discriminators, then the generators "
            "against the new ones; simultaneous: both from one forward pass.",
        ),
        Option(
            name="mixture_regularizer", kind=float, to="compile", default=0.1,
            least=0,
            help="Coefficient that keeps mixture weights from vanishing.",
        ),
        Option(
            name="discriminator_steps", kind=int, to="compile", default=1,
            least=1, by={"wgan": 5, "wgan_gp": 5},
            help="Steps of the discriminators, each on its own batch, for one "
            "of the generators.",
        ),
        Option(
            name="schedule", kind=str, to="compile", default="fixed",
            choices=("fixed", "released"),
            by=dict.fromkeys(("dcgan_huang", "sgan"), "released"),
            registry="keras_mixgan.game.schedules:SCHEDULES",
            help="fixed: by --discriminator_steps; released: that of the "
            "paper's code, 1, 3, 5 or 7 steps of the generators for one of "
            "the discriminators, the more the further these are ahead.",
        ),
        Option(
            name="weight_clip", kind=float, to="compile", zero=True, least=0,
            by={"wgan": 0.01},
            help="Clip discriminator weights to +-X; 0 for no clipping.",
        ),
        Option(
            name="gradient_penalty", kind=float, to="compile", zero=True,
            least=0, by={"wgan_gp": 10.0},
            help="Coefficient of the gradient penalty; 0 for none.",
        ),
        Option(
            name="auxiliary", kind=list, to="compile", zero=True,
            placeholder="NAME[:X],...",
            by=_AUXILIARY,
            help="Auxiliary losses by name, each with a coefficient if it is "
            "not to be the loss's own; empty for none.",
        ),
        Option(
            name="as_released", kind=bool, to="compile", default=False,
            help="Whether auxiliary losses move the mixture weights, as in "
            "the paper's released code.",
        ),
        Option(
            name="encoder", kind=str, to="settings", placeholder="PATH",
            help="File of the frozen classifier that encoded_class and "
            "encoded_codes look through; tools/train_encoder.py makes one.",
        ),
    ),
    "Optimizers": (
        Option(
            name="optimizer", kind=str, to="settings", default="adam",
            by={"wgan": "rmsprop"}, choices=("adam", "rmsprop", "sgd"),
            help="Keras's optimizer of either side.",
        ),
        Option(
            name="generator_learning_rate", kind=float, to="settings",
            default=1e-4, above=0,
            by={**_RATES, "steingan": 1e-3},
            help="Of the generators and their mixture weights.",
        ),
        Option(
            name="discriminator_learning_rate", kind=float, to="settings",
            default=1e-4, above=0,
            by={**_RATES, "steingan": 5e-4},
            help="Of the discriminators and their mixture weights.",
        ),
        Option(
            name="learning_rate_schedule", kind=str, to="settings",
            default="constant", choices=("constant", "linear", "cosine"),
            help="How both learning rates go over the steps of the run; "
            "linear and cosine end at 0, and the run cannot be made longer.",
        ),
        Option(
            name="beta_1", kind=float, to="optimizer", least=0, below=1,
            by=_BETA_1,
            help="Adam's decay of the mean of gradients.", shown="Keras's",
        ),
        Option(
            name="beta_2", kind=float, to="optimizer", least=0, below=1,
            by={"wgan_gp": 0.9}, shown="Keras's",
            help="Adam's decay of the mean of their squares.",
        ),
        Option(
            name="rho", kind=float, to="optimizer", least=0, below=1,
            by={"wgan": 0.99},
            help="RMSprop's decay of the mean of squares.", shown="Keras's",
        ),
        Option(
            name="momentum", kind=float, to="optimizer", least=0, below=1,
            help="Of SGD and RMSprop.", shown="Keras's",
        ),
        Option(
            name="epsilon", kind=float, to="optimizer", above=0,
            by={"wgan": 1e-16},
            help="What Adam adds to the root of the mean of squares, and "
            "RMSprop to the mean itself.", shown="Keras's",
        ),
    ),
    "Training": (
        Option(
            name="epochs", kind=int, to="settings", default=25, least=1,
            by={"digits": 30}, help="Passes over the data.",
        ),
        Option(
            name="steps", kind=int, to="settings", least=1,
            help="Batches to train on in all, instead of --epochs.",
        ),
        Option(
            name="batch_size", kind=int, to="settings", default=64, least=1,
            help="Images a batch.",
        ),
        Option(
            name="seed", kind=int, to="model", default=0, least=0,
            help="What everything random follows from.",
        ),
    ),
    "Output": (
        Option(
            name="workdir", kind=str, to="run", placeholder="PATH",
            help="Folder to leave everything in.",
            shown="runs/ and the recipe's or the source's name",
        ),
        Option(
            name="checkpoint_seconds", kind=float, to="run", default=30.0,
            least=0, help="Seconds between checkpoints.",
        ),
        Option(
            name="keep_checkpoints", kind=int, to="run", default=2, least=1,
            help="Checkpoints to keep. A run goes on from the newest intact "
            "one.",
        ),
        Option(
            name="sample_epochs", kind=int, to="run", default=1, least=1,
            help="Epochs between pictures.",
        ),
        Option(
            name="history_steps", kind=int, to="run", default=10, least=1,
            help="Steps a row of history.csv.",
        ),
    ),
    "Scores": (
        Option(
            name="evaluate_every", kind=int, to="run", least=1,
            help="Epochs between scores of the mixture, into scores.csv and "
            "scores.png, with the seconds of training.", shown="never",
        ),
        Option(
            name="classifier", kind=str, to="run",
            help="What these scores look through, as in `keras-mixgan "
            "evaluate`.", shown="the bundled one for the data",
        ),
        Option(
            name="evaluate_images", kind=int, to="run", default=5000, least=10,
            help="Images to generate each time.",
        ),
    ),
    "Devices": (
        Option(
            name="strategy", kind=str, to="run", shown="one device",
            help="mirrored: each device trains on its rows of every batch; "
            "multi_worker: the same over hosts that TF_CONFIG lists; "
            "component_parallel: component i is on device i mod n.",
        ),
        Option(
            name="devices", kind=list, to="run",
            help="gpu:0,gpu:1 for example; cpu:0,cpu:1 for trials.",
            shown="all GPUs, or the CPU",
        ),
        Option(
            name="sync_batch_norm", kind=bool, to="run", default=False,
            help="Whether replicas share the statistics of batch "
            "normalization.",
        ),
        Option(
            name="steps_per_execution", kind=int, to="run", default=1, least=1,
            help="Steps in one call, so that small networks do not wait for "
            "Python. --history_steps has to be a multiple of it. Changes no "
            "result; under JAX at most its rounding.",
        ),
        Option(
            name="dry_run", kind=bool, to="run", default=False,
            help="Print what would go where, and do no more.",
        ),
    ),
}  # fmt: skip

OPTIONS: Mapping[str, Option] = {
    option.name: option for group in TABLE.values() for option in group
}
SETTINGS: Mapping[str, Option] = {
    name: option for name, option in OPTIONS.items() if option.is_setting
}


def values(settings: Any, to: str) -> dict[str, Any]:
    """The values of a run that one of its parts takes.

    Args:
        settings: The `Settings`.
        to: As in `Option`.

    Returns:
        Values by name, without those that are `None`.
    """
    found = {
        name: getattr(settings, name)
        for name, option in SETTINGS.items()
        if option.to == to
    }
    return {name: value for name, value in found.items() if value is not None}
