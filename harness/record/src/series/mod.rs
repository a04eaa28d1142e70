pub mod book;
pub mod content;
pub mod damage;
pub mod line;
pub mod log;
pub mod standing;
pub mod stream;
