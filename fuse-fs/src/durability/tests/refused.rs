//! The reference judges hand-made trees: illegal ones are refused for the right reason, their legal neighbours are not.

use super::call::Call;
use super::property::prepare;
use super::reference::{Judge, Why, allowed};
use super::rig::{Rig, Sync};
use super::tree::{Node, NodeContent, Tree};
use super::world::History;
use crate::durability::profile::Profile;
use crate::durability::profile::Profile::{Btrfs, Ext4Ordered, Ordered, StrictPosix, Xfs};

const ALL: [Profile; 5] = [Ext4Ordered, Xfs, Ordered, Btrfs, StrictPosix];

/// A history done on a plain directory, and the trees before and after it.
struct Case {
    history: History,
    before: Tree,
    after: Tree,
}

fn case(calls: impl IntoIterator<Item = Call>) -> Case {
    let rig = Rig::plain();
    prepare(&rig);
    let before = rig.tree();
    let mut history = History::from_tree(&before);
    let mut held = None;
    for call in calls {
        history.perform(&rig, &mut held, call);
    }
    Case { history, before, after: rig.tree() }
}

impl Case {
    fn judge(&self, profile: Profile, tree: &Tree) -> Result<(), Why> {
        allowed(Judge { history: &self.history, profile, dropped: false }, tree)
    }

    #[track_caller]
    fn allows(&self, profiles: &[Profile], tree: &Tree) {
        for &profile in profiles {
            assert_eq!(self.judge(profile, tree), Ok(()), "{profile}");
        }
    }

    #[track_caller]
    fn refuses(&self, profiles: &[Profile], tree: &Tree, is_why: fn(&Why) -> bool) {
        for &profile in profiles {
            let verdict = self.judge(profile, tree);
            assert!(verdict.as_ref().is_err_and(is_why), "{profile}: {verdict:?}");
        }
    }
}

fn create(path: &str) -> Call {
    Call::Create(path.into())
}

fn write(path: &str, offset: u64, len: u64) -> Call {
    Call::Write { path: path.into(), offset, len }
}

fn rename(from: &str, to: &str) -> Call {
    Call::Rename { from: from.into(), to: to.into() }
}

fn fsync(path: &str) -> Call {
    Call::Sync { path: path.into(), sync: Sync::Full }
}

fn fdatasync(path: &str) -> Call {
    Call::Sync { path: path.into(), sync: Sync::Data }
}

fn chmod(path: &str) -> Call {
    Call::Chmod { path: path.into(), mode: 0o600 }
}

impl Tree {
    fn without(&self, path: &str) -> Tree {
        let mut tree = self.clone();
        tree.0.remove(path).expect("it was there");
        tree
    }

    fn with(&self, path: &str, node: Node) -> Tree {
        let mut tree = self.clone();
        tree.0.insert(path.into(), node);
        tree
    }

    fn edited(&self, path: &str, edit: impl FnOnce(&mut Node)) -> Tree {
        let mut tree = self.clone();
        edit(tree.0.get_mut(path).expect("it is there"));
        tree
    }

    fn filled(&self, path: &str, data: Vec<u8>) -> Tree {
        self.edited(path, |node| node.kind = NodeContent::File(data))
    }

    /// Under another name too, with both counted.
    fn linked(&self, from: &str, to: &str) -> Tree {
        let mut node = self.0[from].clone();
        node.nlink += 1;
        self.with(from, node.clone()).with(to, node)
    }

    fn data(&self, path: &str) -> Vec<u8> {
        match &self.0[path].kind {
            NodeContent::File(data) => data.clone(),
            other => panic!("{path} is {other:?}"),
        }
    }
}

fn no_boundary(why: &Why) -> bool {
    matches!(why, Why::NoBoundary(_))
}

fn content(why: &Why) -> bool {
    matches!(why, Why::Content(_))
}

fn name(why: &Why) -> bool {
    matches!(why, Why::Name(_))
}

fn lost(why: &Why) -> bool {
    matches!(why, Why::Lost(_))
}

