"""Pictures: their layout, and files that are complete or absent."""

import conftest
import keras
import numpy as np
import pytest
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan.utils import atomic
from keras_mixgan.utils import plotting
from keras_mixgan.utils.pixels import to_levels


def row(step, **changes):
    return {
        "step": step,
        "epoch": 1,
        "seconds": step / 10,
        "generator_loss": 0.7,
        "discriminator_loss": 1.4,
        "payoff": -1.4,
        "generator_weight_0": 0.4,
        "generator_weight_1": 0.6,
        "discriminator_weight_0": 1.0,
    } | changes


def pixels(picture):
    return np.asarray(picture).astype(int)


def test_gray_levels_are_the_nearest_and_clipped():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
    assert to_levels(values).tolist() == [0, 0, 128, 255, 255]
    levels = np.arange(256, dtype="uint8")
    assert (to_levels(levels / 127.5 - 1) == levels).all()


def test_grid_holds_every_image_row_by_row():
    shades = np.array([-1.0, -0.5, 0.0, 0.5], "float32")
    images = np.ones((4, 56, 56, 1), "float32") * shades[:, None, None, None]
    picture = pixels(plotting.sample_grid([images], ["Shades"], columns=2))
    wanted = to_levels(shades)
    for shade in wanted:
        assert (picture == shade).all(axis=-1).sum() >= 56 * 56
    found = [np.argwhere((picture == s).all(axis=-1)) for s in wanted]
    (top, left), (_, right), (bottom, _), _ = (f.min(axis=0) for f in found)
    assert top < bottom
    assert left < right


def test_small_images_are_enlarged_and_colours_kept():
    image = np.full((1, 4, 4, 3), [1.0, -1.0, -1.0], "float32")
    picture = pixels(plotting.sample_grid([image], ["Red"]))
    assert (picture == [255, 0, 0]).all(axis=-1).sum() == 56 * 56


def test_long_class_names_stay_within_their_column():
    images = np.zeros((2, 56, 56, 1))
    short = plotting.sample_grid([images], ["x"], 2, ["a", "b"])
    long = plotting.sample_grid([images], ["x"], 2, ["a" * 80, "b" * 80])
    assert short.size == long.size


@pytest.mark.parametrize(
    ("blocks", "titles", "columns", "names", "argument"),
    [
        ([], [], 2, None, "`blocks`"),
        ([np.zeros((2, 8, 8))], ["a"], 2, None, "`blocks`"),
        ([np.zeros((2, 8, 8, 5))], ["a"], 2, None, "`blocks`"),
        ([np.zeros((2, 8, 8, 1))], [], 2, None, "`titles`"),
        ([np.zeros((2, 8, 8, 1))], ["a"], 0, None, "`columns`"),
        ([np.zeros((2, 8, 8, 1))], ["a"], 2, ["a"], "`columns`"),
    ],
)
def test_grid_refuses(blocks, titles, columns, names, argument):
    with pytest.raises(ValueError, match=argument):
        plotting.sample_grid(blocks, titles, columns, names)


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_left_out(channels):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, channels + 1))
    with_alpha = plotting.sample_grid([images], ["x"])
    without = plotting.sample_grid([images[..., :-1]], ["x"])
    assert np.array_equal(with_alpha, without)


def test_mixture_on_top_then_a_block_a_generator_and_a_column_a_class():
    networks = conftest.image_networks(num_classes=3)
    one = kmg.MixGAN(*networks, 1, 1, seed=0)
    four = kmg.MixGAN(*networks, 4, 1, seed=0)
    small, large = (plotting.draw_mixture(m, rows=2) for m in (one, four))
    # Two blocks against five, plus one margin.
    assert large.height - small.height == pytest.approx(
        1.5 * small.height, rel=0.05
    )
    assert large.width < 4 * 60 + 40
    again = plotting.draw_mixture(one, rows=2)
    assert (pixels(again) == pixels(small)).all()
    other = plotting.draw_mixture(one, rows=2, seed=1)
    assert (pixels(other) != pixels(small)).any()


def test_points_are_drawn_in_a_colour_a_generator_over_gray_real_ones():
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    real = np.array([[1.5, 1.5], [-1.5, -1.5]])
    picture = pixels(plotting.draw_mixture(model, real=real))
    for colour in ((0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00), (0xC8,) * 3):
        assert (picture == colour).all(axis=-1).any()


def test_points_of_one_coordinate_lie_on_a_line():
    model = kmg.MixGAN(
        conftest.small_generator(dimension=1), conftest.small_discriminator(1),
        2, 1, seed=0,
    )  # fmt: skip
    assert plotting.draw_mixture(model, real=np.ones((3, 1))).width > 100


