"""Presets: folders that hold a trained mixture, and the zoo of bundled ones.

A preset is a folder of

- `config.json`: networks and the arguments of `compile`;
- `metadata.json`: where it comes from, its scores, and the SHA-256 of files;
- `model.weights.h5`: Keras's weights, in half precision in the zoo;
- `README.md` and `samples.png`: for people.

Nothing in it is executed: networks are rebuilt from an allow-list of classes
(`allowed`), weights are read without following links to other files (`hdf5`).
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras

from keras_mixgan._version import __version__
from keras_mixgan.presets import allowed
from keras_mixgan.presets import hashes
from keras_mixgan.presets import hdf5
from keras_mixgan.presets import hub
from keras_mixgan.presets import private
from keras_mixgan.presets import refusals
from keras_mixgan.presets import sizes
from keras_mixgan.presets import weights as preset_weights
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils import tables
from keras_mixgan.utils.checks import nearest_of
from keras_mixgan.utils.errors import UserError

FORMAT = 1
CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
CARD = "README.md"
SAMPLES = "samples.png"
FILES = (CONFIG, METADATA, WEIGHTS, CARD, SAMPLES)

_PACKAGE = pathlib.Path(__file__).parents[1]
# What metadata.json must say, beside its format.
_KINDS = {"files": dict, "num_generators": int, "parameters": int}


@dataclasses.dataclass(frozen=True)
class Preset:
    """What is known of a preset without loading its weights.

    Attributes:
        name: Its name.
        path: Its folder.
        metadata: What its `metadata.json` says.
    """

    name: str
    path: pathlib.Path
    metadata: Mapping[str, Any]

    @property
    def data(self) -> str:
        """What it was trained on, or "" where that is not known."""
        return str(_inner(self.metadata, "data").get("name", ""))

    @property
    def num_generators(self) -> int:
        """Number of generators, T."""
        return self.metadata["num_generators"]

    @property
    def parameters(self) -> int:
        """Parameters of its generators and discriminators.

        Those of a shared body count once.
        """
        return self.metadata["parameters"]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the run that made it; empty where they are not known.

        Without paths: what a file from others names must not be read.
        """
        return private.without_paths(_inner(self.metadata, "settings"))

    @property
    def scores(self) -> dict[str, float]:
        """Scores of the mixture by metric; empty where it was not scored."""
        rows = _inner(self.metadata, "evaluation", "scores", "mixture")
        return {
            key: score["mean"]
            for key, score in rows.items()
            if isinstance(score, dict)
            and isinstance(score.get("mean"), int | float)
        }


class Presets(dict):
    """Presets by name, which print as a table."""

    def __repr__(self) -> str:
        lines = [("name", "data", "T", "parameters", "score", "distance")]
        for preset in self.values():
            scores = preset.scores
            lines.append(
                (
                    preset.name,
                    preset.data,
                    str(preset.num_generators),
                    f"{preset.parameters:,}",
                    _shown(scores.get("inception_score")),
                    _shown(scores.get("fid")),
                )
            )
        return tables.aligned(lines, names=2, others=str.rjust)


