pub mod compare;
mod named;
mod pairs;
#[cfg(test)]
mod tests;
mod user;
