"""Pictures of fits; they need matplotlib, which comes with the extra ``mixirt[plot]``.

Every function takes a fit and returns the axes it drew on: a new figure of 80 mm, or those given by
``ax=``. What is drawn comes from the methods of :class:`mixirt.Result`; nothing is computed here.
"""

from mixirt.plots.category_curves import category_curves
from mixirt.plots.characteristic import test_characteristic
from mixirt.plots.class_profiles import class_profiles
from mixirt.plots.convergence import convergence
from mixirt.plots.group_distributions import group_distributions
from mixirt.plots.information import test_information
from mixirt.plots.item_information import item_information
from mixirt.plots.person_item_map import person_item_map
from mixirt.plots.surface import surface

__all__ = [
    "category_curves",
    "class_profiles",
    "convergence",
    "group_distributions",
    "item_information",
    "person_item_map",
    "surface",
    "test_characteristic",
    "test_information",
]
