"""The first nan or infinity of a program: `watching` finds it, `words` says where it is and what helps."""

from .watching import detect_anomaly, is_anomaly_enabled, set_detect_anomaly

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]
