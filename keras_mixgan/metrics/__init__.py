"""Scores of generated images: how good, how varied, how far from real.

A metric is one file here and one entry in `METRICS`. `evaluate` runs metrics
on a mixture, on each of its generators and on real data. TF-GAN and
scikit-learn are imported when a score first needs them.
"""

from keras_mixgan.game.matrix_games import MatrixGame
from keras_mixgan.game.matrix_games import matrix_game
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics import figures
from keras_mixgan.metrics.birthday import birthday
from keras_mixgan.metrics.callback import Evaluate
from keras_mixgan.metrics.callback import read_scores
from keras_mixgan.metrics.callback import write_scores
from keras_mixgan.metrics.class_diversity import class_diversity
from keras_mixgan.metrics.classification_error import classification_error
from keras_mixgan.metrics.classifiers import Classifier
from keras_mixgan.metrics.comparison import Comparison
from keras_mixgan.metrics.distances import fid
from keras_mixgan.metrics.distances import kid
from keras_mixgan.metrics.equilibrium import Equilibrium
from keras_mixgan.metrics.equilibrium import equilibrium_gap
from keras_mixgan.metrics.evaluate import evaluate
from keras_mixgan.metrics.inception_score import inception_score
from keras_mixgan.metrics.labels import component_distinctness
from keras_mixgan.metrics.labels import label_agreement
from keras_mixgan.metrics.modes import modes
from keras_mixgan.metrics.neural_net_distance import GeneralizationGap
from keras_mixgan.metrics.neural_net_distance import generalization_gap
from keras_mixgan.metrics.neural_net_distance import neural_net_distance
from keras_mixgan.metrics.precision_recall import precision_recall
from keras_mixgan.metrics.registry import METRICS
from keras_mixgan.metrics.registry import Metric
from keras_mixgan.metrics.report import Report
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.sliced_wasserstein import sliced_wasserstein

__all__ = [
    "METRICS",
    "Classifier",
    "Comparison",
    "Equilibrium",
    "Evaluate",
    "GeneralizationGap",
    "MatrixGame",
    "Metric",
    "Report",
    "Samples",
    "Score",
    "birthday",
    "class_diversity",
    "classification_error",
    "classifiers",
    "component_distinctness",
    "equilibrium_gap",
    "evaluate",
    "fid",
    "figures",
    "generalization_gap",
    "inception_score",
    "kid",
    "label_agreement",
    "matrix_game",
    "modes",
    "neural_net_distance",
    "precision_recall",
    "read_scores",
    "sliced_wasserstein",
    "write_scores",
]


def __dir__():
    return __all__
