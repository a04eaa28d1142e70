//! One user of both sides.

use super::named::Named;
use super::pairs::{Item, Pairs, beside, pairs};
use record::inventory::folder::FolderName;
use record::inventory::line::Message;
use record::inventory::reader::UserMail;
use reports::stores::{Kind, Sums};
use std::collections::BTreeSet;

/// What is known of the user on each side, and whether who is absent is known not to be there.
pub(super) struct Sides<'a> {
    pub(super) user: &'a str,
    pub(super) a: &'a UserMail,
    pub(super) b: &'a UserMail,
    /// The side that did not ask for the user.
    pub(super) not_asked: Option<&'static str>,
}

/// Folders whose UIDs were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uids {
    pub(super) folders_kept: u64,
    pub(super) folders_anew: u64,
}

pub(super) fn compare(sides: &Sides<'_>, named: &mut Named, uids: &mut Uids) -> Sums {
    let Sides { user, a, b, not_asked } = sides;
    a.unread.iter().for_each(|unread| named.unread("A", user, unread));
    b.unread.iter().for_each(|unread| named.unread("B", user, unread));
    let found = pairs(a, b);
    count_uids(&found, uids);
    let mut sums = Sums {
        a: a.folders.iter().map(|folder| folder.messages.len() as u64).sum(),
        b: b.folders.iter().map(|folder| folder.messages.len() as u64).sum(),
        moved: found.moved.len() as u64,
        changed: found.changed.len() as u64,
        ..Sums::default()
    };
    in_place(user, &found, named, &mut sums);
    elsewhere(user, &found, named);
    match not_asked {
        Some(side) => not_known(user, side, &found, named, &mut sums),
        None => {
            only_a(sides, &found, named, &mut sums);
            only_b(sides, &found, named, &mut sums);
            folders(sides, named);
            subscriptions(sides, named);
        }
    }
    sums
}

fn in_place(user: &str, found: &Pairs<'_>, named: &mut Named, sums: &mut Sums) {
    for [x, y] in &found.in_place {
        match attributes(user, x, y, named) {
            Told::Same => sums.same += 1,
            Told::Other => sums.altered += 1,
            Told::Partly => sums.partly += 1,
        }
    }
}

fn elsewhere(user: &str, found: &Pairs<'_>, named: &mut Named) {
    for [x, y] in &found.moved {
        named.message(Kind::Moved, user, x, || format!("in B it is in {}{}", y.folder, uid(y.message)));
        attributes(user, x, y, named);
    }
    for [x, y] in &found.changed {
        let sizes = [x, y].map(|item| item.message.facts.size);
        let how = match sizes[0] == sizes[1] {
            true => format!("other bytes, as many: {}", sizes[0]),
            false => format!("{} bytes became {}", sizes[0], sizes[1]),
        };
        let place = if x.folder == y.folder { String::new() } else { format!(" {}", y.folder) };
        named.message(Kind::Changed, user, x, || format!("{how}; in B it is{place}{}", uid(y.message)));
        attributes(user, x, y, named);
    }
}

fn uid(message: &Message) -> String {
    message.uid.map_or(" without a UID".to_owned(), |uid| format!(" UID {uid}"))
}

enum Told {
    Same,
    Other,
    Partly,
}

fn attributes(user: &str, x: &Item<'_>, y: &Item<'_>, named: &mut Named) -> Told {
    let ((date_x, flags_x, keywords_x), (date_y, flags_y, keywords_y)) =
        (beside(x.message), beside(y.message));
    let mut told = Told::Same;
    let mut untold: Vec<&str> = Vec::new();
    let mut look = |name, kind, agree: Option<bool>, what: &dyn Fn() -> String| match agree {
        Some(true) => {}
        Some(false) => {
            told = Told::Other;
            named.message(kind, user, x, what);
        }
        None => untold.push(name),
    };
    let words = |words: &Option<Vec<String>>| words.as_deref().unwrap_or_default().join(" ");
    look("flags", Kind::Flags, agree(&flags_x, &flags_y), &|| {
        format!("`{}` became `{}`", words(&x.message.flags), words(&y.message.flags))
    });
    look("keywords", Kind::Keywords, agree(&keywords_x, &keywords_y), &|| {
        format!("`{}` became `{}`", words(&x.message.keywords), words(&y.message.keywords))
    });
    look("date", Kind::Dates, agree(&date_x, &date_y), &|| {
        let of = |message: &Message| message.date.map(|date| date.to_string()).unwrap_or_default();
        format!("{} became {}", of(x.message), of(y.message))
    });
    if untold.is_empty() {
        return told;
    }
    named.message(Kind::Partly, user, x, || format!("one side does not tell: {}", untold.join(", ")));
    match told {
        Told::Same => Told::Partly,
        Told::Other | Told::Partly => told,
    }
}

