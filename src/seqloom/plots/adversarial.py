"""Plot the area under the ROC curve of a detector over adversarial rounds.

In every round, a generator selects the generated texts that the detector takes for real. The next detector is trained
on some of the selected texts, and measured on others.
"""

from collections.abc import Sequence
from pathlib import Path

from seqloom.plots.style import BLUE, DASHED, GREY, ORANGE, add_title, saved_figure, style_axes

__all__ = ["plot_adversarial_rounds"]


def plot_adversarial_rounds(
    path: Path,
    auc_after_selection: Sequence[float],
    auc_after_training: Sequence[float],
    auc_unselected: Sequence[float],
    *,
    title: str,
) -> Path:
    """Plot the area under the ROC curve over the rounds.

    Args:
        path: PNG file.
        auc_after_selection: area of each round's detector for texts that were selected against it.
        auc_after_training: area of the next detector for the same texts, after it was trained on other texts that were
            selected in the same round.
        auc_unselected: area of each round's detector for unselected texts.
        title: title of the plot.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    rounds = range(1, len(auc_after_selection) + 1)
    with saved_figure(path) as figure:
        axes = figure.add_subplot()
        for areas, color, label in (
            (auc_unselected, GREY, "unselected texts"),
            (auc_after_training, BLUE, "selected texts, after training on such texts"),
            (auc_after_selection, ORANGE, "texts selected against the detector"),
        ):
            axes.plot(rounds, areas, color=color, linewidth=2, marker="o", markersize=5, label=label)
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=DASHED)
        axes.set_xticks(list(rounds))
        axes.set_ylim(min(0.45, *auc_after_selection, *auc_after_training, *auc_unselected) - 0.02, 1.02)
        axes.set_xlabel("round")
        axes.set_ylabel("area under the ROC curve")
        style_axes(axes)
        add_title(figure, title, "1: every generated text is found; 0.5: guessing")
        axes.legend(loc="best")
    return path
