pub mod binomial;
pub mod fisher;
