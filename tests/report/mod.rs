//! Cards as people read them. Each snapshot is the plain text of one card, or of several of a
//! kind; `INSTA_UPDATE=always cargo test report` writes them anew.

mod answers;
mod deployments;
mod ends;
mod refusals;
mod status;
mod stories;
mod world;
