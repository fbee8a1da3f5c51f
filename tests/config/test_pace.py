import itertools

import pytest

from seqloom.config import TrainingConfig
from seqloom.config.pace import Pace
from seqloom.errors import ConfigError


def test_without_revisions_the_share_is_the_share_of_the_steps() -> None:
    pace = Pace([(0, 40)])
    assert [pace.share(step) for step in range(41)] == [step / 40 for step in range(41)]
    assert pace.total_steps == 40


def test_the_share_is_continuous_and_ends_at_one() -> None:
    pace = Pace([(0, 100), (20, 60), (50, 150)])
    shares = [pace.share(step) for step in range(151)]
    assert pace.share(20) == pytest.approx(0.2)
    assert pace.share(50) == pytest.approx(0.2 + 0.8 * 30 / 40)
    assert shares == sorted(shares)
    assert max(later - earlier for earlier, later in itertools.pairwise(shares)) <= 0.8 / 40 + 1e-12
    assert shares[-1] == 1


def test_a_revision_changes_no_share_before_it() -> None:
    pace = Pace([(0, 100)])
    before = [pace.share(step) for step in range(31)]
    pace.revise(30, 45)
    assert [pace.share(step) for step in range(31)] == before
    assert pace.total_steps == 45


def test_a_printed_pace_is_read_back() -> None:
    pace = Pace([(0, 100), (20, 60), (50, 150)])
    assert str(pace) == "0:100,20:60,50:150"
    assert Pace.parse(str(pace)).revisions == pace.revisions


@pytest.mark.parametrize(
    "text", ["", "5", "0:x", "0:10,", "1:10", "0:0", "0:10,10:20", "0:10,5:20,5:30", "0:10,5:5", "0:10,-1:20", "0:1:2"]
)
def test_a_pace_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"`pace` got .* give pairs such as 0:1500,300:1200"):
        Pace.parse(text)


def test_a_config_refuses_a_pace_with_another_number_of_steps() -> None:
    with pytest.raises(ConfigError, match="`pace` ends at 60 steps, and `total_steps` is 50"):
        TrainingConfig(total_steps=50, pace="0:100,20:60")
    assert TrainingConfig(total_steps=60, pace="0:100,20:60").make_pace().share(20) == pytest.approx(0.2)


def test_a_restart_sets_the_share() -> None:
    pace = Pace([(0, 100), (20, 60)])
    before = [pace.share(step) for step in range(60)]
    pace.restart(60, 300, 0.2)
    assert [pace.share(step) for step in range(60)] == before
    assert [pace.share(step) for step in (60, 180, 300)] == pytest.approx([0.2, 0.6, 1.0])
    assert [pace.last_restart(step) for step in (0, 59, 60, 200)] == [None, None, 60, 60]
    assert pace.share_before_restart(60) == 1
    assert str(pace) == "0:100,20:60,60:300@0.2"
    assert Pace.parse(str(pace)).revisions == pace.revisions == Pace(pace.revisions).revisions
    pace.restart(60, 400, 0.15)  # once more, before another step
    assert str(pace) == "0:100,20:60,60:400@0.15"
    assert pace.share_before_restart(60) == 1


@pytest.mark.parametrize("text", ["0:10@2", "0:10,10:20@x", "0:10,11:20@0.5", "0:10,10:20@-1", "0:10,5:20@nan"])
def test_a_restart_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="`pace` got"):
        Pace.parse(text)
