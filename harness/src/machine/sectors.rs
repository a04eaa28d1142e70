//! Where a file system keeps what on its device, as its own tools tell (`dumpe2fs`, `debugfs`, `xfs_db`); of btrfs it is known: three
//! copies of the superblock at fixed places (btrfs(5), "on-disk format").
//!
//! It is asked of a file system that was just made, and holds as long as nobody makes it larger. What moves is looked up later
//! ([`super::contents`]).

use super::daemons::path_with_daemons;
use fuse_fs::rules::rule::{Holds, Rule};
use record::plan::device::Filesystem;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

/// Of the superblock of btrfs: where it lies, and how long it is.
const BTRFS_SUPERBLOCKS: [u64; 3] = [64 << 10, 64 << 20, 256 << 30];
const BTRFS_SUPERBLOCK: u64 = 4096;

/// By what they hold: ranges of bytes of the device.
pub(crate) type Places = BTreeMap<Holds, Vec<Range<u64>>>;

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SectorsError {
    #[error("cannot ask `{tool}` what lies where: {why}")]
    Tool { tool: &'static str, why: String },
    #[error(
        "`{tool}` does not say where the {what} of {filesystem} lies; a fault that names it cannot strike"
    )]
    NotTold { tool: &'static str, what: Holds, filesystem: Filesystem },
}

/// Tells the rules that ask for it where what they name lies on the device `image`.
///
/// # Errors
/// A tool does not say.
pub(crate) fn locate(rules: &mut [Rule], filesystem: Filesystem, image: &Path) -> Result<(), SectorsError> {
    let stays = |what: &&Holds| !what.moves();
    if rules.iter().flat_map(|rule| &rule.selector.holds).all(|what| what.moves()) {
        return Ok(());
    }
    let places = match filesystem {
        Filesystem::Ext4 => ext4(image)?,
        Filesystem::Xfs => xfs(&ask("xfs_db", &["-r", "-c", "sb 0", "-c", XFS_FIELDS], image)?),
        Filesystem::Btrfs => btrfs(),
    };
    for selector in rules.iter_mut().map(|rule| &mut rule.selector) {
        for what in selector.holds.iter().filter(stays) {
            let not_told = || SectorsError::NotTold { tool: teller(filesystem), what: *what, filesystem };
            let found = places.get(what).filter(|ranges| !ranges.is_empty()).ok_or_else(not_told)?;
            selector.sectors.extend(found.iter().cloned());
        }
    }
    Ok(())
}

/// What a fault may ask of a file system.
pub(crate) fn known(filesystem: Filesystem) -> &'static [Holds] {
    match filesystem {
        Filesystem::Ext4 => {
            &[Holds::Superblock, Holds::Journal, Holds::InodeTable, Holds::Data, Holds::Directory]
        }
        Filesystem::Xfs => &[Holds::Superblock, Holds::Journal, Holds::Data, Holds::Directory],
        Filesystem::Btrfs => &[Holds::Superblock],
    }
}

fn teller(filesystem: Filesystem) -> &'static str {
    match filesystem {
        Filesystem::Ext4 => "dumpe2fs",
        Filesystem::Xfs => "xfs_db",
        Filesystem::Btrfs => "btrfs",
    }
}

fn ask(tool: &'static str, arguments: &[&str], image: &Path) -> Result<String, SectorsError> {
    let failed = |why: String| SectorsError::Tool { tool, why };
    let mut command = Command::new(tool);
    command.env("PATH", path_with_daemons()).env("LC_ALL", "C").args(arguments).arg(image);
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))),
    }
}

fn ext4(image: &Path) -> Result<Places, SectorsError> {
    let groups = ask("dumpe2fs", &[], image)?;
    let inode = value(&groups, "Journal inode:").unwrap_or(8);
    let journal = ask("debugfs", &["-R", &format!("stat <{inode}>")], image)?;
    Ok(of_ext4(&groups, &journal))
}

