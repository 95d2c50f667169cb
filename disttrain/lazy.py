"""Modules that are imported when they are first used, so that naming a family does not cost the second that importing torch takes."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

__all__ = ["module"]


class Deferred(ModuleType):
    """Stands in for a module and imports it on the first attribute that is asked of it."""

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(importlib.import_module(self.__name__), attribute)
        # Kept here, so that the next look costs no import statement: families ask for functions of torch at every step.
        setattr(self, attribute, found)
        return found


def module(name: str) -> ModuleType:
    """A stand-in for the module `name`.

    Use it beside `if TYPE_CHECKING: import torch`, in rooms that must be importable without torch.
    """
    return Deferred(name)
