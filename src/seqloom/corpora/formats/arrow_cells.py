"""Cells of Arrow arrays as Python values without loss: text, numbers, bytes, lists and objects.

Times, dates and durations become text in ISO 8601, because Python's own types have neither nanoseconds nor years above
9999. Repeated values of a dictionary share one Python object, so that a small file stays small in memory.
"""

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqloom.corpora.table_columns import NotText
from seqloom.errors import SourceError

__all__ = ["arrow_cells", "check_arrow_types", "text_bytes"]

_UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_EPOCH = datetime.datetime(1970, 1, 1)
_FIRST_SECOND, _LAST_SECOND = (
    int((limit - _EPOCH).total_seconds()) for limit in (datetime.datetime(1, 1, 3), datetime.datetime(9999, 12, 29))
)
"""Seconds between which `datetime` works in every time zone."""

Cells = list[Any]


def check_arrow_types(name: str, schema: Any, columns: Sequence[str]) -> None:
    """Check that the cells of columns can be converted.

    Args:
        name: name of the table in messages.
        schema: Arrow schema of the table.
        columns: names of columns of the schema.

    Raises:
        SourceError: a column has a type that cannot be converted; the message names all such columns.
    """
    faults = []
    for column in columns:
        if (unknown := _unknown_type(schema.field(column).type)) is not None:
            faults.append(
                f"{name}: the column {column!r} has the type {unknown}, which cannot be read: leave the column out, or "
                "write it as text"
            )
    if faults:
        raise SourceError(*faults)


def arrow_cells(array: Any) -> Cells:
    """Return the cells of an Arrow array; None for a null."""
    import pyarrow

    types = pyarrow.types
    if isinstance(array.type, pyarrow.UuidType):
        return [None if cell is None else NotText(cell) for cell in array.to_pylist()]
    if isinstance(array, pyarrow.ExtensionArray):
        return arrow_cells(array.storage)
    kind = array.type
    if types.is_dictionary(kind):
        return _dictionary_cells(array)
    converter = _scalar_converter(kind)
    if converter is not None:
        cells = converter(array)
        return [None if cell is None else NotText(cell) for cell in cells] if types.is_temporal(kind) else cells
    if types.is_struct(kind):
        return _struct_cells(array)
    if types.is_map(kind):
        entries = [
            list(pair)
            for pair in zip(arrow_cells(_flat(array, array.keys)), arrow_cells(_flat(array, array.items)), strict=True)
        ]
        return _in_lists(array, entries)
    return _in_lists(array, arrow_cells(array.flatten()))


def text_bytes(array: Any) -> int:
    """Return the number of bytes of all texts in an array; a repeated text of a dictionary counts every time."""
    import pyarrow
    from pyarrow import compute, types

    kind = array.type
    if isinstance(array, pyarrow.ExtensionArray):
        return text_bytes(array.storage)
    if types.is_dictionary(kind):
        lengths = compute.binary_length(array.dictionary) if _has_lengths(kind.value_type) else None
        return 0 if lengths is None else compute.sum(lengths.take(array.indices)).as_py() or 0
    if types.is_struct(kind):
        return sum(map(text_bytes, array.flatten()))
    if types.is_map(kind):
        return text_bytes(array.keys) + text_bytes(array.items)
    return text_bytes(array.flatten()) if any(check(kind) for check in _list_checks()) else 0


def _has_lengths(kind: Any) -> bool:
    from pyarrow import types

    checks = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(check(kind) for check in checks)


def _unknown_type(kind: Any) -> Any:
    """Return the type, or the type inside it, that cannot be converted; None if every part of it can."""
    import pyarrow

    types = pyarrow.types
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _unknown_type(kind.storage_type)
    if types.is_dictionary(kind):
        return _unknown_type(kind.value_type)
    if types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        if len({field.name for field in fields}) < len(fields):
            return kind  # an object cannot name a key twice
        parts = [field.type for field in fields]
    elif types.is_map(kind):
        parts = [kind.key_type, kind.item_type]
    elif any(check(kind) for check in _list_checks()):
        parts = [kind.value_type]
    else:
        return None if _scalar_converter(kind) is not None else kind
    return next((unknown for part in parts if (unknown := _unknown_type(part)) is not None), None)


def _list_checks() -> tuple[Callable[[Any], bool], ...]:
    from pyarrow import types

    return (
        types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view,
    )  # fmt: skip


def _scalar_converter(kind: Any) -> Callable[[Any], Cells] | None:
    """Return the function that converts arrays of a type without parts; None for other types."""
    from pyarrow import types

    if types.is_timestamp(kind):
        return _timestamps if _is_known_zone(kind.tz) else None
    if types.is_date(kind):
        return _dates
    if types.is_time(kind):
        return _times
    if types.is_duration(kind):
        return _durations
    if types.is_float16(kind):
        return lambda array: [None if cell is None else float(cell) for cell in array.to_pylist()]
    is_plain = (
        types.is_null(kind) or types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
        or types.is_decimal(kind) or types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind)
        or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_string_view(kind)
        or types.is_binary_view(kind)
    )  # fmt: skip
    return (lambda array: array.to_pylist()) if is_plain else None


