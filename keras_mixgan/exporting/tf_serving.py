"""`batching_params.pbtxt`: how TensorFlow Serving batches a sampler.

TensorFlow Serving finds it with `--enable_per_model_batching_parameters`, or
takes it as `--batching_parameters_file`. The fields are those of
`tensorflow_serving/servables/tensorflow/session_bundle_config.proto`.
"""

import pathlib

PLACE = "batching_params.pbtxt"
_TEXT = """\
# For tensorflow_model_server --enable_batching, which computes rows of
# `serving_default` together. It then refuses signatures whose inputs are not
# rows (sample, sample_png, sample_component, mixture_weights): serve those
# without the flag. One bad row (a label of no class, NaN) fails all requests of
# its batch: check what clients send before it comes here.
max_batch_size { value: 1024 }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 128 }
batch_timeout_micros { value: 3000 }
max_enqueued_batches { value: 64 }
"""


def write(folder: pathlib.Path) -> None:
    """Writes the file into the folder of a SavedModel."""
    (folder / PLACE).write_text(_TEXT, encoding="utf-8")