#[test]
fn what_was_before_and_what_was_at_the_end_are_allowed() {
    let case =
        case([create("f"), write("f", 0, 9000), rename("e/g", "d/g"), chmod("d/f"), write("e/f", 100, 600)]);
    case.allows(&ALL, &case.before);
    case.allows(&ALL, &case.after);
}

#[test]
fn an_unknown_inode_is_refused() {
    let case = case([create("f")]);
    let is_stranger = |why: &Why| matches!(why, Why::Stranger(_));
    case.refuses(&ALL, &case.after.edited("f", |node| node.ino += 1_000_000), is_stranger);
    case.refuses(&ALL, &case.after.edited("f", |node| node.kind = NodeContent::Directory), is_stranger);
}

#[test]
fn a_link_count_that_is_not_the_number_of_names_is_refused() {
    let case = case([create("f")]);
    let is_count = |why: &Why| matches!(why, Why::LinkCount(_));
    case.refuses(&ALL, &case.after.edited("f", |node| node.nlink = 2), is_count);
    case.refuses(&ALL, &case.before.without("e/f"), is_count);
}

#[test]
fn a_later_name_without_an_earlier_one_is_refused_where_metadata_is_in_order() {
    let case = case([create("f"), create("d/d")]);
    let later = case.after.without("f");
    case.refuses(&[Ext4Ordered, Xfs, Ordered], &later, no_boundary);
    case.allows(&[Btrfs, StrictPosix], &later);
}

#[test]
fn a_synced_file_without_its_name_is_refused_except_under_strict_posix() {
    let synced = case([create("f"), write("f", 0, 100), fsync("f")]);
    let gone = synced.after.without("f");
    synced.refuses(&[Ext4Ordered, Xfs, Ordered], &gone, no_boundary);
    synced.refuses(&[Btrfs], &gone, name);
    synced.allows(&[StrictPosix], &gone);
    let directory = case([create("f"), fsync(".")]);
    directory.refuses(&[Btrfs, StrictPosix], &directory.after.without("f"), name);
}

#[test]
fn a_name_that_a_synced_directory_does_not_hold_any_more_is_refused() {
    let case = case([Call::Unlink("e/g".into()), fsync("e")]);
    case.refuses(&[Ext4Ordered, Xfs, Ordered], &case.before, no_boundary);
    case.refuses(&[Btrfs, StrictPosix], &case.before, name);
}

#[test]
fn a_moved_file_has_one_name_or_both_but_not_none() {
    let case = case([rename("e/g", "d/g")]);
    let neither = case.before.without("e/g");
    case.refuses(&[Ext4Ordered, Xfs, Ordered], &neither, no_boundary);
    case.refuses(&[Btrfs, StrictPosix], &neither, lost);
    let both = case.before.linked("e/g", "d/g");
    case.refuses(&[Ext4Ordered, Xfs, Ordered], &both, no_boundary);
    case.allows(&[Btrfs, StrictPosix], &both);
}

#[test]
fn a_rename_inside_a_directory_is_whole() {
    let case = case([rename("e/g", "e/e")]);
    let is_half = |why: &Why| matches!(why, Why::HalfRename(_));
    case.refuses(&[Btrfs, StrictPosix], &case.before.linked("e/g", "e/e"), is_half);
    case.refuses(&[Btrfs, StrictPosix], &case.before.without("e/g"), lost);
}

#[test]
fn a_linked_and_unlinked_file_may_be_lost_where_names_are_synced_apart() {
    let case =
        case([Call::Link { from: "e/g".into(), to: "d/g".into() }, Call::Unlink("e/g".into()), fsync("e")]);
    let neither = case.after.without("d/g");
    case.allows(&[Btrfs, StrictPosix], &neither);
    case.refuses(&[Ext4Ordered, Xfs, Ordered], &neither, no_boundary);
}

#[test]
fn a_replaced_name_is_never_absent() {
    let case = case([create("e/d2"), rename("e/d2", "e/g")]);
    case.refuses(&[Btrfs, StrictPosix], &case.before.without("e/g"), name);
}

