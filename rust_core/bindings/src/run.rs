//! Long calls: on a pool of threads, without the GIL, and stopped by Ctrl-C within a fraction of a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mixirt_core::Error;
use mixirt_core::em::Cycle;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::to_python;

/// How long a signal may wait to be noticed.
const SLICE: Duration = Duration::from_millis(50);

/// More threads than this are a mistake: each takes memory of its own, and none helps beyond the processors.
const MAX_THREADS: usize = 256;

/// Pools by process and number of threads.
type Pools = HashMap<(u32, usize), Arc<ThreadPool>>;

/// A forked child has none of its parent's threads, so pools belong to a process.
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// The pool of `n_threads` threads (all processors when None), made once per process.
pub(crate) fn pool(n_threads: Option<usize>) -> PyResult<Arc<ThreadPool>> {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let n = match n_threads {
        Some(n @ 1..=MAX_THREADS) => n,
        Some(n) => {
            let message = format!("n_threads must be between 1 and {MAX_THREADS}; found {n}");
            return Err(to_python(Error::Spec(message)));
        }
        None => all(),
    };
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_with(HashMap::new);
    if let Some(pool) = pools.get(&(std::process::id(), n)) {
        return Ok(Arc::clone(pool));
    }
    let builder = ThreadPoolBuilder::new().num_threads(n).thread_name(|i| format!("mixirt-{i}"));
    // Without a handler a panic in spawned work ends the whole process; this way the caller of `until_done` is told.
    let built = builder.panic_handler(|_| ()).build();
    let pool = Arc::new(built.map_err(|e| to_python(Error::Spec(format!("cannot start {n} threads: {e}"))))?);
    pools.insert((std::process::id(), n), Arc::clone(&pool));
    Ok(pool)
}

/// What a long call says on its way.
pub(crate) enum News<T> {
    /// A cycle was done.
    Cycle(Cycle),
    /// It is over.
    Done(Box<Result<T, Error>>),
}

/// Runs `work` on a pool; this thread waits in slices, looks for signals and passes cycles to `progress`.
pub(crate) fn until_done<T: Send + 'static>(
    py: Python<'_>,
    n_threads: Option<usize>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&mut (dyn FnMut(&Cycle) + Send), &AtomicBool) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let pool = pool(n_threads)?;
    let cancel = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = channel::<News<T>>();
    // Waiting happens without the GIL, which asks for a value that could be shared.
    let receiver = Mutex::new(receiver);
    let receive = |slice| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(slice);
    let reports = progress.is_some();
    let cancelled = Arc::clone(&cancel);
    pool.spawn(move || {
        let result = work(&mut monitor(reports, &sender), &cancelled);
        // The receiver is gone only when the caller was interrupted and waits no longer.
        drop(sender.send(News::Done(Box::new(result))));
    });
    loop {
        let news = py.detach(|| receive(SLICE));
        let noticed = match news {
            Ok(News::Done(result)) => return (*result).map_err(to_python),
            Ok(News::Cycle(cycle)) => {
                progress.map_or(Ok(()), |p| p.call1((cycle.loglik, cycle.largest_change, cycle.rejected)).map(|_| ()))
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                let message = "the engine failed, which is a bug of mixirt: please report it with the lines above";
                return Err(to_python(Error::Estimation(message.into())));
            }
        };
        if let Err(error) = noticed.and_then(|()| py.check_signals()) {
            cancel.store(true, Ordering::Relaxed);
            // The worker notices within a chunk; until then it still uses the data.
            py.detach(|| while !matches!(receive(SLICE), Ok(News::Done(_)) | Err(RecvTimeoutError::Disconnected)) {});
            return Err(error);
        }
    }
}

fn monitor<T: Send>(reports: bool, sender: &Sender<News<T>>) -> impl FnMut(&Cycle) + Send + '_ {
    move |cycle| {
        if reports {
            drop(sender.send(News::Cycle(*cycle)));
        }
    }
}
