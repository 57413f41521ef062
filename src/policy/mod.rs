//! Policies in Cedar to verdicts and requirements. Imports only `domain`; reads no files and
//! knows no clock: texts and facts are handed in.

mod annotations;
mod case_file;
mod cases;
mod decide;
mod error;
mod load;
mod nearest;
mod request;
mod roles;
mod source;

pub use cases::{CaseOutcome, Cases};
pub use error::{EvaluationFailure, LoadError, LoadErrors, PolicyError};
pub use load::Policies;
pub use source::{Place, Source, Sources};
