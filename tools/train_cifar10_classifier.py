r"""Trains the bundled classifier of CIFAR-10, on a GPU, under JAX.

A network as it is bundled is small, because a CPU must score ten thousand
images in half a minute. Alone it learns too little. So a wider one is trained
first, and the small one learns its probabilities, on images that are mixed in
pairs (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and
consistent", arXiv:2106.05237).

Run from the repository root, with an `.npz` file of the training split's images
(N, 32, 32, 3) uint8 and labels (N,):

    KERAS_BACKEND=jax python tools/train_cifar10_classifier.py \
        --train=train.npz --out=keras_mixgan/assets/cifar10_classifier.npz
    python tools/train_classifiers.py --name=cifar10 --measure_only
"""

import argparse
import functools
import json
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_mixgan.metrics import bundled

BATCH = 512
PAD, COVERED = 4, 8
PEAK, MOMENTUM = 0.4, 0.9
# Of the steps after momentum: 5e-4 in the gradient, 10 times as far.
WEIGHT_DECAY = 5e-3
# Softens both sides' probabilities; the loss is multiplied by its square.
TEMPERATURE = 2.0


def changed(images, key):
    """Images (B, 40, 40, 3) uint8 as the network sees them, (B, 32, 32, 3).

    Shifted, mirrored, partly covered (arXiv:1708.04552), float32 in [-1, 1].
    """
    size = images.shape[1] - 2 * PAD

    def one(image, key):
        keys = jax.random.split(key, 3)
        row, column = jax.random.randint(keys[0], (2,), 0, 2 * PAD + 1)
        image = jax.lax.dynamic_slice(image, (row, column, 0), (size, size, 3))
        image = jnp.where(jax.random.bernoulli(keys[1]), image[:, ::-1], image)
        top, left = jax.random.randint(keys[2], (2,), 0, size - COVERED + 1)
        places = jnp.arange(size)
        inside = ((places >= top) & (places < top + COVERED))[:, None]
        inside &= (places >= left) & (places < left + COVERED)
        image = image.astype("float32") / 127.5 - 1
        return jnp.where(inside[:, :, None], 0.0, image)

    return jax.vmap(one)(images, jax.random.split(key, len(images)))


def mixed(images, key):
    """Half of the images, each with a part of another one."""
    keys = jax.random.split(key, 2)
    shape = (len(images), 1, 1, 1)
    share = jax.random.uniform(keys[0], shape)
    share = jnp.where(jax.random.bernoulli(keys[1], 0.5, shape), share, 1.0)
    return share * images + (1 - share) * images[::-1]


def sgd(steps: int, variables) -> keras.optimizers.Optimizer:
    """The optimizer of a training of so many steps."""
    optimizer = keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps * 9 // 10, warmup_target=PEAK, warmup_steps=steps // 10
        ),
        momentum=MOMENTUM,
        nesterov=True,
        weight_decay=WEIGHT_DECAY,
    )
    optimizer.exclude_from_weight_decay(var_names=["beta", "gamma", "bias"])
    optimizer.build(variables)
    return optimizer


def loss_of(network, teacher=None):
    """A function of a network's values, images and labels, for gradients.

    It returns the loss, and the network's other values with the share of
    right answers. With a teacher, a network and its values, labels are not
    looked at.
    """

    def loss(trainable, others, x, y, known):
        logits, others = network.stateless_call(
            trainable, others, x, training=True
        )
        scale, wanted = 1.0, jax.nn.one_hot(y, 10)
        if teacher is not None:
            told, _ = teacher.stateless_call(*known, x, training=False)
            scale, wanted = TEMPERATURE, jax.nn.softmax(told / TEMPERATURE)
        found = jax.nn.log_softmax(logits / scale)
        value = -(wanted * found).sum(-1).mean() * scale**2
        right = (logits.argmax(-1) == y).mean()
        return value, (others, right)

    return jax.value_and_grad(loss, has_aux=True)


