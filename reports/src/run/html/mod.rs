pub mod availability;
pub mod difference;
pub mod evidence;
pub mod frame;
pub mod page;
mod plot;
pub mod plots;
pub mod states;
pub mod story_rows;
#[cfg(test)]
mod tests;
