import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from tests.checked_files import edit_json, read_json

from seqloom import disk
from seqloom.critic import Critic, load_critic
from seqloom.critic.storage import has_foreign_content, save_critic
from seqloom.errors import ConfigError, RunError, SeqloomError, SourceError
from seqloom.files import write_checked_json
from seqloom.text_features.config import EncoderSettings

SMALL = EncoderSettings(width=8, filters=8, updates=200)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def critic(reviews):
    return Critic(encoder=True, folds=2, encoder_settings=SMALL).fit(
        reviews.texts, reviews.stars, reviews.places, name="stars"
    )


def correlation(one, other):
    return float(np.corrcoef(one, other)[0, 1])


def test_it_predicts_unseen_texts(critic, others):
    found = critic.predict(others.texts)
    assert correlation(found, others.stars) > 0.75
    assert found.min() >= 1
    assert found.max() <= 5


def test_the_extremes_are_not_starved(critic, others):
    found = critic.predict(others.texts)
    assert found[others.stars == 1].mean() < 1.9
    assert found[others.stars == 5].mean() > 4.1


def test_every_member_is_reported_next_to_the_blend(critic):
    assert list(critic.report_) == ["ridge", "ordinal", "network", "encoder", "blend"]
    best = max(figures["pearson"] for name, figures in critic.report_.items() if name != "blend")
    assert critic.report_["blend"]["pearson"] > best - 0.02


def test_it_is_stored_as_arrays_and_restored_identically(critic, others, tmp_path):
    save_critic(critic, tmp_path / "critic", {"source": "somewhere"})
    assert {path.suffix for path in (tmp_path / "critic").iterdir()} == {".json", ".safetensors"}
    again = load_critic(tmp_path / "critic")
    np.testing.assert_array_equal(again.predict(others.texts), critic.predict(others.texts))
    assert again.report_ == critic.report_


def test_damage_is_reported(critic, tmp_path):
    with pytest.raises(RunError, match="no critic at"):
        load_critic(tmp_path / "nothing")
    save_critic(critic, tmp_path / "critic", {})
    (tmp_path / "critic" / "critic.safetensors").write_bytes(b"x" * 50)
    with pytest.raises(RunError, match="is damaged"):
        load_critic(tmp_path / "critic")
    (tmp_path / "critic" / "critic.json").write_text('{"format": 1}')
    with pytest.raises(RunError, match="no longer reads: fit the critic again"):
        load_critic(tmp_path / "critic")
    write_checked_json(tmp_path / "critic" / "critic.json", {"format": 99})
    with pytest.raises(RunError, match="upgrade seqloom"):
        load_critic(tmp_path / "critic")


def test_a_model_that_an_earlier_version_moved_aside_is_named(tmp_path):
    (tmp_path / ".critic.x1y2z3.old").mkdir()
    with pytest.raises(RunError, match=r"an earlier one is in .*\.critic\.x1y2z3\.old, rename it to .*critic$"):
        load_critic(tmp_path / "critic")


