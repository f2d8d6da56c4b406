"""How a status is read: core's own rules of color and duration, for clients that show it.  Pure."""

from __future__ import annotations

from ..core.durations import duration as duration
from ..core.snapshot import color_of as color_of
from ..core.snapshot import component_color as component_color
from ..core.states import Desired as Desired
from ..core.states import Health as Health
from ..core.states import State as State
