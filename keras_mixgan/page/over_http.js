// Gets images from a server of keras-mixgan, by the REST protocol of all its
// clients.

import { start } from "./gallery.js";

const pathOf = ({ name }) =>
  `/v1/models/${encodeURIComponent(name)}:predict`;

function bodyOf({ labels, number, seed, component }) {
  const inputs = { num_images: number, seed, component };
  if (labels) inputs.labels = labels;
  return { signature_name: "sample_png", inputs };
}

function curl(wanted) {
  const body = JSON.stringify(bodyOf(wanted), null, 1).replace(/\s+/g, " ");
  return `curl -d '${body}' \\\n  ` +
    `'${location.origin}${pathOf(wanted.model)}'`;
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer.");
  }
  const text = await answer.text();
  let value = {};
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${answer.status} without a reason.`);
  }
  if (!answer.ok) throw new Error(value.error ?? `Error ${answer.status}`);
  return value;
}

async function list() {
  const { models, max_images: most } = await ask("/v1/models");
  // Without the number of classes the page cannot name a label to ask for.
  const shown = models.filter((m) =>
    "sample_png" in m.signatures && (!m.conditional || m.num_classes)
  );
  return { models: shown, most };
}

async function draw(wanted, signal) {
  const body = JSON.stringify(bodyOf(wanted));
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", body, headers, signal };
  const { outputs } = await ask(pathOf(wanted.model), options);
  return {
    pictures: outputs.png_bytes.map(
      ({ b64 }) => `data:image/png;base64,${b64}`
    ),
    components: outputs.components,
    request: curl(wanted),
  };
}

start({ list, draw });
