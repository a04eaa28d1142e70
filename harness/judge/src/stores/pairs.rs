//! Which message of A is which message of B, for one user, whatever UIDs a mover gave.
//!
//! In this order, and each message once: the same bytes in the same folder; the same bytes in another folder; and among what is left,
//! other bytes in the same folder under the same UID with the same date, under the same Message-ID, in any folder under the same
//! Message-ID, and with the same date and size where only one of each side has them. Of several with the same bytes those with the same flags,
//! keywords and date belong together first, so that a copy with other flags accuses nobody while its twin is there.

use jiff::Timestamp;
use record::history::digest::Digest;
use record::inventory::folder::FolderName;
use record::inventory::line::Message;
use record::inventory::reader::UserMail;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A message and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) folder: &'a FolderName,
    pub(super) validity: Option<u32>,
    pub(super) message: &'a Message,
}

/// Of the same bytes, a pair in one folder or in two; or of one message with other bytes.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    pub(super) in_place: Vec<[Item<'a>; 2]>,
    pub(super) moved: Vec<[Item<'a>; 2]>,
    pub(super) changed: Vec<[Item<'a>; 2]>,
    pub(super) only_a: Vec<Item<'a>>,
    pub(super) only_b: Vec<Item<'a>>,
    /// Digests of all messages of A.
    pub(super) digests_a: HashSet<Digest>,
    /// Of B.
    pub(super) digests_b: HashSet<Digest>,
}

pub(super) fn items(mail: &UserMail) -> Vec<Item<'_>> {
    let of = |folder: &'_ record::inventory::reader::FolderMail| folder.messages.len();
    let mut all = Vec::with_capacity(mail.folders.iter().map(of).sum());
    for folder in &mail.folders {
        let place = |message| Item { folder: &folder.folder, validity: folder.uid_validity, message };
        all.extend(folder.messages.iter().map(place));
    }
    all
}

pub(super) fn pairs<'a>(a: &'a UserMail, b: &'a UserMail) -> Pairs<'a> {
    let mut left = [items(a), items(b)];
    let [digests_a, digests_b] =
        [&left[0], &left[1]].map(|side| side.iter().map(|item| item.message.facts.digest).collect());
    let in_place = take(&mut left, |item| Some((item.folder, item.message.facts.digest)));
    let moved = take(&mut left, |item| Some(item.message.facts.digest));
    let changed = changed(&mut left);
    let [only_a, only_b] = left;
    Pairs { in_place, moved, changed, only_a, only_b, digests_a, digests_b }
}

fn changed<'a>(left: &mut [Vec<Item<'a>>; 2]) -> Vec<[Item<'a>; 2]> {
    let mut found =
        take(left, |item| Some((item.folder, item.validity?, item.message.uid?, item.message.date?)));
    found.extend(take(left, |item| Some((item.folder, item.message.facts.message_id.as_deref()?))));
    found.extend(take(left, |item| item.message.facts.message_id.as_deref()));
    let like = |item: &Item<'a>| Some((item.folder, item.message.date?, item.message.facts.size));
    let [once_a, once_b] = [once(&left[0], like), once(&left[1], like)];
    let alone = |item: &Item<'a>| like(item).filter(|key| once_a.contains(key) && once_b.contains(key));
    found.extend(take(left, alone));
    found
}

/// Keys that exactly one has.
fn once<'a, K: Eq + Hash>(items: &[Item<'a>], key: impl Fn(&Item<'a>) -> Option<K>) -> HashSet<K> {
    let mut count: HashMap<K, usize> = HashMap::new();
    items.iter().filter_map(key).for_each(|key| *count.entry(key).or_default() += 1);
    count.into_iter().filter(|(_, n)| *n == 1).map(|(key, _)| key).collect()
}

/// Takes pairs of one key off both sides; what has no key, or no partner, stays, in its order.
fn take<'a, K: Eq + Hash>(
    [a, b]: &mut [Vec<Item<'a>>; 2],
    key: impl Fn(&Item<'a>) -> Option<K>,
) -> Vec<[Item<'a>; 2]> {
    let mut there: HashMap<K, [Vec<usize>; 2]> = HashMap::new();
    for (side, items) in [&*a, &*b].into_iter().enumerate() {
        for (at, item) in items.iter().enumerate() {
            if let Some(key) = key(item) {
                there.entry(key).or_default()[side].push(at);
            }
        }
    }
    let mut paired: Vec<[usize; 2]> =
        there.into_values().flat_map(|[of_a, of_b]| matched(of_a, of_b, a, b)).collect();
    paired.sort_unstable();
    let found = paired.iter().map(|[x, y]| [a[*x], b[*y]]).collect();
    let gone: [HashSet<usize>; 2] = [0, 1].map(|side| paired.iter().map(|pair| pair[side]).collect());
    for (items, gone) in [a, b].into_iter().zip(gone) {
        let mut at = 0..;
        items.retain(|_| !gone.contains(&at.next().expect("there is no end")));
    }
    found
}

/// What stands beside the bytes, flags and keywords in one spelling.
type Beside = (Option<Timestamp>, Option<Vec<String>>, Option<Vec<String>>);

pub(super) fn beside(message: &Message) -> Beside {
    let plain = |words: &Option<Vec<String>>| {
        words.as_ref().map(|words| {
            let mut plain: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
            plain.sort_unstable();
            plain.dedup();
            plain
        })
    };
    (message.date, plain(&message.flags), plain(&message.keywords))
}

/// Those that agree in all that stands beside them first, then in order.
fn matched(of_a: Vec<usize>, of_b: Vec<usize>, a: &[Item<'_>], b: &[Item<'_>]) -> Vec<[usize; 2]> {
    if let ([x], [y]) = (of_a.as_slice(), of_b.as_slice()) {
        return vec![[*x, *y]];
    }
    let mut free: HashMap<Beside, Vec<usize>> = HashMap::new();
    of_b.iter().rev().for_each(|y| free.entry(beside(b[*y].message)).or_default().push(*y));
    let (mut pairs, mut rest) = (Vec::new(), Vec::new());
    for x in of_a {
        match free.get_mut(&beside(a[x].message)).and_then(Vec::pop) {
            Some(y) => pairs.push([x, y]),
            None => rest.push(x),
        }
    }
    let mut free: Vec<usize> = free.into_values().flatten().collect();
    free.sort_unstable();
    pairs.extend(rest.into_iter().zip(free).map(|(x, y)| [x, y]));
    pairs
}
