"""The options of a run that are not settings: output, scores, devices.

They are a part of `options.TABLE`. A run may be resumed with other values.
"""

from collections.abc import Mapping

from keras_mixgan.cli.option import Option

TABLE: Mapping[str, tuple[Option, ...]] = {
    "Output": (
        Option(
            name="workdir", kind=str, to="run", placeholder="PATH",
            help="Output folder.",
            shown="runs/NAME, named after recipe, --from or source",
        ),
        Option(
            name="checkpoint_seconds", kind=float, to="run", default=30.0,
            least=0, help="Seconds between checkpoints.",
        ),
        Option(
            name="keep_checkpoints", kind=int, to="run", default=2, least=1,
            help="Checkpoints to keep. A run resumes from the newest intact "
            "one.",
        ),
        Option(
            name="sample_epochs", kind=int, to="run", default=1, least=1,
            help="Epochs between sample pictures.",
        ),
        Option(
            name="history_steps", kind=int, to="run", default=10, least=1,
            help="Steps per row of history.csv. Checkpoints wait for such a "
            "step.",
        ),
    ),
    "Scores": (
        Option(
            name="evaluate_every", kind=int, to="run", least=1,
            help="Epochs between scores of the mixture. They are written to "
            "scores.csv and scores.png, with the seconds of training, and "
            "the model with the smallest Frechet distance to best.keras.",
            shown="never",
        ),
        Option(
            name="classifier", kind=str, to="run",
            help="Classifier of these scores, as for `keras-mixgan "
            "evaluate`.", shown="the bundled one for the data",
        ),
        Option(
            name="evaluate_images", kind=int, to="run", least=10,
            help="Images to generate for each score.", shown="5000",
        ),
    ),
    "Devices": (
        Option(
            name="strategy", kind=str, to="run", shown="one device",
            help="mirrored: each device trains on its part of every batch; "
            "multi_worker: the same across the hosts in TF_CONFIG; "
            "component_parallel: component i of each mixture is on device i "
            "mod n.",
        ),
        Option(
            name="devices", kind=list, to="run",
            help="Devices of --strategy, such as gpu:0,gpu:1; cpu:0,cpu:1 "
            "for trials.",
            shown="all GPUs, or the CPU",
        ),
        Option(
            name="sync_batch_norm", kind=bool, to="run", default=False,
            help="Whether replicas share batch normalization statistics.",
        ),
        Option(
            name="steps_per_execution", kind=int, to="run", default=1, least=1,
            help="Steps run in one call, which saves Python's overhead with "
            "small networks. --history_steps must be a multiple of it. "
            "Results stay the same, except for rounding under JAX.",
        ),
        Option(
            name="dry_run", kind=bool, to="run", default=False,
            help="Print what each device would hold, and stop.",
        ),
    ),
}  # fmt: skip
