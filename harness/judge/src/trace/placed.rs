//! Whose sectors a call of a device touched, as they lay when the fault was armed that struck it.

use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use record::ledger::Ledger;
use record::ledger::entry::Placed;
use std::collections::HashMap;

/// What one arming told: by ranges of bytes, in their order, the paths.
type Told<'a> = Vec<(u64, u64, &'a str)>;

/// By storage and rule, in the order of time.
#[derive(Default)]
pub(super) struct Sectors<'a>(HashMap<(&'a str, &'a str), Vec<(Nanos, Told<'a>)>>);

impl<'a> Sectors<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> Sectors<'a> {
        let mut sectors = Sectors::default();
        for placed in &ledger.placed {
            let armings = sectors.0.entry((&placed.storage, &placed.rule)).or_default();
            armings.push((placed.at, told(placed)));
        }
        sectors
    }

    /// The first of them, if the rule was told of any that the call touched.
    pub(super) fn touched(&self, storage: &str, rule: &str, call: &FsEvent) -> Option<&'a str> {
        let armings = self.0.get(&(storage, rule))?;
        let before = armings.partition_point(|(at, _)| *at <= call.at);
        let (_, told) = armings.get(before.checked_sub(1)?)?;
        let next = told.partition_point(|(_, to, _)| *to <= call.offset);
        let (from, _, path) = told.get(next)?;
        (*from < call.offset.saturating_add(call.len)).then_some(*path)
    }
}

fn told(placed: &Placed) -> Told<'_> {
    let ranges = placed.held.iter().flat_map(|one| one.at.iter().map(|(from, to)| (*from, *to, &*one.path)));
    let mut told: Told<'_> = ranges.collect();
    told.sort_unstable();
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::held::Held;

    fn call(at: u64, offset: u64, len: u64) -> FsEvent {
        serde_json::from_value(serde_json::json!({
            "at": at, "seq": 1, "op": "read", "ino": 1, "path": "device", "offset": offset, "len": len, "pid": 1,
        }))
        .expect("a call")
    }

    #[test]
    fn a_call_touches_what_lay_there_when_its_fault_was_armed() {
        let held = |path: &str, at| Held { path: path.to_owned(), at };
        let placed = |at, held| Placed { at: Nanos(at), storage: "d".into(), rule: "r".into(), held };
        let first =
            placed(10, vec![held("a", vec![(8192, 12288), (0, 4096)]), held("b", vec![(4096, 8192)])]);
        let mut ledger = Ledger::default();
        ledger.placed.extend([first, placed(20, vec![])]);
        let sectors = Sectors::of(&ledger);
        let touched = |at, offset, len| sectors.touched("d", "r", &call(at, offset, len));
        assert_eq!([touched(9, 0, 4096), touched(20, 0, 4096)], [None, None]);
        assert_eq!(
            [touched(10, 0, 1), touched(10, 4096, 512), touched(19, 8192, 512)],
            ["a", "b", "a"].map(Some)
        );
        assert_eq!([touched(10, 2048, 8192), touched(10, 12288, 512)], [Some("a"), None]);
        assert_eq!(sectors.touched("d", "other", &call(10, 0, 1)), None);
    }
}
