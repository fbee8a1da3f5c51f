"""A changed bit in any file of a GAN, a critic or a detector is noticed, and the file is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.checked_files import changed_bits
from tests.rating.test_rated_runs import write_table

import seqloom
from seqloom.api import describe
from seqloom.critic.fit import fit_critic
from seqloom.detector.fit import fit_detector
from seqloom.errors import RunError

MAX_POSITIONS = 12
"""Number of changed bytes per file."""

UNCHECKED = {"report.md", "training.lock"}
"""Files without a checksum, which only show results, and the lock, which is empty."""


def make_gan(table: Path, folder: Path, seed: int = 0, *, overwrite: bool = False) -> None:
    seqloom.train_gan(
        table,
        run=folder,
        text="text",
        rating="stars",
        hidden_size=8,
        embedding=8,
        batch_size=16,
        max_length=16,
        noise_size=2,
        threads=1,
        steps=4,
        pretrain_steps=1,
        warmup_steps=1,
        adversarial_steps=1,
        seed=seed,
        overwrite=overwrite,
    )


def make_critic(table: Path, folder: Path) -> None:
    fit_critic(table, run=folder, text="text", rating="stars", folds=2)


def make_detector(table: Path, folder: Path) -> None:
    others = write_table(folder.with_suffix(".csv"), 250)
    # The generated texts must differ from the real ones.
    others.write_text(others.read_text(encoding="utf-8").replace(" ", " so "), encoding="utf-8")
    fit_detector(table, run=folder, generated=[others], text="text", light=True)


@pytest.mark.parametrize("make", [make_gan, make_critic, make_detector])
def test_a_changed_bit_is_noticed(make: Callable[[Path, Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    make(write_table(tmp_path / "rated.csv", 600), folder)
    verified = describe(folder, verify=True).values["verified"]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    shown = {name for name in files if Path(name).name in UNCHECKED or name.endswith((".png", ".txt"))}
    assert set(verified) == files - shown
    for name in verified:
        for position, _ in changed_bits(folder / name, MAX_POSITIONS):
            with pytest.raises(RunError) as refused:
                describe(folder, verify=True)
            assert Path(name).name in str(refused.value), (name, position)


def test_the_settings_of_another_gan_are_refused(tmp_path: Path) -> None:
    table = write_table(tmp_path / "rated.csv", 600)
    for seed in (0, 1):
        make_gan(table, tmp_path / f"gan{seed}", seed)
    shutil.copy(tmp_path / "gan1" / "gan.json", tmp_path / "gan0" / "gan.json")
    with pytest.raises(RunError, match=r"gan\.json belongs to another run"):
        describe(tmp_path / "gan0", verify=True)
    with pytest.raises(RunError, match=r"gan\.json belongs to another run"):
        seqloom.train_gan(run=tmp_path / "gan0", resume=True)
