"""Gate `wall_clock`: a launch says when it ends (MAX_WALLCLOCK_SECONDS), or PGOLF_NO_WALLCLOCK=1 says it need not."""

from __future__ import annotations

from pgolf.lab.gates import ALLOWED, FORCED, REFUSED, Answer, Request

NAME = "wall_clock"
VARIABLE = "MAX_WALLCLOCK_SECONDS"
OVERRIDE = "PGOLF_NO_WALLCLOCK"


def check(request: Request) -> Answer:
    """Refuses a launch without a cap of its own; a cap beyond the contest's is said, not refused."""
    forced = False
    notes: list[str] = []
    for launch in request.plan.launches:
        if launch.capped:
            notes.extend(note for note in launch.notes if "beyond the contest" in note and note not in notes)
            continue
        if not launch.is_set(OVERRIDE):
            return Answer(
                NAME,
                REFUSED,
                f"{launch.launcher} has no {VARIABLE}: write {VARIABLE}=600 in front of it (exported, or inside "
                f"`ssh`, `env -i` and `docker run -e`), or {OVERRIDE}=1 to go without",
            )
        forced = True
    if forced:
        return Answer(NAME, FORCED, f"{OVERRIDE}=1: no cap on wall time")
    return Answer(NAME, ALLOWED, "; ".join(notes) or "every launch is capped")
