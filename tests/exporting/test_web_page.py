"""The page that draws images in the browser, in headless Chromium."""

import base64
import io
import json
import pathlib
import re
import shutil

import browser
import conftest
import exported
import keras
import numpy as np
import pytest
import scipy.stats
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan.exporting import web_page
from keras_mixgan.exporting import web_runtime
from keras_mixgan.utils import cache
from keras_mixgan.utils.errors import MissingPackageError

pytest.importorskip("selenium")
pytest.importorskip("tf2onnx")
NUMBER = 12


@pytest.fixture(scope="module")
def runtime():
    """Has the files of the runtime: of the user's cache, or by npm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(cache.VARIABLE, raising=False)
        own = cache.folder(web_runtime.PACKAGE)
    if own.is_dir():
        here = cache.folder(web_runtime.PACKAGE)
        shutil.copytree(own, here, dirs_exist_ok=True)
    try:
        web_runtime.copy_to(pathlib.Path("/dev/null"))
    except MissingPackageError as error:
        pytest.skip(str(error))
    except NotADirectoryError:
        pass


@pytest.fixture(scope="module")
def model():
    return exported.moved_mixture(3)


@pytest.fixture(scope="module")
def site(runtime, model, tmp_path_factory):
    """A page written by the command, and a server of its files."""
    folder = tmp_path_factory.mktemp("web")
    model.save(folder / "model.keras")
    flags = [f"--model={folder / 'model.keras'}", f"--out={folder / 'page'}"]
    assert cli.main(["export", "--format=web", *flags]) == 0
    with browser.served(folder / "page") as url:
        yield url


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser.opened(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def show(driver, url, query):
    """Opens the page and returns pixels and generators of its images."""
    from selenium.webdriver.support.wait import WebDriverWait

    driver.get(f"{url}/?{query}")
    rests = "return document.querySelector('#images')?.ariaBusy === 'false'"
    WebDriverWait(driver, 60).until(lambda d: d.execute_script(rests))
    assert not driver.find_element("css selector", "#error").is_displayed()
    sources, badges = (
        driver.execute_script(
            f"return [...document.querySelectorAll('{what}')].map(x => x.{of})"
        )
        for what, of in ((".tile img", "src"), (".tile .badge", "textContent"))
    )
    pixels = [
        Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        for source in sources
    ]
    assert driver.get_log("browser") == []
    return np.stack([np.asarray(x.convert("RGB")) for x in pixels]), [
        int(badge) for badge in badges
    ]


def draws(driver, url, call):
    """What a function of draws.js returns, as an array."""
    return np.array(
        driver.execute_async_script(
            "const done = arguments[1];"
            "import(arguments[0]).then(d => done(Array.from(" + call + ")));",
            f"{url}/draws.js",
        )
    )


def wanted(driver, url, model, seed, labels, component=None):
    """Images of `generate` from the page's latents, as levels."""
    latents = draws(driver, url, f"d.latents({seed}, {NUMBER}, 5)")
    uniforms = draws(driver, url, f"d.uniforms({seed}, {NUMBER})")
    edges = np.cumsum(model.generator_weights.astype("float64"))[:-1]
    components = np.searchsorted(edges, uniforms, "right")
    if component is not None:
        components[:] = component
    each = model.generate(
        NUMBER * 3,
        component=[0, 1, 2],
        latents=np.repeat(latents.reshape(NUMBER, 5), 3, 0).astype("float32"),
        labels=None if labels is None else np.repeat(labels, 3),
    )
    images = each.reshape(NUMBER, 3, *each.shape[1:])
    images = images[np.arange(NUMBER), components]
    return np.rint((images + 1) * 127.5).clip(0, 255), components.tolist()


@browser.needed
@pytest.mark.parametrize(
    ("query", "labels", "component"),
    [
        ("", [0, 1, 2], None),
        ("&label=2", [2], None),
        ("&label=1&component=2", [1], 2),
    ],
)
def test_the_page_shows_what_generate_makes(
    driver, site, model, query, labels, component
):
    images, components = show(driver, site, f"seed=5&images={NUMBER}{query}")
    expected, chosen = wanted(
        driver, site, model, 5, np.resize(labels, NUMBER), component
    )
    assert components == chosen
    assert len(set(chosen)) > 1 or component is not None
    assert images.shape == (NUMBER, 8, 8, 3)
    assert abs(images - expected).max() <= 1


@browser.needed
def test_colours_without_labels(driver, runtime, tmp_path):
    networks = conftest.image_networks(shape=(8, 8, 3))
    model = kmg.MixGAN(*networks, 3, 1, seed=0)
    model.run_settings = {"source": "cifar10"}
    web_page.write_page({"colour": model, "again": model}, tmp_path / "page")
    with browser.served(tmp_path / "page") as url:
        images, components = show(
            driver, url, f"model=again&seed=1&images={NUMBER}"
        )
        expected, chosen = wanted(driver, url, model, 1, None)
    assert components == chosen
    assert abs(images - expected).max() <= 1
    assert np.ptp(images, axis=-1).max() > 1
    about = json.loads((tmp_path / "page" / "models.json").read_text())
    assert [x["name"] for x in about["models"]] == ["colour", "again"]
    assert about["models"][0]["class_names"][0] == "Airplane"


