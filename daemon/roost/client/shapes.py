"""The shapes that answers have, and how they are read: for programs that import the client alone."""

from __future__ import annotations

from ..api.reading import Desired as Desired
from ..api.reading import Health as Health
from ..api.reading import State as State
from ..api.reading import color_of as color_of
from ..api.reading import component_color as component_color
from ..api.reading import duration as duration
from ..api.types import Color as Color
from ..api.types import ComponentStatus as ComponentStatus
from ..api.types import DaemonStatus as DaemonStatus
from ..api.types import Event as Event
from ..api.types import ProjectFacts as ProjectFacts
from ..api.types import ProjectStatus as ProjectStatus
from ..api.types import StatusChanged as StatusChanged
