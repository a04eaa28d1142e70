//! Many losses that share one thing, said once: one stretch of time, whole users, a whole storage, the oldest mail, what is
//! large, who was not the first recipient, who is the last of a list, how body and header are written, every n-th message.
//!
//! It only adds words before the single losses; counts and verdict stay. A group is said to be lost if at least nine
//! tenths of it are and other groups exist that are not; all else is said only if it is true of every loss and of nothing
//! that is left.

use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::extension::Extension;
use record::ledger::entry::ClientOp;
use record::message::{Form, drawn, form};
use reports::kit::figures::{bytes, counted, grouped};
use std::collections::BTreeMap;

/// Fewer losses are told one by one.
const FEWEST: usize = 5;
const NAMES: usize = 5;

/// One acknowledged message that must be there.
#[derive(Clone, Copy, Debug)]
struct Kept {
    user: u32,
    place: u32,
    storage: Option<u32>,
    begun: Nanos,
    at: Nanos,
    /// Bytes.
    size: u32,
    /// It went to several users at once, and this one was not the first.
    later_recipient: bool,
    /// It went to a list, and this is the copy of its last member.
    last_of_list: bool,
    /// How the body is written; it is known of generated mail only.
    form: Option<Form>,
    /// Its header is in UTF-8.
    utf8: bool,
    lost: bool,
}

/// What the lost messages among the acknowledged ones have in common, if anything.
pub(crate) fn shared(case: &Case<'_>, lost: &[usize], all: &[usize]) -> Option<String> {
    let mail = mail(case, lost, all)?;
    let user = |id: u32| case.ledger.user_name(record::history::UserId(id));
    let storage = |id: u32| format!("storage `{}`", case.traces.storage_name(id));
    window(case, &mail)
        .or_else(|| from_then_on(case, &mail))
        .or_else(|| written_alike(&mail, "gone"))
        .or_else(|| last_of_lists(&mail))
        .or_else(|| by(case, &mail, |m| Some(m.user), ("user", "users"), user))
        .or_else(|| by(case, &mail, |m| m.storage, ("storage", "storages"), storage))
        .or_else(|| oldest(&mail))
        .or_else(|| large(&mail))
        .or_else(|| later_recipients(&mail))
        .or_else(|| every_nth(&mail))
}

/// What the damaged messages among the acknowledged ones that were read have in common, if anything.
pub(crate) fn damaged(case: &Case<'_>, damaged: &[usize], all: &[usize]) -> Option<String> {
    written_alike(&mail(case, damaged, all)?, "damaged")
}

/// The messages in time order, if enough of them are lost.
fn mail(case: &Case<'_>, lost: &[usize], all: &[usize]) -> Option<Vec<Kept>> {
    if lost.len() < FEWEST {
        return None;
    }
    let mut lost = lost.to_vec();
    lost.sort_unstable();
    let look = |&slot: &usize| message(case, slot, lost.binary_search(&slot).is_ok());
    let mut mail: Vec<Kept> = all.iter().filter_map(look).collect();
    mail.sort_unstable_by_key(|m| m.at);
    Some(mail)
}

fn message(case: &Case<'_>, slot: usize, lost: bool) -> Option<Kept> {
    let place = case.origin(slot)?;
    let attempt = case.spokesman(slot)?;
    let storage = case.traces.holders(attempt).first().map(|h| h.storage);
    let stored = case.messages.store(case.ledger, attempt)?;
    Some(Kept {
        user: case.ledger.user_of(place).0,
        place: place.0,
        storage,
        begun: stored.invoked,
        at: case.acknowledged_at(slot)?,
        size: stored.size,
        later_recipient: stored.carries.is_some_and(|token| token != attempt.message),
        last_of_list: case.ledger.groups.is_last_of_list(token(stored), stored.attempt),
        form: form_of(case, stored),
        utf8: needs(case, stored) == Some(Extension::Smtputf8),
        lost,
    })
}

/// Seed and token alone say it, and what several got at once has the token of the first.
fn form_of(case: &Case<'_>, stored: &ClientOp) -> Option<Form> {
    let generated = case.plan.workload.corpus.is_none();
    generated.then(|| form(case.plan.workload_seed(), token(stored), stored.size.into(), needs(case, stored)))
}

fn needs(case: &Case<'_>, stored: &ClientOp) -> Option<Extension> {
    let after = case.ledger.may_need(stored)?;
    drawn(after, case.plan.workload_seed(), token(stored))
}

