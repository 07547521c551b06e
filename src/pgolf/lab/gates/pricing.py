"""Gate `pricing`: what looks like a launch and cannot be priced is refused, with what to write instead."""

from __future__ import annotations

from pgolf.lab.gates import ALLOWED, REFUSED, Answer, Request

NAME = "pricing"


def check(request: Request) -> Answer:
    """Refuses a plan with problems; there is no override, because nothing could be held for it."""
    problems = request.plan.problems
    if problems:
        return Answer(NAME, REFUSED, "; ".join(problem.sentence() for problem in problems[:3]))
    launches = request.plan.launches
    shown = ", ".join(
        f"{launch.nodes} x {launch.gpu} for {launch.cap_seconds:g} s"
        + (f", {launch.times} times" if launch.times != 1 else "")
        for launch in launches[:4]
    )
    return Answer(NAME, ALLOWED, f"{request.plan.usd:.2f} USD at most: {shown}")
