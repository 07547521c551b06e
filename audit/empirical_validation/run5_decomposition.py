"""Run 5: the deviations of #1734 taken apart: all 2^3 combinations, as candidate bytes over canonical bytes."""

from __future__ import annotations

from itertools import product

from validation_run import Data, Figures, PlainLoop, builder_of_1734, known_split, run, ten

from pgolf.errors import DataError

TITLE = "Run 5: the decomposition over all combinations"
SWITCHES = ("plus_one", "no_byte_branch", "boundaries_counted")


def measure(data: Data) -> Figures:
    """Bytes and ratio of every combination here, and on the known split from the profile's constants."""
    canonical_bytes = PlainLoop.of(data.canonical).total(data)
    validation, facts = known_split()
    known_more = {
        "plus_one": facts.leading_space_targets or 0,
        "no_byte_branch": (len("<0x00>") - 1) * (facts.byte_targets or 0),
        "boundaries_counted": len("<s>") * (facts.control_targets or 0),
    }
    if not canonical_bytes:
        raise DataError(f"{data.val_data}: its scored tokens stand for no bytes: nothing to divide by")
    rows: list[Figures] = []
    agree = additive = True
    none = PlainLoop.of(builder_of_1734(data.vocabulary, **dict.fromkeys(SWITCHES, False))).total(data)
    single: dict[str, int] = {}
    for chosen in sorted(product((False, True), repeat=len(SWITCHES)), key=sum):
        on = dict(zip(SWITCHES, chosen, strict=True))
        tables = builder_of_1734(data.vocabulary, **on)
        total = data.count(tables).total_bytes(tables)
        plain = PlainLoop.of(tables).total(data)
        agree = agree and total == plain
        names = [name for name, flag in on.items() if flag]
        if len(names) == 1:
            single[names[0]] = plain - none
        additive = additive and plain == none + sum(single[name] for name in names)
        # The earlier figure: this table with "+1", over this table as it is. One that has the "+1" gives 1 by construction.
        with_plus_one = PlainLoop.of(builder_of_1734(data.vocabulary, **{**on, "plus_one": True})).total(data)
        known_bytes = validation.bytes + sum(known_more[name] for name in names)
        rows.append(
            {
                "deviations": names,
                "candidate_bytes": plain,
                "ratio": ten(plain / canonical_bytes),
                "over_itself": ten(with_plus_one / plain),
                "known_split_bytes": known_bytes,
                "known_split_ratio": ten(known_bytes / validation.bytes),
            }
        )
    logged = next(
        seen
        for seen in validation.known_deviations
        if seen.tokenizer == facts.key and len(seen.deviations) == len(SWITCHES)
    )
    logged_ratio = logged.bytes_per_token / facts.bytes_per_token
    return {
        "canonical_bytes": canonical_bytes,
        "rows": rows,
        "more_bytes": single,
        "known_split": {
            "tokenizer": facts.key,
            "canonical_bytes": validation.bytes,
            "more_bytes": known_more,
            "all_together": rows[-1]["known_split_ratio"],
            "logged_bytes_per_token": logged.bytes_per_token,
            "canonical_bytes_per_token": f"{facts.bytes_per_token:.4f}",
            "logged_ratio": ten(logged_ratio),
        },
        "checks": {
            "pgolf and the plain loop count the same bytes in every combination": agree,
            "the three touch different tokens, so their bytes add up": additive,
            "all three together are what the logs print, to four decimals": f"{logged_ratio:.4f}"
            == f"{rows[-1]['known_split_bytes'] / validation.bytes:.4f}",
        },
    }


def summarise(figures: Figures) -> list[str]:
    """The figures as text."""
    known = figures["known_split"]
    lines = [
        f"{'deviations':<52}{'bytes':>13}{'ratio':>14}{'over itself':>14}{'full ' + known['tokenizer']:>14}",
    ]
    lines += [
        f"{' + '.join(row['deviations']) or '(none)':<52}{row['candidate_bytes']:>13,}{row['ratio']:>14}"
        f"{row['over_itself']:>14}{row['known_split_ratio']:>14}"
        for row in figures["rows"]
    ]
    lines += [
        "",
        f"full {known['tokenizer']} split, all three: {known['all_together']}",
        f"its logs: {known['logged_bytes_per_token']} / {known['canonical_bytes_per_token']} = {known['logged_ratio']}",
    ]
    return lines


if __name__ == "__main__":
    raise SystemExit(run("run5_decomposition", TITLE, measure, summarise))
