//! Finds the unique patterns among the respondents.

use rayon::prelude::*;

/// Respondents hashed at a time.
const TILE: usize = 4096;
/// An odd constant with well-mixed bits (the golden ratio).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// Marks a free slot of the hash table.
const FREE: u64 = u64::MAX;

/// The unique patterns in order of first appearance.
pub(super) struct Unique {
    /// `(N)`: the pattern of each respondent.
    pub pattern_of_respondent: Vec<u32>,
    /// `(P)`: the first respondent with each pattern.
    pub first: Vec<u32>,
}

/// Collapses `n` respondents with the given codes (one list per block, one per eliminated attribute) to their unique
/// patterns.
pub(super) fn collapse(block_codes: &[Vec<u16>], inner_codes: &[&[u32]], n: usize) -> Unique {
    let hashes = hash(block_codes, inner_codes, n);
    let same = |a: usize, b: usize| {
        block_codes.iter().all(|codes| codes[a] == codes[b]) && inner_codes.iter().all(|codes| codes[a] == codes[b])
    };
    collapse_hashed(&hashes, same)
}

/// As [`collapse`], for respondents with the given rows `(row_ptr, row_ids)` of blocks and codes of eliminated attributes.
pub(super) fn collapse_lists((row_ptr, row_ids): (&[usize], &[u32]), inner_codes: &[&[u32]]) -> Unique {
    let n = row_ptr.len() - 1;
    let rows = |i: usize| &row_ids[row_ptr[i]..row_ptr[i + 1]];
    let same = |a: usize, b: usize| rows(a) == rows(b) && inner_codes.iter().all(|codes| codes[a] == codes[b]);
    let mut hashes = vec![0u64; n];
    hashes.par_iter_mut().enumerate().with_min_len(TILE).for_each(|(i, hash)| {
        rows(i).iter().for_each(|&row| mix(hash, row.into()));
        inner_codes.iter().for_each(|codes| mix(hash, codes[i].into()));
        *hash ^= *hash >> 32;
    });
    collapse_hashed(&hashes, same)
}

fn collapse_hashed(hashes: &[u64], same: impl Fn(usize, usize) -> bool) -> Unique {
    let n = hashes.len();
    // Open addressing; a slot holds the upper half of the hash and the pattern.
    let n_slots = (2 * n).next_power_of_two().max(2);
    let mut slots = vec![FREE; n_slots];
    let mut unique = Unique { pattern_of_respondent: Vec::with_capacity(n), first: Vec::new() };
    for (i, &hash) in hashes.iter().enumerate() {
        let tag = hash & 0xffff_ffff_0000_0000;
        let mut at = hash as usize & (n_slots - 1);
        let pattern = loop {
            let slot = slots[at];
            if slot == FREE {
                let new = unique.first.len() as u32;
                slots[at] = tag | new as u64;
                unique.first.push(i as u32);
                break new;
            }
            let candidate = slot as u32;
            if slot & 0xffff_ffff_0000_0000 == tag && same(i, unique.first[candidate as usize] as usize) {
                break candidate;
            }
            at = (at + 1) & (n_slots - 1);
        };
        unique.pattern_of_respondent.push(pattern);
    }
    unique
}

fn mix(hash: &mut u64, code: u64) {
    *hash = (hash.rotate_left(23) ^ code).wrapping_mul(MULTIPLIER);
}

/// A hash of each respondent's codes.
fn hash(block_codes: &[Vec<u16>], inner_codes: &[&[u32]], n: usize) -> Vec<u64> {
    let mut hashes = vec![0u64; n];
    hashes.par_chunks_mut(TILE).enumerate().for_each(|(t, hashes)| {
        for codes in block_codes {
            hashes.iter_mut().zip(&codes[t * TILE..]).for_each(|(hash, &code)| mix(hash, code.into()));
        }
        for codes in inner_codes {
            hashes.iter_mut().zip(&codes[t * TILE..]).for_each(|(hash, &code)| mix(hash, code.into()));
        }
        for hash in hashes {
            *hash ^= *hash >> 32;
        }
    });
    hashes
}
