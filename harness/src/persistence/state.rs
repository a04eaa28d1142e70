//! What a storage holds: a directory tree as text, for comparing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Runs of equal bytes that are told of one file.
const MOST_RUNS: usize = 16;

/// Everything below a directory by its path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State(BTreeMap<String, Node>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Node {
    Directory,
    /// Its content in runs of equal bytes, and its number of names.
    File {
        content: String,
        names: u64,
    },
}

impl State {
    /// # Errors
    /// Something in it cannot be read.
    pub(super) fn read(root: &Path) -> io::Result<State> {
        let mut state = State::default();
        state.add(root, "")?;
        Ok(state)
    }

    fn add(&mut self, root: &Path, below: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(root.join(below))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let found = std::fs::symlink_metadata(root.join(&path))?;
            if found.is_dir() {
                self.0.insert(path.clone(), Node::Directory);
                self.add(root, &path)?;
            } else {
                let content = runs(&std::fs::read(root.join(&path))?);
                self.0.insert(path, Node::File { content, names: found.nlink() });
            }
        }
        Ok(())
    }

    /// Names and kinds without contents.
    pub(super) fn names(&self) -> State {
        let without = |node: &Node| match node {
            Node::Directory => Node::Directory,
            Node::File { names, .. } => Node::File { content: String::new(), names: *names },
        };
        State(self.0.iter().map(|(path, node)| (path.clone(), without(node))).collect())
    }

    /// Every file with its content.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, node)| match node {
            Node::Directory => None,
            Node::File { content, .. } => Some((path.as_str(), content.as_str())),
        })
    }
}

impl fmt::Display for State {
    /// Without the directories that there are always, where they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let always = super::sequence::DIRECTORIES;
        let missing =
            always.iter().filter(|path| !self.0.contains_key(**path)).map(|path| format!("{path}=-"));
        let told = self.0.iter().filter(|(path, _)| !always.contains(&path.as_str()));
        let told = told.map(|(path, node)| format!("{path}={node}"));
        let parts: Vec<String> = missing.chain(told).collect();
        f.write_str(&if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Directory => f.write_str("dir"),
            Node::File { content, names: 1 } => f.write_str(content),
            Node::File { content, names } => write!(f, "{content} nl={names}"),
        }
    }
}

/// `8192[n*4096 0*4096]`, `0` being zero bytes.
fn runs(data: &[u8]) -> String {
    let letter = |byte: u8| match byte {
        0 => '0',
        byte if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '?',
    };
    let mut shown: Vec<String> = data
        .chunk_by(|one, next| one == next)
        .take(MOST_RUNS + 1)
        .map(|run| format!("{}*{}", letter(run[0]), run.len()))
        .collect();
    if shown.len() > MOST_RUNS {
        // What lies beyond must differ where the bytes do.
        shown[MOST_RUNS] = format!("... {}", &blake3::hash(data).to_hex()[..16]);
    }
    format!("{}[{}]", data.len(), shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_as_text() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("a/d")).expect("made");
        std::fs::write(root.path().join("a/A"), [vec![b'n'; 4096], vec![0; 10]].concat()).expect("written");
        std::fs::hard_link(root.path().join("a/A"), root.path().join("a/d/B")).expect("linked");
        let state = State::read(root.path()).expect("read");
        insta::assert_snapshot!(state, @"b=-; u=-; tmp=-; new=-; cur=-; a/A=4106[n*4096 0*10] nl=2; a/d=dir; a/d/B=4106[n*4096 0*10] nl=2");
        insta::assert_snapshot!(state.names(), @"b=-; u=-; tmp=-; new=-; cur=-; a/A= nl=2; a/d=dir; a/d/B= nl=2");
    }

    #[test]
    fn contents_with_many_runs_are_told_apart() {
        let bytes = |last: u8| (0..200u8).map(|n| b'a' + n % 7).chain([last]).collect::<Vec<_>>();
        assert_ne!(runs(&bytes(b'x')), runs(&bytes(b'y')));
        assert_eq!(runs(&[]), "0[]");
    }
}
