//! Long calls: on a pool of threads, without the GIL, and stopped by Ctrl-C within a fraction of a second.

use std::collections::HashMap;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mixirt_core::Error;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::to_python;

/// How long a signal may wait to be noticed.
const SLICE: Duration = Duration::from_millis(50);

/// More threads than this are a mistake: each takes memory of its own, and none helps beyond the processors.
const MAX_THREADS: usize = 256;

/// Pools that a call can have, by process and number of threads.
type Pools = HashMap<(u32, usize), Vec<Arc<ThreadPool>>>;

/// A forked child has none of its parent's threads, so pools belong to a process.
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// A pool for the time of a call.
pub(crate) struct Lent {
    pool: Arc<ThreadPool>,
    /// Process and number of threads.
    key: (u32, usize),
}

impl Deref for Lent {
    type Target = ThreadPool;

    fn deref(&self) -> &ThreadPool {
        &self.pool
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.key.1 == 1 {
            kept(self.key, |pools| pools.push(Arc::clone(&self.pool)));
        }
    }
}

/// Looks at the pools of a process that have so many threads.
fn kept<T>(key: (u32, usize), look: impl FnOnce(&mut Vec<Arc<ThreadPool>>) -> T) -> T {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    look(pools.get_or_insert_with(HashMap::new).entry(key).or_default())
}

/// As many threads as `RAYON_NUM_THREADS` says, or else one for each processor.
fn default_threads() -> usize {
    let said = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok());
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    said.filter(|n| (1..=MAX_THREADS).contains(n)).unwrap_or_else(processors)
}

/// A pool of `n_threads` threads ([`default_threads`] when None), kept for later calls. Calls share one that has several
/// threads. One that has a single thread is lent to one call at a time, so that calls of one thread each run side by side.
///
/// To be asked for, and dropped, by a thread that is attached to the interpreter: a fork waits for those, with the GIL or
/// without, so that no child inherits a locked table.
pub(crate) fn pool(n_threads: Option<usize>) -> PyResult<Lent> {
    let n = match n_threads {
        Some(n @ 1..=MAX_THREADS) => n,
        Some(n) => {
            let message = format!("n_threads must be between 1 and {MAX_THREADS}; found {n}");
            return Err(to_python(Error::Spec(message)));
        }
        None => default_threads(),
    };
    let key = (std::process::id(), n);
    kept(key, |pools| {
        if let Some(pool) = if n == 1 { pools.pop() } else { pools.first().cloned() } {
            return Ok(Lent { pool, key });
        }
        let builder = ThreadPoolBuilder::new().num_threads(n).thread_name(|i| format!("mixirt-{i}"));
        let pool = builder.build().map_err(|e| to_python(Error::Spec(format!("cannot start {n} threads: {e}"))))?;
        let pool = Arc::new(pool);
        if n > 1 {
            pools.push(Arc::clone(&pool));
        }
        Ok(Lent { pool, key })
    })
}

/// What a long call says on its way.
enum Notice<M, T> {
    /// A message for whoever waits.
    Message(M),
    /// It is over.
    Done(Box<Result<T, Error>>),
}

/// Who hears the messages of a long call, if anybody does; on the thread that called.
pub(crate) type Listener<'a, M> = Option<&'a mut dyn FnMut(M) -> PyResult<()>>;

/// Runs `work` on a pool; this thread waits in slices and looks for signals.
pub(crate) fn until_done<T: Send>(
    py: Python<'_>,
    n_threads: Option<usize>,
    work: impl FnOnce(&AtomicBool) -> Result<T, Error> + Send,
) -> PyResult<T> {
    until_done_telling::<(), T>(py, n_threads, None, |_, cancel| work(cancel))
}

/// The same for work that says something on its way.
pub(crate) fn until_done_telling<M: Send, T: Send>(
    py: Python<'_>,
    n_threads: Option<usize>,
    mut listener: Listener<'_, M>,
    work: impl FnOnce(&(dyn Fn(M) + Sync), &AtomicBool) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let pool = pool(n_threads)?;
    let cancel = &AtomicBool::new(false);
    let (sender, receiver) = channel::<Notice<M, T>>();
    // Waiting happens without the GIL, which asks for a value that could be shared.
    let receiver = Mutex::new(receiver);
    let receive = |slice| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(slice);
    let is_heard = listener.is_some();
    pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            let say = |message| {
                if is_heard {
                    // The receiver is there until this work is over.
                    drop(sender.send(Notice::Message(message)));
                }
            };
            // After a panic the sender is dropped, and the caller is told.
            if let Ok(result) = catch_unwind(AssertUnwindSafe(|| work(&say, cancel))) {
                drop(sender.send(Notice::Done(Box::new(result))));
            }
        });
        loop {
            let notice = py.detach(|| receive(SLICE));
            let heard = match notice {
                Ok(Notice::Done(result)) => return (*result).map_err(to_python),
                Ok(Notice::Message(message)) => listener.as_mut().map_or(Ok(()), |listen| listen(message)),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    let message = "the engine failed, which is a bug of mixirt: please report it with the lines above";
                    return Err(to_python(Error::Estimation(message.into())));
                }
            };
            if let Err(error) = heard.and_then(|()| py.check_signals()) {
                cancel.store(true, Ordering::Relaxed);
                // The worker notices within a chunk; until then it still uses the data.
                let is_over = || matches!(receive(SLICE), Ok(Notice::Done(_)) | Err(RecvTimeoutError::Disconnected));
                py.detach(|| while !is_over() {});
                return Err(error);
            }
        }
    })
}