def test_curves_show_both_losses_the_payoff_and_all_weights():
    both = {f"discriminator_weight_{i}": w for i, w in enumerate((0.3, 0.7))}
    rows = [row(step, **both) for step in range(10, 60, 10)]
    figure = plotting.curves(rows, title="Title")
    losses, payoff, generators, discriminators = figure.axes
    assert len(losses.lines) == 2
    assert payoff.lines[0].get_ydata().tolist() == [-1.4] * 5
    # The dotted line is the uniform weight.
    assert [line.get_ydata()[0] for line in generators.lines] == [0.4, 0.6, 0.5]
    assert len(discriminators.lines) == 3
    assert figure.get_suptitle() == "Title"


def test_the_weight_of_a_single_network_gets_no_panel():
    two = row(1)
    one = {k: v for k, v in two.items() if k != "generator_weight_1"}
    pair, mixture = plotting.curves([one]).axes, plotting.curves([two]).axes
    assert [axes.get_xlabel() for axes in pair] == ["step"] * 2
    assert [axes.get_xlabel() for axes in mixture] == ["step"] * 3
    assert mixture[2].get_title(loc="left").startswith("Mixture weights of gen")


def test_long_curves_are_averaged_and_long_mixtures_get_colours():
    weights = {f"generator_weight_{i}": 1 / 12 for i in range(12)}
    rows = [row(step, **weights, payoff=step) for step in range(1, 1001)]
    axes = plotting.curves(rows).axes
    line = axes[1].lines[0]
    assert len(line.get_xdata()) <= 300
    assert np.allclose(line.get_xdata(), line.get_ydata())
    colours = {str(line.get_color()) for line in axes[2].lines[:12]}
    assert len(colours) == 12


def test_curves_of_one_row_are_drawn_and_of_none_refused(tmp_path):
    # The name of a folder: no formula.
    plotting.save(plotting.curves([row(5)], "$5 _$"), tmp_path / "one.png")
    with pytest.raises(ValueError, match="`rows`"):
        plotting.curves([])


def test_pictures_are_saved_whole(tmp_path):
    path = tmp_path / "grid.png"
    picture = plotting.sample_grid([np.zeros((1, 8, 8, 1))], ["x"])
    plotting.save(picture, path)
    with Image.open(path) as read:
        assert read.size == picture.size
    with pytest.raises(OSError, match=r"nowhere"):
        plotting.save(picture, tmp_path / "nowhere" / "grid.png")
    assert [p.name for p in tmp_path.iterdir()] == ["grid.png"]


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half():
        with atomic.replacing(path) as partial:
            partial.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_random_state_of_training_is_left_alone():
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    before = keras.ops.convert_to_numpy(model.seed_generator.state)
    plotting.draw_mixture(model)
    after = keras.ops.convert_to_numpy(model.seed_generator.state)
    assert (before == after).all()


@pytest.mark.parametrize("count", [20, 700])
def test_losses_of_every_second_row_are_a_line(count):
    rows = [row(step + 1) for step in range(count)]
    for one in rows[::2]:
        one["generator_loss"] = float("nan")
    losses = plotting.curves(rows).axes[0]
    for line in losses.lines:
        heights = np.asarray(line.get_ydata())
        assert len(heights) >= 10
        assert np.isfinite(heights).all()


def test_a_generator_of_hardly_any_weight_is_drawn():
    networks = kmg.architectures.build("mlp", (2,), width=4)
    model = kmg.MixGAN(*networks, num_generators=2, seed=0)
    model.set_generator_weights([1.0, 1e-9])
    assert plotting.draw_mixture(model).mode == "RGB"


def test_a_grid_of_no_images_has_its_title():
    picture = plotting.sample_grid([np.zeros((0, 8, 8, 1))], ["none"])
    assert (pixels(picture) < 128).any()


def test_labels_of_unknown_classes_are_drawn_as_label_0():
    networks = conftest.image_networks(shape=(8, 8, 1), num_classes=3)
    model = kmg.MixGAN(*networks, 2, 1, seed=0)
    known = model.generate(40, labels=0, seed=0)[:4]
    model.num_classes = None
    picture = pixels(plotting.draw_mixture(model))
    for image in known:
        levels = to_levels(image).repeat(7, 0).repeat(7, 1)
        assert any(
            (picture[y : y + 56, x : x + 56] == levels).all()
            for y, x in np.ndindex(60, picture.shape[1] - 55)
        )
