"""`predict` and the lists of models, by a client over HTTP."""

import base64
import io
import json
import random
import re
import string

import numpy as np
import pytest
import serving
from PIL import Image

LABELLED = "labelled"


@pytest.fixture
def server(shared_server):
    return shared_server


@pytest.fixture
def folder(server):
    return server.folder


def sampled(server, name, model=LABELLED, **inputs):
    request = {"signature_name": name, "inputs": inputs}
    status, answer = server.predict(model, request)
    assert status == 200, answer
    return answer["outputs"]


def test_status_is_that_of_the_highest_version(server):
    assert server.get("/v1/models/labelled") == (
        200,
        {
            "model_version_status": [
                {
                    "version": "10",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        },
    )


def test_the_models_are_listed(server):
    status, answer = server.get("/v1/models")
    assert (status, answer["max_images"]) == (200, 64)
    labelled, plain, kept = answer["models"]
    assert [m["name"] for m in answer["models"]] == [
        "labelled", "p.lain", "kept"
    ]  # fmt: skip
    weights = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    np.testing.assert_allclose(
        labelled.pop("generator_weights"), weights, rtol=1e-6
    )
    assert labelled == {
        "name": "labelled",
        "version": "10",
        "num_generators": 3,
        "latent_dim": 5,
        "image_shape": [8, 8, 1],
        "conditional": True,
        "num_classes": 3,
        "class_names": None,
        "signatures": {
            "serving_default": ["component_uniform", "labels", "latents"],
            "sample": ["labels", "num_images", "seed"],
            "sample_component": ["component", "labels", "num_images", "seed"],
            "sample_png": ["component", "labels", "num_images", "seed"],
            "mixture_weights": [],
        },
    }
    assert plain["conditional"] is False
    assert kept["class_names"][9] == "Ankle boot"


def test_the_interface_describes_itself(server):
    _, description = server.get("/openapi.json")
    predict = description["paths"]["/v1/models/{name}:predict"]["post"]
    content = predict["requestBody"]["content"]["application/json"]
    inputs = content["schema"]["properties"]["inputs"]["properties"]
    assert {"latents", "labels", "seed", "num_images"} <= set(inputs)
    assert "$ref" not in json.dumps(content)
    # FastAPI's page of documentation would load scripts from elsewhere.
    assert server.get("/docs")[0] == 404


def test_columns_give_what_tensorflow_gives(server, folder):
    inputs = serving.rows(4, seed=1, classes=3)
    direct = serving.call_directly(
        folder / LABELLED / "10", "serving_default", inputs
    )["images"]
    status, columns = server.predict(LABELLED, {"inputs": inputs})
    assert status == 200
    np.testing.assert_allclose(columns["outputs"], direct, atol=1e-6)


def test_a_body_is_json_whatever_its_header_says(server):
    """`curl -d` sends it as a form."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = {"signature_name": "mixture_weights", "inputs": {}}
    assert server.predict(LABELLED, request, form)[0] == 200


def test_numbers_are_written_as_short_as_float32_allows(server):
    body = '{"signature_name": "mixture_weights", "inputs": {}}'
    answer = server.call("POST", "/v1/models/p.lain:predict", body)[2]
    assert answer == b'{"outputs":[0.25,0.75]}'


def test_pixels_that_are_no_numbers_are_an_error(caplog):
    fake = serving.Fake()
    fake.run = lambda *_: {"y": np.array([1.0, np.nan], "float32")}
    with serving.running({"fake": fake}) as client:
        status, answer = client.predict("fake", serving.ask(4))
    assert (status, answer) == (500, {"error": "The model failed"})
    assert "NaN or infinite" in caplog.text


def test_no_rows_give_no_images(server):
    nothing = {"latents": [], "component_uniform": []}
    answer = server.predict("p.lain", {"inputs": nothing})
    assert answer == (200, {"outputs": []})


def test_sampling_follows_the_seed(server, folder):
    inputs = {"num_images": 7, "seed": 2**40, "labels": [2, 0]}
    direct = serving.call_directly(folder / LABELLED / "10", "sample", inputs)
    answer = sampled(server, "sample", **inputs)
    np.testing.assert_allclose(answer["images"], direct["images"], atol=1e-6)
    assert answer["components"] == direct["components"].tolist()
    assert answer == sampled(server, "sample", **inputs)


def test_pngs_are_the_images_of_a_component(server):
    inputs = {"num_images": 5, "seed": 3, "labels": [1], "component": 2}
    images = sampled(server, "sample_component", **inputs)
    pngs = sampled(server, "sample_png", **inputs)
    assert pngs["components"] == [2] * 5
    for png, image in zip(pngs["png_bytes"], images, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(png["b64"]))) as picture:
            levels = np.asarray(picture, "float64")
        expected = (np.asarray(image)[..., 0] + 1) * 127.5
        np.testing.assert_allclose(levels, expected, atol=0.501)


def test_a_keras_file_is_exported_and_served(server):
    inputs = {"num_images": 3, "seed": 1, "labels": [0]}
    kept, exported = (
        sampled(server, "sample", name, **inputs) for name in ("kept", LABELLED)
    )
    assert kept["components"] == exported["components"]
    np.testing.assert_allclose(kept["images"], exported["images"], atol=1e-6)


def test_many_clients_get_their_own_rows(server, folder):
    """Clients with bad rows do not affect the others."""
    asked = [serving.rows(1 + i % 3, seed=i, classes=3) for i in range(24)]
    joined = {key: [row for x in asked for row in x[key]] for key in asked[0]}
    direct = serving.call_directly(
        folder / LABELLED / "10", "serving_default", joined
    )["images"]
    ends = np.cumsum([len(x["latents"]) for x in asked])[:-1]
    for inputs in asked[::4]:
        inputs["labels"][0] = 3
    answers = serving.together(
        [lambda x=x: server.predict(LABELLED, {"inputs": x}) for x in asked]
    )
    for number, own in enumerate(np.split(direct, ends)):
        status, answer = answers[number]
        assert status == (200 if number % 4 else 400)
        if status == 200:
            np.testing.assert_allclose(answer["outputs"], own, atol=1e-5)


ROWS = {"latents": [[0.0] * 5], "component_uniform": [0.5], "labels": [1]}
DRAW = {"num_images": 2, "seed": 0, "labels": [0], "component": 0}


def changed(**changes):
    return {"inputs": {**ROWS, **changes}}


def draw(**changes):
    return {"signature_name": "sample_png", "inputs": {**DRAW, **changes}}


BAD = {
    "nothing": ("", "JSON Parse error: EOF"),
    "no JSON": ('{"inputs": [', "JSON Parse error"),
    "no UTF-8": (b'{"inputs": "\xff"}', "JSON Parse error"),
    "no object": ("[1, 2]", "object"),
    "deep nesting": ("[" * 10_000, "recursion limit"),
    "endless integer": ('{"inputs": 1' + "0" * 5000 + "}", "out of range"),
    "no inputs": ({}, "`inputs`: Field required"),
    "unknown key": ({"inputs": {}, "padding": "x" * 1000}, "padding"),
    "many unknown keys": (
        {"inputs": {str(i): 1 for i in range(1000)}}, "100 quotes",
    ),
    "a long unknown key": ({"inputs": {"x" * 9000: 1}}, "Extra inputs"),
    "the row format": ({"instances": [1]}, "columns; not `instances`"),
    "no object of inputs": ({"inputs": [1]}, "`inputs`"),
    "signature": ({"signature_name": "x", "inputs": {}}, "sample_png"),
    "a long signature": (
        {"signature_name": "x" * 9000, "inputs": {}}, "one of serving_def",
    ),
    "init op": (
        {"signature_name": "__saved_model_init_op", "inputs": {}}, "one of",
    ),
    "signature's type": (
        {"signature_name": 3, "inputs": {}}, "`signature_name`: .*string",
    ),
    "unknown column": (changed(noise=[1]), "`inputs.noise`"),
    "another's column": (changed(seed=1), "inputs` of serving_default must"),
    "missing column": (
        {"inputs": {"labels": [1]}},
        r"must be component_uniform, labels, latents\. Received: labels",
    ),
    "nothing to draw": (
        {"signature_name": "sample", "inputs": {}},
        r"num_images, seed \(an empty list .*\)\. Received: none",
    ),
    "latents' length": (changed(latents=[[0.0] * 4]), r"\(B, 5\).* 4 numbers"),
    "latents' rank": (changed(latents=[0.0]), "`inputs.latents.0`: .*array"),
    "mixed depth": (changed(latents=[[0, 0, 0, 0, [0]]]), "latents.0.4"),
    "text": (changed(latents=[["0"] * 5]), "valid number"),
    "null": (changed(latents=[[None] * 5]), "valid number"),
    "bool": (changed(latents=[[True] * 5]), "valid number"),
    "NaN": (changed(latents=[[float("nan")] * 5]), "finite number"),
    "infinity": (changed(latents=[[float("-inf")] * 5]), "finite number"),
    "beyond float32": (changed(latents=[[1e300] * 5]), "float32"),
    "huge integer": (changed(latents=[[10**400] * 5]), "latents.0.0"),
    "uniform": (changed(component_uniform=[-0.1]), "greater than or equal"),
    "uniform NaN": (changed(component_uniform=[float("nan")]), "uniform"),
    "label's range": (changed(labels=[3]), r"`labels` must lie in \[0, 2\]"),
    "label's sign": (changed(labels=[-1]), "labels.0"),
    "label's type": (changed(labels=[1.0]), "valid integer"),
    "label's size": (changed(labels=[2**32 + 1]), "labels.0"),
    "uneven columns": (changed(labels=[1, 1]), "same number of rows"),
    "too many rows": ({"inputs": serving.rows(65, 0, 3)}, "at most 64 images"),
    "too many images": (draw(num_images=65), "at most 64 images.* 65"),
    "fewer than none": (draw(num_images=-1), "num_images"),
    "component": (draw(component=3), r"`component` must lie in \[-1, 2\]"),
    "no component": (
        {**draw(component=-1), "signature_name": "sample_component"},
        r"`component` must lie in \[0, 2\]",
    ),
    "more labels": (draw(labels=[0, 1, 2]), "3 labels, num_images=2"),
    "a drawn label": (draw(labels=[3]), r"`labels` must lie in \[0, 2\]"),
    "seed's rank": (draw(seed=[1]), "`inputs.seed`: .*integer"),
    "seed's size": (draw(seed=2**63), "`inputs.seed`"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_told_why(server, name):
    request, reason = BAD[name]
    status, answer = server.predict(LABELLED, request)
    assert status == 400
    assert set(answer) == {"error"}
    assert re.search(reason, answer["error"])
    assert len(answer["error"]) <= 500
    assert "x" * 100 not in answer["error"]


def test_whatever_is_sent_is_answered(server):
    """Good bodies with characters changed, removed and repeated."""
    rng = random.Random(0)
    good = [json.dumps(changed()), json.dumps(draw())]
    for _ in range(300):
        text = rng.choice(good)
        for _ in range(rng.randint(1, 4)):
            start, length = rng.randrange(len(text)), rng.randint(0, 6)
            part = rng.choice(
                ["", text[start:] * 2, rng.choice(string.printable), "1e9", "-"]
            )
            text = text[:start] + part + text[start + length :]
        status, answer = server.predict(LABELLED, text)
        assert (status, list(answer)) in ((200, ["outputs"]), (400, ["error"]))
    assert server.predict(LABELLED, changed())[0] == 200


@pytest.mark.parametrize(
    ("request_line", "status", "reason"),
    [
        ("GET /v1/models/labelled:predict", 405, "takes POST"),
        ("GET /v1/models/other", 404, "Models served: kept, labelled, p.lain"),
        ("POST /v1/models/other:predict", 404, "Models served"),
        (f"GET /v1/models/{'x' * 9000}", 404, "There is no model"),
        ("GET /v1/models/labelled/versions/9", 404, "Not Found"),
        ("DELETE /v1/models/labelled", 405, "Not Allowed"),
        ("POST /v1/models/labelled:classify", 405, "Not Allowed"),
        ("GET /v2/models", 404, "Not Found"),
        ("GET /gallery/../server.py", 404, "Not Found"),
        ("GET /gallery/%2e%2e/server.py", 404, "Not Found"),
    ],
)
def test_bad_addresses_are_told_why(server, request_line, status, reason):
    got, headers, body = server.call(*request_line.split(), body="{}")
    assert got == status
    assert headers["Content-Type"] == "application/json"
    assert reason in json.loads(body)["error"]
    assert len(body) <= 520
