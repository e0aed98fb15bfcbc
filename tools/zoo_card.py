"""The model card of a preset in the zoo, from its metadata."""

import statistics
import textwrap

COLUMNS = {
    "inception_score": "classifier score (higher is better)",
    "fid": "Frechet distance (lower is better)",
    "kid": "kernel distance (lower is better)",
    "class_diversity": "diversity within a class (1 is as in real data)",
    "label_agreement": "share of images given their own label",
}
# Columns by the second classifier.
SECOND = ("inception_score", "fid")
MAIN = "fid"
# Clock -> the name of its seconds.
CLOCKS = {
    "wall": "seconds",
    "processor": "processor seconds",
    "alone": "seconds of its steps alone on the GPU",
}
_MEMORY = "## Is it memory?"
_MAKING = "## How it was made"
COMPARED = {"steps": ",", "inception_score": ".3f", MAIN: ".3f"}


def card(metadata: dict) -> str:
    """Returns the card as Markdown."""
    parts = [
        _head(metadata),
        _scores(metadata),
        _comparison(metadata),
        _nearness(metadata),
        _making(metadata),
        _use(metadata),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(
        " ".join(text.split()),
        80,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _head(about: dict) -> str:
    name, count = about["name"], about["num_generators"]
    settings = about["settings"]
    rivals = about["num_discriminators"]
    against = "one discriminator" if rivals == 1 else f"{rivals} discriminators"
    body = " that share all but their first layer"
    kind = (
        f"A mixture of {count} generators"
        f"{body * (settings.get('share') in ('generators', 'both'))}, trained "
        f"against {against} (MIX+GAN, arXiv:1703.00573)"
        if count > 1
        else "One generator, trained against one discriminator"
    )
    labels = "by label" if about["num_classes"] else "without labels"
    call = (
        "images = model.generate(10, labels=range(10), seed=0)"
        if about["num_classes"]
        else "images = model.generate(10, seed=0)"
    )
    shape = "x".join(map(str, about["image_shape"]))
    start = settings.get("from_model")
    began = (
        f"Its training began with {count} copies of the preset `{start}`."
        if start and count > 1
        else f"It is the preset `{start}`, trained further."
        if start
        else ""
    )
    lead = _paragraph(
        f"""{kind}, on {about["data"]["name"]}: images {shape}, {labels}.
        Architecture `{settings["architecture"]}`, width {settings["width"]},
        {about["parameters"]:,} parameters in all networks. {began}"""
    )
    return f"""# {name}

{lead}

```python
import keras_mixgan as kmg

model = kmg.MixGAN.from_preset("{name}")
{call}
```

![Samples{" of the mixture and of each generator" * (count > 1)}](samples.png)
"""


def _scores(about: dict) -> str:
    evaluation, second = about["evaluation"], about.get("second")
    keys = [key for key in COLUMNS if key in evaluation["scores"]["mixture"]]
    parts = [(_rows(about, evaluation, about.get("twins", {})), keys)]
    titles = ["mixture weight", *(COLUMNS[key] for key in keys)]
    if second:
        parts.append((_rows(about, second, second["twins"]), SECOND))
        name = second["settings"]["classifier"]
        titles += [
            COLUMNS[key].replace(" (", f" by {name} (") for key in SECOND
        ]
    lines = ["| | " + " | ".join(titles) + " |", "|---" * len(titles) + "|---|"]
    for row in parts[0][0]:
        weight = evaluation["weights"].get(row)
        cells = [row, "" if weight is None else f"{weight:.3f}"]
        for rows, columns in parts:
            found = rows.get(row, {})
            cells += [_shown(found[k]) if k in found else "" for k in columns]
        lines.append("| " + " | ".join(cells) + " |")
    told = [_method(about, by) for by in (evaluation, second) if by]
    return f"""## Scores

{chr(10).join(lines)}

{(chr(10) * 2).join(told)}
"""


def _rows(about: dict, evaluation: dict, twins: dict) -> dict:
    """Rows of the table of scores, in order: the name and the scores."""
    rows = dict(evaluation["scores"])
    real = rows.pop("real", None)
    if about["num_generators"] == 1:
        rows = {"this preset": rows["mixture"]}
    rows |= {f"`{twin}`": scores for twin, scores in twins.items()}
    return rows | ({"real data": real} if real else {})


def _method(about: dict, evaluation: dict) -> str:
    settings = evaluation["settings"]
    weights = (
        "on the weights of the run, before they were cast to half precision"
    )
    if about["training"]["clock"] == "alone":
        weights = "on the preset's weights"
    split = (
        " of the test split" if "--split=test" in evaluation["command"] else ""
    )
    labels = ""
    if found := evaluation["scores"]["mixture"].get("label_agreement"):
        count = found["details"]["num_images"]
        labels = f"Own labels are counted in {count:,} images."
    how = _paragraph(
        f"""Each row compares {settings["num_images"]:,} images with
        {settings["num_real"]:,} real ones{split}. {labels} Distances of real
        data are between two random halves. Classifier:
        `{settings["classifier"]}`, SHA-256
        `{settings["classifier_sha256"][:16]}`, conversion of images:
        {settings["conversion"]}. Do not compare with scores by another
        classifier, Inception included. Printed by"""
    )
    return f"""{how}

    {evaluation["command"]}

{weights} ({evaluation["date"]})."""


def _shown(score: dict) -> str:
    text = f"{score['mean']:.3f}"
    return text if score["std"] is None else f"{text} +- {score['std']:.3f}"


def _comparison(about: dict) -> str:
    comparison = about.get("comparison")
    if not comparison:
        return ""
    twin, seeds = comparison["twin"], comparison["seeds"]
    lines = [
        f"| seed | mixture: steps | score | distance | `{twin}`: steps | score "
        "| distance |",
        "|---|---|---|---|---|---|---|",
    ]
    for seed, pair in seeds.items():
        cells = [
            f"{pair[side][key]:{form}}"
            for side in ("mixture", "twin")
            for key, form in COMPARED.items()
        ]
        lines.append(f"| {seed} | " + " | ".join(cells) + " |")
    if len(seeds) > 1:
        cells = [
            _mean_and_std([pair[side][key] for pair in seeds.values()])
            if key != "steps"
            else ""
            for side in ("mixture", "twin")
            for key in COMPARED
        ]
        lines.append("| mean +- std | " + " | ".join(cells) + " |")
    clock = CLOCKS[comparison["clock"]]
    start = about["settings"].get("from_model")
    since = f", from the preset `{start}` on" if start else ""
    best = ""
    if comparison.get("best_of"):
        best = (
            f" at {comparison['best_of']} marks, equally far apart; each "
            "counts with its best mark"
        )
    how = _paragraph(
        f"""Each run trained for {comparison["seconds"]:g} {clock}{since}, on
        the same data, batches and optimizers, and was scored on
        {comparison["num_images"]:,} images{best}. The main score, chosen
        before the runs, is the Frechet distance. Trained and scored by"""
    )
    return f"""## Against a single pair

{how}

    {comparison["command"]}

{chr(10).join(lines)}

{_verdict(seeds)}
"""


def _mean_and_std(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} +- {statistics.stdev(values):.3f}"


def _verdict(seeds: dict) -> str:
    distances, scores = (
        sum(
            sign * (pair["mixture"][key] - pair["twin"][key]) > 0
            for pair in seeds.values()
        )
        for key, sign in ((MAIN, -1), ("inception_score", 1))
    )
    number = len(seeds)
    if number == 1:
        ahead = [
            "the mixture" if won else "the pair" for won in (distances, scores)
        ]
        both = ahead[0] == ahead[1]
        return _paragraph(
            f"At equal seconds {ahead[0]} is ahead by distance"
            f"{' and' if both else f', {ahead[1]}'} by classifier score. This "
            "is one seed."
        )
    return _paragraph(
        f"At equal seconds the mixture has the smaller distance at {distances} "
        f"of {number} seeds, and the higher classifier score at {scores}."
    )


def with_nearness(text: str, about: dict) -> str:
    """Returns a card with its section about memory made anew.

    `about` is the preset's metadata, with `nearness`. The cards of version 0.1
    cannot be made again from it.
    """
    before, _, rest = text.partition(_MAKING)
    before = before.partition(_MEMORY)[0].strip()
    return f"{before}\n\n{_nearness(about).strip()}\n\n{_MAKING}{rest}"


def _nearness(about: dict) -> str:
    found = about.get("nearness")
    if not found:
        return ""
    test = ""
    if "test" in found:
        test = f", from as many test images {found['test']:.3f}"
    text = _paragraph(
        f"""In the features of the classifier `{found["classifier"]}`, the
        median distance from {found["count"]:,} samples to the nearest training
        image is {found["samples"]:.3f}{test}. A copy would be at 0. Precision
        {found["precision"]:.3f}, recall {found["recall"]:.3f}
        ({found["num_images"]:,} images a side)."""
    )
    nearest = "![Samples and the nearest training images](nearest.png)\n\n"
    return f"""{_MEMORY}

{text}

{nearest * found["shown"]}![Images between two latents](between.png)
"""


def _making(about: dict) -> str:
    training, settings = about["training"], about["settings"]
    source = settings["source"]
    flag = (
        "" if "mnist" in source or source == "cifar10" else " --source=FOLDER"
    )
    versions = ", ".join(
        f"{name} {version}" for name, version in about["versions"].items()
    )
    dtype = training.get("dtype", "float32")
    if dtype != "float32":
        dtype += "`, the preset computes in `float32"
    length = ""
    if training["steps"] != settings["steps"]:
        length = f" (rates fall to 0 over {settings['steps']:,})"
    best = ""
    if training.get("best_of"):
        best = f" The best of {training['best_of']} marks by Frechet distance."
    start = settings.get("from_model")
    if start:
        best += f" All that is counted from the preset `{start}` on."
    how = _paragraph(
        f"""{training["steps"]:,} steps{length} of batch
        {settings["batch_size"]} in `{dtype}`, payoff `{settings["payoff"]}`,
        estimate `{settings["payoff_estimate"]}`, seed {settings["seed"]},
        {_length(training)} on {training["machine"]}, {training["date"]}.{best}
        {training["load"]} Versions: {versions}."""
    )
    return f"""{_MAKING}

    keras-mixgan train --recipe={about["name"]}{flag}

{how}
"""


def _length(training: dict) -> str:
    seconds = f"{training['seconds']:.0f}"
    if training["clock"] == "alone":
        return f"{seconds} {CLOCKS['alone']}"
    return f"{seconds} s ({training['processor_seconds']:.0f} s of processor)"


def _use(about: dict) -> str:
    data = about["data"]
    training = about["training"]
    long = training["seconds"] >= 3600
    place = "GPU" if training["clock"] == "alone" else "CPU"
    limits = _paragraph(
        f"""{about["remark"]} {data["limits"]} These networks are small and
        were trained for {"hours" if long else "minutes"} on a {place}; they are
        not the state of the art."""
    )
    licence = _paragraph(f"{data['citation']} {data['license']}")
    return f"""## Intended use

To see what a mixture does, to teach, to test tools that need a generator, and
to start your own training.

## Limits

{limits}

## Data and their licence

{licence}
"""
