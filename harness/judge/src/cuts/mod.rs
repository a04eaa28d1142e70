pub mod compare;
mod fold;
pub mod judge;
mod machine;
mod phrases;
#[cfg(test)]
mod tests;
