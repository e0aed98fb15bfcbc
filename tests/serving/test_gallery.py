"""The gallery page, in headless Chromium."""

import base64
import io
import urllib.parse

import browser
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("selenium")
pytestmark = browser.needed


@pytest.fixture
def server(shared_server):
    return shared_server


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser.opened(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


class Page:
    """The page and its controls, used as a person would."""

    def __init__(self, driver, server):
        self.driver = driver
        self.server = server

    def open(self, **query):
        text = urllib.parse.urlencode(query)
        self.driver.get("about:blank")  # So that the next loads the page anew.
        self.driver.get(f"{self.server.url}/?{text}")
        return self.rest()

    def rest(self):
        """Waits until the page shows the requested images, or an error."""
        from selenium.webdriver.support.wait import WebDriverWait

        busy = "document.querySelector('#images').ariaBusy === 'true'"
        WebDriverWait(self.driver, 120).until(
            lambda d: not d.execute_script(f"return {busy}")
        )
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def click(self, selector):
        self.find(selector).click()
        return self.rest()

    def texts(self, selector):
        return self.run(
            "[...document.querySelectorAll(arguments[0])]"
            ".map(x => x.textContent)",
            selector,
        )

    def alts(self):
        return self.run(
            "[...document.querySelectorAll('.tile img')].map(x => x.alt)"
        )

    def sources(self):
        return self.run(
            "[...document.querySelectorAll('.tile img')].map(x => x.src)"
        )

    def query(self):
        address = urllib.parse.urlparse(self.driver.current_url)
        return dict(urllib.parse.parse_qsl(address.query))

    def error(self):
        shown = self.find("#error")
        return shown.text if shown.is_displayed() else None


@pytest.fixture
def page(driver, server):
    driver.get_log("browser")
    yield Page(driver, server)
    assert driver.get_log("browser") == []


def pictures(answer):
    return [
        f"data:image/png;base64,{png['b64']}"
        for png in answer["outputs"]["png_bytes"]
    ]


def test_it_shows_what_the_server_draws(page, server):
    page.open(model="labelled", seed=5, images=7)
    inputs = {"num_images": 7, "seed": 5, "component": -1, "labels": [0, 1, 2]}
    request = {"signature_name": "sample_png", "inputs": inputs}
    _, answer = server.predict("labelled", request)
    assert page.sources() == pictures(answer)
    components = answer["outputs"]["components"]
    assert page.texts(".tile .badge") == [str(c) for c in components]
    assert page.alts() == [
        f"Image {i}, label {i % 3}, generator {c}"
        for i, c in enumerate(components)
    ]
    assert page.texts("#heads span") == ["0", "1", "2"]
    assert page.error() is None
    # Chromium could decode them.
    widths = page.run(
        "[...document.querySelectorAll('.tile img')].map(x => x.naturalWidth)"
    )
    assert widths == [8] * 7


def test_it_lists_what_draws_images_with_their_weights(page):
    page.open(model="p.lain")
    assert page.texts("#model option") == ["labelled", "p.lain", "kept"]
    assert "2 generators" in page.find("#facts").text
    assert page.texts(".components .weight") == ["", "25.0 %", "75.0 %"]
    widths = page.run(
        "[...document.querySelectorAll('.bar > span')]"
        ".map(x => parseFloat(x.style.width))"
    )
    assert np.allclose(widths, [25, 75, 25, 75])
    assert not page.find("#label-field").is_displayed()


def test_label_and_component_can_be_picked(page):
    page.open(model="labelled", seed=1, images=4)
    page.click("#labels label:nth-child(3)")
    assert all("label 1," in alt for alt in page.alts())
    page.click("#components label:nth-child(4)")
    assert page.texts(".tile .badge") == ["2"] * 4
    assert page.query() == {
        "model": "labelled", "label": "1", "component": "2", "seed": "1",
        "images": "4",
    }  # fmt: skip
    summary = "4 images of label 1 from generator 2, seed 1"
    assert page.find("#summary").text == summary


def test_the_address_brings_the_same_page_back(page):
    state = {"model": "p.lain", "component": "1", "seed": "9", "images": "3"}
    first = page.open(**state).sources()
    assert page.query() == state
    assert page.open(**state).sources() == first
    page.open(**{**state, "seed": "10"})
    assert page.sources() != first


def test_an_address_that_makes_no_sense_does_no_harm(page):
    page.open(
        model="none", label="7", component="-4", seed="1.5", images="1000"
    )
    assert page.error() is None
    assert page.query() == {"model": "labelled", "seed": "0", "images": "18"}
    assert len(page.sources()) == 18


def test_another_preset_keeps_the_seed(page):
    page.open(model="labelled", seed=4, label=2, component=2)
    page.find("#model").send_keys("p")  # Picks p.lain, as a person types.
    page.rest()
    assert page.query() == {"model": "p.lain", "seed": "4", "images": "60"}
    assert len(page.sources()) == 60


def test_a_new_seed_draws_new_images(page):
    before = page.open(model="p.lain", images=2).sources()
    page.click("#dice")
    assert page.sources() != before
    assert page.query()["seed"] == page.find("#seed").get_attribute("value")


def test_any_whole_number_is_a_seed(page):
    wanted = page.open(model="p.lain", images=2, seed=1000).sources()
    page.open(model="p.lain", images=2)
    script = (
        "const seed = document.querySelector('#seed');"
        "seed.value = arguments[0];"
        "seed.dispatchEvent(new Event('input', {bubbles: true}));"
        "return seed.validity.valid;"
    )
    assert page.driver.execute_script(script, "1e3")
    assert page.rest().sources() == wanted
    assert page.query()["seed"] == "1000"
    # Too large to be exact.
    assert not page.driver.execute_script(script, "9007199254740992")
    assert page.rest().query()["seed"] == "1000"


def test_back_undoes_a_choice_and_forward_repeats_it(page):
    first = page.open(model="labelled", seed=1, images=4).sources()
    page.click("#labels label:nth-child(3)")
    second = page.sources()
    page.find("#model").send_keys("p")  # Picks p.lain, as a person types.
    page.rest()
    assert page.query()["model"] == "p.lain"
    page.driver.back()
    assert page.rest().sources() == second
    assert page.find("#labels label:nth-child(3) input").is_selected()
    page.driver.back()
    assert page.rest().sources() == first
    assert page.find("#labels label:nth-child(1) input").is_selected()
    page.driver.forward()
    assert page.rest().sources() == second
    assert page.query()["label"] == "1"
    page.driver.back()
    page.rest()
    page.driver.back()  # Opening the page added no step to the history.
    assert page.driver.current_url == "about:blank"


def test_a_slider_that_was_drawn_is_one_choice(page):
    page.open(model="p.lain", seed=1, images=4)
    before = page.run("history.length")
    page.driver.execute_script(
        "const slider = document.querySelector('#number');"
        "for (const value of [5, 6, 7]) {"
        "  slider.value = value;"
        "  slider.dispatchEvent(new Event('input', {bubbles: true}));"
        "}"
    )
    assert len(page.rest().sources()) == 7
    assert page.run("history.length") == before + 1


def test_classes_have_their_names_where_these_are_known(page):
    page.open(model="kept", seed=1, images=3)
    assert page.texts("label[for=model]") == ["Model"]
    names = ["T-shirt/top", "Trouser", "Pullover"]
    assert page.texts("#labels label") == ["All", *names]
    assert page.texts("#heads span") == names
    assert [alt.split(", ")[1] for alt in page.alts()] == names
    page.click("#labels label:nth-child(3)")
    assert page.query()["label"] == "1"
    assert page.find("#summary").text.startswith("3 images of Trouser from")


def test_it_works_by_keyboard(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open(model="labelled", images=3)
    page.run("document.querySelector('#components :checked').focus()")
    ActionChains(page.driver).send_keys(Keys.ARROW_DOWN).perform()
    page.rest()
    assert page.query()["component"] == "0"
    page.find(".tile").send_keys(Keys.ENTER)
    assert page.find("#zoom").is_displayed()
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not page.find("#zoom").is_displayed()


def test_back_keeps_the_focus_where_it_was(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open(model="labelled", images=3)
    page.run("document.querySelector('#components :checked').focus()")
    ActionChains(page.driver).send_keys(Keys.ARROW_DOWN).perform()
    page.rest()
    page.driver.back()
    page.rest()
    focused = "document.activeElement"
    assert page.run(f"[{focused}.name, {focused}.value]") == ["component", "0"]
    # So a list that scrolls shows what has the focus.
    assert page.run(f"{focused}.offsetParent.tagName") == "LABEL"


def test_text_that_is_no_seed_is_replaced(page):
    page.open(model="p.lain", seed=3, images=2)
    field = page.find("#seed")
    field.clear()
    page.click("#components label")
    assert field.get_attribute("value") == "3"


def test_choices_show_in_forced_colours(page):
    page.open(model="labelled", images=3)
    features = [{"name": "forced-colors", "value": "active"}]
    emulate = page.driver.execute_cdp_cmd
    emulate("Emulation.setEmulatedMedia", {"features": features})
    for group in (".chips", ".components"):
        grounds = page.run(
            "[...document.querySelectorAll(arguments[0])]"
            ".map(x => getComputedStyle(x).backgroundColor)",
            f"{group} label",
        )
        assert grounds.count(grounds[0]) == 1
    emulate("Emulation.setEmulatedMedia", {"features": []})


def test_an_image_can_be_seen_large_and_saved(page):
    page.open(model="p.lain", seed=3, images=2)
    page.click("li:nth-child(2) .tile")
    link = page.find("#zoom-save")
    assert link.get_attribute("download") == "p.lain-seed3-image1.png"
    data = link.get_attribute("href").partition("base64,")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (picture.format, picture.size, picture.mode) == (
            "PNG", (8, 8), "RGB"
        )  # fmt: skip
    page.click("#zoom form button")
    assert not page.find("#zoom").is_displayed()


def test_errors_are_shown_and_tried_again(driver, server):
    page = Page(driver, server).open(model="p.lain", images=2)
    lost = {"offline": True, "latency": 0, "throughput": 0}
    driver.set_network_conditions(**lost)
    page.click("#dice")
    assert "does not answer" in page.error()
    driver.delete_network_conditions()
    page.click("#retry")
    assert page.error() is None
    driver.get_log("browser")  # Chromium tells of the lost connection.


CONTRAST = """
const context = document.createElement('canvas').getContext('2d');
const channels = (colour) => {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
};
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => {
    c /= 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (channels(colour)[3] === 255) return colour;
  }
};
return [...document.querySelectorAll(arguments[0])].map((node) => {
  const a = luminance(getComputedStyle(node).color);
  const b = luminance(ground(node));
  return [node.id || node.className || node.tagName,
          (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
});
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_colour_schemes(driver, server, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [feature]}
    )
    page = Page(driver, server)
    driver.get(f"{server.url}/gallery/gallery.html?model=labelled&images=9")
    page.rest()
    found = driver.execute_script(
        CONTRAST, "h1, h1 span, h2, p, legend, label, select, button, .badge, "
        ".weight, .drawn span, .heads span, summary"
    )  # fmt: skip
    assert len(found) > 30
    assert [x for x in found if x[1] < 4.5] == []
    dark = page.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, dark[4:-1].split(","))) < 64) == (scheme == "dark")


def test_all_controls_have_names(page):
    page.open(model="labelled", images=3)
    for node in page.driver.find_elements(
        "css selector", "select, input, button, a, dialog, ul"
    ):
        if node.is_displayed():
            assert node.accessible_name, node.get_attribute("outerHTML")
    assert page.run("document.querySelectorAll('img:not([alt])').length") == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_screens_of_all_widths(page, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1}
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": False}
    )
    page.open(model="labelled")
    wide = page.run("document.documentElement.scrollWidth")
    images, controls = (
        page.run(f"document.querySelector('{x}').getBoundingClientRect()")
        for x in ("#images", "#controls")
    )
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width
    # One below the other on a phone, otherwise side by side.
    assert (images["bottom"] < controls["top"]) == (width < 820)
    assert (images["left"] > controls["right"]) == (width > 820)


def test_it_asks_no_other_machine(page, server):
    page.open(model="labelled", images=3)
    names = page.run(
        "performance.getEntriesByType('resource').map(x => x.name)"
    )
    assert any(name.endswith("gallery.css") for name in names)
    others = [
        name
        for name in names
        if not name.startswith((f"{server.url}/", "data:"))
    ]
    assert others == []


def test_what_the_server_refuses_is_shown(driver, server):
    page = Page(driver, server).open(model="p.lain", images=2)
    driver.execute_script(
        "const ask = fetch;"
        "fetch = (path, options) => ask(path, {...options, body: '{'});"
    )
    page.click("#dice")
    assert "JSON Parse error" in page.error()
    driver.get_log("browser")  # Chromium tells of the refusal.
