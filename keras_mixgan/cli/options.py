"""The one table of the options of a training run.

`TABLE` defines the settings of a run and their checks, the flags of
`keras-mixgan train` and their help, the table of flags on the site, and the
arguments of the networks, `MixGAN`, `MixGAN.compile` and the optimizers. To
add an option, add one entry.

Nothing here imports Keras, so that help is printed at once.
"""

from collections.abc import Mapping
from typing import Any

from keras_mixgan.cli import run_options
from keras_mixgan.cli.option import Option

# Learning rates of both sides.
_RATES = {
    "acgan": 2e-4, "acgan_cbn": 2e-4, "improved_gan": 3e-4,
    "improved_gan_features": 3e-4, "mlp": 1e-3, "sngan": 2e-4, "wgan": 5e-5,
    "digits": 4e-4,
}  # fmt: skip

_HALF = """acgan acgan_cbn dcgan dcgan_huang dcgan_small_labels improved_gan
improved_gan_features mlp sgan sngan steingan"""
_MINIMAX = ("dcgan_huang", "improved_gan", "sgan")
# Their mixtures share bodies: `Architecture.mixture`.
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

# The keys are the headings of the help.
TABLE: Mapping[str, tuple[Option, ...]] = {
    "Starting point": (
        Option(
            name="from_model", flag="from", kind=str, to="settings",
            placeholder="MODEL",
            help="A trained mixture to train further, such as on other data: "
            "a preset, a .keras file, a run's folder or hf://user/name. Its "
            "networks are kept; its game and optimizers are the defaults. "
            "A pair becomes a mixture of its copies by --num_generators=5. "
            "Images must have its shape and, if it takes labels, its number "
            "of classes.",
        ),
        Option(
            name="recipe", kind=str, to="run",
            help="A preset of the zoo, such as mix_dcgan_mnist, whose "
            "training settings to use. Other flags override them.",
        ),
        Option(
            name="config", kind=str, to="command", placeholder="FILE",
            help="A .yaml or .json file of flags by name, such as the "
            "settings.json of a run. Other flags override it.",
        ),
    ),
    "Data": (
        Option(
            name="source", kind=str, to="data", default="digits",
            help="Training data: digits, ring or grid (bundled); a folder of "
            "images, where subfolders are classes; a .npz file with an array "
            "images and optionally labels; or an image data set of "
            "TensorFlow Datasets, such as mnist.",
        ),
        Option(
            name="split", kind=str, to="data", default="train",
            help="Split of a TensorFlow data set, such as train[:10%].",
        ),
        Option(
            name="crop_size", kind=int, to="data", least=1,
            help="Side of the square to crop from the centre, before "
            "resizing.",
            shown="the largest square for a folder or with --image_size, "
            "else no crop",
        ),
        Option(
            name="image_size", kind=int, to="data", least=1,
            help="Height and width to resize images to, after a crop to a "
            "square. dcgan_huang and sgan need 32, mlp takes any, the others "
            "3, 4, 5 or 7 times a power of two: 28, 32, 48, 64, 96, 128.",
            shown="no resizing",
        ),
        Option(
            name="skip_bad_images", kind=bool, to="data", default=False,
            help="Whether to skip and list images of a folder that cannot be "
            "read, instead of stopping with an error.",
        ),
        Option(
            name="labels_per_class", kind=int, to="data", least=1,
            help="Keep the labels of this many images of each class, and "
            "treat the others as unlabelled.", shown="all",
        ),
        Option(
            name="conditional", kind=bool, to="settings",
            help="Whether to train with class labels.",
            shown="if the data have labels",
        ),
        Option(
            name="data_dir", kind=str, to="run", placeholder="PATH",
            help="Data folder of TensorFlow Datasets.",
            shown="TFDS_DATA_DIR, or TFDS's default",
        ),
    ),
    "Networks": (
        Option(
            name="architecture", kind=str, to="settings", default="dcgan",
            help="mlp is for points. Or your own: a Python file, which is "
            "executed, that sets ARCHITECTURE to a "
            "kmg.architectures.Architecture.",
            choices=(
                "acgan", "acgan_cbn", "dcgan", "dcgan_huang",
                "dcgan_small_labels", "improved_gan", "improved_gan_features",
                "mlp", "sgan", "sngan", "steingan", "wgan", "wgan_gp",
            ),
            registry="keras_mixgan.architectures:ARCHITECTURES", or_file=".py",
            shown="dcgan; for ring and grid mlp",
        ),
        Option(
            name="num_generators", kind=int, to="model", default=3, least=1,
            by=dict.fromkeys(_SHARING, 5),
            help="Generators in the mixture. With 1, the defaults are those "
            "of a plain GAN (a pair): one discriminator, nothing shared, and "
            "only the architecture's own auxiliary losses.",
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
            help="Which side's networks share their layers, except each "
            "generator's first layer and each discriminator's last ones. "
            "Generators that share, against one discriminator and with "
            "--payoff_estimate=linear, cost little more than a pair.",
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
            help="Channels of the hidden layer of highest resolution; of "
            "mlp, units of each hidden layer.",
        ),
        Option(
            name="augment", kind=bool, to="networks", default=False,
            help="Whether discriminators see each image moved, and covered in "
            "part, another way each time (DiffAugment). For few images, or a "
            "long training.",
        ),
        Option(
            name="ema_decay", kind=float, to="model", zero=True, least=0,
            below=1, by={"digits": 0.99},
            help="Decay of the moving average of generator weights, which "
            "then generates the images; 0 for no average.",
        ),
        Option(
            name="dtype", kind=str, to="settings", default="float32",
            choices=("float32", "mixed_bfloat16"),
            help="Keras dtype policy of the networks. mixed_bfloat16 computes "
            "in 16 bits and keeps the weights in 32, which is faster where the "
            "processor or GPU has bfloat16.",
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
            help="Payoff of the game; log is the original GAN's.",
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
            help="non_saturating: the usual generator loss for this payoff; "
            "minimax: the payoff itself; auxiliary: only the auxiliary "
            "losses.",
        ),
        Option(
            name="payoff_estimate", kind=str, to="compile", default="full",
            by=dict.fromkeys(_SHARING, "linear"),
            choices=("full", "linear", "split"),
            registry="keras_mixgan.game.objectives:PAYOFF_ESTIMATES",
            help="full: each discriminator sees a full batch of each "
            "generator; linear: each sees one batch, divided among the "
            "generators, which is cheaper; split: that batch is divided among "
            "the discriminators too, at the cost of one pair.",
        ),
        Option(
            name="update", kind=str, to="compile", default="alternating",
            choices=("alternating", "simultaneous"),
            help="alternating: first the discriminators, then the generators "
            "against the updated ones; simultaneous: both from one forward "
            "pass.",
        ),
        Option(
            name="mixture_regularizer", kind=float, to="compile", default=0.1,
            least=0,
            help="Coefficient that keeps mixture weights from vanishing.",
        ),
        Option(
            name="discriminator_steps", kind=int, to="compile", default=1,
            least=1, by={"wgan": 5, "wgan_gp": 5},
            help="Discriminator steps, each on a new batch, per generator "
            "step.",
        ),
        Option(
            name="schedule", kind=str, to="compile", default="fixed",
            choices=("fixed", "released", "wgan"),
            by=dict.fromkeys(("dcgan_huang", "sgan"), "released"),
            registry="keras_mixgan.game.schedules:SCHEDULES",
            help="fixed: as --discriminator_steps says; wgan: the same, but "
            "100 discriminator steps for each of the first 25 generator steps "
            "and every 500th, as in WGAN's code; released: as in the paper's "
            "code, 1, 3, 5 or 7 generator steps per discriminator step, more "
            "the further the discriminators are ahead.",
        ),
        Option(
            name="weight_clip", kind=float, to="compile", zero=True, least=0,
            by={"wgan": 0.01},
            help="Clip discriminator weights to [-X, X]; 0 for no clipping.",
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
            help="Auxiliary losses by name, each with an optional "
            "coefficient; empty for none.",
        ),
        Option(
            name="as_released", kind=bool, to="compile", default=False,
            help="Whether auxiliary losses also train the mixture weights, "
            "as in the paper's released code.",
        ),
        Option(
            name="encoder", kind=str, to="settings", placeholder="PATH",
            help="File of the frozen classifier for the auxiliary losses "
            "encoded_class and encoded_codes; tools/train_encoder.py makes "
            "one.",
        ),
    ),
    "Optimizers": (
        Option(
            name="optimizer", kind=str, to="settings", default="adam",
            by={"wgan": "rmsprop"}, choices=("adam", "rmsprop", "sgd"),
            help="Keras optimizer of both sides.",
        ),
        Option(
            name="generator_learning_rate", kind=float, to="settings",
            default=1e-4, above=0,
            by={**_RATES, "steingan": 1e-3},
            help="Learning rate of the generators and their mixture weights.",
        ),
        Option(
            name="discriminator_learning_rate", kind=float, to="settings",
            default=1e-4, above=0,
            by={**_RATES, "steingan": 5e-4},
            help="Learning rate of the discriminators and their mixture "
            "weights.",
        ),
        Option(
            name="learning_rate_schedule", kind=str, to="settings",
            default="constant", choices=("constant", "linear", "cosine"),
            help="How both learning rates change over the run. linear and "
            "cosine end at 0; such a run cannot be made longer.",
        ),
        Option(
            name="beta_1", kind=float, to="optimizer", least=0, below=1,
            by=_BETA_1,
            help="Adam: decay of the mean of gradients.", shown="Keras default",
        ),
        Option(
            name="beta_2", kind=float, to="optimizer", least=0, below=1,
            by={"wgan_gp": 0.9}, shown="Keras default",
            help="Adam: decay of the mean of squared gradients.",
        ),
        Option(
            name="rho", kind=float, to="optimizer", least=0, below=1,
            by={"wgan": 0.99},
            help="RMSprop: decay of the mean of squared gradients.",
            shown="Keras default",
        ),
        Option(
            name="momentum", kind=float, to="optimizer", least=0, below=1,
            help="SGD and RMSprop: momentum.", shown="Keras default",
        ),
        Option(
            name="epsilon", kind=float, to="optimizer", above=0,
            by={"wgan": 1e-16},
            help="Adam adds it to the root of the mean of squared gradients, "
            "RMSprop to the mean itself.", shown="Keras default",
        ),
    ),
    "Training": (
        Option(
            name="epochs", kind=int, to="settings", default=25, least=1,
            by={"digits": 30}, help="Passes over the data.",
        ),
        Option(
            name="steps", kind=int, to="settings", least=1,
            help="Training steps (batches) in all, instead of --epochs.",
        ),
        Option(
            name="batch_size", kind=int, to="settings", default=64, least=1,
            help="Images per batch.",
        ),
        Option(
            name="seed", kind=int, to="model", default=0, least=0,
            help="Seed of everything random.",
        ),
    ),
    **run_options.TABLE,
}  # fmt: skip

OPTIONS: Mapping[str, Option] = {
    option.name: option for group in TABLE.values() for option in group
}
SETTINGS: Mapping[str, Option] = {
    name: option for name, option in OPTIONS.items() if option.is_setting
}


def replaced(
    kept: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Kept settings with given ones over them.

    Another optimizer brings its own arguments. Both `steps` and `epochs` set
    the length of a run: a given one also replaces the other.
    """
    own = kept.get("optimizer")
    gone = {
        other
        for one, other in (("steps", "epochs"), ("epochs", "steps"))
        if one in given
    }
    if own not in (None, given.get("optimizer", own)):
        gone |= {n for n, o in OPTIONS.items() if o.to == "optimizer"}
    return {n: v for n, v in kept.items() if n not in gone} | dict(given)


def values(settings: Any, to: str) -> dict[str, Any]:
    """The settings that go to one receiver (`Option.to`), unless `None`."""
    arguments = {
        name: getattr(settings, name)
        for name, option in SETTINGS.items()
        if option.to == to
    }
    return {name: v for name, v in arguments.items() if v is not None}