fn of_ext4(groups: &str, journal: &str) -> Places {
    let block = value(groups, "Block size:").unwrap_or(4096);
    let bytes = |(first, last): (u64, u64)| first * block..(last + 1) * block;
    let after =
        |line: &'_ str, word: &str| line.split_once(word).and_then(|(_, rest)| blocks(rest)).map(bytes);
    let every = |words: &[&str]| {
        let lines = groups.lines().map(str::trim);
        lines.filter_map(|line| words.iter().find_map(|word| after(line, word))).collect()
    };
    let extents = journal.lines().skip_while(|line| !line.starts_with("EXTENTS:")).skip(1);
    let extents = extents.flat_map(|line| line.split(", ")).filter_map(|one| blocks(one.split_once("):")?.1));
    BTreeMap::from([
        (Holds::Superblock, every(&["rimary superblock at ", "ackup superblock at "])),
        (Holds::InodeTable, every(&["Inode table at "])),
        (Holds::Journal, extents.map(bytes).collect()),
    ])
}

/// The number behind a label.
fn value(text: &str, label: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(label))?.trim().parse().ok()
}

/// `41-1064` or `41`, whatever follows.
fn blocks(text: &str) -> Option<(u64, u64)> {
    let numbers = text.split(|c: char| !(c.is_ascii_digit() || c == '-')).next()?;
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Some((first.parse().ok()?, last.parse().ok()?))
}

const XFS_FIELDS: &str = "print blocksize sectsize agblocks agcount logstart logblocks agblklog";

/// A block's number has the allocation group in its upper bits (xfs_db(8), "fsblock").
fn xfs(superblock: &str) -> Places {
    let field = |name: &str| {
        let line = superblock.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
        line.and_then(|value| value.trim().parse::<u64>().ok())
    };
    let places = || {
        let (block, sector, of_group) = (field("blocksize")?, field("sectsize")?, field("agblocks")?);
        let (log, bits) = (field("logstart")?, u32::try_from(field("agblklog")?).ok()?);
        let log_at = ((log >> bits) * of_group + (log & ((1 << bits) - 1))) * block;
        let journal = log_at..log_at + field("logblocks")? * block;
        let superblock = |group: u64| group * of_group * block..group * of_group * block + sector;
        Some(BTreeMap::from([
            (Holds::Superblock, (0..field("agcount")?).map(superblock).collect()),
            (Holds::Journal, vec![journal]),
        ]))
    };
    places().unwrap_or_default()
}

fn btrfs() -> Places {
    let copies = BTRFS_SUPERBLOCKS.iter().map(|&at| at..at + BTRFS_SUPERBLOCK);
    BTreeMap::from([(Holds::Superblock, copies.collect())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ext4_is_told_by_group_and_extent() {
        let groups = "Block size:               4096\nJournal inode:            8\n\
                      Group 0: (Blocks 0-32767)\n  Primary superblock at 0, Group descriptors at 1-1\n  \
                      Inode table at 41-1064 (+41)\n\
                      Group 1: (Blocks 32768-65535)\n  Backup superblock at 32768, Group descriptors at 32769-32769\n  \
                      Inode table at 1065-2088 (bg #0 + 1065)\n";
        let journal = "Inode: 8   Type: regular\nEXTENTS:\n(0-9):15-24, (10):26, (11-1023):1066-2064\n";
        let found = of_ext4(groups, journal);
        let block = |first: u64, last: u64| first * 4096..(last + 1) * 4096;
        assert_eq!(found[&Holds::Superblock], [block(0, 0), block(32768, 32768)]);
        assert_eq!(found[&Holds::InodeTable], [block(41, 1064), block(1065, 2088)]);
        assert_eq!(found[&Holds::Journal], [block(15, 24), block(26, 26), block(1066, 2064)]);
    }

    #[test]
    fn xfs_is_told_by_its_superblock() {
        let told = "blocksize = 4096\nsectsize = 512\nagblocks = 19200\nagcount = 2\nlogstart = 32774\nlogblocks = 16384\n\
                    agblklog = 15\n";
        let found = xfs(told);
        let group = 19200 * 4096;
        assert_eq!(found[&Holds::Superblock], [0..512, group..group + 512]);
        let journal = (19200 + 6) * 4096..(19200 + 6 + 16384) * 4096;
        assert_eq!(found[&Holds::Journal], [journal]);
        assert_eq!(xfs("nothing"), Places::new());
    }

    #[test]
    fn what_may_be_asked_is_what_is_told() {
        let stay = |filesystem| known(filesystem).iter().filter(|what| !what.moves());
        assert!(btrfs().keys().eq(stay(Filesystem::Btrfs)));
        assert!(of_ext4("", "").keys().eq(stay(Filesystem::Ext4)));
    }
}
