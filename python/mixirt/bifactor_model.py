"""The bifactor model: an attribute that all items measure, and at most one more for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mixirt._checks import several, word
from mixirt.build import item_names, items_of
from mixirt.errors import SpecError
from mixirt.model import Model

__all__ = ["bifactor"]


def bifactor(
    specific: Sequence[object] | Mapping[str, object],
    model: Any = "2pl",
    *,
    general: str = "general",
    items: Any = None,
    responses: Any = None,
    **structure: Any,
) -> Model:
    """Make a bifactor model: a general attribute and independent specific ones.

    Every item measures the general attribute and, at most, one specific attribute. All covariances
    are fixed at 0; means are 0 and variances 1. Any verb of :class:`mixirt.Model` can change that.

    Parameters
    ----------
    specific : sequence of labels, or mapping from item to label
        The specific attribute of each item; None for an item that measures the general one alone.
    model : str, sequence of str or mapping, default "2pl"
        The item models, as in :class:`mixirt.Model`.
    general : str, default "general"
        Name of the general attribute.
    items : int or sequence of str, optional
        Names of the items; default the keys of a mapping, otherwise item1, item2, ...
    responses : array, list of lists, data frame or LongResponses, optional
        As for :class:`mixirt.Model`, instead of ``items`` and ``n_categories``.
    **structure
        The rest of what a :class:`mixirt.Model` is made of: ``n_categories``, ``groups``, ...

    Returns
    -------
    Model
        With the attributes ``general`` and the labels in order of appearance.

    Raises
    ------
    SpecError
        If no item has a specific attribute, or a label is that of the general one.

    References
    ----------
    Gibbons, R. D. and Hedeker, D. R. (1992). Full-information item bi-factor analysis.
    *Psychometrika*, 57, 423-436.

    Examples
    --------
    >>> import mixirt
    >>> model = mixirt.bifactor(["algebra"] * 3 + ["geometry"] * 3 + [None])
    >>> model.design.attributes
    ('general', 'algebra', 'geometry')
    >>> model.n_parameters
    20
    """
    if responses is not None:
        if items is not None:
            raise SpecError("items cannot be given together with responses, which have their names")
        missing, categories = structure.pop("missing", None), structure.get("categories")
        items, structure["categories"] = items_of(responses, categories, missing)
    if isinstance(specific, Mapping):
        items = item_names(list(specific) if items is None else items)
        labels_by_name = {str(item): label for item, label in specific.items()}
        lacking = [item for item in items if item not in labels_by_name]
        if lacking:
            raise SpecError(f"item '{lacking[0]}' is not in specific; give it an attribute or None")
        labels = [labels_by_name[item] for item in items]
    else:
        labels = list(several("specific", specific))
    general = word("general", general)
    for taken in ("q_matrix", "attributes"):
        if taken in structure:
            raise SpecError(f"{taken} cannot be given to bifactor, which makes it from specific")
    names = list(dict.fromkeys(str(label) for label in labels if label is not None))
    if not names or general in names:
        raise SpecError(
            f"specific must name attributes other than '{general}'; found "
            f"{', '.join(names) or 'none'}"
        )
    items = item_names(len(labels) if items is None else items)
    if len(labels) != len(items):
        raise SpecError(
            f"specific has {len(labels)} labels for {len(items)} items; give one for each, None "
            "for an item of the general attribute alone"
        )
    q = np.zeros((len(labels), 1 + len(names)), dtype=int)
    q[:, 0] = 1
    for row, label in enumerate(labels):
        if label is not None:
            q[row, 1 + names.index(str(label))] = 1
    made = Model(
        model,
        items=items,
        q_matrix=q,
        attributes=[general, *names],
        **structure,
    )
    return made.fix("covariance", 0.0)
