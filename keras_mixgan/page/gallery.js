// The gallery. The address says what to draw. The caller of `start` says where
// images come from: a server (over_http.js), or this browser (in_browser.js).

const $ = (id) => document.getElementById(id);
const MIXTURE = -1;
const ALL = "all";
const MAX_SEED = Number.MAX_SAFE_INTEGER;
const MAX_IMAGES = 120; // Nobody looks at more.
const MAX_COLUMNS = 12;

let source;
let models = [];
let state = {};
let request = new AbortController();
let timer = 0;

// ---- What to draw -------------------------------------------------------

function whole(text, least, most, otherwise) {
  const number = text ? Number(text) : NaN; // A field also takes 1e3.
  const fits = Number.isSafeInteger(number) && number >= least;
  return fits && number <= most ? number : otherwise;
}

// Reads what to draw from the address. A user may have typed it, so values that
// do not fit are replaced.
function readState(query = location.search) {
  const given = new URLSearchParams(query);
  const model = models.find((m) => m.name === given.get("model")) ?? models[0];
  const classes = model.conditional ? (model.num_classes ?? 0) : 0;
  const label = whole(given.get("label"), 0, classes - 1, ALL);
  return {
    model,
    label: model.conditional ? label : ALL,
    component: whole(
      given.get("component"), 0, model.num_generators - 1, MIXTURE
    ),
    seed: whole(given.get("seed"), 0, MAX_SEED, 0),
    number: whole(
      given.get("images"), 1, model.most, defaultNumber(model, classes)
    ),
  };
}

function defaultNumber(model, classes) {
  const row = classes > 1 && classes <= MAX_COLUMNS ? classes : 10;
  return Math.min(6 * row, model.most);
}

function address() {
  const query = new URLSearchParams({ model: state.model.name });
  if (state.label !== ALL) query.set("label", state.label);
  if (state.component !== MIXTURE) query.set("component", state.component);
  query.set("seed", state.seed);
  query.set("images", state.number);
  return `${location.pathname}?${query}`;
}

// All labels in turn, or the chosen one.
function labelsOf({ model, label, number }) {
  if (label !== ALL) return [label];
  return [...Array(Math.min(model.num_classes ?? 0, number)).keys()];
}

// The name of a label; "label 3" if it has only a number.
function nameOf(model, label) {
  const name = model.class_names?.[label] ?? String(label);
  return name === String(label) ? `label ${label}` : name;
}

const shortName = (model, label) =>
  nameOf(model, label).replace(/^label /, "");

// ---- Small pieces of the page --------------------------------------------

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Steps by the golden angle keep hues apart for any number of components.
function hued(node, component) {
  node.style.setProperty("--hue", (25 + component * 137.5) % 360);
  return node;
}

const badge = (component) =>
  hued(element("span", { className: "badge" }, String(component)), component);

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

const percent = (weight) => `${(100 * weight).toFixed(1)} %`;

function radio(name, value, checked, ...content) {
  const input = element("input", { type: "radio", name, value, checked });
  return element("label", {}, input, ...content);
}

function bar(parts) {
  const whole = element("span", { className: "bar" });
  for (const [component, weight] of parts) {
    const part = hued(element("span"), component);
    part.style.width = `${100 * weight}%`;
    whole.append(part);
  }
  return whole;
}

// ---- Controls ------------------------------------------------------------

function showControls() {
  const { model, label, component, seed, number } = state;
  $("model").value = model.name;
  $("facts").textContent = factsOf(model);
  $("seed").value = seed;
  $("number").max = model.most;
  $("number").value = number;
  $("number-shown").textContent = number;
  $("label-field").hidden = !model.conditional || !model.num_classes;
  $("labels").replaceChildren(
    radio("label", ALL, label === ALL, "All"),
    ...[...Array(model.num_classes ?? 0).keys()].map((k) =>
      radio("label", k, label === k, shortName(model, k))
    )
  );
  showComponents(model, component);
}

