//! Discord, through serenity. What a promotion is or who may do what is not known here.

pub mod relay;
