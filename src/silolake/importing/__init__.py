"""A workspace's rooms written from what is observed: the way in for an organization that is there already.

What does not map is told, never guessed; what is written is read back and must say what was observed.
"""

from silolake.importing.deployment_map import Mapped, map_pipelines
from silolake.importing.observing import Found, find
from silolake.importing.writing import write

__all__ = ["Found", "Mapped", "find", "map_pipelines", "write"]
