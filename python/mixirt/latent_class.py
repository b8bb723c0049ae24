"""What a latent class analysis found."""

from __future__ import annotations

from functools import cached_property

from mixirt.goodness import GoodnessOfFit, chi_squares
from mixirt.result import Result
from mixirt.summary_classes import class_summary_text

__all__ = ["LatentClassResult"]


class LatentClassResult(Result):
    """A fit without attributes; made by :func:`mixirt.fit_latent_class`.

    All that a :class:`mixirt.Result` has, of which ``proportions``, ``class_sizes``,
    ``category_probabilities()``, ``classify()``, ``classification_table()``, ``entropy`` and
    ``starts()`` matter most here; and the fit to the contingency table.
    """

    def _at(self, cell: int) -> str:
        """Say what probability an intercept at its own bound means."""
        design, cells = self._model.design, self._model.design.cells
        item, is_low = int(cells.item[cell]), self._values[cell] < 0
        is_plain = cells.is_kind("intercept")[cell] and design.models[item].family == "gpcm"
        if not is_plain or self._model.table.bounded[cell]:
            return super()._at(cell)
        labels = design.category_labels[item]
        # An intercept is the log-odds of its category against the first.
        is_sure = len(labels) == 2 and not is_low
        label = labels[int(cells.category[cell]) if is_low or is_sure else 0]
        of_all = f" of {design.n_classes}" if design.n_classes > 1 else ""
        return (
            f"probability {int(is_sure)} of category {label!r} of item '{design.items[item]}'"
            f"{design.where(int(cells.group[cell]))}{of_all}"
        )

    @cached_property
    def goodness_of_fit(self) -> GoodnessOfFit:
        """Pearson and likelihood-ratio chi-square over all possible response patterns.

        Its statistics are None, and ``unavailable`` says why, with missing responses, known
        classes, or a table of millions of cells.

        Examples
        --------
        >>> import mixirt
        >>> carcinoma = mixirt.datasets.load("carcinoma").responses
        >>> fit = mixirt.fit_latent_class(carcinoma, 1).goodness_of_fit
        >>> fit.df, round(fit.g2, 2)
        (120, 476.8)
        """
        if self._fitted.known is not None:
            reason = "some classes are known, so responses are not all there is to fit"
            counted = chi_squares(
                self.model.design, self._fitted.responses, None, self.n_parameters
            )
            return GoodnessOfFit(None, None, None, None, counted.df, counted.n_cells, reason)
        log_probability = self.classify().log_probability
        return chi_squares(
            self.model.design, self._fitted.responses, log_probability, self.n_parameters
        )

    def summary(self) -> str:
        """Put the fit on a page: statistics, starts, class sizes and probabilities.

        Returns
        -------
        str
            A row per item and category, a column per class.

        Examples
        --------
        >>> import mixirt
        >>> responses = mixirt.datasets.load("gss87_antirel").responses
        >>> print(mixirt.fit_latent_class(responses, 2, seed=1).summary().splitlines()[0])
        mixirt: 2 latent classes; 3 items, 1713 respondents, 8 patterns
        """
        return class_summary_text(self)
