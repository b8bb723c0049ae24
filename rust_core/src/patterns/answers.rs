//! Back from rows of joint answers to the answers to items.

use super::{InnerPatterns, MISSING, Patterns};

impl Patterns {
    /// Writes the responses of a pattern to the items in use, [`MISSING`] where there is none.
    pub fn codes_of(&self, pattern: usize, codes: &mut [u8]) {
        codes.fill(MISSING);
        self.for_each_answer(pattern, |item, code| codes[item] = code);
    }

    /// The answers of a pattern: items in use, ascending, and categories.
    pub fn answers_of(&self, pattern: usize) -> Vec<(usize, u8)> {
        let mut answers = Vec::new();
        self.for_each_answer(pattern, |item, code| answers.push((item, code)));
        answers.sort_unstable();
        answers
    }

    /// Calls `f` with the items in use that a pattern answers, and the answers.
    pub(crate) fn for_each_answer(&self, pattern: usize, mut f: impl FnMut(usize, u8)) {
        self.for_each_block_answer(pattern, |k, code| f(self.outer_items[k], code));
        for (e, inner) in self.inner.iter().enumerate() {
            inner.for_each_answer(self.inner_code(pattern, e), &mut f);
        }
    }

    /// Calls `f` with the positions in [`Patterns::outer_items`] that a pattern answers, and the answers.
    pub(super) fn for_each_block_answer(&self, pattern: usize, mut f: impl FnMut(usize, u8)) {
        let rows = self.rows(pattern);
        let mut blocks = self.blocks.iter();
        for &row in &rows[..rows.len() - self.inner.len()] {
            let row = row as usize;
            // Rows ascend, and a block has at most one of them.
            let Some(block) = blocks.find(|block| row < block.rows.end) else { return };
            let answers = block.items.clone().zip(block.answers(row - block.rows.start));
            answers.filter(|(_, code)| **code != MISSING).for_each(|(k, &code)| f(k, code));
        }
    }

    /// Which items in use some pattern may have no answer to.
    pub(crate) fn may_lack(&self) -> Vec<bool> {
        // A pattern without any answer to a block has no row of it.
        let all = self.n_factors() < self.len() * self.blocks.len();
        let mut lacking = vec![all; self.n_categories.len()];
        for block in self.blocks.iter().filter(|block| block.inner.is_none()) {
            let items = &self.outer_items[block.items.clone()];
            for answers in block.codes.chunks_exact(items.len().max(1)) {
                items.iter().zip(answers).for_each(|(&item, &code)| lacking[item] |= code == MISSING);
            }
        }
        self.inner.iter().flat_map(InnerPatterns::items_lacked).for_each(|item| lacking[item] = true);
        lacking
    }

    /// How often every category of the items in use was chosen, when each pattern counts `weights (P)` times.
    pub fn category_counts(&self, weights: &[f64]) -> Vec<Vec<f64>> {
        // Blocks have far fewer rows than there are patterns.
        let mut row_weights = vec![0.0; self.n_rows];
        for (p, n) in weights.iter().enumerate() {
            self.rows(p).iter().for_each(|&row| row_weights[row as usize] += n);
        }
        let mut counts: Vec<Vec<f64>> = self.n_categories.iter().map(|&m| vec![0.0; m]).collect();
        for block in &self.blocks {
            let weights = &row_weights[block.rows.clone()];
            if let Some(inner) = block.inner {
                self.inner[inner].add_category_counts(weights, &mut counts);
                continue;
            }
            for (r, weight) in weights.iter().enumerate() {
                let answers = self.outer_items[block.items.clone()].iter().zip(block.answers(r));
                let answers = answers.filter(|(_, code)| **code != MISSING);
                answers.for_each(|(&item, &code)| counts[item][code as usize] += weight);
            }
        }
        counts
    }
}
