"""The one way kernels are compiled here, so that options and types are the same everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Numba's types, without the type checker's half knowledge of them.
types: Any = numba.types


def kernel(
    signature: Any,  # noqa: ANN401  # text or one of numba's own objects
    *,
    inline: bool = False,
) -> Callable[[Function], Function]:
    """Compile a function ahead of its first call, to machine code that runs without the interpreter's lock.

    Numba keeps the result beside the source file or, where that folder cannot be written, in the user's cache
    folder (`NUMBA_CACHE_DIR` names another).

    Args:
        signature: Types of the arguments, so that nothing compiles by surprise in the middle of a build.
        inline: Paste the function into its callers.

    Returns:
        A decorator that leaves the function's type as it is.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
    if inline:
        options["inline"] = "always"
    return cast("Callable[[Function], Function]", numba.njit(signature, **options))