def epoch_of(gradients_of, optimizer, mixes: bool):
    """A function that makes one epoch: a state to the next, and two numbers."""

    def step(table, labels, known, state, given):
        trainable, others, held = state
        rows, key = given
        keys = jax.random.split(key, 2)
        x = changed(table[rows], keys[0])
        if mixes:
            x = mixed(x, keys[1])
        (value, (others, right)), gradients = gradients_of(
            trainable, others, x, labels[rows], known
        )
        trainable, held = optimizer.stateless_apply(held, gradients, trainable)
        return (trainable, others, held), (value, right)

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state, key, table, labels, known):
        steps = len(table) // BATCH
        keys = jax.random.split(key, steps + 1)
        order = jax.random.permutation(keys[0], len(table))
        rows = order[: steps * BATCH].reshape(steps, BATCH)
        state, (values, right) = jax.lax.scan(
            functools.partial(step, table, labels, known),
            state,
            (rows, keys[1:]),
        )
        return state, values.mean(), right.mean()

    return epoch


def train(model, images, labels, epochs: int, seed: int, teacher=None) -> None:
    """Trains a model in place.

    `images` uint8 (N, 32, 32, 3), `labels` (N,). `teacher` is a trained model
    that the model imitates; without it, the model learns the labels. The seed
    is that of the order, the crops and the mixes.
    """
    network = keras.Model(model.input, model.output["logits"])
    steps = len(images) // BATCH * epochs
    optimizer = sgd(steps, network.trainable_variables)
    known = None
    if teacher is not None:
        teacher = keras.Model(teacher.input, teacher.output["logits"])
        known = values_of(
            teacher.trainable_variables, teacher.non_trainable_variables
        )
    epoch = epoch_of(
        loss_of(network, teacher), optimizer, mixes=teacher is not None
    )
    padding = [(0, 0), (PAD, PAD), (PAD, PAD), (0, 0)]
    table = jax.device_put(np.pad(images, padding, "reflect"))
    labels = jax.device_put(labels.astype("int32"))
    groups = (
        network.trainable_variables,
        network.non_trainable_variables,
        optimizer.variables,
    )
    state, began = values_of(*groups), time.perf_counter()
    key = jax.random.key(seed)
    for number in range(epochs):
        key, own = jax.random.split(key)
        state, value, right = epoch(state, own, table, labels, known)
        if number % 10 in (0, 9) or number == epochs - 1:
            print(f"  epoch {number + 1} of {epochs}: loss {value:.4f}, "
                  f"right {right:.4f}, {time.perf_counter() - began:.0f} s",
                  flush=True)  # fmt: skip
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)


def values_of(*groups) -> tuple[list[jax.Array], ...]:
    """The values of groups of variables, as JAX's functions take them."""
    return tuple([variable.value for variable in group] for group in groups)


def right_of(model, images, labels) -> float:
    """The share of images whose class a model finds."""
    logits = [
        model(images[i : i + 1000].astype("float32") / 127.5 - 1)["logits"]
        for i in range(0, len(images), 1000)
    ]
    return float((np.concatenate(logits).argmax(-1) == labels).mean())


def main() -> None:
    """Trains the teacher, then the classifier."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        description=__doc__.split("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", help="prints the share of right answers")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--teacher_epochs", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--wider", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    use = parser.parse_args()
    keras.utils.set_random_seed(use.seed)
    with np.load(use.train) as file:
        images, labels = file["images"], file["labels"]
    began = time.perf_counter()
    teacher, model = (
        bundled.build("cifar10", "mixed_bfloat16", wider, mirrors=False)
        for wider in (use.wider, 1)
    )
    print(f"teacher: {teacher.count_params():,} parameters", flush=True)
    train(teacher, images, labels, use.teacher_epochs, use.seed)
    print(f"classifier: {model.count_params():,} parameters", flush=True)
    train(model, images, labels, use.epochs, use.seed, teacher)
    use.out.parent.mkdir(parents=True, exist_ok=True)
    bundled.save(model, use.out)
    book = use.out.with_name("classifiers.json")
    records = json.loads(book.read_text()) if book.exists() else {}
    records.setdefault("cifar10", {}).update(
        epochs=use.epochs,
        teacher_epochs=use.teacher_epochs,
        seed=use.seed,
        trained_on="cifar10, training split",
        training_seconds=round(time.perf_counter() - began, 1),
    )
    book.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n")
    if use.test:
        with np.load(use.test) as file:
            held = file["images"], file["labels"]
        for name, one in {"teacher": teacher, "classifier": model}.items():
            print(f"{name}: {right_of(one, *held):.4f} right", flush=True)


if __name__ == "__main__":
    main()
