//! How busy the machine is while a run goes on, so that nothing that is late is held against a mail server which got no
//! processor or no disk.
//!
//! Every second one [`Load`]: the share of the time in which somebody waited for a processor, and for the disk, as the
//! kernel counts it (pressure stall information); and by how much a thread of our own was woken too late at worst, which
//! every kernel shows.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the thread wants to be woken.
const BEAT: Duration = Duration::from_millis(20);

/// Time that one [`Load`] is about.
const EVERY: Duration = Duration::from_secs(1);

/// How busy the machine was for about a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Load {
    /// Share of the time in which somebody waited for a processor, from 0 to 1; none if the kernel does not say.
    pub processor: Option<f64>,
    /// The same for the disk.
    pub disk: Option<f64>,
    /// How much too late a thread was woken at worst.
    pub late: Duration,
}

/// Measures until it is dropped.
pub(crate) struct LoadMeter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LoadMeter {
    /// Begins; `each` is shown every [`Load`], on a thread of its own.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(each: impl Fn(Load) + Send + 'static) -> std::io::Result<LoadMeter> {
        let (stop, stopped) = channel::<()>();
        let measure = move || {
            let (mut since, mut before, mut late) = (Instant::now(), Stalls::now(), Duration::ZERO);
            loop {
                let asleep = Instant::now();
                if stopped.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                late = late.max(asleep.elapsed().saturating_sub(BEAT));
                if since.elapsed() >= EVERY {
                    let now = Stalls::now();
                    each(before.until(now, since.elapsed(), late));
                    (since, before, late) = (Instant::now(), now, Duration::ZERO);
                }
            }
        };
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(measure)?;
        Ok(LoadMeter { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for LoadMeter {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It ends within a beat: it waits for nothing else.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Time for which somebody has waited since the machine started, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stalls {
    processor: Option<u64>,
    disk: Option<u64>,
}

impl Stalls {
    fn now() -> Stalls {
        let of = |what| stalled(&std::fs::read_to_string(format!("/proc/pressure/{what}")).ok()?);
        Stalls { processor: of("cpu"), disk: of("io") }
    }

    fn until(self, later: Stalls, took: Duration, late: Duration) -> Load {
        let share = |one: Option<u64>, other: Option<u64>| {
            let stalled = Duration::from_micros(other?.saturating_sub(one?));
            Some((stalled.as_secs_f64() / took.as_secs_f64()).min(1.0))
        };
        let (processor, disk) = (share(self.processor, later.processor), share(self.disk, later.disk));
        Load { processor, disk, late }
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=4711`: at least one waited.
fn stalled(pressure: &str) -> Option<u64> {
    let line = pressure.lines().find(|line| line.starts_with("some "))?;
    line.split_whitespace().find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

/// A machine on which somebody waits for a processor for a smaller share of the time, in percent, is calm.
const CALM: f64 = 50.0;

/// Waits until the machine is calm, at most `limit`, or until `stopped`; whether it is. Where the kernel does not say how
/// busy it is, it is.
pub(crate) fn calm(limit: Duration, stopped: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        let pressure = std::fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
        if lately(&pressure).is_none_or(|percent| percent < CALM) {
            return true;
        }
        if stopped() || Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}

/// The kernel renews its averages every two seconds.
const LOOK: Duration = Duration::from_millis(500);

/// In the last ten seconds, in percent.
fn lately(pressure: &str) -> Option<f64> {
    let line = pressure.lines().find(|line| line.starts_with("some "))?;
    line.split_whitespace().find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn pressure_is_the_share_of_the_time_in_which_somebody_waited() {
        let text = "some avg10=1.00 avg60=0.00 avg300=0.00 total=4711\nfull avg10=0.00 total=3\n";
        assert_eq!((stalled(text), stalled("full total=3\n")), (Some(4711), None));
        let at = |micros| Stalls { processor: Some(micros), disk: None };
        let load = at(500_000).until(at(1_250_000), Duration::from_secs(1), Duration::ZERO);
        assert_eq!(load, Load { processor: Some(0.75), disk: None, late: Duration::ZERO });
    }

    #[test]
    fn calm_is_what_the_kernel_calls_it_and_is_not_waited_for_for_ever() {
        assert_eq!(lately("some avg10=51.20 avg60=0.00 avg300=0.00 total=1\n"), Some(51.2));
        assert_eq!(lately(""), None);
        calm(Duration::ZERO, || true);
    }

    #[test]
    fn it_measures_until_it_is_dropped() {
        let (seen, loads) = channel();
        let meter = LoadMeter::start(move |load| _ = seen.send(load)).expect("a thread");
        loads.recv_timeout(Duration::from_secs(60)).expect("one a second");
        drop(meter);
        while loads.try_recv().is_ok() {}
        assert!(loads.recv().is_err(), "nobody measures any more");
    }
}
