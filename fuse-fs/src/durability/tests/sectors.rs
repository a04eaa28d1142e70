//! What a disk writes as a whole or not at all.

use super::rig::Rig;
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};

const PAGES: usize = 32;

/// Pages that are neither old nor new after `seed`'s cut.
fn torn(whole: bool, seed: u64) -> usize {
    let mut rig = Rig::new(Persistence { profile: Profile::StrictPosix, ..Persistence::default() });
    if whole {
        rig.volatile().keep_pages_whole();
    }
    // The second cut is of the same disk.
    (0..2).map(|n| torn_by_a_cut(&mut rig, 2 * seed + n)).sum()
}

fn torn_by_a_cut(rig: &mut Rig, seed: u64) -> usize {
    let file = rig.open("device", libc::O_CREAT | libc::O_RDWR, 0o600).expect("made");
    rig.write(&file, 0, &[b'a'; PAGES * 4096]).expect("written");
    rig.sync_all();
    rig.write(&file, 0, &[b'b'; PAGES * 4096]).expect("written");
    rig.cut(CutMode::Random, seed).expect("the power can be cut");
    let left = std::fs::read(rig.backing().join("device")).expect("it is there");
    left.chunks(4096).filter(|page| page.contains(&b'a') && page.contains(&b'b')).count()
}

#[test]
fn sectors_of_a_whole_page_are_never_torn_and_smaller_ones_are() {
    let all = |whole| (0..40).map(|seed| torn(whole, seed)).sum::<usize>();
    assert_eq!(all(true), 0);
    assert!(all(false) > 0);
}
