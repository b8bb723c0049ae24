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
