"""Gate `confirmation`: eight H100s (the contest's record machine) only with PGOLF_CONFIRM_8XH100=1."""

from __future__ import annotations

from pgolf.lab.gates import ALLOWED, REFUSED, Answer, Request

NAME = "confirmation"
VARIABLE = "PGOLF_CONFIRM_8XH100"
GPUS = 8


def check(request: Request) -> Answer:
    """Refuses a launch on eight or more H100s at once, nodes together, unless it is confirmed."""
    confirmed = 0
    for launch in request.plan.launches:
        if launch.gpus < GPUS or "H100" not in launch.gpu:
            continue
        if not launch.is_set(VARIABLE):
            return Answer(
                NAME,
                REFUSED,
                f"{launch.gpus} H100s at once ({launch.nodes} x {launch.gpu}, {launch.usd:.2f} USD) need "
                f"{VARIABLE}=1 in front of the command; try on one GPU first",
            )
        confirmed += 1
    return Answer(NAME, ALLOWED, "confirmed" if confirmed else "fewer than eight H100s")