#[test]
fn a_synced_attribute_is_there_and_fdatasync_need_not_carry_it() {
    let synced = case([chmod("d/f"), fsync("d/f")]);
    synced.refuses(&[Ext4Ordered, Xfs, Ordered], &synced.before, no_boundary);
    let is_attribute = |why: &Why| matches!(why, Why::Attribute(_));
    synced.refuses(&[Btrfs, StrictPosix], &synced.before, is_attribute);
    let data_only = case([chmod("d/f"), fdatasync("d/f")]);
    data_only.allows(&[Ext4Ordered, StrictPosix, Ordered], &data_only.before);
    data_only.refuses(&[Btrfs], &data_only.before, is_attribute);
    data_only.refuses(&[Xfs], &data_only.before, no_boundary);
}

#[test]
fn synced_data_is_there() {
    for sync in [fsync("e/f"), fdatasync("e/f")] {
        let case = case([write("e/f", 0, 8192), sync]);
        case.refuses(&ALL, &case.before, content);
        let mut torn = case.after.data("e/f");
        torn[5000..5512].copy_from_slice(&case.before.data("e/f")[5000..5512]);
        let torn = case.after.filled("e/f", torn.clone()).filled("e/d", torn);
        case.refuses(&ALL, &torn, content);
    }
}

#[test]
fn an_unsynced_write_may_be_torn_at_a_sector_where_it_is_done_in_place() {
    let case = case([write("e/g", 0, 8192)]);
    let mut torn = case.after.data("e/g");
    torn[512..1024].copy_from_slice(&case.before.data("e/g")[512..1024]);
    let at_sector = case.after.filled("e/g", torn.clone());
    case.allows(&[Ext4Ordered, Xfs, StrictPosix], &at_sector);
    case.refuses(&[Btrfs, Ordered], &at_sector, content);
    torn[700] = b'!';
    case.refuses(&ALL, &case.after.filled("e/g", torn), content);
}

#[test]
fn an_ordered_write_may_be_cut_after_a_page() {
    let case = case([write("e/g", 0, 8192)]);
    let mut half = case.before.data("e/g");
    half[..4096].copy_from_slice(&case.after.data("e/g")[..4096]);
    case.allows(&[Ordered], &case.after.filled("e/g", half));
    let mut second = case.before.data("e/g");
    second[4096..8192].copy_from_slice(&case.after.data("e/g")[4096..8192]);
    case.refuses(&[Ordered], &case.after.filled("e/g", second), content);
}

#[test]
fn a_file_grows_with_zeros_on_ext4_and_never_on_xfs_or_btrfs() {
    let case = case([create("f"), write("f", 0, 6000)]);
    let zeros = case.after.filled("f", vec![0; 6000]);
    case.allows(&[Ext4Ordered, StrictPosix], &zeros);
    case.refuses(&[Xfs, Btrfs, Ordered], &zeros, content);
    case.allows(&[Ext4Ordered, Xfs, Btrfs, Ordered, StrictPosix], &case.after.filled("f", Vec::new()));
    case.refuses(&ALL, &case.after.filled("f", vec![0; 6001]), content);
}

#[test]
fn data_written_before_a_truncation_does_not_come_back_after_it() {
    let truncated = Call::Truncate { path: "e/g".into(), size: 0 };
    let case = case([truncated, write("e/g", 0, 4096), fsync("e/g")]);
    let old = case.before.data("e/g")[..4096].to_vec();
    case.refuses(&ALL, &case.after.filled("e/g", old), content);
}

#[test]
fn a_later_write_without_an_earlier_one_is_refused_under_ordered() {
    let case = case([write("e/g", 0, 512), write("e/f", 0, 512)]);
    let later = case.after.filled("e/g", case.before.data("e/g"));
    case.refuses(&[Ordered], &later, content);
    case.allows(&[Ext4Ordered, Xfs, Btrfs, StrictPosix], &later);
}

#[test]
fn with_everything_dropped_nothing_later_than_the_last_sync_is_there() {
    let case = case([create("f"), fsync("f"), create("d/d")]);
    for profile in ALL {
        let judge = Judge { history: &case.history, profile, dropped: true };
        assert_eq!(allowed(judge, &case.after.without("d/d")), Ok(()), "{profile}");
        assert!(allowed(judge, &case.after).is_err(), "{profile}");
    }
}
