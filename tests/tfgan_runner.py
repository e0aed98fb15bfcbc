"""Runs TF-GAN's own tests on the modules that we import; prints JSON.

test_metrics_tfgan.py calls it in a separate process, because TF-GAN's tests
`import tensorflow_gan`. They run eagerly, as we call TF-GAN.
"""
# ruff: noqa: E402

import gc
import json
import sys
import types
import unittest
import warnings

# As in conftest.py.
gc.set_threshold(50_000, 20, 20)

from keras_mixgan.metrics import tfgan

PARENTS = ("tensorflow_gan", "tensorflow_gan.python")
EVAL = "tensorflow_gan.python.eval"


class Record(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = []

    def addSuccess(self, test):
        self.passed.append(test.id())


def stand_ins() -> None:
    """Makes our modules importable as `tensorflow_gan`."""
    package = types.ModuleType(EVAL)
    for name in tfgan.MODULES:
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


def suite_of(name: str) -> unittest.TestSuite:
    """TF-GAN's tests of one module."""
    path = tfgan.module(name).__file__.replace(".py", "_test.py")
    module = types.ModuleType(f"{name}_test")
    module.__file__ = path
    sys.modules[module.__name__] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), vars(module))
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def run() -> dict:
    result = Record()
    for name in tfgan.MODULES:
        suite_of(name).run(result)
    return {
        "passed": sorted(result.passed),
        "skipped": sorted(test.id() for test, _ in result.skipped),
        "broken": {
            test.id(): text.strip().splitlines()[-1]
            for test, text in result.failures + result.errors
        },
    }


def main() -> None:
    warnings.simplefilter("ignore")  # TF-GAN's tests are of 2021.
    stand_ins()
    print(json.dumps(run()))


if __name__ == "__main__":
    main()
