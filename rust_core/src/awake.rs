//! Threads that stay awake between the parallel parts of a run.
//!
//! A cycle of a small model takes half a millisecond, in several parallel parts with a little work for one thread between
//! them. A thread of the pool that finds nothing to do falls asleep after some microseconds, and waking it takes
//! up to as long as the next part: two threads were no faster than one. While a run is on, the others therefore keep
//! looking for work instead. They give way to any other thread that wants their processor, stop after a moment without
//! work, and do nothing at all where several runs share the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// Without work for so long, a thread goes to sleep; what took so long will outweigh waking it.
const PATIENCE: Duration = Duration::from_millis(1);
/// Threads that are kept awake; a small run has no work for more.
const MAX_AWAKE: usize = 16;

/// Runs of this process.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Keeps the threads of the current pool awake while it lives.
pub(crate) struct Awake {
    is_over: Arc<AtomicBool>,
    /// Threads that are being kept awake, or will be.
    n_awake: Arc<AtomicUsize>,
}

impl Awake {
    pub(crate) fn new() -> Self {
        RUNS.fetch_add(1, Ordering::Relaxed);
        Self { is_over: Arc::default(), n_awake: Arc::default() }
    }

    /// Keeps threads awake that have gone to sleep. To be called from time to time.
    pub(crate) fn renew(&self) {
        let Some(own) = rayon::current_thread_index() else { return };
        let n_threads = rayon::current_num_threads();
        if n_threads == 1 || RUNS.load(Ordering::Relaxed) > 1 || self.n_awake.load(Ordering::Relaxed) > 0 {
            return;
        }
        self.n_awake.store(n_threads, Ordering::Relaxed);
        let (is_over, n_awake) = (Arc::clone(&self.is_over), Arc::clone(&self.n_awake));
        rayon::spawn_broadcast(move |thread| {
            if thread.index() != own && thread.index() < MAX_AWAKE {
                look_for_work(&is_over);
            }
            n_awake.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        RUNS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Works on what there is, until the run is over, is no longer the only one, or there has been nothing for a while.
fn look_for_work(is_over: &AtomicBool) {
    let mut last = Instant::now();
    while !is_over.load(Ordering::Relaxed) && RUNS.load(Ordering::Relaxed) == 1 {
        if rayon::yield_now() == Some(Yield::Executed) {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return;
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_and_leave_the_pool_as_it_was() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for _ in 0..50 {
            let sum = pool.install(|| {
                let awake = Awake::new();
                (0..20)
                    .map(|k| {
                        awake.renew();
                        let (a, b) = rayon::join(|| k, || k + 1);
                        a + b
                    })
                    .sum::<u64>()
            });
            assert_eq!(sum, 400);
        }
        // Nobody looks for work any more: a broadcast reaches every thread.
        assert_eq!(pool.broadcast(|thread| thread.index()), [0, 1, 2]);
    }
}
