//! How busy the machine is, into the history.

use crate::machine::load::LoadMeter;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::recorder::Recorder;

/// Writes down how busy the machine is, until what is returned is dropped.
///
/// # Errors
/// No thread can be started.
pub(crate) fn noted(history: &Recorder) -> std::io::Result<LoadMeter> {
    let history = history.clone();
    LoadMeter::start(move |load| {
        let rounded = |share: f64| (share * 1000.0).round() / 1000.0;
        let late = Nanos(u64::try_from(load.late.as_nanos()).unwrap_or(u64::MAX));
        let (processor, disk) = (load.processor.map(rounded), load.disk.map(rounded));
        history.record(Event::Load { at: Nanos::now(), processor, disk, late });
    })
}
