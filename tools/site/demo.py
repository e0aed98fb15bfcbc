"""The live demo: two presets of the zoo, drawn in the reader's browser."""

import pathlib

PLACE = "live"
PRESETS = ("mix_dcgan_mnist", "mix_dcgan_fashion_mnist")
_PAGE = """# Demo

Two presets of the zoo, computed in your browser: choose a label, a generator \
and a seed. Nothing is sent anywhere; the page loads 14 MB of ONNX Runtime Web \
and about 1.4 MB a preset from this site.

%s

Browsers run it from a server of files alone, not from a folder: `python -m \
http.server`. A page of your own mixture is one command:

```bash
keras-mixgan export --model=runs/digits --format=web --out=web
```
"""


def page(quick: bool) -> str:
    """The page that leads to the demo, which a quick build leaves out."""
    link = (
        f'<a class="md-button md-button--primary" href="{PLACE}/index.html">'
        "Open the demo</a>"
    )
    return _PAGE % ("*(Left out of this quick build.)*" if quick else link)


def write(folder: pathlib.Path) -> None:
    """Writes the page of the demo itself, in a new or empty folder."""
    # Only here: a quick build does without Keras, which takes seconds.
    import keras_mixgan as kmg
    from keras_mixgan.exporting import web_page

    models = {name: kmg.MixGAN.from_preset(name) for name in PRESETS}
    web_page.write_page(models, folder)
