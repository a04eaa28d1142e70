pub mod facts;
pub mod folder;
pub mod line;
pub mod partial;
pub mod reader;
pub mod writer;
