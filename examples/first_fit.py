"""Fit item response models to real data and look at what comes out."""

import pandas as pd

import mixirt

COLUMNS = ["slope", "b1", "b2", "b3", "guessing"]
"""Parameters of an item in the order in which they are shown."""

SCORED = 3
"""Respondents whose scores are shown."""


def item_table(parameters: pd.DataFrame) -> pd.DataFrame:
    """Lay estimates and standard errors out with one row per item.

    Where groups have equal items, the first group's are taken.
    """
    rows = parameters.dropna(subset="item").drop_duplicates(["item", "parameter", "category"])
    column = ("b" + rows["category"].astype(str)).where(rows["category"].notna(), rows["parameter"])
    text = [f"{e:.3f} ({se:.3f})" for e, se in zip(rows["estimate"], rows["se"], strict=True)]
    table = rows.assign(column=column, text=text).pivot(
        index="item", columns="column", values="text"
    )
    return table.loc[rows["item"].unique(), [name for name in COLUMNS if name in table]]


def show(title: str, fit: mixirt.Result) -> None:
    """Print estimates with standard errors, the fit, and the scores of the first respondents."""
    print(f"\n{title}\n{'=' * len(title)}")
    parameters = fit.standard_errors()
    print(item_table(parameters).to_string(na_rep="", index_names=False))
    if "group" in parameters:
        groups = parameters[parameters["item"].isna()]
        shown = groups[["group", "parameter", "estimate", "se", "status"]].round(3)
        print(f"\n{shown.to_string(index=False, na_rep='')}")
    print(f"\nlog-likelihood {fit.loglik:.4f}   parameters {fit.n_parameters}", end="   ")
    print(f"AIC {fit.aic:.2f}   BIC {fit.bic:.2f}")
    state = "converged in" if fit.converged else "NOT CONVERGED after"
    print(f"{state} {fit.n_cycles} EM cycles, {1000 * fit.seconds:.1f} ms")
    scores = fit.score(method="eap").frame().head(SCORED).round(3)
    print(f"\nEAP scores of the first {SCORED} respondents\n{scores.to_string()}")


# Attitude to science: four statements, from strongly disagree (1) to strongly agree (4).
science = mixirt.datasets.load("science").frame()
show("Science, graded response", mixirt.fit(science, "grm", categories=[1, 2, 3, 4]))
show("Science, partial credit", mixirt.fit(science, "gpcm", categories=[1, 2, 3, 4]))

# Law School Admission Test, section 7: five items, right or wrong.
lsat = mixirt.datasets.load("lsat7").frame()
show("LSAT 7, 2PL", mixirt.fit(lsat, "2pl"))

# Five items say next to nothing about guessing: without a prior, four of the five guessing
# parameters run to 0. This prior has its mode at .2 and weighs as much as 20 observed guesses.
guessing = mixirt.Model("3pl", items=list(lsat)).prior("guessing", mixirt.priors.beta(5, 17))
show("LSAT 7, 3PL with a beta prior on guessing", mixirt.fit(lsat, guessing))

# TIMSS: items of two and of three categories. The items are equal in both countries; mean and
# variance of the second are in units of the first.
timss = mixirt.datasets.load("timss_aus_twn").frame()
country = timss.pop("country").map({"36": "Australia", "158": "Taiwan"})
models = {item: "gpcm" if timss[item].max() > 1 else "2pl" for item in timss}
show(
    "TIMSS, two countries, 2PL and partial credit",
    mixirt.fit(timss, models, groups=country, invariance="scalar"),
)
