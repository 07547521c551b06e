"""Gate `registration`: a launch for an experiment needs that experiment's decision rule registered before."""

from __future__ import annotations

from pgolf.lab.gates import ALLOWED, REFUSED, Answer, Request

NAME = "registration"


def check(request: Request) -> Answer:
    """Refuses when a named experiment has no registered rule, does not exist, or cannot be looked up.

    A launch names its experiment by PGOLF_EXPERIMENT, RUN_ID, or `exp_NNN` in its words or its folder.
    """
    named = sorted({launch.experiment for launch in request.plan.launches if launch.experiment})
    if not named:
        return Answer(NAME, ALLOWED, "names no experiment")
    if request.workspace is None:
        return Answer(NAME, REFUSED, f"{named[0]}: {request.trouble}")
    from pgolf.lab.store.readonly import registration_problem

    for experiment in named:
        problem = registration_problem(request.workspace, experiment)
        if problem:
            return Answer(NAME, REFUSED, problem)
    return Answer(NAME, ALLOWED, f"{', '.join(named)}: rule registered")
