"""Takes a screenshot of the gallery for the README, `docs/gallery.png`.

    python tools/gallery_screenshot.py --model=mix_dcgan_mnist,...

It needs Chromium and `pip install 'keras-mixgan[serve]'`.
"""

import argparse
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_BYTES = 200_000
COMMAND = (sys.executable, "-m", "keras_mixgan", "serve", "--port=0")


def main() -> None:
    """Serves the models, opens the page, writes the picture."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.splitlines()[0]
    )
    parser.add_argument("--model", required=True, help="as `serve` takes it")
    parser.add_argument("--query", default="seed=0", help="what to show")
    parser.add_argument("--size", default="1280x960", help="of the window")
    parser.add_argument("--dark", action="store_true", help="dark colours")
    parser.add_argument("--out", default=ROOT / "docs" / "gallery.png")
    flags = parser.parse_args()
    server = subprocess.Popen(
        [*COMMAND, f"--model={flags.model}"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path.cwd(),
    )
    try:
        url = wait_for_gallery(server)
        picture = photograph(f"{url}?{flags.query}", flags.size, flags.dark)
    finally:
        server.terminate()
        server.wait()
    written = compress(picture)
    pathlib.Path(flags.out).write_bytes(written)
    print(f"Wrote {flags.out}, {len(written) / 1000:.0f} kB")


def wait_for_gallery(server: subprocess.Popen) -> str:
    """Reads a server's output until it prints the gallery's address."""
    for line in server.stdout:
        found = re.match(r"Gallery: (\S+)", line)
        if found:
            return found[1]
    raise SystemExit("The server did not start.")


def photograph(url: str, size: str, dark: bool) -> Image.Image:
    """Opens a page in headless Chromium and takes a screenshot."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"None of these is installed: {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "page.png")
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-prefers-reduced-motion",
            f"--user-data-dir={folder}/profile",
            f"--window-size={size.replace('x', ',')}",
            f"--screenshot={out}",
            # Virtual time does not run while the page waits for images.
            "--virtual-time-budget=10000",
        ]
        if dark:
            flags.append("--blink-settings=preferredColorScheme=0")
        subprocess.run([browser, *flags, url], check=True, capture_output=True)
        return Image.open(io.BytesIO(out.read_bytes())).convert("RGB")


def compress(picture: Image.Image) -> bytes:
    """PNG of at most `MOST_BYTES`, with as many colours as fit."""
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= MOST_BYTES:
            break
    return out.getvalue()


if __name__ == "__main__":
    main()
