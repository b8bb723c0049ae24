"""The item models by the names users know, and what each says about its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mixirt._tables import as_list
from mixirt._words import quoted, unknown
from mixirt.errors import SpecError

__all__ = ["ITEM_MODELS", "ItemModel", "item_model", "item_models"]


@dataclass(frozen=True)
class ItemModel:
    """An item model: a family of the engine with constraints on its slopes.

    Parameters
    ----------
    name : str
        The name in calls.
    family : str
        The response function in the engine: ``"gpcm"``, ``"grm"`` or ``"3pl"``.
    slopes : {"free", "common", "one"}
        Estimated one by one, one for all items that measure the attribute, or fixed at 1 (the
        attribute's variance is then free).
    max_categories : int or None
        Largest number of categories; None where the family decides.
    polytomous : str
        The model to use instead where there are more categories.
    """

    name: str
    family: str
    slopes: Literal["free", "common", "one"]
    max_categories: int | None = None
    polytomous: str = "gpcm"


ITEM_MODELS: dict[str, ItemModel] = {
    model.name: model
    for model in (
        ItemModel("rasch", "gpcm", "one", 2, "pcm"),
        ItemModel("1pl", "gpcm", "common", 2),
        ItemModel("2pl", "gpcm", "free", 2),
        ItemModel("3pl", "3pl", "free", 2, "grm"),
        ItemModel("pcm", "gpcm", "one"),
        ItemModel("gpcm", "gpcm", "free"),
        ItemModel("grm", "grm", "free"),
    )
}


def item_model(name: object) -> ItemModel:
    """Look an item model up by name, in any case.

    Raises
    ------
    SpecError
        If the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> item_model("2PL").family
    'gpcm'
    """
    if isinstance(name, str) and name.lower() in ITEM_MODELS:
        return ITEM_MODELS[name.lower()]
    raise SpecError(unknown("item model", name, list(ITEM_MODELS)))


def item_models(
    names: Any, items: Sequence[str], n_categories: Sequence[int]
) -> tuple[ItemModel, ...]:
    """One item model per item, from one name for all, a list, or a mapping by item.

    Parameters
    ----------
    names : str, sequence of str, or mapping from item to str
        What the user asked for.
    items : sequence of str
        Names of the items.
    n_categories : sequence of int
        Number of categories of each item.

    Raises
    ------
    SpecError
        If a name is unknown, the number of names is wrong, or an item has more categories than
        its model takes.
    """
    if isinstance(names, str):
        models = [item_model(names)] * len(items)
    elif hasattr(names, "keys"):
        models = [
            item_model(name) for name in _by_item({str(k): v for k, v in names.items()}, items)
        ]
    else:
        listed = as_list(names)
        if listed is None:
            raise SpecError(
                f"model must be one of {quoted(ITEM_MODELS)}, a list with one of them for each "
                "item, a mapping from item to them, or a mixirt.Model; found "
                f"{'None' if names is None else f'an object of type {type(names).__name__}'}"
            )
        if len(listed) != len(items):
            raise SpecError(
                f"{len(listed)} item models were given for {len(items)} items; give one name for "
                "all items, or one for each"
            )
        models = [item_model(name) for name in listed]
    for item, model, n in zip(items, models, n_categories, strict=True):
        if model.max_categories is not None and n > model.max_categories:
            raise SpecError(
                f"item '{item}' has {n} categories, but model '{model.name}' takes "
                f"{model.max_categories}; use '{model.polytomous}' for it"
            )
    return tuple(models)


def _by_item(names: dict[str, object], items: Sequence[str]) -> list[object]:
    for item in names:
        if item not in items:
            raise SpecError(unknown("item", item, items))
    missing = [item for item in items if item not in names]
    if missing:
        raise SpecError(f"no item model was given for item '{missing[0]}'; name one for each item")
    return [names[item] for item in items]