@pytest.mark.parametrize("name", ["critic.safetensors", "critic.json"])
def test_a_critic_is_replaced_as_a_whole(critic, tmp_path, monkeypatch, name):
    """Whichever file cannot be written, the old critic stays; once both are written, the new one is there."""
    save_critic(critic, tmp_path, {"source": "old"})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rename = disk.rename

    def refuse(source, target):
        if target.name == name and target.parent != tmp_path:
            raise OSError(28, "No space left on device")
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "rename", refuse)
        with pytest.raises(SeqloomError, match="No space left on device"):
            save_critic(critic, tmp_path, {"source": "new"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "lost+found").mkdir()
    assert not has_foreign_content(tmp_path)
    save_critic(critic, tmp_path, {"source": "new"})
    assert read_json(tmp_path / "critic.json")["origin"] == {"source": "new"}


def test_a_text_is_rated_alone_as_among_others(critic, others):
    alone = [critic.predict([text])[0] for text in others.texts[:5]]
    np.testing.assert_allclose(alone, critic.predict(others.texts)[:5], atol=1e-5)
    assert critic.predict([]).shape == (0,)
    assert np.isfinite(critic.predict(["", "?", "\U0001f600 " * 5000])).all()


def test_the_same_seed_learns_the_same(reviews):
    smaller = EncoderSettings(width=8, filters=8, updates=30)
    settings = {"encoder": True, "folds": 2, "encoder_settings": smaller, "seed": 3}
    one, other = (Critic(**settings).fit(reviews.texts[:100], reviews.stars[:100]) for _ in range(2))
    np.testing.assert_array_equal(one.predict(reviews.texts), other.predict(reviews.texts))


def test_scikit_learns_tools_take_it(reviews):
    """`check_estimator` feeds tables of numbers, which no model of texts accepts; these are its checks on texts."""
    plain = Critic(folds=2)
    assert clone(plain).get_params() == plain.get_params()
    assert plain.set_params(seed=4).seed == 4
    assert repr(plain).startswith("Critic(")
    scores = cross_val_score(Critic(folds=2), reviews.texts, reviews.stars, cv=2)
    assert scores.min() > 0.4
    search = GridSearchCV(Critic(), {"folds": [2, 3]}, cv=2).fit(reviews.texts[:120], reviews.stars[:120])
    assert search.best_params_["folds"] in (2, 3)
    made = make_pipeline(Critic(folds=2)).fit(reviews.texts, reviews.stars)
    assert made.score(reviews.texts, reviews.stars) > 0.5
    with pytest.raises(NotFittedError):
        Critic().predict(["a text"])


def test_fitting_changes_no_setting_and_gives_itself(reviews):
    critic = Critic(folds=2)
    before = critic.get_params()
    assert critic.fit(reviews.texts, reviews.stars) is critic
    assert critic.get_params() == before
    again = critic.fit(reviews.texts, 6 - reviews.stars)
    assert correlation(again.predict(reviews.texts), reviews.stars) < 0


def test_any_numbers_will_do(reviews):
    points = np.random.default_rng(0).pareto(1, 400) * 3**reviews.stars
    critic = Critic(folds=2).fit(reviews.texts, points)
    assert critic.scale_.heavy
    found = critic.scale_.to_unit(critic.predict(reviews.texts))
    assert correlation(found, critic.scale_.to_unit(points)) > 0.4


@pytest.mark.parametrize(
    ("texts", "ratings", "error", "message"),
    [
        (["a"] * 30, [4.0] * 30, SourceError, "is 4 everywhere"),
        (["a"] * 3, [1.0, 2, 3], ConfigError, "3 rated texts are too few"),
        (["a"] * 30, [1.0, np.nan] * 15, ConfigError, "15 ratings are missing"),
        (["a"] * 30, [1.0] * 29, ConfigError, "pass one for each"),
        (["a", 7] * 15, [1.0, 2] * 15, ConfigError, "contain 7: pass strings"),
        ("a text", [1.0], ConfigError, "one string"),
        (None, [1.0], ConfigError, "the texts are None"),
        (["a"] * 30, ["good", "bad"] * 15, ConfigError, "the ratings are .'good'"),
        (["a"] * 30, [[1], [1, 2]] * 15, ConfigError, "the ratings are"),
        ([""] * 30, [1.0, 2] * 15, ConfigError, "the texts are empty"),
    ],
)
def test_unusable_training_data_is_refused(texts, ratings, error, message):
    with pytest.raises(error, match=message):
        Critic().fit(texts, ratings)


def test_more_folds_than_groups_are_refused(reviews):
    with pytest.raises(ConfigError, match="folds got 4: choose 2 up to the number of groups, 2"):
        Critic().fit(reviews.texts, reviews.stars, np.arange(400) % 2)


@pytest.mark.parametrize("settings", [{"seed": -1}, {"seed": 2**32}, {"seed": "x"}, {"folds": 2.5}, {"folds": "x"}])
def test_settings_out_of_range_are_refused(reviews, settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings))} got"):
        Critic(**settings).fit(reviews.texts, reviews.stars)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1] * 400, "all texts belong to one group"),
        ([1, 2], "400 texts have 2 groups"),
        (["a", " a"] * 200, "all texts belong to one group"),
        (["a", "b"] * 200, "groups, 2"),
    ],
)
def test_invalid_groups_are_refused(reviews, groups, message):
    with pytest.raises(ConfigError, match=message):
        Critic().fit(reviews.texts, reviews.stars, groups)


def test_half_a_character_is_read_as_a_question_mark(critic):
    np.testing.assert_array_equal(critic.predict(["lovely \ud800"]), critic.predict(["lovely ?"]))


def broken_knots(stored):
    stored["scale"].update(knots=[1, 2, 3], levels=[0, 0.5, 1])


def level_levels(stored):
    stored["scale"]["levels"] = [0] * 5


def no_words(stored):
    stored["encoder"] = {}


@pytest.mark.parametrize("damage", [broken_knots, level_levels, no_words])
def test_settings_that_do_not_fit_the_arrays_are_damage(critic, tmp_path, damage):
    save_critic(critic, tmp_path, {})
    stored = read_json(tmp_path / "critic.json")
    damage(stored)
    write_checked_json(tmp_path / "critic.json", stored)
    with pytest.raises(RunError, match=r"is damaged .*: fit it again, or copy it again"):
        load_critic(tmp_path)


@pytest.mark.parametrize("name", ["ridge.weight", "blend.weights", "blend.bias", "ngrams.places", "network.output"])
@pytest.mark.parametrize("checked", [True, False])
def test_arrays_of_another_critic_are_damage(critic, tmp_path, name, checked):
    save_critic(critic, tmp_path, {})
    arrays = load_file(tmp_path / "critic.safetensors")
    save_file({**arrays, name: arrays[name][:-1].copy()}, tmp_path / "critic.safetensors")
    if not checked:
        edit_json(tmp_path / "critic.json", weights=None)
    with pytest.raises(RunError, match="not the file that critic.json was written with" if checked else "is damaged"):
        load_critic(tmp_path)


def test_a_folder_that_was_left_half_written_is_free(critic, tmp_path):
    assert not has_foreign_content(tmp_path / "nothing")
    save_critic(critic, tmp_path / "half", {})
    (tmp_path / "half" / ".critic.json.x1").touch()
    assert not has_foreign_content(tmp_path / "half")
    (tmp_path / "half" / "critic.json").unlink()
    assert not has_foreign_content(tmp_path / "half")
    (tmp_path / "half" / "notes.txt").touch()
    assert has_foreign_content(tmp_path / "half")
    assert has_foreign_content(tmp_path / "half" / "notes.txt")
