"""roost.yaml → `roost.core.model.Project`, with every problem at its line and column.

`load` reads, `hash_of` notices a change, `json_schema` describes; `ports.resolve` fills in the ports when
they are known.  Nothing here starts anything, and nothing raises for what a user has written.
"""

from __future__ import annotations

from .loading import Loaded, hash_of, load
from .problems import Problem
from .schema import json_schema

__all__ = ["Loaded", "Problem", "hash_of", "json_schema", "load"]
