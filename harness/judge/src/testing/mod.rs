#[cfg(test)]
pub(crate) mod run_dir;
#[cfg(test)]
pub(crate) mod story;
