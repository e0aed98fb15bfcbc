# %% [markdown]
# # Serve it, from gallery to TensorFlow Serving
#
# ## Export
#
# An exported sampler runs without keras and keras_mixgan. It holds the
# generators and the mixture weights, nothing else.

# %% language="bash"
# keras-mixgan export --model=mix_dcgan_mnist --out=exported/1
# ls exported/1

# %%
import numpy as np
import tensorflow as tf

sampler = tf.saved_model.load("exported/1")
drawn = sampler.sample(num_images=10, seed=1, labels=list(range(10)))
drawn["images"].shape, drawn["components"].numpy()

# %% [markdown]
# ## The gallery
#
# `keras-mixgan serve` shows a page and answers requests. Here it runs beside
# this notebook, on a port that the system chooses.

# %%
import subprocess

server = subprocess.Popen(
    ["keras-mixgan", "serve", "--model=mix_dcgan_mnist", "--port=0"],
    stdout=subprocess.PIPE,
    text=True,
)
for line in server.stdout:
    if line.startswith("Gallery:"):
        url = line.split()[1].rstrip("/")
        break

# %% [markdown]
# Its page looks like this; [the demo](../demo.md) is the same page without a
# server.
#
# ![The gallery: digits, each marked with its generator](../gallery.png)
#
# ## A request
#
# The protocol is TensorFlow Serving's: a signature and its inputs. Component
# -1 means the mixture.

# %% alt="Five digits that the server drew"
import base64
import io
import json
import urllib.request

from PIL import Image


def predict(signature, **inputs):
    body = {"signature_name": signature, "inputs": inputs}
    request = urllib.request.Request(
        f"{url}/v1/models/mix_dcgan_mnist:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["outputs"]


answer = predict(
    "sample_png", num_images=5, seed=1, component=-1, labels=[0, 1, 2, 3, 4]
)
print("drawn by generators", answer["components"])
pictures = [
    Image.open(io.BytesIO(base64.b64decode(png["b64"])))
    for png in answer["png_bytes"]
]
row = Image.fromarray(np.concatenate([np.asarray(x) for x in pictures], axis=1))
row.resize((row.width * 3, row.height * 3), Image.Resampling.NEAREST)

# %% [markdown]
# A bad request gets a one-line error.

# %%
try:
    predict("sample", num_images=5, seed=1, labels=[12])
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["error"])

# %%
server.terminate()
status = server.wait(timeout=60)

# %% [markdown]
# ## TensorFlow Serving
#
# TensorFlow Serving serves the exported folder as it is, over gRPC and REST, on
# ports 8500 and 8501. (The command needs Docker and was not run here: it
# follows TensorFlow Serving's source.)
#
# ```text
# docker run -p 8500:8500 -p 8501:8501 \
#   -v "$PWD/exported:/models/mix_dcgan_mnist" \
#   -e MODEL_NAME=mix_dcgan_mnist tensorflow/serving \
#   --enable_batching \
#   --batching_parameters_file=/models/mix_dcgan_mnist/1/batching_params.pbtxt
# ```
#
# `export` wrote the batching parameters beside the model. With
# `--enable_batching`, rows of `serving_default` from many clients are computed
# together, and signatures whose inputs are not rows (`sample`, `sample_png`)
# are refused. Without the last two flags the request above works there, too,
# on port 8501. A row is a latent, a uniform number that chooses the generator,
# and a label:

# %%
rng = np.random.default_rng(0)
served = sampler.signatures["serving_default"](
    latents=tf.constant(rng.standard_normal((4, 64)), tf.float32),
    component_uniform=tf.constant(rng.random(4), tf.float32),
    labels=tf.constant([3, 1, 4, 1]),
)
served["images"].shape

# %% [markdown]
# ## ONNX
#
# ONNX is one file, for ONNX Runtime in any language.

# %% language="bash"
# keras-mixgan export --model=mix_dcgan_mnist --format=onnx --out=sampler.onnx

# %%
import onnxruntime

session = onnxruntime.InferenceSession("sampler.onnx")
feeds = {
    "latents": rng.standard_normal((2, 64)).astype("float32"),
    "component_uniform": np.array([0.1, 0.9], "float32"),
    "labels": np.array([7, 8], "int32"),
}
session.run(["images"], feeds)[0].shape
