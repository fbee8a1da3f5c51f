"""Replace the files of a run: by those of a new training, once it has saved weights and training state, or in part."""

import contextlib
from collections.abc import Iterator

from seqloom import disk
from seqloom.files import cannot_write
from seqloom.replacement import Replacement, written_meanwhile
from seqloom.runs.layout import RunFolder

__all__ = ["remove_report", "replacing_run"]


@contextlib.contextmanager
def replacing_run(folder: RunFolder, *, overwrite: bool) -> Iterator[None]:
    """Keep the older run in a folder until the training in the `with` block has made its first complete save.

    Until then, the new files are staged; `RunFolder.publish` puts them in place. If there is no older run, nothing is
    staged; the files of a training that fails before there is anything to resume from are removed.

    Args:
        folder: locked run folder.
        overwrite: whether an older run may be replaced. It is checked when the training is requested, and again here,
            because another training may have finished in the meantime.

    Raises:
        RunError: another process is writing into the folder, or has written into it, and `overwrite` is not set.
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    if not overwrite and folder.written_files():
        raise written_meanwhile(folder.path)
    if not folder.written_files():
        with _removed_after_failure(folder):
            yield
        return
    with Replacement(folder.path, RunFolder(folder.path).written_files) as replacement:
        folder.stage(replacement)
        try:
            yield
        finally:
            folder.unstage()


@contextlib.contextmanager
def _removed_after_failure(folder: RunFolder) -> Iterator[None]:
    """Remove the files of a training that fails before it writes weights.

    An interrupted GAN keeps its request, from which it starts again.
    """
    try:
        yield
    except BaseException as error:
        is_interrupted_gan = folder.gan_request_file.exists() and isinstance(error, KeyboardInterrupt)
        has_weights = folder.weights_file.exists() or folder.likelihood_folder.weights_file.exists()
        if not is_interrupted_gan and not has_weights:
            for file in folder.written_files():
                with contextlib.suppress(OSError):
                    disk.unlink(file)
        raise


def remove_report(folder: RunFolder) -> None:
    """Remove the measurements and the report of a run, which describe other weights once the training goes on.

    Raises:
        SeqloomError: the folder cannot be written to.
    """
    for file in (folder.metrics_file, folder.report_file):
        try:
            disk.unlink(file, missing_ok=True)
        except OSError as error:
            raise cannot_write(file, error) from error