def _inner(content: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The object under these keys; an empty one where there is none."""
    for key in keys:
        content = content.get(key)
        if not isinstance(content, Mapping):
            return {}
    return content


def _shown(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def list_presets() -> Presets:
    """Lists the presets of the zoo.

    Returns:
        `Preset` by name. It prints as a table of data, T, parameters,
        classifier score and Frechet distance, both of the classifier that the
        preset's card names.

    Example:
    >>> list_presets()["mix_dcgan_mnist"].num_generators
    5
    """
    folders = sorted(path.parent for path in zoo().glob(f"*/{METADATA}"))
    return Presets({folder.name: read(folder) for folder in folders})


def zoo() -> pathlib.Path:
    """The zoo's folder: in the wheel, or beside the package in a checkout."""
    packed = _PACKAGE / "zoo"
    return packed if packed.is_dir() else _PACKAGE.parent / "zoo"


def is_preset(preset: str | os.PathLike[str]) -> bool:
    """Whether this names a preset of the zoo or hub, or is one's folder."""
    return (
        hub.is_url(preset)
        or (pathlib.Path(preset).expanduser() / METADATA).is_file()
        or (isinstance(preset, str) and _in_zoo(preset) is not None)
    )


def find(preset: str | os.PathLike[str]) -> pathlib.Path:
    """The folder of a preset: a name in the zoo, a folder, or `hf://user/name`.

    Refuses what names a preset of the zoo as well as a folder here. It is an
    OSError if a folder holds no preset or the hub cannot be reached.
    """
    if hub.is_url(preset):
        folder = hub.fetch(preset, FILES)
        if not (folder / METADATA).is_file():
            raise UserError(
                "`preset` must be a preset of keras-mixgan. Received: "
                f"{preset}, which has no {METADATA}"
            )
        return folder
    bundled = _in_zoo(preset) if isinstance(preset, str) else None
    path = pathlib.Path(preset).expanduser()
    if bundled is not None:
        if (path / METADATA).is_file() and not path.samefile(bundled):
            raise UserError(
                "`preset` must be unambiguous. Received: "
                f"{preset!r}, a preset of the zoo and a folder here. Write "
                f"./{preset} for the folder"
            )
        return bundled
    if path.is_dir():
        if not (path / METADATA).is_file():
            raise FileNotFoundError(
                f"`preset` must be a preset's folder. Received: {path}, which "
                f"has no {METADATA}"
            )
        return path
    known = sorted(list_presets())
    raise UserError(
        f"`preset` must be a folder, or one of {', '.join(known)}. Received: "
        f"{str(preset)!r}{nearest_of(preset, known)}"
    )


def read(path: str | os.PathLike[str]) -> Preset:
    """Reads the metadata in a preset's folder.

    Refuses files that are damaged, or of a newer format.
    """
    path = pathlib.Path(path)
    metadata = json_files.read(path / METADATA, FORMAT, *_KINDS)
    for key, kind in _KINDS.items():
        if not isinstance(metadata[key], kind):
            raise UserError(
                f"{path / METADATA} is damaged: {key!r} must be of type "
                f"{kind.__name__}. Received: {ascii(metadata[key])[:200]}"
            )
    return Preset(str(metadata.get("name", path.name)), path, metadata)


def load(
    model_class: type,
    preset: str | os.PathLike[str],
    load_weights: bool = True,
):
    """Loads a preset; see `MixGAN.from_preset`."""
    path = find(preset)
    in_zoo = isinstance(preset, str) and _in_zoo(preset) is not None
    if in_zoo:
        # The hashes in the folder could be replaced along with its files.
        known, source = hashes.of_zoo(preset), hashes.ZOO.name
        hashes.check(path / METADATA, known.get(METADATA), source)
        read(path)
    else:
        known, source = read(path).metadata["files"], METADATA
    for name in (CONFIG, WEIGHTS) if load_weights else (CONFIG,):
        hashes.check(path / name, known.get(name), source)
    config = json_files.read(path / CONFIG, FORMAT, "config", "compile_config")
    allowed.check(config, os.fspath(path / CONFIG))
    elements = None
    if load_weights:
        elements = hdf5.check(path / WEIGHTS, os.fspath(path / WEIGHTS))
    saved = {"class_name": "MixGAN", "config": config["config"]}
    sizes.check(saved, os.fspath(path / CONFIG), elements)
    with refusals.one_line(f"{path / CONFIG} describes {refusals.NOT_BUILT}"):
        model = model_class.from_config(config["config"])
    model.run_settings = read(path).settings or None
    with_optimizer = load_weights and preset_weights.has_optimizer(
        path / WEIGHTS
    )
    # Keras warns of a compiled model whose file has no optimizer state.
    if load_weights and not with_optimizer:
        _load_weights(model, path / WEIGHTS)
    if config["compile_config"] is not None:
        with refusals.one_line(
            f"{path / CONFIG} holds a compile_config that `compile` refuses"
        ):
            model.compile_from_config(
                private.without_encoders(config["compile_config"])
            )
    if with_optimizer:
        _load_weights(model, path / WEIGHTS)
    return model


def _load_weights(model, path: pathlib.Path) -> None:
    with refusals.one_line(
        f"{path} must hold the weights of the networks in {CONFIG}. Received: "
        "others"
    ):
        model.load_weights(path)


def save(
    model,
    path: str | os.PathLike[str],
    card: str,
    samples,
    about: Mapping[str, Any] | None = None,
    small: bool = False,
) -> None:
    """Saves a model as a preset, in a new or empty folder.

    `card` is the text of its `README.md`, `samples` a picture of Pillow or
    `None`; `about` has more entries of `metadata.json`. With `small`, weights
    are in half precision, without the optimizer's state and, of generators with
    averages, without all but those. Refuses parts that could not be loaded.
    """
    path = pathlib.Path(os.path.abspath(os.path.expanduser(path)))
    config = {
        "format": FORMAT,
        "config": model.get_config(),
        "compile_config": private.without_encoders(model.get_compile_config()),
    }
    # Does not save what could not be loaded.
    allowed.check(json.loads(json.dumps(config)), "`model`")
    with atomic.new_folder(path) as folder:
        json_files.write(folder / CONFIG, config)
        if small:
            whole = folder / f"whole.{WEIGHTS}"
            model.save_weights(whole)
            preset_weights.shrink(whole, folder / WEIGHTS)
            whole.unlink()
        else:
            model.save_weights(folder / WEIGHTS)
        (folder / CARD).write_text(card, encoding="utf-8")
        if samples is not None:
            samples.save(folder / SAMPLES, optimize=True)
        files = {
            name: hashes.sha256(folder / name) for name in (CONFIG, WEIGHTS)
        }
        metadata = {**describe(model, path.name), "files": files}
        json_files.write(folder / METADATA, {**metadata, **(about or {})})


def describe(model, name: str) -> dict[str, Any]:
    """The metadata of a model itself, ready for JSON."""
    return {
        "format": FORMAT,
        "name": name,
        "num_generators": model.num_generators,
        "num_discriminators": model.num_discriminators,
        "generator_weights": [float(w) for w in model.generator_weights],
        "discriminator_weights": [
            float(w) for w in model.discriminator_weights
        ],
        "image_shape": list(model.image_shape),
        "latent_dim": model.latent_dim,
        "num_classes": model.num_classes,
        "ema_decay": model.ema_decay,
        "parameters": sum(
            part.count_params()
            for side in (model.generator_ensemble, model.discriminator_ensemble)
            for part in side.parts
        ),
        "step": model.step,
        # Those of its run: `evaluate` chooses the classifier by the data.
        "settings": private.without_paths(model.run_settings),
        "versions": {
            "keras-mixgan": __version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }


def _in_zoo(name: str) -> pathlib.Path | None:
    # Names alone: a path such as "zoo/x" is a folder like any other.
    if not name or pathlib.Path(name).name != name:
        return None
    path = zoo() / name
    return path if (path / METADATA).is_file() else None
