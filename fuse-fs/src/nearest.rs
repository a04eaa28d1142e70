//! "Did you mean": the known word closest to a misspelt one.

/// The candidate fewest edits away from `word`, if it is near enough to be a misspelling of it.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_and_refuses_the_far() {
        assert_eq!(nearest("fsnyc", ["read", "fsync"]), None, "two edits in five letters is a guess");
        assert_eq!(nearest("fsyn", ["read", "fsync"]), Some("fsync"));
        assert_eq!(nearest("ENOSPCE", ["EIO", "ENOSPC"]), Some("ENOSPC"));
        assert_eq!(nearest("banana", ["read", "fsync"]), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