@browser.needed
def test_clicks_draw_and_nothing_comes_from_elsewhere(driver, site):
    first, _ = show(driver, site, f"seed=1&images={NUMBER}")
    again, _ = show(driver, site, f"seed=1&images={NUMBER}")
    np.testing.assert_array_equal(first, again)
    driver.find_element("css selector", "#dice").click()
    from selenium.webdriver.support.wait import WebDriverWait

    summary = driver.find_element("css selector", "#summary")
    # The new seed may be 17, say, which begins with a 1 too.
    WebDriverWait(driver, 60).until(
        lambda _: not re.search(r"seed 1\b", summary.text)
    )
    loaded = driver.execute_script(
        "return performance.getEntriesByType('resource').map(x => x.name)"
    )
    assert any(name.endswith(".wasm") for name in loaded)
    assert [x for x in loaded if not x.startswith((site, "data:"))] == []
    request = driver.find_element("css selector", ".request")
    assert not request.is_displayed()
    assert "/openapi.json" not in driver.page_source


@browser.needed
def test_draws_are_normal_uniform_and_their_own(driver, site):
    driver.get(site)
    count = 20_000
    latents = draws(driver, site, f"d.latents(7, {count // 10}, 10)")
    uniforms = draws(driver, site, f"d.uniforms(7, {count})")
    others = draws(driver, site, f"d.uniforms(2 ** 32 + 7, {count})")
    assert scipy.stats.kstest(latents, "norm").pvalue > 0.01
    assert scipy.stats.kstest(uniforms, "uniform").pvalue > 0.01
    for a, b in (
        (uniforms, others),
        (uniforms, latents),
        (latents[1:], latents[:-1]),
    ):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(count)
    middles = draws(
        driver, site, "[0, 1, 2].map(i => d.uniformOf(i, [0.25, 0.75]))"
    )
    np.testing.assert_array_equal(middles, [0.125, 0.5, 0.875])
    refused = draws(
        driver,
        site,
        "(() => { try { return d.uniformOf(1, [0.5, 0.5]) } "
        "catch (e) { return e.message } })()",
    )
    assert "".join(refused) == "Generator 1 has no weight in this mixture."


def nameless():
    """A mixture that takes labels, and does not know how many there are."""

    class Codes(keras.layers.Layer):
        def call(self, labels):
            return keras.ops.one_hot(labels, 3)

    networks = []
    for network in conftest.image_networks():
        labels = keras.Input((), dtype="int32")
        x = keras.Input(network.inputs[0].shape[1:])
        code = keras.layers.Dense(1, use_bias=False)(Codes()(labels))
        code = keras.layers.Reshape((1,) * len(x.shape[1:]))(code)
        networks.append(keras.Model([x, labels], network(x + code)))
    return kmg.MixGAN(*([x] for x in networks), seed=0)


def test_what_the_page_cannot_show_is_refused(model, tmp_path):
    out = tmp_path / "page"
    with pytest.raises(ValueError, match="`uint8` must be False"):
        model.export_sampler(out, uint8=True, format="web")
    points = exported.telling_mixture([0.0])
    with pytest.raises(ValueError, match="1 or 3 channels"):
        points.export_sampler(out, format="web")
    with pytest.raises(ValueError, match="number of classes is known"):
        nameless().export_sampler(out, format="web")
    with pytest.raises(ValueError, match="made of letters"):
        web_page.write_page({"../x": model}, out)
    assert list(tmp_path.iterdir()) == []


def test_without_npm_it_says_what_to_put_where(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    folder = tmp_path / web_runtime.PACKAGE
    with pytest.raises(MissingPackageError, match="npm is not installed"):
        web_runtime.copy_to(tmp_path)
    folder.mkdir()
    for name in web_runtime.FILES:
        (folder / name).write_text("not what is pinned")
    with pytest.raises(MissingPackageError) as caught:
        web_runtime.copy_to(tmp_path)
    assert str(folder) in str(caught.value)
    assert all(name in str(caught.value) for name in web_runtime.FILES)


@pytest.mark.parametrize("left", [{}, {"x.tgz": b"no archive"}])
def test_what_npm_left_is_checked(monkeypatch, tmp_path, left):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: "npm")

    def pack(command, cwd, **_):
        for name, content in left.items():
            (cwd / name).write_bytes(content)

    monkeypatch.setattr(web_runtime.subprocess, "run", pack)
    with pytest.raises(MissingPackageError, match="other files than those"):
        web_runtime.copy_to(tmp_path)


def test_the_list_of_models_can_be_read(site, model):
    import urllib.request

    with urllib.request.urlopen(f"{site}/models.json") as answer:
        (about,) = json.load(answer)["models"]
    assert about["num_generators"] == 3
    np.testing.assert_allclose(
        about["generator_weights"], model.generator_weights
    )
