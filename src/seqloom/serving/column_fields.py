"""What clients see of a column of ratings or categories."""

from typing import Any

from seqloom.data.conditions import Category
from seqloom.data.scale import Scale

__all__ = ["column_fields"]


def column_fields(column: Scale | Category) -> dict[str, Any]:
    """Return the name of a column, with the range of its ratings or with its categories."""
    if isinstance(column, Category):
        return {"name": column.name, "kind": "category", "choices": list(column.values)}
    return {"name": column.name, "kind": "rating", "lowest": column.knots[0], "highest": column.knots[-1]}
