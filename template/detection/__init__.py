"""Where the layer goes in a repository: read from its files, before anything is written.

Standard library only. The code that is read is parsed, never imported.
"""

from detection.detect import Detection, detect
from detection.layout import Layout
from detection.refusal import Refusal

__all__ = ["Detection", "Layout", "Refusal", "detect"]
