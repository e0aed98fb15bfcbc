r"""CIFAR-10 as `.npz`, from the JPEG files of a TFDS copy packed in one array.

    python benchmarks/gpu/images.py PACKED.npz OUT.npz

The packed file has `blob` (all files after one another), their `lengths` and
`labels`. They are decoded as TensorFlow does by default, to the same bytes.
"""

import sys

import numpy as np
import simplejpeg


def main() -> None:
    """Decodes one file."""
    packed, out = sys.argv[1:]
    with np.load(packed) as file:
        ends = np.cumsum(file["lengths"])
        blob, labels = file["blob"].tobytes(), file["labels"]
    starts = np.concatenate([[0], ends[:-1]])
    images = np.stack(
        [
            simplejpeg.decode_jpeg(blob[start:end], fastdct=True)
            for start, end in zip(starts, ends, strict=True)
        ]
    )
    np.savez(out, images=images, labels=labels.astype("int64"))
    print(out, images.shape, images.dtype)


if __name__ == "__main__":
    main()
