//! The calls of a delivery, found by counting it twice, and how the same call is known again in another run.
//!
//! A call is known by its operation, the shape of its path, and the how-many-th call it is that a rule with this operation
//! and shape would count. In a shape, `*` stands for a component that was another one in the second count: a name with a
//! time or a process number in it.

#[cfg(test)]
mod tests;

use fuse_fs::call::Op;
use fuse_fs::mount::trace::FsEvent;
use serde::{Deserialize, Serialize};

/// A path whose changing components are `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Shape(Vec<String>);

const ANY: &str = "*";

impl Shape {
    /// What two paths of as many components have in common.
    fn common(one: &str, other: &str) -> Shape {
        let same = |(one, other): (&str, &str)| if one == other { one } else { ANY }.to_owned();
        Shape(one.split('/').zip(other.split('/')).map(same).collect())
    }

    /// Whether a path has this shape.
    pub(crate) fn fits(&self, path: &str) -> bool {
        let components: Vec<&str> = path.split('/').collect();
        components.len() == self.0.len()
            && self.0.iter().zip(components).all(|(wanted, found)| wanted == ANY || wanted == found)
    }

    /// As a glob of a rule. A `*` in a real name would be taken for any name, which the trace shows afterwards.
    pub(crate) fn glob(&self) -> String {
        let plain = |part: &String| part.chars().fold(String::new(), escape);
        self.0
            .iter()
            .map(|part| if part == ANY { ANY.to_owned() } else { plain(part) })
            .collect::<Vec<_>>()
            .join("/")
    }
}

fn escape(mut text: String, c: char) -> String {
    if r"*?[]{}\".contains(c) {
        text.push('\\');
    }
    text.push(c);
    text
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// One call of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub op: Op,
    pub path: Shape,
    /// Where rename and link lead.
    pub to: Option<Shape>,
    /// The how-many-th call it is among those with this operation and a path (of two, either) of this shape.
    pub occurrence: u64,
    /// The how-many-th call of this operation it is.
    pub number: u64,
}

impl Call {
    /// Whether an event of a trace is a call like this one.
    pub(crate) fn is_like(&self, event: &FsEvent) -> bool {
        let to = match (&self.to, &event.new_path) {
            (Some(shape), Some(path)) => shape.fits(path),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        event.op == self.op && self.path.fits(&event.path) && to
    }

    /// `fsync-2`: its name in the name of a case.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.op, self.number)
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name(), self.path)?;
        self.to.iter().try_for_each(|to| write!(f, " -> {to}"))
    }
}

/// Whether a fault can strike a call of this kind: it changes something, makes it durable, or closes it.
fn counts(op: Op) -> bool {
    op.changes() || op.makes_durable() || op == Op::Flush
}

/// The calls that two counts of one delivery share, in order: those that succeeded, and of closes those of a file that
/// was written.
pub(crate) fn calls(first: &[FsEvent], second: &[FsEvent]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (at, other) in shared(first, second) {
        let event = &first[at];
        let written = |e: &FsEvent| e.op == Op::Write && e.ino == event.ino;
        if event.errno != 0
            || !counts(event.op)
            || (event.op == Op::Flush && !first[..at].iter().any(written))
        {
            continue;
        }
        let path = Shape::common(&event.path, &second[other].path);
        let to = event.new_path.as_deref().zip(second[other].new_path.as_deref());
        calls.push(Call {
            op: event.op,
            to: to.map(|(one, other)| Shape::common(one, other)),
            occurrence: first[..=at].iter().filter(|e| e.op == event.op && either_fits(&path, e)).count()
                as u64,
            path,
            number: calls.iter().filter(|call| call.op == event.op).count() as u64 + 1,
        });
    }
    calls
}

fn either_fits(shape: &Shape, event: &FsEvent) -> bool {
    shape.fits(&event.path) || event.new_path.as_deref().is_some_and(|path| shape.fits(path))
}

/// Positions of a longest common subsequence, so that a call that only one count has does not shift all others.
fn shared(one: &[FsEvent], other: &[FsEvent]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for (i, a) in one.iter().enumerate().rev() {
        for (j, b) in other.iter().enumerate().rev() {
            lengths[i][j] = match alike(a, b) {
                true => lengths[i + 1][j + 1] + 1,
                false => lengths[i + 1][j].max(lengths[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < one.len() && j < other.len() {
        if alike(&one[i], &other[j]) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// The same operation on paths that are the same but for what changes with every message.
fn alike(one: &FsEvent, other: &FsEvent) -> bool {
    let to = match (&one.new_path, &other.new_path) {
        (Some(one), Some(other)) => alike_paths(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    one.op == other.op && alike_paths(&one.path, &other.path) && to
}

fn alike_paths(one: &str, other: &str) -> bool {
    let count = |path: &str| path.split('/').count();
    count(one) == count(other) && one.split('/').zip(other.split('/')).all(|(a, b)| alike_names(a, b))
}

/// Equal but for words with a digit in them (times, process numbers, queue ids such as `1xXO42-00008i-1b`), or both a
/// hexadecimal number of the same length, which may happen to be without a digit.
fn alike_names(one: &str, other: &str) -> bool {
    let hex = |name: &str| name.chars().all(|c| c.is_ascii_hexdigit());
    without_ids(one) == without_ids(other) || one.len() == other.len() && hex(one) && hex(other)
}

fn without_ids(name: &str) -> String {
    let is_id = |word: &str| word.chars().any(|c| c.is_ascii_digit());
    let words = name.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(
            |word| {
                if is_id(word) { word.trim_start_matches(|c: char| c.is_ascii_alphanumeric()) } else { word }
            },
        )
        .collect()
}
