"""Any file or request gives an answer or a `UserError`.

A run of an hour: FUZZ_EXAMPLES=1000000 pytest -n 0 tests/test_fuzz.py
"""

import contextlib
import copy
import io
import json
import os
import types
import zipfile

import hostile_presets
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from keras_mixgan import presets
from keras_mixgan.cli import settings
from keras_mixgan.data import array_files
from keras_mixgan.utils.errors import UserError

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
# The same examples each time, except in a long run.
fuzzed = hypothesis.settings(
    max_examples=int(EXAMPLES or 100),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400]),
    st.floats(),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    max_leaves=8,
)


@st.composite
def changed(draw, base):
    """A copy of JSON with up to three changes."""
    base = copy.deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        node = base
        while True:
            keys = list(node) if isinstance(node, dict) else range(len(node))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = node[key]
            if isinstance(inner, dict | list) and draw(st.booleans()):
                node = inner
                continue
            if draw(st.integers(0, 3)):
                node[key] = draw(VALUES)
            else:
                del node[key]
            break
    return base


@st.composite
def texts(draw, base):
    """JSON as bytes: changed, cut, or with other bytes in the middle."""
    content = json.dumps(draw(changed(base))).encode()
    if draw(st.integers(0, 3)):
        return content
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, len(content)))
    return content[:start] + draw(st.binary(max_size=8)) + content[end:]


@contextlib.contextmanager
def user_errors():
    """Allows no error except a `UserError` of one line."""
    message = "none"
    try:
        yield
    except UserError as error:
        message = str(error)
    assert 0 < len(message) < 2000
    assert "\n" not in message


# Requests.


SPECS = {
    "serving_default": {
        "latents": ("float32", 2),
        "component_uniform": ("float32", 1),
        "labels": ("int32", 1),
    },
    "sample": {
        "num_images": ("int32", 0),
        "seed": ("int64", 0),
        "labels": ("int32", 1),
    },
    "sample_component": {
        "component": ("int32", 0),
        "num_images": ("int32", 0),
        "seed": ("int64", 0),
    },
}
REQUESTS = [
    {
        "inputs": {
            "latents": [[0.5, -1.0, 2.0]] * 2,
            "component_uniform": [0.25, 1.0],
            "labels": [0, 2],
        }
    },
    {
        "signature_name": "sample",
        "inputs": {"num_images": 3, "seed": -1, "labels": [1]},
    },
    {
        "signature_name": "sample_component",
        "inputs": {"component": 1, "num_images": 3, "seed": 7},
    },
]


@pytest.fixture(scope="module")
def sampler():
    """A sampler that returns its inputs."""
    tf = pytest.importorskip("tensorflow")

    def run(signature, inputs):
        specs = SPECS[signature]
        assert inputs.keys() == specs.keys()
        for name, (dtype, rank) in specs.items():
            assert inputs[name].dtype == dtype
            assert inputs[name].ndim == rank
        return inputs

    return types.SimpleNamespace(
        inputs={
            signature: {
                name: tf.TensorSpec((None, 3)[-rank:] if rank else (), dtype)
                for name, (dtype, rank) in specs.items()
            }
            for signature, specs in SPECS.items()
        },
        about={"latent_dim": 3, "num_generators": 2, "num_classes": 3},
        run=run,
    )


@fuzzed
@hypothesis.given(st.data())
def test_requests(sampler, data):
    from keras_mixgan.serving import predict

    body = data.draw(st.one_of(*map(texts, REQUESTS), st.binary(max_size=100)))
    with user_errors():
        answer = predict.answer(sampler, body, max_images=16)
        assert json.loads(answer)["outputs"]


# Settings.


RUN = json.loads((hostile_presets.FOLDER / "run" / "settings.json").read_text())


@fuzzed
@hypothesis.given(texts(RUN))
def test_settings(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "settings.json"
    path.write_bytes(content)
    new = settings.resolve({"source": "ring", "steps": 10})
    with user_errors():
        saved = settings.read(path)
        lines = settings.differences(saved, new, {"num_images": 1})
        assert all(isinstance(line, str) for line in lines)


# Metadata of presets.


METADATA = json.loads(
    (hostile_presets.FOLDER / "preset" / presets.METADATA).read_text()
)
METADATA["evaluation"] = {
    "scores": {"mixture": {"fid": {"mean": 1.5}, "kid": {"mean": 0.1}}}
}


@fuzzed
@hypothesis.given(texts(METADATA))
def test_metadata(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / presets.METADATA).write_bytes(content)
    with user_errors():
        preset = presets.read(folder)
        assert all(isinstance(x, int | float) for x in preset.scores.values())
        table = repr(presets.Presets({"x": preset}))
        assert table.startswith("name")
        assert isinstance(preset.settings, dict)


# Headers of arrays.


SHAPES = st.lists(
    st.one_of(st.integers(-2, 8), st.sampled_from([2**31, 2**63, 10**30])),
    max_size=5,
).map(tuple)
TYPES = st.one_of(
    st.sampled_from(
        ["|u1", "<f4", "<f8", "<i8", "|O", "|b1", "<U3", "|V9", "<M8[s]", "|S0"]
    ),
    st.text(max_size=6),
    st.just([("a", "|u1"), ("b", "<f4")]),
)


@st.composite
def members(draw):
    """An `.npy` file whose header and data may disagree."""
    header = {
        "descr": draw(TYPES),
        "fortran_order": draw(st.sampled_from([False, True, 0, None])),
        "shape": draw(st.one_of(SHAPES, st.integers(), st.none())),
    }
    text = repr(header)
    if not draw(st.integers(0, 3)):
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=8))
    raw = text.encode()
    size = len(raw) if draw(st.booleans()) else draw(st.integers(0, 2**16 - 1))
    version = draw(st.sampled_from([1, 1, 1, 2, 3, 9]))
    lengths = size.to_bytes(2 if version == 1 else 4, "little")
    count = draw(st.integers(0, 400))
    return b"\x93NUMPY" + bytes([version, 0]) + lengths + raw + bytes(count)


@fuzzed
@hypothesis.given(members(), st.one_of(st.none(), members()), st.booleans())
def test_array_headers(tmp_path_factory, images, labels, good):
    path = tmp_path_factory.getbasetemp() / "a.npz"
    if good and labels is not None:
        file = io.BytesIO()
        np.save(file, np.zeros((4, 5, 5), "uint8"))
        images = file.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", images)
        if labels is not None:
            archive.writestr("labels.npy", labels)
    with user_errors():
        loaded, classes = array_files.load_npz(path)
        assert loaded.dtype == ("float32" if loaded.ndim == 2 else "uint8")
        assert classes is None or classes.shape == (len(loaded),)
