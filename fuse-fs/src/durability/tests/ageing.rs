//! What becomes durable without an fsync: with time alone, on a clock of the test's own, because the storage is full, and with the
//! call itself.

use super::rig::{OpenFile, Rig};
use super::tree::runs;
use crate::clock::testing::pass;
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use std::time::Duration;

/// A storage of which everything is durable.
fn storage(profile: Profile) -> Rig {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    rig.mkdir("a").expect("a new directory");
    rig.volatile().make_durable();
    rig
}

fn file(rig: &Rig, path: &str) -> OpenFile {
    rig.open(path, libc::O_RDWR | libc::O_CREAT, 0o644).expect("opened")
}

fn write(rig: &Rig, path: &str, offset: u64, letter: u8, len: usize) {
    let file = file(rig, path);
    rig.write(&file, offset, &vec![letter; len]).expect("written");
    rig.close(file).expect("closed");
}

fn sync_another(rig: &Rig) {
    write(rig, "u", 0, b'x', 100);
    rig.sync_path("u", super::rig::Sync::Full).expect("synced");
}

/// The timers run each second, as on a mount.
fn wait(rig: &Rig, seconds: u64) {
    for _ in 0..seconds {
        pass(Duration::from_secs(1));
        rig.volatile().age();
    }
}

/// What a cut leaves of `a/A` that loses all it may.
fn left(mut rig: Rig) -> String {
    rig.cut(CutMode::DropUnsynced, 1).expect("the cut ends");
    std::fs::read(rig.backing().join("a/A")).map_or_else(|_| "nothing".to_owned(), |data| runs(&data))
}

fn of_each(profiles: [Profile; 3], done: impl Fn(&Rig)) -> [String; 3] {
    profiles.map(|profile| {
        let rig = storage(profile);
        done(&rig);
        left(rig)
    })
}

const TIMED: [Profile; 3] = [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs];

#[test]
fn what_is_old_stays_in_a_page_that_is_written_again() {
    let appended_to = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'n', 100);
        wait(rig, 45);
        write(rig, "a/A", 100, b'm', 100);
    });
    assert_eq!(appended_to, ["100[n*100]", "0[]", "0[]"], "45 seconds are not enough for the last two");
    let later = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'n', 100);
        wait(rig, 70);
        write(rig, "a/A", 100, b'm', 100);
    });
    assert_eq!(later, ["100[n*100]"; 3]);
}

#[test]
fn a_commit_shows_growth_as_zeros_and_what_was_old_before_it() {
    let committed = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'n', 100);
        wait(rig, 70);
        write(rig, "a/A", 100, b'm', 100);
        sync_another(rig);
    });
    assert_eq!(committed, ["200[n*100 0*100]", "100[n*100]", "100[n*100]"]);
}

#[test]
fn a_file_that_grows_all_the_time_loses_only_what_is_young() {
    let appended_to = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'o', 100);
        rig.volatile().make_durable();
        for (n, letter) in (1..).zip(*b"abcdefgh") {
            wait(rig, 12);
            write(rig, "a/A", n * 100, letter, 100);
        }
    });
    // It ends at 96 s. Under ext4 what was written by 56 s is durable, and sizes by 90 s; under the others what was written by
    // 36 s and by 34 s.
    assert_eq!(appended_to[0], "800[o*100 a*100 b*100 c*100 d*100 0*300]");
    assert_eq!(appended_to[1..], ["300[o*100 a*100 b*100]"; 2]);
}

#[test]
fn what_is_overwritten_each_second_is_never_older_than_the_timers_allow() {
    let overwritten = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'o', 8192);
        rig.volatile().make_durable();
        for letter in (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').chain(b'a'..=b'z') {
            write(rig, "a/A", 0, letter, 8192);
            wait(rig, 1);
        }
    });
    let letter = |shown: &String| shown.chars().nth("8192[".len()).expect("it shows what it holds");
    let allowed = ["OPQRSTUVWXYZ", "uvwxyzABCDEF", "uvwxyzABCDEF"];
    for (shown, allowed) in overwritten.iter().zip(allowed) {
        assert!(shown.ends_with("*8192]") && allowed.contains(letter(shown)), "{overwritten:?}");
    }
}

#[test]
fn a_page_in_writeback_ages_as_any_other() {
    let rewritten = |seconds: u64| {
        of_each(TIMED, |rig| {
            write(rig, "a/A", 0, b'o', 8192);
            rig.volatile().make_durable();
            rig.truncate("a/A", 0).expect("cut");
            // Closing it starts writeback of the first, the others come while that is under way.
            for letter in *b"nmk" {
                write(rig, "a/A", 0, letter, 4096);
                wait(rig, 12);
            }
            wait(rig, seconds);
        })
    };
    assert_eq!(rewritten(0), ["4096[n*4096]"; 3]);
    assert_eq!(rewritten(24), ["4096[m*4096]", "4096[n*4096]", "4096[n*4096]"]);
    assert_eq!(rewritten(44), ["4096[k*4096]", "4096[m*4096]", "4096[m*4096]"]);
    assert_eq!(rewritten(52), ["4096[k*4096]"; 3]);
}

