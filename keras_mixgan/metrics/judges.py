"""Which bundled classifier judges which data.

A classifier that was trained on other data still gives a number, and a wrong
one. So the data set decides: by the name of the real data, or by what the
model's run or preset recorded. Where neither is known, somebody has to say.
"""

from typing import Any

from keras_mixgan.data import class_names
from keras_mixgan.metrics import bundled
from keras_mixgan.metrics import classifiers
from keras_mixgan.utils.errors import UserError

# Data sets by name, in TFDS and here, and the bundled classifier of each.
JUDGES: dict[str, str] = {
    "digits": "digits",
    "mnist": "digits",
    "fashion_mnist": "fashion_mnist",
    "cifar10": "cifar10",
}

# Other data sets of those shapes: their names do tell, and no classifier fits.
_OTHERS = ("kmnist", "emnist", "cifar100", "svhn_cropped")


def judge_of(source: Any) -> str | None:
    """Returns the bundled classifier for a data set, or `None`.

    `source` is the data set's name, also with TFDS's version;
    anything else has no classifier.

    Example:
    >>> judge_of("mnist:3.0.1"), judge_of("my_photos/")
    ('digits', None)
    """
    return JUDGES.get(class_names.data_set_of(source))


def recorded(model: Any) -> dict[str, Any]:
    """Returns the settings of the run that trained a model, or an empty dict.

    Models of presets know them, and those that the command line trained or
    loaded from a run's folder.
    """
    return dict(getattr(model, "run_settings", None) or {})


def choose(source: Any, model: Any = None) -> str:
    """Chooses the classifier for real data, or for a model's own data.

    The model's record is asked where the name of the real data (a folder, say)
    tells nothing. It is an error if no bundled classifier is known to fit.

    Example:
    >>> choose("fashion_mnist")
    'fashion_mnist'
    """
    settings = recorded(model)
    trained_on = settings.get("source")
    judge = judge_of(source)
    other = class_names.data_set_of(source) in _OTHERS
    if judge is None and not other and source != trained_on:
        judge = JUDGES.get(class_names.data_set_of_record(settings))
    if judge is None:
        of_run = (
            f", the model was trained on {trained_on}" if trained_on else ""
        )
        raise UserError(
            "`classifier` must be given: no bundled classifier is for these "
            f"data. It must be one of {(*bundled.NAMES, 'inception')}, a "
            "SavedModel with outputs logits and pool_3, or a .keras file. "
            f"Received: classifier=None, source={source}{of_run}. Without a "
            "classifier, give other metrics: neural_net_distance or birthday, "
            "for images also sliced_wasserstein, for ring and grid modes"
        )
    return judge


def load(classifier: Any, source: Any, model: Any) -> classifiers.Classifier:
    """Loads the classifier that is given, or else the one that is chosen."""
    if classifier is None:
        classifier = choose(source, model)
    return classifiers.load(classifier)