function factsOf(model) {
  const [height, width, channels] = model.image_shape;
  const facts = [plural(model.num_generators, "generator")];
  if (model.conditional) facts.push(`${model.num_classes} labels`);
  facts.push(`${width} × ${height} ${channels === 1 ? "grey" : "colour"}`);
  return facts.join(" · ");
}

function showComponents(model, chosen) {
  const weights = [...model.generator_weights.entries()];
  const all = element("span", { className: "badge all" }, "∑");
  all.setAttribute("aria-hidden", "true");
  const rows = weights.map(([i, weight]) => {
    const name = element("span", {}, `Generator ${i}`);
    const text = element("span", { className: "weight" }, percent(weight));
    const row = [badge(i), name, text, bar([[i, weight]])];
    row[0].setAttribute("aria-hidden", "true");
    return radio("component", i, chosen === i, ...row);
  });
  const mixture = radio(
    "component", MIXTURE, chosen === MIXTURE, all,
    element("span", {}, "The mixture"),
    element("span", { className: "weight" }), bar(weights)
  );
  $("components").replaceChildren(mixture, ...rows);
}

function readControls(changed) {
  if (changed === "model") {
    const query = new URLSearchParams(location.search);
    query.set("model", $("model").value);
    query.delete("images"); // Each model has its own rows.
    state = readState(query);
    showControls();
    return;
  }
  const form = new FormData($("controls"));
  const { model } = state;
  const label = form.get("label");
  state.label = label === ALL || label === null ? ALL : Number(label);
  state.component = Number(form.get("component"));
  state.seed = whole(form.get("seed"), 0, MAX_SEED, state.seed);
  state.number = whole(form.get("number"), 1, model.most, state.number);
  $("number-shown").textContent = state.number;
}

// ---- Images --------------------------------------------------------------

// Requests images when the controls have come to rest, and drops the answer to
// an older request. The browser's Back undoes each choice.
function draw(delay = 0, remember = "pushState") {
  clearTimeout(timer);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  const wanted = { ...state };
  $("images").setAttribute("aria-busy", "true");
  timer = setTimeout(async () => {
    if (address() !== location.pathname + location.search) {
      history[remember](null, "", address());
    }
    document.title = `${wanted.model.name} · keras-mixgan gallery`;
    try {
      const labels = wanted.model.conditional ? labelsOf(wanted) : null;
      const drawn = await source.draw({ ...wanted, labels }, signal);
      if (!signal.aborted) show(wanted, drawn);
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) fail(error);
    }
  }, delay);
}

function fail(error) {
  $("error-text").textContent = error.message;
  $("error").hidden = false;
  $("images").setAttribute("aria-busy", "false");
}

function show(wanted, { pictures, components, request: text }) {
  const labels = wanted.model.conditional ? labelsOf(wanted) : [];
  const labelled = labels.length > 1 && labels.length <= MAX_COLUMNS;
  document.body.classList.toggle("by-label", labelled);
  document.body.style.setProperty("--columns", labels.length);
  $("heads").hidden = !labelled;
  $("heads").replaceChildren(
    ...labels.map((label) => {
      const title = nameOf(wanted.model, label);
      return element("span", { title }, shortName(wanted.model, label));
    })
  );
  $("images").replaceChildren(
    ...pictures.map((src, i) => {
      const label = labels.length ? labels[i % labels.length] : null;
      return tile({ src, i, label, component: components[i], wanted });
    })
  );
  showSummary(wanted, components);
  $("request").textContent = text ?? "";
  document.querySelector(".request").hidden = !text;
  $("images").setAttribute("aria-busy", "false");
  $("error").hidden = true;
}

