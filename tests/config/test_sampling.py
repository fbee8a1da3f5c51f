import json
import math

import pytest

from seqloom.errors import ConfigError
from seqloom.sampling import SamplingConfig


def faults(**settings):
    with pytest.raises(ConfigError) as caught:
        SamplingConfig(**settings)
    return caught.value.faults


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"length": 0}, "`length`"),
        ({"min_length": -1}, "`min_length`"),
        ({"length": -1}, "`length` got -1"),
        ({"beam": 1025}, "`beam` got 1025: choose from 0 to 1,024"),
        ({"pattern": "(" * 5000 + "a" + ")" * 5000}, "nested too deep"),
        ({"length": 5, "min_length": 6}, "`min_length` 6 is above `length` 5"),
        ({"temperature": -0.1}, "`temperature`"),
        ({"temperature": math.nan}, "`temperature`"),
        ({"top_k": -1}, "`top_k`"),
        ({"top_p": 0.0}, "`top_p`"),
        ({"top_p": 1.1}, "`top_p`"),
        ({"top_p": math.nan}, "`top_p`"),
        ({"min_p": -0.1}, "`min_p`"),
        ({"min_p": 1.5}, "`min_p`"),
        ({"typical_p": 0.0}, "`typical_p`"),
        ({"repetition_penalty": 0.0}, "`repetition_penalty`"),
        ({"repetition_penalty": math.inf}, "`repetition_penalty`"),
        ({"repetition_window": 0}, "`repetition_window`"),
        ({"frequency_penalty": 101}, "`frequency_penalty` got 101: choose from -100 to 100"),
        ({"frequency_penalty": math.nan}, "`frequency_penalty`"),
        ({"presence_penalty": -101}, "`presence_penalty`"),
        ({"dry_multiplier": -0.1}, "`dry_multiplier`"),
        ({"dry_multiplier": math.inf}, "`dry_multiplier`"),
        ({"dry_base": 0.9}, "`dry_base`"),
        ({"dry_allowed_length": 0}, "`dry_allowed_length`"),
        ({"dry_breaker": ("",)}, "`dry_breaker` got an empty string"),
        ({"dry_breaker": ("\udc80",)}, "not valid Unicode text"),
        ({"top_n_sigma": -1}, "`top_n_sigma`"),
        ({"xtc_probability": 1.1}, "`xtc_probability`"),
        ({"xtc_threshold": 0.0}, "`xtc_threshold`"),
        ({"mirostat_tau": -1}, "`mirostat_tau`"),
        ({"mirostat_tau": 101}, "`mirostat_tau`"),
        ({"mirostat_eta": -0.1}, "`mirostat_eta`"),
        ({"dynatemp_range": -0.1}, "`dynatemp_range`"),
        ({"dynatemp_exponent": 11}, "`dynatemp_exponent`"),
        ({"stop": ("",)}, "`stop` got an empty string"),
        ({"ban": ("\udc80",)}, "not valid Unicode text"),
        ({"stop": ("abc",), "ban": ("b",)}, "can never appear"),
        ({"stop": ("b",), "ban": ("b",)}, "can never appear"),
        ({"bias": {1: math.inf}}, "`bias`"),
        ({"bias": {-1: 1.0}}, "`bias`"),
        ({"pattern": "a(b"}, "at character 3"),
        ({"beam": -1}, "`beam`"),
        ({"beam": 4, "temperature": 0.7}, "`beam` and `temperature`"),
        ({"beam": 4, "top_k": 5}, "`beam` and `top_k`"),
        ({"beam": 4, "frequency_penalty": 0.5}, "`beam` and `frequency_penalty`"),
        ({"beam": 4, "presence_penalty": 0.5}, "`beam` and `presence_penalty`"),
        ({"beam": 4, "dry_multiplier": 0.5}, "`beam` and `dry_multiplier`"),
        ({"beam": 4, "top_n_sigma": 0.5}, "`beam` and `top_n_sigma`"),
        ({"beam": 4, "xtc_probability": 0.5}, "`beam` and `xtc_probability`"),
        ({"beam": 4, "mirostat_tau": 0.5}, "`beam` and `mirostat_tau`"),
        ({"beam": 4, "dynatemp_range": 0.5}, "`beam` and `dynatemp_range`"),
        ({"beam": 4, "bias": {1: 1.0}}, "`beam` and `bias`"),
        ({"seed": -1}, "`seed`"),
        ({"seed": 2**64}, "`seed`"),
        ({"max_copy": -3}, "`max_copy`"),
        ({"watermark": ""}, "`watermark` got an empty key"),
        ({"watermark": "\udc80"}, "not valid Unicode text"),
        ({"watermark": "key", "temperature": 0}, "`temperature` 0 makes none"),
        ({"watermark": "key", "top_k": 1}, "`top_k` 1 makes none"),
        ({"watermark": "key", "beam": 4}, "`beam` 4 makes none"),
        ({"watermark": "key", "draft_length": 2}, "`draft_length` 2 contradict each other"),
    ],
)
def test_a_faulty_setting_is_named(settings, flag):
    found = faults(**settings)
    assert len(found) == 1
    assert flag in found[0]
    assert "\n" not in found[0]


