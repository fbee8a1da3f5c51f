"""Settings that are chosen for heads with a density, and for corpora with altered copies."""

from seqloom.config.options import TrainOptions
from seqloom.lm.defaults import TrainingPlan, choose_defaults
from seqloom.lm.options import resolve_options

POINTS = {"vocabulary": 163, "head": "mixture-density", "factors": (9, 9, 2)}


def plan(minutes: float = 10, **arguments: object) -> TrainingPlan:
    given = {"tokens": 1_000_000, "mean_document_tokens": 50.0, "parent": None, "vocabulary": 163, **arguments}
    return choose_defaults(resolve_options(TrainOptions(minutes=minutes)), **given)  # type: ignore[arg-type]


def test_a_density_has_half_the_learning_rate() -> None:
    usual, density = plan(tokens=10**8), plan(tokens=10**8, **POINTS)
    # Torch trains a density, so its budget counts as fewer seconds than that of the compiled kernels.
    assert density.model.head == "mixture-density"
    assert density.kernels is None
    assert density.training.learning_rate <= usual.training.learning_rate


def test_a_density_of_few_points_is_small() -> None:
    few, many = plan(tokens=100_000, **POINTS), plan(tokens=10**9, **POINTS)
    assert few.model.hidden_sizes == (256, 256)
    assert many.model.hidden_sizes[0] > 256


def test_a_density_has_two_layers_if_there_is_time_and_conditions_of_its_inputs_only() -> None:
    long, short = plan(**POINTS), plan(minutes=1, **POINTS)
    assert [len(each.model.hidden_sizes) for each in (long, short)] == [2, 1]
    assert long.model.condition_into == ("input",)
    assert plan().model.condition_into != ("input",)


def test_copies_of_drawings_do_not_count_as_originals() -> None:
    originals, copies = plan(tokens=5_000_000, **POINTS), plan(tokens=5_000_000, original_tokens=500_000, **POINTS)
    assert copies.model.dropout > originals.model.dropout