function showSummary({ model, label, component, seed, number }, components) {
  const from =
    component === MIXTURE ? "the mixture" : `generator ${component}`;
  const of = label === ALL ? "" : ` of ${nameOf(model, label)}`;
  $("summary").textContent =
    `${plural(number, "image")}${of} from ${from}, seed ${seed}`;
  const counts = Array(model.num_generators).fill(0);
  for (const i of components) counts[i] += 1;
  const marks = counts.flatMap((count, i) =>
    count ? [element("span", {}, badge(i), `drew ${count}`)] : []
  );
  $("drawn").replaceChildren(...marks);
}

function describe({ i, label, component, wanted }) {
  const of = label === null ? "" : `, ${nameOf(wanted.model, label)}`;
  return `Image ${i}${of}, generator ${component}`;
}

function tile(image) {
  const picture = element("img", { src: image.src, alt: describe(image) });
  const mark = badge(image.component);
  mark.setAttribute("aria-hidden", "true");
  const button = element(
    "button", { type: "button", className: "tile" }, picture, mark
  );
  button.addEventListener("click", () => zoom(image));
  return element("li", {}, hued(button, image.component));
}

function zoom(image) {
  const { model, seed } = image.wanted;
  hued($("zoom"), image.component);
  $("zoom-image").src = image.src;
  $("zoom-image").alt = describe(image);
  $("zoom-title").textContent = describe(image);
  $("zoom-facts").textContent = `${model.name}, seed ${seed}`;
  $("zoom-save").href = image.src;
  $("zoom-save").download =
    `${model.name}-seed${seed}-image${image.i}.png`;
  $("zoom").showModal();
}

// ---- Start ---------------------------------------------------------------

function listen() {
  $("controls").addEventListener("input", ({ target }) => {
    if (!target.name || !target.validity.valid) return;
    readControls(target.name);
    draw(target.type === "radio" || target.name === "model" ? 0 : 150);
  });
  // What is drawn stands in the field, also after text that is no seed.
  $("seed").addEventListener("change", () => ($("seed").value = state.seed));
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("dice").addEventListener("click", () => {
    state.seed = Math.floor(Math.random() * 1e6);
    $("seed").value = state.seed;
    draw();
  });
  $("retry").addEventListener("click", () => (models.length ? draw() : list()));
  $("zoom").addEventListener("click", ({ target }) => {
    if (target === $("zoom")) $("zoom").close(); // A click beside the image.
  });
  window.addEventListener("popstate", () => {
    if (!models.length) return;
    const focused = document.activeElement;
    state = readState();
    showControls();
    // The radio buttons are new.
    const { name, value } = focused;
    if (!focused.isConnected && name) {
      $("controls").querySelector(`[name="${name}"][value="${value}"]`)?.focus();
    }
    draw(0, "replaceState");
  });
  // A page of another machine has no clipboard unless it comes by HTTPS.
  $("copy").hidden = !navigator.clipboard;
  const said = $("copy").firstElementChild;
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = "Copied";
    } catch {
      said.textContent = "Not allowed here";
    }
    setTimeout(() => (said.textContent = "Copy link"), 1500);
  });
}

async function list() {
  try {
    const known = await source.list();
    const most = Math.min(known.most, MAX_IMAGES);
    models = known.models.map((model) => ({ ...model, most }));
    if (!models.length) throw new Error("There is no model that draws images.");
    $("model").replaceChildren(
      ...models.map(({ name }) => element("option", { value: name }, name))
    );
    state = readState();
    showControls();
    $("controls").inert = false;
    draw(0, "replaceState");
  } catch (error) {
    $("summary").textContent = "No images";
    fail(error);
  }
}

/**
 * Starts the page.
 *
 * @param from The source of images. `list()` promises {models, most}: what is
 *   known of the models, and how many images may be drawn at once.
 *   `draw(wanted, signal)`, where `wanted` is {model, labels, component, seed,
 *   number}, promises {pictures, components, request}: addresses of images, the
 *   numbers of their generators, and a command that draws the same.
 */
export function start(from) {
  source = from;
  $("controls").inert = true; // Until the models are known.
  listen();
  list();
}
