//! The smallest sequence that still shows a difference: calls are left out as long as it does.

use super::sequence::Sequence;

/// Trials of smaller sequences, each with cuts of its own.
const MOST_TRIALS: usize = 30;

/// The smallest one for which `differs` gives something, with that. `differs` answers `None` too where a call fails that needed
/// another.
pub(super) fn smallest<T>(
    sequence: Sequence,
    found: T,
    mut differs: impl FnMut(&Sequence) -> Option<T>,
) -> (Sequence, T) {
    let (mut smallest, mut trials) = ((sequence, found), 0);
    let mut size = smallest.0.before.len() + smallest.0.calls.len();
    while size > 0 {
        let mut at = 0;
        while let Some(smaller) = without(&smallest.0, at, size) {
            if trials == MOST_TRIALS {
                return smallest;
            }
            trials += 1;
            match differs(&smaller) {
                Some(found) => smallest = (smaller, found),
                None => at += size,
            }
        }
        size /= 2;
    }
    smallest
}

/// Without `size` calls from the `at`th on, those before counted too.
fn without(sequence: &Sequence, at: usize, size: usize) -> Option<Sequence> {
    let (before, all) = (sequence.before.len(), sequence.before.len() + sequence.calls.len());
    if at >= all || size >= all {
        return None;
    }
    let kept = |nth: usize| nth < at || nth >= at + size;
    let of = |calls: &[super::call::Call], from: usize| {
        calls.iter().enumerate().filter(|(nth, _)| kept(from + nth)).map(|(_, call)| call.clone()).collect()
    };
    Some(Sequence { before: of(&sequence.before, 0), calls: of(&sequence.calls, before) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::call::Call;

    #[test]
    fn calls_are_left_out_while_the_difference_stays() {
        let names = ["a/A", "a/B", "a/C", "b/A", "b/B"];
        let sequence = Sequence { before: vec![Call::Mkdir("a/d")], calls: names.map(Call::Unlink).to_vec() };
        let has = |sequence: &Sequence, path| sequence.calls.contains(&Call::Unlink(path));
        let (smallest, found) =
            smallest(sequence, 0, |sequence| (has(sequence, "a/B") && has(sequence, "b/A")).then_some(1));
        assert_eq!((smallest.to_string().as_str(), found), ("do  unlink a/B; unlink b/A", 1));
    }
}
