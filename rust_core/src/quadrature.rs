//! Quadrature rules in standard units, before a distribution moves them.