fn token(stored: &ClientOp) -> Attempt {
    Attempt { message: stored.carries.unwrap_or(stored.attempt.message), n: stored.attempt.n }
}

/// Messages of one group.
#[derive(Clone, Copy, Default)]
struct Group {
    lost: u64,
    /// Acknowledged until the last that was lost, of any group: what came later was never in danger.
    early: u64,
    late: u64,
}

impl Group {
    fn is_lost(&self) -> bool {
        self.lost * 10 >= self.early * 9 && self.lost > self.late
    }
}

/// Whole groups are lost, and not all of them. `mail` is in time order.
fn by(
    case: &Case<'_>,
    mail: &[Kept],
    key: impl Fn(&Kept) -> Option<u32>,
    (one, many): (&str, &str),
    name: impl Fn(u32) -> String,
) -> Option<String> {
    let last = mail.iter().rposition(|m| m.lost)?;
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    for (index, message) in mail.iter().enumerate() {
        let group = groups.entry(key(message)?).or_default();
        group.lost += u64::from(message.lost);
        *(if index <= last { &mut group.early } else { &mut group.late }) += 1;
    }
    let total = groups.len();
    let hit: Vec<(u32, Group)> = groups.into_iter().filter(|(_, group)| group.is_lost()).collect();
    let sum = |count: fn(&Group) -> u64| hit.iter().map(|(_, group)| count(group)).sum::<u64>();
    let (lost, early, late) = (sum(|g| g.lost), sum(|g| g.early), sum(|g| g.late));
    if hit.len() == total || lost < FEWEST as u64 {
        return None;
    }
    let others = match mail.iter().filter(|m| m.lost).count() as u64 - lost {
        0 => format!("no other {one} lost any"),
        n => format!("other {many} lost {} in all", grouped(n)),
    };
    let messages = match lost == early {
        true => format!("All {}", counted(early, "message", "messages")),
        false => format!("{} of {}", grouped(lost), counted(early, "message", "messages")),
    };
    let until = format!(" acknowledged until {}", case.ledger.moment(mail[last].at));
    let until = if late == 0 { "" } else { &until };
    let names: Vec<String> = hit.iter().take(NAMES).map(|(id, _)| name(*id)).collect();
    Some(format!("{messages} of {}{until} are gone; {others}.", whose(&names, hit.len(), total, many)))
}

/// `user3`, or `2 of 20 users (user3, user7)`.
fn whose(names: &[String], hit: usize, total: usize, many: &str) -> String {
    let more = if hit > names.len() { " and others" } else { "" };
    match hit {
        1 => names.join(""),
        n => format!("{n} of {total} {many} ({}{more})", names.join(", ")),
    }
}

/// All that was acknowledged in one stretch of time is lost, and nothing before or after. `mail` is in time order.
fn window(case: &Case<'_>, mail: &[Kept]) -> Option<String> {
    let first = mail.iter().position(|m| m.lost)?;
    let last = mail.iter().rposition(|m| m.lost)?;
    if first == 0 || !mail[first..=last].iter().all(|m| m.lost) {
        return None;
    }
    let n = grouped((last - first + 1) as u64);
    let (from, to) = (case.ledger.moment(mail[first].at), case.ledger.moment(mail[last].at));
    Some(if last + 1 == mail.len() {
        format!(
            "The {n} lost messages are all that were acknowledged from {from} on, and none before is lost: as if \
             the store had gone back to then."
        )
    } else {
        format!(
            "The {n} lost messages are all that were acknowledged from {from} to {to}, and none before or \
             after is lost: as if the store had gone back once."
        )
    })
}

/// All that was acknowledged from an instant on is lost.
fn from_then_on(case: &Case<'_>, mail: &[Kept]) -> Option<String> {
    let Parted { from, after, sooner, earlier } = parted(mail)?;
    Some(format!(
        "All {} acknowledged from {} on are gone, and {} of those that were acknowledged shortly before; none of the {} \
         earlier ones.",
        counted(after as u64, "message", "messages"),
        case.ledger.moment(from),
        grouped(sooner as u64),
        grouped(earlier as u64)
    ))
}

/// How many were acknowledged when all were lost, and before that.
#[derive(Debug, PartialEq)]
struct Parted {
    from: Nanos,
    after: usize,
    /// Of the lost.
    sooner: usize,
    /// Of what is left, before the first that was lost.
    earlier: usize,
}

