"""The corpus that is always at hand: the reference text that every CPython carries."""

from seqloom.errors import SourceError

__all__ = ["python_docs"]


def python_docs() -> str:
    """The topics of Python's own help, in the order of their names, with a blank line between two of them.

    Raises:
        SourceError: this Python was installed without its reference text.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise SourceError(
            "python-docs is not there: this Python was installed without pydoc_data; name a file instead"
        ) from None
    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)) + "\n"
