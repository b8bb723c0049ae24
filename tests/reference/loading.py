"""The estimates of other programs as Python structures: see README.md in this folder.

`exact(name)` reads `exact/NAME.json`, `mirt(name)` and `polca(name)` read `fits/NAME.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
Floats = NDArray[np.float64]

ALL = "all"
"""The group label of a parameter that every group shares."""


class Key(NamedTuple):
    """What an exact estimate belongs to; items, attributes and categories count from 0.

    `parameter` is "slope", "intercept", "guessing_logit", "mean", "variance", "probability" or
    "proportion", or "sd" or "guessing", which derive from others.
    """

    group: str
    item: int | None
    parameter: str
    attribute: int | None
    category: int | None


@dataclass(frozen=True)
class Estimate:
    """An exact estimate with its standard errors; `derived` ones are no free parameters."""

    estimate: float
    se_observed: float
    se_cross_product: float
    se_sandwich: float
    derived: bool


@dataclass(frozen=True)
class ExactFit:
    """A maximum found on a very fine grid.

    Attributes
    ----------
    data
        Name of the data set in `mixirt.datasets`.
    loglik, log_posterior
        Log-likelihood; with a prior it is the value at the posterior mode, and `log_posterior`
        adds the log density of the prior.
    reference_group
        The group whose attribute is standard normal, if there are several.
    eap, eap_sd : (20,) or None
        Scores of the first rows.
    class_posterior : (20, n_classes) or None
        Class probabilities of the first rows.
    """

    name: str
    data: str
    loglik: float
    n_free: int
    reference_group: str | None
    estimates: dict[Key, Estimate]
    eap: Floats | None
    eap_sd: Floats | None
    class_posterior: Floats | None
    log_posterior: float | None
    prior: dict[str, Any] | None

    def value(
        self,
        group: str,
        item: int | None,
        parameter: str,
        attribute: int | None = None,
        category: int | None = None,
    ) -> float:
        """Return the estimate in a group, or the one all groups share."""
        own = Key(group, item, parameter, attribute, category)
        key = own if own in self.estimates else own._replace(group=ALL)
        return self.estimates[key].estimate

    def categories(self, group: str, item: int, parameter: str) -> list[int]:
        """Categories an item has estimates for: of its intercepts or its probabilities."""
        found = {
            key.category
            for key in self.estimates
            if key.group in (group, ALL) and key.item == item and key.parameter == parameter
        }
        return sorted(category for category in found if category is not None)


class MirtKey(NamedTuple):
    """A parameter of R mirt: `item` is its label there, or "GROUP" for the distribution."""

    group: str
    item: str
    name: str


@dataclass(frozen=True)
class MirtFit:
    """A fit by R mirt.

    Attributes
    ----------
    values
        Every parameter, fixed ones too.
    free
        Those estimated. Parameters equal across groups are there once per group.
    standard_errors
        By method ("Oakes", "Louis", "crossprod", "sandwich.Louis", "SEM", "complete"), for the
        free parameters.
    scores : by method ("EAP", "MAP", "ML", "WLE"), each (25, 2)
        Theta and its standard error of the first 25 respondents.
    other
        Whatever else the file has: fit statistics, sum scores, number of iterations.
    """

    name: str
    loglik: float
    n_free: int
    values: dict[MirtKey, float]
    free: frozenset[MirtKey]
    standard_errors: dict[str, dict[MirtKey, float]]
    scores: dict[str, Floats]
    other: dict[str, Any]

    @property
    def groups(self) -> list[str]:
        """Group labels in the order of the file."""
        return list(dict.fromkeys(key.group for key in self.values))

    @property
    def items(self) -> list[str]:
        """Item labels in the order of the data."""
        labels = dict.fromkeys(key.item for key in self.values)
        return [label for label in labels if label != "GROUP"]

    def slopes(self, group: str, item: str) -> Floats:
        """`a1, a2, ...` (J,)."""
        return self._numbered(group, item, "a")

    def intercepts(self, group: str, item: str) -> Floats:
        """`d`, or `d1, d2, ...` (M - 1,)."""
        single = MirtKey(group, item, "d")
        if single in self.values:
            return np.array([self.values[single]])
        return self._numbered(group, item, "d")

    def guessing(self, group: str, item: str) -> float:
        """`g`, a probability; 0 for an item without it."""
        return self.values.get(MirtKey(group, item, "g"), 0.0)

    def mean(self, group: str) -> Floats:
        """`MEAN_j` (J,)."""
        return self._numbered(group, "GROUP", "MEAN_")

    def covariance(self, group: str) -> Floats:
        """`COV_jk` (J, J), the file has its lower triangle."""
        n_dims = len(self.mean(group))
        matrix = np.empty((n_dims, n_dims))
        for j in range(n_dims):
            for k in range(j + 1):
                value = self.values[MirtKey(group, "GROUP", f"COV_{j + 1}{k + 1}")]
                matrix[j, k] = matrix[k, j] = value
        return matrix

    def _numbered(self, group: str, item: str, prefix: str) -> Floats:
        found, number = [], 1
        while (key := MirtKey(group, item, f"{prefix}{number}")) in self.values:
            found.append(self.values[key])
            number += 1
        return np.array(found)


@dataclass(frozen=True)
class PolcaFit:
    """A latent class fit by R poLCA.

    Attributes
    ----------
    proportions, proportions_se : (n_classes,)
    probabilities, probabilities_se : per item (n_classes, n_categories)
    other
        Fit statistics.
    """

    name: str
    loglik: float
    n_free: int
    proportions: Floats
    proportions_se: Floats
    probabilities: tuple[Floats, ...]
    probabilities_se: tuple[Floats, ...]
    other: dict[str, Any]


def exact_names() -> list[str]:
    """Names that `exact` reads."""
    return sorted(path.stem for path in (HERE / "exact").glob("*.json"))


def mirt_names() -> list[str]:
    """Names that `mirt` reads."""
    return [name for name in _fit_names() if "params" in _read("fits", name)]


def polca_names() -> list[str]:
    """Names that `polca` reads."""
    return [name for name in _fit_names() if "item_probs" in _read("fits", name)]


def exact(name: str) -> ExactFit:
    """Read `exact/NAME.json`."""
    raw = _read("exact", name)
    estimates = {}
    for row in raw["estimates"]:
        key = Key(*(row[field] for field in Key._fields))
        estimates[key] = Estimate(
            estimate=row["estimate"],
            se_observed=row["se_observed"],
            se_cross_product=row["se_cross_product"],
            se_sandwich=row["se_sandwich"],
            derived=row.get("derived", False),
        )
    return ExactFit(
        name=name,
        data=Path(raw["data"]).stem,
        loglik=raw["loglik"],
        n_free=raw["n_free"],
        reference_group=raw["reference_group"],
        estimates=estimates,
        eap=_array(raw.get("eap")),
        eap_sd=_array(raw.get("eap_sd")),
        class_posterior=_array(raw.get("class_posterior")),
        log_posterior=raw.get("log_posterior"),
        prior=raw.get("prior"),
    )


def mirt(name: str) -> MirtFit:
    """Read a fit by R mirt, `fits/NAME.json`."""
    raw = _read("fits", name)
    keys = [MirtKey(row.get("group", ALL), row["item"], row["name"]) for row in raw["params"]]
    # "d2.8" is the eighth row of the table.
    with_errors = [keys[int(label.rpartition(".")[2]) - 1] for label in raw.get("se_names", [])]
    errors, scores, other = {}, {}, {}
    for field, content in raw.items():
        if field == "se_names":
            continue
        if field.startswith("se_"):
            # R mirt gives a single null where a method failed.
            if len(content) == len(with_errors):
                errors[field.removeprefix("se_")] = dict(zip(with_errors, content, strict=True))
        elif field.startswith("score_"):
            scores[field.removeprefix("score_")] = np.array(content, dtype=float)
        elif field not in ("name", "loglik", "n_free", "params"):
            other[field] = content
    rows = list(zip(keys, raw["params"], strict=True))
    return MirtFit(
        name=name,
        loglik=raw["loglik"],
        n_free=raw["n_free"],
        values={key: float(row["value"]) for key, row in rows},
        free=frozenset(key for key, row in rows if row["est"]),
        standard_errors=errors,
        scores=scores,
        other=other,
    )


def polca(name: str) -> PolcaFit:
    """Read a fit by R poLCA, `fits/NAME.json`."""
    raw = _read("fits", name)
    used = {"name", "loglik", "n_free", "proportions", "proportions_se"}
    used |= {"item_probs", "item_probs_se"}
    return PolcaFit(
        name=name,
        loglik=raw["loglik"],
        n_free=raw["n_free"],
        proportions=np.array(raw["proportions"]),
        proportions_se=np.array(raw["proportions_se"]),
        probabilities=tuple(np.array(item) for item in raw["item_probs"]),
        probabilities_se=tuple(np.array(item) for item in raw["item_probs_se"]),
        other={field: content for field, content in raw.items() if field not in used},
    )


def _fit_names() -> list[str]:
    return sorted(path.stem for path in (HERE / "fits").glob("*.json"))


def _read(folder: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((HERE / folder / f"{name}.json").read_text())
    return content


def _array(values: list[Any] | None) -> Floats | None:
    return None if values is None else np.array(values, dtype=float)
