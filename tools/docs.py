"""Builds the site into `build/site`: pages, tutorials, demo.

    pip install -e '.[docs,serve,onnx]' && python tools/docs.py

The tutorials run, which takes some minutes, and npm fetches the demo's files;
`--quick` leaves out both, and needs only `.[docs]`. The build fails
where a link is broken, a public name has no docstring, a tutorial fails, or a
page would load anything from elsewhere.
"""

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "site"))


def main() -> None:
    """Builds, then checks what was built."""
    import links

    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="run nothing")
    parser.add_argument("--out", default=ROOT / "build" / "site")
    flags = parser.parse_args()
    out = pathlib.Path(flags.out).resolve()
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "KERAS_MIXGAN_SITE": "quick" if flags.quick else "whole",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        ),
    }
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(out)],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    wrong = links.wrong(out)
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"Built {out}")


if __name__ == "__main__":
    main()
