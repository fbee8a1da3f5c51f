"""Show a training of a command, and say after Ctrl-C what was saved and how to continue."""

from pathlib import Path

from seqloom.display.training_display import TrainingViewer
from seqloom.files import quoted_path
from seqloom.runs.layout import RunFolder

__all__ = ["CommandViewer", "interrupted_gan_message"]


class CommandViewer(TrainingViewer):
    """Display of a training that a command runs."""

    def interrupted_message(self, path: Path, *, saved: bool) -> str:
        """Return one line that says what was saved before Ctrl-C, and how to continue.

        Args:
            path: run folder.
            saved: whether there is a state of this training to resume from.
        """
        folder = RunFolder(path)
        if not self.has_begun:
            return "interrupted before training began; nothing was saved or changed"
        if not saved and folder.weights_file.exists():
            return f"interrupted before the first save; the earlier run in {quoted_path(path)} is unchanged"
        if not saved:
            return f"interrupted before anything was saved; start again with --overwrite --run {quoted_path(path)}"
        command = f"seqloom train --resume --run {quoted_path(path)}"
        if self.has_ended and not folder.metrics_file.exists() and not self.was_interrupted:
            return f"interrupted after the last step; all but the report is saved; to write it, run: {command}"
        replaced = ", in place of the earlier run" if self.replaces_run else ""
        return f"interrupted and saved{replaced}; continue with: {command}"


def interrupted_gan_message(run: Path, *, saved: bool) -> str:
    """Return one line that says whether a GAN was saved before Ctrl-C, and how to continue.

    Args:
        run: run folder.
        saved: whether a checkpoint was saved.
    """
    # The request file is written when the likelihood training, the first stage, begins; --resume then continues it.
    folder = RunFolder(run)
    if not saved and not folder.gan_request_file.exists():
        unchanged = f"; the earlier run in {quoted_path(run)} is unchanged" if folder.holds_run else ""
        return f"interrupted before anything was saved{unchanged}"
    return f"interrupted and saved; continue with: seqloom gan train --resume --run {quoted_path(run)}"
