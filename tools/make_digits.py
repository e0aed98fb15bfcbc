"""Makes keras_mixgan/assets/digits.npz from TFDS's MNIST test split.

The ten thousand 28x28 digits and their labels (LeCun, Cortes & Burges, "The
MNIST database of handwritten digits", CC BY-SA 3.0), in TFDS's order. Needs
MNIST in TFDS's data folder (TFDS_DATA_DIR), or the network. The same input
gives the same bytes.

    python tools/make_digits.py
"""

import io
import pathlib
import sys
import zipfile

import numpy as np
import tensorflow_datasets as tfds

OUT = (
    pathlib.Path(__file__).resolve().parents[1]
    / "keras_mixgan"
    / "assets"
    / "digits.npz"
)
MAX_BYTES = 1_700_000


def main() -> int:
    """Writes the asset and returns the exit status."""
    images, labels = tfds.as_numpy(
        tfds.load(
            "mnist",
            split="test",
            batch_size=-1,
            as_supervised=True,
            shuffle_files=False,
        )
    )
    arrays = {
        "images": images.astype(np.uint8),
        "labels": labels.astype(np.uint8),
    }
    OUT.parent.mkdir(exist_ok=True)
    # An .npz is a zip of .npy members. numpy.savez_compressed cannot set the
    # compression level or a fixed time stamp.
    with zipfile.ZipFile(OUT, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy"),
                member.getvalue(),
                compress_type=zipfile.ZIP_DEFLATED,
                compresslevel=9,
            )
    size = OUT.stat().st_size
    print(f"{OUT.name}: {images.shape} {size} bytes")
    return 0 if size <= MAX_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