@pytest.mark.parametrize(("name", "value"), [("length", 2.5), ("seed", "one"), ("stop", "end"), ("ban", "no")])
def test_types_that_no_checker_saw(name, value):
    config = SamplingConfig()
    object.__setattr__(config, name, value)
    with pytest.raises(ConfigError, match=name) as caught:
        config.__post_init__()
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": "hot"}, "`temperature` got 'hot': give a number"),
        ({"length": None}, "`length` got None: give a whole number"),
        ({"top_p": [0.9]}, "`top_p` got [0.9]: give a number"),
        ({"seed": True}, "`seed` got True: give a whole number"),
        ({"pattern": 7}, "`pattern` got 7: give a regular expression"),
        ({"stop": 7}, "`stop` got 7: give a tuple of strings"),
        ({"dry_breaker": 7}, "`dry_breaker` got 7: give a tuple of strings"),
        ({"ban": ("a", b"b")}, "`ban` got b'b': give strings"),
        ({"bias": 3}, "`bias` got 3: give numbers by token id"),
        ({"bias": {3: "x"}}, "`bias` got 3='x': give a number"),
    ],
)
def test_a_value_of_another_type_is_a_fault(settings, said):
    assert faults(**settings) == (said,)
    assert set(faults(**settings, min_p="low")) == {said, "`min_p` got 'low': give a number"}


def test_all_faults_are_reported_at_once():
    assert len(faults(temperature=-1.0, top_k=-1, stop=("",), pattern="(", beam=-1)) == 5


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": math.inf},
        {"temperature": 0.0, "top_k": 3},
        {"beam": 4, "temperature": 0.0},
        {"beam": 1, "temperature": 0.5},
        {"stop": ("a",), "ban": ("ab",)},
        {"min_length": 5, "length": 5},
        {"seed": 2**64 - 1},
    ],
)
def test_settings_that_get_on_together(settings):
    config = SamplingConfig(**settings)
    assert all(getattr(config, name) == value for name, value in settings.items())


def test_json_and_back():
    config = SamplingConfig(
        temperature=math.inf,
        stop=("\n\n", "é"),
        ban=("x",),
        bias={3: -1.5, 0: 2.0},
        pattern="[a-z]+",
        seed=2**63,
    )
    text = json.dumps(config.to_json(), allow_nan=False)
    assert SamplingConfig.from_json(json.loads(text)) == config
    assert SamplingConfig.from_json({}) == SamplingConfig()


@pytest.mark.parametrize("stored", [{"heat": 1}, {"temperature": "warm"}, {"bias": {"x": 1}}, {"bias": [1]}])
def test_damaged_json_is_refused(stored):
    with pytest.raises(ConfigError):
        SamplingConfig.from_json(stored)


def test_a_secret_key_is_not_shown():
    assert "hush" not in repr(SamplingConfig(watermark="hush"))
