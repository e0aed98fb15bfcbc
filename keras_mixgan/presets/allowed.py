"""What a saved configuration may name: an allow-list, checked before Keras.

Keras rebuilds the classes that a configuration names; in its safe mode, those
that it ships or that are registered. Some of them run programs or read other
files (`TFSMLayer`, `Lambda`, vocabularies), and what Keras refuses changes with
its version. This file lists the classes that networks of a GAN are made of;
anything else is refused before Keras sees it.
"""

import sys
from collections.abc import Iterator
from typing import Any

import keras

from keras_mixgan.utils.errors import UserError

# Keras recurses into a configuration, with some five calls per level.
MAX_DEPTH = 100
CONTENTS = (
    "code inside a preset is never run. Allowed are layers of Keras that hold "
    "no code and read no files, and layers of your own, once this program has "
    "registered them with `keras.saving.register_keras_serializable`"
)

_LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D
    AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
    AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention
    AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional CategoryEncoding
    CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
    Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense
    Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization
    LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    MelSpectrogram Minimum MultiHeadAttention Multiply Normalization PReLU
    Permute RMSNormalization RNN RandomBrightness RandomColorJitter
    RandomContrast RandomCrop RandomErasing RandomFlip RandomGrayscale RandomHue
    RandomRotation RandomSaturation RandomShear RandomTranslation RandomZoom
    ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
    STFTSpectrogram
    SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905
)
_CLASSES = {
    "keras": frozenset({"DTypePolicy", "Model", "Sequential"}),
    "keras.models": frozenset({"Model", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.dtype_policies": frozenset({"DTypePolicy", "DTypePolicyMap"}),
    "keras.layers": _LAYERS,
    "keras.initializers": frozenset(
        """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity
        IdentityInitializer LecunNormal LecunUniform Ones Orthogonal
        OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer
        TruncatedNormal VarianceScaling Zeros
        """.split()  # noqa: SIM905
    ),
    "keras.regularizers": frozenset(
        {"L1", "L2", "L1L2", "OrthogonalRegularizer"}
    ),
    "keras.constraints": frozenset(
        {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}
    ),
    # Components may have been compiled on their own.
    "keras.losses": frozenset(
        """
        BinaryCrossentropy CategoricalCrossentropy CategoricalHinge
        CosineSimilarity Hinge Huber KLDivergence LogCosh MeanAbsoluteError
        MeanSquaredError Poisson SparseCategoricalCrossentropy SquaredHinge
        """.split()  # noqa: SIM905
    ),
    "keras.optimizers": frozenset(
        """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion
        LossScaleOptimizer Muon Nadam RMSprop SGD
        """.split()  # noqa: SIM905
    ),
    "keras.optimizers.schedules": frozenset(
        """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay
        PiecewiseConstantDecay PolynomialDecay
        """.split()  # noqa: SIM905
    ),
}
# Operations on tensors, which Functional models hold as layers: `2 * x`. These
# modules are arithmetic alone; Keras's others also call functions.
_OPERATIONS = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math")
# Plain values that Keras writes like objects; no lambdas, no type
# specifications.
_VALUES = frozenset(
    """
    __keras_tensor__ __tensor__ __numpy__ __bytes__ __ellipsis__ __slice__
    """.split()  # noqa: SIM905
)


def check(config: Any, source: str) -> bool:
    """Checks that a configuration names only what is allowed.

    `source` is what it was read from, for errors. Returns whether it names
    classes or functions that the running program has registered, other than
    those of keras_mixgan. A configuration nested too deeply is refused, too.
    """
    own = False
    for where, node in _objects(config, source):
        if not _is_allowed(node):
            what = f"{node.get('class_name')!r} of {node.get('module')!r}"
            raise UserError(
                f"{source} must describe networks without code; {CONTENTS}. "
                f"Received: {what[:200]} at {where}"
            )
        name = _registered_name(node)
        own |= name is not None and not name.startswith("keras_mixgan>")
    return own


def _objects(config: Any, source: str) -> Iterator[tuple[str, dict]]:
    """Every dict in it that Keras might take for an object, and its place."""
    # A loop, not a recursion, as the depth cannot be trusted.
    waiting = [(config, (), 0)]
    while waiting:
        node, place, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise UserError(
                f"{source} must be nested at most {MAX_DEPTH} deep. Received: "
                f"more than that at {_text(place)[:200]}"
            )
        if isinstance(node, dict):
            if "class_name" in node:
                yield _text(place), node
            inner = node.items()
        elif isinstance(node, list):
            inner = enumerate(node)
        else:
            continue
        for key, value in inner:
            if isinstance(value, dict | list):
                waiting.append((value, (place, key), depth + 1))


def _text(place: tuple) -> str:
    """`(((), "layers"), 3)` as "layers[3]"."""
    keys = []
    while place:
        place, key = place
        if isinstance(key, str) and not key.isprintable():
            key = ascii(key)
        keys.append(f"[{key}]" if isinstance(key, int) else f".{key}")
    return "".join(reversed(keys)).lstrip(".")


def _is_allowed(node: dict) -> bool:
    name, module = node["class_name"], node.get("module")
    if not isinstance(name, str):
        return False
    # Keras reads these whatever else the dict says of itself.
    if name.startswith("__"):
        return name in _VALUES
    # Without a module, Keras would read it by the rules of its format before
    # 2023.
    if "module" not in node:
        return False
    if _registered_name(node) is not None:
        return True
    if not isinstance(module, str):
        return False
    if name == "function":
        return _is_function(node.get("config"), module)
    if module in _OPERATIONS:
        return _is_operation(name, module)
    return name in _CLASSES.get(module, ())


def _registered_name(node: dict) -> str | None:
    """The name it is registered by in this process; `None` if it is not."""
    key = "config" if node["class_name"] == "function" else "registered_name"
    name = node.get(key)
    registered = (
        isinstance(name, str)
        and keras.saving.get_registered_object(name) is not None
    )
    return name if registered else None


def _is_function(name: Any, module: Any) -> bool:
    """Whether it is an activation, or an operation usable as one."""
    if module not in ("builtins", "keras.activations", "keras.ops"):
        return False
    if not isinstance(name, str) or name.startswith("_"):
        return False
    candidates = [
        getattr(keras.activations, name, None),
        getattr(keras.ops, name, None),
    ]
    return any(
        getattr(function, "__module__", None)
        in (*_OPERATIONS, "keras.src.activations.activations")
        for function in candidates
    )


def _is_operation(name: str, module: str) -> bool:
    kind = vars(sys.modules[module]).get(name)
    return isinstance(kind, type) and issubclass(kind, keras.Operation)
