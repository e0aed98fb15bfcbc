import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from keras import layers

from keras_mixgan import MixGAN
from keras_mixgan import metrics


def classifier(weights):
    """A discriminator with fixed linear class logits."""
    images = keras.Input((2,))
    classes = layers.Dense(3, name="classes")(images)
    outputs = {"logits": layers.Dense(1)(images), "class_logits": classes}
    network = keras.Model(images, outputs)
    network.get_layer("classes").set_weights([weights, np.zeros(3)])
    return network


class Labelled:
    name = "some"

    def __init__(self, images, labels):
        self.images, self.labels = images, labels


def test_the_mixture_errs_by_its_mean_probabilities():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(2, 3)) for _ in range(2)]
    model = MixGAN(small_generator(), [classifier(w) for w in weights], 1)
    model.discriminator_mixture_logits.assign([1.0, -0.5])
    w = np.exp([1.0, -0.5])
    w /= w.sum()
    images = rng.uniform(-1, 1, (300, 2)).astype("float32")
    labels = rng.integers(-1, 3, 300).astype("int32")
    known = labels >= 0
    each = []
    for kernel in weights:
        e = np.exp(images[known].astype("float64") @ kernel)
        each.append(e / e.sum(axis=1, keepdims=True))
    mixed = w[0] * each[0] + w[1] * each[1]
    score = metrics.classification_error(model, Labelled(images, labels))
    wanted = [
        np.mean(p.argmax(axis=1) != labels[known]) for p in (mixed, *each)
    ]
    assert score.mean == pytest.approx(wanted[0])
    assert score.details["per_discriminator"] == pytest.approx(wanted[1:])
    assert score.details["num_images"] == known.sum()
    assert wanted[0] not in wanted[1:]
    few = metrics.classification_error(model, Labelled(images, labels), 7)
    assert few.details["num_images"] == 7
    report = metrics.evaluate(
        model, Labelled(images, labels), ["classification_error"], verbose=0
    )
    assert list(report.scores["generator 0"]) == []
    assert report.scores["mixture"]["classification_error"].mean == score.mean


def test_what_it_cannot_score():
    images = np.zeros((4, 2), "float32")
    data = Labelled(images, np.zeros(4, "int32"))
    plain = MixGAN(small_generator(), small_discriminator(), 1, 1)
    run = metrics.classification_error
    with pytest.raises(ValueError, match="output `class_logits`"):
        run(plain, data)
    model = MixGAN(small_generator(), classifier(np.zeros((2, 3))), 1, 1)
    with pytest.raises(ValueError, match="`real` must have labels"):
        run(model, images)
    with pytest.raises(ValueError, match="`real` must have labels"):
        run(model, Labelled(images, np.full(4, -1, "int32")))
    with pytest.raises(ValueError, match=r"from -1 to 2\. Received.*to 7"):
        run(model, Labelled(images, np.array([-1, 0, 1, 7], "int32")))
