/// The middle one, of two the larger.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn of_nothing_there_is_none_and_of_two_it_is_the_larger() {
        assert_eq!(
            [vec![], vec![2.0, 1.0], vec![9.0, 1.0, 3.0]].map(|all| median(all.into_iter())),
            [None, Some(2.0), Some(3.0)]
        );
    }
}
