"""Runs TF-GAN's own tests on the modules our import gives; prints JSON.

Called by test_metrics_tfgan.py in a process of its own, because TF-GAN's
tests `import tensorflow_gan`, and graph mode cannot be left again.
"""

import json
import sys
import types
import unittest
import warnings

import tensorflow as tf

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
    """Puts a `tensorflow_gan` made of our modules where the tests look."""
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


def main(mode: str) -> None:
    warnings.simplefilter("ignore")  # TF-GAN's tests are of 2021.
    stand_ins()
    if mode == "graph":
        tf.compat.v1.disable_eager_execution()
    suite = unittest.TestSuite()
    for name in tfgan.MODULES:
        path = tfgan.module(name).__file__.replace(".py", "_test.py")
        module = types.ModuleType(f"{name}_test")
        module.__file__ = path
        sys.modules[module.__name__] = module
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), vars(module))
        suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    result = Record()
    suite.run(result)
    broken = {
        test.id(): text.strip().splitlines()[-1]
        for test, text in result.failures + result.errors
    }
    print(
        json.dumps(
            {
                "passed": sorted(result.passed),
                "skipped": sorted(test.id() for test, _ in result.skipped),
                "broken": broken,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