/// None if one side does not tell.
fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> Option<bool> {
    Some(a.as_ref()? == b.as_ref()?)
}

fn only_a(sides: &Sides<'_>, found: &Pairs<'_>, named: &mut Named, sums: &mut Sums) {
    for item in &found.only_a {
        if blind(sides.b, item.folder) {
            sums.untold_a += 1;
            named.message(Kind::Untold, sides.user, item, || "B was not read where it may be".to_owned());
            continue;
        }
        sums.missing += 1;
        let twin = found.digests_b.contains(&item.message.facts.digest);
        named.message(Kind::Missing, sides.user, item, || match twin {
            true => "B has fewer copies of it than A".to_owned(),
            false => "it is not in B".to_owned(),
        });
    }
}

fn only_b(sides: &Sides<'_>, found: &Pairs<'_>, named: &mut Named, sums: &mut Sums) {
    for item in &found.only_b {
        if blind(sides.a, item.folder) {
            sums.untold_b += 1;
            named.message(Kind::Untold, sides.user, item, || {
                "it is in B, and A was not read where it may be".to_owned()
            });
        } else if found.digests_a.contains(&item.message.facts.digest) {
            sums.doubled += 1;
            named.message(Kind::Doubled, sides.user, item, || "B has more copies of it than A".to_owned());
        } else {
            sums.extra += 1;
            named.message(Kind::Extra, sides.user, item, || "it is not in A".to_owned());
        }
    }
}

/// This side was not read in full where the message belongs.
fn blind(mail: &UserMail, folder: &FolderName) -> bool {
    mail.unread.iter().any(|unread| unread.folder.as_ref().is_none_or(|unread| unread == folder))
}

/// A side whose list of users does not have this one proves nothing of the mail.
fn not_known(user: &str, side: &str, found: &Pairs<'_>, named: &mut Named, sums: &mut Sums) {
    sums.untold_a += found.only_a.len() as u64;
    sums.untold_b += found.only_b.len() as u64;
    let what = format!("{side} was not asked for this user, who is not in its list");
    named.place(Kind::Unread, user, None, &what);
}

fn folders(sides: &Sides<'_>, named: &mut Named) {
    let names = |mail: &UserMail| -> BTreeSet<FolderName> {
        let unread = mail.unread.iter().filter_map(|unread| unread.folder.clone());
        mail.folders.iter().map(|folder| folder.folder.clone()).chain(unread).collect()
    };
    let (a, b) = (names(sides.a), names(sides.b));
    let lists_all = |mail: &UserMail| mail.unread.iter().all(|unread| unread.folder.is_some());
    if lists_all(sides.b) {
        let gone = a.difference(&b);
        gone.for_each(|name| named.place(Kind::Folders, sides.user, Some(name), "the folder is not in B"));
    }
    if lists_all(sides.a) {
        let new = b.difference(&a);
        new.for_each(|name| {
            named.place(Kind::ExtraFolders, sides.user, Some(name), "the folder is not in A");
        });
    }
}

fn subscriptions(sides: &Sides<'_>, named: &mut Named) {
    let set = |mail: &UserMail| -> Option<BTreeSet<String>> {
        mail.subscriptions.as_ref().map(|all| all.iter().map(FolderName::to_string).collect())
    };
    let (Some(a), Some(b)) = (set(sides.a), set(sides.b)) else {
        return named.place(Kind::Partly, sides.user, None, "one side does not tell subscriptions");
    };
    let listed = |names: BTreeSet<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let (gone, new) = (listed(a.difference(&b).collect()), listed(b.difference(&a).collect()));
    let words = [(gone, "no longer subscribed"), (new, "newly subscribed")];
    let words: Vec<String> = words
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, what)| format!("{what}: {names}"))
        .collect();
    if !words.is_empty() {
        named.place(Kind::Subscriptions, sides.user, None, &words.join("; "));
    }
}

/// Whether messages that stayed in their folders kept their UIDs under the same UIDVALIDITY.
fn count_uids(found: &Pairs<'_>, uids: &mut Uids) {
    let with_uids = found.in_place.iter().filter(|[x, y]| x.message.uid.is_some() && y.message.uid.is_some());
    let (mut all, mut anew) = (BTreeSet::new(), BTreeSet::new());
    for [x, y] in with_uids {
        all.insert(x.folder);
        if x.validity != y.validity || x.message.uid != y.message.uid {
            anew.insert(x.folder);
        }
    }
    uids.folders_anew += anew.len() as u64;
    uids.folders_kept += (all.len() - anew.len()) as u64;
}
