//! A directory tree as a value.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a path leads to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(super) ino: u64,
    pub(super) kind: NodeContent,
    pub(super) mode: u32,
    pub(super) uid: u32,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    pub(super) nlink: u64,
    /// `user.k`.
    pub(super) xattr: Option<String>,
}

/// Its kind, with its content.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum NodeContent {
    File(Vec<u8>),
    Directory,
    Link(String),
}

/// All of a directory by path below it; the directory itself is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(pub(super) BTreeMap<String, Node>);

impl Tree {
    /// Reads a whole directory.
    pub(super) fn read(root: &Path) -> Tree {
        let mut tree = Tree::default();
        tree.add(root, "");
        tree
    }

    fn add(&mut self, root: &Path, below: &str) {
        for entry in std::fs::read_dir(root.join(below)).expect("a directory that was just listed") {
            let name = entry.expect("a readable directory").file_name();
            let name = name.to_str().expect("tests use ASCII names");
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let node = Node::read(&root.join(&path));
            let is_directory = node.kind == NodeContent::Directory;
            self.0.insert(path.clone(), node);
            if is_directory {
                self.add(root, &path);
            }
        }
    }
}

impl Node {
    fn read(path: &Path) -> Node {
        let meta = std::fs::symlink_metadata(path).expect("an entry that was just listed");
        let kind = if meta.is_dir() {
            NodeContent::Directory
        } else if meta.is_symlink() {
            NodeContent::Link(std::fs::read_link(path).expect("a link").to_string_lossy().into_owned())
        } else {
            NodeContent::File(std::fs::read(path).expect("a readable file"))
        };
        Node {
            ino: meta.ino(),
            kind,
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            mtime: meta.mtime(),
            nlink: meta.nlink(),
            xattr: if meta.is_symlink() { None } else { xattr(path) },
        }
    }
}

fn xattr(path: &Path) -> Option<String> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path");
    let mut value = [0u8; 64];
    // SAFETY: both strings end with NUL, the buffer has the length given; all live across the call.
    let read =
        unsafe { libc::getxattr(path.as_ptr(), c"user.k".as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    let read = usize::try_from(read).ok()?;
    Some(String::from_utf8_lossy(&value[..read]).into_owned())
}

/// Length of the run of equal bytes at the start.
fn run(data: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let Some(&first) = data.first() else { return 0 };
    let block = [first; BLOCK];
    let whole = data.chunks_exact(BLOCK).take_while(|chunk| **chunk == block).count() * BLOCK;
    whole + data[whole..].iter().take_while(|byte| **byte == first).count()
}

/// Content as runs of equal bytes: `8192[n*4096 0*4096]`, `0` being zero bytes; at most twelve runs are shown.
pub(crate) fn runs(data: &[u8]) -> String {
    let (mut shown, mut rest) = (Vec::new(), data);
    while !rest.is_empty() && shown.len() < 12 {
        let len = run(rest);
        let letter = match rest[0] {
            0 => '0',
            byte if byte.is_ascii_alphanumeric() => char::from(byte),
            _ => '?',
        };
        shown.push(format!("{letter}*{len}"));
        rest = &rest[len..];
    }
    let more = if rest.is_empty() { "" } else { " ..." };
    format!("{}[{}{more}]", data.len(), shown.join(" "))
}

impl std::fmt::Debug for NodeContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NodeContent::File(data) => f.write_str(&runs(data)),
            NodeContent::Directory => f.write_str("dir"),
            NodeContent::Link(target) => write!(f, "symlink->{target}"),
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{} {:?} nl={} mode={:o} uid={}", self.ino, self.kind, self.nlink, self.mode, self.uid)?;
        self.xattr.as_ref().map_or(Ok(()), |value| write!(f, " xattr={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_shown_as_runs() {
        assert_eq!(runs(&[]), "0[]");
        let data = [vec![b'n'; 8000], vec![0; 100], b"?".to_vec()].concat();
        assert_eq!(runs(&data), "8101[n*8000 0*100 ?*1]");
        assert_eq!(runs(b"abcdefghijklmn").matches('*').count(), 12);
    }
}