/// One instant parts what is lost from what is left, which each was under way at it or is on its side of it: what is left was begun
/// before anything of what is lost was acknowledged. `mail` is in time order.
fn parted(mail: &[Kept]) -> Option<Parted> {
    let last_left = mail.iter().rposition(|m| !m.lost)?;
    let (before, after) = mail.split_at(last_left + 1);
    let earlier = before.iter().position(|m| m.lost)?;
    let sooner = before.iter().filter(|m| m.lost).count();
    let begun = before.iter().filter(|m| !m.lost).map(|m| m.begun).max()?;
    (after.len() >= FEWEST && sooner < after.len() && begun <= mail[earlier].at).then(|| Parted {
        from: after[0].at,
        after: after.len(),
        sooner,
        earlier,
    })
}

/// In each mailbox that lost any, all that are lost are older than all that are left. `mail` is in time order.
fn oldest(mail: &[Kept]) -> Option<String> {
    let mut left: BTreeMap<u32, bool> = BTreeMap::new();
    for message in mail {
        let any = left.entry(message.place).or_default();
        if message.lost && *any {
            return None;
        }
        *any |= !message.lost;
    }
    let lost = mail.iter().filter(|m| m.lost);
    let some_left = lost.clone().any(|m| left[&m.place]);
    some_left.then(|| {
        format!(
            "The {} lost messages are the oldest of their mailboxes: each was acknowledged before all that are left \
             there.",
            grouped(lost.count() as u64)
        )
    })
}

/// What is lost is larger than all that is left.
fn large(mail: &[Kept]) -> Option<String> {
    let smallest = mail.iter().filter(|m| m.lost).map(|m| m.size).min()?;
    let left: Vec<u32> = mail.iter().filter(|m| !m.lost).map(|m| m.size).collect();
    let largest = left.iter().max()?;
    (left.len() >= FEWEST && *largest < smallest).then(|| {
        format!(
            "The {} lost messages are all that have {} or more; the largest of the {} that are left has {}.",
            grouped((mail.len() - left.len()) as u64),
            bytes(f64::from(smallest)),
            grouped(left.len() as u64),
            bytes(f64::from(*largest))
        )
    })
}

/// Who was the first, or the only one, to get a message at once with others has it.
fn later_recipients(mail: &[Kept]) -> Option<String> {
    let (later, first): (Vec<&Kept>, Vec<&Kept>) = mail.iter().partition(|m| m.later_recipient);
    let lost = later.iter().filter(|m| m.lost).count();
    let all = later.len();
    (first.len() >= FEWEST && first.iter().all(|m| !m.lost) && lost * 10 >= all * 9).then(|| {
        format!(
            "Of {} for users who were not the first of several to get a message at once, {} are gone; no other message is.",
            counted(all as u64, "copy", "copies"),
            grouped(lost as u64)
        )
    })
}

/// Of what was sent to lists the last members' copies are lost, and nothing else.
fn last_of_lists(mail: &[Kept]) -> Option<String> {
    let (last, others): (Vec<&Kept>, Vec<&Kept>) = mail.iter().partition(|m| m.last_of_list);
    let lost = last.iter().filter(|m| m.lost).count();
    let all = last.len();
    (lost > 0 && others.len() >= FEWEST && others.iter().all(|m| !m.lost) && lost * 10 >= all * 9).then(
        || {
            format!(
                "Of {} for the last member of a list, {} are gone; no other message is.",
                counted(all as u64, "copy", "copies"),
                grouped(lost as u64)
            )
        },
    )
}

/// The header or the body of what is lost is written as that of nothing else; `end` is what became of it.
fn written_alike(mail: &[Kept], end: &str) -> Option<String> {
    utf8_headers(mail, end).or_else(|| one_form(mail, end))
}

/// All losses have headers in UTF-8, and hardly any that has is left.
fn utf8_headers(mail: &[Kept], end: &str) -> Option<String> {
    let (utf8, others): (Vec<&Kept>, Vec<&Kept>) = mail.iter().partition(|m| m.utf8);
    let lost = utf8.iter().filter(|m| m.lost).count();
    let all = utf8.len();
    (lost > 0 && others.len() >= FEWEST && others.iter().all(|m| !m.lost) && lost * 10 >= all * 9).then(
        || {
            format!(
                "Of {} with UTF-8 headers, {} are {end}; of {} without them none is.",
                counted(all as u64, "message", "messages"),
                grouped(lost as u64),
                counted(others.len() as u64, "message", "messages")
            )
        },
    )
}

