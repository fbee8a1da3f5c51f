"""The built-in corpus: the reference text of CPython."""

from seqloom.errors import SourceError

__all__ = ["python_docs"]


def python_docs() -> str:
    """Return the topics of Python's help, sorted by name, with blank lines between them.

    Raises:
        SourceError: this Python was installed without its reference text.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise SourceError(
            "python-docs is missing: this Python was installed without pydoc_data; name a file instead"
        ) from None
    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)) + "\n"
