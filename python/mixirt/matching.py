"""Responses and model of a fit, each read in the light of the other."""

from __future__ import annotations

from typing import Any

from mixirt._checks import mapping
from mixirt._respondents import check_groups_given
from mixirt.design import Design
from mixirt.errors import DataError, SpecError
from mixirt.model import Model
from mixirt.responses import Responses

__all__ = ["model_for", "responses_for"]


def model_for(read: Responses, model: Any, **structure: Any) -> Model:
    """Make the model of some responses: their items, categories, groups, usual constraints.

    Items that nobody in a group answered are not among the group's items.

    Parameters
    ----------
    read : Responses
        The responses.
    model, **structure
        As for :class:`mixirt.Model`.

    Raises
    ------
    SpecError
        As :class:`mixirt.Model`; or if there is a reference, but every group has its own scale.
    """
    is_configural = structure.get("invariance", "configural") == "configural"
    if read.group_labels is not None and "reference" in structure and is_configural:
        raise SpecError(
            "reference is the group that sets the scale of all, but without invariance every group "
            'has its own; give invariance= as "metric" or "scalar", or leave reference out'
        )
    items_by_group = structure.pop("items_by_group", None)
    if read.group_labels is not None and read.groups is not None:
        answered = read.answered()
        found = {
            label: [n for n, a in zip(read.item_names, answered[g], strict=True) if a]
            for g, label in enumerate(read.group_labels)
        }
        items_by_group = {**found, **mapping("items_by_group", items_by_group)}
    return Model(
        model,
        items=read.item_names,
        categories=read.category_labels,
        groups=read.group_labels,
        items_by_group=items_by_group,
        **structure,
    )


def responses_for(
    responses: Any, model: Model, *, groups: Any, categories: Any, missing: Any, weights: Any
) -> Responses:
    """Read the responses that a model was made for.

    Parameters
    ----------
    responses, groups, categories, missing, weights
        As for :func:`mixirt.fit`.
    model : Model
        Their model, which says what the categories are.

    Raises
    ------
    DataError
        If the responses are not to the model's items, or in other categories; says how to make the
        model. If groups are given that the model does not have, or none where it has some.
    SpecError
        If categories are given, which belong to the model.
    """
    design = model.design
    if categories is not None:
        state = "made without them" if _counts(design) else "which has them already"
        raise SpecError(
            f"categories cannot be given together with a Model, {state}; give categories= to Model "
            "and not to fit"
        )
    check_groups_given(design, groups)
    own = dict(zip(design.items, design.category_labels, strict=True))
    labels = design.groups if design.has_groups else None
    try:
        return Responses.read_for(
            responses,
            own,
            missing=missing,
            weights=weights,
            groups=groups,
            group_labels=labels,
        )
    except DataError as error:
        raise _more_categories(responses, design, missing) or error from None


def _counts(design: Design) -> bool:
    """Whether the categories of all items are 0, 1, ..., as they are unless a model is told."""
    return all(own == tuple(range(len(own))) for own in design.category_labels)


def _more_categories(responses: Any, design: Design, missing: Any) -> DataError | None:
    """Say what to make the model with, if the responses are right but for more categories."""
    if not _counts(design):
        return None
    try:
        read = Responses.read(responses, missing=missing)
    except DataError as error:
        return _give_to_model(error)
    items, counts = design.items, read.n_categories.tolist()
    if len(counts) != len(items):
        return None
    by_name = set(read.item_names) == set(items)
    found = dict(zip(read.item_names if by_name else items, counts, strict=True))
    needed = [found[item] for item in items]
    for item, n, own in zip(items, needed, design.n_categories, strict=True):
        if n > own:
            said = needed[0] if len(set(needed)) == 1 else needed
            return DataError(
                f"item '{item}' has {n} categories in the responses, but {own} in the model; make "
                f"the model with n_categories={said}, or with responses= instead of items="
            )
    return None


def _give_to_model(error: DataError) -> DataError | None:
    """Send the advice of a message, where there is some, from `fit` to the model."""
    message = str(error)
    if "categories=" not in message:
        return None
    return DataError(f"{message} (categories are given to the Model, where it is made)")
