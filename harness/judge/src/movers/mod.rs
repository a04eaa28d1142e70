pub mod cut;
pub mod held;
pub mod row;
#[cfg(test)]
mod testing;
pub mod unsynced;
