"""One recorded value for all seeds: what several checks ask of different fields."""

from __future__ import annotations

from collections.abc import Mapping

from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes


def check_agreement(name: str, what: str, values: Mapping[int, str | None], option: str) -> CheckResult:
    """Passes when every seed has a value and all are equal."""
    missing = [str(seed) for seed, value in values.items() if not value]
    if missing or not values:
        whom = f"seed {', '.join(missing)} has" if values else "there is no seed, so"
        return cannot_tell(
            name,
            f"{whom} no {what} on record",
            f"run it with `pgolf run`, or record it ({option}, --replace)",
        )
    different = sorted({str(value) for value in values.values()})
    if len(different) > 1:
        shown = "; ".join(
            f"seed {', '.join(str(s) for s, v in values.items() if v == value)}: {value[:80]}"
            for value in different
        )
        return fails(name, f"the {what} differs: {shown}", f"run every seed with the same {what}")
    return passes(name, f"{what}: {different[0][:80]}")
