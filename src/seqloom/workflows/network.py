"""The network of a run in torch, for what the compiled kernels do not do."""

import torch

from seqloom.errors import RunError
from seqloom.kernels.weights import checked_weights
from seqloom.models.language_model import LanguageModel
from seqloom.workflows.run import Run

__all__ = ["load_model"]


def load_model(run: Run) -> LanguageModel:
    """The network of a run, with its best weights.

    Raises:
        RunError: the weights do not fit the config.
    """
    checked_weights(run.config.model, run.weights)
    model = LanguageModel(run.config.model)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in run.weights.items()})
    except RuntimeError as error:
        first = str(error).splitlines()[1:2]
        raise RunError(
            f"the weights of {run.path} do not fit its config.json ({' '.join(first).strip()}): copy the run anew"
        ) from None
    return model
