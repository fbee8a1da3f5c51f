"""Multinomial logistic regression that is shrunk towards given weights.

The penalty is the squared distance of the weights from the given ones, and the loss is a sum over the texts. So few
texts leave the weights near the given ones, and many texts can move them.
"""

import numpy as np
from jaxtyping import Float, Int

__all__ = ["fit_shrunken"]

_MAX_ITERATIONS = 300
_TOLERANCE = 1e-4
"""Largest component of the gradient per unit of weight at which the solver stops."""


def fit_shrunken(
    features: Float[np.ndarray, "texts features"],
    classes: Int[np.ndarray, " texts"],
    sample_weights: Float[np.ndarray, " texts"],
    prior: Float[np.ndarray, "features classes"],
    inverse_penalty: float,
) -> tuple[Float[np.ndarray, "features classes"], Float[np.ndarray, " classes"]]:
    """Return weights and biases of all classes but class 0, whose logit is 0.

    All classes have the same total weight in the loss. The biases are not penalized.

    Args:
        features: features of each text.
        classes: class of each text, from 0.
        sample_weights: weight of each text within its class.
        prior: weights of the classes from 1, towards which the weights are shrunk.
        inverse_penalty: inverse strength of the penalty.
    """
    from scipy.optimize import minimize

    num_texts, num_features = features.shape
    num_classes = prior.shape[1] + 1
    is_class = (classes[:, None] == np.arange(num_classes)).astype(float)
    class_weights = num_texts / (num_classes * np.maximum((is_class * sample_weights[:, None]).sum(axis=0), 1e-9))
    weights = inverse_penalty * sample_weights * class_weights[classes]
    # Most of the time is spent on reading the features, which takes half as long in this precision.
    features = np.asarray(features, np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        matrix = flat.reshape(num_features + 1, num_classes - 1)
        logits = np.hstack([np.zeros((num_texts, 1)), features @ matrix[:-1].astype(np.float32) + matrix[-1]])
        logits -= logits.max(axis=1, keepdims=True)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        distance = matrix[:-1] - prior
        residual = (weights[:, None] * (np.exp(log_probs) - is_class))[:, 1:]
        gradient = np.vstack([features.T @ residual.astype(np.float32) + distance, residual.sum(axis=0)])
        value = -float(weights @ (log_probs * is_class).sum(axis=1)) + 0.5 * float((distance**2).sum())
        return value, gradient.ravel()

    start = np.vstack([prior, np.zeros((1, num_classes - 1))])
    options = {"maxiter": _MAX_ITERATIONS, "gtol": _TOLERANCE * inverse_penalty * num_texts, "maxcor": 20}
    solution = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(start.shape)
    return solution[:-1], solution[-1]
