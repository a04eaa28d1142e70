//! What a Fermoposta result is ([`model`]) and how it looks. Rendering is a pure function of the model.

pub mod model;
