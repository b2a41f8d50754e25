"""Pictures of what was recorded: each has its finding as title, units, and words beside it.

Every function takes what a trace, a meter or a lesson's own cell recorded, and a `finding`: the
sentence that the picture shows. It returns a `Picture`. Nothing is drawn that was not recorded.
"""

from __future__ import annotations

from labsupport.pictures.arrivals import arrivals, delays
from labsupport.pictures.byte_axis import byte_axis
from labsupport.pictures.byte_map import byte_map, readings
from labsupport.pictures.curves import curves
from labsupport.pictures.gantt import gantt
from labsupport.pictures.hub import hub
from labsupport.pictures.ladder import ladder
from labsupport.pictures.picture import Picture
from labsupport.pictures.rates import rates
from labsupport.pictures.states import states

__all__ = [
    "Picture",
    "arrivals",
    "byte_axis",
    "byte_map",
    "curves",
    "delays",
    "gantt",
    "hub",
    "ladder",
    "rates",
    "readings",
    "states",
]
