//! stub
use super::Place;
pub struct CaseOutcome;
pub struct Cases;
