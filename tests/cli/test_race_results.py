"""The table and the figure of a race, from results that are made up."""

import pytest

from keras_mixgan.cli import race_figures
from keras_mixgan.cli import race_results


def result(name, distance, score, diverged=None):
    mark = {
        "distance": distance,
        "score": score,
        "steps": 10,
        "wall_seconds": 1.0,
        "processor_seconds": 2.0,
    }
    return {
        "contestant": name,
        "diverged": diverged,
        "marks": [] if diverged else [mark],
        "names": {},
    }


def test_ranks_means_and_deviations():
    rows = race_results.table(
        [
            result("worse", 5.0, 9.0),
            result("worse", 7.0, 9.5),
            result("better", 2.0, 8.0),
            result("broken", 0.0, 0.0, diverged="NaN"),
        ]
    )
    assert [row["contestant"] for row in rows] == ["better", "worse", "broken"]
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert [row["score_rank"] for row in rows] == [2, 1, 3]
    assert rows[1]["distance"] == 6.0
    assert rows[1]["distance_std"] == pytest.approx(2**0.5)
    assert rows[0]["distance_std"] is None
    assert rows[2]["diverged"] == 1
    assert "1 diverged" in race_results.text([result("b", 0, 0, "NaN")])


def test_the_figure_says_which_way_is_better_and_shows_all_means():
    runs = [result("a", value, 9.0) for value in (0.1, 0.5)]
    figure = race_figures.draw(
        [*runs, result("b", 0.2, 9.5), result("c", 0.0, 0.0, "NaN")], "wall"
    )
    distance, _, score, _ = figure.axes
    assert distance.get_ylabel() == "distance\n(lower is better)"
    assert score.get_ylabel() == "score\n(higher is better)"
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.texts]
    assert names == ["a", "b", "c"]
    # Not down to where mean less deviation is negative.
    assert distance.get_ylim()[0] == pytest.approx(0.1)
    assert distance.yaxis.get_major_formatter()(0.1) == "0.1"


@pytest.mark.parametrize("length", [1, 40])
def test_the_legend_lies_within_the_figure(length):
    runs = [result(letter * length, 1.0, 9.0) for letter in "vwxyz"]
    figure = race_figures.draw(runs, "wall")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1
