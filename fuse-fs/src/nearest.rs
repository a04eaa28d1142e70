//! "Did you mean": the known word closest to a misspelt one, by letters added, dropped, replaced, or two neighbours
//! exchanged.

use strsim::osa_distance;

/// The candidate fewest edits away from `word`, if it is near enough to be a misspelling of it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_and_refuses_the_far() {
        assert_eq!(nearest("fsnyc", ["read", "fsync"]), Some("fsync"));
        assert_eq!(nearest("fsyn", ["read", "fsync"]), Some("fsync"));
        assert_eq!(nearest("ENOSPCE", ["EIO", "ENOSPC"]), Some("ENOSPC"));
        assert_eq!(nearest("banana", ["read", "fsync"]), None);
    }
}
