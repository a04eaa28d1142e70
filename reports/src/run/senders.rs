//! The senders' ledger: its totals, and whether every message that was submitted is accounted for.

use super::model::Sender;
use crate::kit::figures::grouped;

/// All senders as one. It has no delay, for quantiles do not add.
#[must_use]
pub(crate) fn total(senders: &[Sender]) -> Sender {
    let sum = |of: fn(&Sender) -> u64| senders.iter().map(of).fold(0, u64::saturating_add);
    Sender {
        name: "all".to_owned(),
        submitted: sum(|sender| sender.submitted),
        stored: sum(|sender| sender.stored),
        late: sum(|sender| sender.late),
        queued: sum(|sender| sender.queued),
        bounced: sum(|sender| sender.bounced),
        given_up: sum(|sender| sender.given_up),
        lost: sum(|sender| sender.lost),
        told_wrongly: sum(|sender| sender.told_wrongly),
        delay: None,
    }
}

/// Whether every message of every sender is accounted for, and none is lost.
#[must_use]
pub(crate) fn holds(senders: &[Sender]) -> bool {
    senders.iter().all(|sender| is_even(sender) && sender.lost == 0)
}

/// The rule `submitted = stored + queued + bounced + given up + lost` with the numbers of these senders, and in words
/// what is wrong with them.
#[must_use]
pub(crate) fn sum_rule(senders: &[Sender]) -> String {
    let all = total(senders);
    let sign = if is_even(&all) { "=" } else { "is not" };
    let parts = [
        ("stored", all.stored),
        ("queued", all.queued),
        ("bounced", all.bounced),
        ("given up", all.given_up),
        ("lost", all.lost),
    ];
    let parts = parts.map(|(word, number)| format!("{word} {}", grouped(number)));
    let rule = format!("submitted {} {sign} {}", grouped(all.submitted), parts.join(" + "));
    let wrong = wrong(senders, &all);
    if wrong.is_empty() { rule } else { format!("{rule}: {}", wrong.join("; ")) }
}

fn wrong(senders: &[Sender], all: &Sender) -> Vec<String> {
    let uneven = senders.iter().filter(|sender| !is_even(sender));
    let uneven: Vec<&str> = uneven.map(|sender| sender.name.as_str()).collect();
    let sentences = [
        difference(all),
        (!uneven.is_empty()).then(|| format!("it does not add up for {}", uneven.join(", "))),
        (all.lost > 0).then(|| format!("{} lost, and nobody was told", were(all.lost))),
        (all.told_wrongly > 0).then(|| told_wrongly(all.told_wrongly)),
    ];
    sentences.into_iter().flatten().collect()
}

fn difference(all: &Sender) -> Option<String> {
    let (found, submitted) = (found(all), u128::from(all.submitted));
    let number = u64::try_from(found.abs_diff(submitted)).unwrap_or(u64::MAX);
    match found.cmp(&submitted) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(format!("{} not accounted for", are(number))),
        std::cmp::Ordering::Greater => Some(format!("{} counted that nobody submitted", are(number))),
    }
}

fn are(number: u64) -> String {
    messages(number, "is", "are")
}

fn were(number: u64) -> String {
    messages(number, "was", "were")
}

fn messages(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 message {one}"),
        _ => format!("{} messages {many}", grouped(number)),
    }
}

fn told_wrongly(number: u64) -> String {
    messages(
        number,
        "is stored although its author was told that it was not delivered",
        "are stored although their authors were told that they were not delivered",
    )
}

fn is_even(sender: &Sender) -> bool {
    found(sender) == u128::from(sender.submitted)
}

/// What the parts of the rule come to.
fn found(sender: &Sender) -> u128 {
    let Sender { stored, queued, bounced, given_up, lost, .. } = sender;
    [stored, queued, bounced, given_up, lost].into_iter().map(|part| u128::from(*part)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(name: &str, submitted: u64, stored: u64, given_up: u64) -> Sender {
        Sender { name: name.into(), submitted, stored, given_up, ..Sender::default() }
    }

    #[test]
    fn a_ledger_that_adds_up_is_an_equation() {
        assert_eq!(
            sum_rule(&[sender("postfix", 1_000, 990, 10), sender("qmail", 234, 234, 0)]),
            "submitted 1,234 = stored 1,224 + queued 0 + bounced 0 + given up 10 + lost 0"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            sum_rule(&[sender("postfix", 100, 95, 1), sender("qmail", 10, 10, 0)]),
            "submitted 110 is not stored 105 + queued 0 + bounced 0 + given up 1 + lost 0: \
             4 messages are not accounted for; it does not add up for postfix"
        );
    }

    #[test]
    fn errors_that_cancel_are_found() {
        let shown = sum_rule(&[sender("postfix", 10, 9, 0), sender("qmail", 10, 11, 0)]);
        assert!(shown.ends_with("lost 0: it does not add up for postfix, qmail"), "{shown}");
    }

    #[test]
    fn more_than_was_submitted_lost_mail_and_wrong_notices_are_said() {
        let odd = Sender { lost: 1, told_wrongly: 2, ..sender("postfix", 10, 10, 0) };
        assert!(
            sum_rule(&[odd]).ends_with(
                "1 message is counted that nobody submitted; it does not add up for postfix; \
                 1 message was lost, and nobody was told; 2 messages are stored although their authors were told that they were not delivered"
            ),
        );
    }

    #[test]
    fn the_rule_holds_if_all_is_accounted_for_and_nothing_lost() {
        let sound = sender("postfix", 10, 9, 1);
        let wrongly = Sender { told_wrongly: 1, ..sound.clone() };
        assert!(holds(&[]) && holds(&[sound.clone(), wrongly]));
        assert!(!holds(&[sound.clone(), sender("qmail", 10, 9, 0), sender("exim", 10, 11, 0)]));
        assert!(!holds(&[sound, Sender { lost: 1, ..sender("qmail", 10, 9, 0) }]));
    }

    #[test]
    fn numbers_beyond_reason_do_not_overflow() {
        let huge = sender("x", u64::MAX, u64::MAX, u64::MAX);
        assert!(sum_rule(&[huge.clone(), huge]).contains("is not"));
    }
}
