pub mod availability;
pub mod difference;
pub mod evidence;
pub mod frame;
pub mod page;
pub mod plots;
pub mod states;
pub mod story;
#[cfg(test)]
mod tests;