def _is_known_zone(name: str | None) -> bool:
    import pyarrow

    try:
        return name is None or pyarrow.lib.string_to_tzinfo(name) is not None
    except (ValueError, LookupError, pyarrow.ArrowException):
        return False


def _dictionary_cells(array: Any) -> Cells:
    """Convert only the values of the dictionary that occur, each once."""
    indices = array.indices.to_numpy(zero_copy_only=False)
    is_null = array.indices.is_null().to_numpy(zero_copy_only=False)
    used, positions = np.unique(np.where(is_null, 0, indices).astype(np.int64), return_inverse=True)
    if is_null.all():
        return [None] * len(array)
    values = arrow_cells(array.dictionary.take(used))
    return [
        None if null else values[position] for position, null in zip(positions.tolist(), is_null.tolist(), strict=True)
    ]


def _struct_cells(array: Any) -> Cells:
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    parts = [arrow_cells(part) for part in array.flatten()]
    rows = zip(*parts, strict=True) if parts else ((),) * len(array)
    is_valid = array.is_valid().to_pylist()
    return [dict(zip(names, row, strict=True)) if valid else None for row, valid in zip(rows, is_valid, strict=True)]


def _flat(array: Any, values: Any) -> Any:
    """Return the part of the values of a map that its rows use."""
    offsets = array.offsets
    first, last = offsets[0].as_py(), offsets[len(array)].as_py()
    return values.slice(first, last - first) if len(values) != last - first else values


def _in_lists(array: Any, values: Cells) -> Cells:
    """Return a list for each row from the values of all rows; None for a null."""
    from pyarrow import compute

    if hasattr(array.type, "list_size") and not hasattr(array, "offsets"):
        lengths = [array.type.list_size if valid else None for valid in array.is_valid().to_pylist()]
    elif hasattr(array, "keys"):
        bounds = array.offsets.to_pylist()
        lengths = [
            stop - start if valid else None
            for start, stop, valid in zip(bounds, bounds[1:], array.is_valid().to_pylist(), strict=False)
        ]
    else:
        lengths = compute.list_value_length(array).to_pylist()
    rows: Cells = []
    start = 0
    for length in lengths:
        rows.append(None if length is None else values[start : start + length])
        start += length or 0
    return rows


def _integers(array: Any, kind: Any) -> list[int | None]:
    return array.view(kind).to_pylist()  # type: ignore[no-any-return]


def _timestamps(array: Any) -> Cells:
    """Convert times as `str` shows a `datetime`, with nanoseconds where there are any."""
    import pyarrow

    unit = _UNITS_PER_SECOND[array.type.unit]
    zone = pyarrow.lib.string_to_tzinfo(array.type.tz) if array.type.tz else None
    return [
        None if value is None else _timestamp(*divmod(value, unit), unit, zone)
        for value in _integers(array, pyarrow.int64())
    ]


def _timestamp(seconds: int, units: int, unit: int, zone: datetime.tzinfo | None) -> str:
    fraction = _fraction(units, unit)
    if not _FIRST_SECOND < seconds < _LAST_SECOND:
        return str(np.datetime64(seconds, "s")).replace("T", " ") + fraction + ("+00:00" if zone else "")
    moment = _EPOCH + datetime.timedelta(seconds=seconds)
    if zone is None:
        return f"{moment}{fraction}"
    text = str(moment.replace(tzinfo=datetime.UTC).astimezone(zone))
    return text[:19] + fraction + text[19:]


def _dates(array: Any) -> Cells:
    import pyarrow

    days_per_unit = 1 if pyarrow.types.is_date32(array.type) else 86_400_000
    values = _integers(array, pyarrow.int32() if days_per_unit == 1 else pyarrow.int64())
    return [None if value is None else str(np.datetime64(value // days_per_unit, "D")) for value in values]


def _times(array: Any) -> Cells:
    import pyarrow

    unit = _UNITS_PER_SECOND[array.type.unit]
    return [
        None if value is None else f"{_clock(value // unit)}{_fraction(value % unit, unit)}"
        for value in _integers(array, pyarrow.int32() if pyarrow.types.is_time32(array.type) else pyarrow.int64())
    ]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _durations(array: Any) -> Cells:
    """Convert durations to seconds as ISO 8601 writes them, such as "PT1.5S"."""
    import pyarrow

    unit = _UNITS_PER_SECOND[array.type.unit]
    cells: Cells = []
    for value in _integers(array, pyarrow.int64()):
        if value is None:
            cells.append(None)
            continue
        seconds, units = divmod(abs(value), unit)
        cells.append(f"{'-' if value < 0 else ''}PT{seconds}{_fraction(units, unit)}S")
    return cells


def _fraction(units: int, unit: int) -> str:
    """Return a part of a second as 6 or, if there are nanoseconds, as 9 decimals with their point; "" for none."""
    nanoseconds = units * (10**9 // unit)
    if not nanoseconds:
        return ""
    return f".{nanoseconds:09}" if nanoseconds % 1000 else f".{nanoseconds // 1000:06}"
