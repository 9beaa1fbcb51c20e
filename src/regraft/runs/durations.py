"""Times as people say them."""

MINUTE, TWO_HOURS = 60, 7_200
SECONDS_UNDER = 90  # from which they are said in minutes


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, by what is read most easily."""
    if seconds < SECONDS_UNDER:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < TWO_HOURS else f"{seconds / 3600:.1f} h"
