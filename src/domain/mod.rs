//! The words of Shipmate as types. Imports no other module; no I/O, clock, randomness or async.