/// All losses have bodies of one form, and hardly any of that form is left.
fn one_form(mail: &[Kept], end: &str) -> Option<String> {
    let form = mail.iter().find(|m| m.lost)?.form?;
    let (same, others): (Vec<&Kept>, Vec<&Kept>) = mail.iter().partition(|m| m.form == Some(form));
    let lost = same.iter().filter(|m| m.lost).count();
    let all = same.len();
    (others.len() >= FEWEST && others.iter().all(|m| !m.lost) && lost * 10 >= all * 9).then(|| {
        format!(
            "Of {} {}, {} are {end}; of {} of other forms none is.",
            counted(all as u64, "message", "messages"),
            written(form),
            grouped(lost as u64),
            counted(others.len() as u64, "message", "messages")
        )
    })
}

fn written(form: Form) -> &'static str {
    match form {
        Form::Base64 => "whose body is base64",
        Form::EightBit => "whose body is 8-bit text",
        Form::QuotedPrintable => "whose body is quoted-printable",
        Form::Dotted => "whose body has lines that begin with a dot or end with a blank",
        Form::LongLines => "whose body has lines of 998 octets",
        Form::Empty => "without a body",
        Form::Binary => "whose body has NUL octets",
    }
}

/// In the order of the acknowledgements the losses stand equally far apart, but for what came at the same time. `mail` is in
/// time order.
fn every_nth(mail: &[Kept]) -> Option<String> {
    let places: Vec<usize> =
        mail.iter().enumerate().filter(|(_, m)| m.lost).map(|(place, _)| place).collect();
    let mut gaps: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let usual = *gaps.get(gaps.len() / 2)?;
    let slack = (usual / 5).max(1);
    let even = gaps.iter().all(|gap| gap.abs_diff(usual) <= slack);
    (usual > 2
        && even
        && places[0] <= usual + slack
        && mail.len() - places[places.len() - 1] <= usual + slack)
        .then(|| {
            format!(
                "About one in {usual} acknowledged messages is gone, evenly spread: {} of {}.",
                grouped(places.len() as u64),
                grouped(mail.len() as u64)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(of: impl Fn(usize) -> (u32, bool, bool)) -> Vec<Kept> {
        let kept = |n: usize| {
            let (size, later_recipient, lost) = of(n);
            let form = Some(Form::Base64);
            let (begun, at, utf8, last_of_list) = (Nanos(n as u64), Nanos(n as u64), false, false);
            let (user, place, storage) = (0, 0, None);
            Kept { user, place, storage, begun, at, size, later_recipient, last_of_list, form, utf8, lost }
        };
        (1..=100).map(kept).collect()
    }

    #[test]
    fn what_is_lost_for_its_size_is_said_with_both_sizes() {
        let large_ones = mail(|n| (n as u32 * 1_000, false, n > 64));
        insta::assert_snapshot!(large(&large_ones).unwrap(), @"The 36 lost messages are all that have 65.0 KB or more; the largest of the 64 that are left has 64.0 KB.");
        assert_eq!(large(&mail(|n| (n as u32 * 1_000, false, n > 64 || n == 3))), None);
        assert_eq!(large(&mail(|n| (n as u32, false, true))), None, "nothing is left");
    }

    #[test]
    fn an_instant_parts_what_is_lost_from_what_is_left_however_many_were_under_way() {
        let under_way = |each: u64, lost: fn(usize) -> bool| {
            let mut mail = mail(|n| (1, false, lost(n)));
            mail.iter_mut().for_each(|m| m.begun = Nanos(m.at.0.saturating_sub(each)));
            parted(&mail)
        };
        let one_was_faster = |n| n > 60 || n == 30;
        let parts = Parted { from: Nanos(61), after: 40, sooner: 1, earlier: 29 };
        assert_eq!(under_way(30, one_was_faster), Some(parts));
        assert_eq!(
            under_way(29, one_was_faster),
            None,
            "the last that is left was begun after a loss was acknowledged"
        );
        assert_eq!(under_way(90, |n| n % 2 == 0), None, "nothing is left after no instant");
    }

    #[test]
    fn what_later_recipients_lost_is_said() {
        let later = mail(|n| (1, n % 7 == 0, n % 7 == 0));
        insta::assert_snapshot!(later_recipients(&later).unwrap(), @"Of 14 copies for users who were not the first of several to get a message at once, 14 are gone; no other message is.");
        assert_eq!(later_recipients(&mail(|n| (1, n % 7 == 0, n % 7 == 0 || n == 1))), None);
        assert_eq!(later_recipients(&mail(|n| (1, n % 7 == 0, n % 14 == 0))), None, "only half of them");
    }

    #[test]
    fn what_the_last_members_of_lists_lost_is_said() {
        let said = |lost: fn(usize) -> bool| {
            let mut mail = mail(|n| (1, false, lost(n)));
            mail.iter_mut().skip(6).step_by(7).for_each(|m| m.last_of_list = true);
            last_of_lists(&mail)
        };
        insta::assert_snapshot!(said(|n| n % 7 == 0).unwrap(), @"Of 14 copies for the last member of a list, 14 are gone; no other message is.");
        assert_eq!(said(|n| n % 14 == 0), None, "half of them");
        assert_eq!(said(|n| n % 7 == 0 || n == 1), None, "another as well");
    }

    /// Every seventh message has this form.
    fn of_form(form: Option<Form>, lost: impl Fn(usize) -> bool) -> Vec<Kept> {
        let mut mail = mail(|n| (1, false, lost(n)));
        mail.iter_mut().skip(6).step_by(7).for_each(|m| m.form = form);
        mail
    }

    #[test]
    fn what_one_form_of_body_lost_is_said_with_its_name() {
        let said = |form| one_form(&of_form(Some(form), |n| n % 7 == 0), "gone").unwrap_or_default();
        let others =
            [Form::QuotedPrintable, Form::Dotted, Form::LongLines, Form::Empty, Form::Binary].map(said);
        let named: Vec<_> = others.iter().filter_map(|words| words.split(", 14 are gone").next()).collect();
        insta::assert_snapshot!(said(Form::EightBit), @"Of 14 messages whose body is 8-bit text, 14 are gone; of 86 messages of other forms none is.");
        insta::assert_snapshot!(named.join("\n"), @r"
        Of 14 messages whose body is quoted-printable
        Of 14 messages whose body has lines that begin with a dot or end with a blank
        Of 14 messages whose body has lines of 998 octets
        Of 14 messages without a body
        Of 14 messages whose body has NUL octets
        ");
        insta::assert_snapshot!(
            one_form(&of_form(Some(Form::Binary), |n| n % 7 == 0), "damaged").unwrap(),
            @"Of 14 messages whose body has NUL octets, 14 are damaged; of 86 messages of other forms none is."
        );
    }

    #[test]
    fn what_utf8_headers_lost_is_said() {
        let said = |lost: fn(usize) -> bool| {
            let mut mail = mail(|n| (1, false, lost(n)));
            mail.iter_mut().skip(6).step_by(7).for_each(|m| m.utf8 = true);
            utf8_headers(&mail, "gone")
        };
        insta::assert_snapshot!(said(|n| n % 7 == 0).unwrap(), @"Of 14 messages with UTF-8 headers, 14 are gone; of 86 messages without them none is.");
        assert_eq!(said(|n| n % 14 == 0), None, "half of them");
        assert_eq!(said(|n| n % 7 == 0 || n == 1), None, "another as well");
    }

    #[test]
    fn a_form_is_named_only_if_it_lost_nearly_all_and_no_other_lost_any() {
        let said = |lost: fn(usize) -> bool| one_form(&of_form(Some(Form::EightBit), lost), "gone");
        assert!(said(|n| n % 7 == 0 && n != 7).is_some(), "13 of 14");
        assert_eq!(said(|n| n % 14 == 0), None, "half of them");
        assert_eq!(said(|n| n % 7 == 0 || n == 1), None, "another form as well");
        assert_eq!(said(|_| true), None, "nothing is left");
        assert_eq!(one_form(&of_form(None, |n| n % 7 == 0), "gone"), None, "real mail");
    }

    #[test]
    fn every_twentieth_is_said_also_if_some_came_at_the_same_time() {
        let exact = mail(|n| (1, false, n % 20 == 0));
        insta::assert_snapshot!(every_nth(&exact).unwrap(), @"About one in 20 acknowledged messages is gone, evenly spread: 5 of 100.");
        assert!(every_nth(&mail(|n| (1, false, [20, 41, 60, 79, 99].contains(&n)))).is_some());
        assert_eq!(every_nth(&mail(|n| (1, false, [20, 41, 60, 70, 99].contains(&n)))), None);
        assert_eq!(every_nth(&mail(|n| (1, false, (50..56).contains(&n)))), None, "a stretch of time");
    }
}
