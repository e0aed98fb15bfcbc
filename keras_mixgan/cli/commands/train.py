"""`keras-mixgan train`."""

import sys
import threading

from keras_mixgan.cli import options
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.cli.option import Option

DESCRIPTION = """
Trains a mixture of generators against a mixture of discriminators. Without
flags, it trains five generators that share all but their first layer against
one discriminator, with labels, on ten thousand bundled MNIST digits. This
takes less than five minutes on two cores.

The same command resumes from the last checkpoint. Ctrl-C and SIGTERM save a
checkpoint before they end the run; a second one ends it at once.

Defaults are in brackets. Some depend on the architecture (wgan: ...), and some
are for the bundled digits with dcgan (digits: ...).
"""


def _flag(option: Option) -> Flag:
    return Flag(
        option.flag_name,
        option.kind,
        option.description,
        # No default here: --config may set the flag, or else `runs.train`.
        None,
        option.default_text,
        option.placeholder,
    )


GROUPS = {
    title: tuple(map(_flag, group)) for title, group in options.TABLE.items()
}

EPILOGUE = """
Examples:
  keras-mixgan train
  keras-mixgan train --recipe=mix_dcgan_mnist
  keras-mixgan train --source=ring --num_generators=5 --epochs=10
  keras-mixgan train --source=fashion_mnist --payoff=hinge --steps=20000
  keras-mixgan train --source=my_photos/ --crop_size=108 --image_size=64
  keras-mixgan train --from=mix_dcgan_mnist --source=my_digits/
  keras-mixgan train --config=runs/a/settings.json --seed=1 --workdir=runs/b
  keras-mixgan train --evaluate_every=2 --workdir=runs/scored
  keras-mixgan train --strategy=mirrored --dry_run
"""


def run(values) -> None:
    """Trains; SIGTERM and Ctrl-C end it by `SystemExit`, with a checkpoint."""
    from keras_mixgan.cli import configs
    from keras_mixgan.cli import runs

    given = {
        name: getattr(values, option.flag_name)
        for name, option in options.OPTIONS.items()
    }
    given = {name: value for name, value in given.items() if value is not None}
    if "config" in given:
        given = configs.completed(given, given.pop("config"))
    settings = {n: v for n, v in given.items() if n in options.SETTINGS}
    others = {n: v for n, v in given.items() if n not in options.SETTINGS}
    # A bar that is drawn over and over would fill a log file.
    verbose = 1 if sys.stdout.isatty() else 2
    main = threading.current_thread() is threading.main_thread()
    runs.train(settings, **others, verbose=verbose, save_on_signals=main)
