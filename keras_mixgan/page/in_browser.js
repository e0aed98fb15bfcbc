// Computes images in this browser with onnxruntime-web, from the files beside
// this one. Nothing is fetched from elsewhere.

import { componentOf, latents, uniformOf, uniforms } from "./draws.js";
import { start } from "./gallery.js";
import * as ort from "./ort.wasm.min.mjs";

const HERE = new URL("./", import.meta.url).href;

ort.env.wasm.wasmPaths = HERE;
// More threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;

const sessions = new Map();

async function fetched(name) {
  const answer = await fetch(HERE + encodeURIComponent(name));
  if (!answer.ok) throw new Error(`${name} is missing: ${answer.status}`);
  return answer;
}

async function list() {
  const answer = await fetched("models.json");
  return { models: (await answer.json()).models, most: Infinity };
}

// Each file is loaded once; after a failure the next call tries again.
function sessionOf({ file }) {
  if (!sessions.has(file)) {
    const loading = fetched(file)
      .then((answer) => answer.arrayBuffer())
      .then((bytes) => ort.InferenceSession.create(new Uint8Array(bytes)));
    loading.catch(() => sessions.delete(file));
    sessions.set(file, loading);
  }
  return sessions.get(file);
}

// One image of levels (height, width, 1 or 3), as a PNG in a data URL.
function picture(levels, [height, width, channels]) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      pixels.data[4 * i + c] = levels[i * channels + (channels < 3 ? 0 : c)];
    }
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL("image/png");
}

async function draw({ model, labels, component, seed, number }, signal) {
  const session = await sessionOf(model);
  signal.throwIfAborted();
  const uniform = uniforms(seed, number);
  if (component >= 0) uniform.fill(uniformOf(component, model.edges));
  const size = model.latent_dim;
  const feeds = {
    latents: new ort.Tensor(latents(seed, number, size), [number, size]),
    component_uniform: new ort.Tensor(uniform, [number]),
  };
  if (labels) {
    const rows = Int32Array.from(
      { length: number }, (_, i) => labels[i % labels.length] ?? 0
    );
    feeds.labels = new ort.Tensor(rows, [number]);
  }
  const { images } = await session.run(feeds);
  const length = images.data.length / number;
  return {
    pictures: Array.from({ length: number }, (_, i) =>
      picture(images.data.subarray(i * length, (i + 1) * length),
        model.image_shape)
    ),
    components: Array.from(uniform, (u) => componentOf(u, model.edges)),
  };
}

start({ list, draw });
