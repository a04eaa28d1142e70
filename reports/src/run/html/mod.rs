pub(crate) mod availability;
pub(crate) mod difference;
pub(crate) mod evidence;
pub(crate) mod frame;
mod limits;
pub mod page;
mod plot;
pub(crate) mod plots;
pub(crate) mod states;
pub(crate) mod story_rows;
#[cfg(test)]
mod tests;
