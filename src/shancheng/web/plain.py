"""Values of a layer as JSON knows them."""

import base64
import math
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np

__all__ = ["plain"]


def plain(value: Any) -> Any:  # noqa: ANN401 -- any column's value, any JSON value
    """The same as JSON: records become objects, instants ISO 8601, NaN and infinities null, bytes base64."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return _other(value)


def _other(value: Any) -> Any:  # noqa: ANN401 -- as above
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    return str(value)
