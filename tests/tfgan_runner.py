"""TF-GAN in processes of its own; prints a line of JSON for each.

test_metrics_tfgan.py calls it, because TF-GAN's tests, like its users,
`import tensorflow_gan`. Each process is a fork of one that has only imported
TensorFlow.
"""
# ruff: noqa: E402

import gc
import json
import os
import sys
import types
import unittest
import warnings

# As in conftest.py.
gc.set_threshold(50_000, 20, 20)

import tensorflow  # noqa: F401

PARENTS = ("tensorflow_gan", "tensorflow_gan.python")
EVAL = "tensorflow_gan.python.eval"
MODULES = ("classifier_metrics", "sliced_wasserstein")


class Record(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = []

    def addSuccess(self, test):
        self.passed.append(test.id())


def stand_ins(tfgan) -> None:
    """Makes our modules importable as `tensorflow_gan`."""
    package = types.ModuleType(EVAL)
    for name in MODULES:
        module = tfgan.module(name)
        sys.modules[f"{EVAL}.{name}"] = module
        setattr(package, name, module)
        for public in getattr(module, "__all__", ()):
            setattr(package, public, getattr(module, public))
    sys.modules[EVAL] = package
    for name in PARENTS:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].eval = package
    sys.modules[PARENTS[0]].python = sys.modules[PARENTS[1]]


def suite_of(tfgan, name: str) -> unittest.TestSuite:
    """TF-GAN's tests of one module."""
    path = tfgan.module(name).__file__.replace(".py", "_test.py")
    module = types.ModuleType(f"{name}_test")
    module.__file__ = path
    sys.modules[module.__name__] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), vars(module))
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def its_own_tests() -> dict:
    """TF-GAN's tests of the modules that we import, eagerly, as we call it."""
    # They need `tf.compat.v1.layers`, which only tf-keras has.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    from keras_mixgan.metrics import tfgan

    warnings.simplefilter("ignore")  # TF-GAN's tests are of 2021.
    stand_ins(tfgan)
    result = Record()
    for name in MODULES:
        suite_of(tfgan, name).run(result)
    return {
        "passed": sorted(result.passed),
        "skipped": sorted(test.id() for test, _ in result.skipped),
        "broken": {
            test.id(): text.strip().splitlines()[-1]
            for test, text in result.failures + result.errors
        },
    }


def plain() -> str:
    """The result of a plain import of TF-GAN, which may well fail."""
    try:
        import tensorflow_gan
    except Exception as error:
        return f"{type(error).__name__} {error}"
    return tensorflow_gan.__version__


def plain_after_ours() -> str:
    from keras_mixgan.metrics import tfgan

    assert "tensorflow_probability" not in sys.modules, "not deferred"
    for name in MODULES:
        tfgan.module(name)
    left = [m for m in sys.modules if m.split(".")[0] == "tensorflow_gan"]
    assert left == [], left
    return plain()


def main() -> None:
    for part in (its_own_tests, plain, plain_after_ours):
        child = os.fork()
        if not child:
            print(json.dumps([part.__name__, part()]))
            return
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
