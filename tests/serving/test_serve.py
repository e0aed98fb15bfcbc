"""`keras-mixgan serve`: TensorFlow Serving's protocol, by a real client."""

import base64
import io
import json
import re
import shutil
import sys

import conftest
import numpy as np
import pytest
import serving
from google.protobuf import json_format
from PIL import Image
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan import presets

LABELLED, PLAIN, ODD = "labelled", "plain", "odd"


@pytest.fixture
def server(shared_server):
    return shared_server


@pytest.fixture
def folder(server):
    return server.folder


def sampled(server, name, **inputs):
    request = {"signature_name": name, "inputs": inputs}
    status, answer = server.predict(LABELLED, request)
    assert status == 200, answer
    return answer["outputs"]


def test_it_says_where_it_serves(server):
    assert [line.split(": ")[0] for line in server.lines] == [
        "Serving labelled, version 10",
        "Serving p.lain, version 1",
        "Serving odd, version 1",
        "Serving kept, version 1",
        "Gallery",
    ]
    assert f"{server.url}/v1/models/labelled" in server.lines[0]


@pytest.mark.parametrize("path", ["", "/versions/10"])
def test_status_is_that_of_the_highest_version(server, path):
    assert server.get(f"/v1/models/labelled{path}") == (
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


def test_metadata_are_the_signatures_of_the_file(server, folder):
    status, answer = server.get("/v1/models/labelled/versions/10/metadata")
    assert status == 200
    assert answer["model_spec"] == {
        "name": "labelled", "signature_name": "", "version": "10"
    }  # fmt: skip
    saved = saved_model_pb2.SavedModel()
    path = folder / LABELLED / "10" / "saved_model.pb"
    saved.ParseFromString(path.read_bytes())
    ours = answer["metadata"]["signature_def"]["signature_def"]
    theirs = saved.meta_graphs[0].signature_def
    assert {"serving_default", "sample", "sample_png"} <= set(ours)
    assert set(ours) == set(theirs)
    for name, signature in ours.items():
        proto = meta_graph_pb2.SignatureDef()
        json_format.ParseDict(signature, proto)
        assert proto == theirs[name]
    # What is zero is written as well, as TensorFlow Serving does.
    images = ours["serving_default"]["outputs"]["images"]
    assert images["tensor_shape"]["unknown_rank"] is False
    assert images["tensor_shape"]["dim"][0] == {"size": "-1", "name": ""}


def test_columns_and_rows_give_what_tensorflow_gives(server, folder):
    inputs = serving.rows(4, seed=1, classes=3)
    direct = serving.call_directly(
        folder / LABELLED / "10", "serving_default", inputs
    )["images"]
    status, columns = server.predict(LABELLED, {"inputs": inputs})
    assert status == 200
    np.testing.assert_allclose(columns["outputs"], direct, atol=1e-6)
    instances = [
        dict(zip(inputs, row, strict=True))
        for row in zip(*inputs.values(), strict=True)
    ]
    status, rows = server.predict(
        f"{LABELLED}/versions/10",
        {"signature_name": "serving_default", "instances": instances},
    )
    assert status == 200
    np.testing.assert_allclose(rows["predictions"], direct, atol=1e-6)


def test_one_input_stands_without_its_name(server):
    for request, key in (
        ({"instances": [1, 2.5]}, "predictions"),
        ({"instances": [{"x": 1}, {"x": 2.5}]}, "predictions"),
        ({"inputs": [1, 2.5]}, "outputs"),
        ({"inputs": {"x": [1, 2.5]}}, "outputs"),
    ):
        assert server.predict(ODD, request) == (200, {key: [2.0, 5.0]})


def test_numbers_are_written_as_short_as_float32_allows(server):
    path = "/v1/models/odd:predict"
    answer = server.call("POST", path, '{"instances": [0.05, 1]}')[2]
    assert answer == b'{"predictions":[0.1,2.0]}'


def test_nan_in_an_answer_is_written_as_tensorflow_serving_does(server):
    path = "/v1/models/odd:predict"
    body = '{"signature_name": "logarithm", "inputs": [1, 0, -1]}'
    answer = server.call("POST", path, body)[2]
    assert answer == b'{"outputs": [0.0, -Infinity, NaN]}'


def test_bytes_are_in_base_64(server):
    encoded = base64.b64encode(b"\xff\x00").decode()
    instances = ["text", {"b64": encoded}]
    request = {"signature_name": "echo", "instances": instances}
    assert server.predict(ODD, request) == (
        200,
        {
            "predictions": [
                {
                    "text": "text",
                    "text_bytes": {"b64": base64.b64encode(b"text").decode()},
                },
                {"text": {"b64": encoded}, "text_bytes": {"b64": encoded}},
            ]
        },
    )


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


def test_weights_of_the_mixture(server):
    weights = sampled(server, "mixture_weights")
    expected = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_a_keras_file_is_exported_and_served(server):
    request = {
        "signature_name": "sample",
        "inputs": {"num_images": 3, "seed": 1, "labels": [0]},
    }
    kept, exported = (
        server.predict(name, request)[1]["outputs"]
        for name in ("kept", LABELLED)
    )
    assert kept["components"] == exported["components"]
    np.testing.assert_allclose(kept["images"], exported["images"], atol=1e-6)


def test_many_clients_get_their_own_rows(server, folder):
    asked = [serving.rows(1 + i % 3, seed=i, classes=3) for i in range(24)]
    answers = serving.together(
        [lambda x=x: server.predict(LABELLED, {"inputs": x}) for x in asked]
    )
    path = folder / LABELLED / "10"
    joined = {key: [row for x in asked for row in x[key]] for key in asked[0]}
    direct = serving.call_directly(path, "serving_default", joined)["images"]
    ends = np.cumsum([len(x["latents"]) for x in asked])[:-1]
    for (status, answer), own in zip(
        answers, np.split(direct, ends), strict=True
    ):
        assert status == 200
        np.testing.assert_allclose(answer["outputs"], own, atol=1e-5)


def test_one_clients_bad_rows_spoil_no_others(server):
    values = [[float(i)] for i in range(12)] + [[100.0]] * 4
    requests = [{"instances": value} for value in values]
    answers = serving.together(
        [lambda r=r: server.predict(ODD, r) for r in requests]
    )
    for value, (status, answer) in zip(values, answers, strict=True):
        if value == [100.0]:
            assert status == 400
            assert "x is 100" in answer["error"]
        else:
            assert (status, answer) == (200, {"predictions": [2 * value[0]]})


def test_outputs_that_are_no_rows_are_not_shared_out(server):
    def ask():
        request = {"signature_name": "distinct", "inputs": [7, 7, 8]}
        return server.predict(ODD, request)

    for answer in serving.together([ask] * 8):
        assert answer == (200, {"outputs": [7, 8]})


ROW = {"latents": [0.0] * 5, "component_uniform": 0.5, "labels": 1}
DRAW = {"num_images": 2, "seed": 0, "labels": [0], "component": 0}


def changed(**changes):
    return {"instances": [{**ROW, **changes}]}


def draw(**changes):
    return {"signature_name": "sample_png", "inputs": {**DRAW, **changes}}


BAD = {
    "nothing": ("", "empty"),
    "no JSON": ('{"instances": [', "JSON Parse error"),
    "no UTF-8": ('{"instances": ["\udcff"]}', "JSON Parse error"),
    "no object": ("[1, 2]", "JSON object"),
    "deep nesting": ("[" * 100_000, "nested too deeply"),
    "endless integer": ('{"inputs": 1' + "0" * 5000 + "}", "JSON Parse error"),
    "no inputs": ({}, "one of 'instances'"),
    "both formats": ({"instances": [1], "inputs": [1]}, "2 of them"),
    "no list": ({"instances": 3}, "list of at least one row"),
    "no rows": ({"instances": []}, "an empty list"),
    "signature": ({"signature_name": "x", "inputs": {}}, "sample_png"),
    "init op": ({"signature_name": "__saved_model_init_op"}, "not found"),
    "signature's type": ({"signature_name": 3}, "string value"),
    "plain rows": ({"instances": [[0.0] * 5]}, "object with the keys"),
    "missing key": ({"instances": [{"labels": 1}]}, "Element 0"),
    "unknown key": (changed(noise=1), "'noise'"),
    "missing column": ({"inputs": {"labels": [1]}}, "component_uniform"),
    "latents' length": (changed(latents=[0.0] * 4), r"\[\?,5\].*\[1,4\]"),
    "latents' rank": (changed(latents=0.0), r"\[\?,5\].*\[1\]"),
    "ragged": (
        {"instances": [ROW, {**ROW, "latents": [0.0] * 3}]},
        "equal lengths",
    ),
    "mixed depth": (changed(latents=[0, 0, 0, 0, [0]]), "equal lengths"),
    "text": (changed(latents=["0"] * 5), "float32.*a string"),
    "null": (changed(latents=[None] * 5), "null"),
    "bool": (changed(latents=[True] * 5), "true or false"),
    "NaN": (changed(latents=[float("nan")] * 5), "latents must be finite"),
    "infinity": (changed(latents=[float("-inf")] * 5), "finite"),
    "beyond float32": (changed(latents=[1e300] * 5), "finite"),
    "huge integer": (changed(latents=[10**400] * 5), "does not hold"),
    "uniform": (changed(component_uniform=-0.1), r"\[0, 1\)"),
    "label's range": (changed(labels=3), r"labels must lie in \[0, 2\]"),
    "label's sign": (changed(labels=-1), "Received: -1"),
    "label's type": (changed(labels=1.0), "int32.*a decimal number"),
    "label's size": (changed(labels=2**31), "does not hold"),
    "uneven columns": (
        {"inputs": {**serving.rows(2, 0, 3), "labels": [1]}},
        "same number of rows",
    ),
    "too many rows": ({"inputs": serving.rows(65, 0, 3)}, "at most 64 rows"),
    "scalars as rows": (
        {"signature_name": "sample", "instances": [{"num_images": 1}]},
        "column format.*sample",
    ),
    "no inputs as rows": (
        {"signature_name": "mixture_weights", "instances": [1]},
        "takes no inputs",
    ),
    "too many images": (draw(num_images=65), r"num_images.*\[0, 64\].*65"),
    "fewer than none": (draw(num_images=-1), "num_images"),
    "component": (draw(component=3), r"component must lie in \[-1, 2\]"),
    "more labels": (draw(labels=[0, 1, 2]), "at most num_images=2 labels"),
    "seed's rank": (draw(seed=[1]), r"seed must have shape \[\]"),
    "seed's size": (draw(seed=2**63), "does not hold"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_told_why(server, name):
    request, reason = BAD[name]
    if isinstance(request, str):
        request = request.encode("utf-8", "surrogateescape").decode("latin-1")
    status, answer = server.predict(LABELLED, request)
    assert status == 400
    assert set(answer) == {"error"}
    assert re.search(reason, answer["error"])


def test_the_server_lives_on(server):
    """After all that was sent above."""
    assert server.predict(LABELLED, {"instances": [ROW]})[0] == 200


@pytest.mark.parametrize(
    ("request_line", "status", "reason"),
    [
        ("GET /v1/models/other", 404, "Latest(other)"),
        ("POST /v1/models/other:predict", 404, "Latest(other)"),
        ("GET /v1/models/labelled/versions/9", 404, "Specific(labelled, 9)"),
        ("POST /v1/models/labelled/versions/9:predict", 404, "Served is"),
        ("GET /v1/models/labelled/versions/one", 400, "to numeric"),
        (f"GET /v1/models/labelled/versions/{'9' * 4000}", 404, "Specific"),
        ("GET /v1/models/labelled/labels/stable", 400, "no labels here"),
        ("GET /v1/models/labelled/weights", 400, "Malformed request"),
        ("GET /v1/models", 400, "Malformed request"),
        ("GET /v1/models/labelled:predict", 400, "POST"),
        ("DELETE /v1/models/labelled", 400, "Malformed request"),
        ("POST /v1/models/labelled:classify", 400, "Use :predict"),
        ("POST /v1/models/labelled:regress", 400, "Use :predict"),
        ("POST /v1/models/labelled:generate", 400, "Use :predict"),
        ("GET /v2/models", 404, "/v2/models"),
        ("GET /gallery/../server.py", 404, "Not Found"),
    ],
)
def test_bad_addresses_are_told_why(server, request_line, status, reason):
    got, headers, body = server.call(*request_line.split(), body="{}")
    assert got == status
    assert headers["Content-Type"] == "application/json"
    assert reason in json.loads(body)["error"]


def test_without_a_model_it_serves_the_zoo(tmp_path, monkeypatch, capsys):
    model = kmg.MixGAN(*conftest.image_networks(), 2, 1, seed=0)
    for name in ("first", "second"):
        model.save_to_preset(tmp_path / name)
    monkeypatch.setattr(presets, "zoo", lambda: tmp_path)
    served = {}
    monkeypatch.setattr(
        "keras_mixgan.serving.server.run",
        lambda models, *_: served.update(models),
    )
    assert cli.main(["serve", "--port=0"]) == 0
    assert list(served) == ["first", "second"]
    assert "the zoo: first, second" in capsys.readouterr().out
    weights = served["first"].run("mixture_weights", {})["weights"]
    assert weights.tolist() == [0.5, 0.5]


def failed(capsys, *flags):
    assert cli.main(["serve", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_port_in_use_is_named(server, folder, capsys):
    port = server.netloc.split(":")[1]
    error = failed(capsys, f"--model={folder / PLAIN}", f"--port={port}")
    assert f"127.0.0.1:{port}" in error
    assert "--port" in error


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--model="], "--model=runs/digits/model.keras"),
        (["--model=mix_dcgan_mnits"], "Did you mean 'mix_dcgan_mnist'?"),
        (["--model={0}/none.keras"], "none.keras"),
        (["--model={0}"], "`model`"),
        (["--model={0}/plain,{0}/plain"], "a=PATH,b=PATH"),
        (["--model=a/b={0}/plain"], "NAME=PATH"),
        (["--model={0}/plain", "--max_images=0"], "max_images=0"),
        (["--model={0}/plain", "--timeout=nan"], "timeout=nan"),
        (["--model={0}/plain", "--port=99999"], "port=99999"),
        (["--model={0}/plain", "--host=no.such.host.invalid"], "--host"),
    ],
)
def test_what_cannot_be_served_is_one_line(folder, capsys, flags, reason):
    flags = [flag.format(folder) for flag in flags]
    assert reason in failed(capsys, "--port=0", *flags)


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "assets.extra/sampler.json",
        "variables/variables.index",
    ],
)
def test_a_damaged_export_is_named(folder, tmp_path, capsys, name):
    shutil.copytree(folder / PLAIN, tmp_path / "damaged")
    (tmp_path / "damaged" / name).write_bytes(b"\xff damaged")
    error = failed(capsys, "--port=0", f"--model={tmp_path / 'damaged'}")
    assert str(tmp_path / "damaged") in error


@pytest.mark.parametrize("package", ["aiohttp", "orjson"])
def test_a_missing_package_is_named(folder, capsys, monkeypatch, package):
    for name in list(sys.modules):
        if name.split(".")[0] == package or name.startswith(
            "keras_mixgan.serving"
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    error = failed(capsys, f"--model={folder / PLAIN}")
    assert f"`serve` needs the package {package}" in error
    assert "pip install 'keras-mixgan[serve]'" in error
