"""Auxiliary losses: what a side minimises beside the game's payoff.

To add one: register a class in a file beside these, and list it below.
"""

from keras_mixgan.game.auxiliary.base import AUXILIARY
from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import Losses
from keras_mixgan.game.auxiliary.base import check
from keras_mixgan.game.auxiliary.base import get
from keras_mixgan.game.auxiliary.base import get_all
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.auxiliary.base import weighted
from keras_mixgan.game.auxiliary.classes import AuxiliaryClassifier
from keras_mixgan.game.auxiliary.classes import ComponentClassifier
from keras_mixgan.game.auxiliary.classes import RealClassifier
from keras_mixgan.game.auxiliary.codes import CodePayoff
from keras_mixgan.game.auxiliary.encoded import Encoded
from keras_mixgan.game.auxiliary.encoded import EncodedClass
from keras_mixgan.game.auxiliary.encoded import EncodedCodes
from keras_mixgan.game.auxiliary.features import FeatureMatching
from keras_mixgan.game.auxiliary.features import LatentReconstruction
from keras_mixgan.game.auxiliary.repulsion import KernelRepulsion

__all__ = [
    "AUXILIARY",
    "Auxiliary",
    "AuxiliaryClassifier",
    "CodePayoff",
    "ComponentClassifier",
    "Encoded",
    "EncodedClass",
    "EncodedCodes",
    "FeatureMatching",
    "KernelRepulsion",
    "LatentReconstruction",
    "Losses",
    "RealClassifier",
    "check",
    "get",
    "get_all",
    "register",
    "weighted",
]
