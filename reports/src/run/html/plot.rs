/// A picture, and what its colours mean: (class, words).
pub(crate) struct Plot {
    pub(super) title: &'static str,
    pub(super) about: String,
    pub(super) legend: Vec<(&'static str, String)>,
    pub(super) svg: String,
}

pub(super) const HEIGHT: f64 = 190.0;
