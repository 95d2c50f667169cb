"""Modules that Python imports on first use, so that naming a family does not cost the second that torch takes to import."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """A stand-in for a module. It imports the module at the first access to an attribute."""

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), attribute)
        # Kept here, so that the next look costs no import statement: families ask for functions of torch at every step.
        setattr(self, attribute, value)
        return value


def module(name: str) -> ModuleType:
    """A stand-in for the module `name`.

    Use it beside `if TYPE_CHECKING: import torch`, in packages that must be importable without torch.
    """
    return Deferred(name)