#[test]
fn a_truncation_to_the_same_size_keeps_nothing() {
    for profile in TIMED {
        let rig = storage(profile);
        write(&rig, "a/A", 0, b'o', 5000);
        rig.volatile().make_durable();
        write(&rig, "a/A", 0, b'n', 5000);
        wait(&rig, 6);
        let held = rig.volatile().held_in_memory();
        (0..9).for_each(|_| rig.truncate("a/A", 5000).expect("the same"));
        assert_eq!(rig.volatile().held_in_memory(), held, "{profile}");
    }
}

#[test]
fn memory_is_given_back_by_the_timers() {
    for profile in TIMED {
        let rig = storage(profile);
        write(&rig, "a/A", 0, b'o', 1 << 20);
        rig.volatile().make_durable();
        for second in 0..200 {
            write(&rig, "a/A", 0, b'a' + second % 26, 1 << 20);
            wait(&rig, 1);
        }
        let held = rig.volatile().held_in_memory() >> 20;
        assert!(held <= 16, "{profile}: {held} MiB for a file of one");
        wait(&rig, 70);
        assert_eq!((rig.volatile().held_in_memory(), rig.volatile().pending()), (0, 0), "{profile}");
    }
}

#[test]
fn what_was_deleted_makes_room_when_it_is_old() {
    for profile in TIMED {
        let rig = storage(profile);
        write(&rig, "a/A", 0, b'o', 8192);
        rig.unlink("a/A").expect("unlinked");
        let kept = || rig.volatile().limbo.inodes().expect("it can be read").len();
        assert_eq!(kept(), 1, "{profile}");
        wait(&rig, 32);
        assert_eq!(kept(), 0, "{profile}");
    }
}

#[test]
fn a_full_storage_lets_go_of_what_was_deleted() {
    for profile in [TIMED.as_slice(), &[Profile::Ordered, Profile::StrictPosix]].concat() {
        let rig = storage(profile);
        write(&rig, "a/B", 0, b'o', 8192);
        write(&rig, "a/A", 0, b'o', 8192);
        rig.volatile().make_durable();
        assert!(!rig.volatile().make_room(), "{profile}: nothing was deleted");
        rig.unlink("a/A").expect("unlinked");
        write(&rig, "a/B", 0, b'n', 8192);
        assert!(rig.volatile().make_room(), "{profile}");
        assert!(rig.volatile().limbo.inodes().expect("it can be read").is_empty(), "{profile}");
        assert_eq!(left(rig), "nothing", "{profile}");
    }
}

#[test]
fn a_file_of_holes_is_cut_and_comes_back_without_being_read() {
    const TERABYTE: u64 = 1 << 40;
    for profile in [TIMED.as_slice(), &[Profile::Ordered, Profile::StrictPosix]].concat() {
        let rig = storage(profile);
        for path in ["a/A", "a/B"] {
            write(&rig, path, 0, b'o', 4096);
            rig.truncate(path, TERABYTE).expect("longer");
        }
        rig.volatile().make_durable();
        rig.truncate("a/A", 0).expect("cut");
        rig.fallocate("a/B", libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, 0, TERABYTE)
            .expect("punched");
        rig.unlink("a/B").expect("unlinked");
        let mut rig = rig;
        rig.cut(CutMode::DropUnsynced, 1).expect("the cut ends");
        for path in ["a/A", "a/B"] {
            use std::os::unix::fs::{FileExt, MetadataExt};
            let file = std::fs::File::open(rig.backing().join(path)).expect("it is back");
            let metadata = file.metadata().expect("it is open");
            let mut data = vec![0; 8192];
            file.read_exact_at(&mut data, 0).expect("it is long");
            assert_eq!(
                (metadata.len(), runs(&data).as_str()),
                (TERABYTE, "8192[o*4096 0*4096]"),
                "{profile}"
            );
            assert!(metadata.blocks() * 512 <= 1 << 20, "{profile}: {} sectors", metadata.blocks());
        }
    }
}

#[test]
fn a_write_may_be_durable_by_itself() {
    for flags in [libc::O_DSYNC, libc::O_SYNC] {
        let written = of_each(TIMED, |rig| {
            write(rig, "a/A", 0, b'o', 100);
            rig.volatile().make_durable();
            let file = file(rig, "a/A");
            rig.write_with(&file, 100, &[b'n'; 100], flags).expect("written");
            rig.write(&file, 200, &[b'm'; 100]).expect("written");
            rig.close(file).expect("closed");
        });
        assert_eq!(written, ["200[o*100 n*100]"; 3], "flags {flags:o}");
    }
}

#[test]
fn copies_and_allocations_through_a_synchronous_file_are_durable() {
    let copied = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'o', 100);
        write(rig, "a/B", 0, b'n', 200);
        rig.volatile().make_durable();
        rig.copy("a/B", "a/A", libc::O_DSYNC, 200).expect("copied");
    });
    assert_eq!(copied, ["200[n*200]"; 3]);
    let allocated = of_each(TIMED, |rig| {
        write(rig, "a/A", 0, b'o', 100);
        rig.volatile().make_durable();
        rig.fallocate_with("a/A", libc::O_SYNC, 0, 300).expect("allocated");
    });
    assert_eq!(allocated, ["300[o*100 0*200]"; 3]);
}
