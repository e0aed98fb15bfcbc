// Random draws and the choice of generators, as functions of a seed.

// sfc32 of Chris Doty-Humphrey's PractRand: 128 bits of state, from the two
// halves of the seed, the number of the stream and a counter.
function generator(seed, stream) {
  let a = seed % 2 ** 32 | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = stream | 0;
  let counter = 1;
  const next = () => {
    const sum = ((a + b) | 0) + counter | 0;
    counter = counter + 1 | 0;
    a = b ^ (b >>> 9);
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + sum | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 20; i += 1) next(); // Until all bits are mixed.
  return () => (next() + 0.5) / 2 ** 32; // In (0, 1).
}

/** Standard normal numbers, Float32Array (count * size,), by Box-Muller. */
export function latents(seed, count, size) {
  const uniform = generator(seed, 0);
  return Float32Array.from({ length: count * size }, () =>
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  );
}

/** Uniform numbers in [0, 1), Float32Array (count,). */
export function uniforms(seed, count) {
  const uniform = generator(seed, 1);
  // The largest float32 below 1, as a number must not be rounded to 1.
  return Float32Array.from({ length: count }, () =>
    Math.min(uniform(), 1 - 2 ** -24)
  );
}

/** The generator of a uniform number: how many edges are at most as large. */
export const componentOf = (uniform, edges) =>
  edges.filter((edge) => uniform >= edge).length;

/** The middle of a generator's interval of uniform numbers, in float32. */
export function uniformOf(component, edges) {
  const [low, high] = [edges[component - 1] ?? 0, edges[component] ?? 1];
  const middle = Math.fround((low + high) / 2);
  if (componentOf(middle, edges) !== component) {
    throw new Error(`Generator ${component} has no weight in this mixture.`);
  }
  return middle;
}
